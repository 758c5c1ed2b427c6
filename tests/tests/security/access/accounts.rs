//! Who sets whose password, and what workspaces learn of each other.

use std::sync::Arc;

use chrono::TimeDelta;
use inlet_domain::ambient::{Ambient, SteppedClock, SystemEntropy};
use inlet_store::database::{Database, MIGRATOR};
use inlet_tests::{Options, Tenant, TestServer, database, spawn, spawn_with};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{
    ACCEPT, INVITE, LOGIN, PASSWORD, UPDATE_MEMBER, accept, ask, ask_at, code, data, invite, login, member, token_of,
};

const VICTIM: &str = "victim@example.com";
const THEIRS: &str = "nine quiet walruses whistle";

pub fn stepped() -> (Arc<SteppedClock>, Options) {
    let clock = SteppedClock::at(Ambient::system().now());
    let ambient = Ambient::new(Arc::clone(&clock), SystemEntropy);
    (clock, Options { ambient: Some(ambient), ..Options::default() })
}

async fn attempt(server: &TestServer, password: &str, workspace: Option<&Tenant>) -> Value {
    let workspace = workspace.map(|tenant| tenant.workspace.to_string());
    let variables = json!({"email": VICTIM, "password": password, "workspace": workspace});
    ask_at(&server.graphql_url, None, LOGIN, variables).await
}

/// Someone of `mine` invites the victim and takes the link; someone of `theirs` invites them, and they accept.
async fn both(server: &TestServer) -> (Tenant, Tenant) {
    let (mine, theirs) = (Tenant::of(server).await, Tenant::of(server).await);
    let link = invite(server, mine.api_key(), VICTIM, "AGENT").await;
    assert_eq!(code(&accept(server, &link, PASSWORD).await), "none");
    let link = invite(server, theirs.api_key(), VICTIM, "ADMIN").await;
    assert_eq!(code(&accept(server, &link, THEIRS).await), "none");
    (mine, theirs)
}

#[tokio::test]
async fn a1_no_workspace_makes_the_password_that_opens_another() {
    let server = spawn().await;
    let (mine, theirs) = both(&server).await;
    assert_eq!(code(&attempt(&server, PASSWORD, Some(&theirs)).await), "LOGIN_REFUSED");
    assert_eq!(code(&attempt(&server, THEIRS, Some(&mine)).await), "LOGIN_REFUSED");
    // The password that the person chose is theirs, and opens what they accepted.
    let chosen = attempt(&server, THEIRS, Some(&theirs)).await;
    assert_eq!(chosen["data"]["login"]["member"]["role"], "ADMIN", "{chosen}");
    server.stop().await;
}

#[tokio::test]
async fn a1_to_be_invited_elsewhere_breaks_no_ones_plain_login() {
    let server = spawn().await;
    let (mine, theirs) = (Tenant::of(&server).await, Tenant::of(&server).await);
    let link = invite(&server, theirs.api_key(), VICTIM, "ADMIN").await;
    accept(&server, &link, THEIRS).await;
    // The answer to the invitation is the one to any other, and so is the plain login afterwards.
    let input = |email: &str| json!({"email": email, "name": "V", "role": "AGENT", "idempotencyKey": email});
    let known = data(&server, mine.api_key(), INVITE, json!({"input": input(VICTIM)})).await;
    let unknown = data(&server, mine.api_key(), INVITE, json!({"input": input("nobody@example.com")})).await;
    let shape = |answer: &Value| {
        let mut invitation = answer["inviteMember"]["invitation"].clone();
        ["id", "email", "expiresAt"].into_iter().for_each(|member| drop(invitation[member].take()));
        (invitation, answer["inviteMember"]["link"].as_str().unwrap().len())
    };
    assert_eq!(shape(&known), shape(&unknown));
    assert_eq!(code(&attempt(&server, THEIRS, None).await), "none");
    accept(&server, &token_of(&known["inviteMember"]["link"]), PASSWORD).await;
    let plain = attempt(&server, THEIRS, None).await;
    assert_eq!(plain["data"]["login"]["member"]["role"], "ADMIN", "{plain}");
    let other = attempt(&server, PASSWORD, None).await;
    assert_eq!(other["data"]["login"]["member"]["role"], "AGENT", "{other}");
    server.stop().await;
}

