//! Composed webhooks: what is sent is what was composed, signed, and nothing that an event brings can change its shape.

use inlet_tests::{SeededWorkspace, Sink, TestServer, database, operation::Operation, sink::Received, spawn};
use serde_json::{Value, json};

struct Composed {
    server: TestServer,
    party: SeededWorkspace,
    sink: Sink,
}

impl Composed {
    async fn build() -> Self {
        let server = spawn().await;
        Self { party: SeededWorkspace::of(&server).await, sink: Sink::start().await, server }
    }

    async fn ask(&self, query: &str, input: Value) -> Value {
        self.party.ask(&Operation { query: query.to_owned(), variables: json!({ "input": input }) }).await
    }

    async fn register(&self, path: &str, kinds: Value, composition: Value) -> Value {
        let query = "mutation ($input: RegisterWebhookInput!) { registerWebhook(input: $input) { secret webhook { id url \
                     composition { method bodyFormat body headers { name value } } } } }";
        let input = json!({"name": "composed", "url": format!("{}{path}", self.sink.url()), "eventTypes": kinds,
                           "composition": composition, "idempotencyKey": database::unique()});
        self.ask(query, input).await
    }

    async fn came(&self, count: usize) -> Vec<Received> {
        loop {
            let received = self.sink.received();
            if received.len() >= count {
                return received;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn verified(one: &Received, secret: &Value) -> bool {
    let webhook = standardwebhooks::Webhook::new(secret.as_str().unwrap()).unwrap();
    let mut headers = reqwest::header::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, one.header(name).parse().unwrap());
    }
    webhook.verify(&one.body, &headers).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_what_was_composed_and_it_is_signed() {
    let here = Composed::build().await;
    let composition = json!({
        "method": "PUT", "bodyFormat": "JSON", "headers": [{"name": "X-Kind", "value": "it is @{{event.type}}"}],
        "body": {"message": "@{{id}}", "text": "<@{{content}}>", "from": {"name": "@{{contact.name}}"}, "read": "@{{read_at}}"},
    });
    let url = "ack/@{{id}}?text=@{{content}}&kind=@{{event.type}}";
    let made = here.register(url, json!(["message.created"]), composition).await;
    let made = &made["data"]["registerWebhook"];
    assert!(made["webhook"]["url"].as_str().unwrap().ends_with(url), "{made}");
    assert_eq!(made["webhook"]["composition"]["method"], "PUT");
    here.party.hear_marked().await;

    let one = here.came(1).await.remove(0);
    let body: Value = serde_json::from_slice(&one.body).unwrap();
    let text = body["text"].as_str().unwrap().trim_matches(['<', '>']);
    let query: Vec<(String, String)> = url::form_urlencoded::parse(one.query.as_bytes()).into_owned().collect();
    assert_eq!((one.method.as_str(), one.header("content-type")), ("PUT", "application/json"));
    assert_eq!(one.path, format!("/ack/{}", body["message"].as_str().unwrap()));
    assert_eq!(query, [("text".to_owned(), text.to_owned()), ("kind".to_owned(), "message.created".to_owned())]);
    assert_eq!(one.header("x-kind"), "it is message.created");
    assert_eq!(body["read"], Value::Null);
    assert!(body["from"]["name"].is_string(), "{body}");
    assert!(verified(&one, &made["secret"]));
    assert!(!verified(&Received { body: b"{}".to_vec(), ..one }, &made["secret"]));
    here.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_carries_all_in_its_url_and_forms_are_forms() {
    let here = Composed::build().await;
    let get = json!({"method": "GET"});
    let form = json!({"bodyFormat": "FORM", "body": {"id": "@{{id}}", "a&b": "@{{event.type}}"}});
    for (path, composition) in [("get?id=@{{id}}", get), ("form", form)] {
        let made = here.register(path, json!(["message.created"]), composition).await;
        assert!(made["errors"].is_null(), "{made}");
    }
    here.party.hear_marked().await;
    let received = here.came(2).await;
    let of = |path: &str| received.iter().find(|one| one.path == path).unwrap();
    let (get, form) = (of("/get"), of("/form"));
    assert_eq!((get.method.as_str(), get.body.len()), ("GET", 0));
    assert!(get.query.starts_with("id=msg_"), "{}", get.query);
    assert_eq!(form.header("content-type"), "application/x-www-form-urlencoded");
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&form.body).into_owned().collect();
    assert_eq!(format!("id={}", fields[0].1), get.query);
    assert_eq!(fields[1], ("a&b".to_owned(), "message.created".to_owned()));
    here.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_when_it_is_saved_with_its_place() {
    let here = Composed::build().await;
    let body = json!({"body": {"mobile": "@{{mobile}}"}});
    let fits = here.register("", json!(["message.status_changed"]), body.clone()).await;
    assert!(fits["errors"].is_null(), "{fits}");
    for (path, kinds, composition, place) in [
        ("", json!(["message.*"]), body.clone(), "input.composition"),
        ("", json!([]), body, "input.composition"),
        ("@{{nope}}", json!(["message.created"]), json!({"method": "GET"}), "input.url"),
        ("", json!(["message.created"]), json!({"method": "GET", "body": {}}), "input.composition"),
        (
            "",
            json!(["message.created"]),
            json!({"headers": [{"name": "host", "value": "x"}]}),
            "input.composition.headers",
        ),
        (
            "",
            json!(["message.created"]),
            json!({"headers": [{"name": "x-a", "value": "a\r\nb: c"}]}),
            "input.composition",
        ),
    ] {
        let answer = here.register(path, kinds, composition).await;
        let extensions = &answer["errors"][0]["extensions"];
        let place: Vec<&str> = place.split('.').collect();
        assert_eq!(
            (&extensions["code"], &extensions["inputPath"]),
            (&json!("BAD_USER_INPUT"), &json!(place)),
            "{answer}"
        );
    }
    here.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_what_would_be_sent_and_a_value_that_cannot_stand_ends_the_delivery() {
    let here = Composed::build().await;
    let query = "mutation ($input: PreviewCompositionInput!) { previewComposition(input: $input) { method url headers { name \
                 value } contentType body } }";
    let event = json!({"id": "evt_1", "type": "message.status_changed",
                       "payload": {"id": "msg_1", "status": "a&b=c\r\n", "mobile": "../x"}});
    let composition = json!({"headers": [{"name": "x-s", "value": "@{{status}}"}], "body": {"s": "@{{status}}"}});
    let url = "https://www.example.com/ack/@{{mobile}}?s=@{{status}}";
    let shown = here.ask(query, json!({"url": url, "composition": composition, "event": event})).await;
    let shown = &shown["data"]["previewComposition"];
    assert_eq!(shown["url"], "https://www.example.com/ack/..%2Fx?s=a%26b%3Dc%0D%0A");
    assert_eq!(shown["headers"], json!([{"name": "x-s", "value": "a&b=c%0D%0A"}]));
    assert_eq!(shown["body"], r#"{"s":"a&b=c\r\n"}"#);
    let made_up = here.ask(query, json!({"url": url, "composition": composition})).await;
    assert_eq!(made_up["data"]["previewComposition"]["method"], "POST", "{made_up}");
    let dots = json!({"id": "evt_1", "payload": {"id": "msg_1", "status": "sent", "mobile": ".."}});
    let refused = here.ask(query, json!({"url": url, "composition": composition, "event": dots})).await;
    assert_eq!(refused["errors"][0]["extensions"]["inputPath"], json!(["input", "url"]), "{refused}");

    // A message whose content is "..", which would climb out of its folder.
    let made = here.register("ack/@{{content}}/x", json!(["message.created"]), json!({"method": "GET"})).await;
    assert!(made["errors"].is_null(), "{made}");
    let body = json!({"event": "whatsapp:message:in", "payload": {"id": database::unique(),
        "channels": [{"name": "whatsapp", "to": "919019120000"}],
        "recipient": {"from": "919876543210", "user": {"id": "dots", "phone": "919876543210"}},
        "message": {"type": "text", "payload": {"text": ".."}}}});
    assert_eq!(here.party.post("mobtexting", None, &body.to_string()).await.status(), 200);
    let query = "query { deliveries(first: 10) { nodes { status attempts { nodes { errorKind error } } } } }";
    let delivery = loop {
        let answer = here.ask(query, json!({})).await;
        let node = answer["data"]["deliveries"]["nodes"][0].clone();
        if node.is_object() && node["status"] != "PENDING" {
            break node;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (&delivery["status"], &delivery["attempts"]["nodes"][0]["errorKind"]),
        (&json!("EXHAUSTED"), &json!("composition"))
    );
    assert!(here.sink.received().is_empty());
    here.server.stop().await;
}
