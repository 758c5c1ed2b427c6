//! What the providers' door refuses, and that a refusal changes nothing but the raw log and the counters (CONTRACT,
//! section 1).

use std::convert::Infallible;

use futures::{StreamExt, stream};
use inlet_store::apply::ApplyConfig;
use inlet_tests::{Options, TestServer, fixtures, sign, spawn, spawn_with};
use reqwest::{Body, Method, Request, RequestBuilder, Response, StatusCode, header::HeaderValue};
use serde_json::{Value, json};

const SHOWN: &str = "query { inboundEvents(first: 20, filter: {outcome: [QUARANTINED, UNRECOGNISED, FAILED]}) { nodes { id outcome error lenient receivedAt } } }";

fn sample() -> String {
    fixtures::of("oneroute").remove(0).body
}

/// A new message with an id of its own.
fn message(id: &str) -> String {
    let mut body: Value = serde_json::from_str(&sample()).unwrap();
    body["message"]["externalId"] = json!(id);
    body.to_string()
}

/// A request to the source of OneRoute with this signature.
fn signed(server: &TestServer, method: Method, body: impl Into<Body>, signature: &str) -> RequestBuilder {
    let request = server.client.request(method, &server.sources["oneroute"].url);
    request.header("content-type", "application/json").header("x-oneroute-signature", signature).body(body)
}

fn signature(server: &TestServer, body: &[u8]) -> String {
    sign::header("oneroute", &server.sources["oneroute"].secret, body).1
}

fn authentic(server: &TestServer, body: &str) -> RequestBuilder {
    signed(server, Method::POST, body.to_owned(), &signature(server, body.as_bytes()))
}

fn as_xml(server: &TestServer, body: &str) -> Request {
    let mut request = authentic(server, body).build().unwrap();
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/xml"));
    request
}

/// Fails unless the answer is that refusal, in the form that all errors have.
async fn assert_refused(answer: Response, status: u16, code: &str) {
    assert_eq!(answer.status().as_u16(), status);
    let body: Value = answer.json().await.unwrap();
    let error = body["error"].as_object().unwrap_or_else(|| panic!("{body}"));
    assert_eq!(error["code"], code, "{body}");
    assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
    assert_eq!((body.as_object().unwrap().len(), error.len()), (1, 2), "{body}");
}

/// What the raw log shows beside what was accepted.
async fn shown(server: &TestServer) -> Vec<Value> {
    server.graphql(SHOWN, json!({})).await["inboundEvents"]["nodes"].as_array().unwrap().clone()
}

