//! Single values of a mapping.

use std::{fmt::Display, str::FromStr};

use serde_json::{Map, Value};

use super::{
    super::{Condition, Place},
    DEEPEST, MOST_PLACES, Read, below, wrong,
};

pub(super) fn condition(path: &str, value: &Value, deeper: usize) -> Read<Condition> {
    const FORMS: &str = "expected {\"at\": place, \"equals\": text}, {\"at\": place, \"in\": [texts]}, {\"at\": place, \
                         \"exists\": true}, {\"event\": name}, {\"all\": []}, {\"any\": []} or {\"not\": {}}";
    let condition_of = object(path, value)?;
    let Some(deeper) = deeper.checked_sub(1) else { return wrong(path, "the conditions are nested too deeply") };
    let several = |name: &str| -> Read<Vec<Condition>> {
        let path = below(path, name);
        let items = array(&path, &condition_of[name])?;
        if items.is_empty() || items.len() > MOST_PLACES {
            return wrong(&path, format!("expected 1 to {MOST_PLACES} conditions"));
        }
        items.iter().enumerate().map(|(i, item)| condition(&format!("{path}[{i}]"), item, deeper)).collect()
    };
    let mut names: Vec<&str> = condition_of.keys().map(String::as_str).collect();
    names.sort_unstable();
    let at = || place(&below(path, "at"), &condition_of["at"], DEEPEST);
    match names.as_slice() {
        ["at", "equals"] => {
            Ok(Condition::Equals(at()?, vec![scalar(&below(path, "equals"), &condition_of["equals"])?]))
        }
        ["at", "in"] => {
            let path = below(path, "in");
            let words = array(&path, &condition_of["in"])?;
            let words: Read<Vec<String>> =
                words.iter().enumerate().map(|(i, word)| scalar(&format!("{path}[{i}]"), word)).collect();
            Ok(Condition::Equals(at()?, words?))
        }
        ["at", "exists"] => match &condition_of["exists"] {
            Value::Bool(exists) => Ok(Condition::Exists(at()?, *exists)),
            _ => wrong(&below(path, "exists"), "expected true or false"),
        },
        ["event"] => Ok(Condition::Event(text(&below(path, "event"), &condition_of["event"])?.to_owned())),
        ["all"] => Ok(Condition::All(several("all")?)),
        ["any"] => Ok(Condition::Any(several("any")?)),
        ["not"] => Ok(Condition::Not(Box::new(condition(&below(path, "not"), &condition_of["not"], deeper)?))),
        _ => wrong(path, FORMS),
    }
}

pub(super) fn place(path: &str, value: &Value, deeper: usize) -> Read<Place> {
    const FORMS: &str = "expected a JSON pointer such as \"/payload/id\", or \"#/id\" in the whole body, {\"query\": \
                         name}, {\"form\": name}, {\"value\": fixed} or {\"first\": [places]}";
    let written = match value {
        Value::String(pointer) => return pointer_at(path, pointer),
        Value::Object(written) if written.len() == 1 => written,
        _ => return wrong(path, FORMS),
    };
    let Some(deeper) = deeper.checked_sub(1) else { return wrong(path, "the alternatives are nested too deeply") };
    let Some((name, inner)) = written.iter().next() else { return wrong(path, FORMS) };
    let inner_path = below(path, name);
    match name.as_str() {
        "pointer" => pointer_at(&inner_path, text(&inner_path, inner)?),
        "query" => Ok(Place::Query(member_name(&inner_path, inner)?)),
        "form" => Ok(Place::Form(member_name(&inner_path, inner)?)),
        "value" if inner.is_null() => wrong(&inner_path, "a fixed value must not be null: leave the field out"),
        "value" => match super::super::placeholder(&inner.to_string()) {
            Some(placeholder) => wrong(
                &inner_path,
                format!("`{placeholder}` is a placeholder of the provider: give the place of its value in the request"),
            ),
            None => Ok(Place::Fixed(inner.clone())),
        },
        "first" => {
            let places = array(&inner_path, inner)?;
            if places.is_empty() || places.len() > 20 {
                return wrong(&inner_path, "expected 1 to 20 places");
            }
            let places: Read<Vec<Place>> = places
                .iter()
                .enumerate()
                .map(|(i, value)| place(&format!("{inner_path}[{i}]"), value, deeper))
                .collect();
            Ok(Place::FirstOf(places?))
        }
        _ => wrong(path, FORMS),
    }
}

pub(super) fn pointer_at(path: &str, pointer: &str) -> Read<Place> {
    let escapes_well =
        pointer.split('~').skip(1).all(|after_tilde| after_tilde.starts_with('0') || after_tilde.starts_with('1'));
    if pointer.starts_with('/') && escapes_well {
        Ok(Place::Pointer(pointer.to_owned()))
    } else if let Some(pointer) = pointer.strip_prefix('#').filter(|rest| rest.starts_with('/') && escapes_well) {
        Ok(Place::Root(pointer.to_owned()))
    } else {
        wrong(
            path,
            format!(
                "`{}` is not a JSON pointer: a pointer begins with `/`, or with `#/` for the whole body, and `~` is written `~0`; write a fixed value as {{\"value\": ...}}",
                pointer.chars().take(64).collect::<String>()
            ),
        )
    }
}

fn member_name(path: &str, value: &Value) -> Read<String> {
    match text(path, value)? {
        "" => wrong(path, "the name is empty"),
        name => Ok(name.to_owned()),
    }
}

fn scalar(path: &str, value: &Value) -> Read<String> {
    match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => wrong(path, "expected a text, a number, true or false"),
    }
}

pub(super) fn object<'a>(path: &str, value: &'a Value) -> Read<&'a Map<String, Value>> {
    value.as_object().map_or_else(|| wrong(path, "expected an object"), Ok)
}

pub(super) fn array<'a>(path: &str, value: &'a Value) -> Read<&'a Vec<Value>> {
    value.as_array().map_or_else(|| wrong(path, "expected an array"), Ok)
}

pub(super) fn text<'a>(path: &str, value: &'a Value) -> Read<&'a str> {
    value.as_str().map_or_else(|| wrong(path, "expected a text"), Ok)
}

pub(super) fn one_of<T: FromStr + Display + Copy>(path: &str, value: &Value, all: &[T]) -> Read<T> {
    match text(path, value)?.parse() {
        Ok(word) => Ok(word),
        Err(_) => wrong(path, format!("expected one of {}", list(all))),
    }
}

pub(super) fn known_members(path: &str, object: &Map<String, Value>, known: &[&str]) -> Read<()> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => wrong(&below(path, name), format!("there is no such member: use {}", known.join(", "))),
        None => Ok(()),
    }
}

pub(super) fn words<T: Display>(all: &[T]) -> Vec<String> {
    all.iter().map(T::to_string).collect()
}

pub(super) fn list<T: Display>(all: &[T]) -> String {
    words(all).join(", ")
}
