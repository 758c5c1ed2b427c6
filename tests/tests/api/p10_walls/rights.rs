//! Who may do what: every root field of the schema against every role, every scope of a key, and every credential that
//! has ended. Who is refused is refused the very call that is granted to another, and changes nothing by it.

use std::slice::from_ref;

use inlet_domain::model::right::{self, Gift, Grant, KeyScope, Need, Right, Role};
use inlet_tests::{
    LiveClient, Pool, SeededWorkspace,
    live::Frame,
    operation::Operation,
    pool::{is_granted, page},
    schema::Field,
    seeded_workspace::Term,
};
use serde_json::{Value, json};

use super::{TwoWorkspaces, two_workspaces};

/// What the policy asks of who comes for a root field.
fn needs(owner: &str, field: &str) -> Need {
    let entry = right::field(&format!("{owner}.{field}"));
    let (_, need) = entry.unwrap_or_else(|| panic!("{owner}.{field} is not in the table of rights"));
    match need {
        // It is given what the inbox shows; see the test of kinds for the others.
        Need::Kind => Need::Rights(&[Right::ReadInbox]),
        need => need,
    }
}

/// Whether objects of a kind are settings; all others are the inbox's, or a member's own.
fn is_of_settings(kind: &str) -> bool {
    right::kind(kind).is_some_and(|need| !need.is_met(&Grant::Role(Role::Viewer)))
}

/// Who comes.
struct Guest {
    name: String,
    token: String,
    /// `None` where the credential is none, or none any more.
    grant: Option<Grant>,
}

impl Guest {
    fn is_anonymous(&self) -> bool {
        self.token.is_empty()
    }

    fn manages_members(&self) -> bool {
        self.grant.as_ref().is_some_and(|grant| grant.gives(Right::ManageMembers))
    }

    /// `None` where they may have a root field, else the code of the refusal. A member has sessions of their own and a
    /// key has none; another's, which is what is tried here, are there for those alone who manage members.
    fn refusal_at(&self, need: Need, field: &str) -> Option<&'static str> {
        match (field, &self.grant) {
            ("sessions" | "revokeSession", Some(Grant::Scopes(_))) if !self.manages_members() => Some("FORBIDDEN"),
            ("revokeSession", Some(Grant::Role(_))) if !self.manages_members() => Some("NOT_FOUND"),
            _ => self.refusal(need).or_else(|| self.refusal_of_gift(field)),
        }
    }

    /// The same of what the call gives: who may invite or register at all may give no more than they hold.
    fn refusal_of_gift(&self, field: &str) -> Option<&'static str> {
        let gift = match field {
            "inviteMember" => Gift::Role(Role::Viewer),
            "registerWebhook" => Gift::Webhook { notes: false },
            _ => return None,
        };
        self.grant.as_ref().is_some_and(|grant| grant.check_gift(&gift).is_err()).then_some("FORBIDDEN")
    }

    /// `None` where they may, else the code of the refusal.
    fn refusal(&self, need: Need) -> Option<&'static str> {
        match &self.grant {
            None if need == Need::Nothing && self.is_anonymous() => None,
            None => Some("UNAUTHENTICATED"),
            Some(grant) => (!need.is_met(grant)).then_some("FORBIDDEN"),
        }
    }
}

async fn guests(party: &SeededWorkspace) -> Vec<Guest> {
    let mut guests = Vec::new();
    let mut comes = |name: String, token, grant| guests.push(Guest { name, token, grant });
    for role in Role::ALL {
        comes(format!("a member, {role}"), party.member(*role, false).await, Some(Grant::Role(*role)));
        comes(format!("a disabled member, {role}"), party.member(*role, true).await, None);
    }
    let scopes: [&[KeyScope]; 5] = [&[], &[KeyScope::Read], &[KeyScope::Write], &[KeyScope::Admin], KeyScope::ALL];
    for scopes in scopes {
        let token = party.key_of(scopes, Term::default()).await;
        comes(format!("a key for {scopes:?}"), token, Some(Grant::Scopes(scopes.to_vec())));
    }
    for term in [Term { is_expired: true, is_revoked: false }, Term { is_expired: false, is_revoked: true }] {
        comes(format!("a key, {term:?}"), party.key_of(KeyScope::ALL, term).await, None);
        comes(format!("a session, {term:?}"), party.session(party.owner_id().await, term).await, None);
    }
    comes("no one".to_owned(), String::new(), None);
    comes("a token that nobody has".to_owned(), "ik_unknown".to_owned(), None);
    guests
}

