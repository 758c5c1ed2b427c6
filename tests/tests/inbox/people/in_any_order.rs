//! What providers tell of people and threads, posted at the door in every order: all orders end alike.

use inlet_domain::ambient::Ambient;
use inlet_tests::{TestServer, database, spawn};
use serde_json::{Value, json};

use super::support::orders;

async fn post(server: &TestServer, provider: &str, body: Value) {
    let (status, answer) = server.post(provider, None, &body.to_string()).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{body}: {answer}");
}

async fn oblic(server: &TestServer, kind: &str, payload: Value) {
    post(server, "oblic", json!({"id": database::unique(), "type": kind, "payload": payload})).await;
}

fn now() -> i64 {
    Ambient::system().now().timestamp()
}

/// The contacts, each as its members.
async fn contacts(server: &TestServer) -> Vec<Value> {
    let query = "{ contacts(first: 100) { nodes { id name username phone email lastActiveAt identities { nodes { kind value } } } } }";
    server.graphql(query, json!({})).await["contacts"]["nodes"].as_array().unwrap().clone()
}

/// The contact whose username ends like this.
async fn called(server: &TestServer, end: &str) -> Value {
    let found = contacts(server).await;
    let mine = |it: &&Value| it["username"].as_str().is_some_and(|name| name.ends_with(end));
    found.iter().find(mine).unwrap_or_else(|| panic!("nobody ends with {end}: {found:?}")).clone()
}

