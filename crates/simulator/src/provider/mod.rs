//! The simulated providers: their signatures and their events.

pub mod crowd;
pub mod mobtexting;
pub mod oblic;
pub mod oneroute;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};

/// A provider that Inlet knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// OneRoute.
    OneRoute,
    /// MobTexting.
    MobTexting,
    /// Oblic.
    Oblic,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::OneRoute, Self::MobTexting, Self::Oblic];

    /// The name in `dev.json` and of the fixtures' folder.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::OneRoute => "oneroute",
            Self::MobTexting => "mobtexting",
            Self::Oblic => "oblic",
        }
    }

    /// The header of the signature.
    #[must_use]
    pub fn signature_header(self) -> &'static str {
        match self {
            Self::OneRoute => "x-oneroute-signature",
            Self::MobTexting => "Signature",
            Self::Oblic => "x-oblic-signature",
        }
    }

    /// The signature of a body (OR-14, MT-12, OB-11): lower-case hex.
    #[must_use]
    pub fn sign(self, secret: &str, body: &[u8]) -> String {
        match self {
            Self::OneRoute => hex::encode(mac::<Hmac<Sha512>>(secret.as_bytes(), &[body])),
            Self::MobTexting | Self::Oblic => hex::encode(mac::<Hmac<Sha256>>(secret.as_bytes(), &[body])),
        }
    }
}

/// The authentication code of the joined `parts`.
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
pub(crate) fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values are from `openssl dgst -hmac`.
    #[test]
    fn signs_as_the_documents_say() {
        let body = br#"{"a":1}"#;
        assert_eq!(
            Provider::Oblic.sign("key", body),
            "88a67f24bbcdaed0e6c997404bb79a743baf44c6bab2f4c27328e3009d22e342"
        );
        assert_eq!(Provider::MobTexting.sign("key", body), Provider::Oblic.sign("key", body));
        assert_eq!(
            Provider::OneRoute.sign("key", body),
            "dc7d8a6a7926059e98697ef54a65f745d924fc3e13c1176879dcdc84eac480bae377fa06d1ebcc6fab1375cd9bd611a1899694cc4ca7dc0f629d8b8133c5c83d"
        );
    }
}
