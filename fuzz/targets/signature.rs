//! Any bytes as a body: who signs it, or what JavaScript would write in its place (OR-14), is let in, and nobody else.
#![no_main]

use inlet_domain::model::provider::Provider;
use inlet_ingest::{javascript, provider::adapter};
use secrecy::SecretString;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let secrets = [SecretString::from("newer"), SecretString::from("older")];
    let stranger = SecretString::from("stranger");
    for provider in [Provider::Oneroute, Provider::Mobtexting, Provider::Oblic] {
        let scheme = adapter(provider).scheme();
        let lets_in = |signature: &str| scheme.verify(Some(signature.as_bytes()), body, &secrets).is_ok();
        for secret in &secrets {
            assert!(lets_in(&scheme.sign(body, secret)));
        }
        assert!(!lets_in(&scheme.sign(body, &stranger)));
        // Bytes that an attacker chooses as a signature, whatever they are.
        assert!(scheme.verify(Some(body), body, &secrets).is_err());
        if let Some(again) = javascript::restringify(body)
            && again.as_bytes() != body
        {
            assert_eq!(lets_in(&scheme.sign(again.as_bytes(), &secrets[0])), scheme.restringified);
        }
    }
});
