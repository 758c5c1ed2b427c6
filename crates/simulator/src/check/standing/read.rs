//! Reads the lists into the terms of the model.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::{Entity, Stuck, pages::Pages};
use crate::{
    claim::{Kind, Token, hidden, told_beside},
    graphql::{items, text},
};

/// The names of a message: its provider's id with its medium, else its text.
pub(super) fn message_names(medium: &str, external_id: Option<&str>, content: Option<&str>) -> Vec<String> {
    match (external_id, content) {
        (Some(id), _) => vec![format!("{medium}/{id}")],
        (None, Some(text)) => vec![format!("text/{text}")],
        (None, None) => Vec::new(),
    }
}

fn of(node: &Value, members: &[&'static str]) -> BTreeMap<&'static str, Value> {
    members.iter().map(|member| (*member, node[*member].clone())).collect()
}

fn optional(node: &Value) -> Option<String> {
    node.as_str().map(str::to_owned)
}

fn digits(number: &str) -> &str {
    number.strip_prefix('+').unwrap_or(number)
}

pub(super) fn entities(run: &str, pages: &Pages) -> Vec<Entity> {
    let mut entities: Vec<Entity> = pages.contacts.iter().map(contact).collect();
    name_hidden(run, &mut entities, &pages.conversations);
    let contacts: HashMap<String, Value> =
        entities.iter().map(|contact| (contact.id.clone(), json!(contact.names))).collect();
    let holders = |node: &Value| contacts.get(&text(&node["id"])).cloned().unwrap_or_default();
    for conversation in &pages.conversations {
        let medium = text(&conversation["channel"]["medium"]);
        for message in items(&conversation["messages"]["nodes"]) {
            let names = names_of(run, &medium, message);
            let name = names.first().cloned().unwrap_or_default();
            entities.extend(files(message, &name));
            let mut shown = self::message(message, conversation);
            shown.insert("author", holders(&message["author"]));
            entities.push(Entity { kind: Kind::Message, id: text(&message["id"]), names, members: shown });
        }
        let mut members = of(conversation, &["status", "unread", "lastMessageAt", "waitingSince", "closedAt"]);
        members.insert("lastMessage", conversation["lastMessage"]["id"].clone());
        members.insert("channel", conversation["channel"]["id"].clone());
        members.insert("contactId", conversation["contact"]["id"].clone());
        members.insert("contact", holders(&conversation["contact"]));
        members.insert("group", conversation["group"]["externalId"].clone());
        let names = optional(&conversation["externalId"]).map(|id| format!("oblic:{id}"));
        let names = names.filter(|_| medium == "WEBCHAT").into_iter().collect();
        entities.push(Entity { kind: Kind::Conversation, id: text(&conversation["id"]), names, members });
    }
    for (list, nodes) in &pages.others {
        entities.extend(nodes.iter().filter_map(|node| other(list, node, &holders)));
    }
    entities
}

/// Inlet invents the addresses of hidden senders, so the messages of their conversations name such contacts.
fn name_hidden(run: &str, contacts: &mut [Entity], conversations: &[Value]) {
    let mut places: HashMap<String, &mut Entity> = contacts
        .iter_mut()
        .filter(|contact| contact.names.iter().any(|name| name.starts_with(HIDDEN)))
        .map(|contact| (contact.id.clone(), contact))
        .collect();
    for contact in places.values_mut() {
        contact.names.retain(|name| !name.starts_with(HIDDEN));
    }
    for conversation in conversations {
        let Some(contact) = places.get_mut(&text(&conversation["contact"]["id"])) else { continue };
        let medium = text(&conversation["channel"]["medium"]);
        for message in items(&conversation["messages"]["nodes"]) {
            contact.names.extend(names_of(run, &medium, message).iter().map(|name| hidden(name)));
        }
    }
}

const HIDDEN: &str = "PROVIDER_CONVERSATION/hidden:";

pub(super) fn stuck(run: &str, pages: &Pages) -> Vec<Stuck> {
    let stuck = |node: &Value| Stuck {
        at: text(&node["receivedAt"]),
        is_unrecognised: node["outcome"] == json!("UNRECOGNISED"),
        why: format!("{} {}: {}", text(&node["outcome"]), text(&node["event"]), text(&node["error"])),
        tokens: Token::all_in(run, &node["request"]["body"]),
    };
    pages.stuck.iter().map(stuck).collect()
}

fn contact(node: &Value) -> Entity {
    let identities = items(&node["identities"]["nodes"]);
    let is_customer = identities.iter().any(|identity| identity["kind"] == json!("PROVIDER_CONVERSATION"));
    let names = identities.iter().map(|identity| {
        let value = identity["value"].as_str().unwrap_or_default();
        let kind = text(&identity["kind"]);
        // OneRoute's key of a customer is an address of that account alone, even if others have that address (OR-3).
        if kind == "EMAIL" && is_customer {
            return format!("CUSTOMER/{value}");
        }
        // A provider's id has a prefix for its kind; `original` holds the id as it was written.
        let own = identity["original"].as_str().filter(|_| kind == "PROVIDER_USER").unwrap_or(value);
        format!("{kind}/{}", digits(own))
    });
    let members = of(node, &["name", "phone", "email", "username"]);
    Entity { kind: Kind::Contact, id: text(&node["id"]), names: names.collect(), members }
}

fn names_of(run: &str, medium: &str, message: &Value) -> Vec<String> {
    if message["kind"] == json!("CALL") {
        return Token::all_in(run, &message["details"])
            .iter()
            .map(|token| format!("token/{}", token.as_str()))
            .collect();
    }
    message_names(medium, message["externalId"].as_str(), message["content"].as_str())
}

fn message(node: &Value, conversation: &Value) -> BTreeMap<&'static str, Value> {
    let mut members = of(
        node,
        &[
            "direction",
            "kind",
            "contentType",
            "content",
            "occurredAt",
            "occurredAtAssumed",
            "placeholder",
            "status",
            "sentAt",
            "deliveredAt",
            "readAt",
            "failedAt",
            "reactions",
        ],
    );
    members.insert("failureCode", node["failure"]["code"].clone());
    members.insert("failureText", node["failure"]["text"].clone());
    members.insert("quoted", node["quoted"]["externalId"].clone());
    members.insert("campaign", node["campaign"]["externalId"].clone());
    members.insert("conversation", conversation["id"].clone());
    let unnamed = items(&node["attachments"]["nodes"]).iter().filter(|file| file["externalId"].is_null());
    members.insert("files", unnamed.map(|file| file["url"].clone()).collect());
    let told = |one: &Value| (text(&one["part"]), text(&one["rawStatus"]), told_beside(&one["details"]));
    let mut history: Vec<_> = items(&node["statusHistory"]["nodes"]).iter().map(told).collect();
    history.sort();
    members.insert("history", json!(history));
    members
}

fn files<'a>(message: &'a Value, name: &str) -> impl Iterator<Item = Entity> + 'a {
    let name = name.to_owned();
    items(&message["attachments"]["nodes"]).iter().filter_map(move |node| {
        let external = optional(&node["externalId"])?;
        let mut members = of(node, &["kind", "url", "filename"]);
        members.insert("message", json!(name));
        let id = format!("{} of {}", external, text(&message["id"]));
        Some(Entity { kind: Kind::File, id, names: vec![external], members })
    })
}

