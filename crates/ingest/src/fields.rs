//! Members of a body, read as providers write them: numbers for texts, texts for numbers, `"null"` for null.

use inlet_domain::command::Patch;
use serde_json::{Map, Number, Value};
use unicode_normalization::UnicodeNormalization;

use crate::{address, key};

/// An object of a body.
pub(crate) type Object = Map<String, Value>;

/// The longest id that is kept as it is. Longer ones are kept as their digest: an index entry has a limit, and two
/// ids must not become one.
const LONGEST_ID: usize = 255;

/// Words that programs write where they have no id, in lower case and without what stands around them.
const NO_IDS: [&str; 37] = [
    "0e0",
    "anonymous",
    "blank",
    "dbnull",
    "default",
    "empty",
    "false",
    "missing",
    "na",
    "nan",
    "nbsp",
    "nil",
    "noid",
    "none",
    "nonetype",
    "notapplicable",
    "notavailable",
    "notset",
    "novalue",
    "nsnull",
    "null",
    "nullnull",
    "nullptr",
    "object",
    "objectnull",
    "objectobject",
    "objectundefined",
    "optionalnil",
    "string",
    "tbd",
    "true",
    "undef",
    "undefined",
    "uninitialized",
    "unknown",
    "unset",
    "void",
];

/// Words that programs write where they have no name. Those that are names too count only where they are not written
/// as a name is.
const NO_NAMES: [&str; 10] =
    ["empty", "n/a", "none", "null", "objectnull", "objectobject", "objectundefined", "undefined", "unset", "void"];
const NO_NAMES_UNLESS_CAPITALISED: [&str; 5] = ["false", "na", "nan", "nil", "true"];

/// A text or a number as a text without space around it; `None` where nothing is left. A number without a fraction has
/// one text, however it is written.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        Value::Number(number) => Some(number_text(number)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number_text(number: &Number) -> String {
    /// Below this every whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT) {
        Some(whole) => (whole as i64).to_string(),
        None => number.to_string(),
    }
}

/// An id, cut to what an index takes; `None` where the value is a placeholder for one.
pub(crate) fn id(value: &Value) -> Option<String> {
    let text = text(value)?;
    let id = trim(&text);
    (!is_placeholder(id)).then(|| bounded_id(id.to_owned()))
}

/// The address of a person or of a channel; `None` where the value is a placeholder for one. A word or a number of a
/// sender who hides is an address: the adapters tell it apart.
pub(crate) fn address(value: &Value) -> Option<String> {
    let text = text(value)?;
    let address = trim(&text);
    (address::hides(address) || !is_placeholder(address)).then(|| address.to_owned())
}

/// What people see; `None` where it shows nothing, or is a word that programs write where they have nothing.
pub(crate) fn name(value: &Value) -> Option<String> {
    let text = text(value)?;
    let visible = trim(&text);
    let word = joined(visible);
    let is_word =
        NO_NAMES.contains(&word.as_str()) || visible.to_ascii_lowercase().trim_matches(['#', '(', ')']) == "n/a";
    let mut signs = visible.chars();
    let is_capitalised = signs.next().is_some_and(char::is_uppercase) && signs.all(char::is_lowercase);
    let is_nothing = visible.is_empty()
        || is_word
        || (NO_NAMES_UNLESS_CAPITALISED.contains(&word.as_str()) && !is_capitalised)
        || is_template(visible);
    (!is_nothing).then_some(text)
}

/// Whether a text that was trimmed stands where an id should, and is none: it tells no two things apart.
pub(crate) fn is_placeholder(text: &str) -> bool {
    // Fullwidth letters are letters, and a zero is one in any script.
    let text: String = text.nfkc().map(|c| address::digit(c).unwrap_or(c)).collect();
    let text = text.as_str();
    // A part of nothing is nothing: `null:1`.
    let whole = text.rsplit_once(':').filter(|(_, part)| (1..=6).contains(&part.len()) && is_digits(part));
    if whole.is_some_and(|(whole, _)| !whole.is_empty() && is_placeholder(whole)) {
        return true;
    }
    let lower = text.to_lowercase();
    let word = joined(text);
    is_nothing(&word)
        || lower.split(|c: char| !c.is_alphanumeric()).all(is_nothing)
        || is_filler(&word)
        || matches!(text, "-1" | "\\N")
        || is_template(text)
        || is_unfilled(text)
}

