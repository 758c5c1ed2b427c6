//! The rows that the store reads and writes whole, and the payloads of events about them. The migrations explain the
//! columns.

pub(crate) mod columns;
pub(crate) mod levels;
pub(crate) mod payloads;
mod table;

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::StatusTimes,
    ids::{LabelId, MemberId, TeamId},
    model::{
        channel::Medium,
        conversation::{ConversationStatus, Priority},
        handling::Handling,
        message::{AttachmentKind, Direction, MessageKind, Origin},
        opt_out::OptOutScope,
        status::{DeliveryStatus, Failure, Ladders, Reported},
        versions::Versions,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::types::Json;
use uuid::Uuid;

pub(crate) use self::table::{Key, Table};
use self::{levels::Levelled, table::row};

type Members = Json<Map<String, Value>>;
type Time = DateTime<Utc>;

row! {
    ChannelRow of "channel" {
        provider_account_id: Uuid = "uuid",
        medium: Medium = "text",
        identifier: Option<String> = "text",
        phone: Option<String> = "text",
        name: Option<String> = "text",
        description: Option<String> = "text",
        country: Option<String> = "text",
        env: Option<String> = "text",
        status: Option<String> = "text",
        provider_webhook_url: Option<String> = "text",
        external_id: Option<String> = "text",
        reopen_window_seconds: i64 = "bigint",
        revision: i64 = "bigint",
        created_at: Time = "timestamptz",
    }
}

row! {
    ContactRow of "contact" {
        name: Option<String> = "text",
        phone: Option<String> = "text",
        email: Option<String> = "text",
        username: Option<String> = "text",
        avatar_url: Option<String> = "text",
        attributes: Members = "jsonb",
        last_active_at: Option<Time> = "timestamptz",
        provider_members: Json<Versions> = "jsonb",
        kept_apart_from_id: Option<Uuid> = "uuid",
        revision: i64 = "bigint",
        created_at: Time = "timestamptz",
        updated_at: Time = "timestamptz",
        deleted_at: Option<Time> = "timestamptz",
    } shows {
        merged_into_id: Option<Uuid>,
    }
}

row! {
    GroupRow of "contact_group" {
        name: Option<String> = "text",
        avatar_url: Option<String> = "text",
        description: Option<String> = "text",
        archived_at: Option<Time> = "timestamptz",
        participants: Json<Vec<Value>> = "jsonb",
        external_id: Option<String> = "text",
        provider_members: Json<Versions> = "jsonb",
        revision: i64 = "bigint",
        created_at: Time = "timestamptz",
        updated_at: Time = "timestamptz",
        deleted_at: Option<Time> = "timestamptz",
    }
}

row! {
    ConversationRow of "conversation" {
        channel_id: Uuid = "uuid",
        address_id: Uuid = "uuid",
        contact_id: Option<Uuid> = "uuid",
        group_id: Option<Uuid> = "uuid",
        status: ConversationStatus = "text",
        provider_status: Option<String> = "text",
        external_id: Option<String> = "text",
        subject: Option<String> = "text",
        priority: Priority = "text",
        assignee_id: Option<Uuid> = "uuid",
        team_id: Option<Uuid> = "uuid",
        attributes: Members = "jsonb",
        provider_members: Json<Versions> = "jsonb",
        sole_thread: Option<String> = "text",
        inbound_count: i64 = "bigint",
        read_count: i64 = "bigint",
        last_ordinal: i64 = "bigint",
        last_message_id: Option<Uuid> = "uuid",
        last_message_at: Option<Time> = "timestamptz",
        last_activity_at: Time = "timestamptz",
        waiting_since: Option<Time> = "timestamptz",
        first_response_at: Option<Time> = "timestamptz",
        snoozed_until: Option<Time> = "timestamptz",
        closed_at: Option<Time> = "timestamptz",
        revision: i64 = "bigint",
        created_at: Time = "timestamptz",
        updated_at: Time = "timestamptz",
        deleted_at: Option<Time> = "timestamptz",
    } shows {
        label_ids: Vec<Uuid>,
        read_ordinal: i64,
    }
}

row! {
    MessageRow of "message" {
        conversation_id: Uuid = "uuid",
        provider_account_id: Option<Uuid> = "uuid",
        direction: Direction = "text",
        kind: MessageKind = "text",
        origin: Origin = "text",
        placeholder: bool = "boolean",
        content_type: Option<String> = "text",
        content: Option<String> = "text",
        details: Members = "jsonb",
        author_kind: String = "text",
        author_id: Option<Uuid> = "uuid",
        author_name: Option<String> = "text",
        ordinal: Option<i64> = "bigint",
        external_id: Option<String> = "text",
        quoted_external_id: Option<String> = "text",
        campaign_external_id: Option<String> = "text",
        client_key: Option<String> = "text",
        occurred_at: Time = "timestamptz",
        occurred_at_assumed: bool = "boolean",
        status: Option<DeliveryStatus> = "text",
        sent_at: Option<Time> = "timestamptz",
        delivered_at: Option<Time> = "timestamptz",
        read_at: Option<Time> = "timestamptz",
        failed_at: Option<Time> = "timestamptz",
        failure: Option<Json<Failure>> = "jsonb",
        delivery: Option<Json<Ladders>> = "jsonb",
        reactions: Members = "jsonb",
        provider_members: Json<Versions> = "jsonb",
        revision: i64 = "bigint",
        created_at: Time = "timestamptz",
        updated_at: Time = "timestamptz",
        deleted_at: Option<Time> = "timestamptz",
    }
}

row! {
    AttachmentRow of "attachment" {
        message_id: Option<Uuid> = "uuid",
        provider_account_id: Option<Uuid> = "uuid",
        message_external_id: Option<String> = "text",
        external_id: Option<String> = "text",
        position: i32 = "integer",
        kind: AttachmentKind = "text",
        url: Option<String> = "text",
        filename: Option<String> = "text",
        mime_type: Option<String> = "text",
        size_bytes: Option<i64> = "bigint",
        provider_members: Json<Versions> = "jsonb",
        revision: i64 = "bigint",
        created_at: Time = "timestamptz",
        updated_at: Time = "timestamptz",
        deleted_at: Option<Time> = "timestamptz",
    }
}

row! {
    StatusReportRow of "status_report" {
        message_id: Uuid = "uuid",
        inbound_event_id: Option<Uuid> = "uuid",
        part: String = "text",
        status: Option<DeliveryStatus> = "text",
        raw_status: String = "text",
        code: Option<String> = "text",
        reason: Option<String> = "text",
        reported_at: Option<Time> = "timestamptz",
        received_at: Time = "timestamptz",
        details: Members = "jsonb",
        besides: Option<Json<Besides>> = "jsonb",
    }
}

/// The parts of a report that have no column and that the state of the message depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Besides {
    #[serde(default, skip_serializing_if = "StatusTimes::is_empty")]
    pub times: StatusTimes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

impl ContactRow {
    /// The members that a contact takes over from a contact merged into it.
    fn members(&mut self) -> [(&'static str, &mut Option<String>); 5] {
        [
            ("name", &mut self.name),
            ("phone", &mut self.phone),
            ("email", &mut self.email),
            ("username", &mut self.username),
            ("avatar_url", &mut self.avatar_url),
        ]
    }

    /// Takes the members that it lacks from the merged contact. Returns the members that it took.
    pub(crate) fn fill(&mut self, merged: &Self, now: Time) -> Map<String, Value> {
        let mut other = merged.clone();
        let mut filled = Map::new();
        for ((name, have), (_, told)) in self.members().into_iter().zip(other.members()) {
            if let (None, Some(value)) = (&have, told.take()) {
                filled.insert(name.to_owned(), value.clone().into());
                *have = Some(value);
            }
        }
        // A member that the staff wrote stays pinned.
        for name in filled.keys().filter(|name| merged.provider_members.0.is_pinned(name)) {
            self.provider_members.0.pin(name, now);
        }
        filled
    }

    /// Drops the members that it took from the merged contact and that the merged contact no longer has. `filled` holds
    /// the members that it took.
    pub(crate) fn take_back(&mut self, merged: &Self, filled: &mut Map<String, Value>) {
        let mut other = merged.clone();
        let mut lost = Vec::new();
        for ((name, have), (_, told)) in self.members().into_iter().zip(other.members()) {
            let is_theirs = |value: &Option<String>| filled.get(name).and_then(Value::as_str) == value.as_deref();
            if filled.contains_key(name) && have.is_some() && is_theirs(have) && !is_theirs(told) {
                filled.remove(name);
                lost.extend(have.take().map(|value| (name, value)));
            }
        }
        for (name, value) in lost {
            self.lose(name, &value);
        }
    }

    /// Shows the member's own value again, after the value taken from another contact is gone.
    fn lose(&mut self, name: &str, value: &str) {
        self.provider_members.0.take_back(name, value);
        if let Some(member) = Levelled::named(name) {
            member.show(self);
        }
    }

    /// Gives the members in `filled` back to the merged contact, if they have not changed since.
    pub(crate) fn part(&mut self, back: &Self, filled: &Map<String, Value>) {
        let mut taken = Vec::new();
        for (name, have) in self.members() {
            if have.is_some() && have.as_deref() == filled.get(name).and_then(Value::as_str) {
                taken.extend(have.take().map(|value| (name, value)));
            }
        }
        for (name, value) in taken {
            if back.provider_members.0.is_pinned(name) {
                self.provider_members.0.unpin(name);
            }
            if !self.provider_members.0.is_pinned(name) {
                self.lose(name, &value);
            }
        }
    }
}

impl ConversationRow {
    /// The decisions of agents about the conversation.
    pub(crate) fn handling(&self) -> Handling {
        Handling {
            status: self.status,
            assignee: self.assignee_id.map(MemberId),
            team: self.team_id.map(TeamId),
            priority: self.priority,
            labels: self.label_ids.iter().copied().map(LabelId).collect(),
            snoozed_until: self.snoozed_until,
            closed_at: self.closed_at,
        }
    }

    /// Takes over the decisions of agents.
    pub(crate) fn handle(&mut self, handling: Handling) {
        self.status = handling.status;
        self.assignee_id = handling.assignee.map(|id| id.0);
        self.team_id = handling.team.map(|id| id.0);
        self.priority = handling.priority;
        self.label_ids = handling.labels.into_iter().map(|id| id.0).collect();
        self.snoozed_until = handling.snoozed_until;
        self.closed_at = handling.closed_at;
    }

    /// Sets the status, and the times that belong to it.
    pub(crate) fn stand(&mut self, status: ConversationStatus, at: Time) {
        self.status = status;
        self.snoozed_until = None;
        self.closed_at = (status == ConversationStatus::Closed).then_some(at);
    }

    /// Takes in the newest message: an inbound one begins the wait for an answer, an outbound one ends it.
    pub(crate) fn hear(&mut self, direction: Direction, occurred_at: Time) {
        match direction {
            Direction::Inbound => drop(self.waiting_since.get_or_insert(occurred_at)),
            Direction::Outbound => {
                if self.waiting_since.take().is_some() {
                    self.first_response_at.get_or_insert(occurred_at);
                }
            }
        }
    }
}

impl<'a> From<&'a StatusReportRow> for Reported<'a> {
    fn from(row: &'a StatusReportRow) -> Self {
        Self {
            part: &row.part,
            status: row.status,
            raw_status: &row.raw_status,
            code: row.code.as_deref(),
            reason: row.reason.as_deref(),
            reported_at: row.reported_at,
            times: row.besides.as_ref().map(|besides| besides.times).unwrap_or_default(),
        }
    }
}

row! {
    CampaignRow of "campaign" {
        provider_account_id: Uuid = "uuid",
        external_id: String = "text",
        status: String = "text",
        report_url: Option<String> = "text",
        revision: i64 = "bigint",
        created_at: Time = "timestamptz",
        completed_at: Option<Time> = "timestamptz",
    }
}

row! {
    OptOutRow of "opt_out" {
        address_scope_id: Uuid = "uuid",
        address_kind: String = "text",
        address_value: String = "text",
        medium: Medium = "text",
        scope: OptOutScope = "text",
        value: String = "text",
        external_id: Option<String> = "text",
        created_at: Time = "timestamptz",
        withdrawn_at: Option<Time> = "timestamptz",
    }
}

row! {
    VerificationRow of "verification" {
        provider_account_id: Uuid = "uuid",
        external_id: String = "text",
        identifier: Option<String> = "text",
        verified: bool = "boolean",
        code_hash: Option<Vec<u8>> = "bytea",
        expires_at: Option<Time> = "timestamptz",
        created_at: Time = "timestamptz",
    }
}
