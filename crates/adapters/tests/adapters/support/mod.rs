//! Sources and requests for tests, and access to their readings.

use std::{fs, path::PathBuf};

use chrono::{DateTime, TimeZone, Utc};
use inlet_adapters::read::{Readout, read};
use inlet_domain::{
    command::{
        ChannelRef, ChannelReport, Command, ContactReport, Effect, MessageReport, RawRequest, Reading, StatusReport,
    },
    ids::{ProviderAccountId, SourceId, WorkspaceId},
    model::{
        provider::{Provider, Verification},
        source::{CallLeg, SignatureSettings, Source},
    },
};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// An entry of `fixtures/index.json`.
#[derive(Debug, Deserialize)]
pub struct Fixture {
    /// The path below `fixtures/`.
    pub file: String,
    /// The provider.
    pub provider: Provider,
    /// The event that it is a sample of.
    pub event: String,
    /// The end of the URL that distinguishes the event, if it needs one.
    pub suffix: Option<String>,
}

pub fn fixtures_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

pub fn index() -> Vec<Fixture> {
    serde_json::from_slice(&fs::read(fixtures_folder().join("index.json")).unwrap()).unwrap()
}

pub fn bytes(file: &str) -> Vec<u8> {
    fs::read(fixtures_folder().join(file)).unwrap()
}

pub fn json(file: &str) -> Value {
    serde_json::from_slice(&bytes(file)).unwrap()
}

pub fn arrival() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 10, 0, 0).unwrap()
}

pub fn source(provider: Provider) -> Source {
    Source {
        id: SourceId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)),
        workspace: WorkspaceId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002)),
        account: ProviderAccountId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0003)),
        provider,
        name: format!("the {provider} source"),
        verification: Verification::Hmac,
        secrets: vec!["shh".into()],
        allowed_networks: Vec::new(),
        time_zone: None,
        phone_region: None,
        channel_id: None,
        medium: None,
        report_hosts: Vec::new(),
        signature: SignatureSettings::default(),
        own_user_ids: Vec::new(),
        call_customer_leg: CallLeg::To,
        mapping: None,
        deleted: false,
        revision: 1,
        created_at: arrival(),
    }
}

pub fn request(body: impl Into<Vec<u8>>) -> RawRequest {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    RawRequest { method: "POST".to_owned(), query: None, headers, body: body.into() }
}

pub fn read_at(source: &Source, hint: Option<&str>, body: &Value) -> Readout {
    read(source, arrival(), hint, request(body.to_string()))
}

/// The commands of a body that must be understood.
pub fn commands(provider: Provider, body: &Value) -> Vec<Command> {
    expect_commands(read_at(&source(provider), None, body))
}

pub fn expect_commands(readout: Readout) -> Vec<Command> {
    match readout.reading {
        Reading::Commands { commands, .. } => commands,
        other => panic!("not understood: {other:?}"),
    }
}

/// The one command of a body.
pub fn command(provider: Provider, body: &Value) -> Command {
    let mut commands = commands(provider, body);
    assert_eq!(commands.len(), 1);
    commands.remove(0)
}

/// The reason why a body was not understood.
pub fn reason(readout: Readout) -> String {
    match readout.reading {
        Reading::Unrecognised { reason, .. } | Reading::Quarantined { reason } | Reading::Excessive { reason, .. } => {
            reason
        }
        Reading::Commands { commands, .. } => panic!("understood: {commands:?}"),
    }
}

pub fn message(command: Command) -> MessageReport {
    match command.effect {
        Effect::Message(report) => *report,
        other => panic!("not a message: {other:?}"),
    }
}

pub fn status(command: Command) -> StatusReport {
    match command.effect {
        Effect::Status(report) => *report,
        other => panic!("not a status: {other:?}"),
    }
}

pub fn contact(command: Command) -> ContactReport {
    match command.effect {
        Effect::Contact(report) => *report,
        other => panic!("not a contact: {other:?}"),
    }
}

pub fn reported(channel: ChannelRef) -> ChannelReport {
    match channel {
        ChannelRef::Reported(report) => *report,
        ChannelRef::Known(id) => panic!("known: {id}"),
    }
}

/// The body with the member at the JSON pointer set; a missing last member is added.
pub fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}
