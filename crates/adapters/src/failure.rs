//! The reasons of failures in providers' forms: a text, a number, an object, or a list of these.

use serde_json::Value;

use crate::fields::{self, Object};

/// The reason of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Failure {
    /// The provider's code.
    pub(crate) code: Option<String>,
    /// The provider's text.
    pub(crate) reason: Option<String>,
}

/// Members of a report with a code only.
const CODES: [&str; 11] = [
    "status_code",
    "statusCode",
    "error_code",
    "errorCode",
    "err_code",
    "failure_code",
    "failureCode",
    "reason_code",
    "reasonCode",
    "code",
    "err",
];
/// Members of a report with a text, or with an object or list of both code and text.
const REASONS: [&str; 18] = [
    "status_message",
    "statusMessage",
    "reason",
    "error",
    "errors",
    "failure",
    "failures",
    "error_message",
    "errorMessage",
    "error_description",
    "errorDescription",
    "failure_reason",
    "failureReason",
    "failed_reason",
    "error_data",
    "err_msg",
    "description",
    "error_reason",
];
/// Members of an error with its code, the most specific first.
const CODES_WITHIN: [&str; 10] = [
    "code",
    "error_code",
    "errorCode",
    "err_code",
    "status_code",
    "statusCode",
    "failure_code",
    "reason_code",
    "number",
    "id",
];
/// Members of an error with its text, the most specific first.
const REASONS_WITHIN: [&str; 17] = [
    "title",
    "message",
    "description",
    "details",
    "reason",
    "error_message",
    "errorMessage",
    "error_description",
    "error_title",
    "detail",
    "text",
    "msg",
    "error_data",
    "error",
    "errors",
    "name",
    "type",
];
/// The deepest nesting that is searched.
const DEEPEST: usize = 6;
/// The most errors of one message that are searched.
const MOST: usize = 20;
/// The longest code; longer values are texts.
const LONGEST_CODE: usize = 100;
/// The longest text that is kept.
const LONGEST_REASON: usize = 1_000;
/// The longest text that is tried as JSON.
const LONGEST_JSON: usize = 4096;

/// The failure of a report, in any of the known members.
pub(crate) fn of_report(report: &Object) -> Failure {
    let mut failure = Failure::default();
    for name in REASONS {
        if let Some(value) = member(report, name) {
            failure = failure.or(of_value(value));
        }
    }
    let code = CODES.into_iter().filter_map(|name| member(report, name)).map(of_code).find(|told| told.code.is_some());
    // A member that is named for the code is more reliable than a number elsewhere.
    match code {
        Some(told) => told.or(failure),
        None => failure,
    }
}

/// The members of a report with further data of its failure, unchanged.
pub(crate) fn details(report: &Object) -> impl Iterator<Item = (&'static str, &Value)> {
    let holds_more = |value: &&Value| value.is_object() || value.is_array();
    REASONS.into_iter().chain(CODES).filter_map(move |name| Some((name, report.get(name).filter(holds_more)?)))
}

/// The failure in one value: a number is a code, a text is a text, an object may hold both, and of a list the first
/// item with either counts.
pub(crate) fn of_value(value: &Value) -> Failure {
    within(value, DEEPEST)
}

/// The failure in a member that is named for the code.
pub(crate) fn of_code(value: &Value) -> Failure {
    match value {
        Value::String(_) | Value::Number(_) => Failure { code: code(value), reason: None },
        other => of_value(other),
    }
}

impl Failure {
    /// Completes this failure with the values of `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { code: self.code.or(other.code), reason: self.reason.or(other.reason) }
    }

    fn is_nothing(&self) -> bool {
        self.code.is_none() && self.reason.is_none()
    }
}

fn within(value: &Value, deeper: usize) -> Failure {
    let Some(deeper) = deeper.checked_sub(1) else { return Failure::default() };
    match value {
        Value::Number(_) => Failure { code: code(value), reason: None },
        Value::String(text) => {
            let text = text.trim();
            if text.len() <= LONGEST_JSON
                && text.starts_with(['{', '['])
                && let Ok(inner) = serde_json::from_str::<Value>(text)
            {
                return within(&inner, deeper);
            }
            if is_number(text) {
                return Failure { code: code(value), reason: None };
            }
            Failure { code: None, reason: sentence(text) }
        }
        Value::Array(items) => {
            items.iter().take(MOST).map(|item| within(item, deeper)).find(|told| !told.is_nothing()).unwrap_or_default()
        }
        Value::Object(object) => {
            let mut told = Failure::default();
            for name in CODES_WITHIN {
                told.code = told.code.or_else(|| code(member(object, name)?));
            }
            for name in REASONS_WITHIN {
                if let Some(value) = member(object, name).filter(|_| told.code.is_none() || told.reason.is_none()) {
                    told = told.or(within(value, deeper));
                }
            }
            // If an error has another value, a zero is its code.
            if told.code.is_none() && told.reason.is_some() {
                let zero = CODES_WITHIN.into_iter().filter_map(|name| fields::text(member(object, name)?));
                told.code = zero.into_iter().find(|text| is_number(text));
            }
            told
        }
        Value::Null | Value::Bool(_) => Failure::default(),
    }
}

