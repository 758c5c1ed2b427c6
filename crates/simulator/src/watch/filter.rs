//! A watcher's filter: the contract's `EventFilter`, with an independent model of its matching.

use serde::Serialize;

use super::history::Facets;
use crate::random::Random;

/// A filter of events. Several values of one member mean "any of"; several members mean "all of".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// `message.created`, or `message.*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Values of `ConversationStatus`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Ids of members.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignee_id: Vec<String>,
    /// Only unassigned conversations.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unassigned: bool,
    /// Ids of labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub label_id: Vec<String>,
    /// Ids of channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channel_id: Vec<String>,
    /// Values of `Medium`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub medium: Vec<String>,
    /// Ids of contacts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contact_id: Vec<String>,
}

/// The ids that filters may name.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Members.
    pub members: Vec<String>,
    /// Labels.
    pub labels: Vec<String>,
    /// Channels.
    pub channels: Vec<String>,
    /// Contacts.
    pub contacts: Vec<String>,
}

const STATUSES: [&str; 5] = ["IN_QUEUE", "OPEN", "PENDING", "SNOOZED", "CLOSED"];
const MEDIA: [&str; 5] = ["WHATSAPP", "SMS", "RCS", "VIBER", "OTHER"];
const TYPES: [&str; 6] =
    ["message.*", "message.created", "conversation.*", "conversation.updated", "contact.*", "message.status_changed"];

impl Filter {
    /// A random filter; `None` in a tenth of all cases.
    pub fn any(random: &mut Random, names: &Names) -> Option<Self> {
        let mut filter = Self::default();
        match random.below(10) {
            0 => return None,
            1 => filter.types = some(random, &TYPES),
            2 => filter.status = some(random, &STATUSES),
            3 => filter.assignee_id = some(random, &names.members),
            4 => filter.unassigned = true,
            5 => filter.label_id = some(random, &names.labels),
            6 => filter.channel_id = some(random, &names.channels),
            7 => filter.medium = some(random, &MEDIA),
            8 => filter.contact_id = some(random, &names.contacts),
            _ => {}
        }
        // Half of the filters have two members, and those of the last kind always do.
        if filter == Self::default() || random.percent(50) {
            match random.below(4) {
                0 if filter.status.is_empty() => filter.status = some(random, &STATUSES),
                1 if filter.types.is_empty() => filter.types = some(random, &TYPES),
                2 if filter.label_id.is_empty() => filter.label_id = some(random, &names.labels),
                _ => filter.medium = some(random, &MEDIA),
            }
        }
        Some(filter)
    }

    /// Whether the filter includes this type.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.types.is_empty()
            || self.types.iter().any(|wanted| match wanted.strip_suffix('*') {
                Some(family) => kind.starts_with(family),
                None => kind == wanted,
            })
    }

    /// Whether a conversation in this state matches.
    #[must_use]
    pub fn matches(&self, facets: &Facets) -> bool {
        is_one(&self.status, Some(&facets.status))
            && is_one(&self.assignee_id, facets.assignee.as_deref())
            && (!self.unassigned || facets.assignee.is_none())
            && (self.label_id.is_empty() || self.label_id.iter().any(|label| facets.labels.contains(label)))
            && self.matches_around(facets)
    }

    /// Whether an event about no conversation matches. Its facets are only its channel and its contact.
    #[must_use]
    pub fn matches_alone(&self, around: &Facets) -> bool {
        let asks_for_more = self.unassigned
            || [&self.status, &self.assignee_id, &self.label_id].iter().any(|values| !values.is_empty());
        !asks_for_more && self.matches_around(around)
    }

    fn matches_around(&self, facets: &Facets) -> bool {
        is_one(&self.channel_id, facets.channel.as_deref())
            && is_one(&self.medium, facets.medium.as_deref())
            && is_one(&self.contact_id, facets.contact.as_deref())
    }
}

fn is_one(values: &[String], value: Option<&str>) -> bool {
    values.is_empty() || value.is_some_and(|value| values.iter().any(|one| one == value))
}

/// One or two of the choices.
fn some<T: AsRef<str>>(random: &mut Random, choices: &[T]) -> Vec<String> {
    let mut chosen = Vec::new();
    for _ in 0..=random.below(2) {
        if let Some(choice) = choices.get(random.below(choices.len()))
            && !chosen.iter().any(|known| known == choice.as_ref())
        {
            chosen.push(choice.as_ref().to_owned());
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_alone_or_by_its_family() {
        let filter = Filter { types: vec!["message.*".into(), "contact.merged".into()], ..Filter::default() };
        assert!(filter.wants("message.created") && filter.wants("contact.merged"));
        assert!(!filter.wants("contact.created") && !filter.wants("messages"));
        assert!(Filter::default().wants("anything"));
    }

    #[test]
    fn values_are_any_of_and_members_all_of() {
        let facets = Facets {
            status: "OPEN".into(),
            labels: ["a".to_owned()].into(),
            medium: Some("SMS".into()),
            ..Facets::default()
        };
        let filter = |status: &[&str], labels: &[&str], unassigned| Filter {
            status: status.iter().map(|word| (*word).to_owned()).collect(),
            label_id: labels.iter().map(|word| (*word).to_owned()).collect(),
            unassigned,
            ..Filter::default()
        };
        assert!(filter(&["IN_QUEUE", "OPEN"], &["b", "a"], true).matches(&facets));
        assert!(!filter(&["IN_QUEUE"], &["a"], false).matches(&facets));
        assert!(!filter(&["OPEN"], &["b"], false).matches(&facets));
        let assigned = Facets { assignee: Some("mem_1".into()), ..facets };
        assert!(!filter(&[], &[], true).matches(&assigned));
    }

    #[test]
    fn a_filter_is_written_as_the_schema_names_it() {
        let filter = Filter { assignee_id: vec!["mem_1".into()], unassigned: true, ..Filter::default() };
        assert_eq!(serde_json::to_string(&filter).unwrap(), r#"{"assigneeId":["mem_1"],"unassigned":true}"#);
    }
}
