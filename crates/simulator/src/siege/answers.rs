//! C1 and C2: answers of many large messages, and work that never waits.

use std::{fmt::Write, sync::Arc, time::Duration};

use futures::FutureExt;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    attack::{Attack, Counts, DoorIs, Outcome},
    caller::{TOO_LONG, crowd, hammer, operation},
    ground::Ground,
};
use crate::SimulatorError;

/// `--operation-seconds`, and as long again for the machine.
const OPERATION: Duration = Duration::from_secs(22);

pub const LARGE: Attack = Attack {
    name: "C1 large messages",
    what: |size| {
        let (count, clients) = (size.of(100, 10), size.of(16, 3));
        let length = size.of("0.9", "0.15");
        format!("{count} messages of {length} MB under 10 aliases, by {clients} clients for {} s", size.of(15, 3))
    },
    bound: "8 MiB an answer (--max-answer), counted as it is made",
    door: DoorIs::Open,
    run: |ground| large(ground).boxed(),
};

pub const UNYIELDING: Attack = Attack {
    name: "C2 without end",
    what: |size| {
        let (clients, aliases) = (size.of(16, 2), size.of(100, 10));
        format!("{aliases} mappings tried on 120,000 values in one operation, by {clients} clients")
    },
    bound: "20 s an operation (--operation-seconds); GraphQL's own threads",
    door: DoorIs::Open,
    run: |ground| unyielding(ground).boxed(),
};

async fn large(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let conversation = ground.large().await?.conversation.clone();
    let list =
        |number| format!("a{number}: conversation(id: $id) {{ messages(last: 100) {{ nodes {{ id content }} }} }} ");
    let lists: String = (0..10).map(list).collect();
    let body = operation(&format!("query($id: ID!) {{ {lists} }}"), json!({ "id": conversation }));
    let until = Instant::now() + ground.size.seconds(15, 3);
    let got = crowd(ground.size.of(16, 3), |client| {
        let caller = ground.attacker(client);
        let mut request = caller.head(Some(&ground.key(client)), body.len()).into_bytes();
        request.extend_from_slice(&body);
        hammer(caller, until, move |_| request.clone())
    })
    .await;
    let mut outcome = Outcome::of(got);
    let long = outcome.times(&format!("200 {TOO_LONG}"));
    outcome.must(long == 0, format!("{long} answers were {TOO_LONG}"));
    Ok(outcome)
}

async fn unyielding(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let zeros = "0,".repeat(120_000);
    let body = format!("{{\"id\":\"x\",\"a\":[{zeros}0]}}");
    let mapping = json!({ "rules": [{ "kind": "message", "fields": { "id": "/id", "address": "/id" }, "details": { "a": "/a" } }] });
    let mut query = "mutation($m: JSON!, $b: String!) {".to_owned();
    for number in 0..ground.size.of(100, 10) {
        // Writing to a String cannot fail.
        let _ = write!(query, " a{number}: previewMapping(input: {{mapping: $m, body: $b}}) {{ outcome }}");
    }
    query.push('}');
    let variables: Value = json!({ "m": mapping, "b": body });
    let body = Arc::new(operation(&query, variables));
    let begun = Instant::now();
    let got = crowd(ground.size.of(16, 2), |client| {
        let (caller, key, body) = (ground.attacker(client), ground.key(client), Arc::clone(&body));
        async move { Counts::from([(caller.ask(&mut None, Some(&key), &body).await.0, 1)]) }
    })
    .await;
    let took = begun.elapsed();
    let mut outcome = Outcome::of(got);
    outcome.figure("the last answer", Some(took), took, OPERATION);
    Ok(outcome)
}
