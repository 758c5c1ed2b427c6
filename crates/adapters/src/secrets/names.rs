//! Names of secrets.

use unicode_normalization::UnicodeNormalization;

/// Words that mark a secret anywhere in a name.
const WORDS: [&str; 10] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "authorization",
];

/// Endings that mark a secret, without word separators.
const ENDS: [&str; 28] = [
    "passphrases",
    "basicauth",
    "tokenvalue",
    "securitycode",
    "serviceaccount",
    "accountsid",
    "licensekey",
    "hmackey",
    "oauth",
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "tokens",
    "apikey",
    "apikeys",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "signingkey",
    "encryptionkey",
    "credentials",
    "authorization",
];

/// Names that mark a secret only as a whole.
const WHOLE: [&str; 10] =
    ["key", "private", "otp", "otpcode", "auth", "bearer", "jwt", "cookie", "setcookie", "credential"];

/// Words that mark a secret as the last word of a name.
const LAST: [&str; 11] =
    ["pass", "oauth", "oauth2", "session", "pin", "cvv", "cvv2", "cvc", "hmac", "signature", "sessions"];

/// Whether a member of this name holds a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    if name.len() > 200 {
        return false;
    }
    let name: String = name.nfkc().collect();
    let name = name.as_str();
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    WHOLE.contains(&plain.as_str())
        || ENDS.iter().any(|end| plain.ends_with(end))
        || words(name).iter().any(|word| WORDS.contains(&word.as_str()))
        || words(name).iter().rfind(|word| !word.is_empty()).is_some_and(|word| LAST.contains(&word.as_str()))
}

/// The words of a name such as `client_secret`, `client-secret` or `clientSecret`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        after_lower = c.is_lowercase() || c.is_numeric();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words
}

/// Whether a header holds a credential or a signature.
pub(super) fn is_secret_header(name: &str) -> bool {
    is_secret(name) || words(name).iter().any(|word| word == "signature" || word == "hmac")
}
