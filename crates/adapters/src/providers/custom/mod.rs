//! Any provider without an adapter of its own. The source's mapping tells which event a request is and where the values
//! of Inlet's fields are ("Compose Webhook" of the CPaaS documents). `docs/custom-provider.md` describes it for
//! operators.

mod contact;
mod files;
mod items;
mod message;
mod place;
mod status;

use std::borrow::Cow;

use inlet_domain::{
    command::{Command, Effect, OptOutReport, weight_of},
    model::{
        mapping::{Condition, Field, MappedKind, Mapping, Rule},
        opt_out::OptOutScope,
        source::HmacAlgorithm,
    },
};
use serde::Serialize;
use serde_json::{Value, json};

use self::{
    items::{Element, Found},
    place::{Places, View},
};
use crate::{
    address,
    body::batch,
    digest,
    fields::{self, Rules},
    provider::{Adapter, Query, Request, Split, Understanding},
    signature::Scheme,
    text::bounded_id,
};

/// The adapter.
#[derive(Debug, Clone, Copy)]
pub struct Custom;

impl Adapter for Custom {
    fn scheme(&self) -> Scheme {
        Scheme::hex("x-signature", HmacAlgorithm::Sha256)
    }

    fn understand(&self, request: &Request<'_>) -> Understanding {
        let Some(mapping) = &request.source.mapping else {
            return request.unknown("the source has no mapping yet: add one, then replay the request");
        };
        let elements = match items::find(mapping, request) {
            Found::Nothing(without_list, unfit) => return request.unknown(no_fit(&without_list, &unfit)),
            Found::TooMany(_) => {
                return request.unknown(format!(
                    "the lists of the body hold more than {} events, which is the maximum",
                    batch::MOST
                ));
            }
            Found::Whole(rule) => {
                let event = event_name(request, rule);
                // Without an id, the digest of the whole request identifies the event.
                let whole = || match (request.query, request.body) {
                    (Query::Counts(query), Value::Object(body)) if body.is_empty() => digest::of_value(query),
                    (_, body) => digest::of_value(body),
                };
                return match read(mapping, Places { view: View::whole(request), rule }, &whole) {
                    Ok(command) => Understanding::Known { event, commands: vec![command] },
                    Err(Fault::Misfit(reason)) => {
                        Understanding::Unknown { reason: format!("rule `{}`: {reason}", rule.name), event: Some(event) }
                    }
                    Err(Fault::Excess) => Understanding::Excessive { event },
                };
            }
            Found::Elements(elements) => elements,
        };
        understand_elements(mapping, request, &elements)
    }

    fn split(&self, request: &Request<'_>) -> Split {
        let Some(mapping) = &request.source.mapping else { return Split::One };
        if mapping.rules.iter().all(|rule| rule.items.is_none()) {
            return Split::One;
        }
        match items::find(mapping, request) {
            Found::TooMany(number) => Split::TooMany(number),
            Found::Elements(elements) if elements.len() > 1 => {
                let shared = items::shared(request.body, &elements).to_string().len();
                // Each element is stored with the shared part. If that takes too much room, the body stays one request.
                if shared.saturating_mul(elements.len()) > MOST_SHARED {
                    return Split::One;
                }
                items::bodies(request.body, &elements).map_or(Split::One, Split::Several)
            }
            Found::Elements(_) | Found::Whole(_) | Found::Nothing(..) => Split::One,
        }
    }
}

/// The most bytes of the shared part, over all elements of one body.
const MOST_SHARED: usize = 4 * 1024 * 1024;

/// The most elements whose faults a reason names, and the most rules.
const MOST_TOLD: usize = 5;

/// The reason why no rule fits: some rules found no list by their `items`; the `when` of the others does not hold.
fn no_fit(without_list: &[&Rule], unfit: &[&Rule]) -> String {
    let named = |rules: &[&Rule], told: &str| {
        let names: Vec<String> = rules.iter().take(MOST_TOLD).map(|rule| format!("`{}`", rule.name)).collect();
        let more = match rules.len().saturating_sub(MOST_TOLD) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!rules.is_empty()).then(|| format!("{told} {}{more}", names.join(", ")))
    };
    let without_list = named(without_list, "there is no list with an element at the `items` of");
    let reasons: Vec<String> =
        [without_list, named(unfit, "the `when` does not hold of")].into_iter().flatten().collect();
    format!("no rule of the mapping fits the request: {}", reasons.join("; "))
}

