//! E with P8: a failover may lose what could be read, and give its number in the log to another event. Who follows is never
//! left with an event that no longer stands. A durable primary with a standby, and the real binary.

use std::{collections::BTreeMap, time::Duration};

use inlet_server::dev_file::DevFile;
use inlet_tests::{LiveClient, Process, Sink, client, fixtures, pair::Pair, process::Beside};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// Writes go through again within about 2 s; the rest is for the machine.
const AGAIN: Duration = Duration::from_secs(20);

const REGISTER: &str = "mutation ($url: String!) { registerWebhook(input: {name: \"receiver\", url: $url, \
    eventTypes: [\"message.created\"], idempotencyKey: \"w\"}) { webhook { id } } }";

/// Whether the webhook has been sent all that there is, and that was noted.
const SENT: &str = "SELECT count(*) FROM dispatch_cursor c WHERE c.seq = (SELECT max(seq) FROM event e \
    WHERE e.workspace_id = c.workspace_id) AND NOT EXISTS (SELECT FROM delivery WHERE status <> 'succeeded') \
    AND EXISTS (SELECT FROM delivery)";

/// What is written while no standby has it.
const LOST: &str = "SELECT count(*) FROM message WHERE external_id = 'e-lost'";

/// Like a provider: again until it is taken.
async fn taken(process: &Process, id: &str) {
    let body = fixtures::message(id);
    timeout(AGAIN, async { while process.post("oneroute", &body).await.0 != 200 {} }).await.expect("it is taken");
}

async fn until(url: &str, count: &'static str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let waiting = async { while sqlx::query_scalar::<_, i64>(count).fetch_one(&mut conn).await.unwrap() == 0 {} };
    timeout(AGAIN, waiting).await.expect("it comes to that in time");
    conn.close().await.unwrap();
}

async fn head(process: &Process) -> String {
    process.graphql("{ head }", json!({})).await["head"].as_str().unwrap().to_owned()
}

/// Who follows: the texts of the messages that they know of, and what they were told, with the cursors. At a reset they read
/// anew, as clients do.
struct Follower<'a> {
    process: &'a Process,
    socket: LiveClient,
    known: Vec<String>,
    told: Vec<(String, String)>,
}

impl<'a> Follower<'a> {
    /// After a cursor, over a process of this URL.
    async fn start(process: &'a Process, graphql_url: &str, after: &str) -> Self {
        let mut socket = LiveClient::connect(graphql_url, &process.dev.api_key).await;
        let query = format!(
            "subscription {{ events(after: \"{after}\", filter: {{types: [\"message.created\"]}}) {{ \
               ... on Event {{ cursor payload }} ... on Reset {{ cursor reason }} }} }}"
        );
        socket.subscribe("1", &query).await;
        Self { process, socket, known: Vec::new(), told: Vec::new() }
    }

    /// Follows until they know of exactly these.
    async fn knows(&mut self, messages: &[&str]) {
        let following = async {
            while self.known != messages {
                let update = self.socket.data("1").await["events"].clone();
                let cursor = update["cursor"].as_str().unwrap().to_owned();
                if let Some(reason) = update["reason"].as_str() {
                    self.known = pulled(self.process, &cursor).await;
                    self.told.push((reason.to_owned(), cursor));
                } else {
                    let content = update["payload"]["content"].as_str().unwrap().to_owned();
                    self.known.push(content.clone());
                    self.told.push((content, cursor));
                }
            }
        };
        if timeout(AGAIN, following).await.is_err() {
            panic!("they know of {:?}, not {messages:?}; they were told {:?}", self.known, self.told);
        }
    }

    fn was_reset(&self) -> bool {
        self.told.iter().any(|(what, _)| what == "FOREIGN")
    }

    /// The last cursor, in its two halves.
    fn cursor(&self) -> (String, String) {
        let (_, cursor) = self.told.last().expect("they were told something");
        let (epoch, seq) = cursor.split_once('-').unwrap();
        (epoch.to_owned(), seq.to_owned())
    }
}

/// The messages of the log up to a cursor, as it is pulled.
async fn pulled(process: &Process, cursor: &str) -> Vec<String> {
    let page = process.graphql("{ events(first: 100) { nodes { cursor type payload } } }", json!({})).await;
    let number = |cursor: &str| cursor.split_once('-').unwrap().1.parse::<i64>().unwrap();
    let nodes = page["events"]["nodes"].as_array().unwrap().clone();
    let is_message = |event: &&Value| {
        event["type"] == "message.created" && number(event["cursor"].as_str().unwrap()) <= number(cursor)
    };
    let content = |event: &Value| event["payload"]["content"].as_str().unwrap().to_owned();
    nodes.iter().filter(is_message).map(content).collect()
}

