//! The raw log: every authentic request as it came, found by what came of it, traced to what it caused, and replayed.

mod found;
mod replayed;
mod traced;

use chrono::{DateTime, Utc};
use inlet_adapters::read::Adapters;
use inlet_domain::{
    ambient::Ambient,
    command::{Effect, Inbound, Patch, Purpose, RawRequest, Reading},
    model::outcome::Outcome,
    model::source,
    reader::{Reader, Readout},
};
use inlet_store::{
    apply::{Apply, ApplyConfig, Receipt},
    database::Database,
    log::Heads,
    records::sources,
};
use inlet_tests::{Sink, TestServer, fixtures, server::sealer, spawn};
use serde_json::{Value, json};

fn text_message(id: &str, phone: &str, text: &str) -> String {
    json!({"event": "whatsapp:message:in", "payload": {
        "id": id,
        "channels": [{"name": "whatsapp", "to": "919019120123"}],
        "recipient": {"from": phone, "user": {"id": format!("u-{phone}"), "first_name": "Asha", "phone": phone}},
        "message": {"type": "text", "payload": {"text": text}},
    }})
    .to_string()
}

async fn post(server: &TestServer, provider: &str, body: &str) -> String {
    let (status, answer) = server.post(provider, None, body).await;
    assert_eq!(status, 200, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

/// The ids that the list gives with this filter, as GraphQL writes it.
async fn found(server: &TestServer, filter: &str) -> Vec<String> {
    let query = format!("{{ inboundEvents(first: 100, filter: {filter}) {{ nodes {{ id }} }} }}");
    ids(&server.graphql(&query, json!({})).await["inboundEvents"]["nodes"])
}

fn ids(nodes: &Value) -> Vec<String> {
    nodes.as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

const REPLAY: &str = "mutation R($input: ReplayInboundEventsInput!) { replayInboundEvents(input: $input) {
    dryRun counts { before after count } nextCursor
    results { id before after error eventIds events { id type } inboundEvent { id outcome replayedAt eventIds }
      wouldRaise { type payload previous } } } }";

async fn replay(server: &TestServer, input: Value) -> Value {
    server.graphql(REPLAY, json!({"input": input})).await["replayInboundEvents"].clone()
}

async fn head(server: &TestServer) -> Value {
    server.graphql("{ head }", json!({})).await["head"].clone()
}

const TRACE: &str = "query T($id: ID!) { trace(id: $id) { truncated inboundEvents { id event }
    steps { eventId inboundEventId event { id type } deliveries { id status attempts { nodes { number responseStatus } } } } } }";

async fn trace(server: &TestServer, id: &Value) -> Value {
    server.graphql(TRACE, json!({"id": id})).await["trace"].clone()
}

/// What the adapters read, but for what `spoil` makes of it.
struct Broken<F>(F);

impl<F: Fn(Reading) -> Reading + Send + Sync> Reader for Broken<F> {
    fn split(
        &self,
        source: &source::Source,
        at: DateTime<Utc>,
        hint: Option<&str>,
        raw: RawRequest,
    ) -> Vec<RawRequest> {
        Adapters.split(source, at, hint, raw)
    }

    fn shown(&self, raw: RawRequest) -> RawRequest {
        Adapters.shown(raw)
    }

    fn read(&self, source: &source::Source, at: DateTime<Utc>, hint: Option<&str>, raw: RawRequest) -> Readout {
        let readout = Adapters.read(source, at, hint, raw);
        Readout { reading: (self.0)(readout.reading), ..readout }
    }

    fn phone(&self, text: &str) -> Option<String> {
        Adapters.phone(text)
    }
}

/// Takes a request as a process with that reader would.
async fn receive(server: &TestServer, provider: &str, body: &str, reader: &dyn Reader) -> (String, Receipt) {
    let ambient = Ambient::system();
    let database = Database::connect(&server.database_url, 2, 1).await.unwrap();
    let sealer = sealer(&ambient);
    let token = server.sources[provider].url.rsplit('/').next().unwrap().to_owned();
    let source = sources::by_token(&database, &sealer, &token).await.unwrap().unwrap();
    let raw = RawRequest { method: "POST".into(), query: None, headers: Vec::new(), body: body.into() };
    let received_at = ambient.now();
    let readout = reader.read(&source, received_at, None, raw);
    let id = ambient.uuid().into();
    let inbound = Inbound {
        id,
        workspace: source.workspace,
        source: source.id,
        account: source.account,
        received_at,
        event: readout.event,
        raw: readout.raw,
        reading: readout.reading,
        purpose: Purpose::Receipt,
    };
    let apply = Apply::start(database.clone(), Heads::default(), sealer, ambient, ApplyConfig::default());
    let receipt = apply.submit(inbound).await.unwrap();
    apply.stop().await;
    database.close().await;
    (id.to_string(), receipt)
}