/// A member by its name, in any case.
fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    let in_any_case = || object.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    object.get(name).or_else(in_any_case)
}

/// A code as text; `None` for zeros, which mean success.
fn code(value: &Value) -> Option<String> {
    let text = fields::text(value).filter(|text| !is_null(text))?;
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.' | '-'));
    (!is_zero && text.len() <= LONGEST_CODE)
        .then(|| text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned))
}

fn sentence(text: &str) -> Option<String> {
    (!text.is_empty() && !is_null(text)).then(|| text.chars().take(LONGEST_REASON).collect())
}

fn is_null(text: &str) -> bool {
    text.eq_ignore_ascii_case("null")
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.len() <= 20 && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(report: Value) -> (Option<String>, Option<String>) {
        let Failure { code, reason } = of_report(report.as_object().unwrap());
        (code, reason)
    }

    fn both(code: &str, reason: &str) -> (Option<String>, Option<String>) {
        (Some(code.to_owned()), Some(reason.to_owned()))
    }

    #[test]
    fn c7_a_failure_is_told_in_any_form() {
        for report in [
            json!({"error": {"code": 131026, "description": "Undeliverable"}}),
            json!({"errors": [{"code": "131026", "title": "Undeliverable"}]}),
            json!({"errors": [null, {}, {"id": 131026, "details": "Undeliverable"}, {"code": 5, "title": "Other"}]}),
            json!({"error_code": 131026, "error_message": "Undeliverable"}),
            json!({"errorCode": "131026", "errorMessage": "Undeliverable"}),
            json!({"reason": {"code": 131026.0, "message": "Undeliverable"}}),
            json!({"reason": ["Undeliverable"], "code": 131026}),
            json!({"reason": "Undeliverable", "error": 131026}),
            json!({"error": {"error": {"status_code": 131026, "error_data": {"details": "Undeliverable"}}}}),
            json!({"failure": {"code": 131026, "reason": {"text": "Undeliverable"}}}),
            json!({"errors": {"error": [{"code": 131026}], "message": "Undeliverable"}}),
            json!({"errors": "[{\"code\": 131026, \"title\": \"Undeliverable\"}]"}),
            json!({"error_code": {"code": "131026"}, "description": "Undeliverable"}),
            json!({"error": {"Code": 131026, "Description": "Undeliverable"}}),
            json!({"Error": {"CODE": 131026, "MESSAGE": "Undeliverable"}}),
            json!({"status_code": 131026, "status_message": "Undeliverable"}),
        ] {
            assert_eq!(told(report.clone()), both("131026", "Undeliverable"), "{report}");
        }
        assert_eq!(told(json!({"error": {"code": 0, "description": "zero"}})), both("0", "zero"));
        let sentence = (None, Some("Number is off".to_owned()));
        for report in [json!({"reason": " Number is off "}), json!({"error": "Number is off", "error_code": "000"})] {
            assert_eq!(told(report.clone()), sentence, "{report}");
        }
        for report in [json!({"reason": 470}), json!({"errors": ["470"]}), json!({"error": [[470]]})] {
            assert_eq!(told(report.clone()), (Some("470".to_owned()), None), "{report}");
        }
        for nothing in [
            json!({}),
            json!({"reason": null, "error": "null", "errors": [], "error_code": 0}),
            json!({"error": false, "errors": {}, "reason": ""}),
        ] {
            assert_eq!(told(nothing.clone()), (None, None), "{nothing}");
        }
    }

    #[test]
    fn c7_what_holds_more_is_kept_whole() {
        let report = json!({"errors": [{"code": 1, "href": "https://x.example"}], "reason": "off", "error_code": 1});
        let kept: Vec<_> = details(report.as_object().unwrap()).map(|(name, _)| name).collect();
        assert_eq!(kept, ["errors"]);
    }

    #[test]
    fn p11_a_failure_is_bounded() {
        let mut deep = json!("end");
        for _ in 0..90 {
            deep = json!({"error": [deep]});
        }
        assert_eq!(of_value(&deep), Failure::default());
        assert_eq!(of_value(&json!("x".repeat(100_000))).reason.unwrap().len(), LONGEST_REASON);
    }
}
