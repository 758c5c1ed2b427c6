//! Status reports: the history in the order of arrival, and the ladder of the message (P3). A placeholder stands in for
//! an unknown message (OR-9). A report that names no receiver waits for its message (P4).

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{Change, StatusReport, Version},
    event::{
        EventType,
        payload::{DeletedPayload, MessageStatusPayload, ReportBrief},
    },
    ids::MessageId,
    model::{
        message::{Direction, Origin},
        status::{DeliveryStatus, Failure, Ladders, Shown},
        waiting::WaitingHalf,
    },
};
use serde_json::Value;
use uuid::Uuid;

use super::{Context, Rejection, WorkingSet, contacts::Told, conversations::Place, messages::blank_message};
use crate::{
    apply::references::RefKey,
    rows::{Besides, MessageRow, StatusReportRow, payloads::bytes},
};

impl WorkingSet<'_> {
    pub(super) fn status(&mut self, context: Context<'_>, report: &StatusReport) -> Result<(), Rejection> {
        let report = &*by_arrival(report, context.at());
        let names = context.speaker.message(context.key, &report.ids);
        let shown_before: Vec<(Uuid, Shown)> = self
            .references
            .all_targets(&names)
            .into_iter()
            .filter_map(|id| Some((id, self.messages.get(id)?.shown())))
            .collect();
        let target = self.unite(context, &names);
        let id = match target.filter(|id| self.messages.get(*id).is_some()) {
            Some(id) => id,
            None if report.person.is_none() => return self.await_message(context, report, &names, target),
            None => self.placeholder(context, report, &names, target)?,
        };
        self.references.point(&names, id, false);
        let before = shown_before.into_iter().find(|(known, _)| *known == id).map(|(_, shown)| shown);
        let taken_back = context.is_replay() && self.take_back(context, id);
        if context.is_replay() && !taken_back && self.is_kept(context, id, report) {
            return Ok(());
        }
        self.keep(context, id, report);
        let Some(row) = self.messages.edit(id) else { return Ok(()) };
        row.take_in(&besides(report).unwrap_or_default());
        row.delivery.get_or_insert_default().raise(report, context.at());
        row.show();
        if before.unwrap_or_default() == row.shown() {
            return Ok(());
        }
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        let row = row.clone();
        self.tell_status(context, &row, report);
        Ok(())
    }

    /// Adds a report to the history.
    fn keep(&mut self, context: Context<'_>, message: Uuid, report: &StatusReport) {
        self.reports.push(StatusReportRow {
            workspace_id: context.workspace(),
            id: self.ambient.uuid(),
            message_id: message,
            inbound_event_id: Some(context.inbound.id.0),
            part: report.part.clone(),
            status: report.status,
            raw_status: report.raw_status.clone(),
            code: report.code.clone(),
            reason: report.reason.clone(),
            reported_at: report.reported_at,
            received_at: context.at(),
            details: report.details.clone().into(),
            besides: besides(report).map(Into::into),
        });
    }

    /// Keeps a report that names no receiver, under the id that its message will have.
    fn await_message(
        &mut self,
        context: Context<'_>,
        report: &StatusReport,
        names: &[RefKey],
        target: Option<Uuid>,
    ) -> Result<(), Rejection> {
        let message = target.unwrap_or_else(|| self.ambient.uuid());
        self.references.point(names, message, false);
        let since = self.ambient.uuid();
        self.references.wait(names, since, WaitingHalf::StatusReport);
        let replayed = context.is_replay() && self.is_kept(context, message, report);
        if !replayed {
            self.keep(context, message, report);
        }
        Ok(())
    }

    /// Applies the reports that waited for a message to it.
    pub(super) fn join_reports(&mut self, row: &mut MessageRow) {
        let waited: Vec<StatusReportRow> =
            self.history.iter().chain(&self.reports).filter(|report| report.message_id == row.id).cloned().collect();
        for report in &waited {
            let besides = report.besides.as_ref().map(|besides| besides.0.clone()).unwrap_or_default();
            row.take_in(&besides);
            row.delivery.get_or_insert_default().raise(report, report.received_at);
        }
    }

    /// Removes the reports of a replayed request from the history and the ladder of a message, so that they can be read
    /// anew. False, without a change, if the history is incomplete.
    fn take_back(&mut self, context: Context<'_>, id: Uuid) -> bool {
        let inbound = Some(context.inbound.id.0);
        let of_message = |report: &&StatusReportRow| report.message_id == id;
        let ladders = |reports: &mut dyn Iterator<Item = &StatusReportRow>| {
            let mut ladders = Ladders::default();
            reports.for_each(|report| ladders.raise(report, report.received_at));
            ladders
        };
        let all = ladders(&mut self.history.iter().chain(&self.reports).filter(of_message));
        let Some(row) = self.messages.get(id) else { return false };
        if row.delivery.as_ref().map(|delivery| &delivery.0) != Some(&all) {
            return false;
        }
        let own = |report: &StatusReportRow| report.message_id == id && report.inbound_event_id == inbound;
        let (own, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.history).into_iter().partition(own);
        self.history = others;
        let rest = ladders(&mut self.history.iter().chain(&self.reports).filter(of_message));
        self.withdrawn.extend(own.iter().map(|report| (report.workspace_id, report.id)));
        if let Some(row) = self.messages.edit(id) {
            row.delivery = Some(rest.into());
            row.show();
        }
        true
    }

    /// Whether the history holds this report of this request.
    fn is_kept(&self, context: Context<'_>, id: Uuid, report: &StatusReport) -> bool {
        self.history.iter().any(|kept| {
            kept.message_id == id
                && kept.inbound_event_id == Some(context.inbound.id.0)
                && (&kept.part, &kept.raw_status) == (&report.part, &report.raw_status)
        })
    }

    /// The message that the names mean. If they mean two, and one of them has only reports, that one is deleted and its
    /// reports join the other.
    pub(super) fn unite(&mut self, context: Context<'_>, names: &[RefKey]) -> Option<Uuid> {
        let targets = self.references.all_targets(names);
        let rank = |working: &Self, id: &Uuid| match working.messages.get(*id) {
            Some(row) if !row.placeholder => 0,
            Some(_) => 1,
            None => 2,
        };
        let winner = *targets.iter().min_by_key(|id| rank(self, id))?;
        for loser in targets.into_iter().filter(|id| *id != winner) {
            if rank(self, &loser) == 0 {
                continue;
            }
            for report in self.history.iter_mut().chain(&mut self.reports).filter(|it| it.message_id == loser) {
                report.message_id = winner;
            }
            self.moves.push((context.workspace(), loser, winner));
            self.references.redirect(loser, winner);
            let seen = self.dissolve(context, loser, winner);
            if let Some(mut row) = self.messages.get(winner).cloned() {
                row.delivery.get_or_insert_default().merge(seen);
                self.join_reports(&mut row);
                row.show();
                self.messages.add(row);
            }
        }
        Some(winner)
    }

    /// Deletes the placeholder of a message that exists elsewhere. Returns the placeholder's ladders.
    fn dissolve(&mut self, context: Context<'_>, id: Uuid, into: Uuid) -> Ladders {
        let Some(row) = self.messages.edit(id) else { return Ladders::default() };
        let seen = row.delivery.take().unwrap_or_default().0;
        row.deleted_at.get_or_insert(context.at());
        row.placeholder = false;
        row.revision += 1;
        row.updated_at = row.updated_at.max(context.at());
        let row = row.clone();
        self.tell_deletion(context, &row);
        let files: Vec<Uuid> =
            self.attachments.iter().filter(|file| file.message_id == Some(id)).map(|file| file.id).collect();
        for file in files {
            if let Some(file) = self.attachments.edit(file) {
                file.message_id = Some(into);
            }
        }
        seen
    }

    /// Drafts the event that a message is deleted, and lets the save recount its conversation: the message may have
    /// been the last, or unread.
    pub(super) fn tell_deletion(&mut self, context: Context<'_>, row: &MessageRow) {
        self.recounts.insert((row.workspace_id, row.conversation_id));
        if let (Direction::Inbound, Some(ordinal)) = (row.direction, row.ordinal) {
            self.uncounted.push((row.workspace_id, row.conversation_id, ordinal));
        }
        let payload = DeletedPayload {
            id: MessageId(row.id).to_string(),
            external_id: row.external_id.clone(),
            conversation_id: Some(row.conversation_id.into()),
            message_id: None,
            deleted_at: row.deleted_at.unwrap_or(context.at()),
        };
        let payload = bytes(&self.within(payload, Some(row.conversation_id)));
        self.tell_message(context, EventType::MessageDeleted, row, payload, None);
    }

    fn tell_status(&mut self, context: Context<'_>, row: &MessageRow, report: &StatusReport) {
        let message = self.message_payload(row);
        let text = |name: &str| report.details.get(name).and_then(Value::as_str).map(str::to_owned);
        let past = |time: &DateTime<Utc>| *time <= context.at();
        let time = |name: &str| text(name)?.parse().ok().filter(past);
        let to = text("to").or_else(|| text("mobile")).or_else(|| message.contact.as_ref()?.phone.clone());
        let payload = MessageStatusPayload {
            from: text("from").or_else(|| message.channel.as_ref()?.identifier.clone()),
            mobile: to.clone(),
            to,
            reason: report.reason.clone(),
            processed_at: time("processed_at").or(row.sent_at),
            submit_time: time("submit_time").or(row.sent_at),
            foreign_id: text("foreign_id"),
            report: ReportBrief {
                part: report.part.clone(),
                status: report.status,
                raw_status: report.raw_status.clone(),
                code: report.code.clone(),
                reason: report.reason.clone(),
                reported_at: report.reported_at,
                details: report.details.clone(),
            },
            message,
        };
        self.tell_message(context, EventType::MessageStatusChanged, row, bytes(&payload), None);
    }

    /// Creates a placeholder: an outbound message without content, in a conversation that no queue shows.
    fn placeholder(
        &mut self,
        context: Context<'_>,
        report: &StatusReport,
        names: &[RefKey],
        expected: Option<Uuid>,
    ) -> Result<Uuid, Rejection> {
        let channel = self.channel(context, &report.channel);
        let version = Version::new(Change::Updated, None, context.at());
        let (address, contact) =
            self.person(context, report.person.as_ref(), Told { version, is_record: false, seen: None })?;
        let occurred_at = [report.times.sent_at, report.reported_at, report.times.delivered_at]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(context.at())
            .min(context.at());
        let conversation = self.closed_conversation(context, Place { channel, address, contact }, occurred_at);
        let suggested = || self.references.suggested(names).filter(|id| self.messages.get(*id).is_none());
        let id = expected.or_else(suggested).unwrap_or_else(|| self.ambient.uuid());
        let mut row = blank_message(context, id, conversation, Direction::Outbound);
        row.placeholder = true;
        row.external_id.clone_from(&report.external_id);
        row.occurred_at = occurred_at;
        row.deleted_at = self.references.deleted_at(names);
        self.join_reports(&mut row);
        row.show();
        self.adopt(context, names, id);
        self.references.settle(names);
        self.messages.add(row);
        Ok(id)
    }
}

