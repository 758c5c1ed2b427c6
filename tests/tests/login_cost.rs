//! P12: whether a login exists does not show in what its refusal costs. What is counted is the process's own, so this
//! test has a process to itself.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up can only fail")]

use inlet_tests::{TestServer, spawn};
use serde_json::{Value, json};

async fn verifications(server: &TestServer) -> u64 {
    let page = server.client.get(format!("{}/metrics", server.url)).send().await.unwrap().text().await.unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix("inlet_password_verifications_total "));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

#[tokio::test]
async fn p12_an_unknown_login_costs_as_many_verifications_as_a_known_one() {
    let server = spawn().await;
    let query = "mutation($email: String!) { login(input: {email: $email, password: \"wrong password\"}) { token } }";
    let mut answers = Vec::new();
    for email in [server.email.as_str(), "nobody@example.com"] {
        let before = verifications(&server).await;
        let request = server.client.post(&server.graphql_url);
        let answer = request.json(&json!({"query": query, "variables": {"email": email}})).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        assert_eq!(verifications(&server).await - before, 1, "{email}");
        answer["errors"][0]["extensions"].as_object_mut().unwrap().remove("requestId");
        answers.push(answer);
    }
    assert_eq!(answers[0]["errors"][0]["extensions"]["code"], "LOGIN_REFUSED");
    assert_eq!(answers[0], answers[1]);
    server.stop().await;
}
