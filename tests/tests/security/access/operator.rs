//! `inlet admin`, as an operator uses it, over a real database.

use std::process::Command;

use inlet_store::records::upkeep::SEALED;
use inlet_tests::{LiveClient, database, spawn, workspace};
use serde_json::json;
use sqlx::PgPool;

use super::data;

/// Standard output, and whether it went well.
pub(super) fn admin(url: &str, keys: &str, arguments: &[&str]) -> (String, bool) {
    let output = Command::new(workspace::inlet())
        .arg("admin")
        .args(arguments)
        .env("DATABASE_URL", url)
        .env("INLET_SECRETS_KEYS", keys)
        .env_remove("INLET_SECRETS_KEY")
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr);
    (if output.status.success() { said } else { format!("{said}{wrong}") }, output.status.success())
}

fn word<'a>(said: &'a str, name: &str) -> &'a str {
    let line = said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}: {said}"));
    line.trim()
}

#[tokio::test]
async fn a_workspace_is_set_up_and_its_secrets_move_to_a_new_key() {
    let url = database::create().await;
    let (old, new) = (format!("1:{}", "11".repeat(32)), format!("2:{}", "22".repeat(32)));
    let both = format!("{old},{new}");
    let run = |keys: &str, arguments: &[&str]| {
        let (said, well) = admin(&url, keys, arguments);
        assert!(well, "{arguments:?}: {said}");
        said
    };
    let said = run(&old, &["create-workspace", "--name", "Example", "--slug", "example"]);
    assert!(word(&said, "workspace").starts_with("ws_"));
    let member =
        ["create-member", "--workspace", "example", "--email", "a@example.com", "--name", "A", "--role", "owner"];
    let said = run(&old, &member);
    assert!(word(&said, "member").starts_with("mem_") && word(&said, "password").len() == 32, "{said}");
    let key = ["create-key", "--workspace", "example", "--name", "k", "--scopes", "read,write"];
    assert!(word(&run(&old, &key), "token").starts_with("ik_"));
    let source = ["create-source", "--workspace", "example", "--provider", "oneroute", "--name", "s"];
    assert!(word(&run(&old, &source), "path").starts_with("/in/"));
    let (said, well) = admin(&url, &old, &["create-key", "--workspace", "none", "--name", "k"]);
    assert!(!well && said.contains("there is no workspace `none`"), "{said}");
    let (said, well) = admin(&url, &new, &source);
    assert!(!well, "with a key that is not the database's nothing is sealed: {said}");

    let pool = PgPool::connect(&url).await.unwrap();
    let versions = "SELECT DISTINCT get_byte(s, 0) FROM (SELECT sealed_token s FROM source UNION ALL \
                    SELECT sealed_secrets FROM source UNION ALL SELECT sealed FROM seal_canary) all_of_it";
    let under = async || sqlx::query_scalar::<_, i32>(versions).fetch_all(&pool).await.unwrap();
    assert_eq!(under().await, [1]);
    assert!(run(&both, &["reseal"]).contains("2 values are sealed anew"));
    assert_eq!(under().await, [2]);
    assert!(run(&new, &["reseal"]).contains("0 values are sealed anew"), "the old key is not needed any more");
    run(&new, &source);
    let (said, well) = admin(&url, &old, &source);
    assert!(!well, "the old key opens nothing: {said}");

    let told: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit_entry WHERE actor_kind = 'system' ORDER BY id")
            .fetch_all(&pool)
            .await
            .unwrap();
    let made = ["workspace", "member", "key", "source", "source"].map(|what| format!("admin.create-{what}"));
    assert_eq!(told, made);
    let settings: Vec<String> =
        sqlx::query_scalar("SELECT payload ->> 'kind' FROM event WHERE type = 'settings.changed' ORDER BY seq")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(settings, ["member", "api_key", "source", "source"], "who watches settings is told");
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c \
         JOIN pg_class t ON t.relname = c.table_name AND NOT t.relispartition \
         WHERE c.table_schema = current_schema() AND c.column_name LIKE 'sealed%' AND c.data_type = 'bytea' \
           AND c.table_name <> 'seal_canary' ORDER BY 1, 2",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let mut known: Vec<(String, String)> =
        SEALED.iter().map(|(table, column)| ((*table).into(), (*column).into())).collect();
    known.sort();
    assert_eq!(columns, known, "what is sealed is sealed anew");
    pool.close().await;
    database::drop(&url).await;
}

#[tokio::test]
async fn p8_after_a_restore_a_new_epoch_resets_who_follows_with_an_old_cursor() {
    let server = spawn().await;
    let head = data(&server, &server.api_key, "{ head }", json!({})).await["head"].as_str().unwrap().to_owned();
    let key = format!("1:{}", "11".repeat(32));
    let (first, well) = admin(&server.database_url, &key, &["new-epoch"]);
    assert!(well && first.starts_with(&server.workspace_id), "{first}");
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let follow = format!("subscription {{ events(after: \"{head}\") {{ ... on Reset {{ reason cursor }} }} }}");
    socket.subscribe("1", &follow).await;
    let reset = socket.data("1").await["events"].clone();
    assert_eq!(reset["reason"], "FOREIGN");
    let epoch = |text: &str| text.split_once("epoch ").unwrap().1.trim().parse::<i32>().unwrap();
    assert_eq!(reset["cursor"], format!("{}-0", epoch(&first)));
    // The same backup once more: the number is another one all the same.
    let (second, _) = admin(&server.database_url, &key, &["new-epoch"]);
    assert!(epoch(&second) > epoch(&first));
    server.stop().await;
}
