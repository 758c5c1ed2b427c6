//! Turns an authentic request into the input of apply: parses the body, calls the adapter, masks secrets. This is a
//! pure function of the source, the arrival and the bytes, so that a replay reads as the first reading did.

use std::{
    iter,
    panic::{AssertUnwindSafe, catch_unwind},
};

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{MOST_COMMANDS, RawRequest, Reading},
    model::{
        mapping::Mapping,
        provider::{Provider, Verification},
        source::Source,
    },
    reader::{self, Reader},
};
use serde_json::Value;

use crate::{
    address::{self, Numbering},
    body::{
        batch, charset,
        lenient::{self, Parsed, Unreadable},
        multipart,
    },
    mask,
    provider::{Query, Request, Split, Understanding},
    registry::adapter,
    secrets,
};

/// The reading of a request.
#[derive(Debug)]
pub struct Readout {
    /// The event's name, if it could be told. As a hint to a replay it leads to this reading again.
    pub event: Option<String>,
    /// The input of apply.
    pub reading: Reading,
    /// The request in the form that is stored, with the members masked that the adapter declares secret.
    pub raw: RawRequest,
    /// The reason why the body could not be read.
    pub unreadable: Option<Unreadable>,
}

/// The adapters, for the API and the replay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Adapters;

impl Reader for Adapters {
    fn split(
        &self,
        source: &Source,
        received_at: DateTime<Utc>,
        hint: Option<&str>,
        raw: RawRequest,
    ) -> Vec<RawRequest> {
        match split(source, received_at, hint, &raw) {
            Ok(Some(pieces)) => pieces.collect(),
            Ok(None) | Err(_) => vec![raw],
        }
    }

    fn read(
        &self,
        source: &Source,
        received_at: DateTime<Utc>,
        hint: Option<&str>,
        raw: RawRequest,
    ) -> reader::Readout {
        let Readout { event, reading, raw, .. } = read(source, received_at, hint, raw);
        reader::Readout { event, reading, raw }
    }

    fn shown(&self, raw: RawRequest) -> RawRequest {
        secrets::shown(raw)
    }

    fn phone(&self, text: &str) -> Option<String> {
        address::shown(text, Numbering::PlusOnly)
    }
}

/// More events in one body than the bound, at least this many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany(pub usize);

/// The requests that a request counts as: one for each element of an array, and for each element of the lists that the
/// source's mapping names (P6). `None` for a single request.
///
/// # Errors
/// There are more than [`batch::MOST`].
pub fn split(
    source: &Source,
    received_at: DateTime<Utc>,
    hint: Option<&str>,
    raw: &RawRequest,
) -> Result<Option<impl Iterator<Item = RawRequest> + use<>>, TooMany> {
    let content_type = header(raw, "content-type").unwrap_or_default();
    let decoded = charset::decoded(content_type, &raw.body);
    let whole = decoded.as_deref().map_or(raw.body.as_slice(), str::as_bytes);
    let elements = batch::elements(whole);
    let is_array = elements.is_some();
    if !is_array && !may_hold_lists(source) {
        return Ok(None);
    }
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let ranges = elements.unwrap_or_else(|| iter::once(0..whole.len()).collect());
    if ranges.len() > batch::MOST {
        return Err(TooMany(ranges.len()));
    }
    let mut is_list = false;
    for range in ranges {
        let body = whole.get(range).unwrap_or_default();
        match nested(source, received_at, hint, raw, body) {
            Split::One => bodies.push(body.to_vec()),
            Split::Several(several) => {
                is_list = true;
                bodies.extend(several.into_iter().map(|body| body.to_string().into_bytes()));
            }
            Split::TooMany(number) => return Err(TooMany(number)),
        }
        if bodies.len() > batch::MOST {
            return Err(TooMany(bodies.len()));
        }
    }
    if !is_array && !is_list {
        return Ok(None);
    }
    let mut head = RawRequest { body: Vec::new(), ..raw.clone() };
    if decoded.is_some() || (is_list && charset::declared(content_type).is_some()) {
        now_in_utf_8(&mut head);
    }
    Ok(Some(bodies.into_iter().map(move |body| RawRequest { body, ..head.clone() })))
}

