//! What a webhook can be told: filters, headers, secrets that rotate, a pause, a test, sending again.

use std::collections::BTreeSet;

use inlet_tests::{SeededWorkspace, Sink, TestServer, fixtures, operation::Operation, sink::Received, spawn};
use serde_json::{Value, json};

const REGISTER: &str =
    "mutation ($input: RegisterWebhookInput!) { registerWebhook(input: $input) { webhook { id revision } secret } }";

struct Hooks {
    server: TestServer,
    party: SeededWorkspace,
}

impl Hooks {
    async fn build() -> Self {
        let server = spawn().await;
        let party = SeededWorkspace::of(&server).await;
        Self { server, party }
    }

    async fn ask(&self, query: &str, variables: Value) -> Value {
        let answer = self.try_ask(query, variables).await;
        assert!(answer["errors"].is_null(), "{query}: {answer}");
        answer["data"].clone()
    }

    async fn try_ask(&self, query: &str, variables: Value) -> Value {
        self.party.ask(&Operation { query: query.to_owned(), variables }).await
    }

    /// Registers a webhook with these settings; its id and secret.
    async fn register(&self, sink: &Sink, mut input: Value) -> (String, String) {
        input["name"] = json!("receiver");
        input["url"] = json!(sink.url());
        input["idempotencyKey"] = json!(inlet_tests::database::unique());
        let made = self.ask(REGISTER, json!({ "input": input })).await["registerWebhook"].clone();
        (made["webhook"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
    }

    /// Runs a mutation whose input is the id of a webhook and these members; the error's code, where it is refused.
    async fn change(&self, mutation: &str, id: &str, mut input: Value) -> Result<Value, String> {
        let kind = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
        let shown = match mutation {
            "deleteWebhook" => "deletedWebhookId",
            "rotateWebhookSecret" => "secret webhook { status revision rotationEndsAt }",
            _ => {
                "webhook { status revision maxAttempts retryDelays headers { name value isSecret } \
                            hasLegacySignature rotationEndsAt filter { medium } }"
            }
        };
        input["id"] = json!(id);
        let query = format!("mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ {shown} }} }}");
        let answer = self.try_ask(&query, json!({ "input": input })).await;
        match answer["errors"][0]["extensions"]["code"].as_str() {
            Some(code) => Err(code.to_owned()),
            None => Ok(answer["data"][mutation].clone()),
        }
    }

    /// Statuses of a webhook's deliveries, newest first.
    async fn deliveries(&self, id: &str) -> Vec<Value> {
        let query = "query ($id: ID!) { deliveries(first: 100, filter: {webhookId: $id}) { nodes { \
                       id status sequence attemptCount skippedBecause eventType attempts { nodes { number responseStatus } } } } }";
        let answer = self.ask(query, json!({ "id": id })).await;
        answer["deliveries"]["nodes"].as_array().unwrap().clone()
    }

    /// Waits until all of a webhook's deliveries are as wanted.
    async fn settled(&self, id: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        loop {
            let deliveries = self.deliveries(id).await;
            if wanted(&deliveries) {
                return deliveries;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the dispatcher has read the log to its end.
    async fn dispatched(&self) {
        let sql = "SELECT c.seq >= (SELECT max(seq) FROM event e WHERE e.workspace_id = c.workspace_id) \
                   FROM dispatch_cursor c WHERE c.workspace_id = $1";
        let done = || sqlx::query_scalar::<_, bool>(sql).bind(self.party.workspace).fetch_one(&self.server.database);
        while !done().await.unwrap() {
            tokio::task::yield_now().await;
        }
    }
}

fn types(received: &[Received]) -> BTreeSet<String> {
    received.iter().map(|one| one.json()["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_keep_out_what_is_not_asked_for_and_the_trace_says_why() {
    let hooks = Hooks::build().await;
    let [all, sms, inbound, members, late] =
        [Sink::start().await, Sink::start().await, Sink::start().await, Sink::start().await, Sink::start().await];
    hooks.register(&all, json!({})).await;
    let (sms_id, _) = hooks.register(&sms, json!({"filter": {"medium": ["SMS"]}})).await;
    let (inbound_id, _) =
        hooks.register(&inbound, json!({"eventTypes": ["message.*"], "filter": {"direction": ["INBOUND"]}})).await;
    let (members_id, _) = hooks.register(&members, json!({"filter": {"actor": ["MEMBER", "API_KEY"]}})).await;
    hooks.party.hear_marked().await;
    let got = all.wait(|got| got.len() >= 3).await;
    let whatsapp: Vec<Value> = got.iter().map(Received::json).collect();
    assert!(whatsapp.iter().any(|body| body["payload"]["channel"]["medium"] == "whatsapp"), "{whatsapp:?}");
    assert_eq!(types(&inbound.wait(|got| !got.is_empty()).await), ["message.created".to_owned()].into());
    let (late_id, _) = hooks.register(&late, json!({})).await;
    let channel = whatsapp.iter().find_map(|body| body["payload"]["channel"]["id"].as_str()).unwrap().to_owned();
    let own = Sink::start().await;
    let (own_id, _) = hooks.register(&own, json!({"channelId": channel, "eventTypes": ["message.created"]})).await;
    hooks.party.hear_marked().await;
    own.wait(|got| !got.is_empty()).await;
    hooks.dispatched().await;
    for quiet in [&sms, &members] {
        assert_eq!(quiet.received().len(), 0);
    }

    let message = got.iter().find(|one| one.json()["type"] == "message.created").unwrap().json();
    let query = "query ($id: ID!) { trace(id: $id) { steps { deliveries { webhook { id } } \
                 missed { webhook { id } reason } } } }";
    let trace = hooks.ask(query, json!({"id": message["id"]})).await;
    let missed = trace["trace"]["steps"][0]["missed"].as_array().unwrap();
    let why = |id: &str| {
        let one = missed.iter().find(|one| one["webhook"]["id"] == id);
        one.map_or("", |one| one["reason"].as_str().unwrap()).to_owned()
    };
    assert_eq!(why(&sms_id), "MEDIUM");
    assert_eq!(why(&inbound_id), "");
    assert_eq!(why(&members_id), "ACTOR");
    assert_eq!(why(&late_id), "REGISTERED_LATER");
    assert_eq!(why(&own_id), "REGISTERED_LATER");
    assert_eq!(trace["trace"]["steps"][0]["deliveries"].as_array().unwrap().len(), 2, "{trace}");
    hooks.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_and_a_resume_sends_all_in_one_sequence() {
    let hooks = Hooks::build().await;
    let sink = Sink::start().await;
    let (id, _) = hooks.register(&sink, json!({"eventTypes": ["message.created"]})).await;
    hooks.party.hear_marked().await;
    sink.wait(|got| got.len() == 1).await;
    assert_eq!(hooks.change("pauseWebhook", &id, json!({})).await.unwrap()["webhook"]["status"], "PAUSED");
    for _ in 0..3 {
        hooks.party.hear_marked().await;
    }
    let held = hooks.settled(&id, |all| all.iter().filter(|one| one["status"] == "HELD").count() == 3).await;
    assert!(held.iter().filter(|one| one["status"] == "HELD").all(|one| one["sequence"].is_null()), "{held:?}");
    assert_eq!(sink.received().len(), 1);
    hooks.change("resumeWebhook", &id, json!({})).await.unwrap();
    let got = sink.wait(|got| got.len() == 4).await;
    let sequence: BTreeSet<&str> = got.iter().map(|one| one.header("inlet-sequence")).collect();
    assert_eq!(sequence, ["1", "2", "3", "4"].into());
    hooks.settled(&id, |all| all.iter().all(|one| one["status"] == "SUCCEEDED")).await;
    hooks.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_webhook_is_recovered_and_says_so() {
    let hooks = Hooks::build().await;
    let (sink, watcher) = (Sink::start().await, Sink::start().await);
    let (id, _) = hooks.register(&sink, json!({"eventTypes": ["message.created"]})).await;
    hooks.register(&watcher, json!({"eventTypes": ["webhook.*"]})).await;
    sink.answer(|_| (410, Vec::new()));
    hooks.party.hear_marked().await;
    let told = watcher.wait(|got| got.len() == 1).await;
    assert_eq!((&told[0].json()["type"], &told[0].json()["payload"]["id"]), (&json!("webhook.disabled"), &json!(id)));
    hooks.party.hear_marked().await;
    let skipped = |all: &[Value]| all.iter().any(|one| one["skippedBecause"] == "DISABLED");
    hooks.settled(&id, skipped).await;
    assert_eq!(hooks.change("pauseWebhook", &id, json!({})).await, Err("BAD_USER_INPUT".to_owned()));

    sink.answer(|_| (200, Vec::new()));
    let query = "mutation ($id: ID!, $k: String!) { recoverWebhook(input: {id: $id, since: \"2020-01-01T00:00:00Z\", \
                 idempotencyKey: $k}) { recovered more webhook { status isRecovering } } }";
    let recovered = hooks.ask(query, json!({"id": id, "k": "once"})).await;
    let expected = json!({"recovered": 2, "more": false, "webhook": {"status": "ACTIVE", "isRecovering": true}});
    assert_eq!(recovered["recoverWebhook"], expected);
    let again = hooks.ask(query, json!({"id": id, "k": "once"})).await;
    assert_eq!(again["recoverWebhook"]["recovered"], 2, "the same answer, and nothing done twice");
    let got = sink.wait(|got| got.len() == 3).await;
    assert_eq!(
        got[0].header("webhook-id"),
        got[1..].iter().map(|one| one.header("webhook-id")).find(|one| *one == got[0].header("webhook-id")).unwrap()
    );
    let told = watcher.wait(|got| got.len() == 2).await;
    assert_eq!(told[1].json()["type"], "webhook.recovered");
    let all = hooks.settled(&id, |all| all.iter().all(|one| one["status"] == "SUCCEEDED")).await;
    assert_eq!(all.iter().map(|one| one["sequence"].as_f64().unwrap() as i64).collect::<BTreeSet<_>>(), [1, 2].into());

    let delivery = all[0]["id"].as_str().unwrap();
    let query =
        "mutation ($id: ID!) { redeliver(input: {deliveryId: $id, idempotencyKey: \"r\"}) { delivery { status } } }";
    assert_eq!(hooks.ask(query, json!({"id": delivery})).await["redeliver"]["delivery"]["status"], "PENDING");
    let got = sink.wait(|got| got.len() == 4).await;
    assert_eq!(got[3].header("inlet-delivery"), delivery);
    let recovered = got[1..3].iter().find(|one| one.header("inlet-delivery") == delivery).unwrap();
    assert_eq!(got[3].header("webhook-id"), recovered.header("webhook-id"));
    hooks.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_event_goes_the_way_of_all_deliveries_and_is_in_no_log() {
    let hooks = Hooks::build().await;
    let (sink, other) = (Sink::start().await, Sink::start().await);
    let (id, secret) = hooks.register(&sink, json!({"eventTypes": ["call.completed"]})).await;
    hooks.register(&other, json!({})).await;
    let query = "mutation ($id: ID!, $t: String!, $k: String!) { testWebhook(input: {id: $id, eventType: $t, \
                 idempotencyKey: $k}) { delivery { id eventType status } } }";
    let log = hooks.ask("{ eventTypes }", json!({})).await;
    let mut sent = 0;
    for kind in log["eventTypes"].as_array().unwrap() {
        let schema = hooks.ask("query ($t: String!) { eventSchema(type: $t) }", json!({"t": kind})).await;
        let answer = hooks.try_ask(query, json!({"id": id, "t": kind, "k": kind})).await;
        if schema["eventSchema"].is_null() {
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{kind}");
        } else {
            assert_eq!(answer["data"]["testWebhook"]["delivery"]["eventType"], *kind, "{answer}");
            sent += 1;
        }
    }
    assert!(sent > 20, "{sent}");
    let got = sink.wait(|got| got.len() == sent).await;
    for one in &got {
        let body = one.json();
        assert_eq!((&body["test"], &body["actor"]["type"]), (&json!(true), &json!("api_key")));
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, one.header(name).parse().unwrap());
        }
        standardwebhooks::Webhook::new(&secret).unwrap().verify(&one.body, &headers).unwrap();
    }
    hooks.settled(&id, |all| all.len() == sent && all.iter().all(|one| one["status"] == "SUCCEEDED")).await;
    assert_eq!(other.received().len(), 0);
    let answer = hooks.try_ask(query, json!({"id": id, "t": "message.reed", "k": "x"})).await;
    assert_eq!(answer["errors"][0]["extensions"]["inputPath"], json!(["input", "eventType"]));
    hooks.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_rotate_with_an_overlap_that_can_be_ended() {
    let hooks = Hooks::build().await;
    let sink = Sink::start().await;
    let (id, old) = hooks.register(&sink, json!({"eventTypes": ["message.created"]})).await;
    let rotated = hooks.change("rotateWebhookSecret", &id, json!({"idempotencyKey": "r"})).await.unwrap();
    let new = rotated["secret"].as_str().unwrap().to_owned();
    assert!(!rotated["webhook"]["rotationEndsAt"].is_null());
    let again = hooks.change("rotateWebhookSecret", &id, json!({"idempotencyKey": "r"})).await.unwrap();
    assert!(again["secret"].is_null(), "it is shown once");
    let verified = |one: &Received, secret: &str| {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, one.header(name).parse().unwrap());
        }
        standardwebhooks::Webhook::new(secret).unwrap().verify(&one.body, &headers).is_ok()
    };
    hooks.party.hear_marked().await;
    let got = sink.wait(|got| got.len() == 1).await;
    assert!(verified(&got[0], &old) && verified(&got[0], &new));
    hooks.change("finishWebhookRotation", &id, json!({})).await.unwrap();
    hooks.party.hear_marked().await;
    let got = sink.wait(|got| got.len() == 2).await;
    assert!(!verified(&got[1], &old) && verified(&got[1], &new));
    let refused = hooks.change("rotateWebhookSecret", &id, json!({"overlapSeconds": 2_592_001})).await;
    assert_eq!(refused, Err("BAD_USER_INPUT".to_owned()));
    hooks.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_with_a_revision_and_a_deleted_webhook_gets_no_more() {
    let hooks = Hooks::build().await;
    let sink = Sink::start().await;
    let headers =
        json!([{"name": "X-Tenant", "value": "7"}, {"name": "Authorization", "value": "Bearer t", "secret": true}]);
    let (id, _) = hooks.register(&sink, json!({"eventTypes": ["message.created"], "headers": headers})).await;
    hooks.party.hear_marked().await;
    let got = sink.wait(|got| got.len() == 1).await;
    assert_eq!((got[0].header("x-tenant"), got[0].header("authorization")), ("7", "Bearer t"));

    let input = json!({"ifRevision": 1, "retryDelays": [1, 2], "headers": [{"name": "authorization", "secret": true}],
                       "legacySignature": {"header": "x-old", "secret": "k"}});
    let changed = hooks.change("updateWebhook", &id, input.clone()).await.unwrap()["webhook"].clone();
    assert_eq!(
        (&changed["revision"], &changed["maxAttempts"], &changed["retryDelays"]),
        (&json!(2), &json!(3), &json!([1, 2]))
    );
    assert_eq!(changed["headers"], json!([{"name": "authorization", "value": null, "isSecret": true}]));
    assert_eq!(hooks.change("updateWebhook", &id, input).await, Err("CONFLICT".to_owned()));
    hooks.party.hear_marked().await;
    let got = sink.wait(|got| got.len() == 2).await;
    assert_eq!((got[1].header("x-tenant"), got[1].header("authorization")), ("", "Bearer t"));
    assert_eq!(got[1].header("x-old").len(), 64);
    for (input, code) in [
        (json!({"url": "http://10.0.0.1/"}), "BAD_USER_INPUT"),
        (json!({"headers": [{"name": "host", "value": "x"}]}), "BAD_USER_INPUT"),
        (json!({"rateLimit": 0}), "BAD_USER_INPUT"),
        (json!({"channelId": "chan_01jd4rk0v8fh2s9m3q7w5x6y1z"}), "NOT_FOUND"),
        (json!({"filter": {"labelIds": ["lbl_01jd4rk0v8fh2s9m3q7w5x6y1z"]}}), "NOT_FOUND"),
    ] {
        assert_eq!(hooks.change("updateWebhook", &id, input.clone()).await, Err(code.to_owned()), "{input}");
    }
    hooks.change("deleteWebhook", &id, json!({})).await.unwrap();
    hooks.party.hear_marked().await;
    assert_eq!(hooks.change("pauseWebhook", &id, json!({})).await, Err("NOT_FOUND".to_owned()));
    let after = Sink::start().await;
    hooks.register(&after, json!({"eventTypes": ["message.created"]})).await;
    hooks.party.hear_marked().await;
    after.wait(|got| got.len() == 1).await;
    assert_eq!(sink.received().len(), 2);
    hooks.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_body_of_every_documented_event_fits_its_schema() {
    let hooks = Hooks::build().await;
    let sink = Sink::start().await;
    hooks.register(&sink, json!({"includeNotes": true})).await;
    let mut heard = 0;
    for fixture in fixtures::all() {
        let answer = hooks.party.post(&fixture.provider, fixture.suffix.as_deref(), &fixture.body).await;
        assert_eq!(answer.status(), 200, "{}", fixture.file);
        heard += 1;
    }
    let sql = "SELECT count(*) FROM event WHERE workspace_id = $1 AND type <> 'settings.changed'";
    let count: i64 =
        sqlx::query_scalar(sql).bind(hooks.party.workspace).fetch_one(&hooks.server.database).await.unwrap();
    // The sink compares each body with its schema.
    let got = sink.wait(|got| got.len() == usize::try_from(count).unwrap()).await;
    assert!(heard > 20 && types(&got).len() > 10, "{:?}", types(&got));
    hooks.server.stop().await;
}
