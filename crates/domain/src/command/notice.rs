//! Events outside conversations: opt-outs, verifications, credit, campaigns.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::PersonReport;
use crate::model::{channel::Medium, opt_out::OptOutScope};

/// A person refuses messages (MT-4).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptOutReport {
    /// The provider's id of the opt-out.
    pub external_id: Option<String>,
    /// The person.
    pub person: PersonReport,
    /// The medium of the refused messages.
    pub medium: Medium,
    /// The kind of the refused messages.
    pub scope: OptOutScope,
    /// The refused category or sender; `*` for all.
    pub value: String,
    /// The time of the refusal, if the event tells it.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// A one-time password was checked (OR-8).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerificationReport {
    /// The provider's id.
    pub id: String,
    /// The verified identifier: a phone number or a key.
    pub identifier: Option<String>,
    /// Whether the code was right.
    pub verified: bool,
    /// The code. Only its keyed hash is stored.
    #[serde(skip)]
    pub code: Option<Secret>,
    /// When the code expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the code was created.
    pub created_at: Option<DateTime<Utc>>,
}

/// A text that Debug never prints.
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

/// The credit at the provider is low (OR-7).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BalanceReport {
    /// The firm that owns the credit.
    pub firm: Option<String>,
    /// The remaining credit, a decimal number as text.
    pub units: Option<String>,
}

/// A campaign is completed (OR-11).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignReport {
    /// The provider's id.
    pub id: String,
    /// The URL of its report.
    pub report_url: Option<String>,
}
