//! Times as providers write them: RFC 3339, without a zone, or in unix seconds.

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDateTime, SubsecRound, TimeZone, Utc};
use chrono_tz::Tz;
use inlet_domain::model::mapping::TimeFormat;
use serde_json::Value;

const WITH_OFFSET: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"];
const NAIVE: [&str; 3] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"];
/// Unix seconds beyond this would be in the year 5138: such a number counts milliseconds.
const SECONDS_BELOW: f64 = 100_000_000_000.0;

/// The time that `value` tells; one without a zone is in `zone`. `None` where it tells none, or one that neither
/// Postgres nor RFC 3339 can hold.
pub(crate) fn read(value: &Value, zone: Tz) -> Option<DateTime<Utc>> {
    match value {
        Value::Number(number) => from_unix(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            if !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit()) {
                from_unix(text.parse().ok()?)
            } else {
                from_text(text, zone)
            }
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The same for a time that is written in this format and no other.
pub(crate) fn read_as(value: &Value, format: TimeFormat, zone: Tz) -> Option<DateTime<Utc>> {
    let number = || match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let text = || value.as_str().map(str::trim);
    match format {
        TimeFormat::Auto => read(value, zone),
        TimeFormat::Rfc3339 => keep(DateTime::parse_from_rfc3339(text()?).ok()?.to_utc()),
        TimeFormat::UnixSeconds => from_micros(number()? * 1e6),
        TimeFormat::UnixMilliseconds => from_micros(number()? * 1e3),
        TimeFormat::Naive => from_naive(text()?, zone),
    }
}

fn from_unix(number: f64) -> Option<DateTime<Utc>> {
    let seconds = if number.abs() < SECONDS_BELOW { number } else { number / 1000.0 };
    from_micros(seconds * 1e6)
}

fn from_micros(micros: f64) -> Option<DateTime<Utc>> {
    let micros = micros.round();
    // The range of years below is far inside of what an i64 of microseconds holds.
    if micros.abs() < 3e17 { keep(DateTime::from_timestamp_micros(micros as i64)?) } else { None }
}

fn from_text(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return keep(time.to_utc());
    }
    if let Some(time) = WITH_OFFSET.iter().find_map(|format| DateTime::parse_from_str(text, format).ok()) {
        return keep(time.to_utc());
    }
    from_naive(text, zone)
}

fn from_naive(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let naive = NAIVE.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    keep(in_zone(naive, zone)?)
}

/// In an hour that clocks show twice, the first; in one that they leave out, the moment after the leap.
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

fn keep(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (1..=9999).contains(&time.year()).then(|| time.trunc_subsecs(6))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn utc(value: Value, zone: Tz) -> Option<String> {
        read(&value, zone).map(|time| time.to_rfc3339())
    }

    #[test]
    fn mt_14_a_time_without_zone_is_in_the_sources() {
        let naive = json!("2021-04-09 16:27:51");
        assert_eq!(utc(naive.clone(), Tz::Asia__Kolkata).as_deref(), Some("2021-04-09T10:57:51+00:00"));
        assert_eq!(utc(naive, Tz::UTC).as_deref(), Some("2021-04-09T16:27:51+00:00"));
        let zoned = json!("2021-06-18T14:48:06.886358Z");
        assert_eq!(utc(zoned, Tz::Asia__Kolkata).as_deref(), Some("2021-06-18T14:48:06.886358+00:00"));
    }

    #[test]
    fn ob_8_unix_seconds_and_what_is_out_of_range() {
        assert_eq!(utc(json!(705_103_200), Tz::UTC).as_deref(), Some("1992-05-05T22:00:00+00:00"));
        assert_eq!(utc(json!("705103200"), Tz::UTC), utc(json!(705_103_200_000_i64), Tz::UTC));
        for nothing in [json!(null), json!(""), json!("0000-00-00 00:00:00"), json!(1e300), json!("soon"), json!([1])] {
            assert_eq!(utc(nothing.clone(), Tz::UTC), None, "{nothing}");
        }
        assert_eq!(utc(json!("+12021-04-09T16:27:51Z"), Tz::UTC), None);
    }

    #[test]
    fn an_hour_that_clocks_leave_out_is_no_hole() {
        let skipped = json!("2026-03-29 02:30:00");
        assert_eq!(utc(skipped, Tz::Europe__Berlin).as_deref(), Some("2026-03-29T01:30:00+00:00"));
        let twice = json!("2026-10-25 02:30:00");
        assert_eq!(utc(twice, Tz::Europe__Berlin).as_deref(), Some("2026-10-25T00:30:00+00:00"));
    }

    #[test]
    fn a_format_that_is_told_is_the_only_one() {
        let utc = |value: Value, format| {
            read_as(&value, format, Tz::Asia__Kolkata)
                .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        };
        let noon = Some("2026-11-20T12:00:00Z".to_owned());
        for (format, right, wrong) in [
            (TimeFormat::Rfc3339, json!("2026-11-20T13:00:00+01:00"), json!("2026-11-20 12:00:00")),
            (TimeFormat::UnixSeconds, json!("1795176000"), json!("2026-11-20T12:00:00Z")),
            (TimeFormat::UnixMilliseconds, json!(1_795_176_000_000_i64), json!("noon")),
            (TimeFormat::Naive, json!("2026-11-20 17:30:00"), json!(1_795_176_000)),
        ] {
            assert_eq!(utc(right.clone(), format), noon, "{format}: {right}");
            assert_eq!(utc(wrong.clone(), format), None, "{format}: {wrong}");
        }
        // What `auto` would take for milliseconds is a far second where the mapping says so.
        assert_eq!(utc(json!(100_000_000_000_i64), TimeFormat::UnixSeconds).unwrap(), "5138-11-16T09:46:40Z");
        assert_eq!(utc(json!("nan"), TimeFormat::UnixSeconds), None);
    }
}
