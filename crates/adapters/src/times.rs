//! Times in providers' forms: RFC 3339, RFC 2822 and similar, without an offset, or as a number since 1970.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDateTime, SubsecRound, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use inlet_domain::model::mapping::TimeFormat;
use serde_json::Value;

use crate::fields::Object;

/// Formats with an offset, without the blank before it. `%#z` takes `Z`, `+05`, `+0530` and `+05:30`.
const WITH_OFFSET: [&str; 10] = [
    "%d-%b-%y %H:%M:%S%#z",
    "%d-%b-%Y %H:%M:%S%#z",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M%#z",
    "%Y/%m/%d %H:%M:%S%.f%#z",
    "%Y%m%dT%H%M%S%.f%#z",
    "%b %d %Y %H:%M:%S%#z",
    "%d %b %Y %H:%M:%S%#z",
];
/// Formats without an offset.
const NAIVE: [&str; 12] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %I:%M:%S %p",
    "%Y/%m/%d %H:%M:%S%.f",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%Y%m%dT%H%M%S%.f",
    "%b %d %H:%M:%S %Y",
    "%b %d %Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
];
/// Digits that are a date and a time, and no number since 1970.
const COMPACT: &str = "%Y%m%d%H%M%S";
/// The longest text of a time. JavaScript adds the zone in words.
const LONGEST: usize = 80;
/// A smaller number counts seconds; below a thousand times this it counts milliseconds, then microseconds, then
/// nanoseconds.
const SECONDS_BELOW: f64 = 1e11;
/// Plausible years. Another year is a mistake of the sender's clock or format.
const YEARS: std::ops::RangeInclusive<i32> = 1980..=2100;

/// The time of `value`; without an offset it is in `zone`. `None` if it is no time or implausible.
pub(crate) fn read(value: &Value, zone: Tz) -> Option<DateTime<Utc>> {
    plausible(parse(value, zone)?.time)
}

/// The time of the first of `names` with an offset or a number since 1970, else of the first with any time: a time
/// without an offset may be wrong by hours.
pub(crate) fn surest(object: &Object, names: &[&str], zone: Tz) -> Option<DateTime<Utc>> {
    let told = names.iter().filter_map(|name| object.get(*name)).filter_map(|value| {
        let told = parse(value, zone)?;
        Some(Told { time: plausible(told.time)?, ..told })
    });
    surest_of(told)
}

/// The first sure time, else the first time.
pub(crate) fn surest_of(told: impl IntoIterator<Item = Told>) -> Option<DateTime<Utc>> {
    let mut first = None;
    for told in told {
        if told.sure {
            return Some(told.time);
        }
        first = first.or(Some(told.time));
    }
    first
}

/// A time, and whether its offset is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// The time.
    pub(crate) time: DateTime<Utc>,
    /// Whether the offset is known.
    pub(crate) sure: bool,
}

/// The content of a place for a time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reading {
    /// A time.
    Time(Told),
    /// Nothing, a zero, or an implausible year.
    None,
    /// A value that is no time of the format.
    Misfit,
}

/// Reads a time in this format only.
pub(crate) fn read_as(value: &Value, format: TimeFormat, zone: Tz) -> Reading {
    let number = || match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let text = || value.as_str().map(str::trim);
    let sure = |time| Told { time, sure: true };
    let told = match format {
        TimeFormat::Auto => parse(value, zone),
        TimeFormat::Rfc3339 => {
            text().and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|time| sure(time.to_utc()))
        }
        TimeFormat::UnixSeconds => number().and_then(|seconds| from_micros(seconds * 1e6)).map(sure),
        TimeFormat::UnixMilliseconds => number().and_then(|millis| from_micros(millis * 1e3)).map(sure),
        TimeFormat::Naive => text().and_then(|text| from_naive(text, zone)).map(|time| Told { time, sure: false }),
    };
    match told {
        Some(told) => plausible(told.time).map_or(Reading::None, |time| Reading::Time(Told { time, ..told })),
        None if is_zero(value) => Reading::None,
        None => Reading::Misfit,
    }
}

