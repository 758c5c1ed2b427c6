//! Reads a mapping. An error names the position of the problem.

mod values;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::values::{array, condition, known_members, list, object, one_of, place, pointer_at, text, words};
use super::{Condition, Field, Files, MappedKind, Mapping, Place, Rule, Step, TimeFormat};
use crate::model::status::DeliveryStatus;

/// The most rules of a mapping.
const MOST_RULES: usize = 50;
/// The most places of a rule.
const MOST_PLACES: usize = 100;
/// The deepest nesting of conditions or alternatives.
const DEEPEST: usize = 5;
/// The most steps of a pointer to a list.
const MOST_STEPS: usize = 20;
/// The most bytes of a mapping.
const LONGEST: usize = 64 * 1024;

/// A problem of a mapping, with its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place_prefix(path))]
pub struct MappingError {
    /// The position, such as `rules[0].fields.id`; empty for the whole mapping.
    pub path: String,
    /// The problem and its remedy.
    pub problem: String,
}

fn place_prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("`{path}`: ") }
}

type Read<T> = Result<T, MappingError>;

fn wrong<T>(path: &str, problem: impl Into<String>) -> Read<T> {
    Err(MappingError { path: path.to_owned(), problem: problem.into() })
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl Mapping {
    /// Reads and checks a mapping that is to be saved or tried.
    ///
    /// # Errors
    /// The document is no mapping, or a place in it can never hold a value; the error names the position.
    pub fn read(document: &Value) -> Result<Self, MappingError> {
        let mapping = Self::stored(document)?;
        for (i, rule) in mapping.rules.iter().enumerate() {
            holds_something(&format!("rules[{i}]"), rule)?;
        }
        Ok(mapping)
    }

    /// Reads a saved mapping. It was checked by the rules of its day, and checks that were added later must not make
    /// its source unreadable.
    ///
    /// # Errors
    /// The document is no mapping; the error names the position.
    pub fn stored(document: &Value) -> Result<Self, MappingError> {
        let mapping = object("", document)?;
        if document.to_string().len() > LONGEST {
            return wrong("", format!("a mapping has at most {LONGEST} bytes"));
        }
        known_members("", mapping, &["rules", "statuses", "times"])?;
        let times = match mapping.get("times") {
            Some(word) => one_of("times", word, TimeFormat::ALL)?,
            None => TimeFormat::Auto,
        };
        let rules = array("rules", mapping.get("rules").unwrap_or(&Value::Null))?;
        if rules.is_empty() || rules.len() > MOST_RULES {
            return wrong("rules", format!("a mapping has 1 to {MOST_RULES} rules"));
        }
        let rules: Vec<Rule> = rules
            .iter()
            .enumerate()
            .map(|(i, value)| rule(&format!("rules[{i}]"), value, times))
            .collect::<Read<_>>()?;
        own_names(&rules)?;
        Ok(Self { rules, statuses: mapping.get("statuses").map(statuses).transpose()?, document: document.clone() })
    }
}

/// Refuses a place of a rule that can never hold a value: a `*` without an index, or the member without a name.
fn holds_something(path: &str, rule: &Rule) -> Read<()> {
    let items = below(path, "items");
    if let Some(steps) = &rule.items
        && steps.last() == Some(&Step::Member(String::new()))
    {
        return wrong(&items, "the pointer of a list ends with a `/`: remove it");
    }
    // The last `*` of `items` is the element's own index, which `#/...` cannot use.
    let indices = rule.items.as_ref().map_or(0, |steps| {
        steps.split_last().map_or(0, |(_, way)| way.iter().filter(|step| **step == Step::Each).count())
    });
    let check = |path: &str, place: &Place| match unbound(place, indices) {
        None => Ok(()),
        Some(pointer) if rule.items.is_none() => wrong(
            path,
            format!(
                "a `*` in `#{pointer}` is the index of the element on the way that `items` names, and this rule has no \
                 `items`: give it `items`, or write an index such as 0"
            ),
        ),
        Some(pointer) => wrong(
            path,
            format!(
                "`#{pointer}` has more `*` than `items` has before its last list ({indices}): each `*` is the index of \
                 the element on that way; write an index such as 0"
            ),
        ),
    };
    for (field, place) in &rule.fields {
        check(&below(&below(path, "fields"), field.as_str()), place)?;
    }
    for (name, place) in &rule.details {
        check(&below(&below(path, "details"), name), place)?;
    }
    for place in &rule.key {
        check(&below(path, "key"), place)?;
    }
    for place in rule.when.iter().flat_map(Condition::places) {
        check(&below(path, "when"), place)?;
    }
    // In a rule without `items` a `*` counts the files of a message.
    let of_files = rule.attachments.iter().flat_map(|files| match rule.items {
        Some(_) => files.places().collect::<Vec<_>>(),
        None => files.items.iter().collect(),
    });
    for place in of_files {
        check(&below(path, "attachments"), place)?;
    }
    Ok(())
}

/// The pointer of the whole body in this place that has more `*` than there are indices.
fn unbound(place: &Place, indices: usize) -> Option<&str> {
    match place {
        Place::Root(pointer) if pointer.split('/').filter(|step| *step == "*").count() > indices => Some(pointer),
        Place::FirstOf(places) => places.iter().find_map(|place| unbound(place, indices)),
        Place::Root(_) | Place::Pointer(_) | Place::Form(_) | Place::Query(_) | Place::Fixed(_) => None,
    }
}

/// At a replay the request's stored name replaces the name in the URL. A rule with the name of another rule's event
/// would then match it.
fn own_names(rules: &[Rule]) -> Read<()> {
    for (i, rule) in rules.iter().enumerate() {
        let waits = |other: &Rule| other.when.as_ref().is_some_and(|when| when.waits_for(&rule.name));
        if !waits(rule) && rules.iter().any(waits) {
            let problem = format!(
                "another rule has the condition `{{\"event\": \"{0}\"}}`: give this rule another name than `{0}`",
                rule.name
            );
            return wrong(&format!("rules[{i}].name"), problem);
        }
    }
    Ok(())
}

impl Condition {
    /// The places that the condition tests.
    fn places(&self) -> Vec<&Place> {
        match self {
            Self::Equals(place, _) | Self::Exists(place, _) => vec![place],
            Self::All(conditions) | Self::Any(conditions) => conditions.iter().flat_map(Self::places).collect(),
            Self::Not(condition) => condition.places(),
            Self::Event(_) => Vec::new(),
        }
    }

    fn waits_for(&self, name: &str) -> bool {
        match self {
            Self::Event(event) => event == name,
            Self::All(conditions) | Self::Any(conditions) => conditions.iter().any(|it| it.waits_for(name)),
            Self::Not(condition) => condition.waits_for(name),
            Self::Equals(..) | Self::Exists(..) => false,
        }
    }
}

fn statuses(value: &Value) -> Read<BTreeMap<String, DeliveryStatus>> {
    let words = object("statuses", value)?;
    let read = |(theirs, ours): (&String, &Value)| {
        let path = below("statuses", theirs);
        let word = text(&path, ours)?.to_ascii_lowercase();
        let meaning = match word.parse() {
            Ok(step) => step,
            // A deleted delivery is no deletion of the message, whose history stays.
            Err(_) if word == "deleted" => DeliveryStatus::Failed,
            Err(_) => {
                return wrong(
                    &path,
                    format!("`{word}` is not a status: use queued, sent, failed, delivered, read or deleted"),
                );
            }
        };
        Ok((theirs.trim().to_lowercase(), meaning))
    };
    words.iter().map(read).collect()
}

fn rule(path: &str, value: &Value, times: TimeFormat) -> Read<Rule> {
    let rule = object(path, value)?;
    known_members(path, rule, &["name", "kind", "items", "when", "key", "times", "fields", "attachments", "details"])?;
    let kind = match rule.get("kind") {
        Some(word) => one_of(&below(path, "kind"), word, MappedKind::ALL)?,
        None => return wrong(&below(path, "kind"), format!("it is missing: {}", list(MappedKind::ALL))),
    };
    let name = match rule.get("name") {
        Some(name) => text(&below(path, "name"), name)?.trim().to_owned(),
        None => kind.to_string(),
    };
    // The name is the kind of idempotency keys, so an index holds it.
    if name.is_empty() || name.len() > 200 || name.chars().count() > 100 || name.chars().any(char::is_control) {
        let problem = "a name has 1 to 100 characters in at most 200 bytes, and no control characters";
        return wrong(&below(path, "name"), problem);
    }
    let key_path = below(path, "key");
    let key = match rule.get("key") {
        None => Vec::new(),
        Some(Value::Array(places)) => places
            .iter()
            .enumerate()
            .map(|(i, value)| place(&format!("{key_path}[{i}]"), value, DEEPEST))
            .collect::<Read<Vec<_>>>()?,
        Some(value) => vec![place(&key_path, value, DEEPEST)?],
    };
    let times = match rule.get("times") {
        Some(word) => one_of(&below(path, "times"), word, TimeFormat::ALL)?,
        None => times,
    };
    let items = rule.get("items").map(|value| steps(&below(path, "items"), value)).transpose()?;
    let (fields, details) = (fields(path, kind, rule)?, details(path, rule)?);
    let attachments = attachments(&below(path, "attachments"), kind, rule.get("attachments"))?;
    let of_files: usize = attachments.iter().map(|files| files.places().count()).sum();
    if key.len() + fields.len() + of_files + details.len() > MOST_PLACES {
        return wrong(path, format!("a rule has at most {MOST_PLACES} places"));
    }
    Ok(Rule {
        name,
        kind,
        items,
        when: rule.get("when").map(|value| condition(&below(path, "when"), value, DEEPEST)).transpose()?,
        key,
        times,
        fields,
        attachments,
        details,
    })
}

/// The pointer of a list, in which a `*` means each element of a list.
fn steps(path: &str, value: &Value) -> Read<Vec<Step>> {
    let written = text(path, value)?;
    if !written.starts_with(['/', '#']) {
        let shown: String = written.chars().take(64).collect();
        return wrong(
            path,
            format!(
                "`{shown}` is not the pointer of a list: a pointer begins with `/`, such as `/{shown}` or `/a/*/b`"
            ),
        );
    }
    let Place::Pointer(pointer) = pointer_at(path, written)? else {
        return wrong(path, "the pointer of a list begins at the whole body: write it without `#`");
    };
    let steps: Vec<Step> = pointer
        .split('/')
        .skip(1)
        .map(|step| match step {
            "*" => Step::Each,
            name => Step::Member(name.replace("~1", "/").replace("~0", "~")),
        })
        .collect();
    if steps.len() > MOST_STEPS {
        return wrong(path, format!("the pointer of a list has at most {MOST_STEPS} steps"));
    }
    Ok(steps)
}

/// The places of the files of a message: one or several.
fn attachments(path: &str, kind: MappedKind, value: Option<&Value>) -> Read<Vec<Files>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    if kind != MappedKind::Message {
        return wrong(path, format!("a rule of kind `{kind}` has no files: only a rule of kind `message` has"));
    }
    match value {
        Value::Array(several) => {
            several.iter().enumerate().map(|(i, value)| files(&format!("{path}[{i}]"), value)).collect()
        }
        one => Ok(vec![files(path, one)?]),
    }
}

