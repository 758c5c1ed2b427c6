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
    let utc = |value: Value, format| match read_as(&value, format, Tz::Asia__Kolkata) {
        Reading::Time(told) => Some(told.time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        Reading::None | Reading::Misfit => None,
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
    // `auto` would take this number for milliseconds. With `unix_seconds` its year is implausible.
    let far = read_as(&json!(100_000_000_000_i64), TimeFormat::UnixSeconds, Tz::UTC);
    assert!(matches!(far, Reading::None), "{far:?}");
    assert_eq!(utc(json!("nan"), TimeFormat::UnixSeconds), None);
}

#[test]
fn c3_every_form_of_one_moment_is_that_moment() {
    let moment = Some("2026-11-20T10:00:00+00:00".to_owned());
    for form in [
        json!("2026-11-20T10:00Z"),
        json!("2026-11-20T15:30+05:30"),
        json!("2026-11-20 15:30 +0530"),
        json!("2026-11-20T10:00"),
        json!("2026-11-20 10:00"),
        json!("2026-11-20 10:00:00 UTC"),
        json!("2026-11-20 10:00:00 gmt"),
        json!("2026-11-20 10:00:00 Z"),
        json!("2026-11-20 10:00:00.000 +00:00"),
        json!("2026-11-20T10:00:00,000"),
        json!("2026-11-20T15:30:00+05:30[Asia/Kolkata]"),
        json!("2026/11/20 10:00:00"),
        json!("20261120T100000Z"),
        json!("20261120100000"),
        json!("Fri, 20 Nov 2026 10:00:00 GMT"),
        json!("Fri, 20 Nov 2026 15:30:00 +0530"),
        json!("20 Nov 2026 10:00:00 UTC"),
        json!("Fri Nov 20 2026 15:30:00 GMT+0530 (India Standard Time)"),
        json!("Fri Nov 20 10:00:00 2026"),
        json!("/Date(1795168800000)/"),
        json!("/Date(1795168800000+0530)/"),
        json!(1_795_168_800),
        json!("1795168800"),
        json!("1795168800.0"),
        json!(1_795_168_800_000_i64),
        json!("1795168800000"),
        json!(1_795_168_800_000_000_i64),
        json!("1795168800000000"),
        json!(1_795_168_800_000_000_000_i64),
        json!("1795168800000000000"),
    ] {
        assert_eq!(utc(form.clone(), Tz::UTC), moment, "{form}");
    }
    assert_eq!(utc(json!("1795168800.5"), Tz::UTC).unwrap(), "2026-11-20T10:00:00.500+00:00");
    assert_eq!(utc(json!(1_795_168_800.5), Tz::UTC), utc(json!("1795168800.5"), Tz::UTC));
}

#[test]
fn c3_a_zero_is_no_time_and_neither_is_a_year_that_cannot_be_meant() {
    let zeros = [json!(0), json!(0.0), json!("0"), json!("0.0"), json!("00"), json!("0000-00-00 00:00:00")];
    let odd_years = [
        json!("1970-01-01T00:00:00Z"),
        json!("0001-01-01T00:00:00Z"),
        json!("1979-12-31T23:59:59Z"),
        json!("2101-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59Z"),
        json!(1),
        json!(-1_795_168_800),
        json!(4_200_000_000_000_i64),
        json!("/Date(0)/"),
    ];
    for value in zeros.into_iter().chain(odd_years) {
        assert_eq!(utc(value.clone(), Tz::UTC), None, "{value}");
        assert!(matches!(read_as(&value, TimeFormat::Auto, Tz::UTC), Reading::None), "{value}");
    }
    for value in [json!("soon"), json!([1]), json!({"at": 1}), json!(true), json!(1e300), json!("2026-13-01 10:00:00")]
    {
        assert_eq!(utc(value.clone(), Tz::UTC), None, "{value}");
    }
    assert_eq!(utc(json!(692_233_200), Tz::UTC).as_deref(), Some("1991-12-08T23:00:00+00:00"));
    assert_eq!(utc(json!("2100-12-31T23:59:59Z"), Tz::UTC).as_deref(), Some("2100-12-31T23:59:59+00:00"));
}

#[test]
fn c3_a_leap_second_is_the_second_after_it() {
    for form in ["2016-12-31T23:59:60Z", "2016-12-31 23:59:60.5", "2016-12-31T23:59:60+00:00", "2016-12-31T23:59:60"] {
        assert_eq!(utc(json!(form), Tz::UTC).as_deref(), Some("2017-01-01T00:00:00+00:00"), "{form}");
    }
    assert_eq!(utc(json!("2017-01-01 05:29:60"), Tz::Asia__Kolkata).as_deref(), Some("2017-01-01T00:00:00+00:00"));
    assert_eq!(utc(json!("2100-12-31T23:59:60Z"), Tz::UTC), None);
}

#[test]
fn e6_a_time_since_1970_wins_over_a_text_without_zone() {
    let both =
        json!({"naive": "2026-11-20 15:00:00", "unix": 1_795_168_800, "zoned": "2026-11-20T11:00:00Z", "zero": 0});
    let surest =
        |names: &[&str]| surest(both.as_object().unwrap(), names, Tz::Asia__Kolkata).map(|time| time.timestamp());
    assert_eq!(surest(&["naive", "unix"]), Some(1_795_168_800));
    assert_eq!(surest(&["zoned", "unix"]), Some(1_795_172_400));
    assert_eq!(surest(&["zero", "naive"]), Some(1_795_167_000));
    assert_eq!(surest(&["nowhere", "zero"]), None);
}

#[test]
fn c3_more_forms_of_one_time() {
    for text in [
        "28/11/2026 23:40:44",
        "11/28/2026 23:40:44",
        "Saturday, 28-Nov-26 23:40:44 GMT",
        "Sat, 28 Nov 2026 18:40:44 EST",
        "Sun, 29 Nov 2026 00:40:44 CET",
        "Sun, 29 Nov 2026 05:10:44 IST",
        "2026-11-28T23:40:44,000Z",
        "2026-11-28T23:40:44,000+00:00",
        "1.795909244e9",
        "1795909244e3",
    ] {
        assert_eq!(utc(json!(text), Tz::UTC).as_deref(), Some("2026-11-28T23:40:44+00:00"), "{text}");
    }
}
