//! Signs bodies as the providers do, from their documents: not by Inlet's own code.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};

/// The header and its value for a body of `provider`.
#[must_use]
pub fn header(provider: &str, secret: &str, body: &[u8]) -> (&'static str, String) {
    match provider {
        "oneroute" => ("x-oneroute-signature", sha512(secret, body)),
        "mobtexting" => ("signature", sha256(secret, body)),
        "oblic" => ("x-oblic-signature", sha256(secret, body)),
        other => panic!("no provider is called {other}"),
    }
}

/// HMAC-SHA256 in hex.
#[must_use]
pub fn sha256(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn sha512(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha512>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}
