//! Who has a conversation can answer it.

use inlet_tests::spawn;
use serde_json::{Value, json};

use super::{act, code, done, events_after, head, hear, member, phone, types};

const SHOWN: &str = "conversation { id status assignee { id } closedAt revision }";
const MEMBER: &str = "member { id role disabledAt }";

#[tokio::test]
async fn c2_who_is_disabled_or_becomes_a_viewer_gives_back_what_they_have() {
    let server = spawn().await;
    for change in [json!({"disabled": true}), json!({"role": "VIEWER"})] {
        let (id, _) = member(&server, "AGENT").await;
        let phones: Vec<String> = (0..4).map(|_| phone()).collect();
        let mut conversations = Vec::new();
        for phone in &phones {
            let conversation = hear(&server, phone).await["id"].clone();
            done(&server, "assignConversation", SHOWN, json!({"id": conversation, "memberId": id})).await;
            conversations.push(conversation);
        }
        for (conversation, status) in conversations[1..].iter().zip(["PENDING", "SNOOZED", "CLOSED"]) {
            done(&server, "setConversationStatus", SHOWN, json!({"id": conversation, "status": status})).await;
        }
        let from = head(&server).await;
        let mut input = change.clone();
        input["id"] = json!(id);
        input["idempotencyKey"] = json!(id);
        for _ in 0..2 {
            done(&server, "updateMember", MEMBER, input.clone()).await;
        }
        let events = events_after(&server, &from).await;
        assert_eq!(types(&events), ["conversation.updated"; 3], "{change}");
        for (event, status) in events.iter().zip(["in_queue", "pending", "snoozed"]) {
            assert_eq!((&event["payload"]["status"], &event["payload"]["assignee_id"]), (&json!(status), &json!(null)));
            assert_eq!(event["previous"]["assignee_id"], json!(id));
            assert_eq!(event["actor"]["__typename"], "ApiKey");
        }
        // The closed one is reopened without them: by a person, and by a message.
        let reopened =
            done(&server, "setConversationStatus", SHOWN, json!({"id": conversations[3], "status": "OPEN"})).await;
        assert_eq!(reopened["conversation"]["assignee"], json!(null), "{reopened}");
        let refused =
            act(&server, &server.api_key, "assignConversation", SHOWN, json!({"id": conversations[0], "memberId": id}))
                .await;
        assert_eq!(code(&refused), "BAD_USER_INPUT", "{refused}");
        assert_eq!(refused["errors"][0]["extensions"]["inputPath"], json!(["input", "memberId"]), "{refused}");
    }
    server.stop().await;
}

#[tokio::test]
async fn c2_a_closed_conversation_of_someone_who_left_goes_to_the_queue_with_the_next_message() {
    let server = spawn().await;
    let (id, _) = member(&server, "AGENT").await;
    let phone = phone();
    let conversation = hear(&server, &phone).await["id"].clone();
    done(&server, "assignConversation", SHOWN, json!({"id": conversation, "memberId": id})).await;
    done(&server, "setConversationStatus", SHOWN, json!({"id": conversation, "status": "CLOSED"})).await;
    done(&server, "updateMember", MEMBER, json!({"id": id, "disabled": true})).await;
    let from = head(&server).await;
    let heard = hear(&server, &phone).await;
    assert_eq!((&heard["id"], &heard["status"]), (&conversation, &json!("IN_QUEUE")));
    let events = events_after(&server, &from).await;
    let of_conversation: Vec<&Value> =
        events.iter().filter(|event| event["type"] == "conversation.updated").map(|event| &event["payload"]).collect();
    assert_eq!(of_conversation.len(), 1);
    assert_eq!(of_conversation[0]["assignee_id"], json!(null));

    // Who comes back has nothing, and can be given something.
    done(&server, "updateMember", MEMBER, json!({"id": id, "disabled": false})).await;
    let given = done(&server, "assignConversation", SHOWN, json!({"id": conversation, "memberId": id})).await;
    assert_eq!(given["conversation"]["assignee"]["id"], json!(id));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c2_assigning_and_disabling_at_once_leave_nothing_with_who_left() {
    let server = spawn().await;
    let (id, _) = member(&server, "AGENT").await;
    let mut conversations = Vec::new();
    for _ in 0..4 {
        conversations.push(hear(&server, &phone()).await["id"].clone());
    }
    let key = server.api_key.clone();
    for _ in 0..6 {
        let assigned = conversations.iter().map(|conversation| {
            let input = json!({"id": conversation, "memberId": id});
            act(&server, &key, "assignConversation", SHOWN, input)
        });
        let disable = act(&server, &key, "updateMember", MEMBER, json!({"id": id, "disabled": true}));
        let (disabled, answers) = tokio::join!(disable, futures::future::join_all(assigned));
        assert_eq!(code(&disabled), "none", "{disabled}");
        assert!(answers.iter().all(|answer| ["none", "BAD_USER_INPUT"].contains(&code(answer))), "{answers:?}");
        let left: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM conversation c JOIN member m ON m.workspace_id = c.workspace_id \
             AND m.id = c.assignee_id AND m.disabled_at IS NOT NULL WHERE c.status <> 'closed'",
        )
        .fetch_one(&server.database)
        .await
        .unwrap();
        assert_eq!(left, 0);
        done(&server, "updateMember", MEMBER, json!({"id": id, "disabled": false})).await;
    }
    server.stop().await;
}
