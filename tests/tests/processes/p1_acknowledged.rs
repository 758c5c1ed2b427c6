//! P1: what was answered 200 is there once, whatever happens to the process. The real binary, a durable Postgres, and
//! kill -9 while several tasks post.

use std::collections::HashMap;

use futures::future::join_all;
use inlet_server::dev_file::DevFile;
use inlet_tests::{Process, client, fixtures, process::DataDir, sign};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;

/// Who post at the same time, each to a conversation of its own.
const POSTERS: usize = 4;

/// How many answers there are before each kill.
const ANSWERS: usize = 120;

/// A provider's outgoing queue: what it has not been told 200 for, it sends again.
struct Poster {
    number: usize,
    sample: Value,
    next: usize,
    acknowledged: Vec<String>,
}

impl Poster {
    fn new(number: usize) -> Self {
        let sample = serde_json::from_str(&fixtures::of("oneroute").remove(0).body).unwrap();
        Self { number, sample, next: 0, acknowledged: Vec::new() }
    }

    fn body(&self, id: &str) -> String {
        let mut body = self.sample.clone();
        let conversation = json!(format!("p1-{}", self.number));
        body["message"]["externalId"] = json!(id);
        body["message"]["content"] = json!(id);
        body["message"]["conversation_id"] = conversation.clone();
        body["conversation"]["id"] = conversation;
        body["conversation"]["customer"]["email"] = json!(format!("p1-{}@example.com", self.number));
        body.to_string()
    }

    /// Posts one message after the other until the server is gone or `most` are acknowledged.
    async fn post(mut self, dev: DevFile, most: usize, answered: mpsc::UnboundedSender<()>) -> Self {
        let client = client();
        let source = &dev.sources["oneroute"];
        for _ in 0..most {
            let id = format!("p1-{}-{}", self.number, self.next);
            let body = self.body(&id);
            let (header, signature) = sign::header("oneroute", &source.secret, body.as_bytes());
            let request = client.post(&source.url).header("content-type", "application/json").header(header, signature);
            let Ok(answer) = request.body(body).send().await else { return self };
            if answer.status() == 200 {
                self.acknowledged.push(id);
                self.next += 1;
                // After the last answer that the test waits for, nobody listens.
                let _ = answered.send(());
            }
        }
        self
    }
}

/// Every page of a connection: its edges, in order.
async fn pages(process: &Process, query: &str, pointer: &str, mut variables: Value) -> Vec<Value> {
    let mut edges = Vec::new();
    loop {
        let data = process.graphql(query, variables.clone()).await;
        let page = data.pointer(pointer).unwrap();
        edges.extend(page["edges"].as_array().unwrap().clone());
        if page["pageInfo"]["hasNextPage"] == false {
            return edges;
        }
        assert!(!page["edges"].as_array().unwrap().is_empty(), "a page that has a next one is not empty");
        variables["after"] = page["pageInfo"]["endCursor"].clone();
    }
}

fn counted<'a>(values: impl Iterator<Item = &'a Value>) -> HashMap<&'a str, usize> {
    let mut counts = HashMap::new();
    for value in values.filter_map(Value::as_str) {
        *counts.entry(value).or_default() += 1;
    }
    counts
}

/// Every message of every conversation, by the provider's id.
async fn assert_each_message_once(process: &Process, posters: &[Poster]) {
    let list = "query { conversations(first: 20) { nodes { id externalId } } }";
    let conversations = process.graphql(list, json!({})).await["conversations"]["nodes"].clone();
    let conversations = conversations.as_array().unwrap();
    assert_eq!(conversations.len(), POSTERS);
    let mut shown = Vec::new();
    for conversation in conversations {
        let query = "query($id: ID!, $after: Cursor) { conversation(id: $id) { messages(first: 100, after: $after) {
            edges { node { externalId content } } pageInfo { endCursor hasNextPage } } } }";
        let variables = json!({"id": conversation["id"], "after": null});
        shown.extend(pages(process, query, "/conversation/messages", variables).await);
    }
    let ids = counted(shown.iter().map(|edge| &edge["node"]["externalId"]));
    for id in posters.iter().flat_map(|poster| &poster.acknowledged) {
        assert_eq!(ids.get(id.as_str()), Some(&1), "{id} was answered 200");
    }
    let acknowledged: usize = posters.iter().map(|poster| poster.acknowledged.len()).sum();
    assert_eq!(shown.len(), acknowledged, "at the end everything was acknowledged, so there is nothing else");
}

/// The log has each `message.created` once and its cursors count up without a gap.
async fn assert_gapless_log(process: &Process, posters: &[Poster]) {
    let query = "query($after: Cursor) { head events(first: 100, after: $after) { edges { cursor node { id type payload } } pageInfo { endCursor hasNextPage } } }";
    let log = pages(process, query, "/events", json!({"after": null})).await;
    for (edge, number) in log.iter().zip(1..) {
        let (_, cursor) = edge["cursor"].as_str().unwrap().split_once('-').unwrap();
        assert_eq!(cursor.parse(), Ok(number), "a gap");
    }
    assert_eq!(process.graphql("{ head }", json!({})).await["head"], log.last().unwrap()["cursor"]);
    let created = log.iter().filter(|edge| edge["node"]["type"] == "message.created");
    let ids = counted(created.map(|edge| &edge["node"]["payload"]["external_id"]));
    for id in posters.iter().flat_map(|poster| &poster.acknowledged) {
        assert_eq!(ids.get(id.as_str()), Some(&1), "{id} in the log");
    }
}

async fn assert_durable(dev: &DevFile) {
    let mut conn = PgConnection::connect(&dev.database_url).await.unwrap();
    for setting in ["SHOW fsync", "SHOW synchronous_commit"] {
        let value: String = sqlx::query_scalar(setting).fetch_one(&mut conn).await.unwrap();
        assert_eq!(value, "on", "{setting}");
    }
    conn.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_every_acknowledged_message_is_there_once_after_kill_9() {
    let folder = DataDir::new();
    let mut posters: Vec<Poster> = (0..POSTERS).map(Poster::new).collect();
    for _ in 0..2 {
        let process = Process::start(&folder.path()).await;
        assert_durable(&process.dev).await;
        let (answered, mut answers) = mpsc::unbounded_channel();
        let posting = posters.into_iter().map(|poster| poster.post(process.dev.clone(), usize::MAX, answered.clone()));
        let posting: Vec<_> = posting.map(tokio::spawn).collect();
        for _ in 0..ANSWERS {
            answers.recv().await.unwrap();
        }
        process.kill().await;
        posters = join_all(posting).await.into_iter().map(Result::unwrap).collect();
    }

    let process = Process::start(&folder.path()).await;
    let (answered, _answers) = mpsc::unbounded_channel();
    // What was in flight comes again, as a provider would send it.
    let last = posters.into_iter().map(|poster| poster.post(process.dev.clone(), 1, answered.clone()));
    let posters: Vec<Poster> = join_all(last).await;
    for poster in &posters {
        assert_eq!(poster.acknowledged.len(), poster.next);
    }
    let acknowledged: usize = posters.iter().map(|poster| poster.acknowledged.len()).sum();
    assert!(acknowledged >= 2 * ANSWERS + POSTERS, "{acknowledged}");
    assert_durable(&process.dev).await;
    assert_each_message_once(&process, &posters).await;
    assert_gapless_log(&process, &posters).await;
    assert!(process.stop().await.success());
}
