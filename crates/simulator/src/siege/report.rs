//! The results of a siege: a table for people and for SECURITY.md, and a file for scripts.

use std::fmt::Write;

use serde::Serialize;

use super::{
    attack::{Attack, Counts, DoorIs, Figure, Outcome, Size},
    well::Answers,
};
use crate::check::Difference;

/// The limit of the resident memory of a process, in MiB.
pub const MEMORY_MIB: f64 = 600.0;
/// The limit of the p99 of the door's answers to the well-behaved client, in milliseconds.
pub const DOOR_MS: f64 = 300.0;
/// Of this many posts one may be refused or late at the first try.
const ONE_OF: usize = 100;

/// A bound that did not hold.
#[derive(Debug, Clone, Serialize)]
pub struct Exceeded {
    /// `memory`, `time`, `count`, `canary` or `difference`.
    pub kind: &'static str,
    /// The excess.
    pub what: String,
}

/// An attack with its measurements.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// The description.
    pub what: String,
    /// The bound that it tests.
    pub bound: &'static str,
    /// The duration.
    pub seconds: f64,
    /// The most resident memory of one process.
    pub mib: f64,
    /// The door's answers to the well-behaved client.
    pub door: Answers,
    /// GraphQL's answers to the well-behaved client.
    pub graphql: Answers,
    /// The attack's own measured times.
    pub figures: Vec<Figure>,
    /// The answers to the attackers.
    pub got: Counts,
    /// The bounds that did not hold.
    pub exceeded: Vec<Exceeded>,
    #[serde(skip)]
    door_is: Option<DoorIs>,
}

impl Row {
    /// The row of an attack.
    #[must_use]
    pub fn new(attack: &Attack, size: Size, outcome: Outcome, measured: (f64, f64, Answers, Answers)) -> Self {
        let (seconds, mib, door, graphql) = measured;
        let mut exceeded = Vec::new();
        let mut add = |kind, what| exceeded.push(Exceeded { kind, what });
        if mib >= MEMORY_MIB {
            add("memory", format!("{mib:.0} MiB of {MEMORY_MIB:.0}"));
        }
        if attack.door == DoorIs::Open {
            if door.p99 >= DOOR_MS {
                add("time", format!("the door's p99 was {:.0} ms of {DOOR_MS:.0}", door.p99));
            }
            if door.failed * ONE_OF > door.asked {
                add("time", format!("{} of {} posts were not taken at once", door.failed, door.asked));
            }
            if door.asked == 0 {
                add("time", "the well-behaved client posted nothing".to_owned());
            }
        }
        for Figure { name, ms, limit_ms } in &outcome.figures {
            if ms > limit_ms {
                add("time", format!("{name}: {ms:.0} ms of {limit_ms:.0}"));
            }
        }
        for what in outcome.broken {
            add("count", what);
        }
        Self {
            name: attack.name,
            what: (attack.what)(size),
            bound: attack.bound,
            seconds,
            mib,
            door,
            graphql,
            figures: outcome.figures,
            got: outcome.got,
            exceeded,
            door_is: Some(attack.door),
        }
    }

    /// The row as text, printed during the siege.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { name, seconds, mib, door, graphql, .. } = self;
        let mut line = format!(
            "{name}: {seconds:.1} s, {mib:.0} MiB, door p50 {:.0} p99 {:.0} most {:.0} ms ({} of {} not at once{}), dashboard p99 {:.0} ms ({} of {} failed{})\n  got {}",
            door.p50,
            door.p99,
            door.most,
            door.failed,
            door.asked,
            with(&door.failures),
            graphql.p99,
            graphql.failed,
            graphql.asked,
            with(&graphql.failures),
            told(&self.got)
        );
        for Figure { name, ms, limit_ms } in &self.figures {
            // Writing to a String cannot fail.
            let _ = write!(line, "\n  {name}: {ms:.0} ms of {limit_ms:.0}");
        }
        for Exceeded { kind, what } in &self.exceeded {
            let _ = write!(line, "\n  EXCEEDED ({kind}): {what}");
        }
        line
    }

    fn door(&self) -> String {
        if self.door_is == Some(DoorIs::Open) {
            return format!("{:.0}", self.door.p99);
        }
        let figures: Vec<_> = self.figures.iter().map(|figure| format!("{}: {:.0}", figure.name, figure.ms)).collect();
        figures.join("; ")
    }
}

fn told(counts: &Counts) -> String {
    let words: Vec<_> = counts.iter().map(|(word, times)| format!("{times} x {word}")).collect();
    words.join(", ")
}

/// Counts that explain a number.
fn with(counts: &Counts) -> String {
    if counts.is_empty() { String::new() } else { format!(": {}", told(counts)) }
}