/// How many requests were ever refused with that code, in this process.
async fn refused(server: &TestServer, code: &str) -> u64 {
    let metrics = server.client.get(format!("{}/metrics", server.url)).send().await.unwrap().text().await.unwrap();
    let line = format!("inlet_ingest_refused_total{{code=\"{code}\"}} ");
    metrics.lines().find_map(|it| it.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

/// A server that has taken a message, so that there is something to be changed, and its state.
async fn taught() -> (TestServer, Value) {
    let server = spawn().await;
    let answer = authentic(&server, &sample()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.json::<Value>().await.unwrap()["outcome"], "accepted");
    let state = server.state().await;
    (server, state)
}

/// Sends what is to be refused: nothing changes, the raw log neither, but its counter.
async fn assert_leaves_nothing(
    server: &TestServer,
    state: &Value,
    request: RequestBuilder,
    status: u16,
    code: &'static str,
) {
    let (kept, counted) = (shown(server).await, refused(server, code).await);
    assert_refused(request.send().await.unwrap(), status, code).await;
    assert_eq!(&server.state().await, state, "{code}");
    assert_eq!(shown(server).await, kept, "{code}");
    assert!(refused(server, code).await > counted, "{code} is counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_missing_signature_is_401() {
    let (server, state) = taught().await;
    let body = message("forged");
    let of_another = sign::header("oneroute", "another secret", body.as_bytes()).1;
    for wrong in [of_another.as_str(), "", "00", "not hex", &signature(&server, b"another body")] {
        let request = signed(&server, Method::POST, body.clone(), wrong);
        assert_leaves_nothing(&server, &state, request, 401, "SIGNATURE_WRONG").await;
    }
    let unsigned = server.client.post(&server.sources["oneroute"].url).body(body.clone());
    assert_leaves_nothing(&server, &state, unsigned, 401, "SIGNATURE_MISSING").await;
    assert_eq!(authentic(&server, &body).send().await.unwrap().status(), 200, "rightly signed it is taken");
    assert_ne!(server.state().await, state, "so the state would have told");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_token_is_404_and_an_unsupported_method_405() {
    let (server, state) = taught().await;
    let body = message("lost");
    let url = format!("{}/in/no-such-token", server.url);
    let lost = server.client.post(url).header("x-oneroute-signature", signature(&server, body.as_bytes()));
    assert_leaves_nothing(&server, &state, lost.body(body.clone()), 404, "NOT_FOUND").await;
    for method in [Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let request = signed(&server, method, body.clone(), &signature(&server, body.as_bytes()));
        assert_leaves_nothing(&server, &state, request, 405, "METHOD_NOT_ALLOWED").await;
    }
    let put = signed(&server, Method::PUT, body.clone(), &signature(&server, body.as_bytes()));
    assert_eq!(put.send().await.unwrap().status(), 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_megabytes_are_413_with_a_length_and_in_chunks() {
    let (server, state) = taught().await;
    let large = format!("{}{}", message("large"), " ".repeat(2 << 20));
    let right = signature(&server, large.as_bytes());
    let whole = signed(&server, Method::POST, large.clone(), &right);
    assert_leaves_nothing(&server, &state, whole, 413, "TOO_LARGE").await;
    let chunks: Vec<Result<Vec<u8>, Infallible>> = large.as_bytes().chunks(60_000).map(|it| Ok(it.to_vec())).collect();
    let chunked = signed(&server, Method::POST, Body::wrap_stream(stream::iter(chunks)), &right);
    assert_leaves_nothing(&server, &state, chunked, 413, "TOO_LARGE").await;

    let padded = format!("{}{}", message("large"), " ".repeat(900_000));
    assert_eq!(authentic(&server, &padded).send().await.unwrap().status(), 200, "what is within the bound is taken");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_json_is_400_and_kept_where_it_is_authentic() {
    let (server, state) = taught().await;
    let broken = r#"{"event": "newMessage", "message": "#;
    let forged = signed(&server, Method::POST, broken, "00");
    assert_leaves_nothing(&server, &state, forged, 401, "SIGNATURE_WRONG").await;
    let counted = refused(&server, "UNREADABLE").await;
    for (sent, body) in [broken, "", "{]", "newMessage"].into_iter().enumerate() {
        assert_refused(authentic(&server, body).send().await.unwrap(), 400, "UNREADABLE").await;
        let kept = shown(&server).await;
        assert_eq!(kept.len(), sent + 1, "{body}");
        assert_eq!((&kept[0]["outcome"], &kept[0]["lenient"]), (&json!("QUARANTINED"), &json!(false)));
        assert!(kept[0]["error"].as_str().is_some_and(|error| !error.is_empty()), "{}", kept[0]);
    }
    assert!(refused(&server, "UNREADABLE").await >= counted + 4);
    assert_eq!(server.state().await, state);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_at_all_is_415_and_kept() {
    let (server, state) = taught().await;
    let body = "<message>Hello</message>";
    let counted = refused(&server, "UNSUPPORTED_MEDIA_TYPE").await;
    let answer = server.client.execute(as_xml(&server, body)).await.unwrap();
    assert_refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE").await;
    let packed = authentic(&server, body).header("content-encoding", "gzip");
    assert_refused(packed.send().await.unwrap(), 415, "UNSUPPORTED_MEDIA_TYPE").await;
    let kept = shown(&server).await;
    assert_eq!(kept.iter().map(|it| &it["outcome"]).collect::<Vec<_>>(), ["QUARANTINED", "QUARANTINED"]);
    assert!(refused(&server, "UNSUPPORTED_MEDIA_TYPE").await >= counted + 2);
    assert_eq!(server.state().await, state);
    // JSON is JSON, whatever it is called.
    assert_eq!(server.client.execute(as_xml(&server, &message("xml"))).await.unwrap().status(), 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_19_an_unknown_event_is_200_and_kept() {
    let (server, state) = taught().await;
    let answer = authentic(&server, r#"{"event": "somethingNew", "id": 1}"#).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["outcome"], "unrecognised");
    let kept = shown(&server).await;
    assert_eq!((kept.len(), &kept[0]["outcome"], &kept[0]["id"]), (1, &json!("UNRECOGNISED"), &answer["id"]));
    assert_eq!(server.state().await, state);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_json5_is_200_and_marked_lenient() {
    let (server, _) = taught().await;
    let body = "{event: 'lowUnitBalance', \"firm\": \"Firm Name\", // whose\n \"units\": 7,}";
    let answer: Value = authentic(&server, body).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["outcome"], "accepted");
    let raw = server.graphql("{ inboundEvents(first: 2) { nodes { id outcome lenient } } }", json!({})).await;
    let expected = json!({"id": answer["id"], "outcome": "ACCEPTED", "lenient": true});
    assert_eq!(raw["inboundEvents"]["nodes"][0], expected);
    assert_eq!(raw["inboundEvents"]["nodes"][1]["lenient"], false, "the strict one is not");
    let alerts = server.graphql("{ balanceAlerts(first: 5) { nodes { firm units } } }", json!({})).await;
    assert_eq!(alerts["balanceAlerts"]["nodes"], json!([{"firm": "Firm Name", "units": "7"}]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_a_nul_anywhere_in_the_url_is_no_fault_of_ours() {
    let (server, state) = taught().await;
    let body = r#"{"a": 1}"#;
    for end in ["/a%00b", "/%00", "?event=a%00b", "/x?y=%00%ff"] {
        let url = format!("{}{end}", server.sources["oneroute"].url);
        let request = server.client.post(url).header("x-oneroute-signature", signature(&server, body.as_bytes()));
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{end}");
        assert_eq!(answer.json::<Value>().await.unwrap()["outcome"], "unrecognised", "{end}");
    }
    assert_eq!(shown(&server).await.len(), 4);
    assert_eq!(server.state().await, state);
    server.stop().await;
}

const CREATE: &str =
    "mutation($input: CreateSourceInput!) { createSource(input: $input) { source { id provider url verification } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_source_fails_closed_and_works_at_its_url() {
    let (server, state) = taught().await;
    let without =
        json!({"input": {"name": "two", "provider": "ONEROUTE", "verification": "HMAC", "idempotencyKey": "k1"}});
    let answer = server.graphql_raw(CREATE, without.clone()).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    let mut empty = without;
    empty["input"]["secret"] = json!("");
    assert!(!server.graphql_raw(CREATE, empty).await["errors"].is_null());
    assert_eq!(
        server.graphql("{ sources(first: 20) { nodes { id } } }", json!({})).await["sources"]["nodes"]
            .as_array()
            .unwrap()
            .len(),
        3
    );

    // As the contract writes it.
    let made = server.graphql("mutation { createSource(input: {name: \"two\", provider: ONEROUTE, secret: \"s\", verification: HMAC, idempotencyKey: \"k2\"}) { source { id provider url } } }", json!({})).await;
    let url = made["createSource"]["source"]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{}/in/", server.url)), "{url}");
    let body = message("second source");
    let unsigned = server.client.post(&url).body(body.clone());
    assert_leaves_nothing(&server, &state, unsigned, 401, "SIGNATURE_MISSING").await;
    let of_the_first = server.client.post(&url).header("x-oneroute-signature", signature(&server, body.as_bytes()));
    assert_leaves_nothing(&server, &state, of_the_first.body(body.clone()), 401, "SIGNATURE_WRONG").await;
    let (header, right) = sign::header("oneroute", "s", body.as_bytes());
    let answer = server.client.post(&url).header(header, right).body(body).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["outcome"], "accepted");

    let open = json!({"input": {"name": "open", "provider": "OBLIC", "verification": "NONE", "idempotencyKey": "k3"}});
    let made = server.graphql(CREATE, open).await["createSource"]["source"].clone();
    assert_eq!(made["verification"], "NONE");
    let body = fixtures::of("oblic").remove(6).body;
    let answer = server.client.post(made["url"].as_str().unwrap()).body(body).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["outcome"], "accepted");
    let both = server
        .graphql("{ conversations(first: 20) { nodes { channel { providerAccount { provider } } } } }", json!({}))
        .await;
    assert_eq!(both["conversations"]["nodes"].as_array().unwrap().len(), 3, "each account has its own: {both}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_17_whatever_is_taken_is_answered_with_200_and_nothing_else() {
    let server = spawn().await;
    for fixture in fixtures::of("oneroute") {
        for outcome in ["accepted", "duplicate"] {
            let (status, answer) = server.post("oneroute", fixture.suffix.as_deref(), &fixture.body).await;
            assert_eq!((status, answer["outcome"].as_str()), (200, Some(outcome)), "{}: {answer}", fixture.file);
        }
    }
    assert_eq!(server.post("oneroute", None, r#"{"event": "somethingNew"}"#).await.0, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mt_13_who_would_wait_too_long_is_told_to_come_again_before_they_give_up() {
    let server = spawn().await;
    let text = fixtures::of("mobtexting").into_iter().find(|it| it.file.contains("04-whatsapp")).unwrap().body;
    assert_eq!(server.post("mobtexting", None, &text).await.0, 200);
    let mut holder = server.database.begin().await.unwrap();
    sqlx::query("SELECT id FROM conversation FOR UPDATE").fetch_all(&mut *holder).await.unwrap();
    // The row is held for as long as the answer takes, so an answer shows that there is an end to the waiting.
    let mut next: Value = serde_json::from_str(&text).unwrap();
    next["payload"]["id"] = json!("second");
    let (status, answer) = server.post("mobtexting", None, &next.to_string()).await;
    assert_eq!((status, &answer["error"]["code"]), (503, &json!("UNAVAILABLE")));
    holder.rollback().await.unwrap();
    // The answer did not wait for the last try, which may have found the row free.
    let (status, answer) = server.post("mobtexting", None, &next.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    assert!(["accepted", "duplicate"].contains(&answer["outcome"].as_str().unwrap()), "{answer}");
    let kept = "SELECT count(*) FROM message WHERE external_id = 'second'";
    assert_eq!(sqlx::query_scalar::<_, i64>(kept).fetch_one(&server.database).await.unwrap(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mt_16_a_handshake_is_answered_and_has_no_effect() {
    let (server, state) = taught().await;
    let url = &server.sources["mobtexting"].url;
    let body = r#"{"validation_key": "k", "challenge": "c-123"}"#;
    let answer = server.client.post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({"challenge": "c-123"}));
    let (status, signed) = server.post("mobtexting", None, body).await;
    assert_eq!((status, signed), (200, json!({"challenge": "c-123"})));
    let forged = server.client.post(url).header("signature", "00").body(body);
    assert_leaves_nothing(&server, &state, forged, 401, "SIGNATURE_WRONG").await;
    let elsewhere = server.client.post(&server.sources["oneroute"].url).body(body);
    assert_leaves_nothing(&server, &state, elsewhere, 401, "SIGNATURE_MISSING").await;
    assert_eq!(server.state().await, state);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_full_queue_is_503_with_retry_after_and_nothing_is_lost() {
    let apply = ApplyConfig { lanes: 1, queue: 2, batch: 1, ..ApplyConfig::default() };
    let server = spawn_with(Options { apply, ..Options::default() }).await;
    assert_eq!(authentic(&server, &message("first")).send().await.unwrap().status(), 200);
    let mut holder = server.database.begin().await.unwrap();
    sqlx::query("SELECT id FROM conversation FOR UPDATE").fetch_all(&mut *holder).await.unwrap();

    // A workspace may hold one of the two places: whichever of these comes first waits for the row, the others do not.
    let bodies = ["second", "third", "fourth"].map(message);
    let mut sent: stream::FuturesUnordered<_> =
        bodies.iter().map(|body| async { (body.clone(), authentic(&server, body).send().await.unwrap()) }).collect();
    let mut turned_away = Vec::new();
    for _ in 0..2 {
        let (body, answer) = sent.next().await.unwrap();
        let after: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&after), "{after}");
        assert_refused(answer, 503, "OVERLOADED").await;
        turned_away.push(body);
    }
    holder.rollback().await.unwrap();
    let (_, waited) = sent.next().await.unwrap();
    drop(sent);
    assert_eq!(waited.status(), 200);
    assert_eq!(waited.json::<Value>().await.unwrap()["outcome"], "accepted");
    for body in turned_away {
        let again: Value = authentic(&server, &body).send().await.unwrap().json().await.unwrap();
        assert_eq!(again["outcome"], "accepted", "it comes again and is taken");
    }
    let state = server.state().await;
    assert_eq!(state["conversations"]["nodes"][0]["messages"]["nodes"].as_array().unwrap().len(), 4, "{state:#}");
    server.stop().await;
}
