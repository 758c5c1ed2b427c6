//! More than can be taken (P11), and a database that is away (P6): what is answered 200 stands once, what is answered
//! 503 does not stand and is taken when it comes again, and nobody pays for another's flood.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use inlet_domain::{ids::WorkspaceId, model::message::Direction};
use inlet_store::apply::ApplyConfig;
use inlet_tests::{
    Options, Tenant, TestServer,
    apply_fixture::{ApplyFixture, message},
    cluster, fixtures, spawn, spawn_with,
};
use reqwest::Response;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::timeout;
use url::Url;

/// A new message with an id of its own, in the one conversation of the sample.
fn body(id: &str) -> String {
    let mut body: Value = serde_json::from_str(&fixtures::of("oneroute").remove(0).body).unwrap();
    body["message"]["externalId"] = json!(id);
    body.to_string()
}

async fn say(tenant: &Tenant, id: &str) -> Response {
    tenant.post("oneroute", None, &body(id)).await
}

async fn assert_turned_away(answer: Response, code: &str) {
    assert_eq!(answer.status(), 503);
    let after: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], code);
}

/// The ids of the messages that stand, with repeats.
async fn standing(server: &TestServer, workspace: WorkspaceId) -> Vec<String> {
    sqlx::query_scalar("SELECT external_id FROM message WHERE workspace_id = $1 ORDER BY 1")
        .bind(workspace)
        .fetch_all(&server.database)
        .await
        .unwrap()
}

/// Within this a post is taken after the database is back: 3 s, and the rest for the machine.
const BACK: Duration = Duration::from_secs(10);

async fn failed(server: &TestServer) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM inbound_event WHERE outcome = 'failed'")
        .fetch_one(&server.database)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_one_workspace_floods_a_held_lane_and_anothers_request_passes() {
    let apply = ApplyConfig { lanes: 1, queue: 12, batch: 4, ..Options::default().apply };
    let server = spawn_with(Options { apply, ..Options::default() }).await;
    let (greedy, modest) = (Tenant::of(&server).await, Tenant::of(&server).await);
    for tenant in [&greedy, &modest] {
        assert_eq!(say(tenant, "first").await.status(), 200);
    }
    let mut holder = server.database.begin().await.unwrap();
    sqlx::query("SELECT id FROM conversation WHERE workspace_id = $1 FOR UPDATE")
        .bind(greedy.workspace)
        .fetch_all(&mut *holder)
        .await
        .unwrap();

    let ids: Vec<String> = (1..=40).map(|n| n.to_string()).collect();
    let mut flood: FuturesUnordered<_> = ids.iter().map(|id| async { (id.clone(), say(&greedy, id).await) }).collect();
    let mut turned_away = BTreeSet::new();
    // Half of the twelve places are the workspace's: six of the forty wait.
    for _ in 0..34 {
        let (id, answer) = flood.next().await.unwrap();
        assert_turned_away(answer, "OVERLOADED").await;
        turned_away.insert(id);
    }
    // The rows are still held, and the lane is the only one.
    for id in ["1", "2"] {
        assert_eq!(say(&modest, id).await.status(), 200);
    }
    holder.rollback().await.unwrap();
    let mut taken = BTreeSet::from(["first".to_owned()]);
    while let Some((id, answer)) = flood.next().await {
        if answer.status() == 200 {
            taken.insert(id);
        } else {
            assert_turned_away(answer, "UNAVAILABLE").await;
            turned_away.insert(id);
        }
    }
    drop(flood);
    assert_eq!(standing(&server, greedy.workspace).await, taken.into_iter().collect::<Vec<_>>());
    assert_eq!(standing(&server, modest.workspace).await, ["1", "2", "first"]);
    for id in &turned_away {
        assert_eq!(say(&greedy, id).await.status(), 200, "it comes again and is taken");
    }
    let numbers = (1..=40).map(|n| n.to_string());
    let everything: BTreeSet<String> = numbers.chain(["first".to_owned()]).collect();
    assert_eq!(standing(&server, greedy.workspace).await, everything.into_iter().collect::<Vec<_>>());
    assert_eq!(failed(&server).await, 0);
    server.stop().await;
}

