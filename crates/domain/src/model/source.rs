//! The settings of a source: how a request proves itself, and how what comes is to be understood.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::words::words;

words! {
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

words! {
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

words! {
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
