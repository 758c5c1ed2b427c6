//! Who is there and who types, over several processes.

use chrono::{Duration, TimeZone, Utc};
use inlet_domain::ambient::{Ambient, SteppedClock, SystemEntropy};
use inlet_tests::{
    LiveClient, Options, Tenant,
    process::{Beside, DataDir, Process},
    spawn, spawn_with,
};
use serde_json::{Value, json};

use super::{act, code, done, hear, member, phone};

const PRESENCE: &str = "subscription { presence { __typename
    ... on PresenceSnapshot { availability { memberId availability } typing { memberId conversationId isTyping } }
    ... on MemberAvailability { memberId member { id availability } availability }
    ... on MemberTyping { memberId conversation { id } isTyping } } }";

/// Follows, and gives what is known at first.
async fn follow(graphql_url: &str, token: &str) -> (LiveClient, Value) {
    let mut socket = LiveClient::connect(graphql_url, token).await;
    socket.subscribe("1", PRESENCE).await;
    let first = next(&mut socket).await;
    assert_eq!(first["__typename"], "PresenceSnapshot", "{first}");
    (socket, first)
}

async fn next(socket: &mut LiveClient) -> Value {
    socket.data("1").await["presence"].clone()
}

fn typing(member: &str, conversation: &Value, is_typing: bool) -> Value {
    json!({"__typename": "MemberTyping", "memberId": member, "conversation": {"id": conversation}, "isTyping": is_typing})
}

fn available(member: &str, status: &str) -> Value {
    json!({"__typename": "MemberAvailability", "memberId": member,
           "member": {"id": member, "availability": status}, "availability": status})
}

#[tokio::test]
async fn what_one_process_is_told_is_seen_at_the_other_and_runs_out() {
    let clock = SteppedClock::at(Utc.with_ymd_and_hms(2026, 11, 20, 10, 0, 0).unwrap());
    let ambient = Ambient::new(std::sync::Arc::clone(&clock), SystemEntropy);
    let options = Options { ambient: Some(ambient), ..Options::default() };
    let server = spawn_with(options.clone()).await;
    let other = server.beside(options.clone()).await;
    let conversation = hear(&server, &phone()).await["id"].clone();
    let (agent, token) = member(&server, "AGENT").await;
    let (mut socket, first) = follow(&other.graphql_url, &server.api_key).await;
    assert_eq!((&first["availability"], &first["typing"]), (&json!([]), &json!([])));

    let online = act(&server, &token, "setAvailability", "availability", json!({"availability": "ONLINE"})).await;
    assert_eq!(online["data"]["setAvailability"]["availability"], "ONLINE", "{online}");
    assert_eq!(next(&mut socket).await, available(&agent, "ONLINE"));
    let input = json!({"conversationId": conversation, "isTyping": true});
    assert_eq!(code(&act(&server, &token, "setTyping", "conversation { id }", input.clone()).await), "none");
    assert_eq!(next(&mut socket).await, typing(&agent, &conversation, true));
    clock.step(Duration::seconds(6));
    assert_eq!(next(&mut socket).await, typing(&agent, &conversation, false));
    act(&server, &token, "setTyping", "conversation { id }", input).await;
    assert_eq!(next(&mut socket).await, typing(&agent, &conversation, true));
    act(
        &server,
        &token,
        "setTyping",
        "conversation { id }",
        json!({"conversationId": conversation, "isTyping": false}),
    )
    .await;
    assert_eq!(next(&mut socket).await, typing(&agent, &conversation, false));

    // A process that has just started asks the others.
    let third = server.beside(options).await;
    let (mut late, first) = follow(&third.graphql_url, &server.api_key).await;
    if first["availability"] == json!([]) {
        assert_eq!(next(&mut late).await, available(&agent, "ONLINE"));
    } else {
        assert_eq!(first["availability"], json!([{"memberId": agent, "availability": "ONLINE"}]));
    }
    // Its process is gone and nobody follows for it: it runs out everywhere.
    clock.step(Duration::seconds(60));
    assert_eq!(next(&mut socket).await, available(&agent, "OFFLINE"));
    assert_eq!(next(&mut late).await, available(&agent, "OFFLINE"));
    third.halt().await;
    other.halt().await;
    server.stop().await;
}

