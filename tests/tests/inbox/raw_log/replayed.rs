//! Requests that are read anew.

use super::*;

async fn state(server: &TestServer) -> Value {
    fn blank(value: &mut Value) {
        match value {
            Value::Object(members) => members.values_mut().for_each(blank),
            Value::Array(items) => items.iter_mut().for_each(blank),
            Value::String(text) if text.starts_with("rep_") => text.truncate(4),
            _ => {}
        }
    }
    let mut state = server.state().await;
    blank(&mut state);
    state
}

#[tokio::test]
async fn p2_a_replay_of_everything_changes_nothing() {
    let server = spawn().await;
    for fixture in fixtures::all() {
        server.post(&fixture.provider, fixture.suffix.as_deref(), &fixture.body).await;
    }
    post(&server, "oblic", r#"{"id": "e-1", "type": "weather.changed", "payload": {}}"#).await;
    let before = state(&server).await;
    for round in 0..2 {
        let (mut after, mut replayed) = (Value::Null, 0);
        loop {
            let page = replay(&server, json!({"filter": {}, "limit": 7, "after": after})).await;
            for result in page["results"].as_array().unwrap() {
                assert_eq!(result["eventIds"], json!([]), "round {round}: {result}");
                assert_eq!(result["before"], result["after"], "round {round}: {result}");
                assert_eq!(result["inboundEvent"]["outcome"], result["before"], "{result}");
            }
            replayed += page["results"].as_array().unwrap().len();
            after = page["nextCursor"].clone();
            if after.is_null() {
                break;
            }
        }
        assert_eq!(replayed, fixtures::all().len() + 1, "each once, through pages");
        assert_eq!(state(&server).await, before, "round {round}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p6_what_a_broken_adapter_lost_a_replay_restores() {
    let server = spawn().await;
    post(&server, "mobtexting", &text_message("m-1", "919876543210", "before")).await;
    let (blind_id, blind) = receive(&server, "mobtexting", &text_message("m-2", "919876543210", "two"), &blind()).await;
    assert_eq!(blind.outcome, Outcome::Unrecognised);
    let (failed_id, failed) =
        receive(&server, "mobtexting", &text_message("m-3", "919876543211", "three"), &poisonous()).await;
    assert_eq!(failed.outcome, Outcome::Failed, "{:?}", failed.error);
    let lost = server.state().await;
    assert_eq!(lost["conversations"]["nodes"].as_array().unwrap().len(), 1);

    let filter = json!({"outcome": ["UNRECOGNISED", "FAILED"]});
    let told = replay(&server, json!({"filter": filter, "dryRun": true})).await;
    assert_eq!(
        told["counts"],
        json!([{"before": "UNRECOGNISED", "after": "ACCEPTED", "count": 1}, {"before": "FAILED", "after": "ACCEPTED", "count": 1}]),
        "{told}"
    );
    assert_eq!(ids(&told["results"]), [blind_id.clone(), failed_id.clone()]);
    let would = told["results"][1]["wouldRaise"].as_array().unwrap();
    let types: Vec<&str> = would.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["contact.created", "conversation.created", "message.created"]);
    assert_eq!(would[2]["payload"]["content"], "three");
    assert_eq!(server.state().await, lost, "a dry run writes nothing");
    assert_eq!(found(&server, "{outcome: [UNRECOGNISED, FAILED]}").await.len(), 2);

    let done = replay(&server, json!({"filter": filter, "idempotencyKey": "mend"})).await;
    assert_eq!(done["counts"], told["counts"]);
    assert_eq!(done["results"][1]["events"].as_array().unwrap().len(), 3, "{done}");
    assert_eq!(done["results"][1]["inboundEvent"]["eventIds"], done["results"][1]["eventIds"]);
    assert!(done["results"][1]["inboundEvent"]["replayedAt"].is_string());
    assert_eq!(found(&server, "{outcome: [UNRECOGNISED, FAILED]}").await, [] as [&str; 0]);
    let restored = server.state().await;
    let mut contents: Vec<String> = restored["conversations"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|conversation| conversation["messages"]["nodes"].as_array().unwrap())
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect();
    contents.sort_unstable();
    assert_eq!(contents, ["before", "three", "two"]);

    // The same key gets the same answer; without one it is replayed again, in vain.
    let again = replay(&server, json!({"filter": filter, "idempotencyKey": "mend"})).await;
    assert_eq!(again["results"][1]["eventIds"], done["results"][1]["eventIds"]);
    let other = json!({"input": {"filter": {}, "idempotencyKey": "mend"}});
    let refused = server.graphql_raw(REPLAY, other).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "IDEMPOTENCY_KEY_REUSED", "{refused}");
    replay(&server, json!({"filter": {}})).await;
    assert_eq!(server.state().await, restored);

    // What the replay raised is traced to the request that it is owed to.
    let event = &done["results"][1]["eventIds"][2];
    let traced = trace(&server, event).await;
    assert_eq!(traced["steps"][0]["inboundEventId"], json!(failed_id), "{traced}");
    server.stop().await;
}

#[tokio::test]
async fn p6_what_a_broken_adapter_read_wrong_a_replay_mends() {
    let server = spawn().await;
    let body = text_message("m-1", "919876543210", "as it was written");
    let (id, receipt) = receive(&server, "mobtexting", &body, &confused()).await;
    assert_eq!(receipt.outcome, Outcome::Accepted);
    let content = "{ conversations { nodes { unread messages(last: 5) { nodes { content } } } } }";
    let wrong = server.graphql(content, json!({})).await["conversations"]["nodes"][0].clone();
    assert_eq!(wrong["messages"]["nodes"], json!([{"content": "[object Object]"}]));
    let told = replay(&server, json!({"filter": {"ids": [id]}, "dryRun": true})).await;
    let would = &told["results"][0]["wouldRaise"][0];
    assert_eq!(
        (&would["type"], &would["payload"]["content"]),
        (&json!("message.updated"), &json!("as it was written"))
    );
    assert_eq!(would["previous"], json!({"content": "[object Object]"}), "{told}");
    replay(&server, json!({"filter": {"ids": [id]}})).await;
    let mended = server.graphql(content, json!({})).await["conversations"]["nodes"][0].clone();
    assert_eq!(mended["messages"]["nodes"], json!([{"content": "as it was written"}]));
    assert_eq!(mended["unread"], wrong["unread"]);
    server.stop().await;
}

#[tokio::test]
async fn a_replay_does_not_reopen_mark_unread_or_send() {
    let server = spawn().await;
    let sink = Sink::start().await;
    post(&server, "mobtexting", &text_message("m-1", "919876543210", "one")).await;
    let (_, failed) = receive(&server, "mobtexting", &text_message("m-2", "919876543210", "two"), &poisonous()).await;
    assert_eq!(failed.outcome, Outcome::Failed);
    sqlx::query("UPDATE conversation SET status = 'closed', closed_at = now(), read_count = inbound_count")
        .execute(&server.database)
        .await
        .unwrap();
    let standing = "{ conversations { nodes { id status unread messages(last: 9) { nodes { content } } } } }";
    let closed = server.graphql(standing, json!({})).await["conversations"]["nodes"].clone();
    assert_eq!((&closed[0]["status"], &closed[0]["unread"]), (&json!("CLOSED"), &json!(0)));
    let before = head(&server).await;
    replay(&server, json!({"filter": {"outcome": ["ACCEPTED"]}})).await;
    assert_eq!(server.graphql(standing, json!({})).await["conversations"]["nodes"], closed);
    assert_eq!(head(&server).await, before);

    let done = replay(&server, json!({"filter": {"outcome": ["FAILED"]}})).await;
    assert_eq!(done["results"][0]["after"], "ACCEPTED", "{done}");
    let after = server.graphql(standing, json!({})).await["conversations"]["nodes"].clone();
    assert_eq!(after.as_array().unwrap().len(), 1, "{after}");
    assert_eq!((&after[0]["status"], &after[0]["unread"]), (&json!("CLOSED"), &json!(0)), "{after}");
    assert_eq!(after[0]["messages"]["nodes"].as_array().unwrap().len(), 2, "the message is there all the same");
    assert!(sink.received().is_empty());
    server.stop().await;
}