#[tokio::test]
async fn a1_one_password_in_several_workspaces_names_only_those_that_it_opens() {
    let server = spawn().await;
    let (mine, theirs) = both(&server).await;
    let third = Tenant::of(&server).await;
    let link = invite(&server, third.api_key(), VICTIM, "VIEWER").await;
    accept(&server, &link, THEIRS).await;
    let several = attempt(&server, THEIRS, None).await;
    let message = several["errors"][0]["message"].as_str().unwrap();
    assert_eq!(code(&several), "WORKSPACE_REQUIRED", "{several}");
    let slug = async |tenant: &Tenant| {
        let sql = "SELECT slug FROM workspace WHERE id = $1";
        sqlx::query_scalar::<_, String>(sql).bind(tenant.workspace).fetch_one(&server.database).await.unwrap()
    };
    assert!(message.contains(&slug(&theirs).await) && message.contains(&slug(&third).await), "{message}");
    assert!(!message.contains(&slug(&mine).await), "{message}");
    assert_eq!(code(&attempt(&server, THEIRS, Some(&third)).await), "none");
    server.stop().await;
}

#[tokio::test]
async fn a1_a_login_of_ones_own_gives_back_no_guesses_at_anothers() {
    let (_, options) = stepped();
    let server = spawn_with(options).await;
    let (mine, _) = both(&server).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        for _ in 0..3 {
            codes.push(code(&attempt(&server, "a wrong guess at it", None).await).to_owned());
        }
        // Their own login, by its workspace and without.
        assert_eq!(code(&attempt(&server, PASSWORD, Some(&mine)).await), "none");
        attempt(&server, PASSWORD, None).await;
    }
    let guesses = codes.iter().filter(|code| *code == "LOGIN_REFUSED").count();
    assert!(guesses <= 5 && codes.last().unwrap() == "RATE_LIMITED", "{codes:?}");
    server.stop().await;
}

#[tokio::test]
async fn a1_a_password_that_is_wrong_for_another_login_of_the_email_counts_as_a_guess() {
    let (_, options) = stepped();
    let server = spawn_with(options).await;
    let (mine, theirs) = both(&server).await;
    // The attacker sets each guess as the password of a login of their own, so that it is right there.
    let mut codes = Vec::new();
    for _ in 0..8 {
        codes.push(code(&attempt(&server, PASSWORD, None).await).to_owned());
    }
    let tried = codes.iter().filter(|code| *code == "none").count();
    assert!((1..=5).contains(&tried) && codes.last().unwrap() == "RATE_LIMITED", "{codes:?}");
    // Whoever names the workspace is not a guesser.
    for (password, tenant) in [(PASSWORD, &mine), (THEIRS, &theirs)].repeat(6) {
        assert_eq!(code(&attempt(&server, password, Some(tenant)).await), "none");
    }
    server.stop().await;
}