/// Whether the source's mapping names lists of events.
fn may_hold_lists(source: &Source) -> bool {
    let has_lists = |mapping: &Mapping| mapping.rules.iter().any(|rule| rule.items.is_some());
    source.provider == Provider::Custom && source.mapping.as_deref().is_some_and(has_lists)
}

/// The split of one body.
fn nested(source: &Source, received_at: DateTime<Utc>, hint: Option<&str>, raw: &RawRequest, body: &[u8]) -> Split {
    if !may_hold_lists(source) {
        return Split::One;
    }
    let Ok(parsed) = lenient::parse(body) else { return Split::One };
    let query = lenient::parse_form(raw.query.as_deref().unwrap_or_default().as_bytes());
    let most_weight = raw.most_weight();
    let query = Query::Unsigned(&query);
    let request = Request { source, received_at, hint, body: &parsed.value, query, most_weight };
    catch_unwind(AssertUnwindSafe(|| adapter(source.provider).split(&request))).unwrap_or_else(|_| {
        tracing::error!(provider = %source.provider, "an adapter panicked; the request is kept as one");
        Split::One
    })
}

/// Changes the declared charset to UTF-8.
fn now_in_utf_8(raw: &mut RawRequest) {
    for (name, value) in &mut raw.headers {
        if name == "content-type" {
            let media_type = value.split(';').next().unwrap_or_default().trim().to_owned();
            *value = format!("{media_type}; charset=utf-8");
        }
    }
}

/// Headers that may hold a credential of the sender.
const CREDENTIALS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Reads an authentic request. `hint` is the event's name in the URL.
#[must_use]
pub fn read(source: &Source, received_at: DateTime<Utc>, hint: Option<&str>, mut raw: RawRequest) -> Readout {
    let adapter = adapter(source.provider);
    let parsed = parse(source, &raw);
    let (event, reading) = match &parsed {
        Err(error) => (None, Reading::Quarantined { reason: error.to_string() }),
        Ok(parsed) => {
            let query = lenient::parse_form(raw.query.as_deref().unwrap_or_default().as_bytes());
            let query = if source.verification == Verification::None || raw.body.is_empty() {
                Query::Counts(&query)
            } else {
                Query::Unsigned(&query)
            };
            let most_weight = raw.most_weight();
            let request = Request { source, received_at, hint, body: &parsed.value, query, most_weight };
            // No input may take the process down (P11): a request on which an adapter panics is kept instead.
            let understanding = catch_unwind(AssertUnwindSafe(|| adapter.understand(&request))).unwrap_or_else(|_| {
                tracing::error!(provider = %source.provider, "an adapter panicked; the request is kept as unrecognised");
                request.unknown("the adapter failed on this request: report it as a bug, then replay the request after an update")
            });
            let lenient = parsed.lenient;
            match understanding {
                Understanding::Known { event, commands } if commands.len() > MOST_COMMANDS => {
                    let (number, most) = (commands.len(), MOST_COMMANDS);
                    let reason = format!("the request has {number} commands, and at most {most} are allowed");
                    (Some(event), Reading::Excessive { reason, lenient })
                }
                Understanding::Known { event, mut commands } => {
                    commands.iter_mut().for_each(|command| secrets::mask_kept(&mut command.effect));
                    match Reading::of(commands, lenient) {
                        Reading::Commands { weight, .. } if weight > most_weight => {
                            (Some(event), too_heavy(most_weight, lenient))
                        }
                        reading => (Some(event), reading),
                    }
                }
                Understanding::Excessive { event } => (Some(event), too_heavy(most_weight, lenient)),
                Understanding::Unknown { event, reason } => (event, Reading::Unrecognised { reason, lenient }),
            }
        }
    };

    let is_known = matches!(reading, Reading::Commands { .. } | Reading::Excessive { .. });
    let secret = adapter.secret_members(event.as_deref().filter(|_| is_known));
    if !secret.is_empty() {
        // In another charset the names of secret members have other bytes.
        if let Some(text) = charset::decoded(header(&raw, "content-type").unwrap_or_default(), &raw.body) {
            raw.body = text.into_bytes();
            now_in_utf_8(&mut raw);
        }
        raw.body = mask::body(&raw.body, secret);
        raw.query = raw.query.map(|query| mask::query(&query, secret));
    }
    for (name, value) in &mut raw.headers {
        if CREDENTIALS.contains(&name.as_str()) {
            mask::MASK.clone_into(value);
        }
    }
    // The name in the URL is stored if the request was not understood: a replay may understand it.
    let event = if is_known { event } else { hint.map(|hint| hint.chars().take(100).collect()).or(event) };
    Readout { event, reading, raw, unreadable: parsed.err() }
}

