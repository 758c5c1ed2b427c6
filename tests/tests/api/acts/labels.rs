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
    let refused = act(&server, &server.api_key, "addLabels", SHOWN, gone).await;
    assert_eq!(code(&refused), "NOT_FOUND");
    assert_eq!(refused["errors"][0]["extensions"]["inputPath"], json!(["input", "labelIds"]), "{refused}");
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains(labels[0].as_str().unwrap()), "{refused}");
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

#[tokio::test]
async fn d1_names_that_look_alike_are_one_and_a_name_of_nothing_visible_is_none() {
    let server = spawn().await;
    // From before there were keys: two that look alike, and one that shows nothing.
    let insert = "INSERT INTO label (workspace_id, id, name, created_at) \
                  SELECT w.id, md5(n.name)::uuid, n.name, now() FROM workspace w, unnest($1::text[]) n(name)";
    sqlx::query(insert).bind(["Gold", "GOLD", "\u{200B}"]).execute(&server.database).await.unwrap();
    let make = async |name: &str| {
        let input = json!({"name": name, "idempotencyKey": inlet_tests::database::unique()});
        act(&server, &server.api_key, "createLabel", LABEL, input).await
    };
    assert_eq!(make("Caf\u{e9}").await["data"]["createLabel"]["label"]["name"], "Caf\u{e9}");
    for name in ["CAFE\u{301}", " caf\u{e9} ", "caf\u{e9}\u{200D}", "\u{202E}caf\u{e9}", "gold", "Gold", "gold\u{FEFF}"]
    {
        let answer = make(name).await;
        assert_eq!(
            (code(&answer), &answer["errors"][0]["extensions"]["inputPath"]),
            ("BAD_USER_INPUT", &json!(["input", "name"])),
            "{name:?}"
        );
    }
    for name in ["", "  ", "\u{200B}", "\u{3164}", "\u{2800}", "\u{202E}\u{202C}", "\u{A0}\u{3000}", "\u{FE0F}"] {
        assert_eq!(code(&make(name).await), "BAD_USER_INPUT", "{name:?}");
    }
    let shown = server.graphql("{ labels { nodes { name } } }", json!({})).await;
    let mut names: Vec<&str> =
        shown["labels"]["nodes"].as_array().unwrap().iter().map(|label| label["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    let gold = if names.contains(&"Gold") { ["GOLD (2)", "Gold"] } else { ["GOLD", "Gold (2)"] };
    assert_eq!(names, ["Caf\u{e9}", gold[0], gold[1], "\u{200B} (2)"]);
    let other = make("cafe").await["data"]["createLabel"]["label"].clone();
    let renamed = json!({"id": other["id"], "name": "CAF\u{c9}"});
    assert_eq!(code(&act(&server, &server.api_key, "updateLabel", LABEL, renamed).await), "BAD_USER_INPUT");
    let same = json!({"id": other["id"], "name": "CAFE"});
    assert_eq!(done(&server, "updateLabel", LABEL, same).await["label"]["name"], "CAFE");
    server.stop().await;
}

#[tokio::test]
async fn d1_whatever_has_a_name_has_one_that_is_visible_and_emails_are_emails() {
    let server = spawn().await;
    for (mutation, shown, input) in [
        ("createApiKey", "apiKey { id }", json!({"scopes": ["READ"]})),
        ("createSource", "source { id }", json!({"provider": "CUSTOM", "verification": "NONE"})),
        ("createProviderAccount", "providerAccount { id }", json!({"provider": "CUSTOM"})),
        ("registerWebhook", "webhook { id }", json!({"url": "http://127.0.0.1:9/"})),
        ("inviteMember", "invitation { id }", json!({"email": "named@example.com", "role": "AGENT"})),
    ] {
        for (number, name) in ["\u{3164}", "\u{200B}\u{2060}", " \u{A0}", "\u{2800}", "seen"].into_iter().enumerate() {
            let mut input = input.clone();
            input["name"] = json!(name);
            input["idempotencyKey"] = json!(format!("{mutation}{number}"));
            let answer = act(&server, &server.api_key, mutation, shown, input).await;
            let expected = if name == "seen" { "none" } else { "BAD_USER_INPUT" };
            assert_eq!(code(&answer), expected, "{mutation} {name:?}: {answer}");
        }
    }
    for (number, email) in [
        "ada",
        "@example.com",
        "ada@",
        "a b@example.com",
        "a@b@example.com",
        "Ada <ada@example.com>",
        "ada\u{200B}@example.com",
    ]
    .into_iter()
    .enumerate()
    {
        let input = json!({"email": email, "name": "Ada", "role": "AGENT", "idempotencyKey": format!("e{number}")});
        let answer = act(&server, &server.api_key, "inviteMember", "invitation { id }", input).await;
        assert_eq!(
            (code(&answer), &answer["errors"][0]["extensions"]["inputPath"]),
            ("BAD_USER_INPUT", &json!(["input", "email"])),
            "{email}"
        );
    }
    // One person, however the letter is written: the login, and the password.
    let input = json!({"email": "JOSE\u{301}@Example.com", "name": "Jos\u{e9}", "role": "AGENT",
                       "idempotencyKey": "jose"});
    let link = done(&server, "inviteMember", "link", input).await["link"].as_str().unwrap().to_owned();
    let accept = "mutation($t: String!, $p: String!) { acceptInvitation(input: {token: $t, password: $p}) { token } }";
    let set = json!({"t": link.split_once('#').unwrap().1, "p": "la contrase\u{f1}a de Jos\u{e9}"});
    while code(&server.graphql_raw(accept, set.clone()).await) == "OVERLOADED" {}
    let query = "mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { token } }";
    for (email, password) in [
        ("jos\u{e9}@example.com", "la contrasen\u{303}a de Jose\u{301}"),
        (" Jose\u{301}@EXAMPLE.com", "la contrase\u{f1}a de Jos\u{e9}"),
    ] {
        let answer = loop {
            let answer = server.graphql_raw(query, json!({"e": email, "p": password})).await;
            if code(&answer) != "OVERLOADED" {
                break answer;
            }
        };
        assert!(answer["data"]["login"]["token"].is_string(), "{email} {password}: {answer}");
    }
    server.stop().await;
}
