//! MobTexting and its white-label products: messages and reports on WhatsApp, RCS, Viber, SMS and virtual numbers,
//! calls, contacts and opt-outs.

mod call;
mod contact;
mod message;
mod opt_out;
mod status;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use inlet_domain::{
    command::Command,
    model::{channel::Medium, source::HmacAlgorithm},
};
use rlibphonenumber::enums::Region;
use serde_json::{Value, json};

use crate::{
    address::Numbering,
    body::lenient,
    fields::{self, Members, Object},
    provider::{Adapter, Demo, Request, Understanding},
    signature::Scheme,
    times,
};

/// The adapter.
#[derive(Debug, Clone, Copy)]
pub struct Mobtexting;

/// The documented events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    MessageIn(Medium),
    MessageStatus(Medium),
    SmsStatus,
    Unsubscription(Medium),
    Call,
    Contact,
}

const SENDS: [Medium; 4] = [Medium::Whatsapp, Medium::Rcs, Medium::Viber, Medium::Vmn];
const REPORTS: [Medium; 3] = [Medium::Whatsapp, Medium::Rcs, Medium::Viber];
const UNSUBSCRIBES: [Medium; 5] = [Medium::Sms, Medium::Whatsapp, Medium::Rcs, Medium::Voice, Medium::Viber];

impl Event {
    fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "sms:message:status" => return Some(Self::SmsStatus),
            "voice:message:out" => return Some(Self::Call),
            "contacts:subscriber:subscription" => return Some(Self::Contact),
            _ => {}
        }
        let (medium, rest) = name.split_once(':')?;
        let medium: Medium = medium.parse().ok()?;
        match rest {
            "message:in" if SENDS.contains(&medium) => Some(Self::MessageIn(medium)),
            "message:status" if REPORTS.contains(&medium) => Some(Self::MessageStatus(medium)),
            "unsubscription" if UNSUBSCRIBES.contains(&medium) => Some(Self::Unsubscription(medium)),
            _ => None,
        }
    }

    fn name(self) -> String {
        match self {
            Self::MessageIn(medium) => format!("{medium}:message:in"),
            Self::MessageStatus(medium) => format!("{medium}:message:status"),
            Self::SmsStatus => "sms:message:status".to_owned(),
            Self::Unsubscription(medium) => format!("{medium}:unsubscription"),
            Self::Call => "voice:message:out".to_owned(),
            Self::Contact => "contacts:subscriber:subscription".to_owned(),
        }
    }

    /// MT-2: the event of a body without a name, by its members. An unsubscription does not show its medium; only the
    /// source tells it.
    fn of_shape(payload: &Object, source_medium: Option<Medium>) -> Result<Self, &'static str> {
        let has = |names: &[&str]| names.iter().all(|name| payload.contains_key(*name));
        let medium_among = |word: Option<String>, media: &[Medium]| {
            word.and_then(|word| word.to_ascii_lowercase().parse().ok()).filter(|medium| media.contains(medium))
        };
        if has(&["mobile", "units"]) || has(&["mobile", "credits"]) {
            return Ok(Self::SmsStatus);
        }
        if has(&["receiver", "type", "value"]) {
            let medium = source_medium.filter(|medium| UNSUBSCRIBES.contains(medium));
            return medium.map(Self::Unsubscription).ok_or(
                "an unsubscription does not tell its channel: put the event's name at the end of the URL, such as \
                 `/sms:unsubscription`, or set the source's medium",
            );
        }
        if has(&["bridge", "start_at"]) {
            return Ok(Self::Call);
        }
        if has(&["identity", "attributes"]) {
            return Ok(Self::Contact);
        }
        if has(&["recipient", "channels", "message"]) {
            let first = message::first_channel(payload);
            let by_name = || payload.object("channels")?.keys().next().cloned();
            let medium = medium_among(first.and_then(|channel| channel.text("name")).or_else(by_name), &SENDS);
            return medium.map(Self::MessageIn).ok_or("the message does not tell its channel");
        }
        if has(&["id", "channel", "status"]) {
            let medium = medium_among(payload.text("channel"), &REPORTS);
            return medium.map(Self::MessageStatus).ok_or("the status report does not tell its channel");
        }
        Err("this is not a known MobTexting event")
    }
}

