//! Lists of the raw log. The log is long and matches are rare. So a list is a union of arms, one for each value of the
//! filter that an index serves best. Each arm reads its index in the order of the ids, at most a page. So the cost of
//! an arm does not grow with the log.

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ids::{InboundEventId, SourceId, first_at},
    model::outcome::Outcome,
    scope::Scope,
};
use serde::Serialize;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::InboundEvent;
use crate::{
    database::Database,
    error::StoreError,
    records::page::{Page, Position, Slice, Sort},
};

/// The most values in one list of a filter.
const MOST_VALUES: usize = 100;

/// The server makes the id after it has read the request. No request takes longer from its receipt to its id.
const MINTED_WITHIN: TimeDelta = TimeDelta::minutes(1);

/// The filter of a list of requests. A request passes if it matches one value of each list; an empty list matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// The ids.
    pub ids: Vec<InboundEventId>,
    /// The outcomes.
    pub outcomes: Vec<Outcome>,
    /// The sources.
    pub sources: Vec<SourceId>,
    /// The providers' names of the events.
    pub events: Vec<String>,
    /// Only requests whose bodies are not strict JSON, or only the others.
    pub lenient: Option<bool>,
    /// Only requests received at this time or later.
    pub received_from: Option<DateTime<Utc>>,
    /// Only requests received before this time.
    pub received_to: Option<DateTime<Utc>>,
    /// A part of the error text, in any case.
    pub error: Option<String>,
}

