//! The comparison: a pure function, so that tests can show which faults it finds.

mod conversations;
mod log;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

pub use self::log::compare_log;
pub(crate) use self::log::is_sent;
use super::standing::{Entity, Standing};
use crate::{
    claim::{Kind, Must, Rung, Token},
    model::{Expected, Model},
};

/// A difference from the expected state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// The kind of difference, as one word.
    pub kind: String,
    /// The object and its state.
    pub what: String,
}

fn difference(kind: impl Into<String>, what: impl Into<String>) -> Difference {
    Difference { kind: kind.into(), what: what.into() }
}

/// The part of the server's state that the run can explain.
#[derive(Debug, Clone)]
pub struct Extent {
    /// The word in every id of the run.
    pub run: String,
    /// When the first event was posted.
    pub begun: DateTime<Utc>,
    /// When the state was read.
    pub ended: DateTime<Utc>,
    /// Whether the server was empty before the run. Then every object must be explained.
    pub alone: bool,
}

/// Each expected object with the found objects.
type Matches<'a> = Vec<(&'a Expected, Vec<&'a Entity>)>;

/// All differences between the expected and the found state, after the run.
#[must_use]
pub fn compare(extent: &Extent, model: &Model, standing: &Standing) -> Vec<Difference> {
    let mut found = compare_log(model, &standing.log);
    found.extend(log::webhooks(standing));
    found.extend(stuck(extent, model, standing));
    let mut by_name: HashMap<(Kind, &str), Vec<usize>> = HashMap::new();
    for (place, entity) in standing.entities.iter().enumerate() {
        for name in &entity.names {
            by_name.entry((entity.kind, name)).or_default().push(place);
        }
    }
    let mut explained: BTreeMap<usize, Vec<&Expected>> = BTreeMap::new();
    let mut matches: Matches = Vec::new();
    for expected in model.entities() {
        let places: BTreeSet<usize> = expected
            .names
            .iter()
            .filter_map(|name| by_name.get(&(expected.kind, name.as_str())))
            .flatten()
            .copied()
            .collect();
        for place in &places {
            explained.entry(*place).or_default().push(expected);
        }
        matches.push((expected, places.iter().filter_map(|place| standing.entities.get(*place)).collect()));
    }
    let files_of_gone: BTreeSet<&str> = model
        .of_kind(Kind::Message)
        .filter(|message| message.is_gone())
        .flat_map(|message| message.names.iter().map(String::as_str))
        .collect();
    for (expected, entities) in &matches {
        // The messages of a conversation identify it too.
        if expected.kind == Kind::Conversation {
            continue;
        }
        let hidden =
            expected.is_gone() || expected.text("message").is_some_and(|message| files_of_gone.contains(message));
        found.extend(count(expected, entities, hidden));
        for entity in entities.iter().filter(|_| !hidden) {
            found.extend(members(extent, expected, entity));
        }
    }
    found.extend(conversations::compare(extent, &matches, standing));
    for (place, entity) in standing.entities.iter().enumerate().filter(|(_, one)| one.kind != Kind::Conversation) {
        match explained.get(&place).map(Vec::as_slice) {
            None if is_ours(extent, entity) => {
                found.push(difference(word(entity.kind, "unexplained"), format!("{entity:?}")));
            }
            Some(several @ [_, _, ..]) => {
                let names: Vec<_> = several.iter().map(|expected| expected.name()).collect();
                found.push(difference(word(entity.kind, "joined"), format!("{}: {names:?}", entity.id)));
            }
            _ => {}
        }
    }
    found.sort();
    found
}

fn word(kind: Kind, what: &str) -> String {
    format!("{}_{what}", json!(kind).as_str().unwrap_or_default())
}

/// Inlet chooses the name of a source's own channel, so the model has no name for it.
fn is_ours(extent: &Extent, entity: &Entity) -> bool {
    let mark = format!("sim{}x", extent.run);
    (extent.alone && entity.kind != Kind::Channel) || format!("{entity:?}").contains(&mark)
}

