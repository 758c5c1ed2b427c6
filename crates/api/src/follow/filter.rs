//! Filters for live events: by type, and by the conversation before and after the event.

use inlet_domain::{
    ids::{ChannelId, ContactId, ConversationId, LabelId, MemberId, TeamId},
    model::{
        channel::Medium,
        conversation::{ConversationStatus, Priority},
    },
};
use inlet_store::log::{Facets, State};

use super::entry::LiveEntry;
use crate::follow::Membership;

/// A filter for events. An event must match every list that is not empty. It must have the value in question: an event
/// without a conversation does not match a filter for a status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Type names, or patterns such as `message.*`.
    pub types: Vec<String>,
    pub statuses: Vec<ConversationStatus>,
    pub priorities: Vec<Priority>,
    pub assignees: Vec<MemberId>,
    /// Conversations without an assignee, in addition to those of `assignees`.
    pub unassigned: bool,
    pub teams: Vec<TeamId>,
    pub labels: Vec<LabelId>,
    pub channels: Vec<ChannelId>,
    pub media: Vec<Medium>,
    pub contacts: Vec<ContactId>,
    pub conversations: Vec<ConversationId>,
}

fn any<T: PartialEq>(wanted: &[T], found: Option<&T>) -> bool {
    wanted.is_empty() || found.is_some_and(|found| wanted.contains(found))
}

impl Matcher {
    /// Whether an event is sent, and its membership under this filter. An event without a conversation has no
    /// membership.
    #[must_use]
    pub fn membership(&self, entry: &LiveEntry) -> Option<Option<Membership>> {
        if !self.wants_type(&entry.log.kind) {
            return None;
        }
        let standing = entry.standing();
        let matches = |facets: &Option<Facets>| facets.as_ref().is_some_and(|facets| self.matches(facets));
        let membership = match (matches(&standing.before), matches(&standing.after)) {
            (false, false) => return None,
            (false, true) => Membership::Entered,
            (true, true) => Membership::Inside,
            (true, false) => Membership::Left,
        };
        Some(entry.log.conversation_id.map(|_| membership))
    }

    fn wants_type(&self, kind: &str) -> bool {
        let wants = |pattern: &String| match pattern.strip_suffix('*') {
            Some(entity) => kind.starts_with(entity),
            None => pattern == kind,
        };
        self.types.is_empty() || self.types.iter().any(wants)
    }

    fn matches(&self, facets: &Facets) -> bool {
        any(&self.conversations, facets.conversation.as_ref())
            && any(&self.channels, facets.channel.as_ref())
            && any(&self.media, facets.medium.as_ref())
            && any(&self.contacts, facets.contact.as_ref())
            && match &facets.state {
                Some(state) => self.matches_state(state),
                None => !self.asks_for_state(),
            }
    }

    fn asks_for_state(&self) -> bool {
        self.unassigned
            || !(self.statuses.is_empty()
                && self.priorities.is_empty()
                && self.assignees.is_empty()
                && self.teams.is_empty()
                && self.labels.is_empty())
    }

    fn matches_state(&self, state: &State) -> bool {
        let is_assigned = match &state.assignee_id {
            Some(assignee) => self.assignees.contains(assignee) || (self.assignees.is_empty() && !self.unassigned),
            None => self.unassigned || self.assignees.is_empty(),
        };
        is_assigned
            && any(&self.statuses, Some(&state.status))
            && any(&self.priorities, Some(&state.priority))
            && any(&self.teams, state.team_id.as_ref())
            && (self.labels.is_empty() || self.labels.iter().any(|label| state.label_ids.contains(label)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn state(assignee: Option<u128>) -> State {
        State {
            status: ConversationStatus::Open,
            priority: Priority::Normal,
            assignee_id: assignee.map(|id| MemberId(Uuid::from_u128(id))),
            team_id: None,
            label_ids: vec![LabelId(Uuid::from_u128(7)), LabelId(Uuid::from_u128(8))],
        }
    }

    fn facets(assignee: Option<u128>) -> Facets {
        Facets { state: Some(state(assignee)), medium: Some(Medium::Sms), ..Facets::default() }
    }

    #[test]
    fn of_a_list_any_and_of_lists_all() {
        let label = |id| LabelId(Uuid::from_u128(id));
        let filter = Matcher { labels: vec![label(8), label(9)], media: vec![Medium::Sms], ..Matcher::default() };
        assert!(filter.matches(&facets(None)));
        assert!(!Matcher { labels: vec![label(9)], ..filter.clone() }.matches(&facets(None)));
        assert!(!Matcher { media: vec![Medium::Voice], ..filter.clone() }.matches(&facets(None)));
        assert!(!Matcher { teams: vec![TeamId(Uuid::from_u128(1))], ..filter }.matches(&facets(None)));
    }

    #[test]
    fn unassigned_stands_beside_the_assignees() {
        let one = MemberId(Uuid::from_u128(1));
        for (assignees, unassigned, expected) in [
            (vec![], false, [true, true, true]),
            (vec![], true, [true, false, false]),
            (vec![one], false, [false, true, false]),
            (vec![one], true, [true, true, false]),
        ] {
            let filter = Matcher { assignees, unassigned, ..Matcher::default() };
            assert_eq!([None, Some(1), Some(2)].map(|id| filter.matches(&facets(id))), expected, "{filter:?}");
        }
    }

    #[test]
    fn what_is_about_no_conversation_passes_what_asks_for_no_conversation() {
        let contact = ContactId(Uuid::from_u128(3));
        let of_contact = Facets { contact: Some(contact), ..Facets::default() };
        assert!(Matcher::default().matches(&of_contact));
        assert!(Matcher { contacts: vec![contact], ..Matcher::default() }.matches(&of_contact));
        assert!(!Matcher { contacts: vec![contact], unassigned: true, ..Matcher::default() }.matches(&of_contact));
        assert!(!Matcher { media: vec![Medium::Sms], ..Matcher::default() }.matches(&of_contact));
    }

    #[test]
    fn types_are_names_or_an_entity_with_a_star() {
        let filter = Matcher { types: vec!["message.*".into(), "contact.merged".into()], ..Matcher::default() };
        assert!(filter.wants_type("message.status_changed") && filter.wants_type("contact.merged"));
        assert!(!filter.wants_type("contact.created") && !filter.wants_type("messages.created"));
    }
}