/// The conversations, each as who it is with, its attributes and what stands in it.
async fn conversations(server: &TestServer) -> Vec<Value> {
    let query = "{ conversations(first: 100) { nodes { id externalId unread attributes contact { id name } \
                 messages(last: 20) { nodes { content author { ... on ProviderAgent { name } } details } } } } }";
    server.graphql(query, json!({})).await["conversations"]["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn e1_b6_name_and_username_follow_the_newest_in_any_order() {
    let server = spawn().await;
    let now = now();
    for (number, order) in orders(4).into_iter().enumerate() {
        let tag = format!("x{number}y");
        let events = [
            (
                "contact.created",
                json!({"id": format!("c{tag}"), "username": format!("Alice{tag}"), "created_at": now - 100}),
            ),
            (
                "contact.updated",
                json!({"id": format!("c{tag}"), "username": format!("Bella{tag}"), "updated_at": now - 60}),
            ),
            (
                "contact.updated",
                json!({"id": format!("c{tag}"), "username": format!("Carla{tag}"), "updated_at": now - 20}),
            ),
            (
                "message.created",
                json!({"id": format!("m{tag}"), "conversation_id": format!("v{tag}"), "message": "hi",
                "contact": {"id": format!("c{tag}"), "username": format!("Bella{tag}")}, "created_at": now - 50}),
            ),
        ];
        for at in &order {
            oblic(&server, events[*at].0, events[*at].1.clone()).await;
        }
        let shown = called(&server, &tag).await;
        let newest = json!(format!("Carla{tag}"));
        assert_eq!((&shown["name"], &shown["username"]), (&newest, &newest), "{order:?}");
        // A newer message tells a newer one.
        let contact = json!({"id": format!("c{tag}"), "username": format!("Dora{tag}")});
        oblic(
            &server,
            "message.created",
            json!({"id": format!("n{tag}"), "conversation_id": format!("v{tag}"),
            "contact": contact, "message": "hi", "created_at": now - 5}),
        )
        .await;
        let shown = called(&server, &tag).await;
        let newest = json!(format!("Dora{tag}"));
        assert_eq!((&shown["name"], &shown["username"]), (&newest, &newest), "{order:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn b6_the_name_that_messages_tell_is_that_of_the_newest() {
    let server = spawn().await;
    for (conversation, order) in [("k1", [0, 1]), ("k2", [1, 0])] {
        let told = [("Nia Reyes", "2026-01-01T00:30:00.000Z"), ("Ola Stone", "2026-01-01T00:10:00.000Z")];
        for at in order {
            let (name, time) = told[at];
            post(&server, "oneroute", json!({"event": "newMessage",
                "message": {"sender": {"name": name, "authUser": false}, "externalId": database::unique(), "content": "hi"},
                "conversation": {"id": conversation, "customer": {"name": name, "email": format!("{conversation}@example.com")},
                    "status": "in-queue", "lastMessageAt": time}})).await;
        }
    }
    let names: Vec<Value> = contacts(&server).await.iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, [json!("Nia Reyes"), json!("Nia Reyes")]);
    server.stop().await;
}

#[tokio::test]
async fn a_what_programs_write_where_there_is_no_email_is_nobodys() {
    let server = spawn().await;
    let told = |conversation: &str, email: Option<&str>| {
        json!({"event": "newMessage",
        "message": {"sender": {"name": "Gus", "authUser": false}, "externalId": database::unique(), "content": "hi"},
        "conversation": {"id": conversation, "customer": {"name": "Gus", "email": email},
            "status": "in-queue", "lastMessageAt": "2026-01-01T00:00:00.000Z"}})
    };
    // A real address joins two conversations, also where the first did not tell it at once.
    post(&server, "oneroute", told("v1", None)).await;
    post(&server, "oneroute", told("v1", Some("gus@example.com"))).await;
    post(&server, "oneroute", told("v2", Some("gus@example.com"))).await;
    assert_eq!(contacts(&server).await.len(), 1);
    let nobodies = ["none@none.com", "noreply@example.com", "no-reply@example.com", "donotreply@example.com"];
    for (number, email) in nobodies.into_iter().enumerate() {
        for turn in ["a", "b"] {
            post(&server, "oneroute", told(&format!("{turn}{number}"), Some(email))).await;
        }
    }
    assert_eq!(contacts(&server).await.len(), 9);
    server.stop().await;
}

#[tokio::test]
async fn b6_the_phone_of_the_newest_record_stands_whatever_messages_tell_and_when() {
    let server = spawn().await;
    for (number, order) in orders(3).into_iter().enumerate() {
        // One Brazilian number, written with and without its ninth digit.
        let [long, short] = ["551198740", "55118740"].map(|start| format!("{start}{number:04}"));
        let at = |minute: u32| format!("2026-01-01 00:{minute:02}:00");
        let entry = |phone: &str, status: &str, minute: u32| {
            json!({"event": "contacts:subscriber:subscription", "id": 1000 + number, "identity": phone, "first_name": "Ada",
                   "last_name": "Test", "created_at": at(10), "updated_at": at(minute), "status": status})
        };
        let message = json!({"event": "whatsapp:message:in", "payload": {
            "id": database::unique(), "channels": [{"name": "whatsapp", "to": "919019120000"}],
            "recipient": {"from": long, "user": {"first_name": "Ada", "last_name": "Test"}},
            "message": {"type": "text", "payload": {"text": "hello"}}, "timestamp": "2026-01-01T00:50:00Z"}});
        let events = [
            entry(&long, "Subscriber created successfully", 10),
            entry(&short, "Subscriber updated successfully", 30),
            message,
        ];
        for place in &order {
            post(&server, "mobtexting", events[*place].clone()).await;
        }
        let found = contacts(&server).await;
        let newest = json!(format!("+{short}"));
        assert!(found.iter().any(|it| it["phone"] == newest), "{order:?}: {found:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn b5_a_deletion_takes_what_the_account_alone_told_whoever_was_merged_into_whom() {
    let server = spawn().await;
    let now = now();
    let merge = "mutation($input: MergeContactsInput!) { mergeContacts(input: $input) { contact { id } } }";
    let deletions =
        [json!({}), json!({"updated_at": now - 50}), json!({"deleted_at": now - 50}), json!({"username": "u"})];
    for (number, deletion) in deletions.into_iter().enumerate() {
        for into_oblic in [false, true] {
            let tag = format!("{number}{into_oblic}");
            let (id, username) = (format!("c{tag}"), format!("shared{tag}"));
            let phone = format!("9198765{number}{}0001", u8::from(into_oblic));
            let message = |id: &str, contact: Value, at: i64| {
                json!({"id": format!("{id}{tag}"),
                "conversation_id": format!("v{id}{tag}"), "contact": contact, "message": id, "created_at": at, "updated_at": at})
            };
            let contact = json!({"id": id, "username": username, "phone_number": format!("+{phone}")});
            oblic(&server, "message.created", message("first", contact, now - 100)).await;
            post(
                &server,
                "mobtexting",
                json!({"event": "whatsapp:message:in", "payload": {
                "id": database::unique(), "channels": [{"name": "whatsapp", "to": "919019120000"}],
                "recipient": {"from": phone, "user": {"first_name": "Kevin", "last_name": tag}},
                "message": {"type": "text", "payload": {"text": "hello"}}}}),
            )
            .await;
            let found = contacts(&server).await;
            let of = |member: &str, value: &str| found.iter().find(|it| it[member] == value).unwrap()["id"].clone();
            let (ours, theirs) = (of("username", &username), of("name", &format!("Kevin {tag}")));
            let (contact, into) = if into_oblic { (&theirs, &ours) } else { (&ours, &theirs) };
            server.graphql(merge, json!({"input": {"contactId": contact, "intoId": into}})).await;

            let mut payload = deletion.clone();
            payload["id"] = json!(id);
            if payload.get("username").is_some() {
                payload["username"] = json!(username);
            }
            oblic(&server, "contact.deleted", payload).await;
            let found = contacts(&server).await;
            let left = found.iter().find(|it| it["id"] == *into).unwrap();
            let expected = json!({"id": into, "name": format!("Kevin {tag}"), "username": null, "phone": format!("+{phone}"),
                "email": null, "lastActiveAt": left["lastActiveAt"], "identities": {"nodes": [{"kind": "PHONE", "value": format!("+{phone}")}]}});
            assert_eq!(*left, expected, "{deletion} {into_oblic}");
            let talks = conversations(&server).await;
            let of = |it: &&Value| it["externalId"] == format!("vfirst{tag}");
            assert_eq!(talks.iter().find(of).unwrap()["contact"], json!(null), "{deletion} {into_oblic}");
            // Whoever has the username later is someone else.
            oblic(&server, "message.created", message("later", json!({"username": username}), now + 5)).await;
            let talks = conversations(&server).await;
            let of = |it: &&Value| it["externalId"] == format!("vlater{tag}");
            assert_ne!(talks.iter().find(of).unwrap()["contact"]["id"], *into, "{deletion} {into_oblic}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn e1_what_was_written_after_a_thread_was_deleted_stands_in_any_order() {
    let server = spawn().await;
    let now = now();
    for timed in [true, false] {
        for (number, order) in orders(4).into_iter().enumerate() {
            let tag = format!("{timed}{number}");
            let contact = json!({"id": format!("c{tag}"), "username": format!("n{tag}")});
            let message = |id: &str, at: i64| {
                json!({"id": format!("{id}{tag}"), "conversation_id": format!("v{tag}"),
                "contact": contact, "message": id, "created_at": at, "updated_at": at})
            };
            let mut gone = json!({"id": format!("v{tag}")});
            if timed {
                gone["updated_at"] = json!(now - 50);
            }
            let events = [
                (
                    "conversation.created",
                    json!({"id": format!("v{tag}"), "contact": contact, "pinned": false,
                    "created_at": now - 100, "updated_at": now - 100}),
                ),
                ("message.created", message("before", now - 70)),
                ("message.created", message("after", now - 30)),
                ("conversation.deleted", gone),
            ];
            for at in &order {
                oblic(&server, events[*at].0, events[*at].1.clone()).await;
            }
            let talks = conversations(&server).await;
            let mine: Vec<&Value> = talks.iter().filter(|it| it["contact"]["name"] == format!("n{tag}")).collect();
            if timed {
                assert_eq!(mine.len(), 1, "{order:?}: {mine:?}");
                let said: Vec<&Value> =
                    mine[0]["messages"]["nodes"].as_array().unwrap().iter().map(|it| &it["content"]).collect();
                assert_eq!(
                    (said, &mine[0]["unread"], &mine[0]["attributes"]),
                    (vec![&json!("after")], &json!(1), &json!({})),
                    "{order:?}"
                );
            } else {
                assert_eq!(mine, Vec::<&Value>::new(), "{order:?}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn e1_b6_that_a_record_told_there_is_none_outlives_a_merge_that_was_undone_in_any_order() {
    let server = spawn().await;
    let now = now();
    let asked = "query { contacts(first: 100) { nodes { id username phone email avatarUrl } } }";
    let merge =
        "mutation($one: ID!, $into: ID!) { mergeContacts(input: {contactId: $one, intoId: $into}) { contact { id } } }";
    let unmerge = "mutation($one: ID!) { unmergeContacts(input: {contactId: $one}) { contact { id } } }";
    let (none, older, merged, undone) = (0, 1, 2, 3);
    let place = |order: &[usize], event| order.iter().position(|it| *it == event);
    let possible = orders(4).into_iter().filter(|order| place(order, merged) < place(order, undone));
    for (number, order) in possible.enumerate() {
        let told = |whose: &str| {
            json!({"phone_number": format!("+91987650{whose}{number:03}"), "email": format!("{whose}.{number}@example.com"),
                "avatar_url": format!("https://example.com/{whose}/{number}")})
        };
        let record = |id: &str, time: &str, at: i64, members: Value| {
            let mut payload = members;
            payload["id"] = json!(format!("{id}{number}"));
            payload["username"] = json!(format!("{id}.{number}"));
            payload[time] = json!(at);
            payload
        };
        oblic(&server, "contact.created", record("into", "created_at", now - 100, json!({}))).await;
        oblic(&server, "contact.created", record("one", "created_at", now - 100, told("10"))).await;
        let nodes = server.graphql(asked, json!({})).await["contacts"]["nodes"].as_array().unwrap().clone();
        let called = |nodes: &[Value], name: &str| {
            nodes.iter().find(|it| it["username"] == format!("{name}.{number}")).unwrap().clone()
        };
        let (one, into) = (called(&nodes, "one"), called(&nodes, "into"));
        for event in &order {
            if *event == none {
                let members = json!({"phone_number": null, "email": null, "avatar_url": null});
                oblic(&server, "contact.updated", record("into", "updated_at", now - 30, members)).await;
            } else if *event == older {
                oblic(&server, "contact.updated", record("into", "updated_at", now - 60, told("20"))).await;
            } else if *event == merged {
                server.graphql(merge, json!({"one": one["id"], "into": into["id"]})).await;
            } else {
                server.graphql(unmerge, json!({"one": one["id"]})).await;
            }
        }
        let nodes = server.graphql(asked, json!({})).await["contacts"]["nodes"].as_array().unwrap().clone();
        assert_eq!(called(&nodes, "into"), into, "{order:?}");
        assert_eq!(called(&nodes, "one"), one, "{order:?}");
    }
    server.stop().await;
}
