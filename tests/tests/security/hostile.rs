//! P11: whatever is posted, rightly signed, is never a 5xx and never a panic; it is kept in the raw log with its bytes
//! as they came, and with the outcome that it deserves.

use std::{
    panic,
    sync::atomic::{AtomicUsize, Ordering},
};

use inlet_tests::{
    TestServer,
    corpus::{self, Body},
    sign, spawn,
};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use serde_json::Value;

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts what panics from here on, on any thread: an adapter's panic is caught and would not be seen.
fn count_panics() {
    let said = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        said(info);
    }));
}

async fn send(server: &TestServer, body: &Body) -> (u16, Value) {
    let source = &server.sources[body.provider];
    let (header, signature) = sign::header(body.provider, &source.secret, &body.bytes);
    let mut request = server.client.post(&source.url).header(header, signature).body(body.bytes.clone());
    if let Some(content_type) = &body.content_type {
        request = request.header(CONTENT_TYPE, HeaderValue::from_bytes(content_type).unwrap());
    }
    if let Some(encoding) = body.content_encoding {
        request = request.header(CONTENT_ENCODING, encoding);
    }
    let answer = request.send().await.unwrap_or_else(|error| panic!("{}: {error:?}", body.name));
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert!(text.len() < 4096, "{}: an answer of {} bytes", body.name, text.len());
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}: {text}", body.name)))
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_hostile_bodies_are_answered_and_kept_as_they_came() {
    count_panics();
    let server = spawn().await;
    let mut kept = 0;
    for body in corpus::bodies() {
        let (status, answer) = send(&server, &body).await;
        assert_eq!(status, body.status, "{}: {answer}", body.name);
        let newest = server.kept().await;
        match body.outcome {
            None => assert_eq!(newest.len(), kept, "{} is not kept", body.name),
            Some(outcome) => {
                kept += 1;
                assert_eq!(newest.len(), kept, "{} is kept once", body.name);
                let last = newest.last().unwrap();
                assert_eq!(last.outcome, outcome, "{}: {answer}", body.name);
                assert!(server.kept_body(last).await == body.kept(), "{}: the bytes are not as they came", body.name);
            }
        }
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    assert!(kept > 150, "{kept}");
    // What was stored can be shown.
    let state = server.state().await;
    assert!(!state["conversations"]["nodes"].as_array().unwrap().is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_ids_beyond_2_to_the_53_are_kept_exactly() {
    let server = spawn().await;
    let ids = ["9007199254740993", "18446744073709551615", "9223372036854775807", "123456789012345678901234567890"];
    for provider in ["oneroute", "mobtexting", "oblic"] {
        for id in ids {
            let (status, answer) = server.post(provider, None, &corpus::event(provider, id, "\"hello\"", "")).await;
            assert_eq!((status, answer["outcome"].as_str()), (200, Some("accepted")), "{provider} {id}");
        }
    }
    let stored: Vec<String> =
        sqlx::query_scalar("SELECT external_id FROM message ORDER BY id").fetch_all(&server.database).await.unwrap();
    assert_eq!(stored, [ids; 3].concat());
    server.stop().await;
}
