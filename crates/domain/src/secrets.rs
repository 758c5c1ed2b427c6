//! Sealing at rest (P12): XChaCha20-Poly1305 under versioned keys, bound to the place of the sealed value.

use std::{collections::BTreeMap, sync::Arc};

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{ambient::Ambient, ids::WorkspaceId};

const NONCE: usize = 24;

/// The place of a sealed value. A value that is moved to another place cannot be opened.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The workspace of the row.
    pub workspace: WorkspaceId,
    /// The table.
    pub table: &'static str,
    /// The row.
    pub id: Uuid,
    /// The column.
    pub column: &'static str,
}

impl Place {
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(34 + self.table.len() + self.column.len());
        data.extend_from_slice(self.workspace.0.as_bytes());
        data.extend_from_slice(self.table.as_bytes());
        data.push(0);
        data.extend_from_slice(self.id.as_bytes());
        data.extend_from_slice(self.column.as_bytes());
        data
    }
}

/// A sealed value cannot be opened. The error never contains the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No configured key has this version.
    #[error(
        "the value is sealed under key version {0}, which this process does not have: add that key to INLET_SECRETS_KEYS"
    )]
    UnknownKey(u8),
    /// The key or the place is wrong, or bytes were changed.
    #[error("the sealed value cannot be opened: the key or the place is wrong, or the value is damaged")]
    Refused,
}

/// The keys for sealing and opening. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<BTreeMap<u8, Zeroizing<[u8; 32]>>>,
    current: u8,
    ambient: Ambient,
}

impl Sealer {
    /// A sealer that seals under the key with the greatest version and opens under any. `None` without keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = (u8, [u8; 32])>, ambient: Ambient) -> Option<Self> {
        let keys: BTreeMap<_, _> = keys.into_iter().map(|(version, key)| (version, Zeroizing::new(key))).collect();
        let current = *keys.keys().next_back()?;
        Some(Self { keys: Arc::new(keys), current, ambient })
    }

    /// The version of the sealing key, which is the first byte of sealed values.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.current
    }

    /// Seals a value: key version, nonce, ciphertext and tag.
    #[must_use]
    pub fn seal(&self, place: &Place, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        self.ambient.fill(&mut nonce);
        let cipher = XChaCha20Poly1305::new(&(*self.keys[&self.current]).into());
        let payload = Payload { msg: plain, aad: &place.associated_data() };
        let Ok(sealed) = cipher.encrypt(&XNonce::from(nonce), payload) else {
            unreachable!("XChaCha20-Poly1305 seals anything below 256 GiB");
        };
        let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
        out.push(self.current);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out
    }

    /// The plain bytes.
    ///
    /// # Errors
    /// The key is unknown, the place differs, or a byte was changed.
    pub fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (version, rest) = sealed.split_first().ok_or(OpenError::Refused)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE).ok_or(OpenError::Refused)?;
        let key = self.keys.get(version).ok_or(OpenError::UnknownKey(*version))?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| OpenError::Refused)?;
        let payload = Payload { msg: ciphertext, aad: &place.associated_data() };
        XChaCha20Poly1305::new(&(**key).into())
            .decrypt(&XNonce::from(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| OpenError::Refused)
    }

    /// A keyed hash of a secret that is only compared. Equal secrets of one workspace and purpose have one hash, and
    /// without the key nobody can guess secrets by their hashes.
    #[must_use]
    pub fn keyed_hash(&self, workspace: WorkspaceId, purpose: &str, secret: &[u8]) -> [u8; 32] {
        let key = &self.keys[&self.current];
        let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_slice()) else {
            unreachable!("HMAC takes a key of any length");
        };
        mac.update(b"inlet keyed hash\0");
        mac.update(workspace.0.as_bytes());
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(secret);
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("current", &self.current).finish_non_exhaustive()
    }
}

/// The stored form of a token: SHA-256 of its text. A token has 256 random bits, so it needs no salt.
#[must_use]
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A new token: `prefix` and 256 random bits in base64url.
#[must_use]
pub fn new_token(prefix: &str, ambient: &Ambient) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(ambient.random_256()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(keys: &[(u8, u8)]) -> Sealer {
        Sealer::new(keys.iter().map(|(version, byte)| (*version, [*byte; 32])), Ambient::system()).unwrap()
    }

    #[test]
    fn p12_opens_only_in_its_place_and_under_its_key() {
        let place =
            Place { workspace: WorkspaceId(Uuid::nil()), table: "source", id: Uuid::nil(), column: "sealed_secrets" };
        let old = sealer(&[(1, 7)]);
        let sealed = old.seal(&place, b"shh");
        assert_eq!(old.open(&place, &sealed).unwrap().as_slice(), b"shh");

        let rotated = sealer(&[(1, 7), (2, 8)]);
        assert_eq!(rotated.open(&place, &sealed).unwrap().as_slice(), b"shh");
        assert_eq!(rotated.seal(&place, b"shh")[0], 2);

        assert_eq!(sealer(&[(1, 8)]).open(&place, &sealed), Err(OpenError::Refused));
        assert_eq!(sealer(&[(2, 7)]).open(&place, &sealed), Err(OpenError::UnknownKey(1)));
        let elsewhere = Place { id: Uuid::from_u128(1), ..place };
        assert_eq!(old.open(&elsewhere, &sealed), Err(OpenError::Refused));
        let mut damaged = sealed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(old.open(&place, &damaged), Err(OpenError::Refused));
        assert_eq!(old.open(&place, &[]), Err(OpenError::Refused));
    }
}
