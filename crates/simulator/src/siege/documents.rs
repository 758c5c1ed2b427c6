//! B2: expensive documents by 16 clients: the schema under many aliases, and the costliest documents that are allowed.

use std::sync::Arc;

use futures::FutureExt;
use serde_json::json;
use tokio::time::Instant;

use super::{
    attack::{Attack, Counts, DoorIs, Outcome, add},
    caller::{Caller, crowd, hammer, operation},
    ground::{Ground, KEYS},
};
use crate::SimulatorError;

pub const SCHEMA: Attack = Attack {
    name: "B2 schema",
    what: |size| {
        format!("98 aliases of __schema, and the schema once, by 16 clients and a stranger for {} s", size.of(10, 3))
    },
    bound: "for a credential alone, once in a document; GraphQL's own threads",
    door: DoorIs::Open,
    run: |ground| schema(ground).boxed(),
};

pub const COSTLIEST: Attack = Attack {
    name: "B2 costliest",
    what: |size| {
        format!("the costliest documents that are allowed, by {} clients for {} s", size.of(KEYS, 3), size.of(15, 3))
    },
    bound: "cost 200,000, 100 aliases, 10,000 fields; four at once of a credential; GraphQL's own threads",
    door: DoorIs::Open,
    run: |ground| costliest(ground).boxed(),
};

fn request(caller: &Caller, token: Option<&str>, query: &str) -> Vec<u8> {
    let body = operation(query, json!({}));
    let mut request = caller.head(token, body.len()).into_bytes();
    request.extend_from_slice(&body);
    request
}

async fn schema(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let types = "types { name description fields { name description args { name description } } }";
    let many: String = (0..98).map(|number| format!("a{number}: __schema {{ {types} }} ")).collect();
    let documents = [format!("{{ {many} }}"), format!("{{ __schema {{ {types} }} }}")];
    let until = Instant::now() + ground.size.seconds(10, 3);
    let got = crowd(KEYS + 1, |client| {
        let caller = ground.attacker(client);
        let token = (client < KEYS).then(|| ground.key(client));
        let requests = documents.clone().map(|document| request(&caller, token.as_deref(), &document));
        hammer_by_turns(caller, until, requests.to_vec(), 0, client == KEYS)
    })
    .await;
    let mut outcome = Outcome::of(got);
    outcome.must(!outcome.got.contains_key("stranger: 200"), "a stranger was told the schema");
    let refused = outcome.times("200 LIMIT_EXCEEDED");
    outcome.must(refused > 0, "the schema under 98 names was not refused");
    Ok(outcome)
}

/// Sends the requests in turn; counts those of a stranger separately.
async fn hammer_by_turns(
    caller: Caller,
    until: Instant,
    requests: Vec<Vec<u8>>,
    first: usize,
    is_stranger: bool,
) -> Counts {
    let of = |number: usize| requests.get((first + number) % requests.len().max(1)).cloned().unwrap_or_default();
    let got = hammer(caller, until, of).await;
    let named = |(word, times)| (if is_stranger { format!("stranger: {word}") } else { word }, times);
    got.into_iter().map(named).collect()
}

/// The fields of a message, the costliest first.
const SHOWN: &str = "id content contentType details direction kind origin occurredAt sentAt deliveredAt readAt failedAt reactions \
    revision createdAt updatedAt status externalId clientKey placeholder";

/// The largest allowed document: calls `make` with sizes from the largest on.
async fn largest(
    ground: &Ground,
    sizes: impl Iterator<Item = usize>,
    make: impl Fn(usize) -> String,
) -> Option<String> {
    let (caller, mut wire) = (ground.attacker(0), None);
    for size in sizes {
        let document = make(size);
        let (word, _) = caller.send(&mut wire, &request(&caller, Some(&ground.key(0)), &document)).await;
        if word == "200" {
            return Some(document);
        }
    }
    None
}

/// The costliest documents: a page of pages, a hundred lists, ten thousand fields.
async fn allowed(ground: &Ground) -> Vec<String> {
    let pages = |fields: usize| {
        let shown: Vec<_> = SHOWN.split_whitespace().take(fields).collect();
        let shown = shown.join(" ");
        format!("{{ conversations(first: 100) {{ nodes {{ id messages(last: 100) {{ nodes {{ {shown} }} }} }} }} }}")
    };
    let lists = |fields: usize| {
        let parts = [
            "id",
            "contact { name identities { value } }",
            "lastMessage { content }",
            "labels { name }",
            "channel { name }",
        ];
        let shown = parts.get(..fields).unwrap_or_default().join(" ");
        let list = |number| format!("a{number}: conversations(first: 100) {{ nodes {{ {shown} }} }} ");
        format!("{{ {} }}", (0..100).map(list).collect::<String>())
    };
    let fields = |count: usize| {
        let names = "__typename ".repeat(100);
        let spreads: String =
            (0..count).map(|number| format!("a{number}: conversations(first: 1) {{ ...F }} ")).collect();
        format!("{{ {spreads} }} fragment F on ConversationConnection {{ {names} }}")
    };
    let found = [
        largest(ground, (1..=20).rev(), pages).await,
        largest(ground, (1..=5).rev(), lists).await,
        largest(ground, (1..=99).rev(), fields).await,
    ];
    found.into_iter().flatten().collect()
}

async fn costliest(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let documents = allowed(&ground).await;
    let until = Instant::now() + ground.size.seconds(15, 3);
    let got = crowd(ground.size.of(KEYS, 3), |client| {
        let (caller, key) = (ground.attacker(client), ground.key(client));
        let requests = documents.iter().map(|document| request(&caller, Some(&key), document)).collect();
        hammer_by_turns(caller, until, requests, client, false)
    })
    .await;
    let mut outcome = Outcome::default();
    add(&mut outcome.got, got);
    outcome.must(documents.len() == 3, format!("{} of 3 documents were allowed in any size", documents.len()));
    Ok(outcome)
}