#[tokio::test]
async fn p11_a_backlog_of_one_workspace_is_committed_after_anothers_single_request() {
    let house = ApplyFixture::build().await;
    let neighbour = house.neighbour().await;
    let apply = house.apply(1, 8);
    let say = |house: &ApplyFixture, n: i64| {
        let said = message(&format!("m{n}"), "+919800000001", Direction::Inbound, "hi", n);
        apply.submit(house.inbound(vec![said]))
    };
    // All of them wait before the lane takes the first: they are polled in turn, and it runs when they have been.
    let backlog = (0..100).map(|n| say(&house, n));
    for receipt in join_all(backlog.chain([say(&neighbour, 0)])).await {
        receipt.unwrap();
    }
    // One lane commits one transaction after the other, so their numbers tell the order.
    let earlier: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM inbound_event a JOIN inbound_event b ON b.workspace_id = $2 \
         WHERE a.workspace_id = $1 AND a.xmin::text::bigint <= b.xmin::text::bigint",
    )
    .bind(house.workspace)
    .bind(neighbour.workspace)
    .fetch_one(&house.database.pool)
    .await
    .unwrap();
    assert!(earlier < 8, "{earlier} of the backlog went first");
    for house in [&house, &neighbour] {
        house.assert_gapless_log().await;
    }
}

/// A connection beside the server's database.
async fn admin() -> PgConnection {
    PgConnection::connect(&cluster::url().await).await.unwrap()
}

async fn run(admin: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await.unwrap();
}

/// Ends every connection to the server's database.
async fn cut(admin: &mut PgConnection, server: &TestServer) {
    run(admin, format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", name(server)))
        .await;
}

fn name(server: &TestServer) -> String {
    Url::parse(&server.database_url).unwrap().path().trim_start_matches('/').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_database_that_is_away_is_503_and_never_failed() {
    let server = spawn().await;
    let tenant = Tenant::of(&server).await;
    assert_eq!(say(&tenant, "before").await.status(), 200);
    let mut admin = admin().await;
    run(&mut admin, format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", name(&server))).await;
    cut(&mut admin, &server).await;
    for answer in join_all((0..20).map(|n| {
        let tenant = &tenant;
        async move { say(tenant, &format!("away-{n}")).await }
    }))
    .await
    {
        assert_turned_away(answer, "UNAVAILABLE").await;
    }
    run(&mut admin, format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", name(&server))).await;
    let taken = async { while say(&tenant, "after").await.status() != 200 {} };
    timeout(BACK, taken).await.expect("it is taken soon after the database is back");
    assert_eq!(standing(&server, tenant.workspace).await, ["after", "before"]);
    assert_eq!(failed(&server).await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_connections_that_are_cut_lose_nothing_and_fail_nothing() {
    let server = spawn().await;
    let tenant = Tenant::of(&server).await;
    let mut admin = admin().await;
    let ids: Vec<String> = (0..300).map(|n| format!("n{n:03}")).collect();
    // As a provider: what is not answered 200 comes again.
    let deliver = |id: &String| {
        let (tenant, id) = (&tenant, id.clone());
        async move {
            for _ in 0..20 {
                let status = say(tenant, &id).await.status().as_u16();
                match status {
                    200 => return,
                    other => assert_eq!(other, 503),
                }
            }
            panic!("{id} is never taken");
        }
    };
    let mut deliveries = futures::stream::iter(&ids).map(deliver).buffer_unordered(30);
    let mut delivered = 0;
    while deliveries.next().await.is_some() {
        delivered += 1;
        if delivered % 40 == 0 {
            cut(&mut admin, &server).await;
        }
    }
    drop(deliveries);
    assert_eq!(standing(&server, tenant.workspace).await, ids);
    assert_eq!(failed(&server).await, 0);
    server.stop().await;
}
