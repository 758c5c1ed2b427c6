//! C3: clients that do not read, over sockets and HTTP, and subscriptions with large variables.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, stream};
use serde_json::json;
use tokio::{io::AsyncWriteExt, time::sleep};

use super::{
    attack::{Attack, Counts, DoorIs, Outcome, add},
    caller::operation,
    ground::Ground,
    socket::{End, Socket, drained},
};
use crate::SimulatorError;

/// How many are opened at once.
const AT_ONCE: usize = 32;
/// The server cuts off an unread socket after 10 s and an unread answer after 30 s; the rest is for the machine. The
/// server writes 64 MiB of a workspace at once, so the last of 200 sockets are written to, and cut off, in the fourth
/// round.
const SOCKETS_ENDED: Duration = Duration::from_secs(50);
const ANSWERS_ENDED: Duration = Duration::from_secs(45);
/// How long the client reads then.
const LOOK: Duration = Duration::from_secs(2);
/// More bytes than the kernel's buffers hold.
const MORE: usize = 12 << 20;

pub const SOCKETS: Attack = Attack {
    name: "C3 unread sockets",
    what: |size| format!("{} sockets follow large messages and read nothing", size.of(200, 12)),
    bound: "1 MiB a connection beside one frame, 64 MiB a workspace; cut off after 10 s",
    door: DoorIs::Open,
    run: |ground| sockets(ground).boxed(),
};

pub const ANSWERS: Attack = Attack {
    name: "C3 unread answers",
    what: |size| format!("{} answers of {} MB over HTTP that nobody reads", size.of(200, 12), size.of("7", "1.2")),
    bound: "64 MiB a workspace; 30 s without progress",
    door: DoorIs::Open,
    run: |ground| answers(ground).boxed(),
};

pub const STANDING: Attack = Attack {
    name: "C3 standing",
    what: |size| {
        let count = size.of(400, 80);
        format!("{count} subscriptions with 0.5 MB of variables each, half of them declared, while events come")
    },
    bound: "what the document declares of its variables",
    door: DoorIs::Open,
    run: |ground| standing(ground).boxed(),
};

fn count(outcome: &mut Outcome, ends: &[End]) {
    for end in ends {
        outcome.count(if *end == End::CutOff { "cut off" } else { "standing" }, 1);
    }
}

async fn sockets(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let before = ground.large().await?.before.clone();
    let query =
        "subscription($after: Cursor) { events(after: $after) { ... on Event { id payload message { content } } } }";
    let subscribe = json!({ "id": "1", "type": "subscribe",
        "payload": { "query": query, "variables": { "after": before } } });
    let opening = stream::iter(0..ground.size.of(200, 12)).map(|number| {
        let (caller, key, subscribe) = (ground.attacker(number % 8), ground.key(number), &subscribe);
        async move {
            let mut socket = Socket::of(&caller, &key, true).await?;
            socket.text(subscribe).await.map_err(|_| "cut off".to_owned())?;
            Ok::<_, String>(socket)
        }
    });
    let opened: Vec<_> = opening.buffer_unordered(AT_ONCE).collect().await;
    let mut outcome = Outcome::default();
    let mut held = Vec::new();
    for one in opened {
        match one {
            Ok(socket) => held.push(socket),
            Err(word) => add(&mut outcome.got, Counts::from([(word, 1)])),
        }
    }
    sleep(if ground.size.is_full() { SOCKETS_ENDED } else { Duration::from_secs(4) }).await;
    if ground.size.is_full() {
        let ending = stream::iter(held).map(|mut socket| async move { socket.end(MORE, LOOK).await });
        count(&mut outcome, &ending.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await);
        let stand = outcome.times("standing");
        outcome.must(stand == 0, format!("{stand} stand after {SOCKETS_ENDED:?}"));
    } else {
        outcome.count("unread", held.len());
    }
    Ok(outcome)
}

async fn answers(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let conversation = ground.large().await?.conversation.clone();
    let query = "query($id: ID!) { conversation(id: $id) { messages(last: 8) { nodes { content } } } }";
    let body = operation(query, json!({ "id": conversation }));
    let opening = stream::iter(0..ground.size.of(200, 12)).map(|number| {
        let caller = ground.attacker(number % 8);
        let mut request = caller.head(Some(&ground.key(number)), body.len()).into_bytes();
        request.extend_from_slice(&body);
        async move {
            let mut stream = caller.connect(true).await.ok()?;
            stream.write_all(&request).await.ok()?;
            Some(stream)
        }
    });
    let held: Vec<_> = opening.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
    sleep(if ground.size.is_full() { ANSWERS_ENDED } else { Duration::from_secs(5) }).await;
    let mut outcome = Outcome::default();
    if ground.size.is_full() {
        let ending = stream::iter(held).map(|mut stream| async move { drained(&mut stream, 7_000_000, LOOK).await });
        count(&mut outcome, &ending.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await);
        let stand = outcome.times("standing");
        outcome.must(stand == 0, format!("{stand} stand after {ANSWERS_ENDED:?}"));
    } else {
        outcome.count("unread", held.len());
    }
    Ok(outcome)
}

async fn standing(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    // As many ids of a list as a socket's message may have values.
    let ids = vec!["conv_00000000000000000000000000"; 16_000];
    let declared = json!({ "query": "subscription($ids: [ID!]!) { events(filter: {conversationId: $ids}) { __typename } }",
        "variables": { "ids": ids } });
    let undeclared =
        json!({ "query": "subscription { events { __typename } }", "variables": { "x": "x".repeat(500_000) } });
    let (sockets, each) = ground.size.of((8, 50), (4, 20));
    let mut outcome = Outcome::default();
    let mut held = Vec::new();
    for number in 0..sockets {
        match Socket::of(&ground.attacker(number), &ground.key(number), false).await {
            Ok(socket) => held.push(socket),
            Err(word) => outcome.count(word, 1),
        }
    }
    for number in 0..each {
        for socket in &mut held {
            let payload = if number % 2 == 0 { &declared } else { &undeclared };
            let sent = socket.text(&json!({ "id": number.to_string(), "type": "subscribe", "payload": payload })).await;
            outcome.count(if sent.is_ok() { "subscribed" } else { "cut off" }, 1);
        }
    }
    let event = |number: usize| ground.message(number, &format!("standing-{number}"), &ground.canary);
    ground.fill((0..20).map(event).collect()).await?;
    sleep(ground.size.seconds(5, 2)).await;
    for socket in &mut held {
        let heard = socket.heard(Duration::from_millis(500)).await;
        let times = |text: &str| heard.matches(text).count();
        outcome.count("events", times("\"type\":\"next\""));
        outcome.count("refused", times("\"type\":\"error\""));
        let code = heard.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
        if let Some(code) = code {
            outcome.count(format!("refused with {code}"), 1);
        }
    }
    Ok(outcome)
}
