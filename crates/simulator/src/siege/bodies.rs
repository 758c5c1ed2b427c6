//! B1: bodies under unknown tokens, unfinished bodies, unfinished frames.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, stream};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep, sleep_until},
};

use super::{
    attack::{Attack, Counts, DoorIs, Outcome, add},
    caller::crowd,
    ground::Ground,
    socket::{End, Socket, drained},
};
use crate::SimulatorError;

/// How many are opened at once.
const AT_ONCE: usize = 64;
/// A body may take 10 s to arrive, and its sender has 10 s more to read the refusal; the rest is for the machine.
const ENDED: Duration = Duration::from_secs(25);
/// The server ends an unfinished frame at the second heartbeat of 25 s.
const FRAMES_ENDED: Duration = Duration::from_secs(60);

pub const UNKNOWN: Attack = Attack {
    name: "B1 unknown tokens",
    what: |size| format!("{} bodies of 1 MiB of numbers, 32 at once, under an unknown token or none", size.of(400, 96)),
    bound: "not read, or 16 KiB",
    door: DoorIs::Open,
    run: |ground| unknown(ground).boxed(),
};

pub const ENDLESS: Attack = Attack {
    name: "B1 endless bodies",
    what: |size| format!("{} bodies that never end, half of strangers, half under a key", size.of(1_500, 300)),
    bound: "8 MiB of strangers, 32 MiB of a workspace, 10 s",
    door: DoorIs::Open,
    run: |ground| endless(ground).boxed(),
};

pub const FRAMES: Attack = Attack {
    name: "B1 endless frames",
    what: |size| format!("{} sockets with an unfinished message of 1 MiB, half of strangers", size.of(1_000, 200)),
    bound: "16 KiB and 10 s of a stranger, 32 MiB of a workspace, two heartbeats",
    door: DoorIs::Open,
    run: |ground| frames(ground).boxed(),
};

async fn unknown(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let numbers = "0,".repeat(520_000);
    let body = format!("{{\"query\":\"{{ head }}\",\"variables\":{{\"x\":[{numbers}0]}}}}");
    let body = Arc::new(body.into_bytes());
    let each = ground.size.of(400, 96) / 32;
    let got = crowd(32, |client| {
        let (caller, body, canary) = (ground.attacker(client), Arc::clone(&body), ground.canary.clone());
        async move {
            let mut got = Counts::new();
            for number in 0..each {
                let token = format!("ik_{canary}");
                let token = (number % 4 != 0).then_some(token.as_str());
                *got.entry(caller.ask(&mut None, token, &body).await.0).or_default() += 1;
            }
            got
        }
    })
    .await;
    let mut outcome = Outcome::of(got);
    let let_in = outcome.got.get("200").copied().unwrap_or(0);
    outcome.must(let_in == 0, format!("{let_in} were answered"));
    Ok(outcome)
}

async fn endless(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let count = ground.size.of(1_500, 300);
    let opening = stream::iter(0..count).map(|number| {
        let (caller, key) = (ground.attacker(number % 8), ground.key(number));
        async move {
            let mut stream = caller.connect(false).await.ok()?;
            let is_stranger = number % 2 == 0;
            let (token, length, some) =
                if is_stranger { (None, 16_000, 12_000) } else { (Some(key), 1_000_000, 900_000) };
            let mut beginning = caller.head(token.as_deref(), length).into_bytes();
            beginning.resize(beginning.len() + some, b' ');
            // A sender that is refused while it sends gets the answer.
            let _ = tokio::time::timeout(Duration::from_secs(5), stream.write_all(&beginning)).await;
            Some(stream)
        }
    });
    let begun = Instant::now();
    let opened: Vec<_> = opening.buffer_unordered(AT_ONCE).collect().await;
    let mut outcome = Outcome::default();
    outcome.count("no connection", opened.iter().filter(|one| one.is_none()).count());
    let mut held: Vec<_> = opened.into_iter().flatten().collect();
    if ground.size.is_full() {
        sleep_until(begun.max(Instant::now()) + ENDED).await;
    } else {
        sleep(Duration::from_secs(3)).await;
    }
    let (mut over, mut stand) = (0, 0);
    for stream in &mut held {
        match drained(stream, 64 << 10, Duration::from_millis(5)).await {
            End::CutOff => over += 1,
            End::Stands => stand += 1,
        }
    }
    outcome.count("ended", over);
    outcome.count("standing", stand);
    outcome.must(!ground.size.is_full() || stand == 0, format!("{stand} stand after {ENDED:?}"));
    Ok(outcome)
}

async fn frames(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let count = ground.size.of(1_000, 200);
    let opening = stream::iter(0..count).map(|number| {
        let (caller, key) = (ground.attacker(number % 8), ground.key(number));
        async move {
            let is_stranger = number % 2 == 0;
            let opened =
                if is_stranger { Socket::open(&caller, false).await } else { Socket::of(&caller, &key, false).await };
            let mut socket = opened?;
            let some = vec![b' '; if is_stranger { 15_000 } else { 900_000 }];
            // A sender that is cut off while it sends gets the answer.
            let _ = tokio::time::timeout(Duration::from_secs(5), socket.begin(1_000_000, &some)).await;
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
    sleep(if ground.size.is_full() { FRAMES_ENDED } else { Duration::from_secs(3) }).await;
    let (mut over, mut stand) = (0, 0);
    for socket in &mut held {
        match socket.end(64 << 10, Duration::from_millis(5)).await {
            End::CutOff => over += 1,
            End::Stands => stand += 1,
        }
    }
    outcome.count("ended", over);
    outcome.count("standing", stand);
    outcome.must(!ground.size.is_full() || stand == 0, format!("{stand} stand after {FRAMES_ENDED:?}"));
    Ok(outcome)
}