/// An adapter that knows nothing.
fn blind() -> impl Reader {
    Broken(|_| Reading::Unrecognised { reason: "an event that nobody knows".into(), lenient: false })
}

/// An adapter that takes the text for something else.
fn confused() -> impl Reader {
    saying("[object Object]")
}

/// An adapter whose messages no database takes.
fn poisonous() -> impl Reader {
    saying("no text holds \0")
}

fn saying(text: &'static str) -> impl Reader {
    Broken(move |mut reading| {
        if let Reading::Commands { commands, .. } = &mut reading {
            for command in commands {
                if let Effect::Message(report) = &mut command.effect {
                    report.content = Patch::Value(text.into());
                }
            }
        }
        reading
    })
}

#[tokio::test]
async fn p12_bodies_are_sealed_and_what_is_secret_is_masked_before() {
    let server = spawn().await;
    let body = fixtures::of("oneroute").into_iter().find(|it| it.file.contains("otpVerified")).unwrap().body;
    let otp = post(&server, "oneroute", &body).await;
    let message = post(&server, "mobtexting", &text_message("m-1", "919876543210", "a word in confidence")).await;
    let (status, _) = server.post("oneroute", None, "{\"otp\": \"01234\", \"half").await;
    assert_eq!(status, 400);
    for secret in ["01234", "confidence", "otpVerified"] {
        let (rows, plain): (i64, i64) = sqlx::query_as(
            "SELECT count(*), count(*) FILTER (WHERE position($1::bytea IN sealed) > 0) FROM inbound_event",
        )
        .bind(secret.as_bytes())
        .fetch_one(&server.database)
        .await
        .unwrap();
        assert_eq!((rows, plain), (3, 0), "{secret}");
    }
    let shown = "query Q($id: ID!) { node(id: $id) { ... on InboundEvent { request { method query headers { name value } \
                 body bodyBase64 bodySize } } } }";
    let request = server.graphql(shown, json!({"id": message})).await["node"]["request"].clone();
    assert_eq!(request["body"], text_message("m-1", "919876543210", "a word in confidence"));
    assert_eq!((&request["method"], &request["bodyBase64"]), (&json!("POST"), &Value::Null));
    let header = |name: &str| {
        let headers = request["headers"].as_array().unwrap();
        headers.iter().find(|header| header["name"] == name).map(|header| header["value"].clone())
    };
    assert_eq!(header("content-type"), Some(json!("application/json")));
    let masked = server.graphql(shown, json!({"id": otp})).await["node"]["request"]["body"].clone();
    assert!(masked.as_str().unwrap().contains("***") && !masked.as_str().unwrap().contains("01234"), "{masked}");
    let quarantined = server
        .graphql("{ inboundEvents(filter: {outcome: [QUARANTINED]}) { nodes { request { body } } } }", json!({}))
        .await;
    assert!(!quarantined.to_string().contains("01234"), "{quarantined}");

    // Who may not manage sources sees none of it.
    let key = "mutation { createApiKey(input: {name: \"reader\", scopes: [READ], idempotencyKey: \"k\"}) { token } }";
    let token = server.graphql(key, json!({})).await["createApiKey"]["token"].as_str().unwrap().to_owned();
    let query = json!({"query": shown, "variables": {"id": message}});
    let answer: Value = server
        .client
        .post(&server.graphql_url)
        .bearer_auth(token)
        .json(&query)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    // And a page of bodies is bounded.
    let many = "{ inboundEvents(first: 100) { nodes { request { body } } } }";
    let answer = server.graphql_raw(many, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn e4_what_is_named_like_a_secret_is_masked_as_it_is_shown_and_a_replay_reads_all() {
    let server = spawn().await;
    let body = text_message("m-1", "919876543210", "a word").replace(
        r#""event":"#,
        r#""Channel": {"credentials": {"user": "hunter2"}, "API-Key": "hunter2"}, "accessToken": "hunter2", "event":"#,
    );
    assert!(body.contains("hunter2"));
    let (id, receipt) = receive(&server, "mobtexting", &body, &blind()).await;
    assert_eq!(receipt.outcome, Outcome::Unrecognised);
    let shown =
        "query Q($id: ID!) { node(id: $id) { ... on InboundEvent { request { query headers { name value } body } } } }";
    let request = server.graphql(shown, json!({"id": id})).await["node"]["request"].clone();
    let masked = request["body"].as_str().unwrap();
    assert!(!request.to_string().contains("hunter2") && masked.contains("a word"), "{request}");
    assert!(masked.contains(r#""credentials": "***""#), "{masked}");
    let signed = post(&server, "mobtexting", &text_message("m-2", "919876543210", "signed")).await;
    let request = server.graphql(shown, json!({"id": signed})).await["node"]["request"].clone();
    let signature = request["headers"].as_array().unwrap().iter().find(|it| it["name"] == "signature").unwrap().clone();
    assert_eq!(signature["value"], "***");
    let input = json!({"filter": {"outcome": ["UNRECOGNISED"]}, "idempotencyKey": "k"});
    let replayed = replay(&server, input).await;
    assert_eq!(replayed["results"][0]["after"], "ACCEPTED", "{replayed}");
    server.stop().await;
}

#[tokio::test]
async fn c6_a_reaction_is_no_message_of_its_own() {
    let server = spawn().await;
    let reaction = |id: &str, to: &str, emoji: &str| {
        let mut body: Value = serde_json::from_str(&text_message(id, "919876543210", "")).unwrap();
        body["payload"]["message"] = json!({"type": "reaction", "payload": {"message_id": to, "emoji": emoji}});
        body.to_string()
    };
    let report = json!({"event": "whatsapp:message:status", "payload": {"id": "m-9", "channel": "whatsapp",
        "from": "919019120123", "to": "919876543210", "status": "delivered"}});
    post(&server, "mobtexting", &reaction("r-1", "m-1", "👍")).await;
    post(&server, "mobtexting", &text_message("m-1", "919876543210", "first")).await;
    post(&server, "mobtexting", &report.to_string()).await;
    post(&server, "mobtexting", &reaction("r-2", "m-9", "🎉")).await;
    let query = "{ conversations(first: 9) { nodes { messages(last: 9) { nodes { content direction reactions } } } } }";
    let seen = server.graphql(query, json!({})).await["conversations"]["nodes"].clone();
    let messages: Vec<Value> = seen
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|conversation| conversation["messages"]["nodes"].as_array().unwrap().clone())
        .collect();
    assert_eq!(messages.len(), 2, "the text, and what stands for the sent message: {messages:?}");
    let of = |direction: &str| messages.iter().find(|message| message["direction"] == direction).unwrap();
    assert_eq!(of("INBOUND")["reactions"], json!({"👍": ["+919876543210"]}), "it came before its message");
    assert_eq!(of("OUTBOUND")["reactions"], json!({"🎉": ["+919876543210"]}));
    post(&server, "mobtexting", &reaction("r-3", "m-1", "")).await;
    let seen = server.graphql(query, json!({})).await["conversations"]["nodes"].to_string();
    assert!(!seen.contains("👍") && seen.contains("🎉"), "{seen}");
    server.stop().await;
}

#[tokio::test]
async fn p10_another_workspace_neither_finds_traces_nor_replays() {
    let server = spawn().await;
    let (id, _) = receive(&server, "mobtexting", &text_message("m-1", "919876543210", "mine"), &blind()).await;
    let accepted = post(&server, "mobtexting", &text_message("m-2", "919876543210", "mine too")).await;
    let event = trace(&server, &json!(accepted)).await["steps"][0]["eventId"].clone();
    let ambient = Ambient::system();
    let mut transaction = server.database.begin().await.unwrap();
    let seeds =
        inlet_server::seed::plant(&mut transaction, &ambient, &sealer(&ambient), "Other", "the-other").await.unwrap();
    transaction.commit().await.unwrap();
    let key = secrecy::ExposeSecret::expose_secret(&seeds.api_key).to_owned();
    let ask = |query: &'static str, variables: Value| {
        let request = server.client.post(&server.graphql_url).bearer_auth(&key);
        async move {
            let answer: Value = request
                .json(&json!({"query": query, "variables": variables}))
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            assert!(answer["errors"].is_null(), "{answer}");
            answer["data"].clone()
        }
    };
    let foreign = json!({"id": id, "ids": [id]});
    let list = "query($ids: [ID!]!) { inboundEvents(filter: {ids: $ids}) { nodes { id } } }";
    assert_eq!(ask(list, foreign.clone()).await["inboundEvents"]["nodes"], json!([]));
    assert_eq!(ask("query($id: ID!) { node(id: $id) { id } }", foreign.clone()).await["node"], Value::Null);
    for id in [json!(id), json!(accepted), event] {
        assert_eq!(ask(TRACE, json!({"id": id})).await["trace"], Value::Null);
    }
    let input = json!({"input": {"filter": {"ids": [id]}}});
    assert_eq!(ask(REPLAY, input).await["replayInboundEvents"]["results"], json!([]));
    assert_eq!(found(&server, "{outcome: [UNRECOGNISED]}").await, [id], "it was left alone");
    server.stop().await;
}