async fn refused(dev: &DevFile, query: &str) -> Value {
    let request = client().post(&dev.graphql_url).bearer_auth(&dev.api_key);
    let answer: Value = request.json(&json!({"query": query})).send().await.unwrap().json().await.unwrap();
    answer["errors"][0]["extensions"]["code"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn e_p8_who_was_told_what_a_failover_lost_is_told_a_reset() {
    let mut pair = Pair::start().await;
    let process = Process::start_with(&pair.data_dir(), &[("DATABASE_URL", &pair.url())]).await;
    let beside = Beside::start(&pair.data_dir(), &process.dev).await;
    let sink = Sink::start().await;
    process.graphql(REGISTER, json!({"url": sink.url()})).await;
    taken(&process, "e-first").await;
    until(&pair.primary_url, SENT).await;
    // From now on it is as where no commit waits for a standby, and the standby is behind.
    pair.wait_no_more().await;
    pair.part().await;
    let start = head(&process).await;
    let mut follower = Follower::start(&process, &process.dev.graphql_url, &start).await;
    let mut other = Follower::start(&process, &format!("{}/graphql", beside.url), &start).await;
    taken(&process, "e-lost").await;
    follower.knows(&["e-lost"]).await;
    other.knows(&["e-lost"]).await;
    let lost = head(&process).await;
    assert_eq!(lost, follower.told[0].1);

    pair.fail_over().await;
    taken(&process, "e-other").await;
    follower.knows(&["e-first", "e-other"]).await;
    other.knows(&["e-first", "e-other"]).await;
    assert!(follower.was_reset() && other.was_reset());
    // The number is the lost one's; the cursor is not, and both processes give the same one.
    let (epoch, seq) = follower.cursor();
    assert_eq!(other.cursor(), (epoch.clone(), seq.clone()));
    assert!(!lost.starts_with(&epoch) && lost.ends_with(&format!("-{seq}")), "{lost} {epoch}-{seq}");
    // They go on from there.
    let told = follower.told.len();
    taken(&process, "e-last").await;
    follower.knows(&["e-first", "e-other", "e-last"]).await;
    other.knows(&["e-first", "e-other", "e-last"]).await;
    assert_eq!(follower.told.len(), told + 1, "{:?}", follower.told);
    for cursor in [&lost, &start] {
        let query = format!("{{ events(first: 1, after: \"{cursor}\") {{ nodes {{ id }} }} }}");
        assert_eq!(refused(&process.dev, &query).await, "CURSOR_LOST", "{cursor}");
    }

    // Webhooks: all that stands was sent, once each.
    until(&pair.standby_url, SENT).await;
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for one in sink.received() {
        *sent.entry(one.json()["payload"]["content"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    sent.remove("e-lost");
    assert_eq!(sent, ["e-first", "e-last", "e-other"].map(|id| (id.to_owned(), 1)).into());
    drop((follower, other, beside));
    assert!(process.stop().await.success());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_p8_what_no_one_was_told_is_lost_without_a_reset() {
    let mut pair = Pair::start().await;
    let process = Process::start_with(&pair.data_dir(), &[("DATABASE_URL", &pair.url())]).await;
    taken(&process, "e-first").await;
    let start = head(&process).await;
    let mut follower = Follower::start(&process, &process.dev.graphql_url, &start).await;
    pair.part().await;
    // It can be read, for who waited for the standby was ended; no standby has it.
    let body = fixtures::message("e-lost");
    let (answer, ()) = tokio::join!(process.post("oneroute", &body), pair.end_who_waits(LOST));
    assert_eq!(answer.0, 503, "{answer:?}");

    pair.fail_over().await;
    taken(&process, "e-other").await;
    taken(&process, "e-last").await;
    follower.knows(&["e-other", "e-last"]).await;
    assert!(start.starts_with(&format!("{}-", follower.cursor().0)), "{start} {:?}", follower.told);
    drop(follower);
    assert!(process.stop().await.success());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_p8_a_failover_that_loses_nothing_is_not_noticed_by_who_follows() {
    let mut pair = Pair::start().await;
    let process = Process::start_with(&pair.data_dir(), &[("DATABASE_URL", &pair.url())]).await;
    let start = head(&process).await;
    let mut follower = Follower::start(&process, &process.dev.graphql_url, &start).await;
    taken(&process, "e-first").await;
    follower.knows(&["e-first"]).await;
    pair.fail_over().await;
    taken(&process, "e-second").await;
    taken(&process, "e-third").await;
    follower.knows(&["e-first", "e-second", "e-third"]).await;
    let mut late = Follower::start(&process, &process.dev.graphql_url, &start).await;
    late.knows(&["e-first", "e-second", "e-third"]).await;
    assert!(!follower.was_reset() && !late.was_reset());
    assert_eq!(follower.cursor(), late.cursor());
    drop((follower, late));
    assert!(process.stop().await.success());
    pair.stop().await;
}
