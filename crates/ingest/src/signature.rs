//! Whether a request is authentic: a keyed hash of its body under one of the source's secrets. Fails closed.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use crate::javascript;

/// A keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA256.
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

/// How a provider signs. All of them send the hash in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    /// The header, in lower case.
    pub header: &'static str,
    /// The hash.
    pub algorithm: Algorithm,
    /// Whether it may be over `JSON.stringify(JSON.parse(body))` in place of the body's bytes (OR-14).
    pub restringified: bool,
}

/// Why a request is not authentic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// There is no signature.
    #[error("the signature is missing: it belongs in the header `{0}`")]
    Missing(&'static str),
    /// It is of another body or another secret.
    #[error("the signature does not fit the body: check the secret and that the body is sent as it was signed")]
    Wrong,
}

impl Scheme {
    /// Checks the signature under each of the secrets, in constant time.
    ///
    /// # Errors
    /// Where it is missing or wrong; without a secret every signature is wrong.
    pub fn verify(&self, signature: Option<&[u8]>, body: &[u8], secrets: &[SecretString]) -> Result<(), Forged> {
        let signature = signature.ok_or(Forged::Missing(self.header))?;
        let given = hex::decode(signature.trim_ascii()).map_err(|_| Forged::Wrong)?;
        if self.fits(&given, body, secrets) {
            return Ok(());
        }
        match self.restringified.then(|| javascript::restringify(body)).flatten() {
            Some(again) if again.as_bytes() != body && self.fits(&given, again.as_bytes(), secrets) => Ok(()),
            _ => Err(Forged::Wrong),
        }
    }

    /// Every secret is tried, so that the time does not tell which fits.
    fn fits(&self, given: &[u8], message: &[u8], secrets: &[SecretString]) -> bool {
        let any =
            secrets.iter().filter(|secret| !secret.expose_secret().is_empty()).fold(Choice::from(0), |any, secret| {
                any | self.algorithm.keyed_hash(secret.expose_secret().as_bytes(), message).as_slice().ct_eq(given)
            });
        any.into()
    }

    /// The signature of a body, as the provider would send it.
    #[must_use]
    pub fn sign(&self, body: &[u8], secret: &SecretString) -> String {
        hex::encode(self.algorithm.keyed_hash(secret.expose_secret().as_bytes(), body))
    }
}

impl Algorithm {
    fn keyed_hash(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => keyed_hash::<Hmac<Sha256>>(key, message),
            Self::Sha512 => keyed_hash::<Hmac<Sha512>>(key, message),
        }
    }
}

fn keyed_hash<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        unreachable!("HMAC takes a key of any length");
    };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}
