//! The lines OR-1 to OR-11.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

use super::{CONTACTS, assert_has, assert_placeholder, conversations, identities, messages, nodes, only, taught};

const SAMPLES: [(&str, &str, &str, &str); 2] = [
    ("bf9d96d9-e495-489a-a22a-206b0ea44d90", "Customer name", "customer@mail.com", "2022-01-29T07:27:52.793Z"),
    (
        "5f0a6c4e-0a53-4f7e-9d7f-2f3f1f0c7b11",
        "Second customer name",
        "second.customer@mail.com",
        "2022-01-29T08:02:11.204Z",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn or_0_to_4_a_new_message_stands_in_its_conversation() {
    let server = taught("oneroute").await;
    let queue = conversations(&server, "IN_QUEUE").await;
    assert_eq!(queue.len(), 2);
    for (id, name, email, at) in SAMPLES {
        let conversation = only(&queue, "/externalId", id);
        assert_has(conversation, json!({"unread": 1, "lastMessageAt": at, "status": "IN_QUEUE"}));
        assert_has(&conversation["contact"], json!({"name": name, "email": email, "phone": null}));
        let [message] = messages(conversation) else { panic!("one message: {conversation:#}") };
        let expected = json!({
            "direction": "INBOUND", "kind": "MESSAGE", "contentType": "text", "content": "Hello World!",
            "externalId": null, "occurredAt": at, "status": null, "attachments": {"nodes": []}, "quoted": null,
            "statusHistory": {"nodes": []}, "author": {"__typename": "Contact"},
        });
        assert_has(message, expected);
        assert_eq!(conversation["lastMessage"], json!({"id": message["id"], "content": "Hello World!"}));
        assert_eq!(super::message(&server, message).await["occurredAtAssumed"], false);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_3_the_email_and_the_conversation_are_the_customers_identities() {
    let server = taught("oneroute").await;
    let contacts = nodes(&server, CONTACTS).await;
    for (id, name, email, _) in SAMPLES {
        let contact = only(&contacts, "/email", email);
        assert_eq!(contact["name"], name);
        assert_eq!(identities(contact), [format!("EMAIL {email}"), format!("PROVIDER_CONVERSATION {id}")]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_5_the_channel_is_made_on_sight_once() {
    let server = taught("oneroute").await;
    let query = "{ channels(first: 20) { nodes { medium identifier phone name description country env status externalId
        providerAccount { provider } } } }";
    let channels = nodes(&server, query).await;
    let channel = only(&channels, "/externalId", "8bad2edc-2973-4cec-8f33-a17c54dc0686");
    let expected = json!({
        "medium": "WHATSAPP", "identifier": "Identifier", "phone": null, "name": "Channel name",
        "description": "Whatsapp Channel", "country": "NG", "env": "LIVE", "status": "ACTIVE",
        "providerAccount": {"provider": "ONEROUTE"},
    });
    assert_has(channel, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_6_the_providers_status_seeds_ours_and_is_kept_beside_it() {
    let server = taught("oneroute").await;
    let query = "{ conversations(first: 20, filter: {status: [IN_QUEUE]}) { nodes { providerStatus attributes } } }";
    for conversation in nodes(&server, query).await {
        assert_has(
            &conversation,
            json!({"providerStatus": "in-queue", "attributes": {"read": false, "country": "NG"}}),
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_7_a_low_balance_is_an_alert() {
    let server = taught("oneroute").await;
    let alerts = nodes(&server, "query { balanceAlerts(first: 5) { nodes { firm units } } }").await;
    assert_eq!(alerts, [json!({"firm": "Firm Name", "units": "0"})]);
    server.stop().await;
}

/// Every value of every column of every table, as text; bytes as they are, so that what is sealed must not open.
async fn dump(pool: &sqlx::PgPool) -> Vec<(String, String)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I', relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE nspname = 'public' AND relkind = 'r'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let sql = format!("SELECT to_jsonb(t)::text AS line FROM {table} t");
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap() {
            rows.push((table.clone(), row.get("line")));
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn or_8_a_verification_is_shown_and_its_code_is_nowhere() {
    let server = inlet_tests::spawn().await;
    // The sample's code is five digits that a timestamp may hold, so the search is for one that nothing else holds.
    let code = "000CODE77";
    let sample = inlet_tests::fixtures::of("oneroute").remove(3).body;
    assert!(sample.contains("\"01234\""), "{sample}");
    let named = sample.replace("01234\"", &format!("{code}\""));
    let nameless = named.replace("\"event\": \"otpVerified\",", "").replace("12345678904", "99345678904");
    for body in [&named, &nameless] {
        let (status, answer) = server.post("oneroute", None, body).await;
        assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{answer}");
    }
    let (_, broken) = server.post("oneroute", None, &named.replace('}', "")).await;
    assert_eq!(broken["error"]["code"], "UNREADABLE");
    assert!(!broken.to_string().contains(code));

    let shown =
        nodes(&server, "query { verifications(first: 5) { nodes { id externalId identifier verified expiresAt } } }")
            .await;
    for id in ["12345678904", "99345678904"] {
        let expected = json!({"identifier": "key", "verified": true, "expiresAt": "2022-01-29T07:27:52.676Z"});
        assert_has(only(&shown, "/externalId", id), expected);
    }
    let events = nodes(&server, "query { events(first: 100, after: null) { nodes { type payload previous } } }").await;
    assert_eq!(events.iter().filter(|event| event["type"] == "verification.verified").count(), 2);
    let inbound = nodes(&server, "query { inboundEvents(first: 20) { nodes { id outcome error event } } }").await;
    assert_eq!(inbound.len(), 3);
    for answer in shown.iter().chain(&events).chain(&inbound) {
        assert!(!answer.to_string().contains(code), "{answer:#}");
    }
    let rows = dump(&server.database).await;
    assert!(rows.iter().any(|(table, _)| table == "verification"), "the dump holds the rows");
    for (table, row) in rows {
        let in_hex = hex::encode(code);
        assert!(!row.contains(code) && !row.contains(&in_hex), "{table}: {row}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_9_an_sms_report_leaves_a_placeholder_in_a_closed_conversation() {
    let server = taught("oneroute").await;
    let (conversation, message) = assert_placeholder(&server, "1234567890").await;
    assert_has(&conversation["channel"], json!({"medium": "SMS", "identifier": "Name"}));
    let at = "2023-08-29T08:18:31.732Z";
    assert_has(
        &message,
        json!({"status": "DELIVERED", "deliveredAt": at, "readAt": null, "failedAt": null, "failure": null}),
    );
    let expected = json!({
        "status": "DELIVERED", "rawStatus": "delivered", "reason": "Message delivered to handset", "reportedAt": at,
    });
    assert_eq!(message["statusHistory"]["nodes"].as_array().unwrap().len(), 1);
    assert_has(&message["statusHistory"]["nodes"][0], expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_9_the_message_itself_takes_the_placeholders_place() {
    let server = taught("oneroute").await;
    let (_, placeholder) = assert_placeholder(&server, "iusdiywy78wt6stfauahiu").await;
    let mut body: Value = serde_json::from_str(&inlet_tests::fixtures::of("oneroute").remove(0).body).unwrap();
    body["message"]["externalId"] = json!("iusdiywy78wt6stfauahiu");
    body["message"]["sender"]["authUser"] = json!(true);
    let (_, answer) = server.post("oneroute", None, &body.to_string()).await;
    assert_eq!(answer["outcome"], "accepted");
    let all = [conversations(&server, "IN_QUEUE").await, conversations(&server, "OPEN").await].concat();
    let conversation = only(&all, "/externalId", SAMPLES[0].0);
    let message = only(messages(conversation), "/externalId", "iusdiywy78wt6stfauahiu");
    let expected = json!({
        "id": placeholder["id"], "content": "Hello World!", "contentType": "text", "status": "READ",
        "direction": "OUTBOUND", "occurredAt": SAMPLES[0].3,
    });
    assert_has(message, expected);
    assert_eq!(super::message(&server, message).await["placeholder"], false);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_10_whatsapp_reports_are_told_apart_and_a_read_has_no_time_of_its_own() {
    let server = taught("oneroute").await;
    for id in ["iusdiywy78wt6stfauahiu", "iusdiywy78wt6stfauahicmp"] {
        let (conversation, message) = assert_placeholder(&server, id).await;
        assert_has(&conversation["channel"], json!({"medium": "WHATSAPP", "identifier": "2348031234500"}));
        assert_has(&message, json!({"status": "READ", "deliveredAt": "2024-12-04T13:49:05.000Z", "failedAt": null}));
        let report = &message["statusHistory"]["nodes"][0];
        assert_has(report, json!({"status": "READ", "rawStatus": "read", "reason": null, "reportedAt": null}));
        assert_eq!(message["readAt"], report["receivedAt"], "the arrival stands in");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_11_a_campaign_is_completed_under_the_id_of_its_url() {
    let server = taught("oneroute").await;
    let campaigns = nodes(&server, "query { campaigns(first: 5) { nodes { externalId status reportUrl } } }").await;
    let expected = json!({
        "externalId": "982376327jiadnkjddxtdd", "status": "COMPLETED",
        "reportUrl": "https://api.oneroute.io/api/public/logs?page[size]=10&page[number]=1&campaign_id=982376327jiadnkjddxtdd",
    });
    assert_eq!(campaigns, [expected]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_16_the_same_event_over_two_sources_of_one_account_counts_once() {
    let server = taught("oneroute").await;
    let before = server.state().await;
    let query = "{ sources(first: 20) { nodes { provider providerAccount { id } } } }";
    let sources = nodes(&server, query).await;
    let account = only(&sources, "/provider", "ONEROUTE")["providerAccount"]["id"].clone();
    let create = "mutation($input: CreateSourceInput!) { createSource(input: $input) { source { url } } }";
    let mut input = json!({
        "name": "channel", "provider": "ONEROUTE", "secret": "s", "verification": "HMAC", "idempotencyKey": "k1",
        "providerAccountId": account,
    });
    let same = server.graphql(create, json!({"input": input})).await;
    input["providerAccountId"] = Value::Null;
    input["idempotencyKey"] = json!("k2");
    let other = server.graphql(create, json!({"input": input})).await;

    let body = inlet_tests::fixtures::of("oneroute").remove(0).body;
    let (header, signature) = inlet_tests::sign::header("oneroute", "s", body.as_bytes());
    for (source, outcome) in [(same, "duplicate"), (other, "accepted")] {
        let url = source["createSource"]["source"]["url"].as_str().unwrap();
        let request = server.client.post(url).header(header, &signature).body(body.clone());
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["outcome"], outcome, "{answer}");
        assert_eq!(server.state().await == before, outcome == "duplicate");
    }
    server.stop().await;
}
