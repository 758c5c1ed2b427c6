//! P8 while transactions overlap and processes come and go: no follower misses or repeats an entry of the log.

use futures::future::join_all;
use inlet_domain::{ambient::Ambient, event::EventType, ids::WorkspaceId, scope::Actor};
use inlet_store::log::{self, NewEvent};
use inlet_tests::{LiveClient, Options, TestServer, fixtures, live::Frame, spawn};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

/// How many followers there are at each process.
const FOLLOWERS: usize = 3;

/// Someone who follows all of the log, and what they were told.
struct Follower {
    socket: LiveClient,
    told: Vec<(i64, String)>,
}

impl Follower {
    async fn begin(server: &TestServer) -> Self {
        Self { socket: follow(server, 0).await, told: Vec::new() }
    }

    fn reached(&self) -> i64 {
        self.told.last().map_or(0, |(seq, _)| *seq)
    }

    /// Reads until that entry has come.
    async fn until(&mut self, seq: i64) {
        while self.reached() < seq {
            let message = self.socket.next().await.message();
            self.take(&message);
        }
    }

    /// Reads until the process sends it elsewhere, then goes on at another with its last cursor.
    async fn move_to(&mut self, server: &TestServer) {
        loop {
            match self.socket.next().await {
                Frame::Message(message) => self.take(&message),
                Frame::Closed(code, _) => {
                    assert_eq!(code, 1012);
                    self.socket = follow(server, self.reached()).await;
                    return;
                }
            }
        }
    }

    fn take(&mut self, message: &Value) {
        let event = &message["payload"]["data"]["events"];
        assert_eq!(event["__typename"], "Event", "{message}");
        self.told.push((seq(&event["cursor"]), event["id"].as_str().unwrap().to_owned()));
    }
}

async fn follow(server: &TestServer, after: i64) -> LiveClient {
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let events = format!("events(after: \"1-{after}\")");
    let query = format!("subscription {{ {events} {{ __typename ... on Event {{ id cursor }} }} }}");
    socket.subscribe("1", &query).await;
    socket
}

fn seq(cursor: &Value) -> i64 {
    cursor.as_str().unwrap().split_once('-').unwrap().1.parse().unwrap()
}

async fn head(server: &TestServer) -> i64 {
    seq(&server.graphql("{ head }", json!({})).await["head"])
}

/// The log as the pull side tells it.
async fn pulled(server: &TestServer) -> Vec<(i64, String)> {
    const PAGE: &str = "query ($after: Cursor) { events(first: 100, after: $after) { edges { cursor node { id } } } }";
    let mut all = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = server.graphql(PAGE, json!({"after": after})).await["events"]["edges"].clone();
        let edges = page.as_array().unwrap();
        let Some(last) = edges.last() else { return all };
        after = last["cursor"].clone();
        all.extend(edges.iter().map(|it| (seq(&it["cursor"]), it["node"]["id"].as_str().unwrap().to_owned())));
    }
}

fn message(phone: &str, id: &str) -> String {
    let sample = fixtures::of("mobtexting").into_iter().find(|it| it.file.contains("whatsapp-message-in-text"));
    let mut body: Value = serde_json::from_str(&sample.unwrap().body).unwrap();
    body["payload"]["id"] = json!(id);
    body["payload"]["recipient"]["from"] = json!(phone);
    body["payload"]["recipient"]["user"] = json!({"id": format!("user-{phone}"), "phone": phone});
    body.to_string()
}

/// Like a provider: again until it is taken.
async fn post(server: &TestServer, body: &str) {
    while server.post("mobtexting", None, body).await.0 != 200 {}
}

/// Messages of as many people, all at once, through every one of the servers.
async fn crowd(servers: &[&TestServer], run: &str, count: usize) {
    let posts = (0..count).map(|number| async move {
        let body = message(&format!("9198{run}{number:05}"), &format!("{run}-{number}"));
        post(servers[number % servers.len()], &body).await;
    });
    join_all(posts).await;
}

fn draft(server: &TestServer) -> NewEvent {
    NewEvent {
        workspace: server.workspace_id.parse::<WorkspaceId>().unwrap(),
        kind: EventType::ContactUpdated,
        occurred_at: Ambient::system().now(),
        actor: Actor::System,
        revision: None,
        conversation_id: None,
        message_id: None,
        contact_id: None,
        channel_id: None,
        medium: None,
        direction: None,
        internal: false,
        payload: "{}".to_owned(),
        previous: None,
    }
}

