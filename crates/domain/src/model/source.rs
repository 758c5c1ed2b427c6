//! The settings of a source: how a request proves itself, and how what comes is to be understood.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    channel::Medium,
    mapping::Mapping,
    provider::{Provider, Verification},
};
use crate::{
    ids::{ChannelId, ProviderAccountId, SourceId, WorkspaceId},
    text_enum,
};

text_enum! {
    /// The keyed hash that a provider signs with.
    HmacAlgorithm {
        /// HMAC-SHA1.
        Sha1 = "sha1",
        /// HMAC-SHA256.
        Sha256 = "sha256",
        /// HMAC-SHA512.
        Sha512 = "sha512",
    }
}

text_enum! {
    /// How the bytes of a signature are written.
    SignatureEncoding {
        /// Two hexadecimal digits a byte, in any case.
        Hex = "hex",
        /// Base64 (RFC 4648, section 4), with or without padding.
        Base64 = "base64",
        /// Base64 with the alphabet of URLs (RFC 4648, section 5), with or without padding.
        Base64url = "base64url",
    }
}

text_enum! {
    /// Which leg of a call is the customer's (MT-9).
    CallLeg {
        /// The one that was called.
        To = "to",
        /// The one that called.
        From = "from",
    }
}

/// How requests are signed, where that differs from what the provider's documents say. An absent member is the
/// provider's default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignatureSettings {
    /// The hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<HmacAlgorithm>,
    /// How its bytes are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<SignatureEncoding>,
    /// The header, in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// What stands in the header before the signature, such as `sha256=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// A secret that a provider signs with.
#[derive(Debug, Clone)]
pub struct SourceSecret {
    /// The secret.
    pub secret: SecretString,
    /// When it ends: it was rotated, and until then both it and its successor count.
    pub until: Option<DateTime<Utc>>,
}

impl SourceSecret {
    /// Whether it counts at that time.
    #[must_use]
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl From<SecretString> for SourceSecret {
    fn from(secret: SecretString) -> Self {
        Self { secret, until: None }
    }
}

impl From<&str> for SourceSecret {
    fn from(secret: &str) -> Self {
        SecretString::from(secret).into()
    }
}

/// A URL of one provider account, `{public_url}/in/{token}`, and how what comes to it is read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The account whose ids its events speak of; sources may share one (OR-16).
    pub account: ProviderAccountId,
    /// Which adapter reads it.
    pub provider: Provider,
    /// A name for people.
    pub name: String,
    /// How a request proves itself.
    pub verification: Verification,
    /// The secrets, newest first: more than one while they rotate.
    pub secrets: Vec<SourceSecret>,
    /// How requests are signed, where that is not the provider's default.
    pub signature: SignatureSettings,
    /// Networks in CIDR notation that may post; none means any.
    pub allowed_networks: Vec<String>,
    /// The IANA zone of times without one; none means the provider's default.
    pub time_zone: Option<String>,
    /// The ISO 3166 region of phone numbers without a country code.
    pub phone_region: Option<String>,
    /// The source's own channel, where events name none.
    pub channel_id: Option<ChannelId>,
    /// The medium of its own channel, where events name none.
    pub medium: Option<Medium>,
    /// Hosts that a campaign report may be fetched from (OR-13); none means the provider's own.
    pub report_hosts: Vec<String>,
    /// The provider's ids of users that are ours: what they write is outbound (OB-4).
    pub own_user_ids: Vec<String>,
    /// Which leg of a call is the customer's (MT-9).
    pub call_customer_leg: CallLeg,
    /// How a `custom` source is understood; none yet means that nothing is.
    pub mapping: Option<Arc<Mapping>>,
    /// Whether it is gone: its URL answers no more.
    pub deleted: bool,
    /// Counts its changes.
    pub revision: i64,
    /// Since when it is.
    pub created_at: DateTime<Utc>,
}
