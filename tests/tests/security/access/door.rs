//! Logging in: sessions, passwords, and the limits of tries.

use std::sync::Arc;

use chrono::TimeDelta;
use inlet_domain::ambient::{Ambient, SteppedClock, SystemEntropy};
use inlet_tests::{LiveClient, Options, TestServer, spawn, spawn_with};
use serde_json::{Value, json};

use super::{LOGIN, ask, ask_at, code, data, login, member};

async fn attempt(server: &TestServer, email: &str, password: &str) -> Value {
    ask_at(&server.graphql_url, None, LOGIN, json!({"email": email, "password": password})).await
}

fn stepped() -> (Arc<SteppedClock>, Options) {
    let clock = SteppedClock::at(Ambient::system().now());
    let ambient = Ambient::new(Arc::clone(&clock), SystemEntropy);
    (clock, Options { ambient: Some(ambient), ..Options::default() })
}

#[tokio::test]
async fn too_many_failures_of_a_login_are_refused_for_longer_each_time_in_every_process() {
    let (clock, options) = stepped();
    let server = spawn_with(options.clone()).await;
    // Who has proven the email begins to count anew when the password is right.
    let sql = "UPDATE person SET workspace_id = NULL, proven_at = now() WHERE email = $1";
    sqlx::query(sql).bind(&server.email).execute(&server.database).await.unwrap();
    let other = server.beside(options).await;
    for count in 0..5 {
        let of = if count % 2 == 0 { &server } else { &other };
        assert_eq!(code(&attempt(of, &server.email, "wrong password").await), "LOGIN_REFUSED");
    }
    for of in [&server, &other] {
        // The right one is refused, too: whoever tries learns nothing.
        let refused = attempt(of, &server.email, &server.password).await;
        assert_eq!(code(&refused), "RATE_LIMITED", "{refused}");
        assert_eq!(refused["errors"][0]["extensions"]["retryAfter"], 60, "{refused}");
    }
    clock.step(TimeDelta::seconds(61));
    assert_eq!(code(&attempt(&server, &server.email, "wrong password").await), "LOGIN_REFUSED");
    let refused = attempt(&server, &server.email, &server.password).await;
    assert_eq!(refused["errors"][0]["extensions"]["retryAfter"], 120, "{refused}");
    clock.step(TimeDelta::seconds(121));
    login(&server, &server.email, &server.password).await;
    for _ in 0..4 {
        assert_eq!(code(&attempt(&server, &server.email, "wrong password").await), "LOGIN_REFUSED");
    }
    login(&server, &server.email, &server.password).await;

    // From one address over many logins, known or not; what an untrusted peer says of its address counts nothing.
    let mut codes = Vec::new();
    for number in 0..30 {
        codes.push(code(&attempt(&server, &format!("nobody-{number}@example.com"), "wrong password").await).to_owned());
    }
    assert_eq!(codes.last().unwrap(), "RATE_LIMITED");
    assert!(codes.iter().filter(|code| *code == "LOGIN_REFUSED").count() <= 20, "{codes:?}");
    other.halt().await;
    server.stop().await;
}

#[tokio::test]
async fn tries_that_come_at_once_are_no_more_than_those_that_come_one_by_one() {
    let server = spawn().await;
    let tries = (0..40).map(|_| attempt(&server, &server.email, "wrong password"));
    let answers = futures::future::join_all(tries).await;
    let verified = answers.iter().filter(|answer| code(answer) == "LOGIN_REFUSED").count();
    assert!(verified <= 5, "{verified} passwords were looked at");
    let others = answers.iter().all(|answer| ["LOGIN_REFUSED", "RATE_LIMITED"].contains(&code(answer)));
    assert!(others, "{answers:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session_at_once() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let (_, email, password) = member(&server, &owner, "agent", "AGENT").await;
    let (kept, other) = (login(&server, &email, &password).await, login(&server, &email, &password).await);
    let mut sockets = Vec::new();
    for token in [&kept, &other] {
        let mut socket = LiveClient::connect(&server.graphql_url, token).await;
        socket.subscribe("1", "subscription { events { __typename } }").await;
        sockets.push(socket);
    }
    let change = "mutation($old: String!, $new: String!) { changePassword(input: {oldPassword: $old, newPassword: $new,
        idempotencyKey: \"k\"}) { member { email } } }";
    let wrong = ask(&server, &kept, change, json!({"old": "not this one", "new": "a new lamp for hedgehogs"})).await;
    assert_eq!(wrong["errors"][0]["extensions"]["inputPath"], json!(["input", "oldPassword"]), "{wrong}");
    let short = ask(&server, &kept, change, json!({"old": password, "new": "short"})).await;
    assert_eq!(short["errors"][0]["extensions"]["inputPath"], json!(["input", "newPassword"]), "{short}");
    for _ in 0..2 {
        data(&server, &kept, change, json!({"old": password, "new": "a new lamp for hedgehogs"})).await;
    }
    assert_eq!(sockets[1].next().await.closed(), 4401);
    assert_eq!(code(&ask(&server, &other, "{ head }", json!({})).await), "UNAUTHENTICATED");
    sockets[0].subscribe("2", "{ head }").await;
    assert!(sockets[0].data("2").await["head"].is_string(), "the session that changed it goes on");
    assert_eq!(code(&attempt(&server, &email, &password).await), "LOGIN_REFUSED");
    login(&server, &email, "a new lamp for hedgehogs").await;
    let by_key = ask(&server, &server.api_key, change, json!({"old": "x", "new": "a new lamp for hedgehogs"})).await;
    assert_eq!(code(&by_key), "FORBIDDEN");
    server.stop().await;
}

#[tokio::test]
async fn sessions_are_seen_and_ended_by_their_own_and_by_admins() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let (_, email, password) = member(&server, &owner, "agent", "AGENT").await;
    let (one, two) = (login(&server, &email, &password).await, login(&server, &email, &password).await);
    let list = "{ sessions { nodes { id current clientAddress member { email } } } }";
    let own = data(&server, &one, list, json!({})).await["sessions"]["nodes"].clone();
    assert_eq!(own.as_array().unwrap().len(), 2, "{own}");
    assert_eq!((&own[0]["current"], &own[1]["current"]), (&json!(false), &json!(true)), "newest first");
    assert_eq!(own[0]["clientAddress"], "127.0.0.1");
    let all = data(&server, &owner, list, json!({})).await["sessions"]["nodes"].clone();
    assert_eq!(all.as_array().unwrap().len(), 3, "{all}");
    let owners = all.as_array().unwrap().iter().find(|session| session["current"] == true).unwrap()["id"].clone();

    let end = "mutation($id: ID!) { revokeSession(input: {id: $id}) { deletedSessionId } }";
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(data(&server, &one, node, json!({"id": owners})).await["node"], json!(null));
    assert_eq!(code(&ask(&server, &one, end, json!({"id": owners})).await), "NOT_FOUND", "it is not theirs");
    assert_eq!(data(&server, &one, node, json!({"id": own[0]["id"]})).await["node"]["id"], own[0]["id"]);
    data(&server, &one, end, json!({"id": own[0]["id"]})).await;
    assert_eq!(code(&ask(&server, &two, "{ head }", json!({})).await), "UNAUTHENTICATED");
    data(&server, &owner, end, json!({"id": own[1]["id"]})).await;
    assert_eq!(code(&ask(&server, &one, "{ head }", json!({})).await), "UNAUTHENTICATED");
    server.stop().await;
}
