//! A repeat of everything changes nothing but the raw log (P2).

use inlet_tests::{fixtures, spawn};
use serde_json::json;

use super::{nodes, post};

#[tokio::test(flavor = "multi_thread")]
async fn p2_every_sample_posted_again_is_a_duplicate_and_changes_nothing() {
    let server = spawn().await;
    let samples = fixtures::all();
    assert_eq!(samples.len(), 50);
    for sample in &samples {
        assert_eq!(post(&server, sample).await, "accepted", "{}", sample.file);
    }
    let after_once = server.state().await;
    for list in ["conversations", "contacts", "groups", "optOuts", "verifications", "balanceAlerts", "campaigns"] {
        assert!(!after_once[list]["nodes"].as_array().unwrap().is_empty(), "{list}");
    }
    for sample in &samples {
        assert_eq!(post(&server, sample).await, "duplicate", "{}", sample.file);
    }
    assert_eq!(server.state().await, after_once);

    let duplicates =
        nodes(&server, "{ inboundEvents(first: 100, filter: {outcome: [DUPLICATE]}) { nodes { id } } }").await;
    assert_eq!(duplicates.len(), samples.len(), "the raw log has each");
    let query = "query { inboundEvents(first: 20, filter: {outcome: [QUARANTINED, UNRECOGNISED, FAILED]}) { nodes { id outcome error lenient receivedAt } } }";
    assert_eq!(nodes(&server, query).await, Vec::<serde_json::Value>::new());
    assert_ne!(after_once["head"], json!(null));
    server.stop().await;
}