fn files(path: &str, value: &Value) -> Read<Files> {
    const OWN: [&str; 5] = ["items", "url", "filename", "mime_type", "size"];
    let written = match value.as_object() {
        Some(written) if OWN.iter().any(|name| written.contains_key(*name)) => written,
        _ => return Ok(Files { url: Some(place(path, value, DEEPEST)?), ..Files::default() }),
    };
    known_members(path, written, &OWN)?;
    let at = |name: &str| written.get(name).map(|value| place(&below(path, name), value, DEEPEST)).transpose();
    let files = Files {
        items: at("items")?,
        url: at("url")?,
        filename: at("filename")?,
        mime_type: at("mime_type")?,
        size: at("size")?,
    };
    if files.items.is_none() && files.url.is_none() {
        return wrong(path, "`attachments` needs `url`, or `items` with the place of the list of files");
    }
    Ok(files)
}

fn fields(path: &str, kind: MappedKind, rule: &Map<String, Value>) -> Read<BTreeMap<Field, Place>> {
    let path = below(path, "fields");
    let written = object(&path, rule.get("fields").unwrap_or(&Value::Null))?;
    let mut fields = BTreeMap::new();
    for (name, value) in written {
        let path = below(&path, name);
        match name.parse::<Field>() {
            Ok(field) if kind.fields().contains(&field) => {
                let place = place(&path, value, DEEPEST)?;
                fixed_word(&path, field, &place)?;
                fields.insert(field, place);
            }
            _ => {
                return wrong(
                    &path,
                    format!("a rule of kind `{kind}` has no such field: use one of {}", list(kind.fields())),
                );
            }
        }
    }
    for group in kind.needs() {
        if !group.iter().any(|field| fields.contains_key(field)) {
            return wrong(&path, format!("a rule of kind `{kind}` needs {}", list(group)));
        }
    }
    Ok(fields)
}

/// Refuses a fixed value that no request could make valid.
fn fixed_word(path: &str, field: Field, place: &Place) -> Read<()> {
    let Place::Fixed(value) = place else { return Ok(()) };
    let allowed = match field {
        Field::Medium => words(crate::model::channel::Medium::ALL),
        Field::Direction => words(crate::model::message::Direction::ALL),
        Field::Scope => words(crate::model::opt_out::OptOutScope::ALL),
        Field::Change => ["created", "updated", "deleted"].map(str::to_owned).to_vec(),
        _ => return Ok(()),
    };
    let word = value.as_str().unwrap_or_default().to_ascii_lowercase();
    if allowed.contains(&word) { Ok(()) } else { wrong(path, format!("expected one of {}", list(&allowed))) }
}

fn details(path: &str, rule: &Map<String, Value>) -> Read<BTreeMap<String, Place>> {
    let path = below(path, "details");
    let Some(value) = rule.get("details") else { return Ok(BTreeMap::new()) };
    let written = object(&path, value)?;
    written.iter().map(|(name, value)| Ok((name.clone(), place(&below(&path, name), value, DEEPEST)?))).collect()
}

#[cfg(test)]
mod tests;
