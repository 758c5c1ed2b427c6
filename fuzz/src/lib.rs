//! What the targets have in common: how an input tells a source and a body, and what must hold of what is read of it.
//!
//! `read` catches what an adapter panics with; here it does not come so far, for the fuzzer's panic hook aborts.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use inlet_domain::{
    command::{Command, Effect, RawRequest, Reading},
    ids::{ProviderAccountId, SourceId, WorkspaceId},
    model::{
        channel::Medium,
        mapping::Mapping,
        provider::{Provider, Verification},
        source::{CallLeg, SignatureSettings},
    },
    store::sources::Source,
};
use inlet_adapters::read;
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

/// What a custom source may be sent, by content type.
const TYPES: [&str; 4] =
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"];

/// Reads an input as a request of `provider`, and checks what comes of it.
///
/// # Panics
/// Where something does not hold.
pub fn read(provider: Provider, input: &[u8]) {
    let Some((&choice, body)) = input.split_first() else { return };
    let source = source(provider, choice >> 4);
    let hint = HINTS[usize::from(choice & 15)];
    check(&source, hint, request(Vec::new(), None, body));
}

/// Reads an input as a request of a source with one of these mappings. The first byte chooses the mapping and the
/// content type; what stands before a line feed is the query.
///
/// # Panics
/// Where something does not hold.
pub fn read_custom(mappings: &[Arc<Mapping>], input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    let Some(mapping) = mappings.get(usize::from(choice >> 4) % mappings.len().max(1)) else { return };
    let (query, body) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => (Some(String::from_utf8_lossy(&rest[..end]).into_owned()), &rest[end + 1..]),
        None => (None, rest),
    };
    let source = Source { mapping: Some(Arc::clone(mapping)), ..source(Provider::Custom, choice >> 2) };
    let headers = vec![("content-type".to_owned(), TYPES[usize::from(choice & 3)].to_owned())];
    check(&source, None, request(headers, query, body));
}

fn check(source: &Source, hint: Option<&str>, raw: RawRequest) {
    let received_at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let sent = raw.body.clone();
    let readout = read::read(source, received_at, hint, raw);
    let Reading::Commands { commands, .. } = &readout.reading else { return };
    commands.iter().for_each(assert_sane);

    if readout.raw.body == sent {
        let again = read::read(source, received_at, readout.event.as_deref(), readout.raw);
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
        signature: SignatureSettings::default(),
        own_user_ids: Vec::new(),
        call_customer_leg: CallLeg::To,
        mapping: None,
        deleted: false,
        revision: 1,
        created_at: DateTime::UNIX_EPOCH,
    }
}

fn request(headers: Vec<(String, String)>, query: Option<String>, body: &[u8]) -> RawRequest {
    RawRequest { method: "POST".to_owned(), query, headers, body: body.to_vec() }
}
