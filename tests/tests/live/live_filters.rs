//! Subscriptions under a filter: which events come, and what each is to the list that the filter makes.

use inlet_domain::ids::{ContactId, ConversationId, LabelId, MemberId, TeamId};
use inlet_tests::{
    LiveClient, TestServer,
    log::{Written, append, id, notify},
    spawn,
};
use serde_json::{Value, json};

const FOLLOW: &str = "subscription Q($filter: EventFilter) { events(after: \"1-0\", filter: $filter) { \
                      ... on Event { cursor type membership } ... on Reset { reason } } }";

/// What comes under a filter before the log's end, which is known by another subscription without one.
async fn seen(server: &TestServer, filter: Value) -> Vec<(i64, String)> {
    let query = "{ head }";
    let head = server.graphql(query, json!({})).await["head"].as_str().unwrap().to_owned();
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let query = "subscription Q($filter: EventFilter) { events(after: \"1-0\", filter: $filter, checkpoints: true) { \
                 ... on Event { cursor type membership } ... on Checkpoint { cursor caughtUp } } }";
    let payload = json!({"query": query, "variables": {"filter": filter}});
    socket.send(&json!({"id": "1", "type": "subscribe", "payload": payload})).await;
    let mut seen = Vec::new();
    loop {
        let update = socket.data("1").await["events"].clone();
        if update["caughtUp"] == json!(true) && update["cursor"] == json!(head) {
            return seen;
        }
        if update["type"].is_string() {
            let seq = update["cursor"].as_str().unwrap().split_once('-').unwrap().1.parse().unwrap();
            seen.push((seq, update["membership"].as_str().unwrap_or("-").to_owned()));
        }
    }
}

fn state(status: &str, assignee: Option<MemberId>) -> Value {
    json!({"status": status, "priority": "normal", "assignee_id": assignee, "team_id": null, "label_ids": []})
}

