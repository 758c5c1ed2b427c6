//! The lines MT-3 to MT-15.

use serde_json::{Value, json};

use super::{
    CONTACTS, assert_has, assert_placeholder, conversations, identities, message, messages, nodes, only, taught,
};

const PICTURE: &str = "https://domin-name.com/your_image_path.png";

#[tokio::test(flavor = "multi_thread")]
async fn mt_3_14_an_sms_report_is_of_a_part_and_its_times_are_indian() {
    let server = taught("mobtexting").await;
    let (conversation, sms) = assert_placeholder(&server, "b34e35ad-fe34-4a8b-977c-b21cd76cd7d6").await;
    // The report names no channel: it is the source's own (MT-11).
    assert_has(&conversation["channel"], json!({"medium": "SMS", "identifier": null}));
    let at = "2021-04-09T10:57:51.000Z";
    assert_has(&sms, json!({"status": "DELIVERED", "deliveredAt": at, "readAt": null, "failedAt": null}));
    let [report] = sms["statusHistory"]["nodes"].as_array().unwrap().as_slice() else { panic!("one report: {sms:#}") };
    assert_has(report, json!({"status": "DELIVERED", "rawStatus": "DELIVRD", "reportedAt": at}));
    let query = "query($id: ID!) { message(id: $id) { sentAt statusHistory { nodes { part } } } }";
    let more = server.graphql(query, json!({"id": sms["id"]})).await;
    let expected = json!({"sentAt": "2021-04-09T10:57:39.000Z", "statusHistory": {"nodes": [{"part": "1"}]}});
    assert_eq!(more["message"], expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_mt_3_details_of_a_report_are_shown_in_the_history_and_in_the_event() {
    let server = taught("mobtexting").await;
    let (_, sms) = assert_placeholder(&server, "b34e35ad-fe34-4a8b-977c-b21cd76cd7d6").await;
    let query = "query($id: ID!) { message(id: $id) { statusHistory { nodes { part details } } }
        events(first: 100) { nodes { type payload } } }";
    let shown = server.graphql(query, json!({"id": sms["id"]})).await;
    let told = json!({"credits": "2.0000", "units": 2, "cid": "12344441234", "custom": "98821234"});
    let [report] = shown["message"]["statusHistory"]["nodes"].as_array().unwrap().as_slice() else {
        panic!("one: {shown:#}")
    };
    assert_eq!(report["part"], "1");
    assert_has(&report["details"], told.clone());
    let events = shown["events"]["nodes"].as_array().unwrap();
    let is_of_it = |event: &&Value| event["type"] == "message.status_changed" && event["payload"]["id"] == sms["id"];
    let event = events.iter().find(is_of_it).unwrap_or_else(|| panic!("{shown:#}"));
    let report = &event["payload"]["report"];
    assert_has(report, json!({"part": "1", "status": "delivered", "raw_status": "DELIVRD", "code": null}));
    assert_has(report, json!({"reported_at": "2021-04-09T10:57:51.000Z"}));
    assert_has(&report["details"], told);
    // The message's own details stay apart.
    assert_eq!(event["payload"]["details"], json!({}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mt_4_five_unsubscriptions_are_five_opt_outs_of_one_contact() {
    let server = taught("mobtexting").await;
    let query = "query { optOuts(first: 20) { nodes { id medium scope value contact { phone } } } }";
    let mut shown: Vec<Value> = nodes(&server, query).await;
    for opt_out in &mut shown {
        assert!(opt_out["id"].as_str().is_some_and(|id| id.contains('_')), "{opt_out}");
        opt_out.as_object_mut().unwrap().remove("id");
    }
    shown.sort_by_key(|opt_out| opt_out["medium"].to_string());
    let contact = json!({"phone": "+917002088123"});
    let expected = [
        ("RCS", "ALL", "*"),
        ("SMS", "SENDER", "Demo12"),
        ("VIBER", "ALL", "*"),
        ("VOICE", "ALL", "*"),
        ("WHATSAPP", "CATEGORY", "WUC"),
    ]
    .map(|(medium, scope, value)| json!({"medium": medium, "scope": scope, "value": value, "contact": contact}));
    assert_eq!(shown, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mt_5_reports_of_every_medium_leave_their_status_and_times() {
    let server = taught("mobtexting").await;
    let processed = "2021-06-18T14:48:02.102Z";
    let (at, earlier) = ("2021-06-18T14:48:06.886Z", "2021-06-18T14:48:04.547Z");
    let id = |last: &str| format!("a418d672-9781-4d97-b517-a56f7d95ad8{last}");
    let cases = [
        ("a", "WHATSAPP", "919019120123", "READ", json!([processed, earlier, at, null])),
        ("b", "RCS", "700969ca-0cb2-11ec-a2c1-0242ac130003", "DELIVERED", json!([processed, at, null, null])),
        ("c", "VIBER", "700969ca-0cb2-11ec-a2c2-0242ac130003", "SENT", json!([at, null, null, null])),
        ("d", "WHATSAPP", "919019120123", "FAILED", json!([processed, null, null, at])),
    ];
    for (last, medium, identifier, status, times) in cases {
        let (conversation, sent) = assert_placeholder(&server, &id(last)).await;
        assert_has(&conversation["channel"], json!({"medium": medium, "identifier": identifier}));
        let sent_at = message(&server, &sent).await["sentAt"].clone();
        assert_eq!(json!([sent_at, sent["deliveredAt"], sent["readAt"], sent["failedAt"]]), times, "{sent:#}");
        let word = status.to_lowercase();
        assert_has(&sent, json!({"status": status}));
        assert_eq!(sent["failure"].is_null(), status != "FAILED", "{sent:#}");
        let [report] = sent["statusHistory"]["nodes"].as_array().unwrap().as_slice() else {
            panic!("one report: {sent:#}")
        };
        assert_has(report, json!({"status": status, "rawStatus": word, "reportedAt": at}));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mt_6_8_15_messages_of_every_medium_stand_with_text_and_picture() {
    let server = taught("mobtexting").await;
    let queue = conversations(&server, "IN_QUEUE").await;
    assert_eq!(queue.len(), 5);
    let id = |number: u8| format!("6f1c9f0e-3b52-4c53-9a0a-5d7d6c1e000{number}");
    let viber = "700969ca-0cb2-11ec-a2c2-0242ac130003";
    let caption = json!("some caption for image");
    let cases = [
        ("+919876543210", "WHATSAPP", "919019120123", "from whatsapp channel", 1, Some((2, caption.clone()))),
        ("+919876543211", "RCS", "919019120123", "from rcs channel", 3, Some((4, caption.clone()))),
        ("+919876543212", "VIBER", viber, "from viber channel", 5, Some((6, Value::Null))),
        ("+918074123456", "VMN", "919019123456", "", 7, None),
        ("+919876543213", "WHATSAPP", "919019120123", "from whatsapp channel", 8, Some((9, caption))),
    ];
    for (phone, medium, identifier, end, text, picture) in cases {
        let conversation = only(&queue, "/contact/phone", phone);
        assert_has(&conversation["channel"], json!({"medium": medium, "identifier": identifier}));
        let shown = messages(conversation);
        assert_eq!(shown.len(), 1 + usize::from(picture.is_some()), "{conversation:#}");
        assert_eq!(conversation["unread"], shown.len());
        let content = format!("This is a simple text message {end}");
        let expected = json!({
            "externalId": id(text), "direction": "INBOUND", "kind": "MESSAGE", "contentType": "text",
            "content": content.trim(), "attachments": {"nodes": []}, "status": null, "author": {"__typename": "Contact"},
        });
        assert_has(&shown[0], expected);
        if let Some((number, caption)) = picture {
            let expected = json!({
                "externalId": id(number), "direction": "INBOUND", "contentType": "image", "content": caption,
                "attachments": {"nodes": [{"kind": "IMAGE", "url": PICTURE, "filename": "your_image_path.png"}]},
            });
            assert_has(&shown[1], expected);
        }
        for shown in shown {
            // The documents show no time: the arrival stands in.
            assert_eq!(message(&server, shown).await["occurredAtAssumed"], true);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mt_7_users_are_contacts_and_null_in_quotes_is_null() {
    let server = taught("mobtexting").await;
    let contacts = nodes(&server, CONTACTS).await;
    let short = only(&contacts, "/phone", "+919876543210");
    assert_has(short, json!({"name": "user first name user last name", "email": null}));
    assert_eq!(identities(short), ["PHONE +919876543210", "PROVIDER_USER user:9d2f6a51-0001"]);
    let cases = [
        ("+919876543212", "viber.user@example.com", "3003", "0003"),
        ("+918074123456", "vmn.user@example.com", "3004", "0004"),
        ("+919876543213", "whatsapp.user@example.com", "3005", "0005"),
    ];
    for (phone, email, subscriber, user) in cases {
        let contact = only(&contacts, "/phone", phone);
        assert_has(contact, json!({"name": "user first name user middle name user last name", "email": email}));
        // The profile's email is shown and is no address.
        let expected = [
            format!("PHONE {phone}"),
            format!("PROVIDER_USER subscriber:{subscriber}"),
            format!("PROVIDER_USER user:9d2f6a51-{user}"),
        ];
        assert_eq!(identities(contact), expected);
        assert_has(
            &contact["attributes"],
            json!({"attributes": "user attributes", "gender": "user-gender", "title": null}),
        );
        assert!(!contact.to_string().contains("\"null\""), "{contact:#}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mt_9_a_call_stands_in_the_customers_conversation() {
    let server = taught("mobtexting").await;
    let open = conversations(&server, "OPEN").await;
    let conversation = only(&open, "/contact/phone", "+918867131234");
    assert_has(&conversation["channel"], json!({"medium": "VOICE", "identifier": "918068281234"}));
    assert_has(conversation, json!({"unread": 0}));
    let [call] = messages(conversation) else { panic!("one call: {conversation:#}") };
    let at = "2021-04-09T10:57:39.000Z";
    assert_has(call, json!({"kind": "CALL", "direction": "OUTBOUND", "occurredAt": at, "content": null}));
    let expected = json!({
        "from": "+918919521234", "to": "+918867131234", "bridge": "+918068281234", "source": "OBD",
        "mid": "1234-1333-56789", "flow_id": 123, "status": "ANSWER", "duration_seconds": 23, "started_at": at,
        "ended_at": "2021-04-09T10:57:55.000Z", "recording_url": "https://youraudiofilelocation/",
    });
    assert_eq!(message(&server, call).await["details"], expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mt_10_a_subscriber_is_one_contact_however_often_it_is_told() {
    let server = taught("mobtexting").await;
    let contacts = nodes(&server, CONTACTS).await;
    let contact = only(&contacts, "/email", "demo@gmail.com");
    assert_has(contact, json!({"name": "Demo Test", "phone": null}));
    assert_eq!(identities(contact), ["EMAIL demo@gmail.com", "PROVIDER_USER subscriber:86"]);
    let expected = json!({
        "gender": "male", "birth_date": "1996-07-16", "membership": "platinum", "status": "vip", "customerNumber": "23",
    });
    assert_has(&contact["attributes"], expected);
    server.stop().await;
}
