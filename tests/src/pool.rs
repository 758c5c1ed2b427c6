//! What a workspace has, as it is shown to its owner: ids of every kind, and cursors of every list.

use std::collections::BTreeMap;

use inlet_domain::{
    ids::{MemberId, SessionId},
    model::right::Role,
};
use serde_json::{Value, json};

use crate::{
    SeededWorkspace, database,
    operation::Operation,
    schema::{Field, Input, Schema},
};

/// Ids and cursors, in the order in which they were seen.
#[derive(Debug, Default, Clone)]
pub struct Pool {
    /// By their prefix: `conv`.
    pub ids: BTreeMap<String, Vec<String>>,
    /// By their type: `Conversation`.
    pub types: BTreeMap<String, Vec<String>>,
    /// By the list that gave them: `conversations`.
    pub cursors: BTreeMap<String, Vec<String>>,
    /// Of each channel and each provider account: the account, its provider, and a source of it.
    kin: BTreeMap<String, [Value; 3]>,
    /// Contacts that were merged into others.
    merged: Vec<String>,
    /// Of messages: their conversation.
    homes: BTreeMap<String, String>,
    /// The source that was made last: it has heard nothing.
    silent: Option<String>,
    /// Tokens that work once: of an invitation, and for a new password.
    tokens: Option<[String; 2]>,
}

/// Whether it is a global id: a short word, `_`, and 26 characters.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let Some((prefix, rest)) = text.rsplit_once('_') else { return false };
    (1..=8).contains(&prefix.len())
        && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
        && rest.len() == 26
        && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Whether nothing was refused.
#[must_use]
pub fn is_granted(answer: &Value) -> bool {
    answer.get("errors").is_none() && answer.get("data").is_some()
}

/// How long pages are: what a row may show costs too much for longer ones.
#[must_use]
pub fn page(field: &Field, path: &str, _: &Input) -> Option<Value> {
    (path == "first" && field.ty.name.ends_with("Connection")).then(|| json!(10))
}

fn push(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|known| known == text) {
        list.push(text.to_owned());
    }
}

impl Pool {
    /// All that the lists of a party show. What the party's own key is stays out, so that no probe ends it.
    pub async fn of(schema: &Schema, party: &SeededWorkspace) -> Self {
        let mut pool = Self::default();
        for field in schema.roots("Query").iter().filter(|field| field.is_plain() && field.name != "viewer") {
            let answer = party.ask(&schema.operation("Query", field, None, &page)).await;
            assert!(is_granted(&answer), "{}: {}", field.name, answer["errors"]);
            pool.gather(&answer["data"]);
        }
        // Sources that heard something come before those that were made for earlier probes.
        for list in [pool.ids.get_mut("src"), pool.types.get_mut("Source")].into_iter().flatten() {
            list.reverse();
        }
        // These stand deeper in the lists than they are looked through.
        let deeper = "{ contacts(first: 10) { nodes { identities { nodes { __typename id } } } } \
                      conversations(first: 50) { nodes { messages(last: 20) { nodes { \
                      attachments { nodes { __typename id } } statusHistory { nodes { __typename id } } } } } } }";
        let answer = party.ask(&Operation { query: deeper.into(), variables: json!({}) }).await;
        pool.gather(&answer["data"]);
        pool.kin(party).await;
        pool.homes(party, 40).await;
        let own = party.ask(&Operation { query: "{ viewer { apiKey { id } } }".into(), variables: json!({}) }).await;
        let own = own["data"]["viewer"]["apiKey"]["id"].as_str().unwrap().to_owned();
        let lists = pool.ids.values_mut().chain(pool.types.values_mut());
        lists.for_each(|list| list.retain(|id| *id != own));
        pool
    }

    /// Takes note of every id and every cursor of an answer.
    pub fn gather(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                if let (Some(name), Some(id)) = (value["__typename"].as_str(), value["id"].as_str()) {
                    push(self.types.entry(name.to_owned()).or_default(), id);
                }
                for (name, value) in members {
                    for edge in value["edges"].as_array().into_iter().flatten() {
                        push(self.cursors.entry(name.clone()).or_default(), edge["cursor"].as_str().unwrap());
                    }
                    self.gather(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.gather(item)),
            Value::String(text) if is_id(text) => {
                let prefix = text.split('_').next().unwrap_or_default().to_owned();
                push(self.ids.entry(prefix).or_default(), text);
            }
            _ => {}
        }
    }

