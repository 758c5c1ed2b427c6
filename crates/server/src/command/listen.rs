//! `inlet listen`: follows the event log in a terminal.

use std::{io::ErrorKind, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{print, remote::RemoteArgs};
use crate::error::ServerError;

/// The pause between two polls at the end of the log.
const POLL: Duration = Duration::from_millis(500);

/// The arguments of `inlet listen`.
#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    /// Begin after this cursor instead of now. `start` begins with the oldest event that the log still has.
    #[arg(long, env = "INLET_LISTEN_AFTER", value_name = "CURSOR")]
    after: Option<String>,
    /// Show only these types, comma-separated: exact names such as `message.created`, or families such as `message.*`.
    #[arg(long, env = "INLET_LISTEN_TYPES", value_name = "TYPES", value_delimiter = ',')]
    types: Vec<String>,
    /// Print each event as one line of JSON, with its cursor and its whole payload.
    #[arg(long, env = "INLET_LISTEN_JSON")]
    json: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

const PAGE: &str = "query($after: Cursor) { events(first: 100, after: $after) { nodes {
    id cursor type occurredAt payload previous } pageInfo { hasNextPage } } }";

/// The most characters of a payload in a human-readable line.
const SHOWN: usize = 160;

pub(super) async fn run(args: ListenArgs) -> Result<(), ServerError> {
    let client = args.remote.client()?;
    let mut after = match args.after.as_deref() {
        None => Some(client.head().await?),
        Some("start") => None,
        Some(cursor) => Some(cursor.to_owned()),
    };
    loop {
        let answer = client.ask("the event log", PAGE, json!({ "after": after })).await?;
        for event in answer["events"]["nodes"].as_array().into_iter().flatten() {
            if let Some(cursor) = event["cursor"].as_str() {
                after = Some(cursor.to_owned());
            }
            if !is_wanted(&args.types, event["type"].as_str().unwrap_or_default()) {
                continue;
            }
            let line = if args.json { event.to_string() } else { line_of(event) };
            match print::line(&line) {
                // The reader of the pipe, such as `head`, has ended.
                Err(ServerError::Print(error)) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                printed => printed?,
            }
        }
        if answer["events"]["pageInfo"]["hasNextPage"] != true {
            tokio::time::sleep(POLL).await;
        }
    }
}

fn is_wanted(types: &[String], kind: &str) -> bool {
    let matches = |wanted: &String| match wanted.strip_suffix(".*") {
        Some(group) => kind.strip_prefix(group).is_some_and(|rest| rest.starts_with('.')),
        None => wanted == kind,
    };
    types.is_empty() || types.iter().any(matches)
}

/// Time, type, cursor, event id, and the beginning of the payload.
fn line_of(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let payload = event["payload"].to_string();
    let mut shown: String = payload.chars().take(SHOWN).collect();
    if shown.len() < payload.len() {
        shown.push('…');
    }
    // A payload must not control the terminal. JSON escapes C0 control characters but not C1.
    let shown: String = shown.chars().filter(|c| !c.is_control()).collect();
    format!("{}  {:<24}  {:<10}  {}  {shown}", text("occurredAt"), text("type"), text("cursor"), text("id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_exact_or_groups() {
        let types = ["message.*".to_owned(), "contact.created".to_owned()];
        assert!(is_wanted(&types, "message.status_changed") && is_wanted(&types, "contact.created"));
        assert!(!is_wanted(&types, "contact.updated") && !is_wanted(&types, "messages.x"));
        assert!(is_wanted(&[], "anything"));
    }

    #[test]
    fn a_line_is_one_line_and_moves_no_terminal() {
        let event = json!({"type": "message.created", "id": "evt_1", "cursor": "1-7", "occurredAt": "t",
            "payload": {"content": format!("\u{1b}[2J\n\u{9b}{}", "x".repeat(1000))}});
        let line = line_of(&event);
        assert!(line.starts_with("t  message.created "), "{line}");
        assert!(!line.contains(char::is_control) && line.chars().count() < 300, "{line}");
    }
}
