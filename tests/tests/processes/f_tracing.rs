//! F: spans, from a provider's POST to the delivered webhook.

use std::{collections::BTreeSet, net::TcpListener};

use inlet_tests::{
    LiveClient, Sink, client,
    collector::{Collector, Exported, Taken},
    process::{DataDir, Process},
    sign,
};
use serde_json::{Value, json};

/// What stands in every message, and must stand in no span.
const CANARY: &str = "canary-of-a-message";
/// The trace and the span that the provider says its request belongs to.
const FOREIGN: (&str, &str) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");

fn message(n: usize) -> Value {
    let phone = format!("9198765{n:05}");
    json!({"event": "whatsapp:message:in", "payload": {
        "id": format!("m-{n}"),
        "channels": [{"name": "whatsapp", "to": "919019120123"}],
        "recipient": {"from": phone, "user": {"id": format!("u-{n}"), "first_name": CANARY, "phone": phone}},
        "message": {"type": "text", "payload": {"text": format!("{CANARY} {n}")}},
    }})
}

/// Posts as the provider, in a trace of the provider's own.
async fn post(process: &Process, body: &Value) -> Value {
    let (source, body) = (&process.dev.sources["mobtexting"], body.to_string());
    let (header, signature) = sign::header("mobtexting", &source.secret, body.as_bytes());
    let request = client().post(&source.url).header("content-type", "application/json").header(header, signature);
    let request = request.header("traceparent", format!("00-{}-{}-01", FOREIGN.0, FOREIGN.1));
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// Registers the sink; the webhook's secret.
async fn register(process: &Process, sink: &Sink) -> String {
    let mutation = "mutation W($input: RegisterWebhookInput!) { registerWebhook(input: $input) { secret } }";
    let input = json!({"name": "w", "url": format!("{}{CANARY}", sink.url()), "eventTypes": ["message.created"],
        "retryDelays": [1, 1, 1], "idempotencyKey": "k"});
    let data = process.graphql(mutation, json!({"input": input})).await;
    data["registerWebhook"]["secret"].as_str().unwrap().to_owned()
}

/// The one span of this name that the predicate holds of.
fn one<'a>(taken: &'a Taken, name: &str, is: impl Fn(&Exported) -> bool) -> &'a Exported {
    let found: Vec<_> = taken.spans.iter().filter(|span| span.name == name && is(span)).collect();
    assert_eq!(found.len(), 1, "{name}: {:#?}", taken.spans);
    found[0]
}