#[tokio::test]
async fn p8_a_conversation_enters_stays_and_leaves_by_what_it_was_and_what_it_is() {
    let server = spawn().await;
    let (one, other): (ConversationId, ConversationId) = (id(), id());
    let (ann, bob): (MemberId, MemberId) = (id(), id());
    let created = |conversation, payload| Written {
        kind: "conversation.created",
        conversation: Some(conversation),
        payload,
        ..Written::default()
    };
    for entry in [
        created(one, state("in_queue", None)),
        Written::message(one, &state("in_queue", None)),
        Written::update(one, state("open", Some(ann)), json!({"status": "in_queue", "assignee_id": null})),
        Written::message(one, &state("open", Some(ann))),
        Written::update(one, state("open", Some(bob)), json!({"assignee_id": ann})),
        created(other, state("open", Some(ann))),
        Written::update(one, state("closed", Some(bob)), json!({"status": "open"})),
        Written {
            kind: "conversation.deleted",
            conversation: Some(other),
            payload: json!({"id": other, "conversation": state("open", Some(ann))}),
            ..Written::default()
        },
        Written { contact: Some(id()), ..Written::of("contact.updated") },
    ] {
        append(&server, entry).await;
    }
    notify(&server.database).await;
    let expect = |list: &[(i64, &str)]| list.iter().map(|(seq, word)| (*seq, (*word).to_owned())).collect::<Vec<_>>();
    for (filter, expected) in [
        (
            json!({}),
            expect(&[
                (1, "ENTERED"),
                (2, "INSIDE"),
                (3, "INSIDE"),
                (4, "INSIDE"),
                (5, "INSIDE"),
                (6, "ENTERED"),
                (7, "INSIDE"),
                (8, "LEFT"),
                (9, "-"),
            ]),
        ),
        (json!({"status": ["IN_QUEUE"]}), expect(&[(1, "ENTERED"), (2, "INSIDE"), (3, "LEFT")])),
        (json!({"unassigned": true}), expect(&[(1, "ENTERED"), (2, "INSIDE"), (3, "LEFT")])),
        (
            json!({"assigneeId": [ann]}),
            expect(&[(3, "ENTERED"), (4, "INSIDE"), (5, "LEFT"), (6, "ENTERED"), (8, "LEFT")]),
        ),
        (
            json!({"status": ["OPEN", "IN_QUEUE"], "assigneeId": [bob], "unassigned": true}),
            expect(&[(1, "ENTERED"), (2, "INSIDE"), (3, "LEFT"), (5, "ENTERED"), (7, "LEFT")]),
        ),
        (json!({"conversationId": [other], "types": ["conversation.*"]}), expect(&[(6, "ENTERED"), (8, "LEFT")])),
        (json!({"types": ["message.*", "contact.updated"]}), expect(&[(2, "INSIDE"), (4, "INSIDE"), (9, "-")])),
        (json!({"types": ["message.*"], "status": ["OPEN"]}), expect(&[(4, "INSIDE")])),
    ] {
        assert_eq!(seen(&server, filter.clone()).await, expected, "{filter}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p8_labels_teams_priorities_contacts_and_media_are_followed_too() {
    let server = spawn().await;
    let conversation: ConversationId = id();
    let (label, other): (LabelId, LabelId) = (id(), id());
    let team: TeamId = id();
    let (was, is): (ContactId, ContactId) = (id(), id());
    let channel = json!({"id": id::<inlet_domain::ids::ChannelId>(), "medium": "sms"});
    let now = json!({"status": "open", "priority": "urgent", "assignee_id": null, "team_id": team,
        "label_ids": [label, other], "contact": {"id": is}, "channel": channel});
    for previous in [
        json!({"label_ids": [other]}),
        json!({"priority": "low"}),
        json!({"team_id": null}),
        json!({"contact": {"id": was}}),
    ] {
        append(&server, Written::update(conversation, now.clone(), previous)).await;
    }
    append(&server, Written { contact: Some(was), ..Written::of("contact.updated") }).await;
    notify(&server.database).await;
    for (filter, expected) in [
        (json!({"labelId": [label]}), vec!["ENTERED", "INSIDE", "INSIDE", "INSIDE"]),
        (json!({"priority": ["LOW"]}), vec!["LEFT"]),
        (json!({"teamId": [team]}), vec!["INSIDE", "INSIDE", "ENTERED", "INSIDE"]),
        (json!({"contactId": [was]}), vec!["LEFT", "-"]),
        (json!({"contactId": [was], "priority": ["URGENT"]}), vec!["LEFT"]),
        (json!({"medium": ["SMS"], "channelId": [channel["id"]]}), vec!["INSIDE"; 4]),
        (json!({"medium": ["VOICE"]}), vec![]),
    ] {
        let memberships: Vec<String> = seen(&server, filter.clone()).await.into_iter().map(|(_, word)| word).collect();
        assert_eq!(memberships, expected, "{filter}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p8_what_cannot_be_followed_is_refused_by_name() {
    let server = spawn().await;
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    for (filter, code, path) in [
        (json!({"unread": true}), "FILTER_NOT_LIVE", json!(["filter", "unread"])),
        (json!({"activeSince": "2026-11-20T10:00:00Z"}), "FILTER_NOT_LIVE", json!(["filter", "activeSince"])),
        (json!({"types": ["message.*", "nope.*"]}), "BAD_USER_INPUT", json!(["filter", "types"])),
        (json!({"labelId": ["conv_x"]}), "BAD_USER_INPUT", json!(["filter", "labelId"])),
    ] {
        let payload = json!({"query": FOLLOW, "variables": {"filter": filter}});
        socket.send(&json!({"id": "e", "type": "subscribe", "payload": payload})).await;
        let message = socket.next().await.message();
        assert_eq!(message["type"], "error", "{message}");
        let extensions = &message["payload"][0]["extensions"];
        assert_eq!((&extensions["code"], &extensions["inputPath"]), (&json!(code), &path), "{message}");
    }
    server.stop().await;
}
