//! A database whose addresses were keyed by former rules gets the keys of today, and no two people become one by it.

use std::process::Command;

use inlet_domain::ambient::Ambient;
use inlet_store::{
    database::{Database, MIGRATOR},
    records::{
        contacts,
        upgrade::{self, AddressKey, StoredAddress},
    },
};
use inlet_tests::{database, workspace};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// The last migration of the former rules.
const FORMER: i64 = 20_261_128_130_000;

/// One workspace as the former rules left it. Ids end in what they name.
const STOOD: &str = "
INSERT INTO workspace (id, name, slug, created_at) VALUES ('00000000-0000-7000-8000-000000000001', 'w', 'w', now());
INSERT INTO provider_account (workspace_id, id, provider, name, created_at)
SELECT '00000000-0000-7000-8000-000000000001', ('00000000-0000-7000-8000-0000000000a' || n)::uuid, p, p, now()
FROM (VALUES (1, 'mobtexting'), (2, 'oneroute'), (3, 'oneroute'), (4, 'custom')) v(n, p);
INSERT INTO channel (workspace_id, id, provider_account_id, medium, created_at)
SELECT '00000000-0000-7000-8000-000000000001', ('00000000-0000-7000-8000-0000000000c' || n)::uuid,
       ('00000000-0000-7000-8000-0000000000a' || n)::uuid, m, now()
FROM (VALUES (1, 'whatsapp'), (2, 'whatsapp'), (3, 'whatsapp'), (4, 'telegram')) v(n, m);
INSERT INTO contact (workspace_id, id, name, created_at, updated_at)
SELECT '00000000-0000-7000-8000-000000000001', ('00000000-0000-7000-8000-0000000000' || n)::uuid, c, now(), now()
FROM (VALUES ('d1', 'with nine'), ('d2', 'without nine'), ('d3', 'mail'), ('d4', 'number'), ('d5', 'profile'), ('d6', 'jid'),
             ('d7', 'nameless')) v(n, c);
INSERT INTO identity (workspace_id, scope_id, kind, value, id, original, contact_id, created_at)
SELECT '00000000-0000-7000-8000-000000000001',
       CASE s WHEN 0 THEN '00000000-0000-0000-0000-000000000000'::uuid ELSE ('00000000-0000-7000-8000-0000000000a' || s)::uuid END,
       k, v, ('00000000-0000-7000-8000-0000000000' || i)::uuid, o, ('00000000-0000-7000-8000-0000000000' || c)::uuid, now()
FROM (VALUES (0, 'phone', '+5511987654321', 'e1', NULL, 'd1'), (0, 'phone', '+551187654321', 'e2', '551187654321', 'd2'),
             (0, 'email', 'x@y.example', 'e3', NULL, 'd3'), (0, 'phone', '+6597325156', 'e4', '6597325156', 'd4'),
             (0, 'phone', '+919800000001', 'e5', NULL, 'd5'), (0, 'email', 'desk@hotel.example', 'e6', NULL, 'd5'),
             (0, 'email', '447400123456@s.whatsapp.net', 'e7', NULL, 'd6'),
             (2, 'provider_conversation', 'null', 'e8', NULL, 'd7')) r(s, k, v, i, o, c);
INSERT INTO conversation (workspace_id, id, channel_id, address_id, contact_id, status, last_activity_at, created_at, updated_at)
SELECT '00000000-0000-7000-8000-000000000001', ('00000000-0000-7000-8000-0000000000' || i)::uuid,
       ('00000000-0000-7000-8000-0000000000' || h)::uuid, ('00000000-0000-7000-8000-0000000000' || a)::uuid,
       ('00000000-0000-7000-8000-0000000000' || c)::uuid, 'open', now() - age, now(), now()
FROM (VALUES ('f1', 'c1', 'e1', 'd1', interval '2 days'), ('f2', 'c1', 'e2', 'd2', interval '1 day'),
             ('f3', 'c2', 'e3', 'd3', interval '1 day'), ('f4', 'c3', 'e3', 'd3', interval '1 day'),
             ('f5', 'c4', 'e4', 'd4', interval '1 day'), ('f6', 'c1', 'e4', 'd4', interval '1 day'),
             ('f7', 'c1', 'e5', 'd5', interval '1 day'), ('f8', 'c1', 'e7', 'd6', interval '1 day')) r(i, h, a, c, age);
INSERT INTO opt_out (workspace_id, id, contact_id, medium, scope, value, created_at)
VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000b1',
        '00000000-0000-7000-8000-0000000000d2', 'whatsapp', 'all', '*', now());
INSERT INTO external_ref (workspace_id, provider_account_id, kind, external_id, target_id)
VALUES ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a1', 'message', 'whatsapp:null', NULL),
       ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a1', 'message', 'whatsapp:nullable', NULL);
