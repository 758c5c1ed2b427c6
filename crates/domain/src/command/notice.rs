//! What concerns no conversation: refusals, verifications, credit, campaigns.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::PersonReport;
use crate::model::{channel::Medium, opt_out::OptOutScope};

/// Someone wants no more messages (MT-4).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptOutReport {
    /// The provider's id of the refusal.
    pub external_id: Option<String>,
    /// Who.
    pub person: PersonReport,
    /// On which medium.
    pub medium: Medium,
    /// Of what.
    pub scope: OptOutScope,
    /// Which category or sender; `*` for all.
    pub value: String,
    /// Since when, if told.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// An OTP was checked (OR-8).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerificationReport {
    /// The provider's id.
    pub id: String,
    /// What was verified: a phone number, a key.
    pub identifier: Option<String>,
    /// Whether the code was right.
    pub verified: bool,
    /// The code: never stored, only hashed with a key.
    #[serde(skip)]
    pub code: Option<Secret>,
    /// When the code ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// A text that is never printed.
#[derive(Clone)]
pub struct Secret(pub secrecy::SecretString);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret;
        use subtle::ConstantTimeEq;
        self.0.expose_secret().as_bytes().ct_eq(other.0.expose_secret().as_bytes()).into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Credit runs out (OR-7).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BalanceReport {
    /// The firm whose credit it is.
    pub firm: Option<String>,
    /// What remains, a decimal number as text.
    pub units: Option<String>,
}

/// A campaign is finished (OR-11).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignReport {
    /// The provider's id.
    pub id: String,
    /// Where its report can be had.
    pub report_url: Option<String>,
}