fn too_heavy(most: usize, lenient: bool) -> Reading {
    let reason = format!(
        "it would become more than {most} bytes, the most for a request of its size: name large members in fewer places"
    );
    Reading::Excessive { reason, lenient }
}

/// The body as JSON, whatever its content type says; a form as an object; the query if there is no body.
fn parse(source: &Source, raw: &RawRequest) -> Result<Parsed, Unreadable> {
    let encoding = header(raw, "content-encoding").unwrap_or("identity");
    if !encoding.eq_ignore_ascii_case("identity") {
        return Err(Unreadable::unsupported("content encoding", encoding));
    }
    let content_type = header(raw, "content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let decoded = charset::decoded(content_type, &raw.body);
    let body = decoded.as_deref().map_or(raw.body.as_slice(), str::as_bytes);
    match lenient::parse(body) {
        Ok(parsed) => Ok(parsed),
        // A mapping reads body and query separately. Without a body the query is signed: see [`signed`].
        Err(Unreadable::Empty) if source.provider == Provider::Custom && raw.query.is_some() => {
            Ok(Parsed { value: Value::Object(serde_json::Map::new()), lenient: false })
        }
        // The signature covers the body and not the query, so the query counts only for a source without signatures.
        Err(Unreadable::Empty) => match raw.query.as_deref().filter(|_| source.verification == Verification::None) {
            Some(query) => match lenient::parse_form(query.as_bytes()) {
                Value::Object(members) if members.keys().any(|name| name != "event") => {
                    Ok(Parsed { value: Value::Object(members), lenient: false })
                }
                _ => Err(Unreadable::Empty),
            },
            None => Err(Unreadable::Empty),
        },
        Err(_) if media_type == "application/x-www-form-urlencoded" && looks_like_form(&raw.body) => {
            Ok(Parsed { value: lenient::parse_form_in(&raw.body, charset::declared(content_type)), lenient: false })
        }
        Err(error) if media_type == "multipart/form-data" => {
            let form = multipart::parse(content_type, &raw.body).ok_or(error)?;
            Ok(Parsed { value: form, lenient: false })
        }
        Err(error) if may_hold_json(&media_type) => Err(error),
        Err(_) => Err(Unreadable::unsupported("content type", &media_type)),
    }
}

/// The signed bytes: the body. A custom source also takes requests without a body, whose signature covers the query as
/// it was sent, without its `?`.
#[must_use]
pub fn signed<'a>(provider: Provider, query: &'a str, body: &'a [u8]) -> &'a [u8] {
    if provider == Provider::Custom && body.is_empty() { query.as_bytes() } else { body }
}

fn header<'a>(raw: &'a RawRequest, name: &str) -> Option<&'a str> {
    raw.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
}

/// Broken JSON that was posted as a form, as `curl -d` does, is reported as broken JSON.
fn looks_like_form(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    !body.starts_with(b"{") && !body.starts_with(b"[") && body.contains(&b'=')
}

fn may_hold_json(media_type: &str) -> bool {
    media_type.is_empty()
        || media_type.ends_with("json")
        || media_type.ends_with("json5")
        || media_type.ends_with("javascript")
        || matches!(media_type, "text/plain" | "application/x-www-form-urlencoded" | "application/octet-stream")
}
