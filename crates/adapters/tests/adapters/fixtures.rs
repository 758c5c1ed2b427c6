//! The reading of every documented sample.

use std::{collections::BTreeSet, fs};

use crate::support::{arrival, bytes, fixtures_folder, index, request, source};
use inlet_adapters::read::read;
use inlet_domain::{command::Reading, model::provider::Provider};
use serde_json::json;

/// The documented events: OneRoute's tabs, MobTexting's table, Oblic's list.
const DOCUMENTED: [&str; 36] = [
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
    "contact.created",
    "contact.updated",
    "contact.deleted",
    "conversation.created",
    "conversation.updated",
    "conversation.deleted",
    "message.created",
    "message.updated",
    "message.deleted",
    "group.created",
    "group.updated",
    "group.deleted",
    "attachment.created",
    "attachment.updated",
    "attachment.deleted",
];

#[test]
fn every_documented_event_has_a_fixture_and_every_fixture_is_listed() {
    let index = index();
    let sampled: BTreeSet<&str> = index.iter().map(|fixture| fixture.event.as_str()).collect();
    assert_eq!(sampled, BTreeSet::from(DOCUMENTED));
    let listed: BTreeSet<&str> = index.iter().map(|fixture| fixture.file.as_str()).collect();
    // The documents of a custom source are its mapping.
    for provider in Provider::ALL.iter().filter(|provider| **provider != Provider::Custom) {
        for entry in fs::read_dir(fixtures_folder().join(provider.as_str())).unwrap() {
            let file = format!("{provider}/{}", entry.unwrap().file_name().to_str().unwrap());
            assert!(listed.contains(file.as_str()), "{file} is not in index.json");
        }
    }
}

#[test]
fn each_fixture_becomes_its_commands() {
    let mut keys = BTreeSet::new();
    for fixture in index() {
        let raw = request(bytes(&fixture.file));
        let readout = read(&source(fixture.provider), arrival(), fixture.suffix.as_deref(), raw);
        let Reading::Commands { commands, lenient, .. } = &readout.reading else {
            panic!("{}: {:?}", fixture.file, readout.reading);
        };
        assert!(!lenient, "{}", fixture.file);
        for command in commands {
            assert!(keys.insert((fixture.provider, command.key.clone())), "{}: a key that is taken", fixture.file);
        }
        let name = fixture.file.replace('/', "__").replace(".json", "");
        insta::assert_json_snapshot!(name, json!({"event": readout.event, "commands": commands}));
    }
}

#[test]
fn the_documents_own_samples_are_recovered_or_kept_in_quarantine() {
    let folder = fixtures_folder().join("malformed");
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let provider: Provider = file.split('-').next().unwrap().parse().unwrap();
        let readout = read(&source(provider), arrival(), None, request(bytes(&format!("malformed/{file}"))));
        let outcome = match readout.reading {
            Reading::Commands { lenient: true, .. } => "recovered",
            Reading::Quarantined { .. } => "quarantined",
            other => panic!("{file}: {other:?}"),
        };
        seen.push(format!("{file}: {outcome}"));
    }
    seen.sort();
    insta::assert_snapshot!(seen.join("\n"), @r"
    mobtexting-sms-message-status.json: recovered
    mobtexting-viber-message-in-media.json: recovered
    mobtexting-voice-message-out.json: quarantined
    oblic-conversation.updated.json: recovered
    oneroute-campaign-report.json: quarantined
    oneroute-compaignDeliveryReport.json: quarantined
    oneroute-lowUnitBalance.json: recovered
    ");
}
