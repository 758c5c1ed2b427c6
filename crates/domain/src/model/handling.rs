//! What agents decide about a conversation: who has it, where it stands, how urgent it is, its labels. Pure rules; the
//! rows are [`crate::store::inbox`]'s.

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
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn fresh() -> Handling {
        Handling {
            status: ConversationStatus::InQueue,
            assignee: None,
            team: None,
            priority: Priority::Normal,
            labels: Vec::new(),
            snoozed_until: None,
            closed_at: None,
        }
    }

    fn member() -> impl Strategy<Value = Option<MemberId>> {
        prop::option::of((1_u128..3).prop_map(|n| MemberId(Uuid::from_u128(n))))
    }

    fn labels() -> impl Strategy<Value = Vec<LabelId>> {
        prop::collection::vec((1_u128..6).prop_map(|n| LabelId(Uuid::from_u128(n))), 0..4)
    }

    fn decision() -> impl Strategy<Value = Decision> {
        let team = prop::option::of(prop::option::of((1_u128..3).prop_map(|n| TeamId(Uuid::from_u128(n)))));
        prop_oneof![
            (prop::option::of(member()), team).prop_map(|(member, team)| Decision::Assign { member, team }),
            prop::sample::select(ConversationStatus::ALL).prop_map(Decision::Status),
            (-2_i64..100).prop_map(|seconds| Decision::Snooze(at(seconds))),
            prop::sample::select(Priority::ALL).prop_map(Decision::Priority),
            labels().prop_map(Decision::AddLabels),
            labels().prop_map(Decision::RemoveLabels),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_decided_the_parts_agree(decisions in prop::collection::vec(decision(), 0..40)) {
            let mut handling = fresh();
            for (second, decision) in decisions.iter().enumerate() {
                let now = at(i64::try_from(second).unwrap());
                let before = handling.clone();
                match handling.decide(decision, now) {
                    Err(_) => prop_assert_eq!(&handling, &before, "a refusal leaves all as it was"),
                    Ok(()) => {
                        let once = handling.clone();
                        prop_assert!(handling.decide(decision, now).is_ok());
                        prop_assert_eq!(&handling, &once, "twice is as once");
                    }
                }
                prop_assert_eq!(handling.closed_at.is_some(), handling.status == ConversationStatus::Closed);
                prop_assert!(handling.snoozed_until.is_none() || handling.status == ConversationStatus::Snoozed);
                prop_assert!(handling.status != ConversationStatus::InQueue || handling.assignee.is_none());
                let mut distinct = handling.labels.clone();
                distinct.sort_unstable();
                distinct.dedup();
                prop_assert_eq!(distinct.len(), handling.labels.len());
            }
            // An inbound message, or the end of a snooze.
            let asleep = ![ConversationStatus::InQueue, ConversationStatus::Open].contains(&handling.status);
            let status = handling.status;
            handling.awake();
            let woken = if handling.assignee.is_some() { ConversationStatus::Open } else { ConversationStatus::InQueue };
            prop_assert_eq!(handling.status, if asleep { woken } else { status });
        }
    }

    #[test]
    fn c2_what_is_given_back_keeps_its_team_and_goes_to_the_queue_if_it_was_open() {
        for (status, left) in [
            (ConversationStatus::Open, ConversationStatus::InQueue),
            (ConversationStatus::Pending, ConversationStatus::Pending),
            (ConversationStatus::Snoozed, ConversationStatus::Snoozed),
        ] {
            let (team, member) = (Some(TeamId(Uuid::from_u128(1))), Some(MemberId(Uuid::from_u128(2))));
            let mut handling = Handling { status, assignee: member, team, ..fresh() };
            handling.give_back();
            assert_eq!((handling.status, handling.assignee, handling.team), (left, None, team));
        }
    }

    #[test]
    fn c1_a_message_takes_up_whatever_waits() {
        for status in ConversationStatus::ALL {
            let waits = !matches!(status, ConversationStatus::InQueue | ConversationStatus::Open);
            let expected = |taken| if waits { taken } else { *status };
            assert_eq!(status.woken(true), expected(ConversationStatus::Open), "{status}");
            assert_eq!(status.woken(false), expected(ConversationStatus::InQueue), "{status}");
        }
    }

    #[test]
    fn a_closed_conversation_is_reopened_first() {
        let mut handling = fresh();
        handling.decide(&Decision::Status(ConversationStatus::Closed), at(0)).unwrap();
        for next in [Decision::Status(ConversationStatus::Pending), Decision::Snooze(at(60))] {
            let refused = handling.decide(&next, at(1)).unwrap_err();
            assert!(refused.to_string().starts_with("a CLOSED conversation cannot become"), "{refused}");
        }
        handling.decide(&Decision::Status(ConversationStatus::Open), at(1)).unwrap();
        assert_eq!((handling.status, handling.closed_at), (ConversationStatus::Open, None));
    }

    #[test]
    fn a_conversation_has_a_bounded_number_of_labels() {
        let many = |from: u128, count: u128| (from..from + count).map(|n| LabelId(Uuid::from_u128(n))).collect();
        let mut handling = fresh();
        handling.decide(&Decision::AddLabels(many(1, 100)), at(0)).unwrap();
        assert_eq!(handling.decide(&Decision::AddLabels(many(101, 1)), at(0)), Err(Refusal::Labels));
        handling.decide(&Decision::AddLabels(many(1, 100)), at(0)).unwrap();
        handling.decide(&Decision::RemoveLabels(many(1, 1)), at(0)).unwrap();
        handling.decide(&Decision::AddLabels(many(101, 1)), at(0)).unwrap();
    }
}
