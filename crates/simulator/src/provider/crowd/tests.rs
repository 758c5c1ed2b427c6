use std::collections::BTreeSet;

use super::*;

fn crowd(seed: u64, run: &str) -> Vec<Event> {
    Crowd::new(seed, run, DateTime::UNIX_EPOCH).take(5_000).collect()
}

#[test]
fn a_seed_and_a_run_fix_the_stream() {
    assert_eq!(crowd(1, "a"), crowd(1, "a"));
    assert_ne!(crowd(1, "a"), crowd(2, "a"));
    assert_ne!(crowd(1, "a"), crowd(1, "b"));
}

#[test]
fn every_provider_and_most_documented_events_occur() {
    let names: BTreeSet<_> = crowd(1, "a").into_iter().map(|event| event.name).collect();
    for name in [
        "newMessage",
        "otpVerified",
        "lowUnitBalance",
        "compaignDeliveryReport",
        "smsDeliveryReport",
        "whatsappDeliveryReport",
        "sms:message:status",
        "whatsapp:message:in",
        "whatsapp:message:status",
        "viber:message:in",
        "rcs:message:in",
        "vmn:message:in",
        "voice:message:out",
        "sms:unsubscription",
        "contacts:subscriber:subscription",
        "message.created",
        "message.updated",
        "contact.created",
        "group.created",
        "attachment.created",
    ] {
        assert!(names.contains(name), "{name} is missing in {names:?}");
    }
}

#[test]
fn a_repeat_claims_the_same() {
    let mut random = Random::seeded(1);
    for event in crowd(1, "a") {
        let copy = event.repeat(&mut random);
        assert_eq!((copy.name, copy.claims), (event.name, event.claims));
    }
}
