//! What is read for those who follow is read once, however many they are. One test, for it counts what the whole process
//! sends to the database.

use inlet_server::config::Role;
use inlet_tests::{
    LiveClient, Options, SeededWorkspace, TestServer,
    log::{Written, append_to, notify},
    spawn_with,
    statements::Statements,
};
use serde_json::{Value, json};

const EVENTS: i64 = 12;

/// One of so many different documents, all of which show what belongs to the event.
fn document(number: usize) -> String {
    format!(
        "subscription S{number}($after: Cursor) {{ events(after: $after, filter: {{types: [\"message.*\", \
         \"contact.updated\"]}}, checkpoints: true) {{ ... on Event {{ cursor type \
         conversation {{ id unread contact {{ id }} channel {{ id }} lastMessage {{ id }} }} \
         message {{ id attachments {{ nodes {{ id }} }} author {{ __typename }} }} contact {{ id identities {{ nodes {{ value }} }} }} }} \
         ... on Checkpoint {{ cursor caughtUp counts {{ total unread }} }} }} }}"
    )
}

async fn subscribe(server: &TestServer, party: &SeededWorkspace, number: usize, after: &str) -> LiveClient {
    let mut socket = LiveClient::connect(&server.graphql_url, &party.key).await;
    let payload = json!({"query": document(number), "variables": {"after": after}});
    socket.send(&json!({"id": "1", "type": "subscribe", "payload": payload})).await;
    socket
}

/// Reads events until one stands at this place; how many there were.
async fn until(socket: &mut LiveClient, cursor: &str) -> usize {
    let mut events = 0;
    loop {
        let update = socket.data("1").await["events"].clone();
        if update["caughtUp"].is_null() {
            events += 1;
            if update["cursor"] == json!(cursor) {
                return events;
            }
        }
    }
}

async fn head(party: &SeededWorkspace) -> String {
    let operation = inlet_tests::operation::Operation { query: "{ head }".into(), variables: json!({}) };
    party.ask(&operation).await["data"]["head"].as_str().unwrap().to_owned()
}

/// What belongs to events, by the names of its tables.
const OBJECTS: &[&str] = &[
    "FROM \"conversation\"",
    "FROM \"message\"",
    "FROM \"contact\"",
    "FROM \"channel\"",
    "FROM identity c",
    "FROM attachment c",
    "FROM conversation_read",
];
const LOG: &[&str] = &["FROM event WHERE"];
const COUNTS: &[&str] = &["c.inbound_count > c.read_count"];
/// The other half of counting, which reads a table that holds a field of an object, too.
const READ: &[&str] = &["m.read_count >= c.inbound_count"];

/// So many follow a message after another; the statements for objects, for the log and for counts that it takes.
async fn followed(server: &TestServer, party: &SeededWorkspace, statements: &Statements, many: usize) -> [usize; 3] {
    let from = head(party).await;
    let mut sockets = Vec::new();
    for number in 0..many {
        let mut socket = subscribe(server, party, number, &from).await;
        assert_eq!(socket.data("1").await["events"]["caughtUp"], json!(true));
        sockets.push(socket);
    }
    let (conversation, message, contact) =
        (party.newest("conversation").await, party.newest("message").await, party.newest("contact").await);
    statements.forget();
    for number in 1..=EVENTS {
        let entry = Written {
            message: Some(message.into()),
            contact: Some(contact.into()),
            ..Written::message(conversation.into(), &Value::Null)
        };
        let seq = append_to(&server.database, party.workspace, entry).await;
        notify(&server.database).await;
        for socket in &mut sockets {
            assert_eq!(until(socket, &format!("1-{seq}")).await, 1, "event {number}");
        }
    }
    let [objects, log, counts, of_members] = [OBJECTS, LOG, COUNTS, READ].map(|texts| statements.with(texts));
    [objects - of_members, log, counts]
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_statements_do_not_grow_with_those_who_follow() {
    let statements = Statements::count();
    let server = spawn_with(Options { roles: vec![Role::Ingest, Role::Api], ..Options::default() }).await;
    let party = SeededWorkspace::of(&server).await;
    party.hear_marked().await;
    let alone = followed(&server, &party, &statements, 1).await;
    let crowded = followed(&server, &party, &statements, 60).await;
    assert!(alone[0] >= usize::try_from(EVENTS).unwrap() * 5, "{alone:?}");
    // Counting goes on while the sockets are read one after another; nothing else takes more than it did for one.
    assert!(crowded[0] <= alone[0], "objects: {crowded:?}, alone {alone:?}");
    assert!(crowded[1] <= alone[1] + 2, "the log: {crowded:?}, alone {alone:?}");
    assert!(crowded[2] <= alone[2] + 10, "counts: {crowded:?}, alone {alone:?}");

    // All of them come again at once from the beginning: each block of the log is read once, or twice where it grows.
    for _ in 0..40 {
        party.hear_marked().await;
    }
    let head = head(&party).await;
    let last = head.split_once('-').unwrap().1.parse::<i64>().unwrap();
    statements.forget();
    let connecting = (0..60).map(|number| subscribe(&server, &party, number, "1-0"));
    let sockets = futures::future::join_all(connecting).await;
    let reading = sockets.into_iter().map(|mut socket| async move {
        let mut numbers = Vec::new();
        loop {
            let update = socket.data("1").await["events"].clone();
            let seq: i64 = update["cursor"].as_str().unwrap().split_once('-').unwrap().1.parse().unwrap();
            match update["caughtUp"].as_bool() {
                Some(true) if seq >= last => return numbers,
                Some(_) => {}
                None => numbers.push(seq),
            }
        }
    });
    let seen = futures::future::join_all(reading).await;
    assert!(seen[0].len() > 40 && seen[0].is_sorted() && seen.iter().all(|numbers| *numbers == seen[0]));
    let read = statements.with(LOG);
    assert!(read <= 12, "{read} reads of the log by 60 who are {last} behind");
    server.stop().await;
}
