//! Members, sessions, keys, limits of logins, the audit log and idempotency, as they are seen from outside.

mod accounts;
mod audit;
mod door;
mod gifts;
mod letters;
mod letters_bounded;
mod members;
mod once;
mod operator;
mod origins;
mod processes;

use std::sync::atomic::{AtomicU16, Ordering};

use inlet_tests::TestServer;
use serde_json::{Value, json};

static NEXT: AtomicU16 = AtomicU16::new(0);

/// The whole answer to an operation under a token, or under none. Passwords are hashed one a core, and the tests of one
/// process share the cores: who finds none free comes again.
pub async fn ask_at(url: &str, token: Option<&str>, query: &str, variables: Value) -> Value {
    loop {
        let mut request = inlet_tests::client().post(url).json(&json!({"query": query, "variables": variables}));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        // No proxy is trusted, so that this says nothing.
        let said = format!("2001:db8:{:x}::1", NEXT.fetch_add(1, Ordering::Relaxed));
        let request = request.header("x-forwarded-for", said);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        if code(&answer) != "OVERLOADED" {
            return answer;
        }
    }
}

/// The same of a server of this process.
pub async fn ask(server: &TestServer, token: &str, query: &str, variables: Value) -> Value {
    ask_at(&server.graphql_url, Some(token), query, variables).await
}

/// The data; panics on errors.
pub async fn data(server: &TestServer, token: &str, query: &str, variables: Value) -> Value {
    let answer = ask(server, token, query, variables).await;
    assert!(answer["errors"].is_null(), "{query}: {answer}");
    answer["data"].clone()
}

/// The code of the first error.
pub fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

pub const LOGIN: &str = "mutation($email: String!, $password: String!, $workspace: String) {
    login(input: {email: $email, password: $password, workspace: $workspace}) { token member { id role } } }";

/// The token of a login.
pub async fn login(server: &TestServer, email: &str, password: &str) -> String {
    let answer = ask_at(&server.graphql_url, None, LOGIN, json!({"email": email, "password": password})).await;
    answer["data"]["login"]["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

pub const INVITE: &str = "mutation($input: InviteMemberInput!) { inviteMember(input: $input) {
    link invitation { id email name role expiresAt acceptedAt revokedAt member { id } } invitationEdge { cursor } } }";

pub const ACCEPT: &str = "mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) {
    token workspaceId member { id name role } } }";

/// A password that nobody guesses.
pub const PASSWORD: &str = "a lamp under seven hedgehogs";

/// The token of a link.
pub fn token_of(link: &Value) -> String {
    link.as_str().unwrap_or_else(|| panic!("{link}")).split_once('#').unwrap().1.to_owned()
}

/// Invites someone under a token of a credential; the token of the link.
pub async fn invite(server: &TestServer, by: &str, email: &str, role: &str) -> String {
    let key = inlet_tests::database::unique();
    let input = json!({"email": email, "name": "Invited", "role": role, "idempotencyKey": key});
    token_of(&data(server, by, INVITE, json!({ "input": input })).await["inviteMember"]["link"])
}

/// The whole answer to who accepts an invitation.
pub async fn accept(server: &TestServer, token: &str, password: &str) -> Value {
    let input = json!({"token": token, "password": password});
    ask_at(&server.graphql_url, None, ACCEPT, json!({ "input": input })).await
}

pub const UPDATE_MEMBER: &str = "mutation($input: UpdateMemberInput!) {
    updateMember(input: $input) { member { id name role revision disabledAt } } }";

/// A member of the server's workspace: id, email and password.
pub async fn member(server: &TestServer, owner: &str, name: &str, role: &str) -> (String, String, String) {
    let email = format!("{name}-{}@example.com", &inlet_tests::database::unique()[20..]);
    let token = invite(server, owner, &email, role).await;
    let accepted = accept(server, &token, PASSWORD).await["data"]["acceptInvitation"].clone();
    // Tests count sessions.
    let end = "mutation { logout { deletedSessionId } }";
    data(server, accepted["token"].as_str().unwrap(), end, json!({})).await;
    (accepted["member"]["id"].as_str().unwrap().into(), email, PASSWORD.into())
}
