//! P9: endpoints that hang, refuse, drip, flood and unfold do not keep anything from one that is well.

use std::time::Duration;

use inlet_tests::{SeededWorkspace, Sink, TestServer, database, operation::Operation, spawn};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// More than one webhook may have in hand.
const MESSAGES: usize = 300;

/// How an endpoint behaves that is not well.
#[derive(Debug, Clone, Copy)]
enum Ill {
    /// Takes the request and never answers.
    Hangs,
    /// Answers a byte a second.
    Drips,
    /// Answers 500.
    Refuses,
    /// Answers with 10 MB.
    Floods,
    /// Answers with what says that it is compressed, and would be a gigabyte.
    Unfolds,
}

impl Ill {
    /// Its URL.
    async fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(self.serve(socket));
            }
        });
        url
    }

    async fn serve(self, mut socket: TcpStream) {
        let mut request = vec![0; 64 * 1024];
        if socket.read(&mut request).await.is_err() {
            return;
        }
        let head = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\nconnection: close\r\n{more}\r\n");
        match self {
            Self::Hangs => std::future::pending().await,
            Self::Drips => {
                let _ = socket.write_all(head("200 OK", "content-length: 1000\r\n").as_bytes()).await;
                let mut second = tokio::time::interval(Duration::from_secs(1));
                while socket.write_all(b"x").await.is_ok() {
                    second.tick().await;
                }
            }
            Self::Refuses => {
                let _ = socket.write_all(head("500 -", "content-length: 0\r\n").as_bytes()).await;
            }
            Self::Floods => {
                let _ = socket.write_all(head("200 OK", "content-length: 10485760\r\n").as_bytes()).await;
                let _ = socket.write_all(&vec![b'x'; 10 << 20]).await;
            }
            Self::Unfolds => {
                let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
                bomb.resize(1 << 20, 0);
                let more = format!("content-encoding: gzip\r\ncontent-length: {}\r\n", bomb.len());
                let _ = socket.write_all(head("200 OK", &more).as_bytes()).await;
                let _ = socket.write_all(&bomb).await;
            }
        }
    }
}

async fn register(party: &SeededWorkspace, url: &str) -> String {
    let query = "mutation ($u: String!, $k: String!) { registerWebhook(input: {name: \"receiver\", url: $u, \
                 eventTypes: [\"message.created\"], timeoutSeconds: 30, idempotencyKey: $k}) { webhook { id } } }";
    let variables = json!({"u": url, "k": database::unique()});
    let answer = party.ask(&Operation { query: query.to_owned(), variables }).await;
    answer["data"]["registerWebhook"]["webhook"]["id"].as_str().unwrap().to_owned()
}

async fn count(server: &TestServer, sql: &'static str, webhook: &str) -> i64 {
    let id: inlet_domain::ids::WebhookId = webhook.parse().unwrap();
    sqlx::query_scalar(sql).bind(id).fetch_one(&server.database).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_a_well_endpoint_gets_all_its_events_while_others_are_stuck() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    let mut ill = Vec::new();
    for kind in [Ill::Hangs, Ill::Drips, Ill::Refuses, Ill::Floods, Ill::Unfolds] {
        ill.push((kind, register(&party, &kind.start().await).await));
    }
    let sink = Sink::start().await;
    let well = register(&party, sink.url()).await;
    for _ in 0..MESSAGES {
        party.hear_marked().await;
    }
    let got = sink.wait(|got| got.len() == MESSAGES).await;
    assert!(got.iter().all(|one| one.header("inlet-attempt") == "1"));

    const SUCCEEDED: &str = "SELECT count(*) FROM delivery WHERE webhook_id = $1 AND status = 'succeeded'";
    const WRITTEN: &str = "SELECT count(*) FROM delivery WHERE webhook_id = $1";
    for (kind, id) in &ill {
        assert_eq!(count(&server, WRITTEN, id).await, i64::try_from(MESSAGES).unwrap(), "{kind:?}");
        match kind {
            // They are stuck: nothing of theirs is through, and nothing is lost.
            Ill::Hangs | Ill::Drips | Ill::Refuses => assert_eq!(count(&server, SUCCEEDED, id).await, 0, "{kind:?}"),
            Ill::Floods | Ill::Unfolds => {
                while count(&server, SUCCEEDED, id).await < i64::try_from(MESSAGES).unwrap() {
                    tokio::task::yield_now().await;
                }
                let kept = "SELECT max(octet_length(a.response_body))::bigint FROM attempt a JOIN delivery d \
                            ON d.workspace_id = a.workspace_id AND d.id = a.delivery_id WHERE d.webhook_id = $1";
                assert_eq!(count(&server, kept, id).await, 16 * 1024, "{kind:?}: no more is kept than that");
            }
        }
    }
    while count(&server, SUCCEEDED, &well).await < i64::try_from(MESSAGES).unwrap() {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}
