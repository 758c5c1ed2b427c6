//! The probes of single places.

use std::collections::{BTreeMap, BTreeSet};

use inlet_domain::model::right::Role;
use inlet_tests::{
    Pool, SeededWorkspace,
    operation::Operation,
    pool::is_granted,
    schema::{Field, Position, Schema},
};
use serde_json::{Value, json};

use super::{
    TwoWorkspaces,
    answers::{plain, told, unknown},
    two_workspaces,
};

/// How many objects of a kind are tried at a place before it is said not to take that kind.
const TRIES: usize = 6;

/// Who asks, and what they have.
struct Side<'a> {
    party: &'a SeededWorkspace,
    pool: &'a Pool,
}

impl Side<'_> {
    /// The operation of this side with `value` at the position.
    fn operation(&self, schema: &Schema, position: &Position, value: &Value, probed: &str) -> Option<Operation> {
        let fill = |field: &Field, path: &str, input: &_| match (field.name.as_str(), path) {
            ("changePassword", "input.oldPassword" | "input.newPassword") => Some(json!(self.party.password)),
            _ => self.pool.fill(schema, field, path, input, probed),
        };
        match position.owner.as_str() {
            "Query" | "Mutation" => {
                Some(schema.operation(&position.owner, &position.field, Some((&position.path, value)), &fill))
            }
            owner => {
                let parent = self.pool.types.get(owner)?.first()?;
                Some(schema.nested(position, parent, value, &fill))
            }
        }
    }

    async fn ask(&self, schema: &Schema, position: &Position, text: &str) -> Value {
        let operation = self.operation(schema, position, &json!(text), text);
        let operation = operation.unwrap_or_else(|| {
            panic!("{}: no way to a {}: it is no Node; teach Side::operation the way", position.name(), position.owner)
        });
        match position.field.name.as_str() {
            // No key has a session or a password, and what ends or changes is one that is not needed any more.
            "changePassword" | "logout" => {
                let session = self.party.member(Role::Viewer, false).await;
                self.party.send(&session, &operation).await
            }
            // No key is there, or types.
            "setTyping" | "setAvailability" => {
                let session = self.party.member(Role::Agent, false).await;
                self.party.send(&session, &operation).await
            }
            _ => self.party.ask(&operation).await,
        }
    }
}

fn places(house: &TwoWorkspaces, kinds: &[&str], owner: impl Fn(&str) -> bool) -> Vec<Position> {
    let mut places = house.schema.positions();
    places.retain(|position| kinds.contains(&position.ty.name.as_str()) && owner(&position.owner));
    places
}

/// Fails unless the stranger is told of each of the owner's `texts`, which are of one kind, what they are told of one of
/// that kind that nobody has.
async fn refuse<T: AsRef<str>>(
    house: &TwoWorkspaces,
    stranger: &Side<'_>,
    position: &Position,
    texts: &[T],
    ids: &BTreeSet<String>,
) {
    let Some(first) = texts.first() else { return };
    let other = unknown(first.as_ref());
    let expected = plain(&stranger.ask(&house.schema, position, &other).await, &other);
    for text in texts.iter().map(AsRef::as_ref) {
        let shown = plain(&stranger.ask(&house.schema, position, text).await, text);
        assert_eq!(shown, expected, "{}: a stranger is told whether {text} exists", position.name());
        let given_away = told(&shown, ids, &house.owner.mark);
        assert!(given_away.is_empty(), "{}: a stranger is shown {given_away:?}", position.name());
    }
}

/// Whether a place takes no ids of this kind at all.
fn is_of_another_kind(answer: &Value) -> bool {
    answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
}

