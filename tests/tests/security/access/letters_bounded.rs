//! Letters are bounded, and what nobody takes is given up and told.

use chrono::TimeDelta;
use inlet_domain::ambient::{Ambient, Clock};
use inlet_server::config::Role;
use inlet_tests::{Options, Sink, Tenant, TestServer, database, server, spawn_with};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{INVITE, PASSWORD, accept, accounts::stepped, ask, ask_at, code, data, invite, letters::hooked, token_of};

async fn attempt(server: &TestServer, by: &str, email: &str) -> Value {
    let input = json!({"email": email, "name": "Invited", "role": "AGENT", "idempotencyKey": database::unique()});
    ask(server, by, INVITE, json!({ "input": input })).await
}

async fn waiting(server: &TestServer) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM mail_outbox").fetch_one(&server.database).await.unwrap()
}

fn ids(count: usize) -> Vec<Uuid> {
    let ambient = Ambient::system();
    (0..count).map(|_| ambient.uuid()).collect()
}

/// A server that hands letters out to a hook, in a process that posts none.
async fn without_postman() -> TestServer {
    let options = Options { roles: vec![Role::Api], mail_hook: Some(server::mail_hook()), ..Options::default() };
    spawn_with(options).await
}

#[tokio::test]
async fn f_letters_that_wait_are_bounded_for_each_workspace() {
    let server = without_postman().await;
    let (one, two) = (Tenant::of(&server).await, Tenant::of(&server).await);
    let first = attempt(&server, one.api_key(), "first@example.com").await;
    assert_eq!(code(&first), "none", "{first}");
    let pile = "INSERT INTO mail_outbox (workspace_id, id, sealed, created_at, expires_at, due_at) \
                SELECT $1, id, 'x', now(), now() + interval '1 day', now() FROM unnest($2::uuid[]) id";
    sqlx::query(pile).bind(one.workspace).bind(ids(498)).execute(&server.database).await.unwrap();
    let last = attempt(&server, one.api_key(), "last@example.com").await;
    assert_eq!(code(&last), "none", "{last}");

    let refused = attempt(&server, one.api_key(), "more@example.com").await;
    assert_eq!(code(&refused), "LIMIT_EXCEEDED", "{refused}");
    let error = &refused["errors"][0];
    assert_eq!(error["extensions"]["inputPath"], json!(["input", "email"]));
    assert!(error["message"].as_str().unwrap().starts_with("500 letters of this workspace wait"), "{error}");
    let sql = "SELECT count(*) FROM invitation WHERE email = 'more@example.com'";
    let made: i64 = sqlx::query_scalar(sql).fetch_one(&server.database).await.unwrap();
    assert_eq!(made, 0, "nothing of it stands");
    // Another workspace is not told of it, and neither is who has forgotten a password.
    assert_eq!(code(&attempt(&server, two.api_key(), "more@example.com").await), "none");
    let reset = "mutation { requestPasswordReset(input: {email: \"more@example.com\"}) { requested } }";
    assert_eq!(code(&ask_at(&server.graphql_url, None, reset, json!({})).await), "none");

    // One that is taken back waits no more.
    let revoke = "mutation($id: ID!) { revokeInvitation(input: {id: $id}) { invitation { revokedAt } } }";
    let id = &first["data"]["inviteMember"]["invitation"]["id"];
    data(&server, one.api_key(), revoke, json!({ "id": id })).await;
    let again = attempt(&server, one.api_key(), "more@example.com").await;
    assert_eq!(code(&again), "none", "{again}");
    assert_eq!(code(&attempt(&server, one.api_key(), "and-more@example.com").await), "LIMIT_EXCEEDED");
    // So does one whose link was used.
    let token = token_of(&again["data"]["inviteMember"]["link"]);
    assert_eq!(code(&accept(&server, &token, PASSWORD).await), "none");
    assert_eq!(code(&attempt(&server, one.api_key(), "and-more@example.com").await), "none");
    server.stop().await;
}