fn other(list: &str, node: &Value, holders: &dyn Fn(&Value) -> Value) -> Option<Entity> {
    let external = || optional(&node["externalId"]).into_iter().collect::<Vec<_>>();
    let (kind, names, members) = match list {
        "groups" => (Kind::Group, external(), of(node, &["name", "description", "archivedAt", "participants"])),
        "channels" => {
            let medium = text(&node["medium"]);
            let mut names: Vec<_> = ["phone", "identifier"]
                .into_iter()
                .filter_map(|member| Some(format!("{medium}/{}", digits(node[member].as_str()?))))
                .collect();
            names.dedup();
            (Kind::Channel, names, of(node, &["identifier", "name"]))
        }
        "optOuts" => {
            let name = format!("{}/{}/{}", text(&node["medium"]), text(&node["scope"]), text(&node["value"]));
            let mut members = of(node, &["externalId", "createdAt"]);
            members.insert("contact", holders(&node["contact"]));
            let address = &node["address"];
            members
                .insert("address", json!(format!("{}/{}", text(&address["kind"]), digits(&text(&address["value"])))));
            (Kind::OptOut, vec![name], members)
        }
        "verifications" => {
            let members = of(node, &["identifier", "verified", "expiresAt", "createdAt"]);
            (Kind::Verification, external(), members)
        }
        "balanceAlerts" => {
            let name = format!("{}/{}", text(&node["firm"]), text(&node["units"]));
            (Kind::Balance, vec![name], BTreeMap::new())
        }
        "campaigns" => (Kind::Campaign, external(), of(node, &["status"])),
        _ => return None,
    };
    Some(Entity { kind, id: text(&node["id"]), names, members })
}
