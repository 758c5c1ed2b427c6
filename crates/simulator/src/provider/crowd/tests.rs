use std::collections::BTreeSet;

use super::*;

fn crowd(seed: u64, run: &str) -> Vec<Event> {
    Crowd::new(seed, run, DateTime::UNIX_EPOCH).take(8_000).collect()
}

#[test]
fn a_seed_and_a_run_fix_the_stream() {
    assert_eq!(crowd(1, "a"), crowd(1, "a"));
    assert_ne!(crowd(1, "a"), crowd(2, "a"));
    assert_ne!(crowd(1, "a"), crowd(1, "b"));
}

#[test]
fn every_documented_event_of_every_provider_occurs() {
    let names: BTreeSet<_> = crowd(1, "a").into_iter().map(|event| event.name).collect();
    let mut documented: Vec<String> = [
        "newMessage",
        "otpVerified",
        "lowUnitBalance",
        "compaignDeliveryReport",
        "campaignDeliveryReport",
        "smsDeliveryReport",
        "whatsappDeliveryReport",
        "sms:message:status",
        "vmn:message:in",
        "voice:message:out",
        "contacts:subscriber:subscription",
    ]
    .map(str::to_owned)
    .into();
    for medium in ["whatsapp", "rcs", "viber"] {
        documented.extend([format!("{medium}:message:in"), format!("{medium}:message:status")]);
    }
    for medium in ["sms", "whatsapp", "rcs", "voice", "viber"] {
        documented.push(format!("{medium}:unsubscription"));
    }
    for entity in ["contact", "conversation", "message", "group", "attachment"] {
        documented.extend(["created", "updated", "deleted"].map(|change| format!("{entity}.{change}")));
    }
    let missing: Vec<_> = documented.iter().filter(|name| !names.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_repeat_claims_the_same() {
    let mut random = Random::seeded(1);
    for event in crowd(1, "a") {
        let copy = event.repeat(&mut random);
        assert_eq!((copy.name, copy.claims), (event.name, event.claims));
    }
}
