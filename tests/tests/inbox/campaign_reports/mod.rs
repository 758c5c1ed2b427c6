//! Campaigns' reports, from the provider's word that one is over to the last row of the last page (OR-11 to OR-13).

mod jobs;
mod killed;
mod pages;
mod refused;

use std::time::Duration;

use inlet_tests::{TestServer, report_server::campaign_completed};
use serde_json::{Value, json};
use sqlx::PgPool;

const CAMPAIGNS: &str = "query { campaigns(first: 5) { nodes { externalId status reportUrl reportStatus reportError
    reportPagesDone reports { url status error pagesDone totalPages rowsDone attempts nextAttemptAt finishedAt } } } }";

/// Lets the source of OneRoute's demo account fetch reports from these hosts alone.
async fn allow(database: &PgPool, hosts: &[&str]) {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let done = sqlx::query("UPDATE source SET report_hosts = $1 WHERE provider = 'oneroute'").bind(hosts);
    assert_eq!(done.execute(database).await.unwrap().rows_affected(), 1);
}

/// Tells that a campaign is over whose report is at `url`.
async fn complete(server: &TestServer, url: &str) -> Value {
    let (status, answer) = server.post("oneroute", None, &campaign_completed(url)).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcome"].clone()
}

async fn campaign(server: &TestServer) -> Value {
    let mut data = server.graphql(CAMPAIGNS, json!({})).await;
    let nodes = data["campaigns"]["nodes"].as_array_mut().unwrap();
    assert_eq!(nodes.len(), 1);
    nodes.remove(0)
}

/// Waits until `enough` holds of the only campaign, and gives it.
async fn campaign_when(server: &TestServer, enough: impl Fn(&Value) -> bool) -> Value {
    let looking = async {
        loop {
            let campaign = campaign(server).await;
            if enough(&campaign) {
                return campaign;
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(60), looking).await {
        Ok(campaign) => campaign,
        Err(_) => panic!("what was waited for did not come: {}", campaign(server).await),
    }
}

async fn campaign_with_status(server: &TestServer, status: &str) -> Value {
    campaign_when(server, |campaign| campaign["reportStatus"] == status).await
}

/// What waits for its next attempt waits no longer.
async fn make_due(database: &PgPool) {
    let due = "UPDATE report_job SET due_at = inlet_now() WHERE status = 'pending'";
    sqlx::query(due).execute(database).await.unwrap();
}

async fn count(database: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(database).await.unwrap()
}

/// Every message by the provider's id, with its status and how many reports there are on it.
async fn messages(database: &PgPool) -> Vec<(String, String, i64)> {
    sqlx::query_as(
        "SELECT m.external_id, m.status, (SELECT count(*) FROM status_report r \
           WHERE r.workspace_id = m.workspace_id AND r.message_id = m.id) \
         FROM message m WHERE m.direction = 'outbound' AND m.placeholder ORDER BY 1",
    )
    .fetch_all(database)
    .await
    .unwrap()
}

/// A server that may ask this machine for reports.
async fn spawn() -> TestServer {
    let server = inlet_tests::spawn().await;
    allow(&server.database, &["127.0.0.1"]).await;
    server
}