INSERT INTO identity (workspace_id, scope_id, kind, value, id, created_at)
SELECT '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-0000000000a1', 'provider_user', 'filler-' || n,
       gen_random_uuid(), now()
FROM generate_series(1, 1200) n;
";

fn id(end: &str) -> Uuid {
    format!("00000000-0000-7000-8000-0000000000{end}").parse().unwrap()
}

async fn rows(pool: &PgPool, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn b1_b2_b3_b4_stored_addresses_get_the_keys_of_today_and_nobody_is_merged() {
    let url = database::create().await;
    let database = Database::connect(&url, 4, 1).await.unwrap();
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&database.pool).await.unwrap();
    MIGRATOR.run_to(FORMER, &database.pool).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(STOOD)).execute(&database.pool).await.unwrap();
    database.migrate().await.unwrap();
    assert!(upgrade::is_pending(&database).await.unwrap());

    // The first chunk alone: whoever is cut off then goes on with the next.
    let ambient = Ambient::system();
    let rule = |stored: &StoredAddress| {
        let found = inlet_adapters::rekey(stored.kind, stored.scope, &stored.value, stored.original.as_deref())?;
        Some(AddressKey { kind: found.kind, scope: found.scope, value: found.value })
    };
    let first = upgrade::rekey_addresses(&database, &ambient, &rule).await.unwrap();
    assert!(first.looked_at == 500 && !first.is_done);

    let binary = workspace::inlet();
    let done = Command::new(&binary).arg("migrate").env("DATABASE_URL", &url).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(!upgrade::is_pending(&database).await.unwrap());

    let pool = &database.pool;
    let standing = rows(
        pool,
        "SELECT concat_ws('|', coalesce(a.provider, '-') || right(i.scope_id::text, 1), i.kind, i.value, coalesce(i.original, '-'), \
           coalesce(i.canonical, '-'), coalesce(c.name, '-')) \
         FROM identity i LEFT JOIN contact c ON c.id = i.contact_id LEFT JOIN provider_account a ON a.id = i.scope_id \
         WHERE i.value NOT LIKE 'filler%' ORDER BY 1",
    )
    .await;
    assert_eq!(
        standing,
        [
            "-0|email|desk@hotel.example|-|-|-",
            "-0|phone|+447400123456|447400123456@s.whatsapp.net|-|jid",
            "-0|phone|+551187654321|+5511987654321|+5511987654321|with nine",
            "-0|phone|+5511987654321|551187654321|-|without nine",
            "-0|phone|+6597325156|6597325156|-|number",
            "-0|phone|+919800000001|-|-|profile",
            "custom4|provider_user|6597325156|-|-|number",
            "oneroute2|email|x@y.example|-|-|mail",
            "oneroute2|provider_conversation|null|-|-|-",
            "oneroute3|email|x@y.example|-|-|mail",
        ]
    );
    // Each conversation is where it was, at the address of its own account.
    let conversations = rows(
        pool,
        "SELECT concat_ws('|', right(v.id::text, 2), c.name, i.kind, i.value) FROM conversation v \
         JOIN contact c ON c.id = v.contact_id JOIN identity i ON i.id = v.address_id ORDER BY 1",
    )
    .await;
    assert_eq!(
        conversations,
        [
            "f1|with nine|phone|+551187654321",
            "f2|without nine|phone|+5511987654321",
            "f3|mail|email|x@y.example",
            "f4|mail|email|x@y.example",
            "f5|number|provider_user|6597325156",
            "f6|number|phone|+6597325156",
            "f7|profile|phone|+919800000001",
            "f8|jid|phone|+447400123456",
        ]
    );
    let refusals = rows(pool, "SELECT concat_ws('|', address_kind, address_value, medium) FROM opt_out").await;
    assert_eq!(refusals, ["phone|+5511987654321|whatsapp"]);
    assert_eq!(rows(pool, "SELECT external_id FROM external_ref").await, ["whatsapp:nullable"]);
    // The two who have one number are offered as one person, for a person to decide.
    let scope = inlet_domain::scope::Scope::of(id("01").into());
    let suggested = contacts::suggested_merges(&database, scope, &[id("d1").into()]).await.unwrap();
    let others: Vec<Uuid> = suggested.iter().map(|it| it.contact_id.0).collect();
    assert_eq!(others, [id("d2")]);

    // Run again, it finds nothing to do.
    sqlx::query("UPDATE upgrade_step SET position = NULL, done_at = NULL").execute(pool).await.unwrap();
    let again = Command::new(&binary).arg("migrate").env("DATABASE_URL", &url).output().unwrap();
    assert!(again.status.success());
    assert_eq!(
        rows(pool, "SELECT value FROM identity WHERE canonical IS NOT NULL").await,
        ["+551187654321"],
        "a second run changes nothing"
    );
    database.close().await;
    database::drop(&url).await;
}
