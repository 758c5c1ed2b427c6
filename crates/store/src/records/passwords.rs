//! Passwords: the rules, and the hashes. Argon2id runs on blocking threads, at most as many at once as there are cores
//! (P12).

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use argon2::{
    Argon2, CustomizedPasswordHasher, Params,
    password_hash::{PasswordHasher, phc::PasswordHash},
};
use inlet_domain::ambient::Ambient;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use unicode_normalization::UnicodeNormalization;
use zxcvbn::Score;

use crate::error::StoreError;

/// The most bytes of a password. More bytes would only cost time.
pub const MAX_LENGTH: usize = 1024;
/// The fewest characters of a new password. Earlier, shorter passwords stay valid.
pub const MIN_CHARACTERS: usize = 10;
/// The least score in zxcvbn: a lower one means that attackers try the password early.
const WEAKEST: Score = Score::Two;

/// The longest wait of a login for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

static CORES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)))
});

/// A permit to hash one password.
#[derive(Debug)]
pub struct Turn(OwnedSemaphorePermit);

/// A new password.
#[derive(Debug)]
pub struct NewPassword {
    /// The password.
    pub password: SecretString,
    /// The path of the input that holds the password.
    pub path: &'static str,
    /// Words that an attacker tries first: the email, the name.
    pub about: Vec<String>,
    /// A hash of another login with the email. The new hash uses the same salt, so that a login costs one hash for any
    /// number of logins with the email.
    pub sibling: Option<String>,
}

impl Turn {
    /// Waits for a turn, at most two seconds. Callers get turns in the order of their calls.
    ///
    /// # Errors
    /// `Overloaded` after two seconds.
    pub async fn soon() -> Result<Self, StoreError> {
        let overloaded = StoreError::Overloaded { retry_after: Duration::from_secs(1) };
        timeout(PATIENCE, Self::wait()).await.unwrap_or(Err(overloaded))
    }

    /// Waits until a core is free.
    ///
    /// # Errors
    /// None while the process runs.
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

    /// Hashes the password in NFC, because keyboards write one letter in different forms. Returns the PHC string to
    /// store.
    ///
    /// # Errors
    /// `Invalid` where the password is too short, too long or easily guessed.
    pub async fn hash(self, ambient: &Ambient, new: NewPassword) -> Result<String, StoreError> {
        let NewPassword { password, path, about, sibling } = new;
        let password = composed(&password);
        let refuse = move |message: String| StoreError::Invalid { path, message };
        let (characters, bytes) = (password.expose_secret().chars().count(), password.expose_secret().len());
        if characters < MIN_CHARACTERS {
            return Err(refuse(format!("a password must have at least {MIN_CHARACTERS} characters, not {characters}")));
        }
        if bytes > MAX_LENGTH {
            return Err(refuse(format!("a password may have at most {MAX_LENGTH} bytes, not {bytes}")));
        }
        let mut salt = vec![0; 16];
        ambient.fill(&mut salt);
        if let Some(kept) = sibling.as_deref().and_then(|kept| PasswordHash::new(kept).ok()).and_then(|it| it.salt) {
            salt = kept.to_vec();
        }
        let hashed = self.run(move || {
            let words: Vec<&str> = about.iter().flat_map(|text| parts(text)).collect();
            let guessed = zxcvbn::zxcvbn(password.expose_secret(), &words);
            if guessed.score() < WEAKEST {
                let why = guessed.feedback().and_then(|feedback| feedback.warning()).map(|why| why.to_string());
                return Err(refuse(format!(
                    "this password is easily guessed{}: use several uncommon words, or let a password manager make one",
                    why.map(|why| format!(" ({})", why.trim_end_matches('.'))).unwrap_or_default(),
                )));
            }
            Argon2::default()
                .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
                .map(|hash: PasswordHash| hash.to_string())
                .map_err(|error| refuse(error.to_string()))
        });
        hashed.await?
    }

    /// Tells which hashes match the password, in NFC or, where that differs, as it is given: earlier versions hashed
    /// passwords as given. All hashes with one salt cost one hash, and an empty list costs one hash too. So the time
    /// tells neither whether a login exists nor how many exist.
    ///
    /// # Errors
    /// Where the blocking thread panicked.
    pub async fn verify(self, password: SecretString, kept: Vec<String>) -> Result<Vec<bool>, StoreError> {
        if password.expose_secret().len() > MAX_LENGTH {
            return Ok(vec![false; kept.len()]);
        }
        self.run(move || {
            let composed = composed(&password);
            let given = Some(&password).filter(|given| given.expose_secret() != composed.expose_secret());
            let kept: Vec<_> = kept.iter().map(|kept| PasswordHash::new(kept).ok()).collect();
            let mut matched = vec![false; kept.len()];
            for form in std::iter::once(&composed).chain(given) {
                for (matched, now) in matched.iter_mut().zip(matches(form.expose_secret().as_bytes(), &kept)) {
                    *matched |= now;
                }
            }
            matched
        })
        .await
    }
}

