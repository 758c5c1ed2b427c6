//! Password hashes: argon2id on blocking threads, no more of them at once than there are cores (P12).

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization;

use crate::{ambient::Ambient, error::StoreError};

/// The most bytes of a password: more would only cost time.
pub const MAX_LENGTH: usize = 1024;
const MIN_LENGTH: usize = 8;

static CORES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)))
});

/// Leave to hash one password.
#[derive(Debug)]
pub struct Turn(OwnedSemaphorePermit);

impl Turn {
    /// At once, or not at all.
    ///
    /// # Errors
    /// `Overloaded` where every core is hashing.
    pub fn now() -> Result<Self, StoreError> {
        let permit = Arc::clone(&CORES).try_acquire_owned();
        permit.map(Self).map_err(|_| StoreError::Overloaded { retry_after: Duration::from_secs(1) })
    }

    /// As soon as a core is free.
    ///
    /// # Errors
    /// Never while the process lives.
    pub async fn wait() -> Result<Self, StoreError> {
        let permit = Arc::clone(&CORES).acquire_owned().await;
        permit.map(Self).map_err(|_| StoreError::Overloaded { retry_after: Duration::from_secs(1) })
    }

    async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
        let permit = self.0;
        let worked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        worked.await.map_err(|_| StoreError::Overloaded { retry_after: Duration::from_secs(1) })
    }

    /// The PHC string to keep, salted with 128 random bits, of the password in NFC: keyboards differ in how they write one
    /// letter. `path` is the input that the password came by.
    ///
    /// # Errors
    /// `Invalid` where the password is too short or too long.
    pub async fn hash(
        self,
        ambient: &Ambient,
        password: SecretString,
        path: &'static str,
    ) -> Result<String, StoreError> {
        let password = composed(&password);
        let length = password.expose_secret().len();
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
            let message = format!("a password has {MIN_LENGTH} to {MAX_LENGTH} bytes, not {length}");
            return Err(StoreError::Invalid { path, message });
        }
        let mut salt = [0; 16];
        ambient.fill(&mut salt);
        let hashed = self.run(move || {
            Argon2::default()
                .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
                .map(|hash: PasswordHash| hash.to_string())
        });
        hashed.await?.map_err(|error| StoreError::Invalid { path, message: error.to_string() })
    }

    /// Whether the password is the one that was hashed, in NFC, or as it is given where that differs: one that was set
    /// before passwords were composed was hashed as it was given. Without a hash it takes as long and says no, so that no one
    /// learns by the clock which logins exist.
    ///
    /// # Errors
    /// Where the blocking thread was lost.
    pub async fn verify(self, password: SecretString, kept: Option<String>) -> Result<bool, StoreError> {
        if password.expose_secret().len() > MAX_LENGTH {
            return Ok(false);
        }
        // Counted where the work is done, so that a test can see that a login that no one has costs as much.
        metrics::counter!("inlet_password_verifications_total").increment(1);
        self.run(move || {
            let composed = composed(&password);
            let given = Some(&password).filter(|given| given.expose_secret() != composed.expose_secret());
            let hash = kept.as_deref().and_then(|kept| PasswordHash::new(kept).ok());
            std::iter::once(&composed).chain(given).any(|form| {
                let bytes = form.expose_secret().as_bytes();
                match &hash {
                    Some(hash) => Argon2::default().verify_password(bytes, hash).is_ok(),
                    None => {
                        let _ = std::hint::black_box(Argon2::default().hash_password_with_salt(bytes, &[0; 16]));
                        false
                    }
                }
            })
        })
        .await
    }
}

/// A password in NFC.
fn composed(password: &SecretString) -> SecretString {
    SecretString::from(password.expose_secret().nfc().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn d1_p12_verifies_what_was_hashed_in_either_form_and_nothing_else() {
        let ambient = Ambient::system();
        let secret = |text: &str| SecretString::from(text.to_owned());
        let hash = Turn::wait().await.unwrap().hash(&ambient, secret("correct horse"), "input.password").await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        let verify = async |word, kept| Turn::wait().await.unwrap().verify(secret(word), kept).await.unwrap();
        assert!(verify("correct horse", Some(hash.clone())).await);
        assert!(!verify("wrong horse", Some(hash)).await);
        assert!(!verify("correct horse", None).await);
        // One letter, written as one character or as two; and a hash from before both were one.
        let (one, two) = ("correct hors\u{e9}", "correct horse\u{301}");
        for (set, tried) in [(one, two), (two, one), (one, one), (two, two)] {
            let hash = Turn::wait().await.unwrap().hash(&ambient, secret(set), "input.password").await.unwrap();
            assert!(verify(tried, Some(hash)).await, "{set:?} {tried:?}");
        }
        let former = Argon2::default().hash_password_with_salt(two.as_bytes(), &[1; 16]).unwrap();
        let former: PasswordHash = former;
        assert!(verify(two, Some(former.to_string())).await);
        assert!(!verify("correct horse", Some(former.to_string())).await);
        assert!(!verify(two, None).await);
        let short = Turn::wait().await.unwrap().hash(&ambient, secret("short"), "input.password").await;
        assert_eq!(short.unwrap_err().code(), "BAD_USER_INPUT");
    }
}
