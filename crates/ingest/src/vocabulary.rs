//! The words that providers use for what became of a message. A word counts whole, in any case.

use inlet_domain::model::status::DeliveryStatus;

/// What a status word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A step of the ladder.
    Step(DeliveryStatus),
    /// A word that no document explains: kept, and changes nothing (MT-11).
    Unknown,
}

impl Meaning {
    /// Of a provider's word (OR-9, OR-10, MT-3, MT-5).
    pub(crate) fn of(word: &str) -> Self {
        let word = word.trim().to_ascii_lowercase();
        match word.as_str() {
            "queued" => Self::Step(DeliveryStatus::Queued),
            "sent" | "dispatched" | "awaiting-dlr" => Self::Step(DeliveryStatus::Sent),
            "failed" | "undeliv" | "expired" | "rejected" | "blacklst" | "blacklist" | "dndnumb" | "rej-multipart"
            | "timeout-dlr" | "offline" | "deleted" => Self::Step(DeliveryStatus::Failed),
            "delivrd" | "delivered" => Self::Step(DeliveryStatus::Delivered),
            "read" => Self::Step(DeliveryStatus::Read),
            other if is_dlt_rejection(other) => Self::Step(DeliveryStatus::Failed),
            _ => Self::Unknown,
        }
    }

    /// The step, if it is one.
    pub(crate) fn step(self) -> Option<DeliveryStatus> {
        match self {
            Self::Step(step) => Some(step),
            Self::Unknown => None,
        }
    }
}

/// `DLT-` and a reason: the Indian operators' register refused the message (MT-3).
fn is_dlt_rejection(word: &str) -> bool {
    word.strip_prefix("dlt-").is_some_and(|reason| {
        !reason.is_empty() && reason.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mt_3_sms_words_count_whole_and_in_any_case() {
        let failed = Meaning::Step(DeliveryStatus::Failed);
        for word in ["UNDELIV", "Expired", "FAILED", "REJECTED", "BLACKLST", "DNDNUMB", "DLT-TEMPLATE", "REJ-MULTIPART"]
        {
            assert_eq!(Meaning::of(word), failed, "{word}");
        }
        assert_eq!(Meaning::of("delivrd"), Meaning::Step(DeliveryStatus::Delivered));
        assert_eq!(Meaning::of("AWAITING-DLR"), Meaning::Step(DeliveryStatus::Sent));
        for word in ["UNDELIVRD2", "NOTDELIVRD", "DLT-", "DLT", "", "DELIVRD UNDELIV"] {
            assert_eq!(Meaning::of(word), Meaning::Unknown, "{word}");
        }
    }

    #[test]
    fn mt_5_the_literal_list_of_words_is_an_unknown_word() {
        assert_eq!(Meaning::of("sent|delivered|read|failed|deleted"), Meaning::Unknown);
        assert_eq!(Meaning::of("Read"), Meaning::Step(DeliveryStatus::Read));
        assert_eq!(Meaning::of("deleted"), Meaning::Step(DeliveryStatus::Failed));
    }
}
