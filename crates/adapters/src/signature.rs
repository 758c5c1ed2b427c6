//! Verifies requests: a keyed hash of the body under one of the source's secrets. Every doubt is a refusal.

use std::borrow::Cow;

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac};
use inlet_domain::model::source::{HmacAlgorithm, SignatureEncoding};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use crate::body::javascript;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// A signature scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// The header, in lower case.
    pub header: Cow<'static, str>,
    /// The hash.
    pub algorithm: HmacAlgorithm,
    /// The encoding of the hash.
    pub encoding: SignatureEncoding,
    /// The text before the hash, such as `sha256=`.
    pub prefix: Option<String>,
    /// Whether the hash may also cover `JSON.stringify(JSON.parse(body))` (OR-14).
    pub restringified: bool,
}

/// The reason why a request is not authentic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// The header is missing.
    #[error("the signature is missing: it belongs in the header `{0}`")]
    Missing(Cow<'static, str>),
    /// The signature is of another body or another secret.
    #[error("the signature does not fit the body: check the secret and that the body is sent as it was signed")]
    Wrong,
}

impl Scheme {
    /// A scheme in hex, over the bytes of the body.
    #[must_use]
    pub const fn hex(header: &'static str, algorithm: HmacAlgorithm) -> Self {
        let encoding = SignatureEncoding::Hex;
        Self { header: Cow::Borrowed(header), algorithm, encoding, prefix: None, restringified: false }
    }

    /// Checks the signature under each of the secrets, in constant time.
    ///
    /// # Errors
    /// The signature is missing or wrong. Without a secret every signature is wrong.
    pub fn verify<'a>(
        &self,
        signature: Option<&[u8]>,
        body: &[u8],
        secrets: impl IntoIterator<Item = &'a SecretString> + Clone,
    ) -> Result<(), Forged> {
        let signature = signature.ok_or_else(|| Forged::Missing(self.header.clone()))?;
        let given = self.decode(signature).ok_or(Forged::Wrong)?;
        if self.fits(&given, body, secrets.clone()) {
            return Ok(());
        }
        match self.restringified.then(|| javascript::restringify(body)).flatten() {
            Some(again) if again.as_bytes() != body && self.fits(&given, again.as_bytes(), secrets) => Ok(()),
            _ => Err(Forged::Wrong),
        }
    }

    fn decode(&self, signature: &[u8]) -> Option<Vec<u8>> {
        let written = signature.trim_ascii();
        let written = match &self.prefix {
            Some(prefix) => written.strip_prefix(prefix.trim_start().as_bytes())?,
            None => written,
        };
        match self.encoding {
            SignatureEncoding::Hex => hex::decode(written).ok(),
            SignatureEncoding::Base64 => BASE64.decode(written).ok(),
            SignatureEncoding::Base64url => BASE64URL.decode(written).ok(),
        }
    }

    /// Tries every secret, so that the time does not tell which one fits.
    fn fits<'a>(&self, given: &[u8], message: &[u8], secrets: impl IntoIterator<Item = &'a SecretString>) -> bool {
        let any = secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).fold(
            Choice::from(0),
            |any, secret| {
                let right = keyed_hash(self.algorithm, secret.expose_secret().as_bytes(), message);
                any | right.as_slice().ct_eq(given)
            },
        );
        any.into()
    }

    /// The signature of a body, as the provider sends it.
    #[must_use]
    pub fn sign(&self, body: &[u8], secret: &SecretString) -> String {
        let bytes = keyed_hash(self.algorithm, secret.expose_secret().as_bytes(), body);
        let written = match self.encoding {
            SignatureEncoding::Hex => hex::encode(bytes),
            SignatureEncoding::Base64 => BASE64.encode(bytes),
            SignatureEncoding::Base64url => BASE64URL.encode(bytes),
        };
        self.prefix.as_ref().map_or_else(|| written.clone(), |prefix| format!("{prefix}{written}"))
    }
}