fn is_nothing(word: &str) -> bool {
    let digits = word.strip_prefix("0x").filter(|digits| !digits.is_empty()).unwrap_or(word);
    digits.chars().all(|c| c == '0') || NO_IDS.contains(&word)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word only fills the place of an id: `xxxx`, or the greatest UUID.
fn is_filler(word: &str) -> bool {
    (word.len() >= 3 && word.bytes().all(|byte| byte == b'x'))
        || (word.len() == 32 && word.bytes().all(|byte| byte == b'f'))
}

/// Whether the text is a name that a program should have put a value for: `<id>`, `%id%`, `$id`, `$(id)`, `%s`,
/// `%!s(<nil>)`.
fn is_unfilled(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' '))
    };
    let within = |open: &str, close: &str| {
        text.strip_prefix(open).and_then(|text| text.strip_suffix(close)).is_some_and(is_name)
    };
    within("<", ">")
        || within("%", "%")
        || within("$(", ")")
        || text.strip_prefix('$').is_some_and(|name| is_name(name) && name.len() <= 40)
        || matches!(text, "%s" | "%d" | "%v" | "%@" | "%i" | "%u")
        || text.starts_with("%!")
}

/// Letters and digits alone, in lower case.
fn joined(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a text holds a template that its sender did not fill in.
fn is_template(text: &str) -> bool {
    let holds = |open: &str, close: &str| text.find(open).is_some_and(|at| text[at + open.len()..].contains(close));
    let is_bare = || {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        inner.is_some_and(|inner| inner.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '.' | '_' | ' ')))
    };
    holds("{{", "}}") || holds("${", "}") || holds("#{", "}") || holds("%{", "}") || holds("<%", "%>") || is_bare()
}

/// Without blanks and marks that nobody sees at both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Marks that show nothing: for breaking lines, for the direction of the script, for joining signs.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether there is a text where an id should stand, and it is a placeholder.
pub(crate) fn is_no_id(value: &Value) -> bool {
    text(value).is_some() && id(value).is_none()
}

/// By which rules the ids of an event are read. What came before the rules of today changed is kept under a key of the
/// former ones, and a repeat of it must find that key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Those of today.
    Current,
    /// The first ones: a number is as it is written, and a placeholder is an id.
    Former,
}

impl Rules {
    /// The text of a member.
    pub(crate) fn text_of(self, object: &Object, name: &str) -> Option<String> {
        object.get(name).and_then(|value| self.text(value))
    }

    /// The id that a member holds.
    pub(crate) fn id_of(self, object: &Object, name: &str) -> Option<String> {
        object.get(name).and_then(|value| self.id(value))
    }

    /// See [`text`].
    pub(crate) fn text(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Former, Value::Number(number)) => Some(number.to_string()),
            _ => text(value),
        }
    }

    /// See [`id`].
    pub(crate) fn id(self, value: &Value) -> Option<String> {
        match self {
            Self::Current => id(value),
            Self::Former => self.text(value).map(bounded_id),
        }
    }
}

/// An id that fits an index entry.
pub(crate) fn bounded_id(id: String) -> String {
    if id.len() <= LONGEST_ID { id } else { format!("sha256:{}", key::digest_of_text(&id)) }
}

/// A name that is shown in lists: no longer than any that is documented could be.
pub(crate) fn bounded_name(name: &str) -> String {
    name.chars().take(100).collect()
}