    /// Objects to try of each kind of id: the newest that were shown themselves, then those that were only named.
    #[must_use]
    pub fn candidates(&self, most: usize) -> Vec<(&String, Vec<&String>)> {
        let shown: Vec<&String> = self.types.values().flatten().collect();
        let kinds = self.ids.iter().map(|(prefix, ids)| {
            let (first, rest): (Vec<&String>, Vec<&String>) = ids.iter().rev().partition(|id| shown.contains(id));
            (prefix, first.into_iter().chain(rest).take(most).collect())
        });
        kinds.collect()
    }

    async fn kin(&mut self, party: &SeededWorkspace) {
        let query = "{ channels(first: 100) { nodes { id providerAccount { id provider } } } \
                     sources(first: 100) { nodes { id providerAccount { id provider } } } }";
        let answer = party.ask(&Operation { query: query.into(), variables: json!({}) }).await;
        for source in answer["data"]["sources"]["nodes"].as_array().unwrap() {
            let account = &source["providerAccount"];
            let kin = [account["id"].clone(), account["provider"].clone(), source["id"].clone()];
            self.kin.insert(account["id"].as_str().unwrap().to_owned(), kin);
        }
        for channel in answer["data"]["channels"]["nodes"].as_array().unwrap() {
            let kin = self.kin.get(channel["providerAccount"]["id"].as_str().unwrap()).cloned();
            self.kin.extend(kin.map(|kin| (channel["id"].as_str().unwrap().to_owned(), kin)));
        }
    }

    /// Takes note of the messages of the latest conversations, so many of them.
    async fn homes(&mut self, party: &SeededWorkspace, latest: usize) {
        let query =
            "query Q($n: Int!) { conversations(first: $n) { nodes { id messages(last: 10) { nodes { id } } } } }";
        let answer = party.ask(&Operation { query: query.into(), variables: json!({"n": latest}) }).await;
        for conversation in answer["data"]["conversations"]["nodes"].as_array().unwrap() {
            for message in conversation["messages"]["nodes"].as_array().unwrap() {
                let [message, home] = [message, conversation].map(|it| it["id"].as_str().unwrap().to_owned());
                push(self.ids.entry("msg".to_owned()).or_default(), &message);
                self.homes.insert(message, home);
            }
        }
    }

    /// New objects that mutations may use up, their ids last in the pool.
    pub async fn replenish(&mut self, schema: &Schema, party: &SeededWorkspace) {
        self.inbox(schema, party).await;
        self.homes(party, 4).await;
        // Those that heard something come next after the newest.
        if let Some(silent) = self.silent.take() {
            for list in [self.ids.get_mut("src"), self.types.get_mut("Source")].into_iter().flatten() {
                list.retain(|id| *id != silent);
            }
        }
        let made = [party.source().await, party.webhook().await];
        self.silent = Some(made[0].clone());
        self.gather(&json!(made));
        push(self.types.entry("Source".into()).or_default(), &made[0]);
        push(self.types.entry("Webhook".into()).or_default(), &made[1]);
        let query = "mutation Q($k: String!) { createApiKey(input: {name: \"probe\", scopes: [READ], idempotencyKey: $k}) \
                     { apiKey { __typename id } } }";
        let made = party.ask(&Operation { query: query.into(), variables: json!({"k": database::unique()}) }).await;
        self.gather(&made["data"]);
        let (invitation, token) = party.invitation().await;
        self.gather(&json!(invitation));
        push(self.types.entry("Invitation".into()).or_default(), &invitation);
        self.tokens = Some([token, party.reset().await]);
        // One who can be given a conversation.
        party.member(Role::Agent, false).await;
        let (member, session) = (party.newest("member").await, party.newest("session").await);
        self.gather(&json!(MemberId(member).to_string()));
        push(self.types.entry("Member".into()).or_default(), &MemberId(member).to_string());
        push(self.types.entry("Session".into()).or_default(), &SessionId(session).to_string());
    }

    /// New contacts with a conversation each, one of them merged into the next, and a label on the last conversation.
    async fn inbox(&mut self, schema: &Schema, party: &SeededWorkspace) {
        for _ in 0..4 {
            party.hear_marked().await;
        }
        for list in ["conversations", "contacts"] {
            let mut newest = party.ask(&schema.operation("Query", schema.root("Query", list), None, &page)).await;
            // The newest last, as a mutation is given the last of the pool.
            newest["data"][list]["edges"].as_array_mut().unwrap().reverse();
            self.gather(&newest["data"]);
        }
        let contacts: Vec<String> = self.types["Contact"].iter().rev().take(4).cloned().collect();
        let query =
            "mutation Q($c: ID!, $i: ID!) { mergeContacts(input: {contactId: $c, intoId: $i}) { contact { id } } }";
        let variables = json!({"c": contacts[3], "i": contacts[2]});
        let merged = party.ask(&Operation { query: query.into(), variables }).await;
        assert!(is_granted(&merged), "{merged}");
        self.merged.push(contacts[3].clone());
        let query = "mutation Q($k: String!) { createLabel(input: {name: $k, idempotencyKey: $k}) { label { __typename id } } }";
        let variables = json!({"k": format!("{} {}", party.mark, database::unique())});
        self.gather(&party.ask(&Operation { query: query.into(), variables }).await["data"]);
        let query =
            "mutation Q($c: ID!, $l: ID!) { addLabels(input: {id: $c, labelIds: [$l]}) { conversation { id } } }";
        let variables = json!({"c": self.types["Conversation"].last(), "l": self.types["Label"].last()});
        let labelled = party.ask(&Operation { query: query.into(), variables }).await;
        assert!(is_granted(&labelled), "{labelled}");
    }

