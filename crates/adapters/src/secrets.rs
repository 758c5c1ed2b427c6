//! Requests for display: values whose names look like secrets are masked, in JSON, in forms, in the query and in
//! headers. The stored request stays complete, so that a replay can read all of it.

mod names;

use inlet_domain::{
    command::{Effect, PersonReport, RawRequest},
    json,
};
use serde_json::{Map, Value};

pub(crate) use self::names::is_secret;
use self::names::is_secret_header;
use crate::{
    body::{
        batch::{end_of_comment, end_of_text},
        charset::{self, parameter},
        lenient,
    },
    mask::MASK,
};

/// How deeply JSON within texts of JSON is searched.
const DEEPEST: usize = 5;

/// Masks secrets in details and attributes, which are stored and sent in events and webhooks.
pub(crate) fn mask_members(members: &mut Map<String, Value>) {
    for (name, value) in members.iter_mut() {
        if is_secret(name) && !value.is_null() {
            *value = Value::from(MASK);
        } else {
            mask(value);
        }
    }
}

/// Masks secrets in all values that a command keeps under the sender's own names.
pub(crate) fn mask_kept(effect: &mut Effect) {
    let of_person = |person: &mut Option<PersonReport>| {
        if let Some(person) = person {
            mask_members(&mut person.attributes);
        }
    };
    match effect {
        Effect::Message(report) => {
            mask_members(&mut report.details);
            mask_members(&mut report.thread.attributes);
            of_person(&mut report.person);
        }
        Effect::Status(report) => {
            mask_members(&mut report.details);
            of_person(&mut report.person);
        }
        Effect::Contact(report) => mask_members(&mut report.attributes),
        Effect::Conversation(report) => {
            mask_members(&mut report.attributes);
            of_person(&mut report.person);
        }
        Effect::OptOut(report) => mask_members(&mut report.person.attributes),
        Effect::Group(_)
        | Effect::Attachment(_)
        | Effect::Verification(_)
        | Effect::Balance(_)
        | Effect::Campaign(_) => {}
    }
}

/// The request for display.
pub(crate) fn shown(mut raw: RawRequest) -> RawRequest {
    let content_type =
        raw.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.clone()).unwrap_or_default();
    let decoded = charset::decoded(&content_type, &raw.body);
    let body = decoded.as_deref().map_or(raw.body.as_slice(), str::as_bytes);
    if let Some(masked) = body_shown(&content_type, body) {
        raw.body = masked;
    }
    raw.query = raw.query.map(|query| form(query.as_bytes(), DEEPEST).map_or(query, lossy));
    for (name, value) in &mut raw.headers {
        if is_secret_header(name) {
            MASK.clone_into(value);
        }
    }
    raw
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The body with its secrets masked; `None` if it has none. All other bytes stay, if the result is readable and holds
/// no secret. Otherwise the body is written anew from its parsed value.
fn body_shown(content_type: &str, body: &[u8]) -> Option<Vec<u8>> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let start = body.trim_ascii_start();
    let looks_like_json = start.starts_with(b"{") || start.starts_with(b"[");
    if media_type == "multipart/form-data" && !looks_like_json {
        return multipart(content_type, body);
    }
    if !looks_like_json && body.contains(&b'=') && !start.starts_with(b"<") {
        return form(body, DEEPEST);
    }
    if start.starts_with(b"<") {
        return markup(body);
    }
    let masked = json_text(body, DEEPEST);
    match lenient::parse(masked.as_deref().unwrap_or(body)) {
        Ok(mut parsed) if holds_secret(&parsed.value) => {
            mask(&mut parsed.value);
            Some(json::javascript(&parsed.value).into_bytes())
        }
        Ok(_) | Err(_) => masked,
    }
}

fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| if is_secret(name) { !value.is_null() && value != MASK } else { holds_secret(value) }),
        Value::Array(items) => items.iter().any(holds_secret),
        _ => false,
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                if is_secret(name) && !value.is_null() {
                    *value = Value::from(MASK);
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// JSON or JSON5, also incomplete, with the values of secret members masked; `None` without any.
fn json_text(bytes: &[u8], deeper: usize) -> Option<Vec<u8>> {
    let deeper = deeper.checked_sub(1)?;
    let mut out = Out { bytes, copied: 0, out: None };
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let (name, end) = match byte {
            quote @ (b'"' | b'\'') => {
                let end = end_of_text(bytes, at + 1, *quote).unwrap_or(bytes.len());
                (unescaped(bytes.get(at + 1..end.saturating_sub(1)).unwrap_or_default()), end)
            }
            b'/' if matches!(bytes.get(at + 1), Some(b'/' | b'*')) => {
                at = end_of_comment(bytes, at).unwrap_or(bytes.len());
                continue;
            }
            b if is_of_name(b) => {
                let length = bytes.iter().skip(at).take_while(|b| is_of_name(b)).count();
                (unescaped(bytes.get(at..at + length).unwrap_or_default()), at + length)
            }
            _ => {
                at += 1;
                continue;
            }
        };
        let colon = after_blanks(bytes, end);
        if bytes.get(colon) != Some(&b':') {
            // A string without a colon after it is a value, and may hold JSON.
            if let Some(inner) = Some(name).filter(|text| text.trim_start().starts_with(['{', '[']))
                && let Some(masked) = json_text(inner.as_bytes(), deeper)
            {
                let mut text = String::new();
                json::write_string(&String::from_utf8_lossy(&masked), &mut text);
                out.replace(at, end, text.as_bytes());
            }
            at = end;
            continue;
        }
        let from = after_blanks(bytes, colon + 1);
        if !is_secret(&name) {
            at = from;
            continue;
        }
        at = end_of_value(bytes, from);
        let is_null = bytes.get(from..at).is_some_and(|value| value.trim_ascii() == b"null");
        if from < at && !is_null {
            out.replace(from, at, b"\"***\"");
        }
    }
    out.done()
}

/// A copy of bytes in which some are replaced.
struct Out<'a> {
    bytes: &'a [u8],
    copied: usize,
    out: Option<Vec<u8>>,
}

impl Out<'_> {
    fn replace(&mut self, from: usize, to: usize, by: &[u8]) {
        let out = self.out.get_or_insert_with(|| Vec::with_capacity(self.bytes.len()));
        out.extend_from_slice(self.bytes.get(self.copied..from).unwrap_or_default());
        out.extend_from_slice(by);
        self.copied = to;
    }

    fn done(self) -> Option<Vec<u8>> {
        let mut out = self.out?;
        out.extend_from_slice(self.bytes.get(self.copied..).unwrap_or_default());
        Some(out)
    }
}

fn is_of_name(b: &u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'-' | b'.' | b'\\') || !b.is_ascii()
}

fn after_blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
        } else if *byte == b'/' && matches!(bytes.get(at + 1), Some(b'/' | b'*')) {
            at = end_of_comment(bytes, at).unwrap_or(bytes.len());
        } else {
            break;
        }
    }
    at
}

