//! Filters for conversations and live events.

use async_graphql::{ID, InputObject};
use inlet_domain::event::{EventType, pattern};
use inlet_store::records::conversations;

use super::{enums, node::typed, scalars::DateTime};
use crate::{
    error::{ApiError, ErrorCode},
    follow::filter::Matcher,
};

/// Filter for conversations. A conversation must match every field that is set. A list matches any of its values; an
/// empty list matches every conversation.
#[derive(InputObject, Default)]
pub struct ConversationFilter {
    /// Lifecycle statuses.
    #[graphql(default)]
    status: Vec<enums::ConversationStatus>,
    /// Priorities.
    #[graphql(default)]
    priority: Vec<enums::Priority>,
    /// Global ids of assigned members.
    #[graphql(default)]
    assignee_id: Vec<ID>,
    /// If true, match conversations without an assignee. Together with `assigneeId`, match either.
    #[graphql(default)]
    unassigned: bool,
    /// Global ids of teams.
    #[graphql(default)]
    team_id: Vec<ID>,
    /// Global ids of channels.
    #[graphql(default)]
    channel_id: Vec<ID>,
    /// Media of the channels.
    #[graphql(default)]
    medium: Vec<enums::Medium>,
    /// Global ids of contacts.
    #[graphql(default)]
    contact_id: Vec<ID>,
    /// Global ids of labels: the conversation has one of them.
    #[graphql(default)]
    label_id: Vec<ID>,
    /// If true, match only conversations with inbound messages that no one has read.
    #[graphql(default)]
    unread: bool,
    /// Earliest last activity, inclusive.
    active_since: Option<DateTime>,
    /// Latest last activity, exclusive.
    active_before: Option<DateTime>,
}

/// Filter for live events. The fields are those of `ConversationFilter`, with `types` and `conversationId`, so a client
/// can follow a list with the list's own filter. An event must match every field that is set. A list matches any of its
/// values; an empty list matches every event. An event of a conversation is sent if the conversation matched before the
/// event or matches after it; `membership` tells which. An event without a conversation can match `types`, and
/// `contactId`, `channelId` and `medium` if it has such a value; any other field excludes it.
#[derive(InputObject, Default)]
pub struct EventFilter {
    /// Event types, such as `message.created`, or all types of an entity, such as `message.*`.
    #[graphql(default)]
    types: Vec<String>,
    /// Global ids of conversations.
    #[graphql(default)]
    conversation_id: Vec<ID>,
    /// Lifecycle statuses.
    #[graphql(default)]
    status: Vec<enums::ConversationStatus>,
    /// Priorities.
    #[graphql(default)]
    priority: Vec<enums::Priority>,
    /// Global ids of assigned members.
    #[graphql(default)]
    assignee_id: Vec<ID>,
    /// If true, match conversations without an assignee. Together with `assigneeId`, match either.
    #[graphql(default)]
    unassigned: bool,
    /// Global ids of teams.
    #[graphql(default)]
    team_id: Vec<ID>,
    /// Global ids of channels.
    #[graphql(default)]
    channel_id: Vec<ID>,
    /// Media of the channels.
    #[graphql(default)]
    medium: Vec<enums::Medium>,
    /// Global ids of contacts.
    #[graphql(default)]
    contact_id: Vec<ID>,
    /// Global ids of labels: the conversation has one of them.
    #[graphql(default)]
    label_id: Vec<ID>,
    /// Not available for live events: true is refused with `FILTER_NOT_LIVE`.
    #[graphql(default)]
    unread: bool,
    /// Not available for live events, because it changes without an event: a value is refused with `FILTER_NOT_LIVE`.
    active_since: Option<DateTime>,
    /// Not available for live events, because it changes without an event: a value is refused with `FILTER_NOT_LIVE`.
    active_before: Option<DateTime>,
}

fn typed_ids<I: std::str::FromStr<Err = inlet_domain::ids::InvalidId>>(
    path: &str,
    ids: &[ID],
) -> Result<Vec<I>, ApiError> {
    ids.iter().map(|id| typed(path, id)).collect()
}

impl ConversationFilter {
    /// As the store takes it.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for an id of another kind.
    pub fn into_store(self) -> Result<conversations::Filter, ApiError> {
        Ok(conversations::Filter {
            statuses: self.status.into_iter().map(Into::into).collect(),
            priorities: self.priority.into_iter().map(Into::into).collect(),
            assignees: typed_ids("filter.assigneeId", &self.assignee_id)?,
            unassigned: self.unassigned,
            teams: typed_ids("filter.teamId", &self.team_id)?,
            channels: typed_ids("filter.channelId", &self.channel_id)?,
            media: self.medium.into_iter().map(Into::into).collect(),
            contacts: typed_ids("filter.contactId", &self.contact_id)?,
            labels: typed_ids("filter.labelId", &self.label_id)?,
            unread: self.unread,
            active_since: self.active_since.map(|time| time.0),
            active_before: self.active_before.map(|time| time.0),
        })
    }
}

impl EventFilter {
    /// As events are matched against it.
    ///
    /// # Errors
    /// `FILTER_NOT_LIVE` for a field that cannot be followed; `BAD_USER_INPUT` for an unknown event type or an id of another kind.
    pub fn into_matcher(self) -> Result<Matcher, ApiError> {
        let unfollowed = [
            ("unread", self.unread),
            ("activeSince", self.active_since.is_some()),
            ("activeBefore", self.active_before.is_some()),
        ];
        if let Some((field, _)) = unfollowed.iter().find(|(_, is_asked)| *is_asked) {
            let message =
                format!("`{field}` cannot filter live events: leave it out, and query the list from time to time");
            return Err(ApiError::at(ErrorCode::FilterNotLive, format!("filter.{field}"), message));
        }
        if let Some(unknown) = self.types.iter().find(|pattern| !pattern::is_pattern_of(EventType::ALL, pattern)) {
            let shown: String = unknown.chars().take(64).collect();
            let message =
                format!("`{shown}` is not an event type: use one of `eventTypes`, or a pattern such as `message.*`");
            return Err(ApiError::input("filter.types", message));
        }
        Ok(Matcher {
            types: self.types,
            statuses: self.status.into_iter().map(Into::into).collect(),
            priorities: self.priority.into_iter().map(Into::into).collect(),
            assignees: typed_ids("filter.assigneeId", &self.assignee_id)?,
            unassigned: self.unassigned,
            teams: typed_ids("filter.teamId", &self.team_id)?,
            labels: typed_ids("filter.labelId", &self.label_id)?,
            channels: typed_ids("filter.channelId", &self.channel_id)?,
            media: self.medium.into_iter().map(Into::into).collect(),
            contacts: typed_ids("filter.contactId", &self.contact_id)?,
            conversations: typed_ids("filter.conversationId", &self.conversation_id)?,
        })
    }
}
