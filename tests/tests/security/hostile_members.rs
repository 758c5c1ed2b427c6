//! P11: whatever stands in any member of any documented event, the answer is 200 and nothing is FAILED: an adapter
//! hands on only what the store can hold.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use inlet_tests::{corpus, spawn};

// 34,000 requests, in half a minute of a build without optimisation.
#[tokio::test(flavor = "multi_thread")]
async fn p11_no_value_of_any_member_is_more_than_the_store_can_hold() {
    let server = spawn().await;
    let cases = corpus::members();
    assert!(cases.len() > 10_000, "{}", cases.len());
    let answers: Vec<(String, u16, String)> = stream::iter(cases)
        .map(|case| {
            let server = &server;
            async move {
                let (status, body) = server.post(&case.provider, case.suffix.as_deref(), &case.body).await;
                let told = body["outcome"].as_str().map_or_else(|| body["error"]["code"].to_string(), str::to_owned);
                (case.name, status, told)
            }
        })
        .buffer_unordered(64)
        .collect()
        .await;
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, _, told) in &answers {
        *outcomes.entry(told).or_default() += 1;
    }
    let bad: Vec<_> = answers.iter().filter(|(_, status, _)| *status != 200).collect();
    assert!(bad.is_empty(), "{outcomes:?}; {} of {}: {bad:#?}", bad.len(), answers.len());
    assert!(outcomes["accepted"] > answers.len() / 2, "most are events all the same: {outcomes:?}");
    // A report on a message that is not known, and to nobody, waits for a replay; nothing else may fail.
    let failed: Vec<String> = sqlx::query_scalar("SELECT DISTINCT error FROM inbound_event WHERE outcome = 'failed'")
        .fetch_all(&server.database)
        .await
        .unwrap();
    assert!(failed.iter().all(|error| error.starts_with("its message is not known")), "{failed:#?}");
    server.stop().await;
}