#[tokio::test]
async fn members_of_a_killed_process_run_out_at_the_other() {
    let folder = DataDir::new();
    let dev = Process::start(&folder.path()).await;
    let beside = Beside::start(&folder.path(), &dev.dev).await;
    let login =
        "mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { token member { id } } }";
    let login = dev.graphql(login, json!({"e": dev.dev.email, "p": dev.dev.password})).await["login"].clone();
    let (token, owner) = (login["token"].as_str().unwrap(), login["member"]["id"].as_str().unwrap());
    let body = json!({"event": "whatsapp:message:in", "payload": {
        "id": "m1", "channels": [{"name": "whatsapp", "to": "919019120000"}],
        "recipient": {"from": phone(), "user": {"id": "u1", "first_name": "n"}},
        "message": {"type": "text", "payload": {"text": "hello"}},
    }});
    assert_eq!(dev.post("mobtexting", &body.to_string()).await.0, 200);
    let conversation =
        dev.graphql("{ conversations { nodes { id } } }", json!({})).await["conversations"]["nodes"][0]["id"].clone();
    let (mut socket, _) = follow(&dev.dev.graphql_url, &dev.dev.api_key).await;

    // The owner's socket is at the other process.
    let url = format!("{}/graphql", beside.url);
    let (mut owners, _) = follow(&url, token).await;
    let query = "mutation($c: ID!) { setAvailability(input: {availability: AWAY}) { availability }
        setTyping(input: {conversationId: $c, isTyping: true}) { conversation { id } } }";
    let said = json!({"id": "2", "type": "subscribe", "payload": {"query": query, "variables": {"c": conversation}}});
    owners.send(&said).await;
    let mut seen = [next(&mut socket).await, next(&mut socket).await];
    seen.sort_by_key(|it| it["__typename"].to_string());
    assert_eq!(seen, [available(owner, "AWAY"), typing(owner, &conversation, true)]);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(beside.pid()), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert_eq!(next(&mut socket).await, typing(owner, &conversation, false));
    let (_, snapshot) = follow(&dev.dev.graphql_url, &dev.dev.api_key).await;
    assert_eq!(snapshot["typing"], json!([]));
    dev.stop().await;
}

#[tokio::test]
async fn nothing_of_elsewhere_is_seen_and_who_may_not_is_refused() {
    let server = spawn().await;
    let stranger = Tenant::of(&server).await;
    let (agent, token) = member(&server, "AGENT").await;
    let (_, viewer) = member(&server, "VIEWER").await;
    let conversation = hear(&server, &phone()).await["id"].clone();
    let (mut own, _) = follow(&server.graphql_url, &viewer).await;
    let (mut elsewhere, _) = follow(&server.graphql_url, stranger.api_key()).await;
    let input = json!({"conversationId": conversation, "isTyping": true});
    for refused in [&viewer, &server.api_key] {
        assert_eq!(code(&act(&server, refused, "setTyping", "conversation { id }", input.clone()).await), "FORBIDDEN");
        let online = json!({"availability": "ONLINE"});
        assert_eq!(code(&act(&server, refused, "setAvailability", "availability", online).await), "FORBIDDEN");
    }
    let nowhere = json!({"conversationId": "conv_01h455vb4pex5vsknk084sn02q", "isTyping": true});
    assert_eq!(code(&act(&server, &token, "setTyping", "conversation { id }", nowhere).await), "NOT_FOUND");
    act(&server, &token, "setTyping", "conversation { id }", input).await;
    assert_eq!(next(&mut own).await, typing(&agent, &conversation, true));
    // The stranger's process heard of it by now: what it would have been told stands before this answer.
    elsewhere.subscribe("2", "{ head }").await;
    let answer = elsewhere.next().await.message();
    assert_eq!((&answer["id"], &answer["type"]), (&json!("2"), &json!("next")), "{answer}");

    // Who is no agent any more says nothing more.
    done(&server, "updateMember", "member { id }", json!({"id": agent, "role": "VIEWER"})).await;
    assert_eq!(
        code(&act(&server, &token, "setAvailability", "availability", json!({"availability": "AWAY"})).await),
        "FORBIDDEN"
    );
    server.stop().await;
}

#[tokio::test]
async fn one_member_cannot_flood_the_others() {
    let clock = SteppedClock::at(Utc.with_ymd_and_hms(2026, 11, 20, 10, 0, 0).unwrap());
    let ambient = Ambient::new(std::sync::Arc::clone(&clock), SystemEntropy);
    let server = spawn_with(Options { ambient: Some(ambient), ..Options::default() }).await;
    let (_, token) = member(&server, "AGENT").await;
    let (_, other) = member(&server, "AGENT").await;
    let say = async |token: &str, status: &str| {
        act(&server, token, "setAvailability", "availability", json!({"availability": status})).await
    };
    for number in 0..30 {
        let status = if number % 2 == 0 { "ONLINE" } else { "AWAY" };
        assert_eq!(code(&say(&token, status).await), "none");
    }
    let refused = say(&token, "ONLINE").await;
    assert_eq!(code(&refused), "RATE_LIMITED");
    assert!(refused["errors"][0]["extensions"]["retryAfter"].as_u64().unwrap() > 0, "{refused}");
    assert_eq!(code(&say(&other, "ONLINE").await), "none", "each has their own");
    clock.step(Duration::seconds(10));
    assert_eq!(code(&say(&token, "ONLINE").await), "none");
    server.stop().await;
}
