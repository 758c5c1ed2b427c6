//! The documented samples of the adapters' tests, embedded so that the command needs no checkout.

use std::borrow::Cow;

use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::{SimulatorError, provider::Provider};

#[derive(RustEmbed)]
#[folder = "../adapters/fixtures"]
struct Files;

/// A documented event.
#[derive(Debug)]
pub struct Fixture {
    /// The provider.
    pub provider: Provider,
    /// Provider and sample, e.g. `oneroute/01-newMessage`.
    pub sample: String,
    /// The event's name in the documents.
    pub event: String,
    /// The event's name at the end of the URL, if the body does not contain it.
    pub suffix: Option<String>,
    /// The exact bytes of the body.
    pub body: Cow<'static, [u8]>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    provider: String,
    event: String,
    suffix: Option<String>,
}

/// All samples, in the order of posting.
///
/// # Errors
/// The index names an unknown file or provider.
pub fn all() -> Result<Vec<Fixture>, SimulatorError> {
    let missing = |what: String| SimulatorError::Refused { what: "the index of samples".into(), answer: what };
    let index = Files::get("index.json").ok_or_else(|| missing("it is missing".into()))?;
    let entries: Vec<Entry> =
        serde_json::from_slice(&index.data).map_err(SimulatorError::shape("the index of samples"))?;
    let fixture = |Entry { file, provider, event, suffix }| {
        let provider = Provider::ALL
            .into_iter()
            .find(|known| known.word() == provider)
            .ok_or_else(|| missing(format!("no provider {provider}")))?;
        let body = Files::get(&file).ok_or_else(|| missing(format!("no file {file}")))?.data;
        let sample = file.strip_suffix(".json").unwrap_or(&file).to_owned();
        Ok(Fixture { provider, sample, event, suffix, body })
    };
    entries.into_iter().map(fixture).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_provider_has_samples_and_no_two_are_the_same() {
        let fixtures = all().unwrap();
        for provider in Provider::ALL {
            assert!(fixtures.iter().filter(|fixture| fixture.provider == provider).count() > 5, "{provider:?}");
        }
        assert_eq!(fixtures.iter().map(|fixture| &fixture.body).collect::<BTreeSet<_>>().len(), fixtures.len());
        assert!(fixtures.iter().all(|fixture| serde_json::from_slice::<serde_json::Value>(&fixture.body).is_ok()));
    }

    /// The samples contain every event of the providers' documents.
    #[test]
    fn every_documented_event_is_there() {
        let events: BTreeSet<_> = all().unwrap().into_iter().map(|fixture| fixture.event).collect();
        let mut documented: Vec<String> = [
            "newMessage",
            "lowUnitBalance",
            "otpVerified",
            "smsDeliveryReport",
            "whatsappDeliveryReport",
            "compaignDeliveryReport",
            "sms:message:status",
            "sms:unsubscription",
            "whatsapp:message:in",
            "whatsapp:message:status",
            "whatsapp:unsubscription",
            "rcs:message:in",
            "rcs:message:status",
            "rcs:unsubscription",
            "voice:message:out",
            "voice:unsubscription",
            "viber:message:status",
            "viber:message:in",
            "viber:unsubscription",
            "vmn:message:in",
            "contacts:subscriber:subscription",
        ]
        .map(str::to_owned)
        .into();
        for entity in ["contact", "conversation", "message", "group", "attachment"] {
            documented.extend(["created", "updated", "deleted"].map(|change| format!("{entity}.{change}")));
        }
        for event in documented {
            assert!(events.contains(&event), "{event}");
        }
    }
}