impl Filter {
    fn check(&self) -> Result<(), StoreError> {
        for (path, length) in [
            ("filter.ids", self.ids.len()),
            ("filter.sourceId", self.sources.len()),
            ("filter.event", self.events.len()),
        ] {
            if length > MOST_VALUES {
                let message = format!("a list of the filter may have at most {MOST_VALUES} values, not {length}");
                return Err(StoreError::Invalid { path, message });
            }
        }
        let texts = self
            .events
            .iter()
            .map(|event| ("filter.event", event))
            .chain(self.error.iter().map(|part| ("filter.error", part)));
        for (path, text) in texts {
            if text.contains('\0') {
                return Err(StoreError::Invalid {
                    path,
                    message: "remove the NUL character from this text".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// One arm for each value of the list that narrows the result most.
    fn arms(&self) -> Vec<Arm<'_>> {
        if !self.ids.is_empty() {
            return vec![Arm::Whole];
        }
        let wanted = |outcome: &Outcome| self.outcomes.is_empty() || self.outcomes.contains(outcome);
        if self.error.is_some() {
            // Accepted requests and duplicates have no error.
            let with_error = [Outcome::Unrecognised, Outcome::Failed, Outcome::Quarantined];
            return with_error.into_iter().filter(wanted).map(Arm::Outcome).collect();
        }
        if !self.outcomes.is_empty() && !self.outcomes.contains(&Outcome::Accepted) {
            return Outcome::ALL.iter().copied().filter(wanted).map(Arm::Outcome).collect();
        }
        match (self.lenient, self.events.as_slice(), self.sources.as_slice()) {
            (None | Some(false), [], []) | (Some(true), ..) => vec![Arm::Whole],
            (_, [], sources) => sources.iter().copied().map(Arm::Source).collect(),
            (_, events, _) => events.iter().map(|event| Arm::Event(event)).collect(),
        }
    }
}

/// A part of a list that one index serves in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arm<'a> {
    Whole,
    Outcome(Outcome),
    Event(&'a str),
    Source(SourceId),
}

/// The wanted range of ids, without its ends, and the end to begin at.
#[derive(Debug, Clone, Copy)]
struct Range {
    above: Option<Uuid>,
    below: Option<Uuid>,
    newest_first: bool,
    limit: i64,
}

/// Requests, newest first.
///
/// # Errors
/// [`StoreError::Invalid`] where the filter is too long or a position is of another list.
pub async fn list(
    database: &Database,
    scope: Scope,
    filter: &Filter,
    slice: &Slice,
) -> Result<Page<InboundEvent>, StoreError> {
    slice.check(Sort::Id)?;
    let range = Range {
        above: slice.before.map(|position| position.id),
        below: slice.after.map(|position| position.id),
        newest_first: !slice.from_end,
        limit: i64::from(slice.size) + 1,
    };
    let rows = fetch(database, scope, filter, range).await?;
    let rows = rows.into_iter().map(|row| (Position::of_id(row.id), row)).collect();
    Ok(Page::of_rows(rows, slice))
}

/// Up to `limit` requests after `after`, or from the first one, oldest first.
///
/// # Errors
/// [`StoreError::Invalid`] where the filter is too long.
pub async fn after(
    database: &Database,
    scope: Scope,
    filter: &Filter,
    after: Option<InboundEventId>,
    limit: u32,
) -> Result<Vec<InboundEvent>, StoreError> {
    let range = Range { above: after.map(|id| id.0), below: None, newest_first: false, limit: i64::from(limit) };
    fetch(database, scope, filter, range).await
}

async fn fetch(
    database: &Database,
    scope: Scope,
    filter: &Filter,
    range: Range,
) -> Result<Vec<InboundEvent>, StoreError> {
    filter.check()?;
    let arms = filter.arms();
    if arms.is_empty() {
        return Ok(Vec::new());
    }
    // Do not keep the prepared statement: with the values in sight, the planner skips the days outside the range.
    let mut query = statement(scope, filter, &arms, range);
    Ok(query.build_query_as().persistent(false).fetch_all(&database.pool).await?)
}

fn statement(scope: Scope, filter: &Filter, arms: &[Arm<'_>], range: Range) -> QueryBuilder<Postgres> {
    let order = if range.newest_first { " ORDER BY id DESC LIMIT " } else { " ORDER BY id LIMIT " };
    let mut query = QueryBuilder::new("SELECT * FROM (");
    for (number, arm) in arms.iter().enumerate() {
        query.push(if number == 0 { "(" } else { " UNION ALL (" });
        query.push(
            "SELECT workspace_id, id, source_id, received_at, event, outcome, error, lenient, event_ids, replayed_at \
             FROM inbound_event WHERE workspace_id = ",
        );
        query.push_bind(scope.workspace());
        push_filter(&mut query, filter, *arm);
        for (bound, word) in [(range.above, " AND id > "), (range.below, " AND id < ")] {
            if let Some(bound) = bound {
                query.push(word).push_bind(bound);
            }
        }
        query.push(order).push_bind(range.limit).push(")");
    }
    query.push(") merged").push(order).push_bind(range.limit);
    query
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &Filter, arm: Arm<'_>) {
    if !filter.ids.is_empty() {
        query.push(" AND id = ANY(").push_bind(filter.ids.iter().map(|id| id.0).collect::<Vec<_>>()).push(")");
    }
    // Write our own words as literals: only then the planner sees that a partial index fits.
    match arm {
        Arm::Outcome(outcome) => {
            query.push(" AND outcome = '").push(outcome.as_str()).push("'");
        }
        _ if filter.outcomes.is_empty() => {}
        _ => {
            let words: Vec<&str> = filter.outcomes.iter().map(|outcome| outcome.as_str()).collect();
            query.push(" AND outcome IN ('").push(words.join("', '")).push("')");
        }
    }
    match arm {
        Arm::Event(event) => {
            query.push(" AND event = ").push_bind(event.to_owned());
        }
        _ if filter.events.is_empty() => {}
        _ => {
            query.push(" AND event = ANY(").push_bind(filter.events.clone()).push(")");
        }
    }
    match arm {
        Arm::Source(source) => {
            query.push(" AND source_id = ").push_bind(source);
        }
        _ if filter.sources.is_empty() => {}
        _ => {
            let sources: Vec<Uuid> = filter.sources.iter().map(|source| source.0).collect();
            query.push(" AND source_id = ANY(").push_bind(sources).push(")");
        }
    }
    match filter.lenient {
        Some(true) => drop(query.push(" AND lenient")),
        Some(false) => drop(query.push(" AND NOT lenient")),
        None => {}
    }
    if let Some(part) = &filter.error {
        query.push(" AND strpos(lower(error), lower(").push_bind(part.clone()).push(")) > 0");
    }
    if let Some(from) = filter.received_from {
        query.push(" AND received_at >= ").push_bind(from);
        query.push(" AND id >= ").push_bind(first_at(from - MINTED_WITHIN));
    }
    if let Some(to) = filter.received_to {
        query.push(" AND received_at < ").push_bind(to);
        query.push(" AND id < ").push_bind(first_at(to + MINTED_WITHIN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_member_that_narrows_most_makes_the_arms() {
        let source = SourceId(Uuid::from_u128(1));
        let filter = Filter { sources: vec![source], ..Filter::default() };
        assert_eq!(filter.arms(), [Arm::Source(source)]);
        let filter = Filter { events: vec!["a".into(), "b".into()], ..filter };
        assert_eq!(filter.arms(), [Arm::Event("a"), Arm::Event("b")]);
        let filter = Filter { lenient: Some(true), ..filter };
        assert_eq!(filter.arms(), [Arm::Whole]);
        let filter = Filter { outcomes: vec![Outcome::Failed, Outcome::Accepted], ..filter };
        assert_eq!(filter.arms(), [Arm::Whole], "nearly all are accepted: no index tells them apart");
        let filter = Filter { error: Some("x".into()), ..filter };
        assert_eq!(filter.arms(), [Arm::Outcome(Outcome::Failed)]);
        let filter = Filter { outcomes: vec![Outcome::Accepted], ..filter };
        assert_eq!(filter.arms(), [], "nothing that was accepted has an error");
        let filter = Filter { ids: vec![InboundEventId(Uuid::from_u128(2))], ..filter };
        assert_eq!(filter.arms(), [Arm::Whole]);
    }

    #[test]
    fn p11_a_filter_is_bounded() {
        let filter = Filter { events: vec![String::new(); MOST_VALUES + 1], ..Filter::default() };
        assert!(matches!(filter.check(), Err(StoreError::Invalid { path: "filter.event", .. })));
        let filter = Filter { error: Some("\0".into()), ..Filter::default() };
        assert!(matches!(filter.check(), Err(StoreError::Invalid { path: "filter.error", .. })));
    }
}
