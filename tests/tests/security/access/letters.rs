//! The mail hook: what proves an email, and what a proven person may do.

use chrono::TimeDelta;
use inlet_notifier::MailHook;
use inlet_tests::{LiveClient, Options, Sink, Tenant, TestServer, sink::Received, spawn, spawn_with};
use serde_json::{Value, json};

use super::{INVITE, LOGIN, PASSWORD, accept, accounts::stepped, ask, ask_at, code, data, invite, login, token_of};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "eleven brass kettles sing";

pub fn hooked(sink: &Sink, options: Options) -> Options {
    Options { mail_hook: Some(MailHook::new(sink.url(), SECRET.into()).unwrap()), ..options }
}

fn verified(letter: &Received) -> Value {
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in &letter.headers {
        headers.insert(reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    standardwebhooks::Webhook::new(SECRET).unwrap().verify(&letter.body, &headers).unwrap();
    letter.json()
}

const REQUEST: &str = "mutation($email: String!) { requestPasswordReset(input: {email: $email}) { requested } }";
const RESET: &str = "mutation($token: String!, $password: String!) {
    resetPassword(input: {token: $token, newPassword: $password}) { reset } }";

async fn reset(server: &TestServer, token: &str, password: &str) -> Value {
    ask_at(&server.graphql_url, None, RESET, json!({"token": token, "password": password})).await
}

async fn request(server: &TestServer, email: &str) -> Value {
    ask_at(&server.graphql_url, None, REQUEST, json!({ "email": email })).await
}

async fn attempt(server: &TestServer, email: &str, password: &str, workspace: Option<String>) -> Value {
    let variables = json!({"email": email, "password": password, "workspace": workspace});
    ask_at(&server.graphql_url, None, LOGIN, variables).await
}

#[tokio::test]
async fn a1_only_a_letter_proves_an_email_and_only_who_has_proven_it_is_in_several_workspaces() {
    let sink = Sink::start().await;
    let server = spawn_with(hooked(&sink, Options::default())).await;
    let (one, two) = (Tenant::of(&server).await, Tenant::of(&server).await);
    let input = json!({"email": "ada@example.com", "name": "Ada", "role": "AGENT", "idempotencyKey": "1"});
    let shown = data(&server, one.api_key(), INVITE, json!({ "input": input })).await["inviteMember"]["link"].clone();
    let letters = sink.letters(1).await;
    let letter = verified(&letters[0]);
    let members: Vec<&str> = letter.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["type", "to", "link", "expires_at", "workspace", "inviter"]);
    assert_eq!((&letter["type"], &letter["to"]), (&json!("invitation"), &json!("ada@example.com")));
    assert_eq!(letter["workspace"], "Tenant");
    assert_ne!(letter["link"], shown, "the token of the letter is shown to no one");
    let accepted = accept(&server, &token_of(&letter["link"]), PASSWORD).await;
    assert_eq!(code(&accepted), "none", "{accepted}");
    assert_eq!(code(&accept(&server, &token_of(&shown), NEW).await), "TOKEN_REFUSED", "one use uses both up");

    // Elsewhere the letter joins who has proven the email, by the password that they have; the link makes another login.
    let link = invite(&server, two.api_key(), "ada@example.com", "VIEWER").await;
    let letter = verified(&sink.letters(2).await[1]);
    assert_eq!(code(&accept(&server, &token_of(&letter["link"]), NEW).await), "LOGIN_REFUSED");
    let joined = accept(&server, &token_of(&letter["link"]), PASSWORD).await;
    assert_eq!(joined["data"]["acceptInvitation"]["member"]["role"], "VIEWER", "{joined}");
    assert_eq!(code(&accept(&server, &link, NEW).await), "TOKEN_REFUSED");
    assert_eq!(code(&attempt(&server, "ada@example.com", PASSWORD, None).await), "WORKSPACE_REQUIRED");
    for (tenant, role) in [(&one, "AGENT"), (&two, "VIEWER")] {
        let begun = attempt(&server, "ada@example.com", PASSWORD, Some(tenant.workspace.to_string())).await;
        assert_eq!(begun["data"]["login"]["member"]["role"], role, "{begun}");
    }
    let third = Tenant::of(&server).await;
    let link = invite(&server, third.api_key(), "ada@example.com", "ADMIN").await;
    accept(&server, &link, NEW).await;
    for (tenant, is_proven) in [(&one, true), (&two, true), (&third, false)] {
        let members =
            data(&server, tenant.api_key(), "{ members(last: 1) { nodes { email emailProven } } }", json!({})).await;
        assert_eq!(members["members"]["nodes"][0], json!({"email": "ada@example.com", "emailProven": is_proven}));
    }
    let elsewhere = attempt(&server, "ada@example.com", NEW, Some(one.workspace.to_string())).await;
    assert_eq!(code(&elsewhere), "LOGIN_REFUSED", "a link makes a login of one workspace");
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM invitation WHERE accepted_at IS NULL")
        .fetch_one(&server.database)
        .await
        .unwrap();
    assert_eq!(waiting, 0);
    server.stop().await;
}

