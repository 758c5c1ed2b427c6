//! Providers' words for delivery statuses. The whole word is compared, in any case, with or without blanks, underscores
//! and hyphens.

use inlet_domain::model::status::DeliveryStatus::{self, Delivered, Failed, Queued, Read, Sent};

/// The meaning of a status word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A step of the ladder.
    Step(DeliveryStatus),
    /// A word that no document explains: the report is kept and changes nothing (MT-11).
    Unknown,
}

/// Each word with its meaning and a document that explains it. If several documents have the word, they agree.
/// `UNKNOWN` (SMPP 3.4, 5.2.28) is left out: it means that the state of the message is unknown, so it changes nothing.
/// So are Telnyx's `delivery_unconfirmed` and OneAPI's `DeliveryUncertain`.
const WORDS: [(&str, DeliveryStatus, &str); 59] = [
    ("queued", Queued, "MobTexting, status of messages"),
    ("scheduled", Queued, "Twilio, message status values"),
    ("sending", Queued, "Twilio, message status values"),
    ("sent", Sent, "MobTexting, whatsapp:message:status"),
    ("dispatched", Sent, "MobTexting, status of messages"),
    ("awaiting-dlr", Sent, "MobTexting, SMS delivery reports"),
    ("ENROUTE", Sent, "SMPP 3.4, 5.2.28 message_state"),
    ("ACCEPTD", Sent, "SMPP 3.4, appendix B: stat of a delivery receipt"),
    ("accepted", Sent, "SMPP 3.4, 5.2.28 message_state"),
    ("submitted", Sent, "Vonage, message statuses"),
    ("buffered", Sent, "Vonage, SMS delivery receipts"),
    ("pending", Sent, "Infobip, status groups"),
    ("PENDING_ENROUTE", Sent, "Infobip, status names"),
    ("PENDING_ACCEPTED", Sent, "Infobip, status names"),
    ("PENDING_WAITING_DELIVERY", Sent, "Infobip, status names"),
    ("DELIVERED_TO_OPERATOR", Sent, "Infobip, status names"),
    ("DeliveredToNetwork", Sent, "GSMA OneAPI, delivery status"),
    ("MessageWaiting", Sent, "GSMA OneAPI, delivery status"),
    ("failed", Failed, "MobTexting, whatsapp:message:status"),
    ("UNDELIV", Failed, "SMPP 3.4, appendix B: stat of a delivery receipt"),
    ("undelivered", Failed, "Twilio, message status values"),
    ("undeliverable", Failed, "SMPP 3.4, 5.2.28 message_state"),
    ("UNDELIVERABLE_REJECTED_OPERATOR", Failed, "Infobip, status names"),
    ("UNDELIVERABLE_NOT_DELIVERED", Failed, "Infobip, status names"),
    ("DeliveryImpossible", Failed, "GSMA OneAPI, delivery status"),
    ("delivery_failed", Failed, "Telnyx, message statuses"),
    ("sending_failed", Failed, "Telnyx, message statuses"),
    ("expired", Failed, "SMPP 3.4, 5.2.28 message_state"),
    ("EXPIRED_EXPIRED", Failed, "Infobip, status names"),
    ("deleted", Failed, "SMPP 3.4, 5.2.28 message_state"),
    ("REJECTD", Failed, "SMPP 3.4, appendix B: stat of a delivery receipt"),
    ("rejected", Failed, "SMPP 3.4, 5.2.28 message_state"),
    ("REJ-MULTIPART", Failed, "MobTexting, SMS delivery reports"),
    ("canceled", Failed, "Twilio, message status values"),
    ("cancelled", Failed, "Sinch, SMS delivery statuses"),
    ("aborted", Failed, "Sinch, SMS delivery statuses"),
    ("BLACKLST", Failed, "MobTexting, SMS delivery reports"),
    ("blacklist", Failed, "MobTexting, status of messages"),
    ("DNDNUMB", Failed, "MobTexting, SMS delivery reports"),
    ("TIMEOUT-DLR", Failed, "MobTexting, SMS delivery reports"),
    ("offline", Failed, "MobTexting, status of messages"),
    ("bounce", Failed, "SendGrid, event webhook"),
    ("bounced", Failed, "Postmark, bounce webhook"),
    ("dropped", Failed, "SendGrid, event webhook"),
    ("DELIVRD", Delivered, "SMPP 3.4, appendix B: stat of a delivery receipt"),
    ("delivered", Delivered, "SMPP 3.4, 5.2.28 message_state"),
    ("DELIVERED_TO_HANDSET", Delivered, "Infobip, status names"),
    ("DeliveredToTerminal", Delivered, "GSMA OneAPI, delivery status"),
    ("read", Read, "MobTexting, whatsapp:message:status"),
    ("seen", Read, "Infobip, seen reports"),
    ("displayed", Read, "GSMA RCS, disposition notifications"),
    ("DISPLAY", Read, "GSMA RCS, disposition notifications"),
    ("played", Read, "WhatsApp Business, voice messages"),
    ("open", Read, "SendGrid, event webhook"),
    ("opened", Read, "Mailgun, events"),
    ("not_delivered", Failed, "seen in reports; the end of Infobip's UNDELIVERABLE_NOT_DELIVERED"),
    ("failure", Failed, "seen in reports, for `failed`"),
    ("error", Failed, "seen in reports, for `failed`"),
    ("UNDELIVRD", Failed, "seen in reports, for SMPP's UNDELIV"),
];

