//! The names and people that a command mentions, known before any row is locked.

use chrono::{DateTime, Utc};
use inlet_domain::command::{
    Change, ChannelRef, Command, Effect, IdempotencyKey, IdentityKind, IdentityRef, Inbound, MessageReport,
    PersonReport,
};
use uuid::Uuid;

use super::{
    identities::{Claim, ClaimedKey, IdentityKey, Wants},
    references::{RefKey, RefKind},
};

/// The workspace and account in which the names of a request are unique.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefNamespace {
    pub workspace: Uuid,
    pub account: Uuid,
}

impl RefNamespace {
    pub(crate) fn of(inbound: &Inbound) -> Self {
        Self { workspace: inbound.workspace.0, account: inbound.account.0 }
    }

    pub(crate) fn name(self, kind: RefKind, id: &str) -> RefKey {
        RefKey { workspace: self.workspace, account: self.account, kind, id: id.to_owned() }
    }

    pub(crate) fn names(self, kind: RefKind, ids: &[String]) -> Vec<RefKey> {
        ids.iter().map(|id| self.name(kind, id)).collect()
    }

    /// The name of a thing to which the provider gives none: the key of its command.
    pub(crate) fn keyed(self, kind: RefKind, key: &IdempotencyKey) -> RefKey {
        self.name(kind, &format!("key:{}:{}", key.kind, key.id))
    }

    /// The names of a message. If the provider gives none, the key of the command is its name, so that a replay finds
    /// the message.
    pub(crate) fn message(self, key: &IdempotencyKey, ids: &[String]) -> Vec<RefKey> {
        match ids {
            [] => vec![self.keyed(RefKind::Message, key)],
            ids => self.names(RefKind::Message, ids),
        }
    }

    /// The names of a channel; none if the source knows its channel.
    pub(crate) fn channel(self, channel: &ChannelRef) -> Vec<RefKey> {
        match channel {
            ChannelRef::Known(_) => Vec::new(),
            ChannelRef::Reported(report) => self.names(RefKind::Channel, &report.ids),
        }
    }

    fn claim(self, identities: &[IdentityRef], wants: Wants) -> Option<Claim> {
        if identities.is_empty() {
            return None;
        }
        let keys = identities
            .iter()
            .map(|identity| ClaimedKey {
                key: IdentityKey::of(self.workspace, self.account, identity),
                original: identity.original.clone(),
                leads: identity.leads,
            })
            .collect();
        // A group is not a person.
        let is_group = identities.first().is_some_and(|address| address.kind == IdentityKind::Group);
        Some(Claim { keys, wants: if is_group { Wants::Standing } else { wants }, again: false })
    }

    fn person(self, person: Option<&PersonReport>, wants: Wants) -> Option<Claim> {
        self.claim(&person?.identities, wants)
    }

    fn bare(self, kind: IdentityKind, id: &str) -> Option<Claim> {
        self.claim(&[IdentityRef::new(kind, id)], Wants::Standing)
    }
}

/// The names that the effect mentions, without channels; and for each, whether the effect creates the named thing, so
/// that the name gets a suggested id. An attachment mentions its message but does not create it.
pub(crate) fn names(speaker: RefNamespace, command: &Command) -> Vec<(RefKey, bool)> {
    let own = |kind, id: &str, comes: bool| vec![(speaker.name(kind, id), comes)];
    match &command.effect {
        Effect::Message(report) => {
            let comes = report.version.is_none_or(|version| version.change != Change::Deleted);
            let message = speaker.message(&command.key, &report.ids).into_iter();
            let thread = report.thread.id.iter().map(|id| speaker.name(RefKind::Conversation, id));
            let files = report.attachments.iter().flatten().filter_map(|part| part.external_id.as_ref());
            let files = files.map(|id| speaker.name(RefKind::Attachment, id));
            let group = group_of(report).map(|id| speaker.name(RefKind::Group, id));
            let quoted = report.quoted_id.iter().map(|id| (speaker.name(RefKind::Message, id), false));
            message.chain(thread).chain(files).chain(group).map(|key| (key, comes)).chain(quoted).collect()
        }
        Effect::Status(report) => {
            let comes = report.person.is_some();
            speaker.message(&command.key, &report.ids).into_iter().map(|key| (key, comes)).collect()
        }
        Effect::Conversation(report) => {
            let mut names = own(RefKind::Conversation, &report.id, report.version.change != Change::Deleted);
            names.extend(report.group_id.iter().map(|id| (speaker.name(RefKind::Group, id), true)));
            names
        }
        Effect::Group(report) => own(RefKind::Group, &report.id, report.version.change != Change::Deleted),
        Effect::Attachment(report) => {
            let mut names = own(RefKind::Attachment, &report.id, report.version.change != Change::Deleted);
            names.extend(report.message_id.iter().map(|id| (speaker.name(RefKind::Message, id), false)));
            names
        }
        Effect::Verification(report) => own(RefKind::Verification, &report.id, true),
        Effect::Campaign(report) => own(RefKind::Campaign, &report.id, true),
        Effect::Balance(_) => vec![(speaker.keyed(RefKind::BalanceAlert, &command.key), true)],
        Effect::Contact(_) | Effect::OptOut(_) => Vec::new(),
    }
}

/// The provider's id of the group that a message came from, if the provider names no person in the group.
pub(crate) fn group_of(report: &MessageReport) -> Option<&str> {
    let address = report.person.as_ref()?.identities.first()?;
    (address.kind == IdentityKind::Group).then_some(address.value.as_str())
}

/// Whether a message names its person or its conversation.
pub(crate) fn tells_place(report: &MessageReport) -> bool {
    report.person.is_some() || report.thread.id.is_some()
}

/// The channel of the effect, if it needs one.
pub(crate) fn channel(effect: &Effect) -> Option<&ChannelRef> {
    match effect {
        Effect::Message(report) => Some(&report.channel),
        Effect::Status(report) => Some(&report.channel),
        Effect::Conversation(report) => Some(&report.channel),
        _ => None,
    }
}

/// The claim of the person or group of an effect that arrived at `arrived`, if apply must find or create one.
pub(crate) fn claim(speaker: RefNamespace, effect: &Effect, arrived: DateTime<Utc>) -> Option<Claim> {
    let writer = |occurred_at: Option<DateTime<Utc>>| Wants::Writer(occurred_at.unwrap_or(arrived).min(arrived));
    match effect {
        Effect::Message(report) => speaker
            .person(report.person.as_ref(), writer(report.occurred_at))
            .or_else(|| speaker.bare(IdentityKind::ProviderConversation, report.thread.id.as_deref()?)),
        // A report names the receiver of our message, but does not prove that the person exists.
        Effect::Status(report) => speaker.person(report.person.as_ref(), Wants::Standing),
        Effect::Conversation(report) => match &report.group_id {
            Some(group) => speaker.bare(IdentityKind::Group, group),
            None => speaker
                .person(report.person.as_ref(), Wants::Record)
                .or_else(|| speaker.bare(IdentityKind::ProviderConversation, &report.id)),
        },
        Effect::Contact(report) => speaker.claim(&report.identities, Wants::Record),
        Effect::OptOut(report) => speaker.person(Some(&report.person), writer(report.occurred_at)),
        _ => None,
    }
}
