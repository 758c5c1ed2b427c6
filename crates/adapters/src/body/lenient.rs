//! Parses bodies: strict JSON first, then JSON5 as a marked recovery. Bounds nesting and size, and replaces text that
//! Postgres cannot store.

use std::{borrow::Cow, cell::Cell};

use encoding_rs::Encoding;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::body::{
    batch::{end_of_comment, end_of_text},
    charset,
};

/// The deepest nesting of a body. No documented body nests deeper than 5.
pub const MAX_DEPTH: usize = 100;

/// The most values of a body. Parsing takes up to half a kilobyte for each value, however short. No documented body has
/// more than 60.
pub const MAX_VALUES: usize = 150_000;

/// A parsed body.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The value. Its texts hold no NUL, and U+FFFD instead of lone surrogates.
    pub value: Value,
    /// Whether the body is not strict JSON in UTF-8.
    pub lenient: bool,
}

/// The reason why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The body is empty.
    #[error("the body is empty")]
    Empty,
    /// The body is neither JSON nor JSON5.
    #[error("the body is not JSON ({strict}), nor JSON5 ({lenient})")]
    Malformed {
        /// The error of the JSON parser.
        strict: String,
        /// The error of the JSON5 parser.
        lenient: String,
    },
    /// The content type or encoding is not supported.
    #[error("a body of {kind} cannot be read: send JSON")]
    Unsupported {
        /// The content type or encoding.
        kind: String,
    },
}

impl Unreadable {
    /// An unsupported content type or encoding, cut to a readable length.
    pub(crate) fn unsupported(what: &str, kind: &str) -> Self {
        let kind: String = kind.chars().take(100).collect();
        Self::Unsupported { kind: format!("{what} `{kind}`") }
    }
}

/// Parses a body as JSON, else as JSON5.
///
/// # Errors
/// The body is empty, or neither JSON nor JSON5.
pub fn parse(body: &[u8]) -> Result<Parsed, Unreadable> {
    let text = String::from_utf8_lossy(body);
    let mut recovered = matches!(text, Cow::Owned(_));
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => {
            recovered = true;
            rest
        }
        None => &text,
    };
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    let text = replace_lone_surrogates(text);
    let text = keep_numbers(&text);
    match parse_strict(&text) {
        Ok(value) => Ok(Parsed { value, lenient: recovered }),
        Err(strict) => match parse_json5(&text) {
            Ok(value) => Ok(Parsed { value, lenient: true }),
            Err(lenient) => Err(Unreadable::Malformed { strict: strict.to_string(), lenient: lenient.to_string() }),
        },
    }
}

/// A form body or a query as a flat object. Of a repeated name the last value wins.
#[must_use]
pub fn parse_form(form: &[u8]) -> Value {
    let members = url::form_urlencoded::parse(form).map(|(name, value)| (clean(&name), Value::String(clean(&value))));
    Value::Object(members.collect())
}

/// As [`parse_form`], for a form whose escaped bytes are in a charset.
pub(crate) fn parse_form_in(form: &[u8], charset: Option<&'static Encoding>) -> Value {
    let Some(charset) = charset else { return parse_form(form) };
    let read = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
        let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
        clean(&charset::text(charset, &bytes))
    };
    let members = form.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = match pair.iter().position(|b| *b == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, [].as_slice()),
        };
        (read(name), Value::String(read(value)))
    });
    Value::Object(members.collect())
}

fn parse_strict(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Bounded { deeper: MAX_DEPTH, left: &Cell::new(MAX_VALUES) }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

fn parse_json5(text: &str) -> Result<Value, json5::Error> {
    struct Document(Value);
    impl<'de> serde::Deserialize<'de> for Document {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Bounded { deeper: MAX_DEPTH, left: &Cell::new(MAX_VALUES) }.deserialize(deserializer).map(Self)
        }
    }
    json5::from_str::<Document>(text).map(|document| document.0)
}

/// A value that may nest `deeper` levels more, in a body that may hold `left` values more.
#[derive(Clone, Copy)]
struct Bounded<'a> {
    deeper: usize,
    left: &'a Cell<usize>,
}

impl Bounded<'_> {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        let deeper = self.deeper.checked_sub(1);
        deeper
            .map(|deeper| Self { deeper, ..self })
            .ok_or_else(|| E::custom(format!("nested deeper than {MAX_DEPTH} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| D::Error::custom(format!("more than {MAX_VALUES} values")))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(clean(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let inside = self.inside::<A::Error>()?;
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inside = self.inside::<A::Error>()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            members.insert(clean(&name), map.next_value_seed(inside)?);
        }
        Ok(Value::Object(members))
    }
}

/// Replaces NUL, which Postgres cannot store in text.
pub(crate) fn clean(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.to_owned() }
}

/// Replaces escaped surrogates without their other half: `JSON.parse` accepts them, but UTF-8 cannot encode them.
fn replace_lone_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let unit_at = |at: usize| -> Option<u16> {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut out: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\\')) {
        at += step;
        match unit_at(at) {
            Some(0xd800..=0xdbff) if matches!(unit_at(at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => {
                let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
                out.push_str(&text[copied..at]);
                out.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            // Skips a backslash and the escaped character, so that the second of two backslashes begins no escape.
            _ => at += 2,
        }
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(&text[copied..]);
            Cow::Owned(out)
        }
    }
}

/// Keeps numbers that parsing would damage, in JSON and JSON5. An integer beyond 64 bits is an id and becomes text. A
/// double out of range becomes null, as JavaScript writes infinity.
fn keep_numbers(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            quote @ (b'"' | b'\'') => at = end_of_text(bytes, at + 1, *quote).unwrap_or(bytes.len()),
            b'/' if matches!(bytes.get(at + 1), Some(b'/' | b'*')) => {
                at = end_of_comment(bytes, at).unwrap_or(bytes.len());
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => {
                let is_of_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$');
                at += bytes.iter().skip(at).take_while(is_of_name).count();
            }
            b'+' | b'-' | b'0'..=b'9' => {
                let start = at;
                while bytes.get(at).is_some_and(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'))
                {
                    at += 1;
                }
                if let Some(kept) = kept_number(&text[start..at]) {
                    let out = out.get_or_insert_with(|| String::with_capacity(text.len() + 2));
                    out.push_str(&text[copied..start]);
                    out.push_str(&kept);
                    copied = at;
                }
            }
            _ => at += 1,
        }
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(&text[copied..]);
            Cow::Owned(out)
        }
    }
}

fn kept_number(token: &str) -> Option<String> {
    let token = token.strip_prefix('+').unwrap_or(token);
    let digits = token.strip_prefix('-').unwrap_or(token);
    if digits.len() > 18 && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        let fits = token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok();
        return (!fits).then(|| format!("\"{token}\""));
    }
    let may_be_infinite = token.len() > 308 || token.bytes().any(|b| b == b'e' || b == b'E');
    let infinite = may_be_infinite && token.parse::<f64>().is_ok_and(f64::is_infinite);
    infinite.then(|| "null".to_owned())
}

#[cfg(test)]
mod tests;
