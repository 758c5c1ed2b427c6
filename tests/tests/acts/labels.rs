//! Labels, and conversations that have them.

use inlet_tests::spawn;
use serde_json::{Value, json};

use super::{act, code, done, events_after, head, hear, phone, types};

const LABEL: &str = "label { id name color revision }";
const SHOWN: &str = "conversation { labels { id } revision }";

#[tokio::test]
async fn labels_are_put_on_and_taken_off_and_one_that_is_deleted_comes_off_everywhere() {
    let server = spawn().await;
    let mut labels = Vec::new();
    for name in ["one", "two"] {
        let made =
            done(&server, "createLabel", LABEL, json!({"name": name, "color": "#1E90FF", "idempotencyKey": name}))
                .await;
        assert_eq!((&made["label"]["name"], &made["label"]["color"]), (&json!(name), &json!("#1e90ff")));
        labels.push(made["label"]["id"].clone());
    }
    let (first, second) = (hear(&server, &phone()).await, hear(&server, &phone()).await);
    let from = head(&server).await;
    for conversation in [&first, &second] {
        done(&server, "addLabels", SHOWN, json!({"id": conversation["id"], "labelIds": labels})).await;
    }
    let again = done(&server, "addLabels", SHOWN, json!({"id": first["id"], "labelIds": [labels[1]]})).await;
    assert_eq!(again["conversation"]["labels"], json!([{"id": labels[0]}, {"id": labels[1]}]));
    done(&server, "removeLabels", SHOWN, json!({"id": first["id"], "labelIds": [labels[1]]})).await;
    let events = events_after(&server, &from).await;
    assert_eq!(types(&events), ["conversation.updated"; 3]);
    assert_eq!(
        (&events[2]["previous"], &events[2]["payload"]["label_ids"]),
        (&json!({"label_ids": labels}), &json!([labels[0]]))
    );

    let from = head(&server).await;
    done(&server, "deleteLabel", "deletedLabelId", json!({"id": labels[0]})).await;
    let events = events_after(&server, &from).await;
    let told: Vec<(&Value, &Value)> =
        events.iter().map(|it| (&it["payload"]["id"], &it["payload"]["label_ids"])).collect();
    assert_eq!(told, [(&first["id"], &json!([])), (&second["id"], &json!([labels[1]]))]);
    let found = server
        .graphql("query($id: ID!) { node(id: $id) { id } labels { nodes { id } } }", json!({"id": labels[0]}))
        .await;
    assert_eq!(found, json!({"node": null, "labels": {"nodes": [{"id": labels[1]}]}}));
    let gone = json!({"id": first["id"], "labelIds": [labels[0]]});
    assert_eq!(code(&act(&server, &server.api_key, "addLabels", SHOWN, gone).await), "NOT_FOUND");
    assert_eq!(
        code(&act(&server, &server.api_key, "deleteLabel", "deletedLabelId", json!({"id": labels[0]})).await),
        "NOT_FOUND"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_label_is_deleted_from_more_conversations_than_one_transaction_takes() {
    let server = spawn().await;
    let label =
        done(&server, "createLabel", LABEL, json!({"name": "many", "idempotencyKey": "k"})).await["label"]["id"]
            .clone();
    let conversation = hear(&server, &phone()).await;
    done(&server, "addLabels", SHOWN, json!({"id": conversation["id"], "labelIds": [label]})).await;
    let copy = "INSERT INTO conversation SELECT (jsonb_populate_record(c, \
                  jsonb_build_object('id', gen_random_uuid(), 'address_id', gen_random_uuid()))).* \
                FROM conversation c, generate_series(1, 1100)";
    sqlx::query(copy).execute(&server.database).await.unwrap();
    let from: i64 = sqlx::query_scalar("SELECT max(seq) FROM event").fetch_one(&server.database).await.unwrap();
    for _ in 0..2 {
        done(&server, "deleteLabel", "deletedLabelId", json!({"id": label, "idempotencyKey": "d"})).await;
    }
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM conversation WHERE label_ids <> '{}'")
        .fetch_one(&server.database)
        .await
        .unwrap();
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM event WHERE type = 'conversation.updated' AND seq > $1")
        .bind(from)
        .fetch_one(&server.database)
        .await
        .unwrap();
    assert_eq!((left, told), (0, 1101));
    server.stop().await;
}

#[tokio::test]
async fn a_label_is_changed_and_no_two_are_called_alike() {
    let server = spawn().await;
    let make = async |name: &str, key: &str| {
        act(&server, &server.api_key, "createLabel", LABEL, json!({"name": name, "idempotencyKey": key})).await
    };
    let label = make(" vip ", "1").await["data"]["createLabel"]["label"].clone();
    assert_eq!(label["name"], "vip");
    for (name, key) in [("vip", "2"), ("", "3"), ("a\u{0}b", "4")] {
        assert_eq!(code(&make(name, key).await), "BAD_USER_INPUT", "{name:?}");
    }
    let color = json!({"id": label["id"], "color": "blue"});
    assert_eq!(code(&act(&server, &server.api_key, "updateLabel", LABEL, color).await), "BAD_USER_INPUT");
    let update = json!({"id": label["id"], "name": "gold", "color": "#ffd700", "ifRevision": label["revision"]});
    let updated = done(&server, "updateLabel", LABEL, update.clone()).await["label"].clone();
    assert_eq!(updated, json!({"id": label["id"], "name": "gold", "color": "#ffd700", "revision": 2}));
    let late = act(&server, &server.api_key, "updateLabel", LABEL, update).await;
    assert_eq!((code(&late), &late["data"]["updateLabel"]["label"]["revision"]), ("CONFLICT", &json!(2)));
    let plain = done(&server, "updateLabel", LABEL, json!({"id": label["id"], "color": null})).await;
    assert_eq!((&plain["label"]["color"], &plain["label"]["name"]), (&json!(null), &json!("gold")));
    server.stop().await;
}
