//! Irregular values of real senders: placeholders instead of ids, numbers in many forms, placeholder names, times in
//! many formats, hidden senders.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Crowd, FIRST, LAST};
use crate::{
    claim::{GIVES_WAY, Must, Stamp, TOLD},
    random::Random,
};

/// Words for a hidden sender, and numbers that spell one on a keypad.
const HIDDEN: [&str; 8] =
    ["anonymous", "Unknown", "private", "0", "000", "+266696687", "sip:anonymous@anonymous.invalid", "RESTRICTED"];

/// The address of a desk that many people share.
pub(super) const DESK: (&str, &str) = ("desk@hotel.example.net", "912212345678");

impl Crowd {
    /// A placeholder that programs write instead of an id.
    pub(super) fn no_id(&mut self) -> Value {
        let words = ["null", "NULL", " undefined ", "", "   ", "-", "0", "None", "[object Object]", "{{id}}", "nil"];
        match self.random.below(4) {
            0 => json!(0),
            1 => json!("00000000-0000-0000-0000-000000000000"),
            _ => json!(self.random.pick(&words)),
        }
    }

    /// The address of a hidden sender.
    pub(super) fn nobody(&mut self) -> Value {
        json!(self.random.pick(&HIDDEN))
    }

    /// A number in one of its forms, and the digits of that form with country code.
    pub(super) fn written(&mut self, number: &str) -> (Value, String) {
        let forms = forms(number);
        let form = forms[self.random.below(forms.len())].clone();
        (dress(&mut self.random, &form), form)
    }

    /// The name of a person in a message, and the version of its claim. Sometimes it is a placeholder, and sometimes
    /// the person has another name.
    pub(super) fn name_of(&mut self, real: &str, number: &str) -> (String, Stamp) {
        match self.random.below(16) {
            0 => (format!("Guest {}", self.random.below(10_000)), GIVES_WAY),
            1 => (format!("+{number}"), GIVES_WAY),
            2 => (format!("{} {}", self.random.pick(&FIRST), self.random.pick(&LAST)), TOLD),
            _ => (real.to_owned(), TOLD),
        }
    }

    /// A time in one of the providers' formats, and the expected time. For null, zero, an implausible year or a time in
    /// the future none is expected, and the arrival counts.
    pub(super) fn time_of(&mut self, at: DateTime<Utc>) -> (Value, Option<DateTime<Utc>>) {
        let minute = at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at);
        match self.random.below(24) {
            0 => (json!(0), None),
            1 => (json!("0"), None),
            2 => (json!("1970-01-01T00:00:00Z"), None),
            3 => (json!("3021-01-01T00:00:00.000Z"), None),
            4 => (json!(self.to_come().timestamp()), None),
            5 => (json!(self.to_come().to_rfc3339_opts(SecondsFormat::Millis, true)), None),
            6 => (json!(at.timestamp()), Some(at)),
            7 => (json!(at.timestamp_millis().to_string()), Some(at)),
            8 => (json!(at.timestamp_micros()), Some(at)),
            9 => (json!(format!("{}.5", at.timestamp())), Some(at + TimeDelta::milliseconds(500))),
            10 => (json!(at.to_rfc3339_opts(SecondsFormat::Micros, true)), Some(at)),
            11 => (json!(at.to_rfc2822()), Some(at)),
            12 => (json!(at.format("%Y-%m-%d %H:%M:%S UTC").to_string()), Some(at)),
            13 => (json!(minute.format("%Y-%m-%dT%H:%MZ").to_string()), Some(minute)),
            _ => (Value::Null, None),
        }
    }

    /// A time that is later than any arrival.
    pub(super) fn to_come(&self) -> DateTime<Utc> {
        self.start + TimeDelta::days(400)
    }
}

/// The expected time of a message.
pub(super) fn occurred(told: Option<DateTime<Utc>>) -> [(&'static str, Must); 2] {
    let assumed = ("occurredAtAssumed", Must::Be(json!(told.is_none())));
    [("occurredAt", told.map_or(Must::BeArrival, Must::at)), assumed]
}

/// A number in its one canonical form: digits with country code. Mostly Indian; some of countries that write mobile
/// numbers in two ways, some of the British range for films, which no numbering plan knows.
pub(super) fn number(random: &mut Random) -> String {
    match random.below(24) {
        0 => format!("447700900{:03}", random.below(1_000)),
        1 => format!("5511987{:06}", random.below(1_000_000)),
        2 => format!("525512{:06}", random.below(1_000_000)),
        3 => format!("541123{:06}", random.below(1_000_000)),
        _ => format!("9198{:08}", random.below(100_000_000)),
    }
}

/// The forms of a number in its country: Brazil's with and without the ninth digit, Mexico's with and without 1,
/// Argentina's with and without 9.
fn forms(number: &str) -> Vec<String> {
    let mut forms = vec![number.to_owned()];
    if let Some(line) = number.strip_prefix("55119") {
        forms.push(format!("5511{line}"));
    } else if let Some(line) = number.strip_prefix("52") {
        forms.push(format!("521{line}"));
    } else if let Some(line) = number.strip_prefix("54") {
        forms.push(format!("549{line}"));
    }
    forms
}

/// A number with decoration; mostly without any.
fn dress(random: &mut Random, digits: &str) -> Value {
    let (code, line) = digits.split_at_checked(2).unwrap_or((digits, ""));
    json!(match random.below(40) {
        0 => format!("+{digits}"),
        1 => format!("00{digits}"),
        2 => format!("whatsapp:+{digits}"),
        3 => format!("tel:+{digits}"),
        4 => format!("sip:+{digits}@pbx.example.com"),
        5 => format!("{digits}@s.whatsapp.net"),
        6 => format!("{digits}:12@s.whatsapp.net"),
        7 => format!("{digits}@c.us"),
        8 => format!("\u{202a}+{code}\u{a0}{line}\u{202c}"),
        9 => format!("+{code} {line}"),
        10 => format!("+{code}\u{2011}{line}"),
        11 => digits
            .bytes()
            .filter_map(|digit| char::from_u32(0x0660 + u32::from(digit.wrapping_sub(b'0'))))
            .collect::<String>(),
        12 => return digits.parse::<u64>().map_or_else(|_| json!(digits), |number| json!(number)),
        13 => return digits.parse::<f64>().map_or_else(|_| json!(digits), |number| json!(number)),
        _ => digits.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn b3_b4_the_crowd_writes_one_number_in_many_clothes_and_forms() {
        let mut random = Random::seeded(1);
        let numbers: Vec<String> = (0..400).map(|_| number(&mut random)).collect();
        for start in ["4477009", "5511987", "525512", "541123", "9198"] {
            assert!(numbers.iter().any(|number| number.starts_with(start)), "{start}");
        }
        assert_eq!(forms("5511987000001"), ["5511987000001", "551187000001"]);
        assert_eq!(forms("525512000001"), ["525512000001", "5215512000001"]);
        assert_eq!(forms("541123000001"), ["541123000001", "5491123000001"]);
        assert_eq!(forms("919800000001"), ["919800000001"]);
        let clothes: BTreeSet<String> = (0..800).map(|_| dress(&mut random, "919800000001").to_string()).collect();
        assert_eq!(clothes.len(), 15, "{clothes:?}");
    }
}
