//! Documented events, each member in turn replaced by something hostile.

use serde_json::Value;

use super::{nested, noise};
use crate::fixtures::{self, Fixture};

/// What stands in the place of any member of any body, as JSON text.
#[must_use]
pub fn values() -> Vec<String> {
    let long = noise(3000);
    let fixed = [
        "null",
        "true",
        "-0",
        "1e400",
        "-1e400",
        "1e308",
        "1e-400",
        "0.1e1",
        "9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "123456789012345678901234567890",
        "253402300800",
        "-62135596801",
        "\"\"",
        "\" \"",
        "\"null\"",
        "\"a\\u0000b\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\u202e\\u0007\\u007f\"",
        "\"0000-00-00 00:00:00\"",
        "\"9999-12-31T23:59:59.999999999Z\"",
        "\"2021-02-30T25:61:61Z\"",
        "\"' OR 1=1; --\"",
        "\"%00%ff\"",
        "\"+\"",
        "\"@\"",
        "[]",
        "{}",
        "[null]",
        "[[[[\"x\"]]]]",
        "{\"a\\u0000\":{\"\":1},\"a\\u0000\":2}",
        "[{\"id\":null},{\"id\":{}},7]",
    ];
    let mut values: Vec<String> = fixed.map(str::to_owned).into();
    values.extend([
        format!("\"{long}\""),
        format!("\"{long}@example.com\""),
        format!("\"+{}\"", "9".repeat(3000)),
        format!("\"{}\"", "\u{1f4a9}".repeat(2000)),
        format!("\"{}\"", "\\ud800".repeat(500)),
        "7".repeat(3000),
        format!("{{\"{long}\":\"{long}\"}}"),
        nested("[", "]", 90),
        nested("{\"a\":[", "]}", 40).replace("[]", "[1]"),
    ]);
    values
}

/// A body with something hostile in it.
pub struct Case {
    /// Which file, which member.
    pub name: String,
    /// Whose.
    pub provider: String,
    /// The last part of the path, where there is one.
    pub suffix: Option<String>,
    /// The bytes.
    pub body: String,
}

/// Stands where the hostile text goes. No document holds it.
const MARK: &str = "@@hostile@@";

/// Each member of each documented event, in turn replaced by each of [`values`].
#[must_use]
pub fn members() -> Vec<Case> {
    let values = values();
    let mut cases = Vec::new();
    for fixture in fixtures::all() {
        let body: Value = serde_json::from_str(&fixture.body).expect("the fixtures of the index are JSON");
        let mut pointers = Vec::new();
        point(&body, String::new(), &mut pointers);
        for pointer in pointers {
            for value in &values {
                let number = cases.len();
                cases.push(case(&fixture, &body, &pointer, value, number));
            }
        }
    }
    cases
}

fn case(fixture: &Fixture, body: &Value, pointer: &str, value: &str, number: usize) -> Case {
    let mut body = body.clone();
    distinguish(&mut body, number);
    if let Some(place) = body.pointer_mut(pointer) {
        *place = Value::from(MARK);
    }
    let shown: String = value.chars().take(40).collect();
    Case {
        name: format!("{} {pointer} = {shown}", fixture.file),
        provider: fixture.provider.clone(),
        suffix: fixture.suffix.clone(),
        body: body.to_string().replace(&format!("\"{MARK}\""), value),
    }
}

/// The JSON pointer of every value below `value`.
fn point(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| point(value, format!("{at}/{name}"), pointers));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| point(value, format!("{at}/{index}"), pointers));
        }
        _ => {}
    }
    pointers.push(at);
}

fn distinguish(value: &mut Value, number: usize) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name == "id" || name == "mid" => *text = format!("{text}-{number}"),
                    _ if name == "externalId" => *value = Value::from(format!("x-{number}")),
                    _ => distinguish(value, number),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| distinguish(item, number)),
        _ => {}
    }
}
