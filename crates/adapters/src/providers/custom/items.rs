//! Lists of events within one body: each element is an event of its own, by the first rule that fits it.

use std::collections::HashMap;

use inlet_domain::model::mapping::{Mapping, Rule, Step};
use serde_json::{Value, json};

use super::{holds, place::View};
use crate::{body::batch, digest, provider::Request};

/// The events that a mapping finds in a request.
pub(super) enum Found<'a> {
    /// No rule fits. The first rules found no list by their `items`; the `when` of the second ones does not hold.
    Nothing(Vec<&'a Rule>, Vec<&'a Rule>),
    /// The request is one event.
    Whole(&'a Rule),
    /// Each of these is an event, in the order of the body.
    Elements(Vec<Element<'a>>),
    /// There are more elements than the bound.
    TooMany(usize),
}

/// An element of a list in a body.
pub(super) struct Element<'a> {
    /// The first rule that fits it.
    pub(super) rule: Option<&'a Rule>,
    /// The element.
    pub(super) value: &'a Value,
    /// The index in each list on the way to the element, except the last.
    pub(super) indices: Vec<usize>,
    /// The JSON pointer of its list, and whether the value there is a list.
    list: (String, bool),
}

/// Finds the rules that fit. The first fitting rule without `items` takes the whole request, unless a rule before it
/// found an element.
pub(super) fn find<'a>(mapping: &'a Mapping, request: &'a Request<'a>) -> Found<'a> {
    let fits = |rule: &Rule, view: View<'_>| rule.when.as_ref().is_none_or(|when| holds(when, view));
    let mut elements: Vec<Element<'a>> = Vec::new();
    let mut known: HashMap<(String, usize), usize> = HashMap::new();
    let (mut without_list, mut unfit) = (Vec::new(), Vec::new());
    for rule in &mapping.rules {
        let Some(steps) = &rule.items else {
            let taken = elements.iter().any(|element| element.rule.is_some());
            if !fits(rule, View::whole(request)) {
                unfit.push(rule);
                continue;
            }
            if taken {
                break;
            }
            return Found::Whole(rule);
        };
        let mut lists = Lists { left: batch::MOST, found: Vec::new() };
        lists.walk(request.body, steps, &mut String::new(), &mut Vec::new());
        if lists.found.is_empty() { &mut without_list } else { &mut unfit }.push(rule);
        for (list, indices) in lists.found {
            let Some(value) = request.body.pointer(&list) else { continue };
            let (several, is_list) = match value {
                Value::Array(several) => (several.as_slice(), true),
                one => (std::slice::from_ref(one), false),
            };
            for (at, value) in several.iter().enumerate() {
                let next = elements.len();
                let index = *known.entry((list.clone(), at)).or_insert(next);
                if index == next {
                    if elements.len() >= batch::MOST {
                        return Found::TooMany(several.len().max(batch::MOST + 1));
                    }
                    let list = (list.clone(), is_list);
                    elements.push(Element { rule: None, value, indices: indices.clone(), list });
                }
                if let Some(element) = elements.get_mut(index).filter(|element| element.rule.is_none())
                    && fits(rule, View::of(request, element.value, &element.indices))
                {
                    element.rule = Some(rule);
                }
            }
        }
    }
    if elements.iter().any(|element| element.rule.is_some()) {
        Found::Elements(elements)
    } else {
        Found::Nothing(without_list, unfit)
    }
}

/// The rules whose `items` lead to the element.
pub(super) fn tried<'a>(mapping: &'a Mapping, body: &Value, element: &Element<'_>) -> Vec<&'a Rule> {
    let leads = |rule: &&Rule| {
        rule.items.as_ref().is_some_and(|steps| {
            let mut lists = Lists { left: batch::MOST, found: Vec::new() };
            lists.walk(body, steps, &mut String::new(), &mut Vec::new());
            lists.found.iter().any(|(list, _)| *list == element.list.0)
        })
    };
    mapping.rules.iter().filter(leads).collect()
}

/// The lists that a pointer leads to.
struct Lists {
    left: usize,
    found: Vec<(String, Vec<usize>)>,
}

impl Lists {
    fn walk(&mut self, value: &Value, steps: &[Step], pointer: &mut String, indices: &mut Vec<usize>) {
        let length = pointer.len();
        match steps.split_first() {
            None => {
                let holds_any = match value {
                    Value::Array(items) => !items.is_empty(),
                    Value::Object(members) => !members.is_empty(),
                    _ => false,
                };
                if holds_any && self.left > 0 {
                    self.left -= 1;
                    self.found.push((pointer.clone(), indices.clone()));
                }
            }
            // Each element of the last list is an event, whether the pointer names the list or its elements.
            Some((Step::Each, [])) if value.is_array() => self.walk(value, &[], pointer, indices),
            Some((Step::Each, rest)) => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    if self.left == 0 {
                        return;
                    }
                    indices.push(index);
                    pointer.push_str(&format!("/{index}"));
                    self.walk(item, rest, pointer, indices);
                    pointer.truncate(length);
                    indices.pop();
                }
            }
            Some((Step::Member(name), rest)) => {
                let inner = match value {
                    Value::Object(members) => members.get(name),
                    Value::Array(items) => name.parse::<usize>().ok().and_then(|index| items.get(index)),
                    _ => None,
                };
                if let Some(inner) = inner {
                    pointer.push('/');
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    self.walk(inner, rest, pointer, indices);
                    pointer.truncate(length);
                }
            }
        }
    }
}

/// The body without the elements of its lists: the part that the elements share.
pub(super) fn shared(body: &Value, elements: &[Element<'_>]) -> Value {
    let mut shared = body.clone();
    for element in elements {
        let (list, is_list) = &element.list;
        if let Some(place) = shared.pointer_mut(list) {
            *place = if *is_list { Value::Array(Vec::new()) } else { Value::Null };
        }
    }
    shared
}

/// A body for each element, with the element and the shared part. `None` if a list is within an element of another.
pub(super) fn bodies(body: &Value, elements: &[Element<'_>]) -> Option<Vec<Value>> {
    let shared = shared(body, elements);
    elements
        .iter()
        .map(|element| {
            let mut body = shared.clone();
            let (list, is_list) = &element.list;
            let value = element.value.clone();
            *body.pointer_mut(list)? = if *is_list { Value::Array(vec![value]) } else { value };
            Some(body)
        })
        .collect()
}

/// The id of an event without one: a digest of the element and the shared part. It does not depend on the other
/// elements.
pub(super) fn digest(shared: &str, element: &Element<'_>) -> String {
    digest::of_value(&json!([shared, element.indices, element.value]))
}
