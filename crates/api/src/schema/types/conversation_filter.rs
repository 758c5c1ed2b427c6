//! Which conversations a list shows, and which events a subscriber follows.

use async_graphql::{ID, InputObject};
use inlet_domain::event::{EventType, pattern};
use inlet_store::records::conversations;

use super::{enums, node::typed, scalars::DateTime};
use crate::{
    error::{ApiError, ErrorCode},
    follow::filter::Matcher,
};

/// Which conversations are wanted. The values of each member mean "any of"; an empty or absent one means all.
#[derive(InputObject, Default)]
pub struct ConversationFilter {
    /// Where they stand.
    #[graphql(default)]
    status: Vec<enums::ConversationStatus>,
    /// How urgent they are.
    #[graphql(default)]
    priority: Vec<enums::Priority>,
    /// Who has them.
    #[graphql(default)]
    assignee_id: Vec<ID>,
    /// True: those that no one has; with `assigneeId`, beside those.
    #[graphql(default)]
    unassigned: bool,
    /// Which teams have them.
    #[graphql(default)]
    team_id: Vec<ID>,
    /// On which channels.
    #[graphql(default)]
    channel_id: Vec<ID>,
    /// On which media.
    #[graphql(default)]
    medium: Vec<enums::Medium>,
    /// With whom.
    #[graphql(default)]
    contact_id: Vec<ID>,
    /// With one of these labels.
    #[graphql(default)]
    label_id: Vec<ID>,
    /// True: those that hold what no one has read.
    #[graphql(default)]
    unread: bool,
    /// Those in which something happened at this time or later.
    active_since: Option<DateTime>,
    /// Those in which nothing happened at this time or later.
    active_before: Option<DateTime>,
}

/// Which events are wanted. The values of each member mean "any of"; an empty or absent one means all. But for `types`
/// and `conversationId` the members are those of `ConversationFilter`, so that a list's own filter can be followed: an
/// event of a conversation is sent where the conversation matched before it or matches after it, and its `membership`
/// tells which. Of what is about no conversation, `contactId`, `channelId` and `medium` ask for what it has of them, and
/// all else lets nothing through.
#[derive(InputObject, Default)]
pub struct EventFilter {
    /// Types of events, such as `message.created`, or all of an entity, such as `message.*`.
    #[graphql(default)]
    types: Vec<String>,
    /// Which conversations.
    #[graphql(default)]
    conversation_id: Vec<ID>,
    /// Where they stand.
    #[graphql(default)]
    status: Vec<enums::ConversationStatus>,
    /// How urgent they are.
    #[graphql(default)]
    priority: Vec<enums::Priority>,
    /// Who has them.
    #[graphql(default)]
    assignee_id: Vec<ID>,
    /// True: those that no one has; with `assigneeId`, beside those.
    #[graphql(default)]
    unassigned: bool,
    /// Which teams have them.
    #[graphql(default)]
    team_id: Vec<ID>,
    /// On which channels.
    #[graphql(default)]
    channel_id: Vec<ID>,
    /// On which media.
    #[graphql(default)]
    medium: Vec<enums::Medium>,
    /// With whom.
    #[graphql(default)]
    contact_id: Vec<ID>,
    /// With one of these labels.
    #[graphql(default)]
    label_id: Vec<ID>,
    /// Cannot be followed: true is refused with `FILTER_NOT_LIVE`.
    #[graphql(default)]
    unread: bool,
    /// Cannot be followed, for it changes without an event: refused with `FILTER_NOT_LIVE`.
    active_since: Option<DateTime>,
    /// Cannot be followed, for it changes without an event: refused with `FILTER_NOT_LIVE`.
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
    /// Where an id is none of its kind.
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
    /// As events are held against it.
    ///
    /// # Errors
    /// `FILTER_NOT_LIVE` where it asks for what cannot be followed; where a type is none or an id is none of its kind.
    pub fn into_matcher(self) -> Result<Matcher, ApiError> {
        let unfollowed = [
            ("unread", self.unread),
            ("activeSince", self.active_since.is_some()),
            ("activeBefore", self.active_before.is_some()),
        ];
        if let Some((field, _)) = unfollowed.iter().find(|(_, is_asked)| *is_asked) {
            let message = format!("`{field}` cannot be followed: leave it out and read the list anew now and then");
            return Err(ApiError::at(ErrorCode::FilterNotLive, format!("filter.{field}"), message));
        }
        if let Some(unknown) = self.types.iter().find(|pattern| !pattern::is_pattern_of(EventType::ALL, pattern)) {
            let shown: String = unknown.chars().take(64).collect();
            let message =
                format!("`{shown}` is no type of event: `eventTypes` lists them; `message.*` is all of one entity");
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