    /// An object of the pool's owner for a place that an operation cannot do without, and values for places of which
    /// some value of their type would be refused. `probed` is the id that the operation is about, where it is one.
    #[must_use]
    pub fn fill(&self, schema: &Schema, field: &Field, path: &str, input: &Input, probed: &str) -> Option<Value> {
        let kin = || self.kin.get(probed).or_else(|| self.kin.values().next());
        match (field.name.as_str(), path) {
            ("registerWebhook" | "updateWebhook" | "previewComposition", "input.url") => {
                return Some(json!("http://127.0.0.1:9/"));
            }
            ("eventSchema", "type") => return Some(json!("message.created")),
            ("replayInboundEvents", "input.limit") => return Some(json!(2)),
            ("createSource", "input.verification") => return Some(json!("NONE")),
            // No one gives what they do not hold.
            ("createApiKey", "input.scopes") => return Some(json!(["ADMIN"])),
            ("inviteMember", "input.role") => return Some(json!("VIEWER")),
            ("inviteMember" | "requestPasswordReset", "input.email") => {
                return Some(json!(format!("{}@example.test", database::unique())));
            }
            ("acceptInvitation", "input.token") => return self.tokens.as_ref().map(|tokens| json!(tokens[0])),
            ("resetPassword", "input.token") => return self.tokens.as_ref().map(|tokens| json!(tokens[1])),
            ("acceptInvitation", "input.password") | ("resetPassword", "input.newPassword") => {
                return Some(json!("a lamp under seven hedgehogs"));
            }
            ("createSource", "input.providerAccountId") if probed.starts_with("chan_") => {
                return Some(kin()?[0].clone());
            }
            ("createSource", "input.provider") => return Some(kin()?[1].clone()),
            // What is decided of a conversation needs to be something.
            ("assignConversation", "input.memberId") => return Some(json!(null)),
            ("snoozeConversation", "input.until") => return Some(json!("2099-01-01T00:00:00.000Z")),
            ("createLabel", "input.name") => return Some(json!(database::unique())),
            ("mergeContacts", "input.contactId" | "input.intoId") => {
                let whole = self.types["Contact"].iter().rev().filter(|id| *id != probed && !self.merged.contains(id));
                return whole.skip(usize::from(path == "input.intoId")).map(|id| json!(id)).next();
            }
            ("markRead", "input.id") if self.homes.contains_key(probed) => return Some(json!(self.homes[probed])),
            ("unmergeContacts", "input.contactId") => return self.merged.last().map(|id| json!(id)),
            ("updateSource", "input.id") if probed.starts_with("chan_") => return Some(kin()?[2].clone()),
            _ => {}
        }
        if let Some(size) = page(field, path, input) {
            return Some(size);
        }
        if input.ty.name != "ID" || !input.is_needed() {
            return None;
        }
        let last = path.rsplit('.').next().unwrap_or_default();
        let hint = if last == "id" || last == "ids" { field.name.as_str() } else { last };
        let hint = match hint {
            "setPriority" | "addLabels" | "removeLabels" | "markRead" | "markUnread" => "conversation".to_owned(),
            hint => hint.trim_end_matches("Ids").trim_end_matches("Id").to_lowercase(),
        };
        let fits = |name: &&String| hint.contains(&name.to_lowercase());
        let kind = schema.node_types().iter().filter(fits).max_by_key(|name| name.len());
        let kind = kind.unwrap_or_else(|| panic!("which object is {path} of {}? say so in Pool::fill", field.name));
        let id = self.types.get(kind).and_then(|ids| ids.last());
        let id =
            id.unwrap_or_else(|| panic!("{path} of {} needs a {kind}: make one in SeededWorkspace::fill", field.name));
        Some((0..input.ty.lists).fold(json!(id), |value, _| json!([value])))
    }
}
