//! The settings of a source: how it verifies requests, and how it reads them.

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
    /// The encoding of a signature.
    SignatureEncoding {
        /// Two hexadecimal digits for each byte, in any case.
        Hex = "hex",
        /// Base64 (RFC 4648, section 4), with or without padding.
        Base64 = "base64",
        /// URL-safe base64 (RFC 4648, section 5), with or without padding.
        Base64url = "base64url",
    }
}

text_enum! {
    /// The customer's leg of a call (MT-9).
    CallLeg {
        /// The called leg.
        To = "to",
        /// The calling leg.
        From = "from",
    }
}

/// The differences of a source's signature from its provider's default. An absent member means the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignatureSettings {
    /// The hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<HmacAlgorithm>,
    /// The encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<SignatureEncoding>,
    /// The header, in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The text before the signature in the header, such as `sha256=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// A secret that a provider signs with.
#[derive(Debug, Clone)]
pub struct SourceSecret {
    /// The secret.
    pub secret: SecretString,
    /// The end of a rotated secret. Until then both it and its successor are valid.
    pub until: Option<DateTime<Utc>>,
}

impl SourceSecret {
    /// Whether the secret is valid at that time.
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

/// A source: a URL of one provider account, `{public_url}/in/{token}`, and the settings for its requests.
#[derive(Debug, Clone)]
pub struct Source {
    /// The id of the source.
    pub id: SourceId,
    /// The workspace of the source.
    pub workspace: WorkspaceId,
    /// The provider account of its events' ids. Sources may share one (OR-16).
    pub account: ProviderAccountId,
    /// The provider, which selects the adapter.
    pub provider: Provider,
    /// The display name.
    pub name: String,
    /// How requests are verified.
    pub verification: Verification,
    /// The secrets, newest first. There are several during a rotation.
    pub secrets: Vec<SourceSecret>,
    /// The differences from the provider's default signature.
    pub signature: SignatureSettings,
    /// Networks in CIDR notation that may post; empty means any.
    pub allowed_networks: Vec<String>,
    /// The IANA time zone of times without an offset; `None` means the provider's default.
    pub time_zone: Option<String>,
    /// The ISO 3166 region of phone numbers without a country code.
    pub phone_region: Option<String>,
    /// The source's own channel, for events that name none.
    pub channel_id: Option<ChannelId>,
    /// The medium of its own channel, for events that name none.
    pub medium: Option<Medium>,
    /// Hosts of campaign reports (OR-13); empty means the provider's own.
    pub report_hosts: Vec<String>,
    /// The provider's ids of our own users, whose messages are outbound (OB-4).
    pub own_user_ids: Vec<String>,
    /// The customer's leg of a call (MT-9).
    pub call_customer_leg: CallLeg,
    /// The mapping of a `custom` source. Without one every request is unrecognised.
    pub mapping: Option<Arc<Mapping>>,
    /// Whether the source is deleted, so that its URL answers no more.
    pub deleted: bool,
    /// The revision; each change raises it.
    pub revision: i64,
    /// When the source was created.
    pub created_at: DateTime<Utc>,
}