/// Tells which hashes match these bytes. Hashes once for each salt, or once with an unused salt if there is none.
fn matches(password: &[u8], kept: &[Option<PasswordHash>]) -> Vec<bool> {
    let mut computed: Vec<PasswordHash> = Vec::new();
    let matched = kept
        .iter()
        .map(|kept| {
            let Some(kept) = kept else { return false };
            if let Some(known) = computed.iter().find(|known| is_alike(known, kept)) {
                return known.hash == kept.hash;
            }
            match again(password, kept) {
                Some(hash) => {
                    let is_equal = hash.hash == kept.hash;
                    computed.push(hash);
                    is_equal
                }
                None => false,
            }
        })
        .collect();
    // Count at the work itself, so that a test can see that an unknown login costs the same.
    let hashes = u64::try_from(computed.len().max(1)).unwrap_or(u64::MAX);
    metrics::counter!("inlet_password_verifications_total").increment(hashes);
    if computed.is_empty() {
        let hash: Result<PasswordHash, _> = Argon2::default().hash_password_with_salt(password, &[0; 16]);
        let _ = std::hint::black_box(hash);
    }
    matched
}

/// Whether both hashes have the same salt and the same cost.
fn is_alike(one: &PasswordHash, other: &PasswordHash) -> bool {
    (&one.algorithm, one.version, &one.params, &one.salt)
        == (&other.algorithm, other.version, &other.params, &other.salt)
}

/// Hashes `password` with the salt and the cost of `kept`.
fn again(password: &[u8], kept: &PasswordHash) -> Option<PasswordHash> {
    let (salt, params) = (kept.salt.as_ref()?, Params::try_from(kept).ok()?);
    let algorithm = Some(kept.algorithm.as_str());
    Argon2::default().hash_password_customized(password, salt, algorithm, kept.version, params).ok()
}

/// A text and its words: for `ada.b@example.com` also `ada`, `b`, `example` and `com`.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|character: char| !character.is_alphanumeric()).filter(|word| word.chars().count() > 2);
    std::iter::once(text).chain(words)
}

/// A password in NFC.
fn composed(password: &SecretString) -> SecretString {
    SecretString::from(password.expose_secret().nfc().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    async fn hash(password: &str, about: &[&str], sibling: Option<&str>) -> Result<String, StoreError> {
        let new = NewPassword {
            password: secret(password),
            path: "input.password",
            about: about.iter().map(|it| (*it).to_owned()).collect(),
            sibling: sibling.map(str::to_owned),
        };
        Turn::wait().await.unwrap().hash(&Ambient::system(), new).await
    }

    async fn verify(password: &str, kept: &[&str]) -> Vec<bool> {
        let kept = kept.iter().map(|kept| (*kept).to_owned()).collect();
        Turn::wait().await.unwrap().verify(secret(password), kept).await.unwrap()
    }

    #[tokio::test]
    async fn d1_p12_verifies_what_was_hashed_in_either_form_and_nothing_else() {
        let kept = hash("correct horse staple", &[], None).await.unwrap();
        assert!(kept.starts_with("$argon2id$"), "{kept}");
        assert_eq!(verify("correct horse staple", &[&kept]).await, [true]);
        assert_eq!(verify("wrong horse staple", &[&kept, "no hash"]).await, [false, false]);
        assert!(verify("correct horse staple", &[]).await.is_empty());
        // One letter, as one character or as two; and a hash from before passwords were in NFC.
        let (one, two) = ("correct horse stapl\u{e9}", "correct horse staple\u{301}");
        for (set, tried) in [(one, two), (two, one), (one, one), (two, two)] {
            let kept = hash(set, &[], None).await.unwrap();
            assert_eq!(verify(tried, &[&kept]).await, [true], "{set:?} {tried:?}");
        }
        let former = Argon2::default().hash_password_with_salt(two.as_bytes(), &[1; 16]).unwrap();
        let former: PasswordHash = former;
        assert_eq!(verify(two, &[&former.to_string()]).await, [true]);
        assert_eq!(verify("correct horse staple", &[&former.to_string()]).await, [false]);
    }

    #[tokio::test]
    async fn a1_logins_of_one_email_share_a_salt_and_each_has_its_own_password() {
        let first = hash("correct horse staple", &[], None).await.unwrap();
        let second = hash("another battery lamp", &[], Some(&first)).await.unwrap();
        let salt = |hash: &str| PasswordHash::new(hash).unwrap().salt;
        assert_eq!(salt(&first), salt(&second));
        assert_ne!(salt(&first), salt(&hash("correct horse staple", &[], None).await.unwrap()));
        assert_eq!(verify("another battery lamp", &[&first, &second]).await, [false, true]);
        assert_eq!(verify("correct horse staple", &[&first, &second, &first]).await, [true, false, true]);
    }

    #[tokio::test]
    async fn a1_a_password_is_long_enough_and_not_one_that_is_tried_first() {
        let of = ["ada.lovelace@analytical.example", "Ada Lovelace"];
        for weak in [
            "short",
            "123456789",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
            "password123",
            "qwertyuiop",
            "aaaaaaaaaaaaaaaa",
            "1234567890",
            "ada.lovelace@analytical.example",
            "adalovelace",
            "lovelace1815",
            &"x".repeat(1025),
        ] {
            let refused = hash(weak, &of, None).await.unwrap_err();
            assert!(matches!(refused, StoreError::Invalid { path: "input.password", .. }), "{weak}: {refused}");
        }
        for good in ["contrase\u{f1}a de ada", "correct horse staple", "9f86d081884c7d65", "tr0ub4dor&3 and more"] {
            hash(good, &of, None).await.unwrap();
        }
    }
}