fn count(expected: &Expected, entities: &[&Entity], hidden: bool) -> Option<Difference> {
    let name = expected.name();
    match entities.len() {
        0 if hidden => None,
        times if hidden => Some(difference(word(expected.kind, "not_gone"), format!("{name}: {times} times"))),
        1 => None,
        0 => Some(difference(word(expected.kind, "missing"), name)),
        times => Some(difference(word(expected.kind, "repeated"), format!("{name}: {times} times"))),
    }
}

fn members(extent: &Extent, expected: &Expected, entity: &Entity) -> Vec<Difference> {
    let mut must: BTreeMap<&str, Vec<Must>> =
        expected.members.iter().map(|(member, (_, must))| (*member, must.clone())).collect();
    must.remove("thread");
    must.remove("seed");
    if expected.forgotten.is_some() {
        // Messages that a person writes later may or may not restore values that the provider reported before the
        // deletion.
        return Vec::new();
    }
    if expected.kind == Kind::Message {
        must.extend(reported(expected).into_iter().map(|(member, one)| (member, vec![one])));
    }
    let is = |must: &Must, stands: &Value| match must {
        Must::Be(value) => value == stands,
        Must::Hold(name) => stands.as_array().is_some_and(|names| names.contains(&json!(name))),
        // The server's clock may differ from the simulator's a little.
        Must::BeArrival => {
            let slack = chrono::TimeDelta::seconds(60);
            let time = stands.as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok());
            time.is_some_and(|time| time >= extent.begun - slack && time <= extent.ended + slack)
        }
        Must::BeShown => stands.as_str().is_some_and(|text| !text.is_empty()),
        Must::BeEarliest(None) => stands.is_null(),
        Must::BeEarliest(Some(time)) => Must::at(*time) == Must::Be(stands.clone()),
    };
    let mut found = Vec::new();
    for (member, must) in must {
        let stands = entity.members.get(member).unwrap_or(&Value::Null);
        if !must.iter().any(|must| is(must, stands)) {
            let what = format!("{} ({}): must {must:?}, is {stands}", expected.name(), entity.id);
            found.push(difference(format!("{}_{member}", word(expected.kind, "wrong")), what));
        }
    }
    found
}

/// Checks the failed and unrecognised requests of the run. Only an event that identifies nothing may be unrecognised, and the
/// server must keep each such event. Other
/// failures are reported by their reason, with a count.
fn stuck(extent: &Extent, model: &Model, standing: &Standing) -> Vec<Difference> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kept: BTreeSet<&Token> = BTreeSet::new();
    for stuck in &standing.stuck {
        let of_model =
            stuck.tokens.iter().filter(|token| stuck.is_unrecognised && model.unrecognised().contains(token));
        let meant: Vec<&Token> = of_model.collect();
        kept.extend(&meant);
        if meant.is_empty() && stuck.at.parse::<DateTime<Utc>>().is_ok_and(|at| at >= extent.begun) {
            *reasons.entry(&stuck.why).or_default() += 1;
        }
    }
    let lost = model.unrecognised().iter().filter(|token| !kept.contains(token));
    let lost = lost.map(|token| difference("unrecognised_missing", token.as_str()));
    let failed = reasons.into_iter().map(|(why, times)| difference("stuck", format!("{times} times {why}")));
    lost.chain(failed).collect()
}

/// The expected result of the reports on a message.
fn reported(expected: &Expected) -> Vec<(&'static str, Must)> {
    let mut members = expected.ladders.members();
    let history = expected.ladders.history();
    if history.is_empty() {
        return Vec::new();
    }
    members.push(("history", Must::Be(json!(history))));
    members.push(("placeholder", Must::Be(json!(!expected.told))));
    // A message that the provider shows was at least sent.
    let floor = expected.told.then_some(Rung::Sent);
    let rung = expected.ladders.rung().max(floor);
    members.push(("status", rung.map_or_else(Must::be_null, |rung| Must::text(rung.word()))));
    members
}

#[cfg(test)]
mod tests;
