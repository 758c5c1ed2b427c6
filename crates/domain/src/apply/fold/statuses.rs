//! Status reports: the history as it arrived, and the ladder of the message (P3). Where the message is not known, a
//! placeholder stands in for it (OR-9).

use serde_json::Value;
use uuid::Uuid;

use super::{Context, Fold, Rejection, conversations::Place, messages::blank_message, payloads::bytes};
use crate::{
    apply::{
        references::RefKind,
        rows::{MessageRow, StatusReportRow},
    },
    command::{ChannelRef, StatusReport},
    event::{
        EventType,
        payload::{DeletedPayload, MessageStatusPayload},
    },
    ids::MessageId,
    model::{
        message::{Direction, Origin},
        status::DeliveryStatus,
    },
};

impl Fold<'_> {
    pub(super) fn status(&mut self, context: Context<'_>, report: &StatusReport) -> Result<(), Rejection> {
        let names = context.speaker.names(RefKind::Message, &report.ids);
        let known = self.references.target(&names).filter(|id| self.messages.get(*id).is_some());
        let id = match known {
            Some(id) => id,
            None => self.placeholder(context, report)?,
        };
        self.references.point(&names, id, false);
        self.reports.push(StatusReportRow {
            workspace_id: context.workspace(),
            id: self.ambient.uuid(),
            message_id: id,
            inbound_event_id: Some(context.inbound.id.0),
            part: report.part.clone(),
            status: report.status,
            raw_status: report.raw_status.clone(),
            code: report.code.clone(),
            reason: report.reason.clone(),
            reported_at: report.reported_at,
            received_at: context.at(),
            details: report.details.clone().into(),
        });
        let Some(row) = self.messages.edit(id) else { return Ok(()) };
        if row.external_id.is_none() {
            row.external_id.clone_from(&report.external_id);
        }
        if report.campaign_id.is_some() {
            row.campaign_external_id.clone_from(&report.campaign_id);
        }
        let mut ladders = row.delivery.take().unwrap_or_default();
        ladders.0.raise(report, context.at());
        let shown = ladders.0.shown();
        row.delivery = Some(ladders);
        let before = (row.status, row.sent_at, row.delivered_at, row.read_at, row.failed_at, row.failure.clone());
        row.status = floor(row).max(shown.status).filter(|_| row.direction == Direction::Outbound);
        row.sent_at = shown.sent_at;
        row.delivered_at = shown.delivered_at;
        row.read_at = shown.read_at;
        row.failed_at = shown.failed_at;
        row.failure = shown.failure.map(Into::into);
        let after = (row.status, row.sent_at, row.delivered_at, row.read_at, row.failed_at, row.failure.clone());
        let dies = report.deleted && row.deleted_at.is_none();
        if dies {
            row.deleted_at = Some(report.reported_at.unwrap_or(context.at()));
        }
        if before == after && !dies {
            return Ok(());
        }
        row.revision += 1;
        row.updated_at = context.at();
        let row = row.clone();
        if let (true, Some(deleted_at)) = (dies, row.deleted_at) {
            let payload = DeletedPayload {
                id: MessageId(id).to_string(),
                external_id: row.external_id.clone(),
                conversation_id: Some(row.conversation_id.into()),
                message_id: None,
                deleted_at,
            };
            self.tell_message(context, EventType::MessageDeleted, &row, bytes(&payload), None);
            return Ok(());
        }
        let message = self.message_payload(&row);
        let text = |name: &str| report.details.get(name).and_then(Value::as_str).map(str::to_owned);
        let time = |name: &str| text(name)?.parse().ok();
        let to = text("to").or_else(|| text("mobile")).or_else(|| message.contact.as_ref()?.phone.clone());
        let payload = MessageStatusPayload {
            from: text("from").or_else(|| message.channel.as_ref()?.identifier.clone()),
            mobile: to.clone(),
            to,
            reason: report.reason.clone(),
            processed_at: time("processed_at").or(row.sent_at),
            submit_time: time("submit_time").or(row.sent_at),
            foreign_id: text("foreign_id"),
            message,
        };
        self.tell_message(context, EventType::MessageStatusChanged, &row, bytes(&payload), None);
        Ok(())
    }

    /// An outbound message without content in a conversation that no queue shows.
    fn placeholder(&mut self, context: Context<'_>, report: &StatusReport) -> Result<Uuid, Rejection> {
        if report.person.is_none() {
            return Err(Rejection(
                "its message is not known and it does not tell to whom it was sent: replay it when the message is there"
                    .to_owned(),
            ));
        }
        let channel: &ChannelRef = &report.channel;
        let channel = self.channel(context, channel);
        let (address, contact) = self.person(context, report.person.as_ref())?;
        let occurred_at = [report.times.sent_at, report.reported_at, report.times.delivered_at]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(context.at());
        let conversation = self.closed_conversation(context, Place { channel, address, contact }, occurred_at);
        let names = context.speaker.names(RefKind::Message, &report.ids);
        let id = self.references.suggested(&names).filter(|id| self.messages.get(*id).is_none());
        let id = id.unwrap_or_else(|| self.ambient.uuid());
        let mut row = blank_message(context, id, conversation, Direction::Outbound);
        row.placeholder = true;
        row.external_id.clone_from(&report.external_id);
        row.occurred_at = occurred_at;
        row.deleted_at = self.references.deleted_at(&names);
        self.messages.add(row);
        Ok(id)
    }
}

/// What a message has at least: one that the provider shows was sent, one of ours was queued; of a placeholder nothing
/// is known but its reports.
pub(super) fn floor(row: &MessageRow) -> Option<DeliveryStatus> {
    match row.origin {
        _ if row.placeholder => None,
        Origin::Inlet => Some(DeliveryStatus::Queued),
        Origin::Provider => Some(DeliveryStatus::Sent),
    }
}