/// The end of the value that begins there; the end of the bytes if it is incomplete.
fn end_of_value(bytes: &[u8], from: usize) -> usize {
    match bytes.get(from) {
        Some(quote @ (b'"' | b'\'')) => end_of_text(bytes, from + 1, *quote).unwrap_or(bytes.len()),
        Some(b'{' | b'[') => {
            let (mut at, mut open) = (from, 0_usize);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    quote @ (b'"' | b'\'') => {
                        at = end_of_text(bytes, at + 1, *quote).unwrap_or(bytes.len());
                        continue;
                    }
                    b'/' if matches!(bytes.get(at + 1), Some(b'/' | b'*')) => {
                        at = end_of_comment(bytes, at).unwrap_or(bytes.len());
                        continue;
                    }
                    b'{' | b'[' => open += 1,
                    b'}' | b']' => {
                        open -= 1;
                        if open == 0 {
                            return at + 1;
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
            bytes.len()
        }
        _ => {
            let ends = |b: &u8| matches!(b, b',' | b'}' | b']' | b'\n' | b'\r');
            let length = bytes.get(from..).and_then(|rest| rest.iter().position(ends));
            length.map_or(bytes.len(), |length| from + length)
        }
    }
}

/// The text of a name or a string, with its escapes resolved if possible.
fn unescaped(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.contains('\\') {
        return text.into_owned();
    }
    // JSON5 escapes such as `\x70` stay here; the reader that runs afterwards finds those names.
    let quoted = format!("\"{text}\"");
    serde_json::from_str(&quoted).unwrap_or_else(|_| text.into_owned())
}

/// A form or a query with the values of secret names masked; `None` without any.
fn form(bytes: &[u8], deeper: usize) -> Option<Vec<u8>> {
    let mut out = Out { bytes, copied: 0, out: None };
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = rest.iter().position(|b| matches!(b, b'&' | b';')).map_or(bytes.len(), |length| at + length);
        if let Some(equals) = bytes.get(at..end).and_then(|pair| pair.iter().position(|b| *b == b'=')) {
            let value = at + equals + 1;
            let read = lenient::parse_form(bytes.get(at..end).unwrap_or_default());
            for (name, text) in read.as_object().into_iter().flatten() {
                let text = text.as_str().unwrap_or_default();
                if is_secret(name) && value < end {
                    out.replace(value, end, MASK.as_bytes());
                } else if text.trim_start().starts_with(['{', '['])
                    && let Some(masked) = json_text(text.as_bytes(), deeper)
                {
                    let encoded: String = url::form_urlencoded::byte_serialize(&masked).collect();
                    out.replace(value, end, encoded.as_bytes());
                }
            }
        }
        at = end + 1;
    }
    out.done()
}

/// A multipart form with the parts of secret names masked; `None` without any.
fn multipart(content_type: &str, body: &[u8]) -> Option<Vec<u8>> {
    let delimiter = format!("--{}", parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty())?);
    let find = |from: usize, needle: &[u8]| {
        let found = body.get(from..)?.windows(needle.len()).position(|window| window == needle)?;
        Some(from + found)
    };
    let mut out = Out { bytes: body, copied: 0, out: None };
    let mut at = find(0, delimiter.as_bytes())?;
    while let Some(head_end) = find(at, b"\r\n\r\n") {
        let end = find(head_end, delimiter.as_bytes()).unwrap_or(body.len());
        let head = String::from_utf8_lossy(body.get(at..head_end).unwrap_or_default());
        let name = head.lines().find_map(|line| {
            let (header, value) = line.split_once(':')?;
            let is_it = header.trim().eq_ignore_ascii_case("content-disposition");
            is_it.then(|| parameter(value, "name")).flatten()
        });
        let from = head_end + 4;
        let content = body.get(from..end).unwrap_or_default();
        let length = content.strip_suffix(b"\r\n").unwrap_or(content).len();
        if name.is_some_and(|name| is_secret(&name)) {
            out.replace(from, from + length, MASK.as_bytes());
        } else if content.trim_ascii_start().starts_with(b"{")
            && let Some(masked) = json_text(content.get(..length).unwrap_or_default(), DEEPEST)
        {
            out.replace(from, from + length, &masked);
        }
        if end == body.len() {
            break;
        }
        at = end;
    }
    out.done()
}

/// Markup with the texts of secret elements and the values of secret attributes masked; `None` without any.
fn markup(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Out { bytes: body, copied: 0, out: None };
    let mut at = 0;
    while let Some(open) = body.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'<')).map(|step| at + step) {
        let close = body.get(open..).and_then(|rest| rest.iter().position(|b| *b == b'>'));
        let close = close.map_or(body.len(), |step| open + step);
        let tag = body.get(open + 1..close).unwrap_or_default();
        let name_end = tag.iter().position(|b| b.is_ascii_whitespace() || *b == b'/').unwrap_or(tag.len());
        let name = String::from_utf8_lossy(tag.get(..name_end).unwrap_or_default());
        let name = name.rsplit(':').next().unwrap_or_default();
        at = close + 1;
        let mut from = open + 1 + name_end;
        while let Some(equals) = body.get(from..close).and_then(|rest| rest.iter().position(|b| *b == b'=')) {
            let value = from + equals + 1;
            let attribute = String::from_utf8_lossy(body.get(from..from + equals).unwrap_or_default()).into_owned();
            let end = end_of_value(body, value).min(close).max(value);
            if is_secret(attribute.trim()) && body.get(value).is_some_and(|b| matches!(b, b'"' | b'\'')) {
                out.replace(value, end, b"\"***\"");
            }
            from = end;
        }
        if is_secret(name) && !tag.ends_with(b"/") {
            let closing = format!("</{}", String::from_utf8_lossy(tag.get(..name_end).unwrap_or_default()));
            let rest = body.get(at..).unwrap_or_default();
            let end = rest.windows(closing.len()).position(|window| window.eq_ignore_ascii_case(closing.as_bytes()));
            let end = end.map_or(body.len(), |step| at + step);
            if at < end {
                out.replace(at, end, MASK.as_bytes());
                at = end;
            }
        }
    }
    out.done()
}

#[cfg(test)]
mod tests;
