//! The raw log: every authentic request as it came, found by what came of it, traced to what it caused, and replayed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up can only fail")]

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    apply::{Apply, ApplyConfig, Outcome, Receipt},
    command::{Effect, Inbound, Patch, Purpose, RawRequest, Reading},
    database::Database,
    heads::Heads,
    reader::{Reader, Readout},
    store::sources,
};
use inlet_ingest::read::Adapters;
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

/// What the adapters read, but for what `spoil` makes of it.
struct Broken<F>(F);

impl<F: Fn(Reading) -> Reading + Send + Sync> Reader for Broken<F> {
    fn read(&self, source: &sources::Source, at: DateTime<Utc>, hint: Option<&str>, raw: RawRequest) -> Readout {
        let readout = Adapters.read(source, at, hint, raw);
        Readout { reading: (self.0)(readout.reading), ..readout }
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
    Broken(|mut reading| {
        if let Reading::Commands { commands, .. } = &mut reading {
            for command in commands {
                if let Effect::Message(report) = &mut command.effect {
                    report.content = Patch::Value("[object Object]".into());
                }
            }
        }
        reading
    })
}

/// An adapter whose messages no database takes.
fn poisonous() -> impl Reader {
    Broken(|mut reading| {
        if let Reading::Commands { commands, .. } = &mut reading {
            for command in commands {
                if let Effect::Message(report) = &mut command.effect {
                    report.content = Patch::Value("no text holds \0".into());
                }
            }
        }
        reading
    })
}

#[tokio::test]
async fn each_filter_finds_what_it_names() {
    let server = spawn().await;
    let accepted = post(&server, "mobtexting", &text_message("m-1", "919876543210", "first")).await;
    let repeat = post(&server, "mobtexting", &text_message("m-1", "919876543210", "first")).await;
    let lenient = post(&server, "oneroute", "{event: 'lowUnitBalance', firm: 'x', unit: 5,}").await;
    let unknown = post(&server, "oblic", r#"{"id": "e-1", "type": "weather.changed", "payload": {}}"#).await;
    let source = |provider: &'static str| {
        let query = "{ sources(first: 10) { nodes { id provider } } }";
        let server = &server;
        async move {
            let nodes = server.graphql(query, json!({})).await["sources"]["nodes"].clone();
            let is = |node: &&Value| node["provider"].as_str().unwrap().eq_ignore_ascii_case(provider);
            nodes.as_array().unwrap().iter().find(is).unwrap()["id"].as_str().unwrap().to_owned()
        }
    };
    let all = [&unknown, &lenient, &repeat, &accepted].map(Clone::clone);
    assert_eq!(found(&server, "{}").await, all);
    assert_eq!(found(&server, "{outcome: [DUPLICATE, UNRECOGNISED]}").await, [unknown.clone(), repeat.clone()]);
    assert_eq!(found(&server, "{outcome: [ACCEPTED]}").await, [lenient.clone(), accepted.clone()]);
    assert_eq!(found(&server, "{outcome: [ACCEPTED, UNRECOGNISED]}").await.len(), 3);
    assert_eq!(found(&server, "{lenient: true}").await, std::slice::from_ref(&lenient));
    assert_eq!(found(&server, "{lenient: false}").await.len(), 3);
    assert_eq!(found(&server, r#"{event: ["whatsapp:message:in"]}"#).await, [repeat.clone(), accepted.clone()]);
    assert_eq!(found(&server, r#"{event: ["lowUnitBalance", "weather.changed"]}"#).await.len(), 2);
    assert_eq!(
        found(&server, r#"{event: ["whatsapp:message:in"], outcome: [ACCEPTED]}"#).await,
        std::slice::from_ref(&accepted)
    );
    let (oblic, oneroute) = (source("oblic").await, source("oneroute").await);
    assert_eq!(found(&server, &format!("{{sourceId: [\"{oblic}\"]}}")).await, std::slice::from_ref(&unknown));
    assert_eq!(found(&server, &format!("{{sourceId: [\"{oblic}\", \"{oneroute}\"]}}")).await.len(), 2);
    let why = format!("{{ node(id: \"{unknown}\") {{ ... on InboundEvent {{ error }} }} }}");
    let why = server.graphql(&why, json!({})).await["node"]["error"].as_str().unwrap().to_owned();
    let part: String = why.chars().skip(1).take(12).collect::<String>().to_uppercase();
    assert_eq!(found(&server, &format!("{{error: \"{part}\"}}")).await, std::slice::from_ref(&unknown), "in any case");
    assert_eq!(found(&server, r#"{error: "%"}"#).await, [] as [&str; 0], "it is no pattern");
    assert_eq!(found(&server, &format!("{{error: \"{part}\", outcome: [FAILED]}}")).await, [] as [&str; 0]);
    assert_eq!(found(&server, &format!("{{ids: [\"{repeat}\"]}}")).await, std::slice::from_ref(&repeat));

    let node = format!(
        "{{ node(id: \"{lenient}\") {{ ... on InboundEvent {{ id receivedAt lenient source {{ id provider }} \
         eventIds events {{ id type }} }} }} }}"
    );
    let node = server.graphql(&node, json!({})).await["node"].clone();
    assert_eq!(node["source"], json!({"id": oneroute, "provider": "ONEROUTE"}));
    assert_eq!(node["events"][0]["type"], "balance.low", "{node}");
    assert_eq!(node["events"][0]["id"], node["eventIds"][0]);
    let at = node["receivedAt"].as_str().unwrap();
    let (from, to) = (format!("{{receivedFrom: \"{at}\"}}"), format!("{{receivedTo: \"{at}\"}}"));
    assert_eq!(found(&server, &from).await, [unknown.clone(), lenient.clone()], "from a moment on");
    assert_eq!(found(&server, &to).await, [repeat, accepted], "and before it");
    server.stop().await;
}

#[tokio::test]
async fn pages_go_both_ways_through_merged_arms() {
    let server = spawn().await;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(
            post(&server, "oblic", &format!(r#"{{"id": "e-{n}", "type": "weather.changed", "payload": {{}}}}"#)).await,
        );
        let (status, _) = server.post("oblic", None, &format!("{{\"broken {n}")).await;
        assert_eq!(status, 400, "kept in quarantine");
    }
    let all = found(&server, "{outcome: [QUARANTINED, UNRECOGNISED, FAILED]}").await;
    assert_eq!(all.len(), 10);
    let page = |arguments: String| {
        let query = format!(
            "{{ inboundEvents({arguments}, filter: {{outcome: [QUARANTINED, UNRECOGNISED, FAILED]}}) {{ nodes {{ id }} \
             pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} }}"
        );
        let server = &server;
        async move { server.graphql(&query, json!({})).await["inboundEvents"].clone() }
    };
    let (mut forward, mut arguments) = (Vec::new(), "first: 3".to_owned());
    loop {
        let page = page(arguments).await;
        forward.extend(ids(&page["nodes"]));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        arguments = format!("first: 3, after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(forward, all);
    let (mut backward, mut arguments) = (Vec::new(), "last: 4".to_owned());
    loop {
        let page = page(arguments).await;
        backward.splice(0..0, ids(&page["nodes"]));
        if page["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
        arguments = format!("last: 4, before: {}", page["pageInfo"]["startCursor"]);
    }
    assert_eq!(backward, all);
    server.stop().await;
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

const TRACE: &str = "query T($id: ID!) { trace(id: $id) { truncated inboundEvents { id event }
    steps { eventId inboundEventId event { id type } deliveries { id status attempts { number responseStatus } } } } }";

async fn trace(server: &TestServer, id: &Value) -> Value {
    server.graphql(TRACE, json!({"id": id})).await["trace"].clone()
}

#[tokio::test]
async fn a_trace_tells_the_same_way_from_every_end() {
    let server = spawn().await;
    let sink = Sink::start().await;
    let register = json!({"input": {"name": "crm", "url": sink.url(), "idempotencyKey": "k",
        "eventTypes": ["message.*"]}});
    server
        .graphql(
            "mutation W($input: RegisterWebhookInput!) { registerWebhook(input: $input) { webhook { id } } }",
            register,
        )
        .await;
    for n in 0..3 {
        post(&server, "mobtexting", &text_message(&format!("other-{n}"), "919876543299", "beside")).await;
    }
    let inbound = json!(post(&server, "mobtexting", &text_message("m-1", "919876543210", "first")).await);
    let received = sink.wait(|received| received.len() == 4).await;
    let event =
        received.iter().map(|request| request.json()).find(|body| body["payload"]["external_id"] == "m-1").unwrap();
    let message = event["payload"]["id"].clone();

    // The delivery is done when its attempt is written, which is after the receiver has answered.
    let from_inbound = loop {
        let traced = trace(&server, &inbound).await;
        let step = traced["steps"].as_array().unwrap().iter().find(|step| step["event"]["type"] == "message.created");
        if step.unwrap()["deliveries"][0]["status"] == "SUCCEEDED" {
            break traced;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(from_inbound["inboundEvents"], json!([{"id": inbound, "event": "whatsapp:message:in"}]));
    let types: Vec<&str> =
        from_inbound["steps"].as_array().unwrap().iter().map(|step| step["event"]["type"].as_str().unwrap()).collect();
    assert!(types.contains(&"contact.created") && types.contains(&"conversation.created"), "{types:?}");
    let step = from_inbound["steps"].as_array().unwrap().iter().find(|step| step["eventId"] == event["id"]).unwrap();
    assert_eq!(step["inboundEventId"], inbound);
    assert_eq!(step["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(step["deliveries"][0]["attempts"], json!([{"number": 1, "responseStatus": 200}]));

    let one_way = json!({"truncated": false, "inboundEvents": from_inbound["inboundEvents"], "steps": [step]});
    for end in [&event["id"], &step["deliveries"][0]["id"], &message] {
        assert_eq!(trace(&server, end).await, one_way, "from {end}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_message_is_traced_to_all_that_happened_to_it() {
    let server = spawn().await;
    let status = |word: &str, at: &str| {
        json!({"event": "whatsapp:message:status", "payload": {"id": "out-1", "channel": "whatsapp",
            "from": "919019120123", "to": "919019912345", "status": word, "timestamp": at}})
        .to_string()
    };
    // Reports alone: a placeholder stands for the message, which is in no list.
    let sent = json!(post(&server, "mobtexting", &status("sent", "2021-06-18T14:48:01Z")).await);
    let read = json!(post(&server, "mobtexting", &status("read", "2021-06-18T14:48:09Z")).await);
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM message").fetch_one(&server.database).await.unwrap();
    let message = json!(inlet_domain::ids::MessageId(id));
    let traced = trace(&server, &message).await;
    let requests: Vec<&Value> = traced["inboundEvents"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(requests, [&sent, &read], "{traced}");
    for step in traced["steps"].as_array().unwrap() {
        assert_eq!(step["event"]["type"], "message.status_changed", "{traced}");
        let caused = trace(&server, &step["eventId"]).await;
        assert_eq!(caused["steps"][0]["inboundEventId"], step["inboundEventId"], "both ways tell of one cause");
    }

    // Oblic changes and deletes messages: each is a step.
    for fixture in fixtures::of("oblic") {
        let (status, answer) = server.post("oblic", fixture.suffix.as_deref(), &fixture.body).await;
        assert_eq!(status, 200, "{}: {answer}", fixture.file);
    }
    let id: uuid::Uuid = sqlx::query_scalar("SELECT message_id FROM event WHERE type = 'message.deleted'")
        .fetch_one(&server.database)
        .await
        .unwrap();
    let traced = trace(&server, &json!(inlet_domain::ids::MessageId(id))).await;
    let steps: Vec<&str> =
        traced["steps"].as_array().unwrap().iter().map(|step| step["event"]["type"].as_str().unwrap()).collect();
    assert_eq!((steps.first(), steps.contains(&"message.deleted")), (Some(&"message.created"), true), "{steps:?}");
    assert!(traced["steps"].as_array().unwrap().iter().all(|step| step["inboundEventId"].is_string()), "{traced}");
    server.stop().await;
}

/// The state but for the ids of reports, which a replay writes anew.
async fn state(server: &TestServer) -> Value {
    fn blank(value: &mut Value) {
        match value {
            Value::Object(members) => members.values_mut().for_each(blank),
            Value::Array(items) => items.iter_mut().for_each(blank),
            Value::String(text) if text.starts_with("rep_") => text.truncate(4),
            _ => {}
        }
    }
    let mut state = server.state().await;
    blank(&mut state);
    state
}

#[tokio::test]
async fn p2_a_replay_of_everything_changes_nothing() {
    let server = spawn().await;
    for fixture in fixtures::all() {
        server.post(&fixture.provider, fixture.suffix.as_deref(), &fixture.body).await;
    }
    post(&server, "oblic", r#"{"id": "e-1", "type": "weather.changed", "payload": {}}"#).await;
    let before = state(&server).await;
    for round in 0..2 {
        let (mut after, mut replayed) = (Value::Null, 0);
        loop {
            let page = replay(&server, json!({"filter": {}, "limit": 7, "after": after})).await;
            for result in page["results"].as_array().unwrap() {
                assert_eq!(result["eventIds"], json!([]), "round {round}: {result}");
                assert_eq!(result["before"], result["after"], "round {round}: {result}");
                assert_eq!(result["inboundEvent"]["outcome"], result["before"], "{result}");
            }
            replayed += page["results"].as_array().unwrap().len();
            after = page["nextCursor"].clone();
            if after.is_null() {
                break;
            }
        }
        assert_eq!(replayed, fixtures::all().len() + 1, "each once, through pages");
        assert_eq!(state(&server).await, before, "round {round}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p6_what_a_broken_adapter_lost_a_replay_restores() {
    let server = spawn().await;
    post(&server, "mobtexting", &text_message("m-1", "919876543210", "before")).await;
    let (blind_id, blind) = receive(&server, "mobtexting", &text_message("m-2", "919876543210", "two"), &blind()).await;
    assert_eq!(blind.outcome, Outcome::Unrecognised);
    let (failed_id, failed) =
        receive(&server, "mobtexting", &text_message("m-3", "919876543211", "three"), &poisonous()).await;
    assert_eq!(failed.outcome, Outcome::Failed, "{:?}", failed.error);
    let lost = server.state().await;
    assert_eq!(lost["conversations"]["nodes"].as_array().unwrap().len(), 1);

    let filter = json!({"outcome": ["UNRECOGNISED", "FAILED"]});
    let told = replay(&server, json!({"filter": filter, "dryRun": true})).await;
    assert_eq!(
        told["counts"],
        json!([{"before": "UNRECOGNISED", "after": "ACCEPTED", "count": 1}, {"before": "FAILED", "after": "ACCEPTED", "count": 1}]),
        "{told}"
    );
    assert_eq!(ids(&told["results"]), [blind_id.clone(), failed_id.clone()]);
    let would = told["results"][1]["wouldRaise"].as_array().unwrap();
    let types: Vec<&str> = would.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["contact.created", "conversation.created", "message.created"]);
    assert_eq!(would[2]["payload"]["content"], "three");
    assert_eq!(server.state().await, lost, "a dry run writes nothing");
    assert_eq!(found(&server, "{outcome: [UNRECOGNISED, FAILED]}").await.len(), 2);

    let done = replay(&server, json!({"filter": filter, "idempotencyKey": "mend"})).await;
    assert_eq!(done["counts"], told["counts"]);
    assert_eq!(done["results"][1]["events"].as_array().unwrap().len(), 3, "{done}");
    assert_eq!(done["results"][1]["inboundEvent"]["eventIds"], done["results"][1]["eventIds"]);
    assert!(done["results"][1]["inboundEvent"]["replayedAt"].is_string());
    assert_eq!(found(&server, "{outcome: [UNRECOGNISED, FAILED]}").await, [] as [&str; 0]);
    let restored = server.state().await;
    let mut contents: Vec<String> = restored["conversations"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|conversation| conversation["messages"]["nodes"].as_array().unwrap())
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect();
    contents.sort_unstable();
    assert_eq!(contents, ["before", "three", "two"]);

    // The same key gets the same answer; without one it is replayed again, in vain.
    let again = replay(&server, json!({"filter": filter, "idempotencyKey": "mend"})).await;
    assert_eq!(again["results"][1]["eventIds"], done["results"][1]["eventIds"]);
    let other = json!({"input": {"filter": {}, "idempotencyKey": "mend"}});
    let refused = server.graphql_raw(REPLAY, other).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "IDEMPOTENCY_KEY_REUSED", "{refused}");
    replay(&server, json!({"filter": {}})).await;
    assert_eq!(server.state().await, restored);

    // What the replay raised is traced to the request that it is owed to.
    let event = &done["results"][1]["eventIds"][2];
    let traced = trace(&server, event).await;
    assert_eq!(traced["steps"][0]["inboundEventId"], json!(failed_id), "{traced}");
    server.stop().await;
}

#[tokio::test]
async fn p6_what_a_broken_adapter_read_wrong_a_replay_mends() {
    let server = spawn().await;
    let body = text_message("m-1", "919876543210", "as it was written");
    let (id, receipt) = receive(&server, "mobtexting", &body, &confused()).await;
    assert_eq!(receipt.outcome, Outcome::Accepted);
    let content = "{ conversations { nodes { unread messages(last: 5) { nodes { content } } } } }";
    let wrong = server.graphql(content, json!({})).await["conversations"]["nodes"][0].clone();
    assert_eq!(wrong["messages"]["nodes"], json!([{"content": "[object Object]"}]));
    let told = replay(&server, json!({"filter": {"ids": [id]}, "dryRun": true})).await;
    let would = &told["results"][0]["wouldRaise"][0];
    assert_eq!(
        (&would["type"], &would["payload"]["content"]),
        (&json!("message.updated"), &json!("as it was written"))
    );
    assert_eq!(would["previous"], json!({"content": "[object Object]"}), "{told}");
    replay(&server, json!({"filter": {"ids": [id]}})).await;
    let mended = server.graphql(content, json!({})).await["conversations"]["nodes"][0].clone();
    assert_eq!(mended["messages"]["nodes"], json!([{"content": "as it was written"}]));
    assert_eq!(mended["unread"], wrong["unread"]);
    server.stop().await;
}

#[tokio::test]
async fn a_replay_that_raises_events_long_after_the_receipt_is_traced_too() {
    let server = spawn().await;
    let (id, _) = receive(&server, "mobtexting", &text_message("m-1", "919876543210", "late"), &blind()).await;
    // As if the request had come an hour before its replay.
    let inbound: inlet_domain::ids::InboundEventId = id.parse().unwrap();
    let old = uuid::Uuid::from_u128(inbound.0.as_u128() - (3_600_000_u128 << 80));
    sqlx::query("DELETE FROM inbound_event").execute(&server.database).await.unwrap();
    let sealer = sealer(&Ambient::system());
    let raw = RawRequest {
        method: "POST".into(),
        query: None,
        headers: Vec::new(),
        body: text_message("m-1", "919876543210", "late").into(),
    };
    let workspace: inlet_domain::ids::WorkspaceId = server.workspace_id.parse().unwrap();
    let place = inlet_domain::secrets::Place { workspace, table: "inbound_event", id: old, column: "sealed" };
    let source = server.graphql("{ sources { nodes { id provider } } }", json!({})).await["sources"]["nodes"].clone();
    let source = source.as_array().unwrap().iter().find(|source| source["provider"] == "MOBTEXTING").unwrap().clone();
    let source: inlet_domain::ids::SourceId = source["id"].as_str().unwrap().parse().unwrap();
    sqlx::query(
        "INSERT INTO inbound_event (workspace_id, id, source_id, received_at, outcome, error, sealed) \
         VALUES ($1, $2, $3, now() - interval '1 hour', 'unrecognised', 'nobody knows', $4)",
    )
    .bind(workspace)
    .bind(old)
    .bind(source)
    .bind(sealer.seal(&place, &serde_json::to_vec(&raw).unwrap()))
    .execute(&server.database)
    .await
    .unwrap();
    let done = replay(&server, json!({"filter": {"outcome": ["UNRECOGNISED"]}})).await;
    let events = done["results"][0]["eventIds"].as_array().unwrap().clone();
    assert_eq!(events.len(), 3, "{done}");
    for event in &events {
        let traced = trace(&server, event).await;
        assert_eq!(traced["steps"][0]["inboundEventId"], json!(inlet_domain::ids::InboundEventId(old)), "{traced}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_replay_does_not_reopen_mark_unread_or_send() {
    let server = spawn().await;
    let sink = Sink::start().await;
    post(&server, "mobtexting", &text_message("m-1", "919876543210", "one")).await;
    let (_, failed) = receive(&server, "mobtexting", &text_message("m-2", "919876543210", "two"), &poisonous()).await;
    assert_eq!(failed.outcome, Outcome::Failed);
    sqlx::query("UPDATE conversation SET status = 'closed', closed_at = now(), read_count = inbound_count")
        .execute(&server.database)
        .await
        .unwrap();
    let standing = "{ conversations { nodes { id status unread messages(last: 9) { nodes { content } } } } }";
    let closed = server.graphql(standing, json!({})).await["conversations"]["nodes"].clone();
    assert_eq!((&closed[0]["status"], &closed[0]["unread"]), (&json!("CLOSED"), &json!(0)));
    let before = head(&server).await;
    replay(&server, json!({"filter": {"outcome": ["ACCEPTED"]}})).await;
    assert_eq!(server.graphql(standing, json!({})).await["conversations"]["nodes"], closed);
    assert_eq!(head(&server).await, before);

    let done = replay(&server, json!({"filter": {"outcome": ["FAILED"]}})).await;
    assert_eq!(done["results"][0]["after"], "ACCEPTED", "{done}");
    let after = server.graphql(standing, json!({})).await["conversations"]["nodes"].clone();
    assert_eq!(after.as_array().unwrap().len(), 1, "{after}");
    assert_eq!((&after[0]["status"], &after[0]["unread"]), (&json!("CLOSED"), &json!(0)), "{after}");
    assert_eq!(after[0]["messages"]["nodes"].as_array().unwrap().len(), 2, "the message is there all the same");
    assert!(sink.received().is_empty());
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