/// Members of a report beside message, status, times and failure that Inlet keeps in the details, for every provider.
pub(crate) const DETAILS: [&str; 24] = [
    "from",
    "to",
    "mobile",
    "credits",
    "units",
    "cost",
    "price",
    "currency",
    "cid",
    "custom",
    "foreign_id",
    "identifier",
    "template_category",
    "template_name",
    "template_id",
    "campaign_name",
    "conversation_id",
    "part",
    "parts",
    "segments",
    "operator",
    "country",
    "network",
    "sent_time",
];

impl Meaning {
    /// The meaning of a provider's word (OR-9, OR-10, MT-3, MT-5).
    pub(crate) fn of(word: &str) -> Self {
        let plain = plain(word);
        match WORDS.iter().find(|(known, ..)| self::plain(known) == plain) {
            Some((_, step, _)) => Self::Step(*step),
            None if is_dlt_rejection(word) => Self::Step(Failed),
            None => Self::Unknown,
        }
    }

    /// Whether a code in the report may be that of a failure. For a delivered message it is not.
    pub(crate) fn may_fail(self) -> bool {
        matches!(self, Self::Unknown | Self::Step(Failed))
    }

    /// The step, if it is one.
    pub(crate) fn step(self) -> Option<DeliveryStatus> {
        match self {
            Self::Step(step) => Some(step),
            Self::Unknown => None,
        }
    }
}

/// The word in the form that is compared.
fn plain(word: &str) -> String {
    word.chars().filter(|c| !is_separator(*c)).flat_map(char::to_lowercase).take(LONGEST).collect()
}

/// The longest word that is looked up.
const LONGEST: usize = 100;

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '_' | '-')
}

/// `DLT-` and a reason: the Indian operators' registry refused the message (MT-3).
fn is_dlt_rejection(word: &str) -> bool {
    let word = word.trim();
    let Some((start, reason)) = word.split_at_checked(3) else { return false };
    if !start.eq_ignore_ascii_case("dlt") {
        return false;
    }
    reason.starts_with(is_separator)
        && reason.chars().any(|c| c.is_ascii_alphanumeric())
        && reason.chars().all(|c| c.is_ascii_alphanumeric() || is_separator(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mt_3_sms_words_count_whole_and_in_any_case() {
        let failed = Meaning::Step(Failed);
        for word in ["UNDELIV", "Expired", "FAILED", "REJECTED", "BLACKLST", "DNDNUMB", "DLT-TEMPLATE", "REJ-MULTIPART"]
        {
            assert_eq!(Meaning::of(word), failed, "{word}");
        }
        assert_eq!(Meaning::of("delivrd"), Meaning::Step(Delivered));
        assert_eq!(Meaning::of("AWAITING-DLR"), Meaning::Step(Sent));
        for word in ["UNDELIVRD2", "NOTDELIVRD", "DLT-", "DLT", "", "DELIVRD UNDELIV", "DLTX", "é", "dlté"] {
            assert_eq!(Meaning::of(word), Meaning::Unknown, "{word}");
        }
    }

    #[test]
    fn mt_5_the_literal_list_of_words_is_an_unknown_word() {
        assert_eq!(Meaning::of("sent|delivered|read|failed|deleted"), Meaning::Unknown);
        assert_eq!(Meaning::of("Read"), Meaning::Step(Read));
        assert_eq!(Meaning::of("deleted"), Meaning::Step(Failed));
    }

    #[test]
    fn e5_a_word_counts_in_any_writing() {
        for (step, words) in [
            (
                Sent,
                [
                    "ENROUTE",
                    "en route",
                    "En-Route",
                    "ACCEPTD",
                    " accepted ",
                    "AWAITING_DLR",
                    "awaiting dlr",
                    "Submitted",
                ],
            ),
            (
                Failed,
                [
                    "UNDELIVERED",
                    "NOT_DELIVERED",
                    "not delivered",
                    "FAILURE",
                    "error",
                    "UNDELIVRD",
                    "DLT_SCRUB",
                    "dlt header",
                ],
            ),
            (
                Delivered,
                [
                    "DELIVRD",
                    "Delivered",
                    "DELIVERED",
                    "delivered ",
                    "DELIVERED_TO_HANDSET",
                    "delivered to handset",
                    "deliveredToTerminal",
                    "DELIVERED-TO-HANDSET",
                ],
            ),
            (Read, ["READ", "seen", "Opened", "displayed", "Played", "SEEN", "read ", "opened"]),
        ] {
            for word in words {
                assert_eq!(Meaning::of(word), Meaning::Step(step), "{word}");
            }
        }
        for word in ["UNKNOWN", "unknown", "delivery_unconfirmed", "undeliveredx", "not read", "-", "_", "0"] {
            assert_eq!(Meaning::of(word), Meaning::Unknown, "{word}");
        }
    }

    #[test]
    fn e5_each_word_has_one_row_and_each_row_its_source() {
        let mut seen: Vec<String> = WORDS.iter().map(|(word, ..)| plain(word)).collect();
        assert!(WORDS.iter().all(|(_, _, source)| source.contains(char::is_alphabetic)));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), WORDS.len(), "two rows of one word");
    }
}