async fn until_one_waits(server: &TestServer) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&server.database).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
}

/// One server, or two over one database.
async fn servers(count: usize) -> Vec<TestServer> {
    let mut all = vec![spawn().await];
    if count == 2 {
        let other = all[0].beside(Options::default()).await;
        all.push(other);
    }
    all
}

async fn followers(all: &[&TestServer]) -> Vec<Follower> {
    let mut followers = Vec::new();
    for server in all {
        for _ in 0..FOLLOWERS {
            followers.push(Follower::begin(server).await);
        }
    }
    followers
}

async fn finish(followers: Vec<Follower>, server: &TestServer) {
    let log = pulled(server).await;
    let numbers: Vec<i64> = log.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(numbers, (1..=head(server).await).collect::<Vec<_>>(), "the log has no gap");
    for mut follower in followers {
        follower.until(log.len().try_into().unwrap()).await;
        assert_eq!(follower.told, log);
    }
}

async fn stop(mut all: Vec<TestServer>) {
    let first = all.remove(0);
    for other in all {
        other.halt().await;
    }
    first.stop().await;
}

/// The oldest transaction of all has begun to write and ends last; a provider's own waits for its rows.
async fn held_before_its_number(count: usize) {
    let all = servers(count).await;
    let each: Vec<&TestServer> = all.iter().collect();
    let phone = "919800000000";
    post(each[0], &message(phone, "first")).await;
    let mut followers = followers(&each).await;

    let mut connection = PgConnection::connect(&all[0].database_url).await.unwrap();
    let mut held = connection.begin().await.unwrap();
    sqlx::query("SELECT pg_current_xact_id()::text FROM identity FOR UPDATE").execute(&mut *held).await.unwrap();
    crowd(&each, "1", 100).await;
    let now = head(each[0]).await;
    for follower in &mut followers {
        follower.until(now).await;
    }

    let last = each.last().unwrap();
    let body = message(phone, "behind the lock");
    let release = async {
        until_one_waits(each[0]).await;
        log::append(&mut held, &Ambient::system(), &[draft(each[0])]).await.unwrap();
        held.commit().await.unwrap();
    };
    tokio::join!(post(last, &body), release);
    crowd(&each, "2", 50).await;
    finish(followers, each[0]).await;
    stop(all).await;
}

/// A transaction has taken the next number of the log and does not end; who comes after it waits.
async fn held_with_its_number(count: usize) {
    let all = servers(count).await;
    let each: Vec<&TestServer> = all.iter().collect();
    crowd(&each, "1", 20).await;
    let followers = followers(&each).await;
    let before = head(each[0]).await;

    let mut connection = PgConnection::connect(&all[0].database_url).await.unwrap();
    let mut held = connection.begin().await.unwrap();
    log::append(&mut held, &Ambient::system(), &[draft(each[0])]).await.unwrap();
    let release = async {
        until_one_waits(each[0]).await;
        assert_eq!(head(each[0]).await, before, "no number is passed over");
        held.commit().await.unwrap();
    };
    tokio::join!(crowd(&each, "2", 60), release);
    finish(followers, each[0]).await;
    stop(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_transaction_that_is_held_open_hides_nothing_from_followers() {
    held_before_its_number(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_transaction_that_is_held_open_hides_nothing_from_followers_of_two_processes() {
    held_before_its_number(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_number_that_is_taken_and_not_committed_is_waited_for() {
    held_with_its_number(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_number_that_is_taken_and_not_committed_is_waited_for_at_two_processes() {
    held_with_its_number(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_rolling_restart_loses_nothing() {
    let mut standing = spawn().await;
    let mut leaving = standing.beside(Options::default()).await;
    let mut followers = followers(&[&leaving, &leaving]).await;
    for round in 0..3 {
        let (one, run) = ([&standing], round.to_string());
        let crowd = crowd(&one, &run, 40);
        let moving = join_all(followers.iter_mut().map(|follower| follower.move_to(&standing)));
        tokio::join!(moving, crowd, async { leaving.halt().await });
        let fresh = standing.beside(Options::default()).await;
        leaving = std::mem::replace(&mut standing, fresh);
    }
    finish(followers, &standing).await;
    leaving.halt().await;
    standing.stop().await;
}
