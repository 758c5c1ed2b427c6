//! Merging contacts and undoing it.

use std::pin::pin;

use futures::future::join_all;
use inlet_domain::ids::{ContactId, IdentityId};
use inlet_tests::{TestServer, spawn};
use serde_json::{Value, json};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::{act, code, done, events_after, head, hear, phone, types};

const BOTH: &str = "contact { id name phone identities { nodes { value } } revision } mergedContact { id mergedInto { id } identities { nodes { value } } }";
const UNDONE: &str = "contact { id phone mergedInto { id } identities { nodes { value } } } other { id phone identities { nodes { value } } }";

async fn merge(server: &TestServer, contact: &Value, into: &Value) -> Value {
    act(server, &server.api_key, "mergeContacts", BOTH, json!({"contactId": contact, "intoId": into})).await
}

async fn unmerge(server: &TestServer, contact: &Value) -> Value {
    act(server, &server.api_key, "unmergeContacts", UNDONE, json!({"contactId": contact})).await
}

async fn contact_of(server: &TestServer, conversation: &Value) -> Value {
    let query = "query($id: ID!) { conversation(id: $id) { contact { id } } }";
    server.graphql(query, json!({"id": conversation})).await["conversation"]["contact"]["id"].clone()
}

/// The id in the database.
fn inner(id: &Value) -> Uuid {
    id.as_str().unwrap().parse::<ContactId>().unwrap().0
}

/// Who writes from this number wants no more messages of that tag.
async fn refuse_messages(server: &TestServer, phone: &str, value: &str) {
    let body = json!({"event": "whatsapp:unsubscription", "payload": {
        "id": format!("{phone}/{value}"), "receiver": phone, "type": "tag", "value": value, "status": "created"}});
    let (status, answer) = server.post("mobtexting", None, &body.to_string()).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{answer}");
}

/// The refusals that bind a contact, in the order of their tags.
async fn refusals(server: &TestServer, contact: &Value) -> Vec<String> {
    let query = "query($id: ID!) { node(id: $id) { ... on Contact { optOuts { nodes { value } } } } }";
    let shown = server.graphql(query, json!({"id": contact})).await;
    let values = shown["node"]["optOuts"]["nodes"].as_array().unwrap().iter();
    let mut values: Vec<String> = values.map(|it| it["value"].as_str().unwrap().to_owned()).collect();
    values.sort();
    values
}

