//! Signature headers: Standard Webhooks (<https://github.com/standard-webhooks/standard-webhooks>), a plain HMAC of the
//! body, and the legacy HMAC header of a webhook.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use inlet_domain::model::webhook::{LegacySignature, SignatureAlgorithm};
use inlet_egress::{HeaderMap, HeaderName, HeaderValue};
use inlet_store::records::{deliveries::Signing, webhooks::SigningSecret};
use secrecy::ExposeSecret;
use sha2::{Sha256, Sha512};

/// The webhook's keys are unusable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// There is no secret.
    #[error("the webhook has no secret: rotate its secret")]
    NoSecret,
    /// A secret is not `whsec_` and base64.
    #[error("a secret is not `whsec_` followed by base64")]
    Malformed,
    /// The legacy header's name is not a header name.
    #[error("the header of the legacy signature is not a valid header name")]
    Header,
}

/// A signer that is keyed once and used for every body.
pub struct Signer {
    /// Newest first.
    keys: Vec<Key>,
    legacy: Option<(HeaderName, LegacyMac)>,
}

struct Key {
    standard: Hmac<Sha256>,
    plain: Hmac<Sha256>,
    /// Seconds since 1970; `None` for the newest key.
    until: Option<i64>,
}

enum LegacyMac {
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Signer {
    /// A signer from a webhook's secrets. During a rotation all secrets sign the standard header. The oldest signs the
    /// plain header, which has room for one signature.
    pub fn new(signing: &Signing) -> Result<Self, SigningError> {
        let keys: Vec<Key> = signing.secrets.iter().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(SigningError::NoSecret);
        }
        Ok(Self { keys, legacy: signing.legacy.as_ref().map(legacy_key).transpose()? })
    }