/// Removes a time after the arrival from a report. The arrival stands in, as for a report without a time.
fn by_arrival(report: &StatusReport, arrived: DateTime<Utc>) -> Cow<'_, StatusReport> {
    match report.reported_at {
        Some(time) if time > arrived => Cow::Owned(StatusReport { reported_at: None, ..report.clone() }),
        _ => Cow::Borrowed(report),
    }
}

fn besides(report: &StatusReport) -> Option<Besides> {
    let besides = Besides {
        times: report.times,
        campaign_id: report.campaign_id.clone(),
        external_id: report.external_id.clone(),
    };
    (besides != Besides::default()).then_some(besides)
}

impl MessageRow {
    /// The members that derive from its reports.
    fn shown(&self) -> Shown {
        Shown {
            status: self.status,
            sent_at: self.sent_at,
            delivered_at: self.delivered_at,
            read_at: self.read_at,
            failed_at: self.failed_at,
            failure: self.failure.as_ref().map(|failure| failure.0.clone()),
        }
    }

    /// Takes over the members that its ladders show.
    pub(super) fn show(&mut self) {
        let Some(ladders) = &self.delivery else { return };
        let shown = ladders.0.shown();
        self.status = floor(self).max(shown.status).filter(|_| self.direction == Direction::Outbound);
        self.sent_at = shown.sent_at;
        self.delivered_at = shown.delivered_at;
        self.read_at = shown.read_at;
        self.failed_at = shown.failed_at;
        self.failure = shown.failure.map(|failure: Failure| failure.into());
    }

    /// Takes over the members of a report that no ladder holds.
    fn take_in(&mut self, besides: &Besides) {
        if self.external_id.is_none() {
            self.external_id.clone_from(&besides.external_id);
        }
        if besides.campaign_id.is_some() {
            self.campaign_external_id.clone_from(&besides.campaign_id);
        }
    }
}

/// The lowest status of a message: SENT for a message from the provider, QUEUED for one of ours. A placeholder has only
/// the status of its reports.
pub(super) fn floor(row: &MessageRow) -> Option<DeliveryStatus> {
    match row.origin {
        _ if row.placeholder => None,
        Origin::Inlet => Some(DeliveryStatus::Queued),
        Origin::Provider => Some(DeliveryStatus::Sent),
    }
}
