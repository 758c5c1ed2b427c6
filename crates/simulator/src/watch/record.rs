//! The updates of one operation of a watcher, and their comparison with the expected ones.

use serde::Deserialize;

use super::{
    filter::Filter,
    history::{History, Membership, Told, mark, seq},
};
use crate::check::Difference;

/// A frame of `events`.
#[derive(Debug, Deserialize)]
#[serde(tag = "__typename")]
pub enum Update {
    /// An event.
    Event {
        /// `evt_...`
        id: String,
        /// The cursor of the event.
        cursor: String,
        /// Its type.
        r#type: String,
        /// The membership in the filter's list.
        membership: Option<String>,
    },
    /// Every matching entry up to the cursor was sent.
    Checkpoint {
        /// The cursor.
        cursor: String,
    },
    /// Entries were skipped.
    Reset {
        /// The cursor at which the stream continues.
        cursor: String,
        /// The reason.
        reason: String,
    },
}

/// The updates so far.
#[derive(Debug, Clone)]
pub struct Record {
    start: u64,
    told: Vec<Told>,
    /// Skipped ranges of resets: after the first number, up to the second.
    passed_over: Vec<(u64, u64)>,
    /// The cursor to resume from.
    pub cursor: String,
    /// The number of events.
    pub events: usize,
    /// The number of checkpoints.
    pub checkpoints: usize,
    /// The reasons of resets.
    pub resets: Vec<String>,
    differences: Vec<Difference>,
}

impl Record {
    /// A record that begins at this cursor.
    #[must_use]
    pub fn after(cursor: &str) -> Self {
        Self {
            start: seq(cursor),
            told: Vec::new(),
            passed_over: Vec::new(),
            cursor: cursor.to_owned(),
            events: 0,
            checkpoints: 0,
            resets: Vec::new(),
            differences: Vec::new(),
        }
    }

    /// The number of the last covered entry.
    #[must_use]
    pub fn reached(&self) -> u64 {
        seq(&self.cursor)
    }

