//! P12: the cost of a refused login does not show whether the login exists. The counter belongs to the process, so no other
//! test of this binary may run a server in the test's own process.

use inlet_tests::{Tenant, TestServer, spawn};
use serde_json::{Value, json};

async fn verifications(server: &TestServer) -> u64 {
    let page = server.client.get(format!("{}/metrics", server.url)).send().await.unwrap().text().await.unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix("inlet_password_verifications_total "));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

#[tokio::test]
async fn p12_a1_an_unknown_login_costs_as_many_hashes_as_a_known_one_or_several() {
    let server = spawn().await;
    let query = "mutation($email: String!) { login(input: {email: $email, password: \"wrong password\"}) { token } }";
    // Several workspaces have a login with one email.
    for number in 0..3 {
        let tenant = Tenant::of(&server).await;
        let ask = async |query: &str, variables: Value| {
            let request = server.client.post(&server.graphql_url).bearer_auth(tenant.api_key());
            let answer = request.json(&json!({"query": query, "variables": variables})).send().await.unwrap();
            answer.json::<Value>().await.unwrap()["data"].clone()
        };
        let invite = "mutation { inviteMember(input: {email: \"several@example.com\", name: \"S\", role: AGENT,
            idempotencyKey: \"1\"}) { link } }";
        let link = ask(invite, json!({})).await["inviteMember"]["link"].as_str().unwrap().to_owned();
        let accept =
            "mutation($t: String!, $p: String!) { acceptInvitation(input: {token: $t, password: $p}) { token } }";
        let token = link.split_once('#').unwrap().1;
        let password = format!("{number} lamps under seven hedgehogs");
        let accepted = ask(accept, json!({"t": token, "p": password})).await;
        assert!(accepted["acceptInvitation"]["token"].is_string(), "{accepted}");
    }
    let mut answers = Vec::new();
    for email in [server.email.as_str(), "nobody@example.com", "several@example.com"] {
        let before = verifications(&server).await;
        let request = server.client.post(&server.graphql_url);
        let answer = request.json(&json!({"query": query, "variables": {"email": email}})).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        assert_eq!(verifications(&server).await - before, 1, "{email}");
        answer["errors"][0]["extensions"].as_object_mut().unwrap().remove("requestId");
        answers.push(answer);
    }
    assert_eq!(answers[0]["errors"][0]["extensions"]["code"], "LOGIN_REFUSED");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    server.stop().await;
}
