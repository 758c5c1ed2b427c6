//! Who has a conversation, where it stands, and how urgent it is.

use chrono::{Duration, TimeZone, Utc};
use inlet_domain::ambient::{Ambient, SteppedClock, SystemEntropy};
use inlet_tests::{LiveClient, Options, spawn, spawn_with};
use serde_json::json;

use super::{act, code, done, events_after, head, hear, member, phone, types};

const SHOWN: &str = "conversation { id status priority revision assignee { id } team { id } snoozedUntil closedAt }";

#[tokio::test]
async fn a_conversation_is_taken_given_back_and_each_change_tells_what_was_before() {
    let server = spawn().await;
    let conversation = hear(&server, &phone()).await;
    let (id, from) = (&conversation["id"], head(&server).await);
    let (agent, token) = member(&server, "AGENT").await;
    let taken = act(&server, &token, "assignConversation", SHOWN, json!({"id": id, "memberId": agent})).await;
    let taken = &taken["data"]["assignConversation"]["conversation"];
    assert_eq!((&taken["status"], &taken["assignee"]["id"]), (&json!("OPEN"), &json!(agent)));
    assert_eq!(taken["revision"], json!(conversation["revision"].as_i64().unwrap() + 1));

    // Decided already: nothing changes, and nothing is told.
    let again = done(&server, "assignConversation", SHOWN, json!({"id": id, "memberId": agent})).await;
    assert_eq!(again["conversation"], *taken);
    done(&server, "setPriority", SHOWN, json!({"id": id, "priority": "URGENT"})).await;
    let back = done(&server, "assignConversation", SHOWN, json!({"id": id, "memberId": null})).await;
    assert_eq!(
        (&back["conversation"]["status"], &back["conversation"]["assignee"]),
        (&json!("IN_QUEUE"), &json!(null))
    );

    let events = events_after(&server, &from).await;
    assert_eq!(types(&events), ["conversation.updated"; 3]);
    assert_eq!(events[0]["actor"]["__typename"], "Member");
    assert_eq!(events[0]["previous"], json!({"status": "in_queue", "assignee_id": null}));
    assert_eq!((&events[0]["payload"]["assignee_id"], &events[0]["payload"]["label_ids"]), (&json!(agent), &json!([])));
    assert_eq!(events[1]["previous"], json!({"priority": "normal"}));
    assert_eq!(events[1]["actor"]["__typename"], "ApiKey");
    assert_eq!(events[2]["previous"], json!({"status": "open", "assignee_id": agent}));
    let revisions: Vec<_> = events.iter().map(|event| event["revision"].as_i64().unwrap()).collect();
    assert!(revisions.is_sorted_by(|one, next| one + 1 == *next), "{revisions:?}");
    server.stop().await;
}

#[tokio::test]
async fn who_has_read_another_revision_is_shown_how_it_stands() {
    let server = spawn().await;
    let conversation = hear(&server, &phone()).await;
    let (id, revision) = (&conversation["id"], &conversation["revision"]);
    done(&server, "setPriority", SHOWN, json!({"id": id, "priority": "LOW", "ifRevision": revision})).await;
    let from = head(&server).await;
    let late = json!({"id": id, "priority": "HIGH", "ifRevision": revision});
    let late = act(&server, &server.api_key, "setPriority", SHOWN, late).await;
    assert_eq!(code(&late), "CONFLICT");
    assert_eq!(late["data"]["setPriority"]["conversation"]["priority"], "LOW", "{late}");
    assert!(events_after(&server, &from).await.is_empty());

    // A repeat under a key answers as before, though its revision has passed.
    let keyed = json!({"id": id, "priority": "HIGH", "ifRevision": 2, "idempotencyKey": "k"});
    for _ in 0..2 {
        let done = done(&server, "setPriority", SHOWN, keyed.clone()).await;
        assert_eq!((&done["conversation"]["priority"], &done["conversation"]["revision"]), (&json!("HIGH"), &json!(3)));
    }
    server.stop().await;
}

