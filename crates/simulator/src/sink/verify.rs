//! Verifies the two signatures of a webhook (contract, section 4), written independently from the contract.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::Hmac;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{provider::mac, wire::Message};

/// The most seconds between a timestamp and the receiver's clock.
const TOLERANCE: i64 = 300;

/// A fault of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// A header that the contract promises is missing or unreadable.
    #[error("a header of the signature is missing")]
    Header,
    /// The timestamp is more than five minutes from the receiver's clock.
    #[error("webhook-timestamp is more than five minutes from the receiver's clock")]
    Stale,
    /// `webhook-signature` is wrong.
    #[error("webhook-signature is wrong")]
    Standard,
    /// `x-inlet-signature` is wrong.
    #[error("x-inlet-signature is wrong")]
    Plain,
}

/// A webhook's secret, as shown at its registration.
#[derive(Clone)]
pub struct Secret {
    shown: String,
    decoded: Vec<u8>,
}

impl Secret {
    /// A secret from `whsec_` and base64; `None` for any other text.
    #[must_use]
    pub fn parse(shown: &str) -> Option<Self> {
        let decoded = STANDARD.decode(shown.strip_prefix("whsec_")?).ok()?;
        Some(Self { shown: shown.to_owned(), decoded })
    }

    /// Checks both signatures of a webhook that arrived at `now`, in unix seconds.
    ///
    /// # Errors
    /// The fault.
    pub fn verify(&self, webhook: &Message, now: i64) -> Result<(), Forged> {
        let header = |name| webhook.header(name).ok_or(Forged::Header);
        let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
        let sent: i64 = timestamp.parse().map_err(|_| Forged::Header)?;
        if now.abs_diff(sent) > TOLERANCE.unsigned_abs() {
            return Err(Forged::Stale);
        }
        let signed: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &webhook.body];
        let right = STANDARD.encode(mac::<Hmac<Sha256>>(&self.decoded, &signed));
        let mut given = header("webhook-signature")?.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        if !given.any(|one| one.as_bytes().ct_eq(right.as_bytes()).into()) {
            return Err(Forged::Standard);
        }
        let right = hex::encode(mac::<Hmac<Sha256>>(self.shown.as_bytes(), &[&webhook.body]));
        let given = header("x-inlet-signature")?;
        if bool::from(given.as_bytes().ct_eq(right.as_bytes())) { Ok(()) } else { Err(Forged::Plain) }
    }
}