/// A name in the URL decides again at a replay, so that name is stored.
fn event_name(request: &Request<'_>, rule: &Rule) -> String {
    request.hint.map_or_else(|| rule.name.clone(), fields::bounded_name)
}

/// Reads each element of a body that was stored as a whole. All must be readable, or none is applied. The door instead
/// makes a request of each element, so that a bad one does not stop the others.
fn understand_elements(mapping: &Mapping, request: &Request<'_>, elements: &[Element<'_>]) -> Understanding {
    let shared = std::cell::OnceCell::new();
    let (mut commands, mut faults) = (Vec::with_capacity(elements.len()), Vec::new());
    let mut room = Room::of(request);
    for (element, number) in elements.iter().zip(1..) {
        let fault = match element.rule {
            // The reason names only so many faults; the others are counted.
            None if faults.len() >= MOST_TOLD => String::new(),
            None => no_fit(&[], &items::tried(mapping, request.body, element)),
            Some(rule) => {
                let view = View::of(request, element.value, &element.indices);
                let digest = || {
                    let shared = shared.get_or_init(|| digest::of_value(&items::shared(request.body, elements)));
                    items::digest(shared, element)
                };
                let command = read(mapping, Places { view, rule }, &digest);
                match command.and_then(|command| room.take(&command).map(|()| command)) {
                    Ok(command) => {
                        commands.push(command);
                        continue;
                    }
                    Err(Fault::Misfit(reason)) => format!("rule `{}`: {reason}", rule.name),
                    Err(Fault::Excess) => return Understanding::Excessive { event: event_name(request, rule) },
                }
            }
        };
        faults.push(if elements.len() > 1 { format!("element {number}: {fault}") } else { fault });
    }
    let rule = elements.iter().find_map(|element| element.rule);
    let event = rule.map(|rule| event_name(request, rule));
    match event {
        Some(event) if faults.is_empty() => Understanding::Known { event, commands },
        event => {
            let more = faults.len().saturating_sub(MOST_TOLD);
            faults.truncate(MOST_TOLD);
            let mut reason = faults.join("; ");
            if more > 0 {
                reason.push_str(&format!("; and {more} more"));
            }
            Understanding::Unknown { event, reason }
        }
    }
}

/// The reason why nothing of a body is applied.
enum Fault {
    /// The body is not the event that the rule describes.
    Misfit(String),
    /// The commands would exceed the bound, because the mapping names large members many times.
    Excess,
}

type Reading<T> = Result<T, Fault>;

fn misfit<T>(reason: impl Into<String>) -> Reading<T> {
    Err(Fault::Misfit(reason.into()))
}

/// The room for further commands of a request.
struct Room(usize);

impl Room {
    fn of(request: &Request<'_>) -> Self {
        Self(request.most_weight)
    }

    /// Takes the weight of `thing` from the room.
    fn take(&mut self, thing: &impl Serialize) -> Reading<()> {
        self.0 = self.0.checked_sub(weight_of(thing)).ok_or(Fault::Excess)?;
        Ok(())
    }
}

fn holds(condition: &Condition, view: View<'_>) -> bool {
    match condition {
        Condition::Equals(place, words) => {
            let found = place::peek(place, view);
            let is_word = |value: &Value, rules| place::plain(value, rules).is_some_and(|text| words.contains(&text));
            found.is_some_and(|value| is_word(&value, Rules::Former) || is_word(&value, Rules::Current))
        }
        Condition::Exists(place, wanted) => place::peek(place, view).is_some() == *wanted,
        Condition::Event(name) => view.request.hint == Some(name.as_str()),
        Condition::All(conditions) => conditions.iter().all(|condition| holds(condition, view)),
        Condition::Any(conditions) => conditions.iter().any(|condition| holds(condition, view)),
        Condition::Not(condition) => !holds(condition, view),
    }
}