fn keyed_hash(algorithm: HmacAlgorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    match algorithm {
        HmacAlgorithm::Sha1 => mac::<Hmac<Sha1>>(key, message),
        HmacAlgorithm::Sha256 => mac::<Hmac<Sha256>>(key, message),
        HmacAlgorithm::Sha512 => mac::<Hmac<Sha512>>(key, message),
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        unreachable!("HMAC takes a key of any length");
    };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use inlet_domain::model::provider::Provider;

    use super::*;
    use crate::registry::adapter;

    const BODY: &str = r#"{ "event" : "newMessage", "message":{"content":"Caf\u00e9 \/ 2.0 \ud83d","n":2.0,"10":1,"9":2}, "z":1, "1":0 }"#;
    const RAW: &str = "9f61a991d0a4f5d648d312bae4c69bc1aee126cb84d1795d98712e7ef37f0ccf3c9c7a37d249392ebf5b610fc9ad2dc9cb715bc20ded0f43e21c6792f4c833f9";
    const RESTRINGIFIED: &str = "0c8b61d40393fa9967de2ced5bfc826adca4c49bb573c94b791ae3444d4a52e87be811d2e52d34fac0e350e04c2ea3757f69d68e4bf3ca84144bbea0e567fdca";

    fn verify(provider: Provider, signature: &str, body: &str, secrets: &[&str]) -> Result<(), Forged> {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        adapter(provider).scheme().verify(Some(signature.as_bytes()), body.as_bytes(), &secrets)
    }

    #[test]
    fn or_14_over_the_raw_bytes_or_javascripts_own() {
        let key = ["OneRoute Secret Key"];
        assert_eq!(verify(Provider::Oneroute, RAW, BODY, &key), Ok(()));
        assert_eq!(verify(Provider::Oneroute, RESTRINGIFIED, BODY, &key), Ok(()));
        assert_eq!(verify(Provider::Oneroute, &RAW.to_uppercase(), BODY, &key), Ok(()));
        assert_eq!(verify(Provider::Oneroute, RAW, &BODY.replace("2.0", "2.1"), &key), Err(Forged::Wrong));
        assert_eq!(
            verify(Provider::Oneroute, RESTRINGIFIED, &BODY.replace("\"z\":1", "\"z\":2"), &key),
            Err(Forged::Wrong)
        );
    }

    #[test]
    fn mt_12_over_the_raw_bytes_only() {
        let body = r#"{"event":"whatsapp:message:in","payload":{"text":"caf\u00e9 \/ x"}}"#;
        let signature = "3aecd0072318325f8398d53dca180f9a705fbd859794adae5fafeb754ea816da";
        assert_eq!(verify(Provider::Mobtexting, signature, body, &["6b1f0c52-webhook-id"]), Ok(()));
        let again = javascript::restringify(body.as_bytes()).unwrap();
        assert_eq!(verify(Provider::Mobtexting, signature, &again, &["6b1f0c52-webhook-id"]), Err(Forged::Wrong));
        let over_again = adapter(Provider::Mobtexting).scheme().sign(again.as_bytes(), &"6b1f0c52-webhook-id".into());
        assert_eq!(verify(Provider::Mobtexting, &over_again, body, &["6b1f0c52-webhook-id"]), Err(Forged::Wrong));
    }

    #[test]
    fn ob_11_over_the_raw_bytes() {
        let body = r#"{"id":"a056V7R7NmNRjl70","type":"message.updated","payload":{"message":"I’m"}}"#;
        let signature = "d46f1ba10d356bbdeca5cd3b4dc9bf079d6dd8e273a22314e3f22229de22a70d";
        assert_eq!(verify(Provider::Oblic, signature, body, &["secret"]), Ok(()));
        assert_eq!(verify(Provider::Oblic, signature, body, &["newer", "secret"]), Ok(()));
        assert_eq!(verify(Provider::Oblic, signature, body, &["newer"]), Err(Forged::Wrong));
    }

    #[test]
    fn it_fails_closed() {
        let scheme = adapter(Provider::Oblic).scheme();
        let empty_key = scheme.sign(b"{}", &SecretString::from(""));
        assert_eq!(verify(Provider::Oblic, &empty_key, "{}", &[]), Err(Forged::Wrong));
        assert_eq!(verify(Provider::Oblic, &empty_key, "{}", &[""]), Err(Forged::Wrong));
        assert_eq!(verify(Provider::Oblic, "", "{}", &["secret"]), Err(Forged::Wrong));
        assert_eq!(verify(Provider::Oblic, "not hex", "{}", &["secret"]), Err(Forged::Wrong));
        let cut = &scheme.sign(b"{}", &SecretString::from("secret"))[..32];
        assert_eq!(verify(Provider::Oblic, cut, "{}", &["secret"]), Err(Forged::Wrong));
        assert_eq!(scheme.verify(None, b"{}", &["secret".into()]), Err(Forged::Missing("x-oblic-signature".into())));
    }

    /// RFC 2202, test case 2, and RFC 4231, test case 2.
    #[test]
    fn a_source_signs_by_any_hash_in_any_writing_under_any_header() {
        let (key, body) = (SecretString::from("Jefe"), b"what do ya want for nothing?");
        let mut scheme = adapter(Provider::Custom).scheme();
        let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!((scheme.header.as_ref(), scheme.sign(body, &key).as_str()), ("x-signature", sha256));
        for (algorithm, encoding, prefix, written) in [
            (HmacAlgorithm::Sha1, SignatureEncoding::Hex, None, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (HmacAlgorithm::Sha1, SignatureEncoding::Base64, None, "7/zfauXrL6LSdBbV8YTfnCWafHk="),
            (HmacAlgorithm::Sha1, SignatureEncoding::Base64, None, "7/zfauXrL6LSdBbV8YTfnCWafHk"),
            (HmacAlgorithm::Sha1, SignatureEncoding::Base64url, Some("v1,"), "v1,7_zfauXrL6LSdBbV8YTfnCWafHk"),
            (HmacAlgorithm::Sha256, SignatureEncoding::Hex, Some("sha256="), &format!("sha256={sha256}")),
        ] {
            scheme.algorithm = algorithm;
            scheme.encoding = encoding;
            scheme.prefix = prefix.map(str::to_owned);
            let verify = |signature: &str| scheme.verify(Some(signature.as_bytes()), body, [&key]);
            assert_eq!(verify(written), Ok(()), "{written}");
            assert_eq!(verify(&scheme.sign(body, &key)), Ok(()));
            assert_eq!(verify(&format!("x{written}")), Err(Forged::Wrong), "{written}");
            if let Some(prefix) = prefix {
                assert_eq!(verify(written.strip_prefix(prefix).unwrap()), Err(Forged::Wrong), "without its prefix");
            }
        }
    }
}
