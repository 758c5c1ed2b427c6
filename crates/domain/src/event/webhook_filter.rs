//! Decides whether a webhook gets an event, and gives the reason if it does not.

use serde::{Deserialize, Serialize};

use super::pattern::wants;
use crate::{
    ids::{ChannelId, LabelId},
    model::{channel::Medium, message::Direction},
    text_enum,
};

text_enum! {
    /// The kind of actor that caused an event.
    ActorKind {
        /// A person of the workspace.
        Member = "member",
        /// An API key.
        ApiKey = "api_key",
        /// A provider's request.
        Provider = "provider",
        /// Inlet itself.
        System = "system",
    }
}

text_enum! {
    /// The reason why a webhook does not get an event.
    Miss {
        /// The webhook was registered after the event.
        RegisteredLater = "registered_later",
        /// The webhook's event types do not include this one.
        EventType = "event_type",
        /// The event is about a note or an activity, and the webhook does not include those.
        Notes = "notes",
        /// The event is of another channel, or of none.
        Channel = "channel",
        /// The event is of another medium, or of none.
        Medium = "medium",
        /// The conversation has none of the labels.
        Label = "label",
        /// The event's message has the other direction, or the event has no message.
        Direction = "direction",
        /// Another kind of actor caused the event.
        Actor = "actor",
        /// The dispatcher has not reached the event yet.
        NotYet = "not_yet",
        /// The webhook's settings match the event now, but did not when the event was dispatched.
        SetOtherwise = "set_otherwise",
    }
}

/// Conditions on an event beside its type. Several values of one member mean "any of". An empty member is no condition.
/// An event without the property does not match a condition on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookFilter {
    /// Channels.
    pub channels: Vec<ChannelId>,
    /// Media of the channels.
    pub mediums: Vec<Medium>,
    /// Labels of the conversation, before or after the event.
    pub labels: Vec<LabelId>,
    /// Directions of the message.
    pub directions: Vec<Direction>,
    /// Kinds of actors.
    pub actors: Vec<ActorKind>,
}

/// The properties of an event that filters use.
#[derive(Debug, Clone, Copy)]
pub struct Facets<'a> {
    /// The event type.
    pub kind: &'a str,
    /// Whether the event is about a note or an activity.
    pub internal: bool,
    /// The channel of the event.
    pub channel: Option<ChannelId>,
    /// The medium of the channel.
    pub medium: Option<&'a str>,
    /// The direction of the message.
    pub direction: Option<&'a str>,
    /// The kind of the actor.
    pub actor: &'a str,
    /// The entity as JSON.
    pub payload: &'a str,
    /// The old values of changed members, as JSON.
    pub previous: Option<&'a str>,
}

