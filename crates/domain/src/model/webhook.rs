//! What a webhook is, and which events it gets.

use serde::{Deserialize, Serialize};

use super::words::words;
use crate::event::EventType;

words! {
    /// Whether a webhook is sent to.
    WebhookStatus {
        /// It is.
        Active = "active",
        /// Its events are held until it is resumed.
        Paused = "paused",
        /// Its events are recorded as skipped.
        Disabled = "disabled",
    }
}

words! {
    /// How long to wait between attempts.
    RetryPreset {
        /// 10 s, 100 s, 1,000 s, 10,000 s, 100,000 s.
        Documented = "documented",
        /// 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
        Standard = "standard",
    }
}

impl RetryPreset {
    /// Seconds between one attempt and the next, before jitter; past the end the last one stays.
    #[must_use]
    pub fn delays(self) -> &'static [u32] {
        match self {
            Self::Documented => &[10, 100, 1_000, 10_000, 100_000],
            Self::Standard => &[5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
        }
    }

    /// How long to wait for an answer.
    #[must_use]
    pub fn timeout_seconds(self) -> i32 {
        match self {
            Self::Documented => 3,
            Self::Standard => 15,
        }
    }

    /// The attempts that its delays allow.
    #[must_use]
    pub fn attempts(self) -> i32 {
        match self {
            Self::Documented => 6,
            Self::Standard => 10,
        }
    }
}

words! {
    /// The hash under a consumer's own signature header.
    SignatureAlgorithm {
        /// HMAC-SHA256, hex.
        Sha256 = "sha256",
        /// HMAC-SHA512, hex.
        Sha512 = "sha512",
    }
}

/// A plain HMAC of the body under the header name and secret of a consumer that was written for another inbox.
#[derive(Clone, Serialize, Deserialize)]
pub struct LegacySignature {
    /// The header, in lower case.
    pub header: String,
    /// The hash.
    pub algorithm: SignatureAlgorithm,
    /// The consumer's secret.
    #[serde(serialize_with = "exposed", deserialize_with = "secret")]
    pub secret: secrecy::SecretString,
}

fn exposed<S: serde::Serializer>(secret: &secrecy::SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    use secrecy::ExposeSecret;
    serializer.serialize_str(secret.expose_secret())
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<secrecy::SecretString, D::Error> {
    Ok(String::deserialize(deserializer)?.into())
}

impl std::fmt::Debug for LegacySignature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LegacySignature").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Whether `pattern` is the name of an event type, or `<entity>.*` for an entity that has some.
#[must_use]
pub fn is_event_pattern(pattern: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(entity) => EventType::ALL.iter().any(|kind| is_sent(kind.name()) && entity_of(kind.name()) == entity),
        None => pattern.parse::<EventType>().is_ok() && is_sent(pattern),
    }
}

/// Whether a webhook with these patterns wants events of type `kind`. No patterns want all that the contract lists:
/// live-only types never leave as webhooks.
#[must_use]
pub fn wants(patterns: &[String], kind: &str) -> bool {
    let listed = |pattern: &String| match pattern.strip_suffix(".*") {
        Some(entity) => entity == entity_of(kind),
        None => pattern == kind,
    };
    is_sent(kind) && (patterns.is_empty() || patterns.iter().any(listed))
}

/// Whether webhooks get events of this type: some are for live subscribers alone (contract, section 3).
pub(crate) fn is_sent(kind: &str) -> bool {
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

    #[test]
    fn presets_allow_as_many_attempts_as_they_have_delays_and_one() {
        for preset in RetryPreset::ALL {
            assert_eq!(usize::try_from(preset.attempts()).unwrap(), preset.delays().len() + 1);
        }
    }
}
