//! What stands in the way of a report is shown, asked again where it may pass, and given up where it will not.

use inlet_tests::{
    ReportServer,
    report_server::{answer, page, rows},
};
use serde_json::{Value, json};

use super::{allow, campaign, campaign_when, campaign_with_status, complete, count, make_due, messages, spawn};

#[tokio::test(flavor = "multi_thread")]
async fn or_12_a_refusal_is_shown_and_the_report_is_asked_for_again() {
    let refusal = json!({"count": 0, "data": [], "message": "report is not ready", "success": false});
    let api = ReportServer::start(move |_| answer(200, &refusal)).await;
    let server = spawn().await;
    complete(&server, &api.report("c-1")).await;
    let shown = campaign_when(&server, |campaign| campaign["reportError"].is_string()).await;
    assert_eq!(shown["reportError"], "the provider reports a failure: report is not ready");
    assert_eq!((&shown["reportStatus"], &shown["reports"][0]["attempts"]), (&"PENDING".into(), &1.into()));
    assert!(shown["reports"][0]["nextAttemptAt"].is_string());

    api.script(|number| page(&rows("c-1", number, 2), number, 1));
    make_due(&server.database).await;
    let done = campaign_with_status(&server, "DONE").await;
    assert_eq!((&done["reportError"], &done["reportPagesDone"]), (&Value::Null, &1.into()));
    assert_eq!(messages(&server.database).await.len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_12_what_may_pass_is_given_up_after_ten_attempts_and_what_will_not_at_once() {
    let api = ReportServer::start(|number| match number {
        1 => page(&rows("c-1", 1, 2), 1, 2),
        _ => answer(503, &json!({})),
    })
    .await;
    let server = spawn().await;
    complete(&server, &api.report("c-1")).await;
    for attempt in 1..10 {
        let shown = campaign_when(&server, |campaign| campaign["reports"][0]["attempts"] == attempt).await;
        assert_eq!((&shown["reportStatus"], &shown["reportPagesDone"]), (&"PENDING".into(), &1.into()));
        assert_eq!(shown["reportError"], "the provider answered 503");
        make_due(&server.database).await;
    }
    let failed = campaign_with_status(&server, "FAILED").await;
    assert_eq!((&failed["reportError"], &failed["reportPagesDone"]), (&"the provider answered 503".into(), &1.into()));
    assert_eq!(api.asked().len(), 11);

    api.script(|_| answer(404, &json!({})));
    complete(&server, &format!("{}&x=1", api.report("c-1"))).await;
    let gone = campaign_when(&server, |campaign| campaign["reportError"] == "the provider answered 404").await;
    assert_eq!((&gone["reportStatus"], &gone["reports"][0]["attempts"]), (&"FAILED".into(), &1.into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_12_a_wait_that_the_provider_asks_for_is_kept() {
    let api = ReportServer::start(|_| (429, vec![("retry-after".to_owned(), "3600".to_owned())], Vec::new())).await;
    let server = spawn().await;
    complete(&server, &api.report("c-1")).await;
    campaign_when(&server, |campaign| campaign["reportError"] == "the provider answered 429").await;
    let waits = "SELECT extract(epoch FROM due_at - inlet_now())::bigint FROM report_job";
    assert!((3_000..=3_600).contains(&count(&server.database, waits).await));
    server.stop().await;
}

/// The error of the only report once it is given up.
async fn given_up(server: &inlet_tests::TestServer) -> String {
    let campaign = campaign_with_status(server, "FAILED").await;
    assert_eq!(campaign["reportPagesDone"], 0);
    campaign["reportError"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn or_13_a_host_that_the_source_does_not_allow_is_never_asked() {
    let api = ReportServer::start(|number| page(&rows("c-1", number, 2), number, 1)).await;
    let server = inlet_tests::spawn().await;
    complete(&server, &api.report("c-1")).await;
    let error = given_up(&server).await;
    assert!(error.contains("may come from api.oneroute.io, not from 127.0.0.1"), "{error}");
    assert!(api.asked().is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_13_a_redirect_to_another_host_is_not_followed() {
    let target = ReportServer::start(|number| page(&rows("c-1", number, 2), number, 1)).await;
    let location = target.report("c-1");
    let api = ReportServer::start(move |_| (302, vec![("location".to_owned(), location.clone())], Vec::new())).await;
    let server = spawn().await;
    complete(&server, &api.report("c-1")).await;
    let error = given_up(&server).await;
    assert!(error.contains("redirect (302)"), "{error}");
    assert_eq!((api.asked().len(), target.asked().len()), (1, 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_13_a_private_address_is_refused_even_where_the_source_allows_it() {
    let server = inlet_tests::spawn().await;
    allow(&server.database, &["10.1.2.3", "169.254.169.254"]).await;
    for (number, url) in
        ["https://10.1.2.3/logs?campaign_id=c", "http://169.254.169.254/logs?campaign_id=c"].iter().zip(1..)
    {
        let (url, number): (&str, usize) = (number, url);
        complete(&server, url).await;
        let campaign = campaign_when(&server, |campaign| {
            let reports = campaign["reports"].as_array().unwrap();
            reports.len() == number && reports.iter().all(|report| report["status"] == "FAILED")
        })
        .await;
        let error = campaign["reportError"].as_str().unwrap();
        assert!(error.contains("is not a public address"), "{error}");
    }
    assert_eq!(campaign(&server).await["reportPagesDone"], 0);
    server.stop().await;
}