#[tokio::test]
async fn a_merge_moves_all_and_undoing_it_moves_exactly_that_back() {
    let server = spawn().await;
    let (one, two) = (phone(), phone());
    let (first, second) = (hear(&server, &one).await, hear(&server, &two).await);
    let (merged, survivor) = (&first["contact"]["id"], &second["contact"]["id"]);
    for (phone, value) in [(&one, "a"), (&one, "b"), (&two, "b")] {
        refuse_messages(&server, phone, value).await;
    }
    // Nobody told the survivor's phone.
    let untold = "UPDATE contact SET phone = NULL, provider_members = provider_members - 'phone' - 'phone.message' WHERE id = $1";
    sqlx::query(untold).bind(inner(survivor)).execute(&server.database).await.unwrap();
    let from = head(&server).await;
    let answer = merge(&server, merged, survivor).await;
    let shown = &answer["data"]["mergeContacts"];
    assert_eq!(
        shown["mergedContact"],
        json!({"id": merged, "mergedInto": {"id": survivor}, "identities": {"nodes": []}}),
        "{answer}"
    );
    assert_eq!(
        (&shown["contact"]["phone"], &shown["contact"]["name"]),
        (&first["contact"]["phone"], &second["contact"]["name"])
    );
    assert_eq!(shown["contact"]["identities"]["nodes"].as_array().unwrap().len(), 4, "{answer}");
    assert_eq!(contact_of(&server, &first["id"]).await, *survivor);
    assert_eq!(
        (refusals(&server, merged).await, refusals(&server, survivor).await),
        (Vec::new(), vec!["a".into(), "b".into(), "b".into()])
    );

    let events = events_after(&server, &from).await;
    assert_eq!(types(&events), ["contact.merged", "conversation.updated"]);
    assert_eq!((&events[0]["payload"]["id"], &events[0]["payload"]["merged_contact_id"]), (survivor, merged));
    assert_eq!((&events[1]["previous"]["contact"]["id"], &events[1]["payload"]["contact"]["id"]), (merged, survivor));
    let listed = server.graphql("{ contacts(first: 100) { nodes { id } } }", json!({})).await;
    assert!(!listed.to_string().contains(merged.as_str().unwrap()), "a tombstone stands in no list");
    let found = server
        .graphql("query($id: ID!) { node(id: $id) { ... on Contact { mergedInto { id } } } }", json!({"id": merged}))
        .await;
    assert_eq!(found["node"]["mergedInto"]["id"], *survivor);

    // What comes from either address goes to the contact that stays, in the conversations that there are.
    let heard = hear(&server, &one).await;
    assert_eq!((&heard["id"], &heard["contact"]["id"]), (&first["id"], survivor));
    // A conversation that begins after the merge is the survivor's, and stays so.
    done(&server, "setConversationStatus", "conversation { id }", json!({"id": first["id"], "status": "CLOSED"})).await;
    sqlx::query("UPDATE conversation SET closed_at = closed_at - interval '8 days' WHERE status = 'closed'")
        .execute(&server.database)
        .await
        .unwrap();
    let later = hear(&server, &one).await;
    assert_ne!(later["id"], first["id"]);

    let from = head(&server).await;
    let undone = unmerge(&server, merged).await;
    let shown = &undone["data"]["unmergeContacts"];
    assert_eq!((&shown["contact"]["id"], &shown["contact"]["mergedInto"]), (merged, &json!(null)), "{undone}");
    assert_eq!(
        (&shown["other"]["id"], &shown["other"]["phone"]),
        (survivor, &json!(null)),
        "what it took goes from it"
    );
    for side in ["contact", "other"] {
        assert_eq!(shown[side]["identities"]["nodes"].as_array().unwrap().len(), 2, "{undone}");
    }
    assert_eq!(contact_of(&server, &first["id"]).await, *merged);
    assert_eq!(contact_of(&server, &later["id"]).await, *survivor, "what came after the merge stays");
    assert_eq!(
        (refusals(&server, merged).await, refusals(&server, survivor).await),
        (vec!["a".into(), "b".into()], vec!["b".into()])
    );
    let events = events_after(&server, &from).await;
    assert_eq!(types(&events), ["contact.updated", "contact.updated", "conversation.updated"]);
    assert_eq!(events[0]["previous"], json!({"merged_into_id": survivor}));
    assert_eq!(events[1]["previous"], json!({"phone": first["contact"]["phone"]}));
    let refused = unmerge(&server, merged).await;
    assert_eq!(code(&refused), "NOT_FOUND");
    assert_eq!(refused["errors"][0]["extensions"]["inputPath"], json!(["input", "contactId"]), "{refused}");
    let told = refused["errors"][0]["message"].as_str().unwrap();
    assert!(told.contains("pass the one that was merged"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn a_chain_is_undone_from_its_end_and_nothing_is_merged_into_what_is_gone() {
    let server = spawn().await;
    let mut contacts = Vec::new();
    for _ in 0..4 {
        contacts.push(hear(&server, &phone()).await["contact"]["id"].clone());
    }
    let [a, b, c, d] = [&contacts[0], &contacts[1], &contacts[2], &contacts[3]];
    assert_eq!(code(&merge(&server, a, a).await), "BAD_USER_INPUT");
    for (contact, into) in [(a, b), (b, c)] {
        assert_eq!(code(&merge(&server, contact, into).await), "none");
    }
    for (contact, into, path) in [(a, c, "contactId"), (c, b, "intoId"), (d, a, "intoId")] {
        let refused = merge(&server, contact, into).await;
        assert_eq!(refused["errors"][0]["extensions"]["inputPath"], json!(["input", path]), "{refused}");
    }
    let refused = unmerge(&server, a).await;
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("undo that first"), "{refused}");
    assert_eq!(
        code(&act(&server, &server.api_key, "deleteContact", "deletedContactId", json!({"id": b})).await),
        "BAD_USER_INPUT"
    );
    for contact in [b, a] {
        assert_eq!(code(&unmerge(&server, contact).await), "none");
    }
    let all = server
        .graphql("{ contacts(first: 10) { nodes { id mergedInto { id } identities { nodes { id } } } } }", json!({}))
        .await;
    for contact in all["contacts"]["nodes"].as_array().unwrap() {
        assert_eq!(
            (contact["identities"]["nodes"].as_array().unwrap().len(), &contact["mergedInto"]),
            (2, &json!(null)),
            "{all}"
        );
    }
    done(&server, "deleteContact", "deletedContactId", json!({"id": d})).await;
    for (contact, into) in [(a, d), (d, a)] {
        assert_eq!(code(&merge(&server, contact, into).await), "NOT_FOUND");
    }
    let stale = json!({"contactId": a, "intoId": c, "ifRevision": 1});
    let stale = act(&server, &server.api_key, "mergeContacts", BOTH, stale).await;
    assert_eq!((code(&stale), &stale["data"]["mergeContacts"]["mergedContact"]["id"]), ("CONFLICT", a), "{stale}");
    server.stop().await;
}

/// Drives `work`, and ends the holder's transaction as soon as a backend waits for it.
async fn while_held<T: std::fmt::Debug>(
    server: &TestServer,
    holder: Transaction<'_, Postgres>,
    work: impl Future<Output = T>,
) -> T {
    let waits = async {
        let sql =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&server.database).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    let mut work = pin!(work);
    tokio::select! {
        biased;
        () = waits => {}
        answer = &mut work => panic!("it did not wait for what is held: {answer:?}"),
    }
    holder.commit().await.unwrap();
    work.await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_merges_of_each_into_the_other_leave_one_and_neither_blocks() {
    let server = spawn().await;
    for _ in 0..4 {
        let (one, two) = (hear(&server, &phone()).await, hear(&server, &phone()).await);
        let (a, b) = (&one["contact"]["id"], &two["contact"]["id"]);
        // Whoever holds one of the rows makes both wait: then both are on their way at once.
        let mut holder = server.database.begin().await.unwrap();
        let lock = "SELECT id FROM contact WHERE id = ANY($1) ORDER BY id LIMIT 1 FOR UPDATE";
        sqlx::query(lock).bind(vec![inner(a), inner(b)]).execute(&mut *holder).await.unwrap();
        let both = futures::future::join(merge(&server, a, b), merge(&server, b, a));
        let (forth, back) = while_held(&server, holder, both).await;
        let mut codes = [code(&forth), code(&back)];
        codes.sort_unstable();
        assert_eq!(codes, ["BAD_USER_INPUT", "none"], "{forth} {back}");
        let tombstones: i64 =
            sqlx::query_scalar("SELECT count(*) FROM contact WHERE id = ANY($1) AND merged_into_id IS NOT NULL")
                .bind(vec![inner(a), inner(b)])
                .fetch_one(&server.database)
                .await
                .unwrap();
        assert_eq!(tombstones, 1);
        assert_eq!(contact_of(&server, &one["id"]).await, contact_of(&server, &two["id"]).await);
    }
    server.stop().await;
}

/// What points to a tombstone, or to nothing.
async fn astray(conn: &mut PgConnection) -> Vec<IdentityId> {
    let sql = "SELECT i.id FROM identity i JOIN contact c ON c.workspace_id = i.workspace_id AND c.id = i.contact_id \
               WHERE c.merged_into_id IS NOT NULL \
               UNION ALL SELECT v.id FROM conversation v JOIN contact c ON c.workspace_id = v.workspace_id \
               AND c.id = v.contact_id WHERE c.merged_into_id IS NOT NULL";
    sqlx::query_scalar(sql).fetch_all(conn).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_an_address_while_its_contact_is_merged_goes_to_the_survivor() {
    let server = spawn().await;
    for _ in 0..5 {
        let (one, two) = (phone(), phone());
        let (first, second) = (hear(&server, &one).await, hear(&server, &two).await);
        let (a, b) = (first["contact"]["id"].clone(), second["contact"]["id"].clone());
        // With each message an id comes that the person was not known by.
        let more = join_all((0..4).map(|_| hear_under_another_id(&server, &one)));
        let (answer, _) = tokio::join!(merge(&server, &a, &b), more);
        assert_eq!(code(&answer), "none", "{answer}");
        hear_under_another_id(&server, &one).await;
        let mut conn = server.database.acquire().await.unwrap();
        assert_eq!(astray(&mut conn).await, []);
        assert_eq!(contact_of(&server, &first["id"]).await, b);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_comes_while_the_merge_waits_for_the_others_moves_too() {
    let server = spawn().await;
    let one = phone();
    let (first, second) = (hear(&server, &one).await, hear(&server, &phone()).await);
    let (a, b) = (&first["contact"]["id"], &second["contact"]["id"]);
    // As apply does it: the address under its lock, then another for the same contact.
    let mut holder = server.database.begin().await.unwrap();
    let lock = "SELECT id FROM identity WHERE kind = 'phone' AND contact_id = $1 FOR NO KEY UPDATE";
    sqlx::query(lock).bind(inner(a)).execute(&mut *holder).await.unwrap();
    let add = "INSERT INTO identity (workspace_id, scope_id, kind, value, id, contact_id, created_at) \
               SELECT workspace_id, scope_id, 'email', 'new@example.com', gen_random_uuid(), contact_id, now() \
               FROM identity WHERE kind = 'phone' AND contact_id = $1";
    sqlx::query(add).bind(inner(a)).execute(&mut *holder).await.unwrap();
    let answer = while_held(&server, holder, merge(&server, a, b)).await;
    let known = answer["data"]["mergeContacts"]["contact"]["identities"]["nodes"].to_string();
    assert!(known.contains("new@example.com"), "{answer}");
    let mut conn = server.database.acquire().await.unwrap();
    assert_eq!(astray(&mut conn).await, []);
    drop(conn);
    assert_eq!(code(&unmerge(&server, a).await), "none");
    server.stop().await;
}

async fn hear_under_another_id(server: &TestServer, phone: &str) {
    let unique = inlet_tests::database::unique();
    let body = json!({"event": "whatsapp:message:in", "payload": {
        "id": unique,
        "channels": [{"name": "whatsapp", "to": "919019120000"}],
        "recipient": {"from": phone, "user": {"id": unique, "first_name": "x", "phone": phone}},
        "message": {"type": "text", "payload": {"text": "again"}},
    }});
    let (status, answer) = server.post("mobtexting", None, &body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn ob_10_what_a_provider_says_of_a_merged_contact_goes_to_the_survivor_which_it_cannot_delete() {
    let server = spawn().await;
    let fixtures = inlet_tests::fixtures::of("oblic");
    let fixture = |name: &str| -> Value {
        let found = fixtures.iter().find(|fixture| fixture.file.contains(name)).unwrap();
        serde_json::from_str(&found.body).unwrap()
    };
    let post = async |body: &Value| {
        let (status, answer) = server.post("oblic", None, &body.to_string()).await;
        assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{answer}");
    };
    for created in ["01-contact.created", "03-contact.created"] {
        post(&fixture(created)).await;
    }
    let all = server.graphql("{ contacts { nodes { id username } } }", json!({})).await;
    let by_name = |name: &str| {
        let nodes = all["contacts"]["nodes"].as_array().unwrap();
        nodes.iter().find(|it| it["username"] == json!(name)).unwrap()["id"].clone()
    };
    let (buzz, kevin) = (by_name("BuzzMcCallister"), by_name("KevinMcCallister"));
    assert_eq!(code(&merge(&server, &buzz, &kevin).await), "none");
    let mut updated = fixture("03-contact.created");
    updated["id"] = json!("a056V7R7NmNRjl99x");
    updated["type"] = json!("contact.updated");
    updated["payload"]["avatar_url"] = json!("https://assets.oblic.chat/avatars/buzz.jpg");
    post(&updated).await;
    let query = "query($id: ID!) { contact(id: $id) { id avatarUrl } }";
    let shown = server.graphql(query, json!({"id": kevin})).await;
    assert_eq!(shown["contact"]["avatarUrl"], "https://assets.oblic.chat/avatars/buzz.jpg");
    post(&fixture("20-contact.deleted")).await;
    let shown = server.graphql(query, json!({"id": kevin})).await;
    assert_eq!(shown["contact"]["id"], kevin, "one of its two records at the provider is gone");
    let tombstone = "SELECT to_jsonb(c) FROM contact c WHERE id = $1";
    let left: Value = sqlx::query_scalar(tombstone).bind(inner(&buzz)).fetch_one(&server.database).await.unwrap();
    let (kept, members) = ((&left["deleted_at"], &left["merged_into_id"]), ["name", "phone", "username"]);
    assert_eq!(kept, (&json!(null), &json!(inner(&kevin))), "it stays as a tombstone");
    assert!(members.iter().all(|member| left[*member].is_null()), "what the provider told of it is gone: {left}");
    server.stop().await;
}
