//! Settings of webhooks.

use serde::{Deserialize, Serialize};

use crate::text_enum;

text_enum! {
    /// The status of a webhook.
    WebhookStatus {
        /// It gets events.
        Active = "active",
        /// Its events are held until it is resumed.
        Paused = "paused",
        /// Its events are recorded as skipped.
        Disabled = "disabled",
    }
}

text_enum! {
    /// The delays between attempts.
    RetryPreset {
        /// 10 s, 100 s, 1,000 s, 10,000 s, 100,000 s.
        Documented = "documented",
        /// 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
        Standard = "standard",
    }
}

impl RetryPreset {
    /// The seconds between one attempt and the next, before jitter. After the end of the list the last delay repeats.
    #[must_use]
    pub fn delays(self) -> &'static [u32] {
        match self {
            Self::Documented => &[10, 100, 1_000, 10_000, 100_000],
            Self::Standard => &[5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
        }
    }

    /// The timeout of an attempt.
    #[must_use]
    pub fn timeout_seconds(self) -> i32 {
        match self {
            Self::Documented => 3,
            Self::Standard => 15,
        }
    }

    /// The attempts that the delays allow.
    #[must_use]
    pub fn attempts(self) -> i32 {
        match self {
            Self::Documented => 6,
            Self::Standard => 10,
        }
    }
}

text_enum! {
    /// The hash of a legacy signature.
    SignatureAlgorithm {
        /// HMAC-SHA256, hex.
        Sha256 = "sha256",
        /// HMAC-SHA512, hex.
        Sha512 = "sha512",
    }
}

/// A plain HMAC of the body under the header and the secret of a consumer that was written for another inbox.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_allow_as_many_attempts_as_they_have_delays_and_one() {
        for preset in RetryPreset::ALL {
            assert_eq!(usize::try_from(preset.attempts()).unwrap(), preset.delays().len() + 1);
        }
    }
}
