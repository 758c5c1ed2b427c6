//! Reads members of a body in providers' forms: numbers for texts, texts for numbers, `"null"` for null.

use inlet_domain::command::{IdempotencyKey, Patch};
use serde_json::{Map, Number, Value};
use unicode_normalization::UnicodeNormalization;

use crate::{
    address,
    text::{self, bounded_id, trim},
};

/// An object of a body.
pub(crate) type Object = Map<String, Value>;

/// Words that programs write instead of a missing id, in lower case and without punctuation.
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

/// Words that programs write instead of a missing name. A word that is also a name counts only if it is not written
/// like a name.
const NO_NAMES: [&str; 10] =
    ["empty", "n/a", "none", "null", "objectnull", "objectobject", "objectundefined", "undefined", "unset", "void"];
const NO_NAMES_UNLESS_CAPITALISED: [&str; 5] = ["false", "na", "nan", "nil", "true"];

/// A text or a number as trimmed text; `None` if it is empty. A whole number has one text in every notation.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        Value::Number(number) => Some(number_text(number)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number_text(number: &Number) -> String {
    /// Below this, every whole number is exact as a double.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT) {
        Some(whole) => (whole as i64).to_string(),
        None => number.to_string(),
    }
}

/// An id, bounded to an index entry; `None` for a placeholder.
pub(crate) fn id(value: &Value) -> Option<String> {
    let text = text(value)?;
    let id = trim(&text);
    (!is_placeholder(id)).then(|| bounded_id(id.to_owned()))
}

/// The address of a person or of a channel; `None` for a placeholder. Words and numbers of hidden senders pass: the
/// adapters treat them.
pub(crate) fn address(value: &Value) -> Option<String> {
    let text = text(value)?;
    let address = trim(&text);
    (address::hides(address) || !is_placeholder(address)).then(|| address.to_owned())
}

/// A shown text; `None` if nothing of it is visible, or if it is a program's word for a missing value.
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

/// Whether a trimmed text in the place of an id is a placeholder, which does not distinguish two things.
pub(crate) fn is_placeholder(text: &str) -> bool {
    // NFKC folds fullwidth letters; digits of any script count.
    let text: String = text.nfkc().map(|c| text::digit(c).unwrap_or(c)).collect();
    let text = text.as_str();
    // A placeholder with a part number: `null:1`.
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

/// Whether the text is a variable that a program did not replace: `<id>`, `%id%`, `$id`, `$(id)`, `%s`, `%!s(<nil>)`.
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

/// The letters and digits, in lower case.
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

/// Whether the value is a placeholder instead of an id.
pub(crate) fn is_no_id(value: &Value) -> bool {
    text(value).is_some() && id(value).is_none()
}

/// The version of the rules for ids. Events that were applied under former rules have keys of those rules, and a repeat
/// must find these keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Today's rules.
    Current,
    /// The first rules: a number keeps its notation, and a placeholder is an id.
    Former,
}

impl Rules {
    /// The text of a member.
    pub(crate) fn text_of(self, object: &Object, name: &str) -> Option<String> {
        object.get(name).and_then(|value| self.text(value))
    }

    /// The id in a member.
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

/// The key of an event, with the former key if it differs. `former` returns `None` if the former id did not distinguish
/// events.
pub(crate) fn versioned(kind: &str, current: String, former: impl FnOnce(Rules) -> Option<String>) -> IdempotencyKey {
    let former = former(Rules::Former).filter(|former| *former != current);
    IdempotencyKey { former, ..IdempotencyKey::new(kind, current) }
}

/// A name for lists, cut to a length beyond every documented name.
pub(crate) fn bounded_name(name: &str) -> String {
    name.chars().take(100).collect()
}

/// Reads members of an object by name.
pub(crate) trait Members {
    /// See [`text`].
    fn text(&self, name: &str) -> Option<String>;
    /// See [`name`]: `null` means null (MT-7).
    fn known(&self, name: &str) -> Option<String>;
    /// See [`id`].
    fn id(&self, name: &str) -> Option<String>;
    /// See [`address`].
    fn address(&self, name: &str) -> Option<String>;
    /// The text unchanged, with its surrounding spaces, as a person wrote it.
    fn written(&self, name: &str) -> Option<String>;
    /// A boolean, also as a text or as 0 and 1.
    fn flag(&self, name: &str) -> Option<bool>;
    /// A member that is an object.
    fn object(&self, name: &str) -> Option<&Object>;
    /// A member that is an array.
    fn array(&self, name: &str) -> Option<&[Value]>;
    /// A decimal number as text; `None` for anything else.
    fn decimal(&self, name: &str) -> Option<String>;
    /// The member read by `read`: absent, null or a value. An unreadable value counts as absent.
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
mod tests;
