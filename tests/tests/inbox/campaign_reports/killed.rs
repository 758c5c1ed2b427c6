//! A process is killed, or stopped, in the middle of the pages, and another goes on.

use std::{sync::Arc, time::Duration};

use inlet_tests::{
    Process, ReportServer,
    process::DataDir,
    report_server::{campaign_completed, page, rows},
};
use serde_json::json;
use sqlx::PgPool;

use super::{CAMPAIGNS, allow, complete, count, messages, spawn};

const PAGES: i32 = 5;
const SIZE: i32 = 20;

const ROWS: &str = "SELECT count(*) FROM message";

async fn wait_for(database: &PgPool, sql: &'static str, expected: i64) {
    let waiting = async { while count(database, sql).await != expected {} };
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .unwrap_or_else(|_| panic!("{sql} never is {expected}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn or_12_p1_a_report_goes_on_where_a_killed_process_left_it() {
    let folder = DataDir::new();
    let api = Arc::new(ReportServer::start(|number| page(&rows("c-1", number, SIZE), number, PAGES)).await);
    api.hold(Some(2));
    let doomed = Process::start(&folder.path()).await;
    let database = PgPool::connect(&doomed.dev.database_url).await.unwrap();
    allow(&database, &["127.0.0.1"]).await;
    assert_eq!(doomed.post("oneroute", &campaign_completed(&api.report("c-1"))).await.0, 200);
    api.wait(|asked| asked.contains(&2)).await;

    // Page 2 is committed, but the job cannot be moved on: killed just then.
    let mut lock = database.begin().await.unwrap();
    sqlx::query("SELECT FROM report_job FOR UPDATE").execute(&mut *lock).await.unwrap();
    api.hold(None);
    wait_for(&database, ROWS, i64::from(2 * SIZE)).await;
    doomed.kill().await;
    // What it has asked of Postgres goes on without it, so it must not have asked.
    let asked = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    wait_for(&database, asked, 0).await;
    lock.rollback().await.unwrap();
    let stood = "SELECT next_page::bigint FROM report_job WHERE status = 'running' AND lease_owner IS NOT NULL";
    assert_eq!(count(&database, stood).await, 2);
    // Its lease runs out.
    sqlx::query("UPDATE report_job SET due_at = due_at - interval '1 day'").execute(&database).await.unwrap();

    let second = Process::start(&folder.path()).await;
    api.wait(|asked| asked.contains(&PAGES)).await;
    wait_for(&database, "SELECT count(*) FROM report_job WHERE status = 'done'", 1).await;
    assert_eq!(api.asked(), [1, 2, 2, 3, 4, 5], "only the page that was not noted comes again");
    let campaign = second.graphql(CAMPAIGNS, json!({})).await["campaigns"]["nodes"][0].clone();
    assert_eq!((&campaign["reportStatus"], &campaign["reportPagesDone"]), (&"DONE".into(), &PAGES.into()));
    assert_eq!(campaign["reports"][0]["rowsDone"], PAGES * SIZE);

    let messages = messages(&database).await;
    assert_eq!(messages.len(), usize::try_from(PAGES * SIZE).unwrap());
    assert!(messages.iter().all(|(_, status, reports)| status == "delivered" && *reports == 1), "{messages:?}");
    let again = "SELECT count(*) FROM inbound_event WHERE event = 'campaignReport' AND outcome = 'duplicate'";
    assert_eq!(count(&database, again).await, 1);
    let changes = "SELECT count(*) FROM event WHERE type = 'message.status_changed'";
    assert_eq!(count(&database, changes).await, count(&database, ROWS).await, "each row is one event of the log");
    database.close().await;
    assert!(second.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn or_12_p13_a_stopped_process_gives_its_report_to_another_at_once() {
    let api = ReportServer::start(|number| page(&rows("c-1", number, SIZE), number, 2)).await;
    api.hold(Some(2));
    let server = spawn().await;
    complete(&server, &api.report("c-1")).await;
    api.wait(|asked| asked.contains(&2)).await;
    let other = server.beside(inlet_tests::Options::default()).await;
    server.halt().await;
    // The other asks for the page itself: no lease has to run out first.
    api.wait(|asked| asked.iter().filter(|page| **page == 2).count() == 2).await;
    api.hold(None);
    wait_for(&other.database, "SELECT count(*) FROM report_job WHERE status = 'done'", 1).await;
    assert_eq!(api.asked(), [1, 2, 2]);
    assert_eq!(count(&other.database, ROWS).await, i64::from(2 * SIZE));
    other.stop().await;
}