#[tokio::test]
async fn a1_a_link_works_once_for_a_week_and_every_other_is_refused_alike() {
    let (clock, options) = stepped();
    let server = spawn_with(options).await;
    let owner = login(&server, &server.email, &server.password).await;
    let input = json!({"email": " New@Example.com ", "name": "New", "role": "AGENT", "idempotencyKey": "1"});
    let made = data(&server, &owner, INVITE, json!({ "input": input })).await["inviteMember"].clone();
    let again = data(&server, &owner, INVITE, json!({ "input": input })).await["inviteMember"].clone();
    assert_eq!((&again["invitation"], &again["link"]), (&made["invitation"], &json!(null)), "the link is shown once");
    assert!(made["link"].as_str().unwrap().starts_with(&server.url), "{made}");
    let used = token_of(&made["link"]);

    // A password that will not do uses nothing up.
    for (weak, word) in [("short", "10 characters"), ("password123", "easily guessed"), ("new@example.com", "guessed")]
    {
        let refused = accept(&server, &used, weak).await;
        let error = &refused["errors"][0];
        assert_eq!(error["extensions"]["inputPath"], json!(["input", "password"]), "{refused}");
        assert!(error["message"].as_str().unwrap().contains(word), "{refused}");
    }
    let accepted = accept(&server, &used, PASSWORD).await["data"]["acceptInvitation"].clone();
    assert_eq!(accepted["member"]["name"], "New", "{accepted}");
    let session = accepted["token"].as_str().unwrap();
    assert_eq!(data(&server, session, "{ viewer { role } }", json!({})).await["viewer"]["role"], "AGENT");
    login(&server, "new@example.com", PASSWORD).await;
    let already = ask(
        &server,
        &owner,
        INVITE,
        json!({"input": {"email": "new@example.com", "name": "N", "role": "AGENT",
        "idempotencyKey": "again"}}),
    );
    assert_eq!(already.await["errors"][0]["extensions"]["inputPath"], json!(["input", "email"]));
    let list = "{ invitations { nodes { email acceptedAt member { name } invitedBy { __typename } } } }";
    let told = data(&server, &owner, list, json!({})).await["invitations"]["nodes"][0].clone();
    assert!(told["acceptedAt"].is_string() && told["member"]["name"] == "New", "{told}");

    let revoked = invite(&server, &owner, "revoked@example.com", "AGENT").await;
    let list = "{ invitations(first: 1) { nodes { id } } }";
    let id = data(&server, &owner, list, json!({})).await["invitations"]["nodes"][0]["id"].clone();
    let revoke = "mutation($id: ID!) { revokeInvitation(input: {id: $id}) { invitation { revokedAt } } }";
    let taken = data(&server, &owner, revoke, json!({"id": id})).await;
    assert!(taken["revokeInvitation"]["invitation"]["revokedAt"].is_string(), "{taken}");
    assert_eq!(code(&ask(&server, &owner, revoke, json!({"id": id})).await), "NOT_FOUND");

    // Of an inviter who may not give the role any more.
    let (id, email, password) = member(&server, &owner, "admin", "ADMIN").await;
    let admin = login(&server, &email, &password).await;
    let demoted = invite(&server, &admin, "demoted@example.com", "AGENT").await;
    data(&server, &owner, UPDATE_MEMBER, json!({"input": {"id": id, "role": "VIEWER"}})).await;

    let expired = invite(&server, &owner, "expired@example.com", "AGENT").await;
    let late = invite(&server, &owner, "late@example.com", "AGENT").await;
    clock.step(TimeDelta::days(7) - TimeDelta::seconds(1));
    assert_eq!(code(&accept(&server, &late, PASSWORD).await), "none");
    clock.step(TimeDelta::seconds(2));
    let mut answers = Vec::new();
    for token in [used.as_str(), &revoked, &demoted, &expired, &used[1..], ""] {
        let mut answer = accept(&server, token, PASSWORD).await;
        answer["errors"][0]["extensions"]["requestId"].take();
        assert_eq!(code(&answer), "TOKEN_REFUSED", "{answer}");
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    server.stop().await;
}

#[tokio::test]
async fn a1_two_who_accept_at_once_are_one_member() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let one = invite(&server, &owner, "twice@example.com", "AGENT").await;
    let two = invite(&server, &owner, "twice@example.com", "AGENT").await;
    let tries = [&one, &one, &two, &two].map(|token| accept(&server, token, PASSWORD));
    let answers = futures::future::join_all(tries).await;
    let codes: Vec<&str> = answers.iter().map(code).collect();
    assert_eq!(codes.iter().filter(|code| **code == "none").count(), 1, "{answers:?}");
    assert!(codes.iter().all(|code| ["none", "TOKEN_REFUSED"].contains(code)), "{answers:?}");
    server.stop().await;
}

/// The last migration before logins were told apart.
const FORMER: i64 = 20_261_128_220_000;

/// Ada is in three workspaces, in the second first; Bob in one.
const STOOD: &str = "
INSERT INTO workspace (id, name, slug, created_at)
SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'w' || n, 'w' || n, now() FROM generate_series(1, 3) n;
INSERT INTO person (id, email, name, password_hash, created_at) VALUES
  ('00000000-0000-7000-8000-0000000000a1', 'ada@example.com', 'Ada', 'hash of ada', now()),
  ('00000000-0000-7000-8000-0000000000b1', 'jose\u{301}@example.com', 'Bob', 'hash of bob', now());
