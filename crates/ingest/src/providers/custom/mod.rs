//! Anyone who has no adapter: the source carries a mapping that says which event a request is and where our fields
//! stand in it ("Compose Webhook" of the CPaaS documents). `docs/custom-provider.md` describes it for operators.

mod contact;
mod message;
mod place;
mod status;

use std::borrow::Cow;

use inlet_domain::{
    command::{Command, Effect, OptOutReport},
    model::{
        mapping::{Condition, Field, MappedKind, Mapping, Rule},
        opt_out::OptOutScope,
        source::HmacAlgorithm,
    },
};
use serde_json::{Value, json};

use self::place::Places;
use crate::{
    address,
    fields::{self, Rules, bounded_id},
    key,
    provider::{Adapter, Query, Request, Understanding},
    signature::Scheme,
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
            return request.unknown("the source has no mapping yet: give it one, then replay");
        };
        let Some(rule) = mapping.rules.iter().find(|rule| rule.when.as_ref().is_none_or(|when| holds(when, request)))
        else {
            return request.unknown("no rule of the mapping fits it");
        };
        // What the URL names decides again at a replay, so it is the name that is kept.
        let event = request.hint.map_or_else(|| rule.name.clone(), fields::bounded_name);
        match read(mapping, rule, request) {
            Ok(command) => Understanding::Known { event, commands: vec![command] },
            Err(Misfit(reason)) => {
                Understanding::Unknown { reason: format!("rule `{}`: {reason}", rule.name), event: Some(event) }
            }
        }
    }
}

/// Why a body is not the event that the rule takes it for.
struct Misfit(String);

type Reading<T> = Result<T, Misfit>;

fn misfit<T>(reason: impl Into<String>) -> Reading<T> {
    Err(Misfit(reason.into()))
}

fn holds(condition: &Condition, request: &Request<'_>) -> bool {
    match condition {
        Condition::Equals(place, words) => {
            let found = place::peek(place, request);
            let is_word = |value: &Value, rules| place::plain(value, rules).is_some_and(|text| words.contains(&text));
            found.is_some_and(|value| is_word(&value, Rules::Former) || is_word(&value, Rules::Current))
        }
        Condition::Exists(place, wanted) => place::peek(place, request).is_some() == *wanted,
        Condition::Event(name) => request.hint == Some(name.as_str()),
        Condition::All(conditions) => conditions.iter().all(|condition| holds(condition, request)),
        Condition::Any(conditions) => conditions.iter().any(|condition| holds(condition, request)),
        Condition::Not(condition) => !holds(condition, request),
    }
}

fn read(mapping: &Mapping, rule: &Rule, request: &Request<'_>) -> Reading<Command> {
    let places = Places { request, rule };
    for group in rule.kind.needs() {
        let mut held = false;
        for field in *group {
            held |= places.text(*field)?.is_some();
        }
        if !held {
            let mapped = group.iter().filter_map(|field| rule.fields.get(field).map(|place| (field, place)));
            let names: Vec<String> =
                mapped.map(|(field, place)| format!("`{field}` at {}", place::shown(place))).collect();
            return misfit(format!("there is no {}, which it needs", names.join(" nor ")));
        }
    }
    // Without an id of its own, the whole of what came stands for the event.
    let whole = || match (request.query, request.body) {
        (Query::Counts(query), Value::Object(body)) if body.is_empty() => key::digest(query),
        (_, body) => key::digest(body),
    };
    let own = own_key(&places, Rules::Current)?;
    let usual = usual_key(&places, Rules::Current)?;
    let key = own.clone().or(usual).unwrap_or_else(whole);
    // A placeholder was the key of many events: it tells of none of them.
    let former = if own.is_none() && own_key(&places, Rules::Former)?.is_some() {
        None
    } else {
        let former = own_key(&places, Rules::Former)?;
        former.map_or_else(|| usual_key(&places, Rules::Former), |former| Ok(Some(former)))?
    };
    let key = key::versioned(&rule.name, key, |_| former);
    let effect = match rule.kind {
        MappedKind::Message => message::read(&places, &own, &key)?,
        MappedKind::Call => message::read_call(&places, &key)?,
        MappedKind::Status => status::read(&places, mapping)?,
        MappedKind::Contact => contact::read(&places)?,
        MappedKind::OptOut => opt_out(&places)?,
    };
    Ok(Command { key, effect })
}

/// What the rule says is the key, where the request holds any of it.
fn own_key(places: &Places<'_>, rules: Rules) -> Reading<Option<String>> {
    let mut parts = Vec::new();
    for place in &places.rule.key {
        parts.push(places.id_at(place, rules)?);
    }
    Ok(match parts.as_slice() {
        [one] => one.clone(),
        several if several.iter().any(Option::is_some) => Some(key::digest(&json!(several))),
        _ => None,
    })
}

/// The key that the kind of event has by its id. By the former rules there is none where a placeholder was the id.
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
        return misfit("nothing tells the medium of the refusal: map `medium`, or set the source's");
    };
    let Some(address) = address::on(medium, &written, places.numbering()) else {
        return misfit("`address` is hidden, so the refusal is nobody's");
    };
    let scope = match places.text(Field::Scope)? {
        None => OptOutScope::All,
        Some(word) => match word.to_ascii_lowercase().parse() {
            Ok(scope) => scope,
            Err(_) => {
                return misfit(format!("`scope` is `{word}`, none of all, category, sender, tag, service or product"));
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

/// A text that is told, cut to what a reason can hold.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(80) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