#[tokio::test]
async fn f_invitations_of_a_day_are_bounded_for_each_email_and_each_workspace() {
    let server = without_postman().await;
    let (one, two) = (Tenant::of(&server).await, Tenant::of(&server).await);
    for _ in 0..5 {
        assert_eq!(code(&attempt(&server, one.api_key(), "ada@example.com").await), "none");
    }
    assert_eq!(code(&attempt(&server, one.api_key(), "ada@example.com").await), "RATE_LIMITED");
    assert_eq!(code(&attempt(&server, two.api_key(), "ada@example.com").await), "none");
    let sent = "INSERT INTO invitation (workspace_id, id, email, name, role, invited_by_kind, token_hash, created_at, expires_at) \
                SELECT $1, id, id || '@example.com', 'x', 'agent', 'system', sha256(id::text::bytea), now(), now() \
                FROM unnest($2::uuid[]) id";
    sqlx::query(sent).bind(one.workspace).bind(ids(994)).execute(&server.database).await.unwrap();
    assert_eq!(code(&attempt(&server, one.api_key(), "bob@example.com").await), "none");
    let refused = attempt(&server, one.api_key(), "carol@example.com").await;
    assert_eq!(code(&refused), "RATE_LIMITED", "{refused}");
    assert_eq!(refused["errors"][0]["extensions"]["retryAfter"], 3_600, "{refused}");
    assert_eq!(code(&attempt(&server, two.api_key(), "carol@example.com").await), "none");
    server.stop().await;
}

/// How many letters were given up in this process, as its metrics tell.
async fn given_up(server: &TestServer) -> u64 {
    let text = server.client.get(&server.metrics_url).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("inlet_mail_given_up_total "));
    line.map_or(0, |count| count.trim().parse().unwrap())
}

#[tokio::test]
async fn f_a_letter_that_the_hook_never_takes_is_given_up_and_told() {
    let sink = Sink::start().await;
    let (clock, options) = stepped();
    let server = spawn_with(hooked(&sink, options)).await;
    sink.answer(|_| (503, Vec::new()));
    let link = invite(&server, &server.api_key, "ada@example.com", "AGENT").await;
    let before = given_up(&server).await;
    // It is posted again and again, the same each time, after waits that grow to ten minutes.
    for posted in 1..=4 {
        let letters = sink.letters(posted).await;
        assert_eq!(letters[posted - 1].body, letters[0].body);
        let sql = "SELECT due_at - $1 FROM mail_outbox WHERE attempts = $2";
        let attempts = i32::try_from(posted).unwrap();
        let expected = TimeDelta::seconds(5 * (1 << (posted - 1)));
        // Until the failure is written down, the letter is due after its lease of a minute.
        loop {
            let wait: Option<sqlx::postgres::types::PgInterval> = sqlx::query_scalar(sql)
                .bind(clock.now())
                .bind(attempts)
                .fetch_optional(&server.database)
                .await
                .unwrap();
            if wait.is_some_and(|wait| wait.microseconds == expected.num_microseconds().unwrap()) {
                break;
            }
            tokio::task::yield_now().await;
        }
        clock.step(expected);
    }
    sink.letters(5).await;
    // Nobody could use its link any more.
    clock.step(TimeDelta::days(7));
    while waiting(&server).await > 0 {
        tokio::task::yield_now().await;
    }
    while given_up(&server).await == before {
        tokio::task::yield_now().await;
    }
    // The invitation stands in the list, past its time; neither of its links works.
    let list = "{ invitations(first: 5) { nodes { email expiresAt acceptedAt revokedAt } } }";
    let nodes = data(&server, &server.api_key, list, json!({})).await["invitations"]["nodes"].clone();
    assert_eq!(nodes.as_array().unwrap().len(), 1);
    assert_eq!((&nodes[0]["acceptedAt"], &nodes[0]["revokedAt"]), (&Value::Null, &Value::Null), "{nodes}");
    let letter = sink.received()[0].json();
    for token in [link, token_of(&letter["link"])] {
        assert_eq!(code(&accept(&server, &token, PASSWORD).await), "TOKEN_REFUSED");
    }
    // An invitation that is made anew has a letter of its own.
    let posted = sink.received().len();
    sink.answer(|_| (204, Vec::new()));
    invite(&server, &server.api_key, "ada@example.com", "AGENT").await;
    let letters = sink.letters(posted + 1).await;
    let token = token_of(&letters[posted].json()["link"]);
    assert_eq!(code(&accept(&server, &token, PASSWORD).await), "none");
    while waiting(&server).await > 0 {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}
