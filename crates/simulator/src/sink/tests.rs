use standardwebhooks::Webhook;

use super::*;
use crate::{provider::mac, wire::Endpoint};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn body(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"message.created","payload":{{"external_id":"wamid-1","text":"é"}}}}"#)
}

/// A request signed by the reference library and then changed by `tamper`.
fn request(sink: &Sink, id: &str, age: i64, tamper: impl Fn(String) -> String) -> Vec<u8> {
    let body = body(id);
    let at = clock::now().timestamp() - age;
    let standard = Webhook::new(SECRET).unwrap().sign(id, at, body.as_bytes()).unwrap();
    let plain = hex::encode(mac::<hmac::Hmac<sha2::Sha256>>(SECRET.as_bytes(), &[body.as_bytes()]));
    let path = Endpoint::parse(sink.url()).unwrap().path;
    let length = body.len();
    tamper(format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nWebhook-Id: {id}\r\nWebhook-Timestamp: {at}\r\n\
         Webhook-Signature: v1,AAAA {standard}\r\nX-Inlet-Signature: {plain}\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
    .into_bytes()
}

async fn post(sink: &Sink, request: &[u8]) -> u16 {
    let mut wire = Wire::open(&Endpoint::parse(sink.url()).unwrap().address).await.unwrap();
    wire.exchange(request).await.unwrap().status()
}

async fn trusting() -> Sink {
    let sink = Sink::start().await.unwrap();
    sink.trust(Secret::parse(SECRET).unwrap());
    sink
}

#[tokio::test]
async fn takes_what_the_reference_library_signed_and_counts_repeats() {
    let sink = trusting().await;
    let request = request(&sink, "evt_1", 0, |it| it);
    assert_eq!(post(&sink, &request).await, 200);
    assert_eq!(post(&sink, &request).await, 200);
    assert_eq!(sink.wait_for(1, Duration::from_secs(60)).await, 1);
    assert_eq!(sink.tally(), Tally { received: 1, repeats: 1, failed: 0, refused: vec![] });
    let received = &sink.received()["evt_1"];
    assert_eq!((received.event.as_str(), received.kind.as_str()), ("evt_1", "message.created"));
    assert_eq!((received.external_id.as_deref(), received.times), (Some("wamid-1"), 2));
}

#[tokio::test]
async fn refuses_a_changed_byte_anywhere() {
    let sink = trusting().await;
    let changes: [(&str, &str, Forged); 5] = [
        ("\"text\":\"é\"", "\"text\":\"è\"", Forged::Standard),
        ("Webhook-Id: evt_1", "Webhook-Id: evt_2", Forged::Standard),
        ("X-Inlet-Signature: ", "X-Inlet-Signature: 0", Forged::Plain),
        ("X-Inlet-Signature", "X-Other", Forged::Header),
        ("v1,", "v2,", Forged::Standard),
    ];
    for (from, to, _) in &changes {
        assert_eq!(post(&sink, &request(&sink, "evt_1", 0, |it| it.replace(from, to))).await, 401, "{from} -> {to}");
    }
    assert_eq!(post(&sink, &request(&sink, "evt_1", 301, |it| it)).await, 401);
    assert_eq!(post(&sink, &request(&sink, "evt_1", 299, |it| it)).await, 200);
    let tally = sink.tally();
    let count = |why: Forged| tally.refused.iter().find(|(said, _)| *said == why.to_string()).map(|(_, n)| *n);
    assert_eq!(count(Forged::Standard), Some(3));
    assert_eq!(count(Forged::Plain), Some(1));
    assert_eq!(count(Forged::Header), Some(1));
    assert_eq!(count(Forged::Stale), Some(1));
}

#[tokio::test]
async fn without_a_secret_nothing_is_taken() {
    let sink = Sink::start().await.unwrap();
    assert_eq!(post(&sink, &request(&sink, "evt_1", 0, |it| it)).await, 503);
    assert_eq!(sink.tally().received, 0);
}

#[tokio::test]
async fn fails_on_purpose_and_then_takes_the_retry() {
    let sink = trusting().await;
    let request = request(&sink, "evt_1", 0, |it| it);
    sink.behave(Behaviour::Fail(429));
    assert_eq!(post(&sink, &request).await, 429);
    sink.behave(Behaviour::FailFirst(1));
    assert_eq!(post(&sink, &request).await, 200, "it failed once already");
    assert_eq!(sink.tally(), Tally { received: 1, repeats: 0, failed: 1, refused: vec![] });
}
