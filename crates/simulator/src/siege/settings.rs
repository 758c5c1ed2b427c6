//! C4: settings of an admin with large results: a composition and a mapping that name a large member many times.

use std::sync::Arc;

use futures::FutureExt;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    attack::{Attack, Counts, DoorIs, Outcome},
    caller::{crowd, hammer, operation},
    ground::{Ground, KEYS},
};
use crate::{SimulatorError, graphql::text, provider::Provider, wire::Endpoint};

/// How often the mapping names the place.
const NAMED: usize = 94;
/// How often the composition names the content, which is the allowed maximum.
const PLACEHOLDERS: usize = 1_000;

pub const COMPOSITION: Attack = Attack {
    name: "C4 composition",
    what: |size| {
        let (length, clients, seconds) = (size.of(400, 100), size.of(KEYS, 2), size.of(10, 3));
        format!(
            "previews of a composition that names {length} kB {PLACEHOLDERS} times, by {clients} clients for {seconds} s"
        )
    },
    bound: "1 MiB of a composed body",
    door: DoorIs::Open,
    run: |ground| composition(ground).boxed(),
};

pub const MAPPING: Attack = Attack {
    name: "C4 mapping",
    what: |size| format!("{} bodies of 1 MB at once for a mapping that names one place {NAMED} times", size.of(64, 12)),
    bound: "the weight of a request is what it becomes",
    door: DoorIs::Open,
    run: |ground| mapping(ground).boxed(),
};

async fn composition(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let length = ground.size.of(400, 100);
    let query = "mutation($input: PreviewCompositionInput!) { previewComposition(input: $input) { contentType } }";
    let composed = vec!["@{{content}}"; PLACEHOLDERS];
    let event =
        json!({ "id": "evt_0", "type": "message.created", "payload": { "content": "x".repeat(length * 1_000) } });
    let input = json!({ "url": "http://127.0.0.1:9/", "eventType": "message.created", "event": event,
        "composition": { "body": { "all": composed } } });
    let body = operation(query, json!({ "input": input }));
    let until = Instant::now() + ground.size.seconds(10, 3);
    let got = crowd(ground.size.of(KEYS, 2), |client| {
        let caller = ground.attacker(client);
        let mut request = caller.head(Some(&ground.key(client)), body.len()).into_bytes();
        request.extend_from_slice(&body);
        hammer(caller, until, move |_| request.clone())
    })
    .await;
    let mut outcome = Outcome::of(got);
    let whole = outcome.got.get("200").copied().unwrap_or(0);
    outcome.must(whole == 0, format!("{whole} were composed"));
    Ok(outcome)
}

async fn mapping(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let details: serde_json::Map<String, Value> =
        (0..NAMED).map(|number| (format!("d{number}"), json!("/all"))).collect();
    let mapping = json!({ "rules": [{ "kind": "message", "details": details,
        "fields": { "id": "/id", "address": "/from", "medium": { "value": "whatsapp" }, "content": "/id" } }] });
    let secret = format!("{:064x}", ground.seed);
    let input = json!({ "name": "many", "provider": "CUSTOM", "secret": secret, "mapping": mapping,
        "idempotencyKey": "siege-mapping" });
    let mutation = "mutation($input: CreateSourceInput!) { createSource(input: $input) { source { url } } }";
    let data = ground.enemy.client.ask("createSource", mutation, json!({ "input": input })).await?;
    let url = text(&data["createSource"]["source"]["url"]);
    let endpoint = Endpoint::parse(&url).ok_or_else(|| SimulatorError::Refused {
        what: "createSource".into(),
        answer: format!("{url} is no plain http URL"),
    })?;
    let got = crowd(ground.size.of(64, 12), |client| {
        let body = json!({ "id": format!("many-{client}"), "from": "919700000001", "all": "x".repeat(1_000_000) });
        let body = body.to_string().into_bytes();
        // A custom source signs like MobTexting, under another header.
        let request = endpoint.post(("x-signature", &Provider::MobTexting.sign(&secret, &body)), &body);
        let caller = ground.attacker(client);
        async move { Counts::from([(caller.send(&mut None, &request).await.0, 1)]) }
    })
    .await;
    Ok(Outcome::of(got))
}
