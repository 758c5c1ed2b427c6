//! What agents decide about a conversation: who has it, where it stands, how urgent it is, its labels. Pure rules; the
//! rows are [`inlet_store::records::inbox`]'s.

use chrono::{DateTime, Utc};

use super::conversation::{ConversationStatus, Priority};
use crate::ids::{LabelId, MemberId, TeamId};

/// The most labels of one conversation.
pub const MOST_LABELS: usize = 100;

/// What is decided so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handling {
    /// Where it stands.
    pub status: ConversationStatus,
    /// Who has it.
    pub assignee: Option<MemberId>,
    /// Whose it is.
    pub team: Option<TeamId>,
    /// How urgent it is.
    pub priority: Priority,
    /// Its labels, in the order in which they came.
    pub labels: Vec<LabelId>,
    /// Until when it is put off; none where only the next message ends that.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Who has it from now on; the outer `None` leaves it as it is, the inner one takes it from whoever has it.
    Assign {
        /// The member.
        member: Option<Option<MemberId>>,
        /// The team.
        team: Option<Option<TeamId>>,
    },
    /// Where it stands from now on.
    Status(ConversationStatus),
    /// It is put off until this time, or the next message.
    Snooze(DateTime<Utc>),
    /// How urgent it is from now on.
    Priority(Priority),
    /// These labels are put on it; those that it has stay.
    AddLabels(Vec<LabelId>),
    /// These labels are taken off it.
    RemoveLabels(Vec<LabelId>),
}

/// Why a decision cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such way from where it stands.
    #[error("a {} conversation cannot become {}: reopen it first, as IN_QUEUE or OPEN", upper(*from), upper(*to))]
    Transition {
        /// Where it stands.
        from: ConversationStatus,
        /// Where it was to stand.
        to: ConversationStatus,
    },
    /// The time is not to come.
    #[error("it can be put off until a time that is to come")]
    Past,
    /// Too many labels.
    #[error("a conversation has at most {MOST_LABELS} labels")]
    Labels,
}

fn upper(status: ConversationStatus) -> String {
    status.as_str().to_uppercase()
}

impl Handling {
    /// Takes a decision. What is decided already changes nothing.
    ///
    /// An agent who gets what waits IN_QUEUE has it OPEN; what nobody has any more goes back IN_QUEUE from OPEN, and what
    /// is put IN_QUEUE is nobody's. A CLOSED conversation is reopened before anything else becomes of it.
    ///
    /// # Errors
    /// Where it cannot be; then nothing has changed.
    pub fn decide(&mut self, decision: &Decision, now: DateTime<Utc>) -> Result<(), Refusal> {
        match decision {
            Decision::Assign { member, team } => {
                if let Some(team) = team {
                    self.team = *team;
                }
                if let Some(member) = member {
                    self.assign(*member);
                }
            }
            Decision::Status(next) => self.step(*next, None, now)?,
            Decision::Snooze(until) if *until <= now => return Err(Refusal::Past),
            Decision::Snooze(until) => {
                self.step(ConversationStatus::Snoozed, Some(*until), now)?;
                self.snoozed_until = Some(*until);
            }
            Decision::Priority(priority) => self.priority = *priority,
            Decision::AddLabels(labels) => {
                let mut all = self.labels.clone();
                for label in labels {
                    if !all.contains(label) {
                        all.push(*label);
                    }
                }
                if all.len() > MOST_LABELS && all.len() > self.labels.len() {
                    return Err(Refusal::Labels);
                }
                self.labels = all;
            }
            Decision::RemoveLabels(labels) => self.labels.retain(|label| !labels.contains(label)),
        }
        Ok(())
    }

    /// Whoever had it has it no more: what is OPEN goes back IN_QUEUE. Its team stays.
    pub fn give_back(&mut self) {
        self.assign(None);
    }

    /// Its time to be put off is over: it goes back to whoever has it.
    pub fn awake(&mut self) {
        self.status = self.status.woken(self.assignee.is_some());
        self.snoozed_until = None;
        self.closed_at = None;
    }

    fn assign(&mut self, member: Option<MemberId>) {
        self.assignee = member;
        self.status = match (self.status, member) {
            (ConversationStatus::InQueue, Some(_)) => ConversationStatus::Open,
            (ConversationStatus::Open, None) => ConversationStatus::InQueue,
            (status, _) => status,
        };
    }

    fn step(
        &mut self,
        next: ConversationStatus,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if !self.status.may_become(next) {
            return Err(Refusal::Transition { from: self.status, to: next });
        }
        if self.status == next {
            return Ok(());
        }
        self.status = next;
        self.snoozed_until = until;
        self.closed_at = (next == ConversationStatus::Closed).then_some(now);
        if next == ConversationStatus::InQueue {
            self.assignee = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
