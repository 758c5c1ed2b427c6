//! GraphQL over HTTP: what is answered to which request, and within which limits.

use inlet_tests::{TestServer, spawn};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

async fn post(server: &TestServer, accept: &str, body: &Value) -> Response {
    let request = server.client.post(&server.graphql_url).bearer_auth(&server.api_key).header("accept", accept);
    request.json(body).send().await.unwrap()
}

#[tokio::test]
async fn the_status_follows_the_media_type() {
    let server = spawn().await;
    for (query, json_status, graphql_status) in [
        ("{ __typename }", 200, 200),
        ("{", 200, 400),
        ("{ nope }", 200, 400),
        ("query Q($i: ID!) { node(id: $i) { id } }", 200, 400),
    ] {
        let body = json!({"query": query});
        let answer = post(&server, "*/*", &body).await;
        assert_eq!(answer.status(), json_status, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
        let answer = post(&server, GRAPHQL_RESPONSE, &body).await;
        assert_eq!(answer.status(), graphql_status, "{query}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer.get("data").is_none(), graphql_status == 400, "{answer}");
    }
    for bad in [json!({}), json!([]), json!({"query": 1}), json!({"query": "{ head }", "variables": "x"})] {
        assert_eq!(post(&server, "*/*", &bad).await.status(), 400, "{bad}");
    }
    assert_eq!(post(&server, "text/html", &json!({"query": "{ head }"})).await.status(), StatusCode::NOT_ACCEPTABLE);
    server.stop().await;
}

#[tokio::test]
async fn a_mutation_needs_a_post_and_a_body_its_type() {
    let server = spawn().await;
    let get = async |query: &str| {
        let mut url = url::Url::parse(&server.graphql_url).unwrap();
        url.query_pairs_mut().append_pair("query", query);
        server.client.get(url).bearer_auth(&server.api_key).send().await.unwrap()
    };
    assert_eq!(get("{ head }").await.json::<Value>().await.unwrap(), json!({"data": {"head": "1-0"}}));
    let refused = get("mutation { logout { deletedSessionId } }").await;
    assert_eq!(
        (refused.status(), refused.headers()["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );
    let untyped = server.client.post(&server.graphql_url).body("{\"query\":\"{ __typename }\"}").send().await.unwrap();
    assert_eq!(untyped.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let put = server.client.put(&server.graphql_url).send().await.unwrap();
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    let long = json!({"query": "{ __typename }", "variables": {"x": "x".repeat(1 << 20)}});
    assert_eq!(post(&server, "*/*", &long).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    server.stop().await;
}

#[tokio::test]
async fn p11_an_operation_beyond_the_limits_is_refused() {
    let server = spawn().await;
    let mut deep = "id".to_owned();
    for _ in 0..16 {
        deep = format!("mergedInto {{ {deep} }}");
    }
    let deep = format!("{{ contacts {{ nodes {{ {deep} }} }} }}");
    let costly = "{ conversations(first: 100) { nodes { messages(first: 100) { nodes { id content status kind direction \
                  occurredAt author { __typename } attachments { nodes { id url kind filename mimeType } } statusHistory { nodes { status \
                  rawStatus reason code part } } conversation { id status } contentType externalId origin } } } } }";
    let aliases: String = (0..101).map(|n| format!("a{n}: __typename ")).collect();
    let aliased = format!("{{ {aliases} }}");
    let long = format!("{{ __typename {} }}", " ".repeat(70_000));
    for query in [deep.as_str(), costly, &aliased, &long] {
        let answer = server.graphql_raw(query, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{answer}");
        assert!(answer.get("data").is_none());
    }
    let page = server.graphql_raw("{ contacts(first: 101) { nodes { id } } head }", json!({})).await;
    assert_eq!(page["errors"][0]["extensions"]["inputPath"], json!(["first"]));
    assert_eq!(page["data"], json!({"contacts": null, "head": "1-0"}), "its sibling stands");
    server.stop().await;
}

#[tokio::test]
async fn p10_without_a_credential_there_is_nothing_to_read() {
    let server = spawn().await;
    let query = json!({"query": "{ viewer { workspaceId } contacts { nodes { id } } }"});
    let anonymous = server.client.post(&server.graphql_url).json(&query).send().await.unwrap();
    let answer: Value = anonymous.json().await.unwrap();
    assert_eq!(answer["data"], json!({"viewer": null, "contacts": null}));
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    for token in ["ik_unknown", "is_unknown", "", "x"] {
        let request = server.client.post(&server.graphql_url).header("authorization", format!("Bearer {token}"));
        assert_eq!(request.json(&query).send().await.unwrap().status(), 401, "{token}");
    }
    server.stop().await;
}

#[tokio::test]
async fn graphiql_comes_from_here_alone() {
    let server = spawn().await;
    let browser = server.client.get(&server.graphql_url).header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
    assert!(browser.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let page = browser.text().await.unwrap();
    let mut loaded = 0;
    for part in page.split(['"']).filter(|part| part.starts_with("/graphql/assets/")) {
        let asset = server.client.get(format!("{}{part}", server.url)).send().await.unwrap();
        assert_eq!(asset.status(), 200, "{part}");
        assert!(!asset.bytes().await.unwrap().is_empty());
        loaded += 1;
    }
    assert_eq!(loaded, 5);
    server.stop().await;
}