#[tokio::test]
async fn a1_guesses_at_a_proven_password_by_letters_are_limited() {
    let sink = Sink::start().await;
    let server = spawn_with(hooked(&sink, Options::default())).await;
    let (one, two) = (Tenant::of(&server).await, Tenant::of(&server).await);
    invite(&server, one.api_key(), "ada@example.com", "AGENT").await;
    accept(&server, &token_of(&verified(&sink.letters(1).await[0])["link"]), PASSWORD).await;
    invite(&server, two.api_key(), "ada@example.com", "AGENT").await;
    let token = token_of(&verified(&sink.letters(2).await[1])["link"]);
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(code(&accept(&server, &token, NEW).await).to_owned());
    }
    assert_eq!(codes.last().unwrap(), "RATE_LIMITED", "{codes:?}");
    assert!(codes[..5].iter().all(|code| code == "LOGIN_REFUSED"), "{codes:?}");
    server.stop().await;
}

#[tokio::test]
async fn a1_a_letter_is_posted_until_the_hook_takes_it_and_no_longer_than_it_is_of_use() {
    let sink = Sink::start().await;
    let (clock, options) = stepped();
    let server = spawn_with(hooked(&sink, options)).await;
    sink.answer(|_| (503, Vec::new()));
    invite(&server, &server.api_key, "ada@example.com", "AGENT").await;
    sink.letters(1).await;
    let waits = async || {
        let sql = "SELECT attempts, due_at > created_at + interval '50 seconds' FROM mail_outbox";
        sqlx::query_as::<_, (i32, bool)>(sql).fetch_all(&server.database).await.unwrap()
    };
    // Until the failure is written down, the letter is due after its lease.
    while waits().await.first().is_some_and(|(_, is_leased)| *is_leased) {
        tokio::task::yield_now().await;
    }
    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT sealed FROM mail_outbox").fetch_one(&server.database).await.unwrap();
    assert!(!sealed.windows(7).any(|part| part == b"invite_" || part == b"ada@exa"), "it stands sealed");
    sink.answer(|_| (204, Vec::new()));
    clock.step(TimeDelta::seconds(61));
    let letters = sink.letters(2).await;
    assert_eq!(
        (letters[0].header("webhook-id"), &letters[0].body),
        (letters[1].header("webhook-id"), &letters[1].body)
    );
    while !waits().await.is_empty() {
        tokio::task::yield_now().await;
    }
    // One that nobody could use any more is posted no more.
    sink.answer(|_| (500, Vec::new()));
    invite(&server, &server.api_key, "bob@example.com", "AGENT").await;
    sink.letters(3).await;
    clock.step(TimeDelta::days(8));
    while !waits().await.is_empty() {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a1_a_reset_is_for_who_has_proven_the_email_works_once_and_ends_every_session() {
    let sink = Sink::start().await;
    let (clock, options) = stepped();
    let server = spawn_with(hooked(&sink, options)).await;
    let (one, two) = (Tenant::of(&server).await, Tenant::of(&server).await);
    let mut sessions = Vec::new();
    for (number, tenant) in [&one, &two].into_iter().enumerate() {
        invite(&server, tenant.api_key(), "ada@example.com", "AGENT").await;
        let letter = verified(&sink.letters(number + 1).await[number]);
        let accepted = accept(&server, &token_of(&letter["link"]), PASSWORD).await;
        sessions.push(accepted["data"]["acceptInvitation"]["token"].as_str().unwrap().to_owned());
    }
    let mut sockets = Vec::new();
    for session in &sessions {
        let mut socket = LiveClient::connect(&server.graphql_url, session).await;
        socket.subscribe("1", "subscription { events { __typename } }").await;
        sockets.push(socket);
    }
    // The owner's login is good in one workspace: no one has proven its email.
    let mut answers = Vec::new();
    for email in ["nobody@example.com", server.email.as_str(), "ada@example.com"] {
        answers.push(request(&server, email).await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let letter = verified(&sink.letters(3).await[2]);
    assert_eq!((&letter["type"], &letter["to"]), (&json!("password_reset"), &json!("ada@example.com")));
    assert_eq!((&letter["workspace"], &letter["inviter"]), (&json!(null), &json!(null)));
    let token = token_of(&letter["link"]);
    let weak = reset(&server, &token, "password123").await;
    assert_eq!(weak["errors"][0]["extensions"]["inputPath"], json!(["input", "newPassword"]), "{weak}");
    assert_eq!(code(&reset(&server, &token, NEW).await), "none");
    for (socket, session) in sockets.iter_mut().zip(&sessions) {
        assert_eq!(socket.next().await.closed(), 4401);
        assert_eq!(code(&ask(&server, session, "{ head }", json!({})).await), "UNAUTHENTICATED");
    }
    assert_eq!(code(&reset(&server, &token, PASSWORD).await), "TOKEN_REFUSED", "it works once");
    let workspace = Some(one.workspace.to_string());
    assert_eq!(code(&attempt(&server, "ada@example.com", PASSWORD, workspace.clone()).await), "LOGIN_REFUSED");
    assert_eq!(code(&attempt(&server, "ada@example.com", NEW, workspace).await), "none");
    for tenant in [&one, &two] {
        let log = "{ auditLog(first: 20, filter: {action: [\"resetPassword\", \"requestPasswordReset\"]}) { nodes {
            action } } }";
        let told = data(&server, tenant.api_key(), log, json!({})).await["auditLog"]["nodes"].clone();
        assert_eq!(told, json!([{"action": "resetPassword"}, {"action": "requestPasswordReset"}]));
    }

    // Past its hour it is of no use; one that was used up by another's use neither.
    request(&server, "ada@example.com").await;
    request(&server, "ada@example.com").await;
    let letters = sink.letters(5).await;
    let (third, fourth) = (token_of(&letters[3].json()["link"]), token_of(&letters[4].json()["link"]));
    assert_eq!(code(&reset(&server, &third, PASSWORD).await), "none");
    assert_eq!(code(&reset(&server, &fourth, NEW).await), "TOKEN_REFUSED");
    request(&server, "ada@example.com").await;
    let last = token_of(&sink.letters(6).await[5].json()["link"]);
    clock.step(TimeDelta::hours(1) + TimeDelta::seconds(1));
    assert_eq!(code(&reset(&server, &last, NEW).await), "TOKEN_REFUSED");
    let mut codes = Vec::new();
    for _ in 0..7 {
        codes.push(code(&request(&server, "many@example.com").await).to_owned());
    }
    assert_eq!(codes.last().unwrap(), "RATE_LIMITED", "{codes:?}");
    server.stop().await;
}

#[tokio::test]
async fn a1_without_a_mail_hook_a_reset_is_refused_for_everyone() {
    let server = spawn().await;
    let mut answers = Vec::new();
    for email in [server.email.as_str(), "nobody@example.com"] {
        let mut answer = request(&server, email).await;
        answer["errors"][0]["extensions"]["requestId"].take();
        answers.push(answer);
    }
    assert_eq!((code(&answers[0]), &answers[0]), ("FORBIDDEN", &answers[1]));
    assert!(answers[0].to_string().contains("set up a mail hook"), "{}", answers[0]);
    login(&server, &server.email, &server.password).await;
    server.stop().await;
}

#[tokio::test]
async fn a1_an_operator_sets_a_password_and_ends_the_sessions() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let url = server.database_url.clone();
    let key = format!("1:{}", "11".repeat(32));
    let run = |arguments: &[&str]| super::operator::admin(&url, &key, arguments);
    let (said, well) = run(&["set-password", "--email", &server.email]);
    assert!(well && said.contains("member mem_"), "{said}");
    let password = said.lines().find_map(|line| line.strip_prefix("password ")).unwrap().to_owned();
    assert_eq!(code(&ask(&server, &owner, "{ head }", json!({})).await), "UNAUTHENTICATED");
    assert_eq!(code(&attempt(&server, &server.email, &server.password, None).await), "LOGIN_REFUSED");
    login(&server, &server.email, &password).await;
    let (said, well) = run(&["set-password", "--email", &server.email, "--password", "password123"]);
    assert!(!well && said.contains("easily guessed"), "{said}");
    let (said, well) = run(&["set-password", "--email", "nobody@example.com"]);
    assert!(!well && said.contains("there is no such login"), "{said}");

    // Of two logins with one email the workspace tells which.
    let tenant = Tenant::of(&server).await;
    let link = invite(&server, tenant.api_key(), &server.email, "AGENT").await;
    accept(&server, &link, PASSWORD).await;
    let (said, well) = run(&["set-password", "--email", &server.email]);
    assert!(!well && said.contains("name one of them"), "{said}");
    let workspace = tenant.workspace.to_string();
    let (said, well) = run(&["set-password", "--email", &server.email, "--workspace", &workspace, "--password", NEW]);
    assert!(well && !said.contains("password "), "{said}");
    assert_eq!(code(&attempt(&server, &server.email, NEW, Some(workspace)).await), "none");
    login(&server, &server.email, &password).await;
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entry WHERE action = 'admin.set-password'")
        .fetch_one(&server.database)
        .await
        .unwrap();
    assert_eq!(told, 2);
    server.stop().await;
}
