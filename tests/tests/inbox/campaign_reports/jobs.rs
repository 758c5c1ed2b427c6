//! The jobs themselves: written with the campaign, held by one, in turn.

use std::time::Duration;

use inlet_domain::{
    command::{CampaignReport, Command, Effect, IdempotencyKey, Inbound},
    ids::{ProviderAccountId, WorkspaceId},
};
use inlet_store::records::report_jobs::{self, HeldJob, PageDone};
use inlet_tests::apply_fixture::ApplyFixture;

const LEASE: Duration = Duration::from_secs(60);

fn completed(campaign: &str, url: &str) -> Command {
    let report = CampaignReport { id: campaign.to_owned(), report_url: Some(url.to_owned()) };
    Command { key: IdempotencyKey::new("campaign", format!("{campaign} {url}")), effect: Effect::Campaign(report) }
}

async fn claim(house: &ApplyFixture) -> Option<HeldJob> {
    report_jobs::claim(&house.database, house.ambient.uuid(), LEASE).await.unwrap()
}

fn page(last: bool) -> PageDone {
    PageDone { total_pages: Some(2), rows: 10, digest: "d".to_owned(), last }
}

async fn statuses(house: &ApplyFixture) -> Vec<String> {
    sqlx::query_scalar("SELECT status FROM report_job ORDER BY url").fetch_all(&house.database.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn or_12_two_reports_of_one_campaign_are_both_fetched_but_never_at_once() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(2, 16);
    // In one request, and again: a batch holds the same report twice.
    let both = vec![completed("c", "https://a.example/1"), completed("c", "https://a.example/2")];
    apply.submit(house.inbound(both.clone())).await.unwrap();
    apply.submit(house.inbound(both)).await.unwrap();
    assert_eq!(statuses(&house).await, ["pending", "pending"]);

    let first = claim(&house).await.unwrap();
    assert!(claim(&house).await.is_none(), "the other waits for it");
    assert!(report_jobs::advance(&house.database, &first, &page(false), LEASE).await.unwrap());
    assert!(claim(&house).await.is_none());
    let next = HeldJob { next_page: 2, ..first.clone() };
    assert!(report_jobs::advance(&house.database, &next, &page(true), LEASE).await.unwrap());
    let second = claim(&house).await.unwrap();
    assert_ne!(second.url, first.url);
    report_jobs::put_off(&house.database, &second, Duration::ZERO, None).await.unwrap();
    assert_eq!(claim(&house).await.unwrap().id, second.id);
    apply.stop().await;
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_12_who_lost_the_lease_can_note_nothing() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 16);
    apply.submit(house.inbound(vec![completed("c", "https://a.example/1")])).await.unwrap();
    let slow = claim(&house).await.unwrap();
    assert!(report_jobs::renew(&house.database, &slow, LEASE).await.unwrap());
    let past = "UPDATE report_job SET due_at = due_at - interval '1 day'";
    sqlx::query(past).execute(&house.database.pool).await.unwrap();
    let taken = claim(&house).await.unwrap();
    assert_eq!((taken.id, taken.next_page), (slow.id, 1));
    assert!(!report_jobs::advance(&house.database, &slow, &page(false), LEASE).await.unwrap());
    assert!(!report_jobs::renew(&house.database, &slow, LEASE).await.unwrap());
    report_jobs::fail(&house.database, &slow, "late").await.unwrap();
    report_jobs::put_off(&house.database, &slow, Duration::ZERO, Some("late")).await.unwrap();
    assert_eq!(statuses(&house).await, ["running"]);
    assert!(report_jobs::advance(&house.database, &taken, &page(false), LEASE).await.unwrap());
    assert!(!report_jobs::advance(&house.database, &taken, &page(false), LEASE).await.unwrap(), "no page counts twice");
    apply.stop().await;
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_12_a_replay_tries_a_report_again_that_was_given_up_and_no_other() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 16);
    let urls = ["https://a.example/1", "https://a.example/2"];
    let told: Vec<Inbound> = urls.iter().map(|url| house.inbound(vec![completed(url, url)])).collect();
    for inbound in &told {
        apply.submit(inbound.clone()).await.unwrap();
    }
    let (first, second) = (claim(&house).await.unwrap(), claim(&house).await.unwrap());
    assert!(report_jobs::advance(&house.database, &first, &page(true), LEASE).await.unwrap());
    assert!(report_jobs::advance(&house.database, &second, &page(false), LEASE).await.unwrap());
    report_jobs::fail(&house.database, &HeldJob { next_page: 2, ..second }, "gone").await.unwrap();
    assert_eq!(statuses(&house).await, ["done", "failed"]);
    assert!(claim(&house).await.is_none());
    for inbound in told {
        apply.replay(inbound).await.unwrap();
    }
    assert_eq!(statuses(&house).await, ["done", "pending"]);
    let again = claim(&house).await.unwrap();
    assert_eq!((again.next_page, again.attempts), (2, 0), "from where it had come");
    apply.stop().await;
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_workspace_with_many_reports_keeps_no_other_waiting() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 16);
    for number in 0..3 {
        let url = format!("https://a.example/{number}");
        apply.submit(house.inbound(vec![completed(&url, &url)])).await.unwrap();
    }
    let other = WorkspaceId(house.ambient.uuid());
    let account = ProviderAccountId(house.ambient.uuid());
    sqlx::query("INSERT INTO workspace (id, name, slug, created_at) VALUES ($1, 'o', 'other', now())")
        .bind(other)
        .execute(&house.database.pool)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO provider_account (workspace_id, id, provider, name, created_at) VALUES ($1, $2, 'oneroute', 'o', now())",
    )
    .bind(other)
    .bind(account)
    .execute(&house.database.pool)
    .await
    .unwrap();
    let late = house.inbound(vec![completed("late", "https://b.example/")]);
    apply.submit(Inbound { workspace: other, account, ..late }).await.unwrap();

    assert_eq!(claim(&house).await.unwrap().workspace, house.workspace, "the longest due goes first");
    assert_eq!(claim(&house).await.unwrap().workspace, other, "then one of a workspace that has none running");
    assert_eq!(claim(&house).await.unwrap().workspace, house.workspace);
    apply.stop().await;
    house.leave().await;
}