/// Each kind of span with its attributes, but for what differs from run to run.
fn kinds(spans: &[Exported]) -> String {
    let value = |name: &str, value: &str| match value.split_once('_') {
        _ if ["inlet.batch.size", "inlet.deliveries", "inlet.answers"].contains(&name) => "<number>".to_owned(),
        _ if uuid::Uuid::parse_str(value).is_ok() => "<uuid>".to_owned(),
        Some((prefix, rest)) if rest.len() == 26 => format!("<{prefix}>"),
        _ => value.to_owned(),
    };
    let lines: BTreeSet<String> = spans
        .iter()
        .map(|span| {
            let attributes: Vec<_> =
                span.attributes.iter().map(|(name, text)| format!("{name}={}", value(name, text))).collect();
            let place = if span.parent.is_empty() { "" } else { " child" };
            let status = if span.is_error { " error" } else { "" };
            format!("{} [{}{place}{status}] {}", span.name, span.kind, attributes.join(" "))
        })
        .collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn f_one_trace_leads_from_a_providers_post_to_the_delivered_webhook() {
    let (folder, collector, sink) = (DataDir::new(), Collector::start(), Sink::start().await);
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-of-collector=yes"),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("INLET_LOG", "debug"),
    ];
    let process = Process::start_with(&folder.path(), &environment).await;
    let webhook_secret = register(&process, &sink).await;
    let mut live = LiveClient::connect(&process.dev.graphql_url, &process.dev.api_key).await;
    live.subscribe("s", "subscription { events(after: null) { __typename } }").await;
    live.subscribe("q", "{ __typename }").await;
    live.next().await;
    // The first attempt fails, the second comes over a claim.
    sink.answer(|request| (if request.header("inlet-attempt") == "1" { 503 } else { 200 }, Vec::new()));

    let id = post(&process, &message(1)).await["id"].as_str().unwrap().to_owned();
    let several = post(&process, &json!([message(2), message(3)])).await;
    let received = sink.wait(|received| received.len() == 6).await;
    let refused = client().post(format!("{}/in/{CANARY}", process.dev.url)).send().await.unwrap();
    assert_eq!(refused.status(), 404);
    collector.wait(|taken| taken.spans.iter().filter(|span| span.name == "webhook.attempt").count() == 6).await;
    let dev = process.dev.clone();
    assert!(process.stop().await.success());
    // What was open at the end is exported, too.
    let taken = collector.taken();

    let door = one(&taken, "provider.request", |span| span.attribute("inlet.request_id") == id);
    let root = (door.trace.clone(), door.span.clone());
    assert_eq!(door.parent, "", "an outsider is no parent");
    assert_eq!(door.links, [(FOREIGN.0.to_owned(), FOREIGN.1.to_owned())]);
    one(&taken, "apply.batch", |span| span.links.contains(&root));
    one(&taken, "webhook.dispatch", |span| span.links.contains(&root));
    one(&taken, "webhook.claim", |span| span.links.contains(&root));
    let mine = received.iter().filter(|request| request.json()["payload"]["external_id"] == "m-1");
    let mut attempts = 0;
    for request in mine {
        attempts += 1;
        let number = request.header("inlet-attempt");
        let is_it = |span: &Exported| {
            span.attribute("inlet.delivery") == request.header("inlet-delivery")
                && span.attribute("inlet.attempt") == number
        };
        let attempt = one(&taken, "webhook.attempt", is_it);
        assert_eq!((&attempt.trace, &attempt.parent), (&root.0, &root.1));
        assert_eq!(request.header("traceparent"), format!("00-{}-{}-01", root.0, attempt.span));
    }
    assert_eq!(attempts, 2);

    // Each event of a body of several has a trace of its own, linked to the request.
    let of_several = one(&taken, "provider.request", |span| {
        span.attribute("inlet.request_id").is_empty() && span.attribute("inlet.refusal").is_empty()
    });
    for event in several["events"].as_array().unwrap() {
        let element = one(&taken, "provider.event", |span| event["id"] == span.attribute("inlet.request_id"));
        assert_eq!(element.links, [(of_several.trace.clone(), of_several.span.clone())]);
        let caused = taken.spans.iter().filter(|span| span.name == "webhook.attempt" && span.trace == element.trace);
        assert_eq!(caused.count(), 2);
    }

    insta::assert_snapshot!(kinds(&taken.spans));
    assert_eq!(taken.resource["service.name"], "inlet");
    assert!(taken.spans.iter().all(|span| span.events == 0), "log lines are no part of a span");
    let bytes = String::from_utf8_lossy(&taken.bytes);
    assert!(bytes.contains("x-of-collector"));
    let source = &dev.sources["mobtexting"];
    let token = source.url.rsplit('/').next().unwrap();
    let port = format!(":{}", sink.url().trim_end_matches('/').rsplit(':').next().unwrap());
    let secrets = [token, source.secret.as_str(), webhook_secret.as_str(), dev.api_key.as_str(), dev.password.as_str()];
    let texts = [CANARY, "9198765", dev.email.as_str(), port.as_str(), "__typename", "registerWebhook", "external_id"];
    for hidden in secrets.into_iter().chain(texts) {
        assert!(!bytes.contains(hidden), "{hidden} was exported");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_a_collector_that_hangs_holds_nothing_up() {
    let (folder, collector, sink) = (DataDir::new(), Collector::hanging(), Sink::start().await);
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1"),
    ];
    let process = Process::start_with(&folder.path(), &environment).await;
    register(&process, &sink).await;
    collector.wait(|taken| taken.requests == 1).await;
    for n in 0..20 {
        post(&process, &message(n)).await;
    }
    let received = sink.wait(|received| received.len() == 20).await;
    assert!(received.iter().all(|request| request.header("traceparent").starts_with("00-")));
    let metrics = client().get(format!("{}/metrics", process.dev.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("inlet_spans_lost_total{reason=\"queue_full\"}"), "{metrics}");
    assert_eq!(collector.taken().requests, 1, "it hangs still");
    assert!(process.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn f_without_an_endpoint_nothing_is_exported_and_no_trace_is_told() {
    // Where an exporter would call by default; another process of this machine may have the port.
    let by_default = TcpListener::bind("127.0.0.1:4318").ok();
    let collector = Collector::start();
    for environment in [
        [("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("OTEL_SERVICE_NAME", "inlet")],
        [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()), ("OTEL_SDK_DISABLED", "true")],
    ] {
        let (folder, sink) = (DataDir::new(), Sink::start().await);
        let process = Process::start_with(&folder.path(), &environment).await;
        register(&process, &sink).await;
        post(&process, &message(1)).await;
        let received = sink.wait(|received| received.len() == 1).await;
        assert!(received[0].headers.iter().all(|(name, _)| name != "traceparent"), "{:?}", received[0].headers);
        assert!(process.stop().await.success());
    }
    assert_eq!(collector.taken().requests, 0);
    if let Some(listener) = by_default {
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "no one called");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_an_export_that_is_not_possible_is_refused_with_what_to_do() {
    let folder = DataDir::new();
    for (environment, told) in [
        (
            [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            "set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf",
        ),
        (
            [("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318"), ("OTEL_SERVICE_NAME", "inlet")],
            "set OTEL_EXPORTER_OTLP_ENDPOINT to the collector's URL",
        ),
    ] {
        let said = Process::try_start(&folder.path(), &environment).await.err().expect("it is refused");
        assert!(said.contains(told), "{said}");
    }
}
