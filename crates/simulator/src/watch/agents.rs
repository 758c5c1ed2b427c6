//! Members who change conversations while watchers follow.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use super::{World, filter::Names};
use crate::{
    SimulatorError,
    graphql::{Client, items, text},
    random::Random,
};

/// The pause between two acts of a member.
const THINK: Duration = Duration::from_millis(200);

/// The acts between two reads of the list.
const LOOK: usize = 25;

/// The counts of acts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Acts {
    /// Acts that succeeded.
    pub done: usize,
    /// Acts that were refused, or that met no server.
    pub failed: usize,
}

/// Creates members and labels, and reads the channels and some contacts.
///
/// # Errors
/// The server refuses a request.
pub async fn prepare(client: &Client) -> Result<Names, SimulatorError> {
    let mut names = Names::default();
    for word in ["ada", "bola", "chidi"] {
        let input = json!({ "email": format!("{word}@example.com"), "name": word, "role": "AGENT",
            "idempotencyKey": word });
        let invite = "mutation($input: InviteMemberInput!) { inviteMember(input: $input) { link } }";
        let invited = client.ask("inviteMember", invite, json!({ "input": input })).await?;
        let link = text(&invited["inviteMember"]["link"]);
        let token = link.rsplit('#').next().unwrap_or_default();
        let input = json!({ "token": token, "password": format!("{word} has three uncommon words") });
        let accept = "mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { member { id } } }";
        let accepted = client.ask("acceptInvitation", accept, json!({ "input": input })).await?;
        names.members.push(text(&accepted["acceptInvitation"]["member"]["id"]));
    }
    for word in ["urgent", "refund", "vip", "spam"] {
        let make = "mutation($input: CreateLabelInput!) { createLabel(input: $input) { label { id } } }";
        let input = json!({ "name": word, "idempotencyKey": word });
        let made = client.ask("createLabel", make, json!({ "input": input })).await?;
        names.labels.push(text(&made["createLabel"]["label"]["id"]));
    }
    let lists = "query { channels(first: 50) { nodes { id } } contacts(first: 50) { nodes { id } } }";
    let lists = client.ask("channels", lists, json!({})).await?;
    let ids = |list: &str| items(&lists[list]["nodes"]).iter().map(|node| text(&node["id"])).collect();
    names.channels = ids("channels");
    names.contacts = ids("contacts");
    Ok(names)
}

/// Acts until the run is over.
///
/// # Errors
/// The HTTP client cannot be built.
pub async fn act(
    world: &World,
    names: &Names,
    mut random: Random,
    mut over: watch::Receiver<bool>,
) -> Result<Acts, SimulatorError> {
    let clients: Vec<Client> = world
        .addresses
        .iter()
        .map(|address| Client::at(&format!("http://{address}/graphql"), &world.key))
        .collect::<Result<_, _>>()?;
    let mut acts = Acts::default();
    let mut seen: Vec<String> = Vec::new();
    while timeout(THINK, over.wait_for(|over| *over)).await.is_err() {
        let Some(client) = clients.get(random.below(clients.len())) else { break };
        if seen.is_empty() || (acts.done + acts.failed) % LOOK == 0 {
            let list = "query { conversations(first: 100) { nodes { id } } }";
            if let Ok(data) = client.try_once("conversations", list, json!({})).await {
                seen = items(&data["conversations"]["nodes"]).iter().map(|node| text(&node["id"])).collect();
            }
        }
        let Some(id) = seen.get(random.below(seen.len())) else { continue };
        let (name, result, input) = deed(&mut random, names, id);
        let kind =
            format!("{}{}Input", name.get(..1).unwrap_or_default().to_uppercase(), name.get(1..).unwrap_or_default());
        let mutation = format!("mutation($input: {kind}!) {{ {name}(input: $input) {{ {result} {{ id }} }} }}");
        match client.try_once(name, &mutation, json!({ "input": input })).await {
            Ok(_) => acts.done += 1,
            Err(error) => {
                tracing::debug!(%error, "an act was refused");
                acts.failed += 1;
            }
        }
    }
    Ok(acts)
}

/// A mutation: its name, its selection, and its input. The server refuses impossible ones, such as a merge of a merged
/// contact.
fn deed(random: &mut Random, names: &Names, id: &str) -> (&'static str, &'static str, Value) {
    let one = |random: &mut Random, of: &[String]| of.get(random.below(of.len())).cloned();
    match random.below(12) {
        0..3 => {
            let member = if random.percent(30) { None } else { one(random, &names.members) };
            ("assignConversation", "conversation", json!({ "id": id, "memberId": member }))
        }
        3..7 => {
            let status = random.pick(&["OPEN", "PENDING", "CLOSED", "IN_QUEUE"]).to_owned();
            ("setConversationStatus", "conversation", json!({ "id": id, "status": status }))
        }
        7..9 => ("addLabels", "conversation", json!({ "id": id, "labelIds": [one(random, &names.labels)] })),
        9 => ("removeLabels", "conversation", json!({ "id": id, "labelIds": [one(random, &names.labels)] })),
        10 => {
            let (contact, into) = (one(random, &names.contacts), one(random, &names.contacts));
            ("mergeContacts", "contact", json!({ "contactId": contact, "intoId": into }))
        }
        _ => ("unmergeContacts", "contact", json!({ "contactId": one(random, &names.contacts) })),
    }
}