/// Named members of an object.
pub(crate) trait Members {
    /// See [`text`].
    fn text(&self, name: &str) -> Option<String>;
    /// See [`name`]: `null` means null (MT-7).
    fn known(&self, name: &str) -> Option<String>;
    /// See [`id`].
    fn id(&self, name: &str) -> Option<String>;
    /// See [`address`].
    fn address(&self, name: &str) -> Option<String>;
    /// The text as it is, with the space around it: what people write.
    fn written(&self, name: &str) -> Option<String>;
    /// A boolean, also as text or as 0 and 1.
    fn flag(&self, name: &str) -> Option<bool>;
    /// A member that is an object.
    fn object(&self, name: &str) -> Option<&Object>;
    /// A member that is an array.
    fn array(&self, name: &str) -> Option<&[Value]>;
    /// A decimal number as text; `None` where it is none.
    fn decimal(&self, name: &str) -> Option<String>;
    /// Absent, null or a value as `read` reads it. What it cannot read is as if it were absent.
    fn patch<T>(&self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Patch<T>;
}

impl Members for Object {
    fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(text)
    }

    fn known(&self, name: &str) -> Option<String> {
        self.get(name).and_then(self::name)
    }

    fn id(&self, name: &str) -> Option<String> {
        self.get(name).and_then(id)
    }

    fn address(&self, name: &str) -> Option<String> {
        self.get(name).and_then(address)
    }