/// Whether the value means "no time": nothing, or only zeros, as `0000-00-00 00:00:00`.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => {
            let text = text.trim();
            text.eq_ignore_ascii_case("null")
                || text.chars().all(|c| matches!(c, '0' | '-' | ':' | '.' | ' ' | 'T' | 'Z'))
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn parse(value: &Value, zone: Tz) -> Option<Told> {
    let sure = |time| Told { time, sure: true };
    match value {
        Value::Number(number) => from_unix(number.as_f64()?).map(sure),
        Value::String(text) => {
            let text = text.trim();
            if text.is_empty() || text.len() > LONGEST {
                return None;
            }
            let is_of_number = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+');
            let is_number = text.bytes().all(is_of_number)
                && text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && text.contains(|c: char| c != '.');
            if is_number {
                let since_1970 = text.parse().ok().and_then(from_unix);
                // As a number since 1970, this many digits would be an implausible year.
                let compact =
                    || NaiveDateTime::parse_from_str(text, COMPACT).ok().and_then(|naive| in_zone(naive, zone));
                return match since_1970.and_then(plausible) {
                    None if text.len() == 14 => compact().map(|time| Told { time, sure: false }),
                    _ => since_1970.map(sure),
                };
            }
            from_text(text, zone)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn from_unix(number: f64) -> Option<DateTime<Utc>> {
    let size = number.abs();
    from_micros(if size < SECONDS_BELOW {
        number * 1e6
    } else if size < SECONDS_BELOW * 1e3 {
        number * 1e3
    } else if size < SECONDS_BELOW * 1e6 {
        number
    } else {
        number / 1e3
    })
}

fn from_micros(micros: f64) -> Option<DateTime<Utc>> {
    let micros = micros.round();
    // Within an i64, and far beyond the plausible years.
    if micros.abs() < 3e17 { DateTime::from_timestamp_micros(micros as i64) } else { None }
}

fn from_text(text: &str, zone: Tz) -> Option<Told> {
    let sure = |time| Told { time, sure: true };
    let text = &*with_point(text);
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(sure(time.to_utc()));
    }
    if let Ok(time) = DateTime::parse_from_rfc2822(text) {
        return Some(sure(time.to_utc()));
    }
    if let Some(millis) = in_microsoft_form(text) {
        return from_micros(millis * 1e3).map(sure);
    }
    let text = plain(text);
    if let Some(time) = WITH_OFFSET.iter().find_map(|format| DateTime::parse_from_str(&text, format).ok()) {
        return Some(sure(time.to_utc()));
    }
    from_naive(&text, zone).map(|time| Told { time, sure: false })
}

/// Replaces a comma before the fraction of a second by a point.
fn with_point(text: &str) -> Cow<'_, str> {
    let at = text.find(',').filter(|at| {
        let (before, after) = (&text.as_bytes()[..*at], &text.as_bytes()[*at + 1..]);
        before.last().is_some_and(u8::is_ascii_digit)
            && after.first().is_some_and(u8::is_ascii_digit)
            && before.contains(&b':')
    });
    at.map_or(Cow::Borrowed(text), |at| Cow::Owned(format!("{}.{}", &text[..at], &text[at + 1..])))
}

/// Names of zones with one offset in providers' use: those of RFC 2822, and some of Europe and Asia.
const ZONES: [(&str, &str); 20] = [
    ("EST", "-0500"),
    ("EDT", "-0400"),
    ("CST", "-0600"),
    ("CDT", "-0500"),
    ("MST", "-0700"),
    ("MDT", "-0600"),
    ("PST", "-0800"),
    ("PDT", "-0700"),
    ("WET", "+0000"),
    ("CET", "+0100"),
    ("CEST", "+0200"),
    ("EET", "+0200"),
    ("EEST", "+0300"),
    ("BST", "+0100"),
    ("MSK", "+0300"),
    ("SAST", "+0200"),
    ("WAT", "+0100"),
    ("IST", "+0530"),
    ("SGT", "+0800"),
    ("JST", "+0900"),
];

/// Removes unnecessary parts of a time: the day of the week, the zone's name beside its offset, the blank before the
/// offset, a comma before the fraction.
fn plain(text: &str) -> Cow<'_, str> {
    // `2026-11-20T10:00:00+05:30[Asia/Kolkata]`, `Fri Nov 20 2026 10:00:00 GMT+0000 (Coordinated Universal Time)`
    let text = text.split(['[', '(']).next().unwrap_or_default().trim_end();
    let text = match text.split_once([' ', ',']) {
        Some((day, rest)) if is_weekday(day) => rest.trim_start_matches([',', ' ']),
        _ => text,
    };
    let Some((head, zone)) = text.rsplit_once(' ') else { return Cow::Borrowed(text) };
    let upper = zone.to_ascii_uppercase();
    if let Some((_, offset)) = ZONES.iter().find(|(name, _)| *name == upper) {
        return Cow::Owned(format!("{}{offset}", head.trim_end()));
    }
    let offset = ["UTC", "GMT", "UT", "Z"].into_iter().find_map(|name| upper.strip_prefix(name)).unwrap_or(&upper);
    let is_offset = offset.is_empty()
        || (offset.starts_with(['+', '-']) && offset.bytes().skip(1).all(|b| b.is_ascii_digit() || b == b':'));
    if is_offset {
        let offset = if offset.is_empty() { "Z" } else { offset };
        return Cow::Owned(format!("{}{offset}", head.trim_end()));
    }
    Cow::Borrowed(text)
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let word = word.to_ascii_lowercase();
    DAYS.iter().any(|day| *day == word || day.get(..3) == Some(word.as_str()))
}

/// `/Date(1700000000000)/`, with an offset that changes nothing.
fn in_microsoft_form(text: &str) -> Option<f64> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let digits = inner.find(['+', '-']).filter(|at| *at > 0).map_or(inner, |at| &inner[..at]);
    digits.parse::<i64>().ok().map(|millis| millis as f64)
}

fn from_naive(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let with_point = text.replacen(',', ".", 1);
    let naive = NAIVE.iter().find_map(|format| NaiveDateTime::parse_from_str(&with_point, format).ok())?;
    in_zone(naive, zone)
}

/// In an hour that clocks repeat, the first; in one that they skip, the moment after the skip.
fn in_zone(naive: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&naive) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time.to_utc()),
        LocalResult::None => {
            let before = naive.checked_sub_signed(Duration::hours(3))?;
            let before = zone.from_local_datetime(&before).earliest()?;
            before.to_utc().checked_add_signed(Duration::hours(3))
        }
    }
}

/// The time, if its year is plausible. A leap second becomes the following second, which every reader knows.
fn plausible(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let time =
        if time.nanosecond() >= 1_000_000_000 { DateTime::from_timestamp(time.timestamp() + 1, 0)? } else { time };
    YEARS.contains(&time.year()).then(|| time.trunc_subsecs(6))
}

#[cfg(test)]
mod tests;