/// The operation of a root field, with all that it needs; a new one for each guest, for creates happen once under a key.
fn call(house: &TwoWorkspaces, pool: &Pool, owner: &str, field: &Field) -> Operation {
    let login = [("input.email", &house.owner.email), ("input.password", &house.owner.password)];
    let fill = |field: &Field, path: &str, input: &_| {
        if field.name == "login" {
            return login.iter().find(|(of, _)| *of == path).map(|(_, value)| json!(value));
        }
        let inbox = ["node", "nodes"].contains(&field.name.as_str());
        match path {
            "input.oldPassword" | "input.newPassword" => Some(json!(house.owner.password)),
            "id" if inbox => Some(json!(pool.types["Conversation"][0])),
            "ids" if inbox => Some(json!([pool.types["Contact"][0]])),
            "id" if field.name == "trace" => Some(json!(pool.types["Event"][0])),
            _ => pool.fill(&house.schema, field, path, input, ""),
        }
    };
    house.schema.operation_of_depth(owner, field, None, &fill, 0)
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

async fn try_each(house: &TwoWorkspaces, pool: &mut Pool, owner: &str, field: &Field) -> (usize, usize) {
    let party = &house.owner;
    let needs = needs(owner, &field.name);
    let (mut granted, mut refused) = (0, 0);
    let guests = guests(party).await;
    if owner == "Mutation" {
        pool.replenish(&house.schema, party).await;
    }
    let before = party.rows().await;
    for guest in guests.iter().filter(|guest| guest.refusal_at(needs, &field.name).is_some()) {
        let answer = party.send(&guest.token, &call(house, pool, owner, field)).await;
        let expected = guest.refusal_at(needs, &field.name).unwrap();
        assert_eq!(code(&answer), expected, "{owner}.{} of {}: {answer}", field.name, guest.name);
        assert!(answer["data"].is_null() || answer["data"][&field.name].is_null(), "{answer}");
        refused += 1;
    }
    assert_eq!(party.changed(&before).await, [""; 0], "{owner}.{}: who was refused changed something", field.name);
    for guest in guests.iter().filter(|guest| guest.refusal_at(needs, &field.name).is_none()) {
        if owner == "Mutation" {
            pool.replenish(&house.schema, party).await;
        }
        let answer = party.send(&guest.token, &call(house, pool, owner, field)).await;
        assert!(is_granted(&answer), "{owner}.{} of {}: {answer}", field.name, guest.name);
        granted += 1;
    }
    assert!(granted > 0, "{owner}.{} is granted to no one", field.name);
    (granted, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_every_root_field_is_granted_and_refused_as_the_policy_says() {
    let house = two_workspaces().await;
    let mut pool = Pool::of(&house.schema, &house.owner).await;
    let (mut granted, mut refused) = (0, 0);
    for owner in ["Query", "Mutation"] {
        for field in house.schema.roots(owner) {
            let (yes, no) = try_each(&house, &mut pool, owner, field).await;
            (granted, refused) = (granted + yes, refused + no);
        }
    }
    println!("{granted} granted, {refused} refused");
    assert!(granted > 150 && refused > 250, "{granted} granted, {refused} refused");
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_a_socket_grants_what_http_grants() {
    let house = two_workspaces().await;
    let party = &house.owner;
    let mut pool = Pool::of(&house.schema, party).await;
    pool.replenish(&house.schema, party).await;
    let cursor = &pool.cursors["events"][0];
    let fields = house.schema.roots("Subscription").iter().map(|field| ("Subscription", field));
    let fields = fields.chain(house.schema.roots("Mutation").iter().map(|field| ("Mutation", field)));
    for (owner, field) in fields {
        let needs = needs(owner, &field.name);
        let guests = guests(party).await;
        let before = party.rows().await;
        for guest in &guests {
            let refusal = guest.refusal_at(needs, &field.name);
            if owner == "Mutation" && refusal.is_none() {
                continue;
            }
            let operation = match owner {
                "Subscription" => {
                    let path = "after".to_owned();
                    let at = (from_ref(&path), &json!(cursor));
                    let at = field.args.iter().any(|argument| argument.name == path).then_some(at);
                    house.schema.operation_of_depth(owner, field, at, &|_, _, _| None, 0)
                }
                _ => call(&house, &pool, owner, field),
            };
            let mut socket = LiveClient::open(&house.server.graphql_url).await;
            let payload = json!({"authorization": format!("Bearer {}", guest.token)});
            let payload = if guest.is_anonymous() { json!({}) } else { payload };
            socket.send(&json!({"type": "connection_init", "payload": payload})).await;
            let first = socket.next().await;
            if guest.grant.is_none() {
                assert_eq!(first.closed(), 4403, "{}", guest.name);
                continue;
            }
            assert_eq!(first.message()["type"], "connection_ack");
            socket.send(&json!({"id": "1", "type": "subscribe", "payload": operation.body()})).await;
            let Frame::Message(message) = socket.next().await else { panic!("{} is cut off", guest.name) };
            let payload = if message["type"] == "error" {
                json!({"errors": message["payload"]})
            } else {
                message["payload"].clone()
            };
            match refusal {
                Some(expected) => assert_eq!(code(&payload), expected, "{} of {}: {message}", field.name, guest.name),
                None => assert!(is_granted(&payload), "{} of {}: {message}", field.name, guest.name),
            }
        }
        assert_eq!(party.changed(&before).await, [""; 0], "{}: who was refused changed something", field.name);
    }
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_an_object_is_shown_by_its_id_to_those_who_may_see_its_kind() {
    let house = two_workspaces().await;
    let party = &house.owner;
    let mut pool = Pool::of(&house.schema, party).await;
    pool.replenish(&house.schema, party).await;
    let guests = guests(party).await;
    for kind in house.schema.node_types() {
        let need = right::kind(kind).unwrap_or_else(|| panic!("{kind} is not in the table of rights"));
        let variables = json!({"id": pool.types[kind][0]});
        let query = "query Q($id: ID!) { node(id: $id) { __typename } }".to_owned();
        let operation = Operation { query, variables };
        for guest in &guests {
            let answer = party.send(&guest.token, &operation).await;
            match guest.refusal(need) {
                Some(expected) => assert_eq!(code(&answer), expected, "{kind} of {}: {answer}", guest.name),
                None if kind == "Session" && !guest.manages_members() => {
                    assert_eq!(answer, json!({"data": {"node": null}}), "another's, of {}", guest.name);
                }
                None => assert_eq!(answer, json!({"data": {"node": {"__typename": kind}}}), "{kind} of {}", guest.name),
            }
        }
    }
    house.server.stop().await;
}

fn kinds(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(value["__typename"].as_str().map(str::to_owned));
            members.values().for_each(|value| kinds(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| kinds(item, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_no_way_leads_from_the_inbox_to_the_settings() {
    let house = two_workspaces().await;
    let viewer = house.owner.member(Role::Viewer, false).await;
    let mut shown = Vec::new();
    for field in house.schema.roots("Query").iter().filter(|field| field.is_plain()) {
        let operation = house.schema.operation("Query", field, None, &page);
        kinds(&house.owner.send(&viewer, &operation).await, &mut shown);
    }
    let settings: Vec<_> = shown.iter().filter(|kind| is_of_settings(kind)).collect();
    assert!(shown.len() > 500 && settings.is_empty(), "{settings:?} of {}", shown.len());
    house.server.stop().await;
}
