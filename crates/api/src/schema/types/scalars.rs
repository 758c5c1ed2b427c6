//! The scalars of the schema.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::Utc;
use serde_json::value::RawValue;

/// Time in UTC with milliseconds, in RFC 3339 format: `2026-11-20T10:00:00.000Z`. As input, any RFC 3339 time with an
/// offset is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// Time in UTC with milliseconds, in RFC 3339 format: `2026-11-20T10:00:00.000Z`. As input, any RFC 3339 time with an
/// offset is valid.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => chrono::DateTime::parse_from_rfc3339(text)
                .map(|time| Self(time.with_timezone(&Utc)))
                .map_err(|_| InputValueError::custom("expected a time such as 2026-11-20T10:00:00.000Z")),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
    }
}

impl From<chrono::DateTime<Utc>> for DateTime {
    fn from(time: chrono::DateTime<Utc>) -> Self {
        Self(time)
    }
}

/// Decimal number as text, so that it keeps every digit: `-12.50`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal(pub String);

/// Decimal number as text, so that it keeps every digit: `-12.50`.
#[Scalar(specified_by_url = "https://www.postgresql.org/docs/15/datatype-numeric.html")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) if is_decimal(&text) => Ok(Self(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Any JSON value.
#[derive(Debug, Clone)]
pub enum Json {
    /// Parsed.
    Value(serde_json::Value),
    /// In its final bytes, which leave unchanged.
    Raw(Box<RawValue>),
}

/// Any JSON value.
#[Scalar(name = "JSON", specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self::Value(value.into_json()?))
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Value(value) => Value::from_json(value.clone()).unwrap_or(Value::Null),
            Self::Raw(raw) => async_graphql::to_value(raw).unwrap_or(Value::Null),
        }
    }
}

/// A JSON column as a list reads it: `None` if the list left it out for its length.
#[must_use]
pub fn optional(value: &serde_json::Value) -> Option<Json> {
    (!value.is_null()).then(|| Json::Value(value.clone()))
}

/// Position in a list or in the event log. Opaque: pass only cursors that the server gave you.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Position in a list or in the event log. Opaque: pass only cursors that the server gave you.
#[Scalar(specified_by_url = "https://relay.dev/graphql/connections.htm#sec-Cursor")]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// Revision of an object: an integer from 0 to 2^53 - 1 that grows with every change. Of two copies, the one with the
/// greater revision is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(pub i64);

/// Revision of an object: an integer from 0 to 2^53 - 1 that grows with every change. Of two copies, the one with the
/// greater revision is newer.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259#section-6")]
impl ScalarType for Revision {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => match number.as_i64() {
                Some(revision) if (0..1 << 53).contains(&revision) => Ok(Self(revision)),
                _ => Err(InputValueError::custom("a revision is an integer from 0 to 2^53 - 1")),
            },
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_decimals_and_decimals_are_text() {
        let time = DateTime::parse(Value::from("2026-11-20T12:00:00.123456+02:00")).unwrap();
        assert_eq!(time.to_value(), Value::from("2026-11-20T10:00:00.123Z"));
        assert!(Decimal::parse(Value::from("-12.50")).is_ok());
        for bad in ["", "-", "1.", ".5", "1e3", "NaN"] {
            assert!(Decimal::parse(Value::from(bad)).is_err(), "{bad}");
        }
        assert!(Revision::parse(Value::from(1_i64 << 53)).is_err());
    }

    #[test]
    fn raw_json_leaves_byte_for_byte() {
        let text = "{\"b\": 1e2, \"a\":[1.0]}";
        let raw = Json::Raw(RawValue::from_string(text.to_owned()).unwrap());
        assert_eq!(serde_json::to_string(&raw.to_value()).unwrap(), text);
    }
}
