//! Decisions of members about a conversation: assignee, status, priority, labels. These are pure rules;
//! [`inlet_store::records::inbox`] reads and writes the rows.

use chrono::{DateTime, Utc};

use super::conversation::{ConversationStatus, Priority};
use crate::ids::{LabelId, MemberId, TeamId};

/// The most labels of one conversation.
pub const MOST_LABELS: usize = 100;

/// The current decisions about a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handling {
    /// The lifecycle status.
    pub status: ConversationStatus,
    /// The assigned member.
    pub assignee: Option<MemberId>,
    /// The assigned team.
    pub team: Option<TeamId>,
    /// The priority.
    pub priority: Priority,
    /// The labels, in the order in which they were added.
    pub labels: Vec<LabelId>,
    /// The end of the snooze; `None` if only the next message ends it.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// When the conversation was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Assigns the conversation. The outer `None` changes nothing; the inner `None` unassigns.
    Assign {
        /// The member.
        member: Option<Option<MemberId>>,
        /// The team.
        team: Option<Option<TeamId>>,
    },
    /// Sets the status.
    Status(ConversationStatus),
    /// Snoozes the conversation until this time, or the next message.
    Snooze(DateTime<Utc>),
    /// Sets the priority.
    Priority(Priority),
    /// Adds these labels, and keeps the others.
    AddLabels(Vec<LabelId>),
    /// Removes these labels.
    RemoveLabels(Vec<LabelId>),
}

/// A decision is impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The status cannot change this way.
    #[error("a {} conversation cannot become {}: reopen it first, as IN_QUEUE or OPEN", upper(*from), upper(*to))]
    Transition {
        /// The current status.
        from: ConversationStatus,
        /// The requested status.
        to: ConversationStatus,
    },
    /// The time is in the past.
    #[error("a conversation can be snoozed only until a time in the future")]
    Past,
    /// The conversation would have too many labels.
    #[error("a conversation has at most {MOST_LABELS} labels")]
    Labels,
}

fn upper(status: ConversationStatus) -> String {
    status.as_str().to_uppercase()
}

impl Handling {
    /// Applies a decision. A decision that is already in effect changes nothing.
    ///
    /// Assigning an IN_QUEUE conversation to a member makes it OPEN. Unassigning an OPEN conversation makes it
    /// IN_QUEUE, and setting it to IN_QUEUE unassigns it. A CLOSED conversation must be reopened before any other
    /// change.
    ///
    /// # Errors
    /// The decision is impossible; then nothing has changed.
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

    /// Unassigns the member. An OPEN conversation goes back to the queue. The team stays.
    pub fn give_back(&mut self) {
        self.assign(None);
    }

    /// Ends the snooze: the conversation goes back to its member, else to the queue.
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
