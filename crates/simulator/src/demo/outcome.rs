//! The effect of an event in a few words that are constant over runs, read from the log entries that it caused.

use serde_json::Value;

use crate::graphql::LogEvent;

/// One phrase for each entry of the log.
#[must_use]
pub fn describe(events: &[LogEvent]) -> String {
    if events.is_empty() {
        return "nothing new".into();
    }
    events.iter().map(phrase).collect::<Vec<_>>().join("; ")
}

fn phrase(event: &LogEvent) -> String {
    let payload = &event.payload;
    let told: Vec<String> = match event.kind.as_str() {
        "message.created" | "message.updated" => vec![member(payload, "direction"), quoted(payload, "content")],
        "message.status_changed" => vec![member(payload, "status"), known(payload, "reason")],
        "call.completed" => {
            vec![member(&payload["details"], "status"), with("s", &payload["details"]["duration_seconds"])]
        }
        "conversation.created" | "conversation.updated" => vec![member(payload, "status")],
        "contact.created" | "contact.updated" => vec![first(payload, &["name", "username", "phone", "email"])],
        "group.created" | "group.updated" => vec![member(payload, "name")],
        "attachment.created" | "attachment.updated" => vec![member(payload, "filename")],
        "verification.verified" => vec![member(payload, "identifier")],
        "balance.low" => vec![member(payload, "firm"), with("units", &payload["units"])],
        "campaign.completed" => vec![member(payload, "external_id")],
        "opt_out.created" => {
            vec![member(payload, "medium"), member(payload, "scope"), member(payload, "value")]
        }
        _ => vec![known(payload, "external_id")],
    };
    let told: Vec<_> = told.into_iter().filter(|word| !word.is_empty()).collect();
    if told.is_empty() { event.kind.clone() } else { format!("{} ({})", event.kind, told.join(" ")) }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn member(value: &Value, name: &str) -> String {
    plain(&value[name])
}

fn known(value: &Value, name: &str) -> String {
    shorten(&plain(&value[name]))
}

fn quoted(value: &Value, name: &str) -> String {
    match plain(&value[name]) {
        text if text.is_empty() => text,
        text => format!("\"{}\"", shorten(&text)),
    }
}

fn with(unit: &str, value: &Value) -> String {
    match plain(value) {
        text if text.is_empty() => text,
        text => format!("{text} {unit}"),
    }
}

fn first(value: &Value, names: &[&str]) -> String {
    names.iter().map(|name| plain(&value[*name])).find(|text| !text.is_empty()).unwrap_or_default()
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 32;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, payload: Value) -> LogEvent {
        LogEvent { id: "evt_1".into(), kind: kind.into(), payload }
    }

    #[test]
    fn says_what_came_of_it_without_ids_or_times() {
        let events = [
            event("contact.created", json!({ "id": "ctc_1", "name": null, "phone": "+919019120000" })),
            event(
                "message.created",
                json!({ "direction": "inbound", "content": "This is a simple text message from whatsapp" }),
            ),
            event("balance.low", json!({ "firm": "Firm Name", "units": "0" })),
            event("group.deleted", json!({ "id": "grp_1", "external_id": null })),
        ];
        assert_eq!(
            describe(&events),
            "contact.created (+919019120000); message.created (inbound \"This is a simple text message f…\"); \
             balance.low (Firm Name 0 units); group.deleted"
        );
        assert_eq!(describe(&[]), "nothing new");
    }
}