    fn written(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            other => match text(other)?.to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
        }
    }

    fn object(&self, name: &str) -> Option<&Object> {
        self.get(name)?.as_object()
    }

    fn array(&self, name: &str) -> Option<&[Value]> {
        self.get(name)?.as_array().map(Vec::as_slice)
    }

    fn decimal(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|value| Rules::Former.text(value)).filter(|text| is_decimal(text))
    }

    fn patch<T>(&self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Patch<T> {
        match self.get(name) {
            None => Patch::Absent,
            Some(Value::Null) => Patch::Null,
            Some(value) => Patch::known(read(value)),
        }
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 64 && all_digits(whole) && all_digits(fraction)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_numbers_texts_and_nulls_alike() {
        let value = json!({"n": 91, "t": " 91 ", "null": "NULL", "none": null, "no": false, "yes": "true", "d": "2.0000", "x": "2,5"});
        let object = value.as_object().unwrap();
        assert_eq!(object.text("n").as_deref(), Some("91"));
        assert_eq!(object.text("t").as_deref(), Some("91"));
        assert_eq!(object.written("t").as_deref(), Some(" 91 "));
        assert_eq!((object.text("null").as_deref(), object.known("null")), (Some("NULL"), None));
        assert_eq!((object.text("none"), object.flag("no"), object.flag("yes")), (None, Some(false), Some(true)));
        assert_eq!((object.decimal("d").as_deref(), object.decimal("x")), (Some("2.0000"), None));
        assert_eq!(object.patch("none", text), Patch::Null);
        assert_eq!(object.patch("nowhere", text), Patch::Absent);
    }

    #[test]
    fn a_what_is_no_id_is_none() {
        for nothing in [
            json!("null"),
            json!("NULL"),
            json!(" Null "),
            json!("\u{200e}null\u{feff}"),
            json!("undefined"),
            json!("None"),
            json!("nil"),
            json!("<nil>"),
            json!("NaN"),
            json!("n/a"),
            json!("#N/A"),
            json!("N.A."),
            json!("false"),
            json!("true"),
            json!("void"),
            json!("(empty)"),
            json!("[object Object]"),
            json!("unset"),
            json!("unknown"),
            json!("\"null\""),
            json!("'undefined'"),
            json!("null:null"),
            json!("undefined-0"),
            json!(""),
            json!("   "),
            json!("\u{a0}\u{200b}"),
            json!("-"),
            json!("--"),
            json!("\u{2014}"),
            json!("."),
            json!("?"),
            json!("{}"),
            json!("[]"),
            json!("0"),
            json!("000"),
            json!("0.0"),
            json!("-0"),
            json!("-1"),
            json!("00000000-0000-0000-0000-000000000000"),
            json!("@{{payload.id}}"),
            json!("{{id}}"),
            json!("${message.id}"),
            json!("{id}"),
            json!("<%= id %>"),
            json!(0),
            json!(0.0),
            json!(-0.0),
            json!(-1),
            json!(null),
            json!(true),
            json!([]),
            json!({"id": 1}),
            json!("\u{ff4e}\u{ff55}\u{ff4c}\u{ff4c}"),
            json!("\u{ff10}\u{ff10}"),
            json!("\u{660}\u{660}\u{660}"),
            json!("<no value>"),
            json!("%!s(<nil>)"),
            json!("Optional(nil)"),
            json!("NSNull"),
            json!("NoneType"),
            json!("no-value"),
            json!("no_value"),
            json!("no id"),
            json!("undef"),
            json!("nullnull"),
            json!("Anonymous"),
            json!("\\N"),
            json!("0x0"),
            json!("0x0000"),
            json!("0e0"),
            json!("&nbsp;"),
            json!("<id>"),
            json!("%id%"),
            json!("$id"),
            json!("${id}"),
            json!("$(id)"),
            json!("%s"),
            json!("ffffffff-ffff-ffff-ffff-ffffffffffff"),
            json!("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
            json!("TBD"),
            json!("xxxx"),
            json!("XXX-XXX"),
            json!("string"),
            json!("default"),
            json!("null:1"),
            json!("undefined:12"),
            json!("0:1"),
        ] {
            assert_eq!(id(&nothing), None, "{nothing}");
        }
        for (value, expected) in [
            (json!(1), "1"),
            (json!(1.0), "1"),
            (json!("1.0"), "1.0"),
            (json!(4.477_009_001_23e11), "447700900123"),
            (json!(1.5), "1.5"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!("\u{202a} wamid.7\u{a0}"), "wamid.7"),
            (json!("null-1"), "null-1"),
            (json!("nullable"), "nullable"),
            (json!("0a"), "0a"),
            (json!("a:1"), "a:1"),
            (json!("xx"), "xx"),
            (json!("fff"), "fff"),
            (json!("0x1"), "0x1"),
            (json!("$5"), "$5"),
            (json!("strings"), "strings"),
            (json!("N"), "N"),
            (json!("{550E8400-E29B-41D4-A716-446655440000}"), "{550E8400-E29B-41D4-A716-446655440000}"),
            (json!("\u{967}"), "\u{967}"),
        ] {
            assert_eq!(id(&value).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_an_address_of_zeros_is_one_that_hides_and_a_placeholder_is_none() {
        for hidden in ["0", "000", "+0", "unknown", "Unknown", "-1", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(address(&json!(hidden)).as_deref(), Some(hidden));
        }
        assert_eq!(address(&json!(447_700_900_123.0)).as_deref(), Some("447700900123"));
        for nothing in ["null", "-", "", "{}", "{{from}}", "undefined", "n/a"] {
            assert_eq!(address(&json!(nothing)), None, "{nothing}");
        }
    }

    #[test]
    fn a_a_name_may_be_a_word_that_is_no_id() {
        for nothing in [
            "null",
            "Null",
            "undefined",
            "None",
            "(null)",
            "[object Object]",
            "N/A",
            "NaN",
            "nil",
            "NA",
            " ",
            "\u{200b}",
        ] {
            assert_eq!(name(&json!(nothing)), None, "{nothing}");
        }
        for somebody in ["Na", "Nan", "Nil", "True", ".", "0", "\u{1f338}", "Ada Null", "Nullah", "Unknown"] {
            assert_eq!(name(&json!(somebody)).as_deref(), Some(somebody));
        }
    }

    #[test]
    fn a_long_id_is_digested_not_cut() {
        let (a, b) = ("x".repeat(300), format!("{}y", "x".repeat(299)));
        assert_eq!(bounded_id("short".to_owned()), "short");
        assert_ne!(bounded_id(a.clone()), bounded_id(b));
        assert!(bounded_id(a).len() <= LONGEST_ID);
    }
}