/// A webhook's selection of events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// Exact names or `<entity>.*`; empty means all types.
    pub patterns: Vec<String>,
    /// Whether the webhook gets notes and activities.
    pub notes: bool,
    /// The channel of a channel's own webhook.
    pub channel: Option<ChannelId>,
    /// Further conditions.
    pub filter: WebhookFilter,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Labelled {
    label_ids: Vec<LabelId>,
    conversation: Option<Conversation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Conversation {
    label_ids: Vec<LabelId>,
}

impl Wants {
    /// The reason why the event is not selected; `None` if it is selected.
    #[must_use]
    pub fn miss(&self, event: Facets<'_>) -> Option<Miss> {
        let WebhookFilter { channels, mediums, labels, directions, actors } = &self.filter;
        if !wants(&self.patterns, event.kind) {
            Some(Miss::EventType)
        } else if event.internal && !self.notes {
            Some(Miss::Notes)
        } else if self.channel.is_some_and(|own| event.channel != Some(own))
            || !channels.is_empty() && !event.channel.is_some_and(|channel| channels.contains(&channel))
        {
            Some(Miss::Channel)
        } else if !is_asked(mediums, Medium::as_str, event.medium) {
            Some(Miss::Medium)
        } else if !is_asked(directions, Direction::as_str, event.direction) {
            Some(Miss::Direction)
        } else if !is_asked(actors, ActorKind::as_str, Some(event.actor)) {
            Some(Miss::Actor)
        } else if !labels.is_empty() && !has_label(&event, labels) {
            Some(Miss::Label)
        } else {
            None
        }
    }
}

fn is_asked<T: Copy>(asked: &[T], word: fn(T) -> &'static str, given: Option<&str>) -> bool {
    asked.is_empty() || given.is_some_and(|given| asked.iter().any(|it| word(*it) == given))
}

/// Checked last, because only labels need the parsed payload.
fn has_label(event: &Facets<'_>, labels: &[LabelId]) -> bool {
    [Some(event.payload), event.previous].into_iter().flatten().any(|json| {
        let Labelled { label_ids, conversation } = serde_json::from_str(json).unwrap_or_default();
        label_ids.iter().chain(conversation.iter().flat_map(|it| &it.label_ids)).any(|label| labels.contains(label))
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn channel(id: u128) -> ChannelId {
        ChannelId(Uuid::from_u128(id))
    }

    fn event<'a>() -> Facets<'a> {
        Facets {
            kind: "message.created",
            internal: false,
            channel: Some(channel(1)),
            medium: Some("sms"),
            direction: Some("inbound"),
            actor: "provider",
            payload: "{}",
            previous: None,
        }
    }

    #[test]
    fn each_member_of_the_filter_keeps_out_what_is_not_asked_for_and_says_so() {
        let all = Wants::default();
        assert_eq!(all.miss(event()), None);
        let kept_out = |change: fn(&mut Wants), of: Facets<'_>| {
            let mut wants = Wants::default();
            change(&mut wants);
            wants.miss(of)
        };
        assert_eq!(kept_out(|it| it.patterns = vec!["call.*".into()], event()), Some(Miss::EventType));
        assert_eq!(kept_out(|_| (), Facets { internal: true, ..event() }), Some(Miss::Notes));
        assert_eq!(kept_out(|it| it.notes = true, Facets { internal: true, ..event() }), None);
        assert_eq!(kept_out(|it| it.channel = Some(channel(2)), event()), Some(Miss::Channel));
        assert_eq!(kept_out(|it| it.channel = Some(channel(1)), event()), None);
        assert_eq!(kept_out(|it| it.filter.channels = vec![channel(2), channel(3)], event()), Some(Miss::Channel));
        assert_eq!(kept_out(|it| it.filter.channels = vec![channel(2), channel(1)], event()), None);
        assert_eq!(kept_out(|it| it.filter.mediums = vec![Medium::Rcs], event()), Some(Miss::Medium));
        assert_eq!(kept_out(|it| it.filter.mediums = vec![Medium::Rcs, Medium::Sms], event()), None);
        assert_eq!(kept_out(|it| it.filter.directions = vec![Direction::Outbound], event()), Some(Miss::Direction));
        assert_eq!(kept_out(|it| it.filter.actors = vec![ActorKind::Member], event()), Some(Miss::Actor));
        assert_eq!(kept_out(|it| it.filter.actors = vec![ActorKind::Provider], event()), None);
        let without = Facets { medium: None, direction: None, channel: None, ..event() };
        assert_eq!(kept_out(|it| it.filter.mediums = vec![Medium::Sms], without), Some(Miss::Medium));
        assert_eq!(kept_out(|it| it.filter.directions = vec![Direction::Inbound], without), Some(Miss::Direction));
    }

    #[test]
    fn a_label_counts_on_the_conversation_itself_on_a_messages_and_when_it_was_just_taken_away() {
        let (mine, other) = (LabelId(Uuid::from_u128(7)), LabelId(Uuid::from_u128(8)));
        let mut wants = Wants::default();
        wants.filter.labels = vec![mine];
        let own = format!(r#"{{"label_ids":["{mine}"]}}"#);
        let of_message = format!(r#"{{"conversation":{{"label_ids":["{other}","{mine}"]}}}}"#);
        let others = format!(r#"{{"label_ids":["{other}"]}}"#);
        assert_eq!(wants.miss(Facets { payload: &own, ..event() }), None);
        assert_eq!(wants.miss(Facets { payload: &of_message, ..event() }), None);
        assert_eq!(wants.miss(Facets { payload: &others, previous: Some(&own), ..event() }), None);
        for none in [others.as_str(), "{}", r#"{"conversation":null}"#, r#"{"label_ids":null}"#, "[]"] {
            assert_eq!(wants.miss(Facets { payload: none, ..event() }), Some(Miss::Label), "{none}");
        }
    }
}