    /// Adds the signatures of `body` under the message id `id`, made at `timestamp` (seconds since 1970).
    pub fn sign(&self, headers: &mut HeaderMap, id: &HeaderValue, timestamp: i64, body: &[u8]) {
        let counting = || self.keys.iter().filter(|key| key.until.is_none_or(|until| timestamp < until));
        let timestamp = HeaderValue::from(timestamp);
        let mut signatures = String::with_capacity(48 * self.keys.len());
        for key in counting() {
            let mut mac = key.standard.clone();
            mac.update(id.as_bytes());
            mac.update(b".");
            mac.update(timestamp.as_bytes());
            mac.update(b".");
            mac.update(body);
            if !signatures.is_empty() {
                signatures.push(' ');
            }
            signatures.push_str("v1,");
            STANDARD.encode_string(mac.finalize().into_bytes(), &mut signatures);
        }
        headers.insert(HeaderName::from_static("webhook-id"), id.clone());
        headers.insert(HeaderName::from_static("webhook-timestamp"), timestamp);
        insert(headers, HeaderName::from_static("webhook-signature"), &signatures);
        if let Some(oldest) = counting().next_back() {
            insert(headers, HeaderName::from_static("x-inlet-signature"), &hex_of(&oldest.plain, body));
        }
        if let Some((name, mac)) = &self.legacy {
            let signature = match mac {
                LegacyMac::Sha256(key) => hex_of(key, body),
                LegacyMac::Sha512(key) => hex_of(key, body),
            };
            insert(headers, name.clone(), &signature);
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn hex_of<M: Mac + Clone>(key: &M, body: &[u8]) -> String {
    let mut mac = key.clone();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn keyed<M: KeyInit>(secret: &[u8]) -> Result<M, SigningError> {
    M::new_from_slice(secret).map_err(|_| SigningError::Malformed)
}

fn key(secret: &SigningSecret) -> Result<Key, SigningError> {
    let shown = secret.secret.expose_secret();
    let encoded = shown.strip_prefix("whsec_").ok_or(SigningError::Malformed)?;
    let bytes = zeroize::Zeroizing::new(STANDARD.decode(encoded).map_err(|_| SigningError::Malformed)?);
    let until = secret.until.map(|until| until.timestamp());
    Ok(Key { standard: keyed(&bytes)?, plain: keyed(shown.as_bytes())?, until })
}

fn legacy_key(legacy: &LegacySignature) -> Result<(HeaderName, LegacyMac), SigningError> {
    let name = HeaderName::from_bytes(legacy.header.as_bytes()).map_err(|_| SigningError::Header)?;
    let secret = legacy.secret.expose_secret().as_bytes();
    let mac = match legacy.algorithm {
        SignatureAlgorithm::Sha256 => LegacyMac::Sha256(keyed(secret)?),
        SignatureAlgorithm::Sha512 => LegacyMac::Sha512(keyed(secret)?),
    };
    Ok((name, mac))
}

#[cfg(test)]
mod tests {
    use standardwebhooks::Webhook;

    use super::*;

    const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OLD: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    const BODY: &[u8] = br#"{"id":"evt_1","payload":{}}"#;

    const END: i64 = 4_000_000_000;

    /// The first secret has no end; the others have one.
    fn rotating(secrets: &[&str]) -> Vec<SigningSecret> {
        let until = |at: usize| (at > 0).then(|| chrono::DateTime::from_timestamp(END, 0).unwrap());
        secrets.iter().enumerate().map(|(at, it)| SigningSecret { secret: (*it).into(), until: until(at) }).collect()
    }

    fn signed(secrets: &[&str], legacy: Option<LegacySignature>, timestamp: i64) -> HeaderMap {
        let signer = Signer::new(&Signing { secrets: rotating(secrets), legacy, headers: Vec::new() }).unwrap();
        let mut headers = HeaderMap::new();
        signer.sign(&mut headers, &HeaderValue::from_static("evt_1"), timestamp, BODY);
        headers
    }

    fn now() -> i64 {
        inlet_domain::ambient::Ambient::system().now().timestamp()
    }

    #[test]
    fn the_reference_library_verifies_and_refuses_every_changed_byte() {
        let headers = signed(&[NEW], None, now());
        let reference = Webhook::new(NEW).unwrap();
        reference.verify(BODY, &headers).unwrap();
        for position in 0..BODY.len() {
            let mut changed = BODY.to_vec();
            changed[position] ^= 1;
            assert!(reference.verify(&changed, &headers).is_err(), "byte {position}");
        }
        let mut other = headers.clone();
        other.insert("webhook-id", HeaderValue::from_static("evt_2"));
        assert!(reference.verify(BODY, &other).is_err());
        assert!(Webhook::new(OLD).unwrap().verify(BODY, &headers).is_err());
    }

    #[test]
    fn the_reference_library_refuses_an_old_and_a_future_timestamp() {
        for offset in [-301, 301] {
            let headers = signed(&[NEW], None, now() + offset);
            assert!(Webhook::new(NEW).unwrap().verify(BODY, &headers).is_err(), "{offset}");
        }
    }

    #[test]
    fn while_secrets_rotate_either_verifies_and_the_plain_one_keeps_the_old() {
        let headers = signed(&[NEW, OLD], None, now());
        for secret in [NEW, OLD] {
            Webhook::new(secret).unwrap().verify(BODY, &headers).unwrap();
        }
        let plain = hex_of(&keyed::<Hmac<Sha256>>(OLD.as_bytes()).unwrap(), BODY);
        assert_eq!(headers["x-inlet-signature"], plain.as_str());
    }

    #[test]
    fn from_the_end_of_a_rotation_on_the_new_secret_stands_alone() {
        let plain = |secret: &str| hex_of(&keyed::<Hmac<Sha256>>(secret.as_bytes()).unwrap(), BODY);
        let count = |headers: &HeaderMap| headers["webhook-signature"].to_str().unwrap().split(' ').count();
        let before = signed(&[NEW, OLD], None, END - 1);
        assert_eq!((count(&before), &before["x-inlet-signature"]), (2, &plain(OLD).parse().unwrap()));
        let after = signed(&[NEW, OLD], None, END);
        assert_eq!((count(&after), &after["x-inlet-signature"]), (1, &plain(NEW).parse().unwrap()));
    }

    /// The expected value is the output of `printf '%s' '{"id":"evt_1","payload":{}}' | openssl dgst -sha256 -hmac
    /// KEY`.
    #[test]
    fn the_plain_signature_is_over_the_secret_as_shown() {
        let headers = signed(&[NEW], None, 1_700_000_000);
        assert_eq!(headers["x-inlet-signature"], "09375deecd967c6990bbb645856297264299cd4c68806ccf601027a9d0a88b59");
    }

    #[test]
    fn a_legacy_consumer_finds_its_own_header() {
        for (algorithm, digits) in [(SignatureAlgorithm::Sha256, 64), (SignatureAlgorithm::Sha512, 128)] {
            let legacy = LegacySignature { header: "x-other-signature".to_owned(), algorithm, secret: "k".into() };
            let headers = signed(&[NEW], Some(legacy), now());
            assert_eq!(headers["x-other-signature"].len(), digits);
        }
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let new = |secrets: &[&str]| {
            Signer::new(&Signing { secrets: rotating(secrets), legacy: None, headers: Vec::new() }).err()
        };
        assert_eq!(new(&[]), Some(SigningError::NoSecret));
        assert_eq!(new(&["secret"]), Some(SigningError::Malformed));
        assert_eq!(new(&["whsec_!"]), Some(SigningError::Malformed));
    }
}
