//! Answers made comparable, and what they give away.

use std::collections::BTreeSet;

use inlet_store::records::page::Position;
use inlet_tests::pool::is_id;
use serde_json::{Map, Value};
use uuid::Uuid;

/// What nobody has: the neighbour of an id or of a cursor, any other text of the same length. A cursor of the log is a
/// number and is everyone's.
pub fn unknown(text: &str) -> String {
    if is_id(text) {
        let last = if text.ends_with('0') { '1' } else { '0' };
        return format!("{}{last}", &text[..text.len() - 1]);
    }
    if let Ok(position) = text.parse::<Position>() {
        return Position { id: Uuid::from_u128(position.id.as_u128() ^ 1), ..position }.to_string();
    }
    if is_log_cursor(text) {
        return text.to_owned();
    }
    // Each letter becomes another letter and each digit another digit, so that a parser says the same of both.
    let turned = |(at, byte): (usize, u8)| match byte {
        b'a'..=b'z' if at > 0 => char::from(b'a' + (byte - b'a' + 7) % 26),
        b'0'..=b'9' if at > 0 => char::from(b'0' + (byte - b'0' + 3) % 10),
        byte => char::from(byte),
    };
    text.bytes().enumerate().map(turned).collect()
}

fn is_log_cursor(text: &str) -> bool {
    text.split_once('-').is_some_and(|(epoch, number)| epoch.parse::<i32>().is_ok() && number.parse::<i64>().is_ok())
}

/// An answer without what differs from one request to the next: the request's id, what was sent, and what a create mints.
pub fn plain(answer: &Value, sent: &str) -> Value {
    match answer {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| *name != "requestId");
            let shown = |name: &str, value: &Value| match name {
                "password" | "secret" | "token" | "link" if value.is_string() => Value::from("<secret>"),
                // What a composition would send: made up for the try.
                "body" => match value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()) {
                    Some(sample @ Value::Object(_)) => plain(&sample, sent),
                    _ => plain(value, sent),
                },
                _ => plain(value, sent),
            };
            Value::Object(kept.map(|(name, value)| (name.clone(), shown(name, value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(|item| plain(item, sent)).collect(),
        Value::String(text) => {
            let text = text.replace(sent, "<sent>").replace(&sent.to_lowercase(), "<sent>");
            Value::from(minted(&text))
        }
        other => other.clone(),
    }
}

fn minted(text: &str) -> String {
    let is_time = text.len() == 24 && text.ends_with('Z') && text.starts_with("20") && text.contains('T');
    match text {
        text if is_id(text) => format!("<{}>", text.split('_').next().unwrap_or_default()),
        _ if is_time => "<time>".to_owned(),
        text if text.parse::<Position>().is_ok() => "<cursor>".to_owned(),
        text if text.contains("/in/") => "<url>".to_owned(),
        // The login of a member that was made for the try; whose it is stays.
        text if text.split_once('@').is_some_and(|(name, _)| Uuid::try_parse(name).is_ok()) => {
            format!("<login>{}", text.trim_start_matches(|c| c != '@'))
        }
        // Of people and messages that were made for the try; the party's mark, which tells whose they are, stays.
        text if is_phone(text.trim_start_matches('+')) => "<phone>".to_owned(),
        text => {
            let shown = |word: &str| if is_unique(word) { "<unique>".to_owned() } else { word.to_owned() };
            text.split_inclusive(['-', ':', ' '])
                .map(|part| match part.strip_suffix(['-', ':', ' ']) {
                    Some(word) => format!("{}{}", shown(word), &part[word.len()..]),
                    None => shown(part),
                })
                .collect()
        }
    }
}

fn is_phone(text: &str) -> bool {
    text.len() == 12 && text.starts_with("919") && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_unique(word: &str) -> bool {
    word.len() == 32 && Uuid::try_parse(word).is_ok()
}

/// Which of these ids, or of the rows that carry this mark, an answer tells of.
pub fn told(answer: &Value, ids: &BTreeSet<String>, mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    tell(answer, ids, mark, &mut found);
    found
}

fn tell(value: &Value, ids: &BTreeSet<String>, mark: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| tell(value, ids, mark, found)),
        Value::Array(items) => items.iter().for_each(|item| tell(item, ids, mark, found)),
        Value::String(text) => {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let named = words.filter(|word| ids.contains(*word)).map(str::to_owned);
            found.extend(named);
            let place = text.parse::<Position>().ok().map(|position| position.id.to_string());
            found.extend(place.filter(|id| ids.contains(id)));
            if text.contains(mark) {
                found.push(text.clone());
            }
        }
        _ => {}
    }
}
