//! The working set of a batch: the locked rows, the rules that apply the commands to them one after another, as if each
//! came alone, and the events that the rules raise. There is no SQL here, so that the rules read in one go.

mod attachments;
mod attributes;
mod contacts;
mod conversations;
mod events;
mod messages;
mod notices;
mod statuses;

pub(super) use self::conversations::MOST_ENDED;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    command::{Command, Effect, IdempotencyKey, Inbound, Patch, Purpose, Version},
    ids::WorkspaceId,
    model::versions::{Stamp, Versions},
    scope::Actor,
    secrets::Sealer,
};
use uuid::Uuid;

use super::{
    identities::Resolved,
    plan::RefNamespace,
    references::References,
    report_jobs::{ReportKey, WantedReport},
};
use crate::{
    log::NewEvent,
    rows::{
        AttachmentRow, CampaignRow, ChannelRow, ContactRow, ConversationRow, GroupRow, Key, MessageRow, OptOutRow,
        StatusReportRow, Table, VerificationRow,
    },
};

/// Why a command can never be applied, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Rejection(pub String);

/// An alert that the credit of an account runs out.
#[derive(Debug, Clone)]
pub(crate) struct BalanceAlert {
    pub workspace: Uuid,
    pub id: Uuid,
    pub account: Uuid,
    pub firm: Option<String>,
    pub units: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// Attachments that waited for their message: (workspace, account, the provider's id of the message, message).
pub(crate) type Adoption = (Uuid, Uuid, String, Uuid);

/// The rows of a batch, and the changes that the commands made.
pub(crate) struct WorkingSet<'a> {
    pub ambient: &'a Ambient,
    pub sealer: &'a Sealer,
    pub references: References,
    pub channels: Table<ChannelRow>,
    pub contacts: Table<ContactRow>,
    pub groups: Table<GroupRow>,
    pub conversations: Table<ConversationRow>,
    pub messages: Table<MessageRow>,
    pub attachments: Table<AttachmentRow>,
    pub campaigns: Table<CampaignRow>,
    pub opt_outs: Table<OptOutRow>,
    pub verifications: Table<VerificationRow>,
    pub reports: Vec<StatusReportRow>,
    /// The stored reports on messages that are yet to come, and on messages whose reports are replayed.
    pub history: Vec<StatusReportRow>,
    /// Stored reports to delete, because a replay reads them anew: (workspace, id).
    pub withdrawn: Vec<Key>,
    /// Messages that turned out to be one: (workspace, the duplicate, the message that stays).
    pub moves: Vec<(Uuid, Uuid, Uuid)>,
    pub balances: Vec<BalanceAlert>,
    pub report_jobs: BTreeMap<ReportKey, WantedReport>,
    pub adoptions: Vec<Adoption>,
    /// Conversations whose last message, or whose wait for an answer, may have changed.
    pub recounts: BTreeSet<Key>,
    /// Members who must not be assigned: disabled, or with a role that cannot answer.
    pub shut_out: HashSet<Uuid>,
    /// Inbound messages that were deleted: (workspace, conversation, ordinal).
    pub uncounted: Vec<(Uuid, Uuid, i64)>,
    /// The conversation of each (channel, address) that is not closed, else the last one.
    pub latest: HashMap<(Uuid, Uuid), Uuid>,
    pub drafts: Vec<NewEvent>,
}

/// The request of a command.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub inbound: &'a Inbound,
    pub speaker: RefNamespace,
    /// The key of the command.
    pub key: &'a IdempotencyKey,
    /// The address and contact that were locked for the command.
    pub resolved: Option<Resolved>,
}

impl Context<'_> {
    fn at(&self) -> DateTime<Utc> {
        self.inbound.received_at
    }

    fn workspace(&self) -> Uuid {
        self.speaker.workspace
    }

    /// Whether the request is replayed.
    fn is_replay(&self) -> bool {
        self.inbound.purpose == Purpose::Replay
    }

    fn stamp(&self, version: Version) -> Stamp {
        let [.., a, b, c, d] = *self.inbound.id.0.as_bytes();
        Stamp { version, writer: u32::from_be_bytes([a, b, c, d]), again: self.is_replay(), teller: None }
    }

    /// As [`Self::stamp`], with the account as the teller, because the account may delete its record of the person
    /// later.
    fn stamp_of_person(&self, version: Version) -> Stamp {
        Stamp { teller: Some(mark(self.speaker.account)), ..self.stamp(version) }
    }
}

/// A short mark that distinguishes the few accounts of one workspace.
pub(super) fn mark(account: Uuid) -> u32 {
    let [.., a, b, c, d] = *account.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

impl<'a> WorkingSet<'a> {
    pub(crate) fn new(ambient: &'a Ambient, sealer: &'a Sealer) -> Self {
        Self {
            ambient,
            sealer,
            references: References::default(),
            channels: Table::default(),
            contacts: Table::default(),
            groups: Table::default(),
            conversations: Table::default(),
            messages: Table::default(),
            attachments: Table::default(),
            campaigns: Table::default(),
            opt_outs: Table::default(),
            verifications: Table::default(),
            reports: Vec::new(),
            history: Vec::new(),
            withdrawn: Vec::new(),
            moves: Vec::new(),
            balances: Vec::new(),
            report_jobs: BTreeMap::new(),
            adoptions: Vec::new(),
            recounts: BTreeSet::new(),
            shut_out: HashSet::new(),
            uncounted: Vec::new(),
            latest: HashMap::new(),
            drafts: Vec::new(),
        }
    }

    /// Applies one command.
    pub(crate) fn apply(&mut self, context: Context<'_>, command: &Command) -> Result<(), Rejection> {
        match &command.effect {
            Effect::Message(report) => self.message(context, report),
            Effect::Status(report) => self.status(context, report),
            Effect::Contact(report) => {
                self.contact(context, report);
                Ok(())
            }
            Effect::Conversation(report) => self.conversation(context, report),
            Effect::Group(report) => self.group(context, report),
            Effect::Attachment(report) => self.attachment(context, report),
            Effect::OptOut(report) => self.opt_out(context, report),
            Effect::Verification(report) => self.verification(context, report),
            Effect::Balance(report) => self.balance(context, report),
            Effect::Campaign(report) => self.campaign(context, report),
        }
    }

    /// A draft of an event that a provider caused, without the ids of the entities.
    fn draft(context: Context<'_>, kind: inlet_domain::event::EventType, payload: String) -> NewEvent {
        NewEvent {
            workspace: WorkspaceId(context.workspace()),
            kind,
            occurred_at: context.at(),
            actor: Actor::Provider,
            revision: None,
            conversation_id: None,
            message_id: None,
            contact_id: None,
            channel_id: None,
            medium: None,
            direction: None,
            internal: false,
            payload,
            previous: None,
        }
    }
}

/// Takes in a member of a versioned update, if its version wins.
pub(crate) fn take<T: Clone + serde::Serialize>(
    versions: &mut Versions,
    stamp: Stamp,
    member: &str,
    field: &mut Option<T>,
    patch: &Patch<T>,
) {
    let new = match patch {
        Patch::Absent => return,
        Patch::Null => None,
        Patch::Value(value) => Some(value.clone()),
    };
    let as_json = |value: &Option<T>| serde_json::to_value(value).unwrap_or_default();
    if versions.accepts(member, stamp, &as_json(field), &as_json(&new)) {
        *field = new;
    }
}