/// The result of the final comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// Acknowledged posts of the well-behaved client.
    pub acknowledged: usize,
    /// Its repeated posts.
    pub retries: usize,
    /// Its received webhooks.
    pub webhooks: usize,
    /// The differences from the expected state.
    pub differences: Vec<Difference>,
    /// Forbidden texts in logs.
    pub canaries: Vec<String>,
}

/// The whole siege.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Whether it is the short form.
    pub short: bool,
    /// The limits of memory and of the door.
    pub limits: (f64, f64),
    /// The attacks.
    pub attacks: Vec<Row>,
    /// The final comparison.
    pub checked: Checked,
    /// Every bound that did not hold, with its attack.
    pub exceeded: Vec<(String, Exceeded)>,
}

impl Report {
    /// The report of all attacks and the comparison.
    #[must_use]
    pub fn new((seed, short): (u64, bool), attacks: Vec<Row>, checked: Checked) -> Self {
        let of_row = |row: &Row| row.exceeded.iter().map(|one| (row.name.to_owned(), one.clone())).collect::<Vec<_>>();
        let mut exceeded: Vec<_> = attacks.iter().flat_map(of_row).collect();
        let mut add = |kind, what: String| exceeded.push(("the check".to_owned(), Exceeded { kind, what }));
        for Difference { kind, what } in &checked.differences {
            add("difference", format!("{kind}: {what}"));
        }
        for what in &checked.canaries {
            add("canary", what.clone());
        }
        Self { seed, short, limits: (MEMORY_MIB, DOOR_MS), attacks, checked, exceeded }
    }

    /// The table in Markdown.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = "| Attack | Bound | Peak memory, MiB | Door p99, ms | Dashboard p99, ms | The attacker got | Held |\n|---|---|---|---|---|---|---|\n".to_owned();
        for row in &self.attacks {
            let held = if row.exceeded.is_empty() { "yes" } else { "NO" };
            let Row { name, what, bound, mib, graphql, got, .. } = row;
            // Writing to a String cannot fail.
            let _ = writeln!(
                table,
                "| {name}: {what} | {bound} | {mib:.0} | {} | {:.0} | {} | {held} |",
                row.door(),
                graphql.p99,
                told(got)
            );
        }
        table
    }

    /// The final lines, as text.
    #[must_use]
    pub fn text(&self) -> String {
        let Checked { acknowledged, retries, webhooks, differences, canaries } = &self.checked;
        let mut text = format!(
            "\n{}\nchecked   {acknowledged} acknowledged ({retries} retries), {webhooks} webhooks; {} differences, {} canaries\n",
            self.table(),
            differences.len(),
            canaries.len()
        );
        for (name, Exceeded { kind, what }) in &self.exceeded {
            let _ = writeln!(text, "EXCEEDED  {name} ({kind}): {what}");
        }
        text.push_str(if self.exceeded.is_empty() {
            "result    every bound held"
        } else {
            "result    BOUNDS WERE EXCEEDED"
        });
        text
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn attack(door: DoorIs) -> Attack {
        Attack {
            name: "X one",
            what: |_| "does".into(),
            bound: "a bound",
            door,
            run: |_| async { Ok(Outcome::default()) }.boxed(),
        }
    }

    fn row(door: DoorIs, mib: f64, p99: f64, outcome: Outcome) -> Row {
        let answers = Answers { asked: 200, failed: 1, p99, ..Answers::default() };
        Row::new(&attack(door), Size::new(true), outcome, (1.0, mib, answers.clone(), answers))
    }

    fn kinds(row: &Row) -> Vec<&str> {
        row.exceeded.iter().map(|one| one.kind).collect()
    }

    #[test]
    fn what_is_beyond_its_bound_is_told() {
        assert!(kinds(&row(DoorIs::Open, 599.0, 299.0, Outcome::default())).is_empty());
        assert_eq!(kinds(&row(DoorIs::Open, 601.0, 301.0, Outcome::default())), ["memory", "time"]);
        assert!(kinds(&row(DoorIs::Away, 1.0, 9_000.0, Outcome::default())).is_empty());
        let mut outcome = Outcome::default();
        outcome.figure("late", None, std::time::Duration::from_secs(60), std::time::Duration::from_secs(3));
        outcome.must(false, "more than one");
        let late = row(DoorIs::Away, 1.0, 1.0, outcome);
        assert_eq!(kinds(&late), ["time", "count"]);
        let checked =
            Checked { acknowledged: 1, retries: 0, webhooks: 1, differences: Vec::new(), canaries: vec!["x".into()] };
        let report = Report::new((1, true), vec![late], checked);
        assert_eq!(report.exceeded.len(), 3);
        assert!(
            report.table().contains("| X one: does | a bound | 1 | late: 60000 | 1 |  | NO |"),
            "{}",
            report.table()
        );
    }
}
