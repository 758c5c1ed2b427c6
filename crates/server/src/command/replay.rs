//! `inlet replay`: replays kept requests page by page.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use inlet_domain::{ids::SourceId, model::outcome::Outcome};
use serde_json::{Value, json};

use super::{print, remote::RemoteArgs};
use crate::error::ServerError;

/// The arguments of `inlet replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The outcomes of the requests, comma-separated: `accepted`, `duplicate`, `unrecognised`, `failed`, `quarantined`.
    /// Default: any.
    #[arg(long, env = "INLET_REPLAY_OUTCOME", value_name = "OUTCOMES", value_delimiter = ',')]
    outcome: Vec<Outcome>,
    /// The sources of the requests, as `src_...`, comma-separated. Default: any.
    #[arg(long, env = "INLET_REPLAY_SOURCE", value_name = "IDS", value_delimiter = ',')]
    source: Vec<SourceId>,
    /// The provider's event names, comma-separated. Default: any.
    #[arg(long, env = "INLET_REPLAY_EVENT", value_name = "NAMES", value_delimiter = ',')]
    event: Vec<String>,
    /// A part of the error's text. Default: any.
    #[arg(long, env = "INLET_REPLAY_ERROR", value_name = "TEXT")]
    error: Option<String>,
    /// Received at this moment or later, e.g. `2026-11-20T10:00:00Z`.
    #[arg(long, env = "INLET_REPLAY_FROM", value_name = "TIME")]
    from: Option<DateTime<Utc>>,
    /// Received before this moment.
    #[arg(long, env = "INLET_REPLAY_TO", value_name = "TIME")]
    to: Option<DateTime<Utc>>,
    /// Show the changes that a replay would make, and write nothing.
    #[arg(long, env = "INLET_REPLAY_DRY_RUN")]
    dry_run: bool,
    /// Continue after this cursor, which an interrupted call printed.
    #[arg(long, env = "INLET_REPLAY_AFTER", value_name = "CURSOR")]
    after: Option<String>,
    /// How many requests the server replays for each call.
    #[arg(
        long, env = "INLET_REPLAY_PAGE", value_name = "NUMBER", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    page: u32,
    #[command(flatten)]
    remote: RemoteArgs,
}

const MUTATION: &str = "mutation($input: ReplayInboundEventsInput!) { replayInboundEvents(input: $input) {
    counts { before after count } nextCursor
    results { id before after error eventIds wouldRaise { type } } } }";

pub(super) async fn run(args: ReplayArgs) -> Result<(), ServerError> {
    let client = args.remote.client()?;
    let filter = json!({
        "outcome": args.outcome.iter().map(|outcome| outcome.as_str().to_ascii_uppercase()).collect::<Vec<_>>(),
        "sourceId": args.source, "event": args.event, "error": args.error,
        "receivedFrom": args.from, "receivedTo": args.to,
    });
    let mut after = args.after.clone();
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    let progress = progress();
    loop {
        let input = json!({"filter": filter, "dryRun": args.dry_run, "limit": args.page, "after": after});
        let answer = client.ask("the replay", MUTATION, json!({ "input": input })).await;
        let page = answer.inspect_err(|_| {
            if let Some(cursor) = &after {
                progress.abandon_with_message(format!("stopped; continue with --after {cursor}"));
            }
        })?;
        let page = &page["replayInboundEvents"];
        for result in list(&page["results"]) {
            if let Some(line) = line_of(result) {
                progress.suspend(|| print::line(&line))?;
            }
        }
        for count in list(&page["counts"]) {
            let key = (word(&count["before"]), word(&count["after"]));
            *counts.entry(key).or_default() += count["count"].as_u64().unwrap_or_default();
        }
        progress.set_position(counts.values().sum());
        after = page["nextCursor"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    progress.finish();
    print::line(if args.dry_run { "would be:" } else { "replayed:" })?;
    for ((before, after), count) in counts {
        print::line(&format!("{count:>8}  {before} -> {after}"))?;
    }
    Ok(())
}

/// The count and the rate so far. The total is unknown.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    match ProgressStyle::with_template("{spinner} {pos} requests, {per_sec}, {elapsed} {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The line of a request; `None` if the replay changes nothing.
fn line_of(result: &Value) -> Option<String> {
    let raised: Vec<String> = list(&result["wouldRaise"]).iter().map(|event| word(&event["type"])).collect();
    let events: Vec<String> = list(&result["eventIds"]).iter().map(word).collect();
    let told = [raised, events].concat().join(" ");
    let (before, after) = (word(&result["before"]), word(&result["after"]));
    let error = result["error"].as_str().unwrap_or_default();
    (before != after || !told.is_empty())
        .then(|| format!("{}  {before} -> {after}  {told}{error}", word(&result["id"])))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| "unreadable".to_owned(), str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_and_what_did_not_is_not() {
        let same = json!({"id": "in_1", "before": "ACCEPTED", "after": "ACCEPTED", "eventIds": [], "wouldRaise": []});
        assert_eq!(line_of(&same), None);
        let mended =
            json!({"id": "in_1", "before": "FAILED", "after": "ACCEPTED", "eventIds": ["evt_1"], "wouldRaise": []});
        assert_eq!(line_of(&mended).as_deref(), Some("in_1  failed -> accepted  evt_1"));
        let lost = json!({"id": "in_1", "before": "FAILED", "after": null, "error": "its source is gone"});
        assert_eq!(line_of(&lost).as_deref(), Some("in_1  failed -> unreadable  its source is gone"));
    }
}
