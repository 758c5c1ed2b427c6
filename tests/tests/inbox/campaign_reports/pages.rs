//! What the pages say is applied, each row once, however the provider counts.

use inlet_tests::{
    ReportServer,
    report_server::{answer, page, row, rows},
};
use serde_json::{Value, json};

use super::{campaign_with_status, complete, count, messages, spawn};

const PAGES: i32 = 3;
const SIZE: i32 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn or_12_every_row_of_every_page_is_applied_once() {
    let api = ReportServer::start(|number| page(&rows("c-1", number, SIZE), number, PAGES)).await;
    let server = spawn().await;
    // One of them was reported as sent before, and comes to be delivered by the report; another was reported just so.
    for (number, status) in [(1, "sent"), (2, "delivered")] {
        let posted =
            json!({"event": "whatsappDeliveryReport", "message": null, "conversation": row("c-1", number, status)});
        assert_eq!(server.post("oneroute", None, &posted.to_string()).await.1["outcome"], "accepted");
    }
    let url = api.report("c-1");
    assert_eq!(complete(&server, &url).await, "accepted");
    let campaign = campaign_with_status(&server, "DONE").await;
    assert_eq!(
        (&campaign["externalId"], &campaign["status"], &campaign["reportUrl"], &campaign["reportError"]),
        (&"c-1".into(), &"COMPLETED".into(), &url.as_str().into(), &Value::Null)
    );
    let report = &campaign["reports"][0];
    assert_eq!((&report["url"], &report["pagesDone"], &report["totalPages"]), (&url.into(), &3.into(), &3.into()));
    assert_eq!((&report["rowsDone"], &report["attempts"]), (&(PAGES * SIZE).into(), &0.into()));
    assert!(report["finishedAt"].is_string() && report["nextAttemptAt"].is_null(), "{report}");
    assert_eq!(api.asked(), [1, 2, 3]);

    let messages = messages(&server.database).await;
    assert_eq!(messages.len(), 12);
    for (id, status, reports) in &messages {
        let expected = if id == "c-1-x-1" { 2 } else { 1 };
        assert_eq!((status.as_str(), *reports), ("delivered", expected), "{id}");
    }
    let queued = "query { conversations(first: 1, filter: {status: [IN_QUEUE, OPEN]}) { nodes { id } } }";
    assert_eq!(server.graphql(queued, json!({})).await["conversations"]["nodes"], json!([]));
    // The pages stand in the raw log as they came.
    let kept = "SELECT count(*) FROM inbound_event WHERE event = 'campaignReport' AND outcome = 'accepted'";
    assert_eq!(count(&server.database, kept).await, 3);

    // Once more, the same report is no news, nor is a row of it.
    assert_eq!(complete(&server, &api.report("c-1")).await, "duplicate");
    let posted =
        json!({"event": "whatsappDeliveryReport", "message": null, "conversation": row("c-1", 9, "delivered")});
    assert_eq!(server.post("oneroute", None, &posted.to_string()).await.1["outcome"], "duplicate");
    // Another URL of the campaign is, and changes nothing where its rows are the same.
    assert_eq!(complete(&server, &format!("{}&again=1", api.report("c-1"))).await, "accepted");
    api.wait(|asked| asked.len() == 6).await;
    let campaign = campaign_with_status(&server, "DONE").await;
    assert_eq!((&campaign["reportPagesDone"], campaign["reports"].as_array().unwrap().len()), (&6.into(), 2));
    assert_eq!(super::messages(&server.database).await, messages);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_12_counts_as_texts_a_report_that_shrinks_and_an_empty_last_page() {
    let api = ReportServer::start(|number| {
        let (rows, total) = match number {
            1 => (rows("c-2", 1, SIZE), "4"),
            2 => (rows("c-2", 2, SIZE), "3"),
            _ => (Vec::new(), "3"),
        };
        answer(
            200,
            &json!({
                "count": "8", "data": json!(rows).to_string(), "currentPage": number.to_string(), "totalPage": total,
                "success": "true",
            }),
        )
    })
    .await;
    let server = spawn().await;
    complete(&server, &api.report("c-2")).await;
    let campaign = campaign_with_status(&server, "DONE").await;
    assert_eq!((&campaign["reportPagesDone"], &campaign["reports"][0]["rowsDone"]), (&3.into(), &8.into()));
    assert_eq!(api.asked(), [1, 2, 3]);
    assert_eq!(messages(&server.database).await.len(), 8);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_row_that_cannot_be_read_keeps_no_other_back() {
    let api = ReportServer::start(|number| {
        page(&[row("c-3", 1, "read"), json!({"status": "read"}), row("c-3", 2, "failed")], number, 1)
    })
    .await;
    let server = spawn().await;
    complete(&server, &api.report("c-3")).await;
    campaign_with_status(&server, "DONE").await;
    let messages = messages(&server.database).await;
    let expected = [("c-3-x-1", "read"), ("c-3-x-2", "failed")];
    assert_eq!(messages.iter().map(|(id, status, _)| (id.as_str(), status.as_str())).collect::<Vec<_>>(), expected);
    let query = "query { inboundEvents(first: 5, filter: {outcome: [UNRECOGNISED]}) { nodes { event error } } }";
    let kept = server.graphql(query, json!({})).await["inboundEvents"]["nodes"].clone();
    let errors: Vec<&str> = kept.as_array().unwrap().iter().map(|kept| kept["error"].as_str().unwrap()).collect();
    assert_eq!(
        errors,
        [
            "campaignReport: row 1: neither `id` nor `externalId` identifies a message",
            "campaignReport: row 2: neither `id` nor `externalId` identifies a message"
        ],
        "the row alone, and before it the page as it came"
    );
    server.stop().await;
}