#[tokio::test]
async fn p5_a_closed_conversation_is_not_reopened_beside_one_that_is_open() {
    let server = spawn().await;
    let phone = phone();
    let first = hear(&server, &phone).await;
    let closed = done(&server, "setConversationStatus", SHOWN, json!({"id": first["id"], "status": "CLOSED"})).await;
    assert!(closed["conversation"]["closedAt"].is_string());
    let pending = json!({"id": first["id"], "status": "PENDING"});
    let (path, said) = server
        .refused("mutation($input: SetConversationStatusInput!) { setConversationStatus(input: $input) { conversation { id } } }", pending)
        .await;
    assert_eq!(path, "input.status");
    assert!(said.contains("cannot become PENDING"), "{said}");

    // Past the window in which it would be reopened, what comes begins another.
    sqlx::query("UPDATE conversation SET closed_at = closed_at - interval '8 days'")
        .execute(&server.database)
        .await
        .unwrap();
    let second = hear(&server, &phone).await;
    assert_ne!(second["id"], first["id"]);
    let reopen = json!({"id": first["id"], "status": "OPEN"});
    let refused = act(&server, &server.api_key, "setConversationStatus", SHOWN, reopen.clone()).await;
    assert_eq!(code(&refused), "BAD_USER_INPUT");
    let message = refused["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains(second["id"].as_str().unwrap()), "{message}");
    done(&server, "setConversationStatus", SHOWN, json!({"id": second["id"], "status": "CLOSED"})).await;
    let reopened = done(&server, "setConversationStatus", SHOWN, reopen).await;
    assert_eq!(
        (&reopened["conversation"]["status"], &reopened["conversation"]["closedAt"]),
        (&json!("OPEN"), &json!(null))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_reopening_and_an_inbound_message_at_once_leave_one_conversation_open() {
    let server = spawn().await;
    for round in 0..8 {
        let phone = phone();
        let first = hear(&server, &phone).await;
        done(&server, "setConversationStatus", SHOWN, json!({"id": first["id"], "status": "CLOSED"})).await;
        if round % 2 == 0 {
            let sql = "UPDATE conversation SET closed_at = closed_at - interval '8 days' WHERE status = 'closed'";
            sqlx::query(sql).execute(&server.database).await.unwrap();
        }
        let reopen = json!({"id": first["id"], "status": "OPEN"});
        let (answer, heard) =
            tokio::join!(act(&server, &server.api_key, "setConversationStatus", SHOWN, reopen), hear(&server, &phone));
        assert!(["none", "BAD_USER_INPUT"].contains(&code(&answer)), "{answer}");
        let open: Vec<(uuid::Uuid,)> = sqlx::query_as(
            "SELECT c.id FROM conversation c JOIN identity i ON i.id = c.address_id \
             WHERE i.value = $1 AND c.status <> 'closed'",
        )
        .bind(format!("+{phone}"))
        .fetch_all(&server.database)
        .await
        .unwrap();
        assert_eq!(open.len(), 1, "{heard}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_put_off_comes_back_by_itself_or_with_a_message() {
    let clock = SteppedClock::at(Utc.with_ymd_and_hms(2026, 11, 20, 10, 0, 0).unwrap());
    let ambient = Ambient::new(std::sync::Arc::clone(&clock), SystemEntropy);
    let server = spawn_with(Options { ambient: Some(ambient), ..Options::default() }).await;
    let (asleep, woken) = (hear(&server, &phone()).await, phone());
    let by_message = hear(&server, &woken).await;
    let past = json!({"id": asleep["id"], "until": "2026-11-20T09:00:00Z"});
    assert_eq!(code(&act(&server, &server.api_key, "snoozeConversation", SHOWN, past).await), "BAD_USER_INPUT");
    for conversation in [&asleep, &by_message] {
        let input = json!({"id": conversation["id"], "until": "2026-11-20T11:00:00Z"});
        let snoozed = done(&server, "snoozeConversation", SHOWN, input).await;
        assert_eq!(snoozed["conversation"]["status"], "SNOOZED");
        assert_eq!(snoozed["conversation"]["snoozedUntil"], "2026-11-20T11:00:00.000Z");
    }
    let heard = hear(&server, &woken).await;
    assert_eq!((&heard["id"], &heard["status"]), (&by_message["id"], &json!("IN_QUEUE")));

    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let query = format!(
        "subscription {{ events(after: \"{}\") {{ ... on Event {{ type payload previous actor {{ __typename }} }} }} }}",
        head(&server).await
    );
    socket.subscribe("1", &query).await;
    clock.step(Duration::minutes(61));
    let event = socket.data("1").await["events"].clone();
    assert_eq!((&event["type"], &event["payload"]["id"]), (&json!("conversation.updated"), &asleep["id"]));
    assert_eq!(event["actor"]["__typename"], "System");
    assert_eq!(event["previous"], json!({"status": "snoozed", "snoozed_until": "2026-11-20T11:00:00.000Z"}));
    server.stop().await;
}

#[tokio::test]
async fn who_may_not_write_decides_nothing_and_nothing_of_elsewhere_is_named() {
    let server = spawn().await;
    let conversation = hear(&server, &phone()).await;
    let (viewer, token) = member(&server, "VIEWER").await;
    for (name, input) in [
        ("assignConversation", json!({"id": conversation["id"], "memberId": viewer})),
        ("setConversationStatus", json!({"id": conversation["id"], "status": "CLOSED"})),
        ("markRead", json!({"id": conversation["id"]})),
    ] {
        assert_eq!(code(&act(&server, &token, name, SHOWN, input).await), "FORBIDDEN", "{name}");
    }
    done(&server, "updateMember", "member { id }", json!({"id": viewer, "disabled": true})).await;
    let disabled = json!({"id": conversation["id"], "memberId": viewer});
    assert_eq!(code(&act(&server, &server.api_key, "assignConversation", SHOWN, disabled).await), "BAD_USER_INPUT");
    let nobody = json!({"id": conversation["id"], "memberId": "mem_01h455vb4pex5vsknk084sn02q"});
    assert_eq!(code(&act(&server, &server.api_key, "assignConversation", SHOWN, nobody).await), "NOT_FOUND");
    let neither = json!({"id": conversation["id"]});
    assert_eq!(code(&act(&server, &server.api_key, "assignConversation", SHOWN, neither).await), "BAD_USER_INPUT");
    server.stop().await;
}
