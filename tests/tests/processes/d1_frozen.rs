//! D1: a process that is frozen in the middle of a transaction stops no other. Two processes of the operating system over
//! one database; one is stopped with SIGSTOP while it holds the log of the workspace. And a statement that takes too long
//! makes its batch smaller.

use std::time::Duration;

use futures::future::join_all;
use inlet_domain::{
    ids::WorkspaceId,
    model::{message::Direction, outcome::Outcome},
};
use inlet_store::log;
use inlet_tests::{
    Process,
    apply_fixture::{ApplyFixture, message},
    fixtures,
    process::{Beside, DataDir},
};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// Within this the others go on.
const FREE_AGAIN: Duration = Duration::from_secs(6);

/// The backend that waits for the log, as soon as there is one.
async fn waiting(look: &mut PgConnection) -> i32 {
    loop {
        let pid = sqlx::query_scalar("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted LIMIT 1");
        if let Some(pid) = pid.fetch_optional(&mut *look).await.unwrap() {
            return pid;
        }
    }
}

/// What a backend does once it waits for the log no more.
async fn state(look: &mut PgConnection, pid: i32) -> Option<String> {
    loop {
        let found: Option<(Option<String>, bool)> = sqlx::query_as(
            "SELECT state, coalesce(wait_event_type = 'Client', false) FROM pg_stat_activity WHERE pid = $1",
        )
        .bind(pid)
        .fetch_optional(&mut *look)
        .await
        .unwrap();
        match found {
            None => return None,
            Some((state, true)) => return state,
            Some((_, false)) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_a_process_that_is_frozen_in_a_transaction_stops_no_other() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    let frozen = Beside::start(&folder.path(), &process.dev).await;
    assert_eq!(process.post("oneroute", &fixtures::message("d1-first")).await.0, 200);
    let mut holder = PgConnection::connect(&process.dev.database_url).await.unwrap();
    let mut look = PgConnection::connect(&process.dev.database_url).await.unwrap();
    let workspace: WorkspaceId = process.dev.workspace_id;

    let theirs = fixtures::message("d1-frozen");
    let posting = frozen.post(&process.dev, "oneroute", &theirs);
    let freezing = async {
        loop {
            let mut held = holder.begin().await.unwrap();
            log::lock(&mut held, &[workspace]).await.unwrap();
            let pid = waiting(&mut look).await;
            frozen.freeze();
            held.commit().await.unwrap();
            // Where its wait was over just before, it is let go and waits again.
            if state(&mut look, pid).await.as_deref() == Some("idle in transaction") {
                break;
            }
            frozen.thaw();
        }
        let ours = fixtures::message("d1-other");
        let progress = async { while process.post("oneroute", &ours).await.0 != 200 {} };
        timeout(FREE_AGAIN, progress).await.expect("the other process goes on while the first is frozen");
        frozen.thaw();
    };
    let (answer, ()) = tokio::join!(posting, freezing);
    // It was away for as long as it was frozen: what it holds is taken now, or comes again.
    assert!([200, 503].contains(&answer.0), "{answer:?}");
    while frozen.post(&process.dev, "oneroute", &theirs).await.0 != 200 {}
    let count = "SELECT count(*) FROM message WHERE content = 'd1-frozen' AND external_id = 'd1-frozen'";
    let count: i64 = sqlx::query_scalar(count).fetch_one(&mut look).await.unwrap();
    assert_eq!(count, 1);
    let failed = "SELECT count(*) FROM inbound_event WHERE outcome = 'failed'";
    assert_eq!(sqlx::query_scalar::<_, i64>(failed).fetch_one(&mut look).await.unwrap(), 0, "nothing is called FAILED");
    assert!(process.stop().await.success());
}

/// Each message takes 0.6 s to write, and a statement has 1.5 s: two of them go together, three do not.
const SLOW: &str = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
    $$ BEGIN PERFORM pg_sleep(0.6); RETURN NEW; END $$; \
    CREATE TRIGGER slow BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION slow()";

#[tokio::test(flavor = "multi_thread")]
async fn d1_p6_a_statement_that_takes_too_long_halves_its_batch() {
    let house = ApplyFixture::build().await;
    sqlx::raw_sql(SLOW).execute(&house.database.pool).await.unwrap();
    let apply = house.apply(1, 256);
    let message = |number: usize| {
        let (id, phone) = (format!("slow-{number}"), format!("9198000000{number:02}"));
        house.inbound(vec![message(&id, &phone, Direction::Inbound, "slow", 0)])
    };
    let receipts = join_all((0..6).map(|number| apply.submit(message(number)))).await;
    assert!(receipts.iter().all(|receipt| receipt.as_ref().unwrap().outcome == Outcome::Accepted), "{receipts:?}");
    house.assert_gapless_log().await;
    apply.stop().await;
    house.leave().await;
}
