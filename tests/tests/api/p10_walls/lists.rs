//! What a stranger sees without naming anything: lists, the log, and the log as it grows.

use std::collections::BTreeSet;

use inlet_tests::{
    LiveClient, Pool, SeededWorkspace,
    live::Frame,
    operation::Operation,
    pool::{is_granted, page},
    schema::{Field, Input, Position},
};
use serde_json::{Value, json};

use super::{TwoWorkspaces, answers::told, two_workspaces};

/// The lists of one party; fails where one has no two rows, or shows a row of the other's.
async fn lists(house: &TwoWorkspaces, reader: &SeededWorkspace, other: &SeededWorkspace) {
    let ids = other.ids().await;
    for field in house.schema.roots("Query").iter().filter(|field| field.is_plain()) {
        let answer = reader.ask(&house.schema.operation("Query", field, None, &page)).await;
        assert!(is_granted(&answer), "{}: {}", field.name, answer["errors"]);
        let given_away = told(&answer, &ids, &other.mark);
        assert!(given_away.is_empty(), "{} shows {given_away:?} of another workspace", field.name);
        if let Some(edges) = answer["data"][&field.name]["edges"].as_array() {
            assert!(edges.len() > 1, "{} shows {} rows: seed more in SeededWorkspace::fill", field.name, edges.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_no_list_shows_a_row_of_another_workspace() {
    let house = two_workspaces().await;
    lists(&house, &house.owner, &house.stranger).await;
    lists(&house, &house.stranger, &house.owner).await;
    house.server.stop().await;
}

async fn head(party: &SeededWorkspace) -> String {
    let answer = party.ask(&Operation { query: "{ head }".into(), variables: json!({}) }).await;
    answer["data"]["head"].as_str().unwrap().to_owned()
}

/// What comes after `cursor` until the log's head.
async fn follow(
    house: &TwoWorkspaces,
    party: &SeededWorkspace,
    field: &str,
    argument: &str,
    cursor: &str,
) -> Vec<Value> {
    let field = house.schema.root("Subscription", field);
    let (path, value) = ([argument.to_owned()], json!(cursor));
    let operation = house.schema.operation("Subscription", field, Some((&path, &value)), &|_, _, _| None);
    let mut socket = LiveClient::connect(&house.server.graphql_url, &party.key).await;
    socket.send(&json!({"id": "1", "type": "subscribe", "payload": operation.body()})).await;
    let head = head(party).await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last: &Value| last["cursor"] != json!(head)) {
        let Frame::Message(message) = socket.next().await else { panic!("the socket was closed") };
        assert_eq!(message["type"], "next", "{message}");
        seen.push(message["payload"]["data"][&field.name].clone());
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_no_subscription_shows_a_row_of_another_workspace() {
    let house = two_workspaces().await;
    let (owner, stranger) = (&house.owner, &house.stranger);
    let owned = Pool::of(&house.schema, owner).await;
    let ids: BTreeSet<String> = owner.ids().await;
    let (mut probed, mut filtered) = (0, 0);
    for position in house.schema.positions().into_iter().filter(|position| position.owner == "Subscription") {
        let name = position.name();
        if ["Boolean", "Int"].contains(&position.ty.name.as_str()) || house.schema.ty(&position.ty.name).kind == "ENUM"
        {
            continue;
        }
        // Types of events are no one's, and what is followed by no time is refused.
        if ["String", "DateTime"].contains(&position.ty.name.as_str()) {
            continue;
        }
        if position.ty.name == "ID" {
            filtered += usize::from(filtered_by(&house, &owned, &position).await > 0);
            continue;
        }
        assert_eq!(position.ty.name, "Cursor", "{name}: teach this test to follow by it, as owner and as stranger");
        let (field, argument) = (position.field.name.as_str(), position.path[0].as_str());
        let cursor = &owned.cursors["events"][0];
        let shown = follow(&house, owner, field, argument, cursor).await;
        assert!(shown.len() > 50, "{}", shown.len());
        // The same number stands in the stranger's log, for another event; a number beyond its head is foreign.
        for seen in follow(&house, stranger, field, argument, cursor).await {
            let given_away = told(&seen, &ids, &owner.mark);
            assert!(given_away.is_empty(), "{name}: a stranger is shown {given_away:?}");
        }
        for _ in 0..20 {
            owner.hear_marked().await;
        }
        let beyond = follow(&house, stranger, field, argument, &head(owner).await).await;
        assert_eq!((&beyond[0]["__typename"], &beyond[0]["reason"]), (&json!("Reset"), &json!("FOREIGN")), "{name}");
        probed += 1;
    }
    assert!(probed > 0 && filtered >= 3, "{probed} {filtered}");
    house.server.stop().await;
}

/// How many events the owner is shown under a filter by one of their ids; a stranger is shown none by it.
async fn filtered_by(house: &TwoWorkspaces, owned: &Pool, position: &Position) -> usize {
    let last = position.path.last().unwrap();
    let kind = last.trim_end_matches("Id").to_lowercase();
    let kind = if kind == "assignee" { "member".to_owned() } else { kind };
    let ids = owned.types.iter().find(|(name, _)| name.to_lowercase() == kind);
    let (_, ids) = ids.unwrap_or_else(|| panic!("{}: of what kind are its ids?", position.name()));
    let mut most = 0;
    for id in ids.iter().take(20) {
        let shown = follow_filtered(house, &house.owner, position, id).await;
        let strange = follow_filtered(house, &house.stranger, position, id).await;
        assert_eq!(strange, 0, "{}: a stranger is shown events of {id}", position.name());
        most = most.max(shown);
    }
    most
}

/// How many events come under a filter by an id until all there is has come.
async fn follow_filtered(house: &TwoWorkspaces, party: &SeededWorkspace, position: &Position, id: &str) -> usize {
    let fill = |_: &Field, path: &str, _: &Input| match path {
        "after" => Some(json!("1-0")),
        "checkpoints" => Some(json!(true)),
        _ => None,
    };
    let at = (position.path.as_slice(), &json!(id));
    let operation = house.schema.operation_of_depth("Subscription", &position.field, Some(at), &fill, 1);
    let mut socket = LiveClient::connect(&house.server.graphql_url, &party.key).await;
    socket.send(&json!({"id": "1", "type": "subscribe", "payload": operation.body()})).await;
    let mut events = 0;
    loop {
        let update = socket.data("1").await[&position.field.name].clone();
        match update["__typename"].as_str() {
            Some("Event") => events += 1,
            Some("Checkpoint") if update["caughtUp"] == json!(true) => return events,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_a_socket_hears_nothing_of_what_happens_elsewhere() {
    let house = two_workspaces().await;
    let (owner, stranger) = (&house.owner, &house.stranger);
    let field = house.schema.root("Subscription", "events");
    let operation = house.schema.operation("Subscription", field, None, &|_, _, _| None);
    let mut sockets = Vec::new();
    for party in [owner, stranger] {
        let mut socket = LiveClient::connect(&house.server.graphql_url, &party.key).await;
        socket.send(&json!({"id": "1", "type": "subscribe", "payload": operation.body()})).await;
        // It is answered after the subscription has begun.
        socket.send(&json!({"id": "2", "type": "subscribe", "payload": {"query": "{ head }"}})).await;
        assert_eq!(socket.next().await.message()["id"], "2");
        assert_eq!(socket.next().await.message()["type"], "complete");
        sockets.push(socket);
    }
    for _ in 0..10 {
        tokio::join!(owner.hear_marked(), stranger.hear_marked(), owner.hear_marked());
    }
    let ids = [stranger.ids().await, owner.ids().await];
    let others = [(&ids[0], &stranger.mark), (&ids[1], &owner.mark)];
    for ((mut socket, party), (ids, mark)) in sockets.into_iter().zip([owner, stranger]).zip(others) {
        let head = head(party).await;
        let mut seen = 0;
        loop {
            let event = socket.next().await.message()["payload"]["data"]["events"].clone();
            let given_away = told(&event, ids, mark);
            assert!(given_away.is_empty(), "a socket is shown {given_away:?} of another workspace");
            seen += 1;
            if event["cursor"] == json!(head) {
                break;
            }
        }
        assert!(seen > 10, "{seen}");
    }
    house.server.stop().await;
}