impl Adapter for Mobtexting {
    fn scheme(&self) -> Scheme {
        Scheme::hex("signature", HmacAlgorithm::Sha256)
    }

    fn demo(&self) -> Option<Demo> {
        Some(Demo { name: "MobTexting", phone_region: Some("IN") })
    }

    fn understand(&self, request: &Request<'_>) -> Understanding {
        let Some(body) = request.body.as_object() else {
            return request.unknown("the body is not an object");
        };
        let payload = body.object("payload").unwrap_or(body);
        let event = match request.named(Event::of_name) {
            Some(event) => event,
            // With an unknown name the adapter does not guess by the members.
            None if is_named(request, body) => return request.unknown("this is not a known MobTexting event"),
            None => match Event::of_shape(payload, request.source.medium) {
                Ok(event) => event,
                Err(reason) => return request.unknown(reason),
            },
        };
        let name = event.name();
        let read = match event {
            Event::MessageIn(medium) => message::read(request, payload, &name, medium),
            Event::MessageStatus(medium) => status::read(request, payload, &name, medium),
            Event::SmsStatus => status::read_sms(request, payload, &name),
            Event::Unsubscription(medium) => opt_out::read(request, payload, &name, medium),
            Event::Call => call::read(request, payload, &name),
            Event::Contact => contact::read(request, payload, &name),
        };
        match read {
            Ok(command) => Understanding::Known { event: name, commands: vec![command] },
            Err(Misfit(reason)) => Understanding::Unknown { reason: format!("{name}: {reason}"), event: Some(name) },
        }
    }

    /// MT-16
    fn handshake(&self, body: &[u8]) -> Option<Value> {
        // Every body is tested, so a body without the member's name is not parsed.
        if body.len() > LONGEST_HANDSHAKE
            || !body.windows(VALIDATION_KEY.len()).any(|at| at == VALIDATION_KEY.as_bytes())
        {
            return None;
        }
        let body = lenient::parse(body).ok()?.value;
        let body = body.as_object()?;
        let challenge = body.get("challenge").filter(|challenge| challenge.is_string() || challenge.is_number())?;
        (body.contains_key(VALIDATION_KEY) && !body.contains_key("payload")).then(|| json!({"challenge": challenge}))
    }
}

/// Whether the URL or the body names an event. A body's `type` does not, although a replay may bring it as the name.
fn is_named(request: &Request<'_>, body: &Object) -> bool {
    let own_type = body.get("type").and_then(Value::as_str).map(str::trim);
    request.hint.is_some_and(|hint| Some(hint.trim()) != own_type) || body.contains_key("event")
}

/// A member of a handshake beside its challenge.
const VALIDATION_KEY: &str = "validation_key";

/// The longest handshake. Longer bodies are not parsed before they are verified.
const LONGEST_HANDSHAKE: usize = 4096;

/// The reason why a body is not the event of its name.
struct Misfit(&'static str);

type Reading = Result<Command, Misfit>;

/// MT-14
fn time(request: &Request<'_>, object: &Object, name: &str) -> Option<DateTime<Utc>> {
    times::read(object.get(name)?, zone(request))
}

/// The time zone of times without an offset.
fn zone(request: &Request<'_>) -> Tz {
    request.zone(Tz::Asia__Kolkata)
}

/// Numbers have their country code without `+`; with a region of the source, national numbers are possible too.
fn numbering(request: &Request<'_>) -> Numbering {
    match request.region() {
        Some(region) => Numbering::RegionFirst(region),
        None => Numbering::CountryCodeFirst(Some(Region::IN)),
    }
}

/// Adds a member to the details, unless it is empty.
fn put(details: &mut Object, name: &str, value: Option<&Value>) {
    let is_nothing = |value: &Value| value.is_null() || (value.is_string() && fields::name(value).is_none());
    if let Some(value) = value.filter(|value| !is_nothing(value)) {
        details.insert(name.to_owned(), value.clone());
    }
}

/// Adds a time to the details, as UTC.
fn put_time(details: &mut Object, name: &str, time: Option<DateTime<Utc>>) {
    if let Some(time) = time {
        details.insert(name.to_owned(), Value::from(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)));
    }
}

/// MT-7: a name from the parts that are present.
fn full_name(person: &Object) -> Option<String> {
    let parts: Vec<String> =
        ["first_name", "middle_name", "last_name"].into_iter().filter_map(|part| person.known(part)).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}
