//! The patterns of event types that a webhook registers for.

use super::EventType;

/// Whether `pattern` is the name of an event type, or `<entity>.*` for an entity with event types.
#[must_use]
pub fn is_event_pattern(pattern: &str) -> bool {
    let sent: Vec<EventType> = EventType::ALL.iter().copied().filter(|kind| is_sent(kind.name())).collect();
    is_pattern_of(&sent, pattern)
}

/// As [`is_event_pattern`], among these types.
#[must_use]
pub fn is_pattern_of(types: &[EventType], pattern: &str) -> bool {
    let entity = pattern.strip_suffix(".*");
    types.iter().any(|kind| match entity {
        Some(entity) => entity_of(kind.name()) == entity,
        None => kind.name() == pattern,
    })
}

/// Whether a webhook with these patterns gets events of type `kind`. No patterns match every type of the contract. No
/// pattern matches a live-only type.
#[must_use]
pub fn wants(patterns: &[String], kind: &str) -> bool {
    let listed = |pattern: &String| match pattern.strip_suffix(".*") {
        Some(entity) => entity == entity_of(kind),
        None => pattern == kind,
    };
    is_sent(kind) && (patterns.is_empty() || patterns.iter().any(listed))
}

/// Whether webhooks get events of this type. Some types are for live subscribers only (contract, section 3).
#[must_use]
pub fn is_sent(kind: &str) -> bool {
    !matches!(kind, "conversation.read" | "settings.changed")
}

fn entity_of(kind: &str) -> &str {
    kind.split_once('.').map_or(kind, |(entity, _)| entity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(list: &[&str]) -> Vec<String> {
        list.iter().map(|pattern| (*pattern).to_owned()).collect()
    }

    #[test]
    fn patterns_are_exact_names_or_an_entity_with_a_star() {
        for good in ["message.created", "message.*", "opt_out.withdrawn", "balance.*"] {
            assert!(is_event_pattern(good), "{good}");
        }
        for bad in
            ["", "*", "message", "message.", ".*", "mess.*", "conversation.read", "Message.created", "message.*.*"]
        {
            assert!(!is_event_pattern(bad), "{bad}");
        }
    }

    #[test]
    fn a_webhook_wants_what_a_pattern_lists_and_without_patterns_all() {
        assert!(wants(&[], "call.completed"));
        assert!(wants(&patterns(&["contact.created", "message.*"]), "message.status_changed"));
        assert!(!wants(&patterns(&["message.*"]), "messages.created"));
        assert!(!wants(&patterns(&["message.created"]), "message.updated"));
        assert!(!wants(&[], "conversation.read"), "a live-only type");
        assert!(!wants(&patterns(&["conversation.*"]), "conversation.read"), "a live-only type");
    }
}