/// Which kinds of ids a place of a query takes: the owner's answer differs from that of an id that nobody has.
async fn kinds_taken(house: &TwoWorkspaces, owner: &Side<'_>, position: &Position) -> BTreeMap<String, String> {
    let mut taken = BTreeMap::new();
    for (prefix, ids) in owner.pool.candidates(TRIES) {
        let Some(other) = ids.first().map(|id| unknown(id)) else { continue };
        let missing = plain(&owner.ask(&house.schema, position, &other).await, &other);
        for id in ids {
            let found = owner.ask(&house.schema, position, id).await;
            if is_granted(&found) && plain(&found, id) != missing {
                taken.insert(prefix.clone(), id.clone());
            }
            if is_granted(&found) && taken.contains_key(prefix) || is_of_another_kind(&found) {
                break;
            }
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_no_query_reaches_into_another_workspace_by_an_id() {
    let house = two_workspaces().await;
    let (owner, stranger) = (&house.owner, &house.stranger);
    let (mut owned, strange) = (Pool::of(&house.schema, owner).await, Pool::of(&house.schema, stranger).await);
    owned.replenish(&house.schema, owner).await;
    let (owner, stranger) = (Side { party: owner, pool: &owned }, Side { party: stranger, pool: &strange });
    let ids = house.owner.ids().await;
    let before = house.owner.rows().await;
    let mut probes = 0;
    for position in places(&house, &["ID"], |owner| owner != "Mutation" && owner != "Subscription") {
        let taken = kinds_taken(&house, &owner, &position).await;
        assert!(
            !taken.is_empty(),
            "{}: no id of the owner's reaches anything: seed one in SeededWorkspace::fill",
            position.name()
        );
        // Ids of kinds that the place does not take are tried too: what is refused must not tell them apart either.
        for (prefix, candidates) in owned.candidates(1) {
            let candidate = taken.get(prefix).unwrap_or(candidates[0]);
            refuse(&house, &stranger, &position, &[candidate], &ids).await;
            probes += 1;
        }
        println!("{} takes {:?}", position.name(), taken.keys().collect::<Vec<_>>());
    }
    assert!(probes > 100, "{probes}");
    // Every object that has a global id is found by it, by its owner alone.
    let node = house.schema.root("Query", "node");
    for kind in house.schema.node_types() {
        let id = owned.types.get(kind).and_then(|ids| ids.first());
        let id = id.unwrap_or_else(|| panic!("there is no {kind} to look for: seed one in SeededWorkspace::fill"));
        let path = ["id".to_owned()];
        let operation = house.schema.operation("Query", node, Some((&path, &json!(id))), &|_, _, _| None);
        assert_eq!(house.owner.ask(&operation).await["data"]["node"]["__typename"], json!(kind));
        assert_eq!(house.stranger.ask(&operation).await, json!({"data": {"node": null}}), "{kind}");
    }
    assert_eq!(house.owner.changed(&before).await, [""; 0]);
    house.server.stop().await;
}

/// Rows of each list that belongs to an object, for every such object of the owner.
const CHILDREN: [&str; 6] = [
    "INSERT INTO identity (workspace_id, scope_id, kind, value, id, contact_id, created_at) \
     SELECT workspace_id, gen_random_uuid(), 'username', n::text, gen_random_uuid(), id, now() \
     FROM contact, generate_series(1, 3) n WHERE workspace_id = $1",
    "INSERT INTO opt_out (workspace_id, id, address_scope_id, address_kind, address_value, medium, scope, value, created_at) \
     SELECT workspace_id, gen_random_uuid(), scope_id, kind, value, 'sms', 'tag', n::text, now() \
     FROM identity, generate_series(1, 3) n WHERE workspace_id = $1 AND contact_id IS NOT NULL",
    "INSERT INTO status_report (workspace_id, id, message_id, raw_status, received_at) \
     SELECT workspace_id, gen_random_uuid(), id, 'odd', now() FROM message, generate_series(1, 3) WHERE workspace_id = $1",
    "INSERT INTO attachment (workspace_id, id, message_id, position, kind, created_at, updated_at) \
     SELECT workspace_id, gen_random_uuid(), id, n, 'image', now(), now() FROM message, generate_series(1, 3) n \
     WHERE workspace_id = $1",
    "INSERT INTO attempt (workspace_id, id, delivery_id, number, started_at, duration_ms) \
     SELECT workspace_id, gen_random_uuid(), id, 100 + n, now(), 3 FROM delivery, generate_series(1, 3) n \
     WHERE workspace_id = $1",
    "INSERT INTO team_member SELECT t.workspace_id, t.id, m.id FROM team t JOIN member m USING (workspace_id) \
     WHERE t.workspace_id = $1 ON CONFLICT DO NOTHING",
];

/// The cursors of a list that belongs to an object.
async fn cursors_of(owner: &Side<'_>, position: &Position) -> Vec<String> {
    let Some(parent) = owner.pool.types.get(&position.owner).and_then(|ids| ids.first()) else { return Vec::new() };
    let query = format!(
        "query Q($id: ID!) {{ node(id: $id) {{ ... on {} {{ {}(first: 100) {{ edges {{ cursor }} }} }} }} }}",
        position.owner, position.field.name
    );
    let answer = owner.party.ask(&Operation { query, variables: json!({ "id": parent }) }).await;
    let edges = answer["data"]["node"][&position.field.name]["edges"].as_array().cloned().unwrap_or_default();
    edges.iter().map(|edge| edge["cursor"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_no_cursor_reaches_into_another_workspace() {
    let house = two_workspaces().await;
    for rows in CHILDREN {
        sqlx::query(rows).bind(house.owner.workspace).execute(&house.server.database).await.unwrap();
    }
    let owned = Pool::of(&house.schema, &house.owner).await;
    let strange = Pool::of(&house.schema, &house.stranger).await;
    let owner = Side { party: &house.owner, pool: &owned };
    let stranger = Side { party: &house.stranger, pool: &strange };
    let (ids, strange_ids) = (house.owner.ids().await, house.stranger.ids().await);
    for position in places(&house, &["Cursor"], |owner| owner != "Subscription") {
        // Cursors of the list itself come first, then those of every other.
        let lists = owned.cursors.iter();
        let (own, others): (Vec<_>, Vec<_>) = lists.partition(|(list, _)| **list == position.field.name);
        let some =
            |cursors: &&Vec<String>| [cursors.first().cloned(), cursors.get(1).cloned(), cursors.last().cloned()];
        let within = if position.owner == "Query" { Vec::new() } else { cursors_of(&owner, &position).await };
        let listed = own.iter().chain(&others).map(|(_, cursors)| *cursors);
        let cursors: Vec<String> =
            std::iter::once(&within).chain(listed).flat_map(|all| some(&all)).flatten().collect();
        let (mut reached, mut answer) = (false, Value::Null);
        for cursor in &cursors {
            answer = owner.ask(&house.schema, &position, cursor).await;
            let shown = told(&answer["data"], &ids, &house.owner.mark);
            reached = is_granted(&answer) && shown.len() > usize::from(position.owner != "Query");
            if reached {
                break;
            }
        }
        let before = house.owner.rows().await;
        for cursor in &cursors {
            refuse(&house, &stranger, &position, &[cursor], &ids).await;
        }
        assert_eq!(house.owner.changed(&before).await, [""; 0], "{}: a stranger changed something", position.name());
        assert!(
            reached,
            "{}: no cursor shows the owner a row: seed more in SeededWorkspace::fill: {answer}",
            position.name()
        );
    }
    assert!(strange_ids.is_disjoint(&ids));
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_no_mutation_reaches_into_another_workspace_by_an_id() {
    let house = two_workspaces().await;
    let mut probed = 0;
    let mut owned = Pool::of(&house.schema, &house.owner).await;
    let mut strange = Pool::of(&house.schema, &house.stranger).await;
    for position in places(&house, &["ID"], |owner| owner == "Mutation") {
        owned.replenish(&house.schema, &house.owner).await;
        strange.replenish(&house.schema, &house.stranger).await;
        let owner = Side { party: &house.owner, pool: &owned };
        let stranger = Side { party: &house.stranger, pool: &strange };
        let ids = house.owner.ids().await;
        let (mut taken, mut refusals) = (BTreeSet::new(), Vec::new());
        let candidates = owned.candidates(TRIES);
        let before = house.owner.rows().await;
        for (_, of_kind) in &candidates {
            refuse(&house, &stranger, &position, of_kind, &ids).await;
        }
        assert_eq!(house.owner.changed(&before).await, [""; 0], "{}: a stranger changed something", position.name());
        // Only now the owner, with the very ids: a mutation may use them up.
        for (prefix, candidates) in candidates {
            for id in &candidates {
                let missing = owner.ask(&house.schema, &position, &unknown(id)).await;
                let done = owner.ask(&house.schema, &position, id).await;
                if is_granted(&done) && plain(&done, id) != plain(&missing, &unknown(id)) {
                    taken.insert(prefix.clone());
                    break;
                }
                if is_of_another_kind(&done) {
                    break;
                }
                refusals.push(done["errors"].to_string());
            }
        }
        let name = position.name();
        assert!(!taken.is_empty(), "{name}: the owner cannot use it: see Pool::fill and Pool::replenish: {refusals:?}");
        println!("{name} takes {taken:?}");
        probed += 1;
    }
    assert!(probed >= 8, "{probed}");
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_no_text_tells_a_stranger_what_another_workspace_has() {
    let house = two_workspaces().await;
    let pool = Pool::of(&house.schema, &house.owner).await;
    let mut words = vec![house.owner.slug.clone(), house.owner.email.clone(), house.owner.workspace.to_string()];
    words.push(house.owner.sources["oneroute"].url.rsplit('/').next().unwrap().to_owned());
    words.push(pool.ids["msg"][0].clone());
    let ids = house.owner.ids().await;
    let mut probes = 0;
    let mut strange = Pool::of(&house.schema, &house.stranger).await;
    let mut owned = pool;
    for position in places(&house, &["String", "JSON"], |owner| ["Query", "Mutation"].contains(&owner)) {
        let mut words = words.clone();
        if position.path.last().is_some_and(|last| last == "idempotencyKey") {
            // A key that the owner has used for the same mutation.
            owned.replenish(&house.schema, &house.owner).await;
            let owner = Side { party: &house.owner, pool: &owned };
            let key = inlet_tests::database::unique();
            let answer = owner.ask(&house.schema, &position, &key).await;
            assert!(is_granted(&answer), "{}: {answer}", position.name());
            words = vec![key];
        }
        let before = house.owner.rows().await;
        let mut is_used_up = true;
        for word in words {
            let shown = alike(&house, &position, &mut strange, &mut is_used_up, &word).await;
            let given_away: Vec<_> =
                told(&shown, &ids, &house.owner.mark).into_iter().filter(|it| !word.contains(it.as_str())).collect();
            assert!(given_away.is_empty(), "{}: a stranger is shown {given_away:?}", position.name());
            probes += 1;
        }
        let mut changed = house.owner.changed(&before).await;
        if position.field.name == "login" {
            // That someone tried stands in the audit log of whose login it is.
            changed.retain(|table| table != "audit_entry");
        }
        assert_eq!(changed, [""; 0], "{}: a stranger changed something", position.name());
    }
    assert!(probes > 100, "{probes}");
    house.server.stop().await;
}

/// The stranger's answer to `word`; fails unless it is the one to any other word. A mutation that was granted may have used
/// its objects up: the next try has new ones.
async fn alike(
    house: &TwoWorkspaces,
    position: &Position,
    pool: &mut Pool,
    is_used_up: &mut bool,
    word: &str,
) -> Value {
    let other = unknown(word);
    let mut answers = Vec::new();
    // What works once is new for each try.
    let works_once = ["acceptInvitation", "resetPassword"].contains(&position.field.name.as_str());
    let is_of_object = works_once
        || house.schema.positions().iter().any(|place| {
            place.owner == "Mutation" && place.field.name == position.field.name && place.ty.text == "ID!"
        });
    for text in [word, &other] {
        if is_of_object && *is_used_up {
            pool.replenish(&house.schema, &house.stranger).await;
        }
        // How often one may try is no part of this.
        sqlx::query("DELETE FROM login_attempt").execute(&house.server.database).await.unwrap();
        let stranger = Side { party: &house.stranger, pool };
        let answer = stranger.ask(&house.schema, position, text).await;
        *is_used_up = is_granted(&answer);
        answers.push(plain(&answer, text));
    }
    assert_eq!(answers[0], answers[1], "{}: a stranger is told whether {word} exists", position.name());
    answers.remove(0)
}
