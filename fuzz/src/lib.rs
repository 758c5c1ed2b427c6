//! What the targets have in common: how an input tells a source and a body, and what must hold of what is read of it.
//!
//! `read` catches what an adapter panics with; here it does not come so far, for the fuzzer's panic hook aborts.

use chrono::{DateTime, TimeDelta};
use inlet_domain::{
    command::{Command, Effect, RawRequest, Reading},
    ids::{ProviderAccountId, SourceId, WorkspaceId},
    model::{
        channel::Medium,
        provider::{Provider, Verification},
    },
    store::sources::Source,
};
use inlet_ingest::read;
use serde_json::Value;
use uuid::Uuid;

/// What stands at the end of the URL; the first byte of an input chooses, by its lower half. `scripts/fuzz.sh` relies on
/// the first six when it makes the seeds.
const HINTS: [Option<&str>; 16] = [
    None,
    Some("sms:unsubscription"),
    Some("whatsapp:unsubscription"),
    Some("rcs:unsubscription"),
    Some("voice:unsubscription"),
    Some("viber:unsubscription"),
    Some("sms:message:status"),
    Some("whatsapp:message:in"),
    Some("voice:message:out"),
    Some("contacts:subscriber:subscription"),
    Some("newMessage"),
    Some("otpVerified"),
    Some("compaignDeliveryReport"),
    Some("message.created"),
    Some("contact.deleted"),
    Some("\u{fffd}"),
];

/// The longest text that an index entry is given.
const LONGEST_ID: usize = 255;

/// Reads an input as a request of `provider`, and checks what comes of it.
///
/// # Panics
/// Where something does not hold.
pub fn read(provider: Provider, input: &[u8]) {
    let Some((&choice, body)) = input.split_first() else { return };
    let source = source(provider, choice >> 4);
    let hint = HINTS[usize::from(choice & 15)];
    let received_at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let readout = read::read(&source, received_at, hint, request(body));
    let Reading::Commands { commands, .. } = &readout.reading else { return };
    commands.iter().for_each(assert_sane);

    if readout.raw.body == body {
        let again = read::read(&source, received_at, readout.event.as_deref(), readout.raw);
        let Reading::Commands { commands: same, .. } = again.reading else { panic!("a replay does not understand it") };
        assert_eq!(&same, commands, "a replay reads something else");
    }
}

/// Fails unless Postgres can hold it: no NUL in any text, no number that is none.
///
/// # Panics
/// Where it cannot.
pub fn assert_storable(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.contains('\0'), "{text:?}"),
        Value::Array(items) => items.iter().for_each(assert_storable),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            assert!(!name.contains('\0'), "{name:?}");
            assert_storable(value);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn assert_sane(command: &Command) {
    let fits = |text: &str| assert!(!text.is_empty() && text.len() <= LONGEST_ID, "{text:?} in {command:?}");
    fits(&command.key.kind);
    fits(&command.key.id);
    assert_storable(&serde_json::to_value(command).expect("a command can be written"));
    let person = match &command.effect {
        Effect::Message(report) => {
            report.ids.iter().for_each(|id| fits(id));
            report.person.as_ref()
        }
        Effect::Status(report) => {
            assert!(!report.ids.is_empty());
            report.ids.iter().for_each(|id| fits(id));
            report.person.as_ref()
        }
        Effect::OptOut(report) => {
            fits(&report.value);
            Some(&report.person)
        }
        _ => None,
    };
    for identity in person.iter().flat_map(|person| &person.identities) {
        fits(&identity.value);
    }
}

fn source(provider: Provider, settings: u8) -> Source {
    let is = |bit: u8| settings & bit != 0;
    Source {
        id: SourceId(Uuid::from_u128(1)),
        workspace: WorkspaceId(Uuid::from_u128(2)),
        account: ProviderAccountId(Uuid::from_u128(3)),
        provider,
        name: "a source".to_owned(),
        verification: Verification::None,
        secrets: Vec::new(),
        allowed_networks: Vec::new(),
        time_zone: is(1).then(|| "America/New_York".to_owned()),
        phone_region: is(2).then(|| "IN".to_owned()),
        channel_id: None,
        medium: is(4).then_some(Medium::Sms),
        report_hosts: Vec::new(),
        deleted: false,
        created_at: DateTime::UNIX_EPOCH,
    }
}

fn request(body: &[u8]) -> RawRequest {
    RawRequest { method: "POST".to_owned(), query: None, headers: Vec::new(), body: body.to_vec() }
}
