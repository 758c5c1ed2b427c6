//! The way from a request to all that it caused, from either end.

use super::*;

#[tokio::test]
async fn a_trace_tells_the_same_way_from_every_end() {
    let server = spawn().await;
    let sink = Sink::start().await;
    let register = json!({"input": {"name": "crm", "url": sink.url(), "idempotencyKey": "k",
        "eventTypes": ["message.*"]}});
    server
        .graphql(
            "mutation W($input: RegisterWebhookInput!) { registerWebhook(input: $input) { webhook { id } } }",
            register,
        )
        .await;
    for n in 0..3 {
        post(&server, "mobtexting", &text_message(&format!("other-{n}"), "919876543299", "beside")).await;
    }
    let inbound = json!(post(&server, "mobtexting", &text_message("m-1", "919876543210", "first")).await);
    let received = sink.wait(|received| received.len() == 4).await;
    let event =
        received.iter().map(|request| request.json()).find(|body| body["payload"]["external_id"] == "m-1").unwrap();
    let message = event["payload"]["id"].clone();

    // The delivery is done when its attempt is written, which is after the receiver has answered.
    let from_inbound = loop {
        let traced = trace(&server, &inbound).await;
        let step = traced["steps"].as_array().unwrap().iter().find(|step| step["event"]["type"] == "message.created");
        if step.unwrap()["deliveries"][0]["status"] == "SUCCEEDED" {
            break traced;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(from_inbound["inboundEvents"], json!([{"id": inbound, "event": "whatsapp:message:in"}]));
    let types: Vec<&str> =
        from_inbound["steps"].as_array().unwrap().iter().map(|step| step["event"]["type"].as_str().unwrap()).collect();
    assert!(types.contains(&"contact.created") && types.contains(&"conversation.created"), "{types:?}");
    let step = from_inbound["steps"].as_array().unwrap().iter().find(|step| step["eventId"] == event["id"]).unwrap();
    assert_eq!(step["inboundEventId"], inbound);
    assert_eq!(step["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(step["deliveries"][0]["attempts"]["nodes"], json!([{"number": 1, "responseStatus": 200}]));

    let one_way = json!({"truncated": false, "inboundEvents": from_inbound["inboundEvents"], "steps": [step]});
    for end in [&event["id"], &step["deliveries"][0]["id"], &message] {
        assert_eq!(trace(&server, end).await, one_way, "from {end}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_message_is_traced_to_all_that_happened_to_it() {
    let server = spawn().await;
    let status = |word: &str, at: &str| {
        json!({"event": "whatsapp:message:status", "payload": {"id": "out-1", "channel": "whatsapp",
            "from": "919019120123", "to": "919019912345", "status": word, "timestamp": at}})
        .to_string()
    };
    // Reports alone: a placeholder stands for the message, which is in no list.
    let sent = json!(post(&server, "mobtexting", &status("sent", "2021-06-18T14:48:01Z")).await);
    let read = json!(post(&server, "mobtexting", &status("read", "2021-06-18T14:48:09Z")).await);
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM message").fetch_one(&server.database).await.unwrap();
    let message = json!(inlet_domain::ids::MessageId(id));
    let traced = trace(&server, &message).await;
    let requests: Vec<&Value> = traced["inboundEvents"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(requests, [&sent, &read], "{traced}");
    for step in traced["steps"].as_array().unwrap() {
        assert_eq!(step["event"]["type"], "message.status_changed", "{traced}");
        let caused = trace(&server, &step["eventId"]).await;
        assert_eq!(caused["steps"][0]["inboundEventId"], step["inboundEventId"], "both ways tell of one cause");
    }

    // Oblic changes and deletes messages: each is a step.
    for fixture in fixtures::of("oblic") {
        let (status, answer) = server.post("oblic", fixture.suffix.as_deref(), &fixture.body).await;
        assert_eq!(status, 200, "{}: {answer}", fixture.file);
    }
    let id: uuid::Uuid = sqlx::query_scalar("SELECT message_id FROM event WHERE type = 'message.deleted'")
        .fetch_one(&server.database)
        .await
        .unwrap();
    let traced = trace(&server, &json!(inlet_domain::ids::MessageId(id))).await;
    let steps: Vec<&str> =
        traced["steps"].as_array().unwrap().iter().map(|step| step["event"]["type"].as_str().unwrap()).collect();
    assert_eq!((steps.first(), steps.contains(&"message.deleted")), (Some(&"message.created"), true), "{steps:?}");
    assert!(traced["steps"].as_array().unwrap().iter().all(|step| step["inboundEventId"].is_string()), "{traced}");
    server.stop().await;
}

/// The state but for the ids of reports, which a replay writes anew.
#[tokio::test]
async fn a_replay_that_raises_events_long_after_the_receipt_is_traced_too() {
    let server = spawn().await;
    let (id, _) = receive(&server, "mobtexting", &text_message("m-1", "919876543210", "late"), &blind()).await;
    // As if the request had come an hour before its replay.
    let inbound: inlet_domain::ids::InboundEventId = id.parse().unwrap();
    let old = uuid::Uuid::from_u128(inbound.0.as_u128() - (3_600_000_u128 << 80));
    sqlx::query("DELETE FROM inbound_event").execute(&server.database).await.unwrap();
    let sealer = sealer(&Ambient::system());
    let raw = RawRequest {
        method: "POST".into(),
        query: None,
        headers: Vec::new(),
        body: text_message("m-1", "919876543210", "late").into(),
    };
    let workspace: inlet_domain::ids::WorkspaceId = server.workspace_id.parse().unwrap();
    let place = inlet_domain::secrets::Place { workspace, table: "inbound_event", id: old, column: "sealed" };
    let source = server.graphql("{ sources { nodes { id provider } } }", json!({})).await["sources"]["nodes"].clone();
    let source = source.as_array().unwrap().iter().find(|source| source["provider"] == "MOBTEXTING").unwrap().clone();
    let source: inlet_domain::ids::SourceId = source["id"].as_str().unwrap().parse().unwrap();
    sqlx::query(
        "INSERT INTO inbound_event (workspace_id, id, source_id, received_at, outcome, error, sealed) \
         VALUES ($1, $2, $3, now() - interval '1 hour', 'unrecognised', 'nobody knows', $4)",
    )
    .bind(workspace)
    .bind(old)
    .bind(source)
    .bind(sealer.seal(&place, &serde_json::to_vec(&raw).unwrap()))
    .execute(&server.database)
    .await
    .unwrap();
    let done = replay(&server, json!({"filter": {"outcome": ["UNRECOGNISED"]}})).await;
    let events = done["results"][0]["eventIds"].as_array().unwrap().clone();
    assert_eq!(events.len(), 4, "a channel, a contact, a conversation, a message: {done}");
    for event in &events {
        let traced = trace(&server, event).await;
        assert_eq!(traced["steps"][0]["inboundEventId"], json!(inlet_domain::ids::InboundEventId(old)), "{traced}");
    }
    server.stop().await;
}
