use std::collections::BTreeSet;

use chrono::DateTime;
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::{
    chaos::Chaos,
    claim::Claim,
    provider::{
        Provider,
        crowd::{Crowd, Event},
    },
    target::Target,
};

/// A server that verifies signatures, stores bodies, answers every third request 503 and drops every seventh connection
/// before the answer.
async fn flaky() -> (Target, Arc<Mutex<BTreeSet<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::<Mutex<BTreeSet<String>>>::default();
    let kept = seen.clone();
    let number = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (kept, number) = (kept.clone(), number.clone());
            tokio::spawn(async move {
                let mut wire = Wire::over(stream).unwrap();
                while let Ok(Some(request)) = wire.receive().await {
                    let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let provider =
                        Provider::ALL.into_iter().find(|provider| request.start().contains(provider.word())).unwrap();
                    let signature = request.header(provider.signature_header()).unwrap();
                    assert_eq!(signature, provider.sign("secret", &request.body));
                    let outcome = match number {
                        _ if number.is_multiple_of(7) => return,
                        _ if number.is_multiple_of(3) => None,
                        _ if kept.lock().insert(String::from_utf8(request.body.to_vec()).unwrap()) => Some("accepted"),
                        _ => Some("duplicate"),
                    };
                    let body = outcome
                        .map(|outcome| json!({"id": "in_1", "outcome": outcome}).to_string())
                        .unwrap_or_default();
                    let status = if outcome.is_some() { "200 OK" } else { "503 Busy" };
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                    if wire.send(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let source = |provider: Provider| json!({ "url": format!("{url}/in/{}", provider.word()), "secret": "secret" });
    let target = json!({
        "url": url, "graphql_url": "", "database_url": "", "api_key": "",
        "sources": { "oneroute": source(Provider::OneRoute), "mobtexting": source(Provider::MobTexting),
                     "oblic": source(Provider::Oblic) },
    });
    (serde_json::from_value(target).unwrap(), seen)
}

#[tokio::test]
async fn posts_until_each_event_is_acknowledged() {
    let (target, seen) = flaky().await;
    let book = Book::default();
    let pace = Pace { rate: None, connections: 8, give_up: Duration::from_secs(60) };
    // This server recognises every event.
    let is_understood = |event: &Event| !event.claims.iter().any(|claim| matches!(claim, Claim::Unrecognised { .. }));
    let crowd = Crowd::new(1, "a", DateTime::UNIX_EPOCH).filter(is_understood).take(40);
    let posts: Vec<_> = Chaos::new(crowd, 1).collect();
    let bodies: BTreeSet<_> = posts.iter().map(|post| post.event.body.to_string()).collect();
    let count = posts.len();
    let progress = Progress::default();
    run(&Doors::of(&target).unwrap(), posts.into_iter(), pace, &book, &progress).await;
    let ledger = book.open();
    assert_eq!((ledger.acknowledged, ledger.given_up, *progress.done.borrow()), (count, 0, count));
    assert_eq!(ledger.refused, Vec::<String>::new());
    assert!(ledger.retries > 0);
    assert_eq!(*seen.lock(), bodies);
}
