//! Who stands at the door: requests from other sites, headers that lie about the sender, sockets that do not introduce
//! themselves, credentials that end while a socket is open.

use inlet_domain::model::right::{KeyScope, Role};
use inlet_tests::{
    LiveClient, SeededWorkspace, TestServer, fixtures, operation::Operation, seeded_workspace::Term, sign, spawn,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const MAKE_KEY: &str =
    "mutation { createApiKey(input: {name: \"made\", scopes: [ADMIN], idempotencyKey: \"k\"}) { token } }";

async fn ask(party: &SeededWorkspace, token: &str, query: &str) -> Value {
    party.send(token, &Operation { query: query.to_owned(), variables: json!({}) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_changes_nothing() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    let before = party.rows().await;
    let json_text = json!({"query": MAKE_KEY}).to_string();
    let form = format!("query={}", url::form_urlencoded::byte_serialize(MAKE_KEY.as_bytes()).collect::<String>());
    let part = format!("--b\r\ncontent-disposition: form-data; name=\"operations\"\r\n\r\n{json_text}\r\n--b--\r\n");
    for (content_type, body) in [
        ("text/plain", json_text.clone()),
        ("text/plain; charset=utf-8", json_text.clone()),
        ("application/x-www-form-urlencoded", form.clone()),
        ("multipart/form-data; boundary=b", part),
        ("application/graphql", MAKE_KEY.to_owned()),
        ("text/plain; application/json", json_text.clone()),
        ("application/jsonx", json_text.clone()),
        ("", json_text.clone()),
    ] {
        let mut request = server.client.post(&server.graphql_url).bearer_auth(&party.key).body(body);
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let foreign = request.try_clone().unwrap().header("origin", "https://evil.example").send().await.unwrap();
        assert_eq!(foreign.status(), StatusCode::FORBIDDEN, "{content_type}");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
    let url = format!("{}?{form}", server.graphql_url);
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = server.client.request(method.clone(), &url).bearer_auth(&party.key).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    // A credential comes in the header alone: no cookie and no URL of another site's making carries one.
    for (name, value) in [("cookie", format!("token={0}; session={0}; authorization=Bearer%20{0}", party.key))] {
        let request = server.client.post(&server.graphql_url).header(name, value).json(&json!({"query": MAKE_KEY}));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
    }
    for name in ["token", "access_token", "authorization"] {
        let url = format!("{}?{name}={}", server.graphql_url, party.key);
        let answer: Value =
            server.client.post(url).json(&json!({"query": MAKE_KEY})).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
    }
    assert_eq!(party.changed(&before).await, [""; 0]);
    // As a client of ours sends it, the very text is granted.
    assert!(ask(&party, &party.key, MAKE_KEY).await["data"]["createApiKey"]["token"].is_string());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_name_another_sender_are_not_believed() {
    let server = spawn().await;
    let fixture = fixtures::of("mobtexting").into_iter().find(|it| it.suffix.is_none()).unwrap();
    let source = &server.sources["mobtexting"];
    let list = server.graphql("{ sources { nodes { id provider } } }", json!({})).await;
    let nodes = list["sources"]["nodes"].as_array().unwrap();
    let id = nodes.iter().find(|node| node["provider"] == "MOBTEXTING").unwrap()["id"].clone();
    let allow = async |network: &str| {
        let query = "mutation Q($id: ID!, $n: [String!]) { updateSource(input: {id: $id, allowedNetworks: $n}) { source { id } } }";
        server.graphql(query, json!({"id": id, "n": [network]})).await;
    };
    let post = async |headers: &[(&str, &str)]| {
        let (name, signature) = sign::header("mobtexting", &source.secret, fixture.body.as_bytes());
        let mut request = server.client.post(&source.url).header("content-type", "application/json");
        request = request.header(name, signature).body(fixture.body.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    // The peer is 127.0.0.1, and no proxy is trusted.
    let lies: [&[(&str, &str)]; 9] = [
        &[("x-forwarded-for", "203.0.113.7")],
        &[("x-forwarded-for", "203.0.113.7, 127.0.0.1")],
        &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "203.0.113.7")],
        &[("forwarded", "for=203.0.113.7")],
        &[("x-real-ip", "203.0.113.7")],
        &[("true-client-ip", "203.0.113.7")],
        &[("cf-connecting-ip", "203.0.113.7")],
        &[("x-client-ip", "203.0.113.7")],
        &[("via", "203.0.113.7"), ("x-original-forwarded-for", "203.0.113.7")],
    ];
    allow("203.0.113.0/24").await;
    for lie in lies {
        assert_eq!(post(lie).await, 403, "{lie:?}");
    }
    assert!(server.kept().await.is_empty(), "nothing came in");
    allow("127.0.0.1/32").await;
    for lie in lies {
        assert_eq!(post(lie).await, 200, "{lie:?}: who may post may not be locked out by a header either");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_says_nothing_before_it_knows_who_asks() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    let before = party.rows().await;
    let subscribe = |query: &str| json!({"id": "1", "type": "subscribe", "payload": {"query": query}});
    for query in ["subscription { events { __typename } }", "{ __typename }", "{ viewer { workspaceId } }", MAKE_KEY] {
        let mut socket = LiveClient::open(&server.graphql_url).await;
        socket.send(&subscribe(query)).await;
        assert_eq!(socket.next().await.closed(), 4401, "{query}");
    }
    // At once with the introduction, before it is acknowledged; the wrong one is cut off whatever follows.
    let mut socket = LiveClient::open(&server.graphql_url).await;
    socket.send(&json!({"type": "connection_init", "payload": {"authorization": "Bearer ik_unknown"}})).await;
    socket.send(&subscribe(MAKE_KEY)).await;
    assert_eq!(socket.next().await.closed(), 4403);
    for payload in
        [json!({}), json!({"authorization": ""}), json!({"authorization": party.key}), json!({"token": party.key})]
    {
        let mut socket = LiveClient::open(&server.graphql_url).await;
        socket.send(&json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.next().await.closed(), 4403, "{payload}");
    }
    assert_eq!(party.changed(&before).await, [""; 0]);
    let mut socket = LiveClient::connect(&server.graphql_url, &party.key).await;
    socket
        .send(&json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {}", server.api_key)}}))
        .await;
    assert_eq!(socket.next().await.closed(), 4429, "no one becomes someone else");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_reads_writes_nothing_by_any_door() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    let reader = party.key_of(&[KeyScope::Read], Term::default()).await;
    let before = party.rows().await;
    let answer = ask(&party, &reader, MAKE_KEY).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    let mut socket = LiveClient::connect(&server.graphql_url, &reader).await;
    socket.subscribe("1", MAKE_KEY).await;
    let answer = socket.next().await.message();
    let errors = if answer["type"] == "error" { &answer["payload"] } else { &answer["payload"]["errors"] };
    assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    assert_eq!(party.changed(&before).await, [""; 0]);
    assert!(ask(&party, &reader, "{ contacts { nodes { id } } }").await.get("errors").is_none(), "it does read");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_takes_its_open_sockets_along() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    let (leaves, stays) = (party.member(Role::Agent, false).await, party.member(Role::Agent, false).await);
    let mut ending = LiveClient::connect(&server.graphql_url, &leaves).await;
    let mut other = LiveClient::connect(&server.graphql_url, &stays).await;
    for socket in [&mut ending, &mut other] {
        socket.subscribe("1", "subscription { events { __typename } }").await;
        socket.subscribe("2", "{ head }").await;
        assert!(socket.data("2").await["head"].is_string());
        assert_eq!(socket.next().await.message()["type"], "complete");
    }
    let answer = ask(&party, &leaves, "mutation { logout { deletedSessionId } }").await;
    assert!(answer["data"]["logout"]["deletedSessionId"].is_string(), "{answer}");
    party.hear_marked().await;
    assert_eq!(ending.next().await.closed(), 4401, "and it hears nothing of what came after");
    assert_eq!(other.data("1").await["events"]["__typename"], "Event", "the others stay");
    let answer = server.client.post(&server.graphql_url).bearer_auth(&leaves).json(&json!({"query": "{ head }"}));
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    server.stop().await;
}

async fn refused(server: &TestServer, email: &str, password: &str, workspace: Option<&str>) -> Value {
    let query = "mutation Q($e: String!, $p: String!, $w: String) { \
                 login(input: {email: $e, password: $p, workspace: $w}) { token } }";
    let variables = json!({"e": email, "p": password, "w": workspace});
    let request = server.client.post(&server.graphql_url).json(&json!({"query": query, "variables": variables}));
    let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
    let errors = answer["errors"].as_array_mut().unwrap_or_else(|| panic!("{email} was let in"));
    for error in errors {
        error["extensions"].as_object_mut().unwrap().remove("requestId");
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_does_not_tell_who_there_is() {
    let server = spawn().await;
    let (party, other) = (SeededWorkspace::of(&server).await, SeededWorkspace::of(&server).await);
    // Someone who may not come in any more, with a password that is right.
    let unknown = refused(&server, "nobody@inlet.test", "a password", None).await;
    assert_eq!(unknown["errors"][0]["extensions"]["code"], "LOGIN_REFUSED");
    let wrong = refused(&server, &party.email, "a password", None).await;
    assert_eq!(wrong, unknown);
    let elsewhere = refused(&server, &party.email, &party.password, Some(&other.slug)).await;
    assert_eq!(elsewhere, unknown);
    let nowhere = refused(&server, &party.email, &party.password, Some("no-such-workspace")).await;
    assert_eq!(nowhere, unknown);
    let query = "UPDATE member SET disabled_at = now() WHERE workspace_id = $1";
    sqlx::query(query).bind(party.workspace).execute(&server.database).await.unwrap();
    assert_eq!(refused(&server, &party.email, &party.password, None).await, unknown);
    server.stop().await;
}