/// Reads one event. `whole` returns the id of an event without one.
fn read(mapping: &Mapping, places: Places<'_>, whole: &dyn Fn() -> String) -> Reading<Command> {
    let rule = places.rule;
    for group in rule.kind.needs() {
        let mut held = false;
        for field in *group {
            held |= places.text(*field)?.is_some();
        }
        if !held {
            let mapped = group.iter().filter_map(|field| rule.fields.get(field).map(|place| (field, place)));
            let names: Vec<String> =
                mapped.map(|(field, place)| format!("`{field}` at {}", place::shown(place))).collect();
            return misfit(format!("there is no {}, which the rule needs", names.join(" nor ")));
        }
    }
    let own = own_key(&places, Rules::Current)?;
    let usual = usual_key(&places, Rules::Current)?;
    let key = own.clone().or(usual).unwrap_or_else(whole);
    // A placeholder was the key of many events, so the former key identifies none of them.
    let former = if own.is_none() && own_key(&places, Rules::Former)?.is_some() {
        None
    } else {
        let former = own_key(&places, Rules::Former)?;
        former.map_or_else(|| usual_key(&places, Rules::Former), |former| Ok(Some(former)))?
    };
    let key = fields::versioned(&rule.name, key, |_| former);
    let effect = match rule.kind {
        MappedKind::Message => message::read(&places, &own, &key)?,
        MappedKind::Call => message::read_call(&places, &key)?,
        MappedKind::Status => status::read(&places, mapping)?,
        MappedKind::Contact => contact::read(&places)?,
        MappedKind::OptOut => opt_out(&places)?,
    };
    Ok(Command { key, effect })
}

/// The key of the rule's `key` places, if the request has a value at any of them.
fn own_key(places: &Places<'_>, rules: Rules) -> Reading<Option<String>> {
    let mut parts = Vec::new();
    for place in &places.rule.key {
        parts.push(places.id_at(place, rules)?);
    }
    Ok(match parts.as_slice() {
        [one] => one.clone(),
        several if several.iter().any(Option::is_some) => Some(digest::of_value(&json!(several))),
        _ => None,
    })
}

/// The default key of the kind. Under the former rules there is none if a placeholder was the id.
fn usual_key(places: &Places<'_>, rules: Rules) -> Reading<Option<String>> {
    match (places.rule.kind, rules) {
        (MappedKind::Message | MappedKind::Call, Rules::Current) => places.id(Field::Id),
        (MappedKind::Message | MappedKind::Call, Rules::Former) => {
            if places.is_no_id(Field::Id)? {
                Ok(None)
            } else {
                Ok(places.former_text(Field::Id)?.map(bounded_id))
            }
        }
        (MappedKind::Status, rules) => status::key(places, rules).map(Some),
        (MappedKind::Contact | MappedKind::OptOut, _) => Ok(None),
    }
}

fn opt_out(places: &Places<'_>) -> Reading<Effect> {
    let written = places.text(Field::Address)?.unwrap_or_default();
    let Some(medium) = places.medium()? else {
        return misfit("the opt-out has no medium: map `medium`, or set the source's `medium`");
    };
    let Some(address) = address::on(medium, &written, places.numbering()) else {
        return misfit("`address` is hidden, so the opt-out belongs to no one");
    };
    let scope = match places.text(Field::Scope)? {
        None => OptOutScope::All,
        Some(word) => match word.to_ascii_lowercase().parse() {
            Ok(scope) => scope,
            Err(_) => {
                return misfit(format!("`scope` is `{word}`: expected all, category, sender, tag, service or product"));
            }
        },
    };
    Ok(Effect::OptOut(Box::new(OptOutReport {
        external_id: places.id(Field::Id)?,
        person: address.person(),
        medium,
        scope,
        value: places.text(Field::Value)?.unwrap_or_else(|| "*".to_owned()),
        occurred_at: places.time(Field::OccurredAt)?,
    })))
}

/// A text, cut to the length that a reason allows.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(80) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