    /// Adds a frame.
    pub fn take(&mut self, update: Update) {
        match update {
            Update::Event { id, cursor, r#type, membership } => {
                self.events += 1;
                let membership = membership.as_deref().and_then(Membership::parse);
                self.told.push(Told { seq: seq(&cursor), mark: mark(&id, &r#type), membership });
                self.cursor = cursor;
            }
            Update::Checkpoint { cursor } => {
                self.checkpoints += 1;
                if seq(&cursor) < self.reached() {
                    self.differ("checkpoint", format!("it went back from {} to {cursor}", self.cursor));
                }
                self.cursor = cursor;
            }
            Update::Reset { cursor, reason } => {
                self.resets.push(reason);
                if seq(&cursor) < self.reached() {
                    self.differ("reset", format!("it went back from {} to {cursor}", self.cursor));
                }
                self.passed_over.push((self.reached(), seq(&cursor)));
                self.cursor = cursor;
            }
        }
    }

    /// Records an error that a well-behaved operation must not get.
    pub fn refused(&mut self, what: String) {
        self.differ("refused", what);
    }

    fn differ(&mut self, kind: &str, what: String) {
        self.differences.push(Difference { kind: kind.to_owned(), what });
    }

    /// All differences from the log up to `goal` under the filter, if the run had a reason for `resets` resets.
    #[must_use]
    pub fn compare(&self, history: &History, filter: Option<&Filter>, (goal, resets): (u64, usize)) -> Vec<Difference> {
        let mut found = self.differences.clone();
        let mut differ = |kind: &str, what: String| found.push(Difference { kind: kind.to_owned(), what });
        if self.reached() < goal {
            differ("late", format!("it came to {} of {goal}", self.reached()));
        }
        if self.resets.len() > resets {
            differ("reset", format!("{} for {resets} reasons", self.resets.join(" ")));
        }
        let mut told: Vec<Told> = Vec::with_capacity(self.told.len());
        for one in &self.told {
            match told.last() {
                Some(last) if last.seq == one.seq => differ("twice", format!("{}", one.seq)),
                Some(last) if last.seq > one.seq => differ("order", format!("{} after {}", one.seq, last.seq)),
                _ => {}
            }
            told.push(*one);
        }
        told.sort_by_key(|one| one.seq);
        told.dedup_by_key(|one| one.seq);
        let end = told.last().map_or(goal, |last| last.seq.max(goal));
        let mut told = told.into_iter().peekable();
        let is_passed_over = |step: u64| self.passed_over.iter().any(|(from, to)| (from + 1..=*to).contains(&step));
        let wanted = |step: u64| step > self.start && step <= end && !is_passed_over(step);
        for step in history.steps.iter().filter(|step| wanted(step.seq)) {
            let is = told.next_if(|one| one.seq == step.seq);
            let about = || step.to_string();
            match (step.told(filter), is) {
                (Some(_), None) => differ("missing", about()),
                (None, Some(is)) => differ("unexpected", format!("{} as {:?}", about(), is.membership)),
                (Some(must), Some(is)) if must.mark != is.mark => differ("another", about()),
                (Some(must), Some(is)) if must.membership != is.membership => {
                    differ("membership", format!("{}: {:?} for {:?}", about(), is.membership, must.membership));
                }
                _ => {}
            }
        }
        for left in told {
            differ("unknown", format!("{} is not in the log after {}", left.seq, self.start));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::watch::history::{Facets, Step};

    fn step(seq: u64, before: Option<&str>, after: Option<&str>) -> Step {
        let facets = |status: &str| Arc::new(Facets { status: status.to_owned(), ..Facets::default() });
        let conversation = Some((before.map(facets), after.map(facets)));
        Step {
            seq,
            id: format!("evt_{seq}"),
            kind: "conversation.updated".into(),
            conversation,
            around: Facets::default(),
            merged: None,
        }
    }

    fn history() -> History {
        let steps = vec![
            step(1, None, Some("OPEN")),
            step(2, Some("OPEN"), Some("OPEN")),
            step(3, Some("OPEN"), Some("CLOSED")),
            step(4, Some("CLOSED"), Some("OPEN")),
        ];
        History { steps, ..History::default() }
    }

    fn event(seq: u64, membership: &str) -> Update {
        Update::Event {
            id: format!("evt_{seq}"),
            cursor: format!("1-{seq}"),
            r#type: "conversation.updated".into(),
            membership: Some(membership.to_owned()),
        }
    }

    fn reset(cursor: &str) -> Update {
        Update::Reset { cursor: cursor.into(), reason: "FOREIGN".into() }
    }

    fn found(updates: Vec<Update>) -> Vec<String> {
        found_with(updates, 0)
    }

    fn found_with(updates: Vec<Update>, resets: usize) -> Vec<String> {
        let filter = Filter { status: vec!["OPEN".into()], ..Filter::default() };
        let mut record = Record::after("1-0");
        updates.into_iter().for_each(|update| record.take(update));
        record.compare(&history(), Some(&filter), (4, resets)).into_iter().map(|one| one.kind).collect()
    }

    #[test]
    fn a_record_that_equals_the_log_under_its_filter_has_no_difference() {
        let all = vec![event(1, "ENTERED"), event(2, "INSIDE"), event(3, "LEFT"), event(4, "ENTERED")];
        assert_eq!(found(all), Vec::<String>::new());
        assert_eq!(found_with(vec![event(1, "ENTERED"), reset("2-3"), event(4, "ENTERED")], 1), Vec::<String>::new());
    }

    #[test]
    fn every_way_to_be_wrong_is_found() {
        let (first, second, third) = (|| event(1, "ENTERED"), || event(2, "INSIDE"), || event(3, "LEFT"));
        let fourth = || event(4, "ENTERED");
        assert_eq!(found(vec![first(), third(), fourth()]), ["missing"]);
        assert_eq!(found(vec![first(), second(), second(), third(), fourth()]), ["twice"]);
        assert_eq!(found(vec![second(), first(), third(), fourth()]), ["order"]);
        assert_eq!(found(vec![first(), second(), event(3, "INSIDE"), fourth()]), ["membership"]);
        assert_eq!(found(vec![first(), second(), third()]), ["late", "missing"]);
        assert_eq!(found(vec![first(), second(), third(), fourth(), event(5, "INSIDE")]), ["unknown"]);
        let mut other = fourth();
        if let Update::Event { id, .. } = &mut other {
            *id = "evt_9".into();
        }
        assert_eq!(found(vec![first(), second(), third(), other]), ["another"]);
        let back = Update::Checkpoint { cursor: "1-1".into() };
        assert_eq!(found(vec![first(), second(), back, third(), fourth()]), ["checkpoint"]);
        assert_eq!(found(vec![first(), reset("2-3"), fourth()]), ["reset"], "there was no reason for one");
        assert_eq!(found_with(vec![reset("2-2"), third(), fourth()], 1), Vec::<String>::new());
        assert_eq!(found_with(vec![reset("2-2"), fourth()], 1), ["missing"], "what comes after a reset is told");
        assert_eq!(found_with(vec![second(), reset("2-3"), fourth()], 1), ["missing"], "so is what came before it");
        assert_eq!(found_with(vec![first(), second(), third(), reset("2-2"), fourth()], 1), ["reset"]);
    }
}