INSERT INTO member (workspace_id, id, person_id, role, created_at)
SELECT ('00000000-0000-7000-8000-00000000000' || w)::uuid, ('00000000-0000-7000-8000-0000000000c' || n)::uuid,
       ('00000000-0000-7000-8000-0000000000' || p)::uuid, r, now() - age
FROM (VALUES (1, 1, 'a1', 'owner', interval '1 day'), (2, 2, 'a1', 'agent', interval '3 days'),
             (3, 3, 'a1', 'viewer', interval '2 days'), (3, 4, 'b1', 'owner', interval '1 day')) v(w, n, p, r, age);
INSERT INTO session (workspace_id, id, member_id, token_hash, created_at, expires_at)
SELECT workspace_id, gen_random_uuid(), id, uuid_send(gen_random_uuid()), now(), now() + interval '1 day' FROM member;
";

#[tokio::test]
async fn a1_a_database_of_shared_logins_becomes_one_of_logins_of_their_own() {
    let url = database::create().await;
    let database = Database::connect(&url, 4, 1).await.unwrap();
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&database.pool).await.unwrap();
    MIGRATOR.run_to(FORMER, &database.pool).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(STOOD)).execute(&database.pool).await.unwrap();
    database.migrate().await.unwrap();
    let standing: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws('|', w.slug, right(m.id::text, 2), p.email, p.name, coalesce(p.password_hash, '-'), m.role, \
           p.workspace_id = w.id, p.proven_at IS NULL, (SELECT count(*) FROM session s WHERE s.member_id = m.id \
           AND s.revoked_at IS NULL)) \
         FROM member m JOIN person p ON p.id = m.person_id JOIN workspace w ON w.id = m.workspace_id ORDER BY 1",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    assert_eq!(
        standing,
        [
            "w1|c1|ada@example.com|Ada|-|owner|t|t|0",
            "w2|c2|ada@example.com|Ada|hash of ada|agent|t|t|1",
            "w3|c3|ada@example.com|Ada|-|viewer|t|t|0",
            "w3|c4|jos\u{e9}@example.com|Bob|hash of bob|owner|t|t|1",
        ]
    );
    let persons: i64 = sqlx::query_scalar("SELECT count(*) FROM person").fetch_one(&database.pool).await.unwrap();
    assert_eq!(persons, 4);
    database.close().await;
    database::drop(&url).await;
}

#[tokio::test]
async fn a1_who_has_no_password_is_invited_anew_as_what_they_are() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let (_, email, _) = member(&server, &owner, "agent", "AGENT").await;
    let (_, second, _) = member(&server, &owner, "second", "OWNER").await;
    let (_, admins, password) = member(&server, &owner, "admin", "ADMIN").await;
    let admin = login(&server, &admins, &password).await;
    let sql = "UPDATE person SET password_hash = NULL WHERE email = ANY($1)";
    sqlx::query(sql).bind(vec![&email, &second]).execute(&server.database).await.unwrap();
    let invited = async |by: &str, email: &str, role: &str| {
        let input = json!({"email": email, "name": "Anew", "role": role, "idempotencyKey": database::unique()});
        ask(&server, by, INVITE, json!({ "input": input })).await
    };
    let raised = invited(&admin, &email, "ADMIN").await;
    assert_eq!(raised["errors"][0]["extensions"]["inputPath"], json!(["input", "role"]), "{raised}");
    // An ADMIN gets no link that an OWNER logs in by.
    assert_eq!(code(&invited(&admin, &second, "OWNER").await), "FORBIDDEN");
    assert_eq!(code(&invited(&admin, &second, "ADMIN").await), "BAD_USER_INPUT");
    let link = token_of(&invited(&admin, &email, "AGENT").await["data"]["inviteMember"]["link"]);
    let input = json!({"input": {"token": link, "password": PASSWORD}});
    let accepted = ask_at(&server.graphql_url, None, ACCEPT, input).await;
    assert_eq!(accepted["data"]["acceptInvitation"]["member"]["role"], "AGENT", "{accepted}");
    login(&server, &email, PASSWORD).await;
    server.stop().await;
}
