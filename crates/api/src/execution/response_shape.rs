//! Gives a response the shape that GraphQL requires (October 2021, section 6.4): fields in the order of the document,
//! null for a field that failed, and a null that may not be there passed up to the nearest nullable field.
//!
//! async-graphql 7.2 returns fields in the order of their completion and leaves out those that failed.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, PathSegment, Positioned, Response, ServerError, Value,
    indexmap::IndexMap,
    parser::{
        parse_schema,
        types::{
            BaseType, ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType, Selection,
            SelectionSet, Type, TypeKind, TypeSystemDefinition,
        },
    },
};

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// The types of the schema's fields.
#[derive(Debug, Default)]
pub struct Types(HashMap<Name, HashMap<Name, Type>>);

impl Types {
    /// From the SDL.
    #[must_use]
    pub fn of(sdl: &str) -> Self {
        let definitions = parse_schema(sdl).map(|document| document.definitions).unwrap_or_default();
        let fields = definitions.into_iter().filter_map(|definition| {
            let TypeSystemDefinition::Type(definition) = definition else { return None };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => return None,
            };
            let fields = fields.into_iter().map(|field| (field.node.name.node, field.node.ty.node));
            Some((definition.node.name.node, fields.collect()))
        });
        Self(fields.collect())
    }

    fn field(&self, parent: Option<&Name>, field: &Name) -> Option<&Type> {
        self.0.get(parent?)?.get(field)
    }
}

/// The shape of the response to one operation.
#[derive(Debug, Default)]
pub struct Plan {
    fields: IndexMap<Name, Planned>,
}

#[derive(Debug)]
struct Planned {
    /// `None` for introspection fields, which the SDL does not have.
    ty: Option<Type>,
    inner: Option<Plan>,
}

struct Gathered<'a> {
    ty: Option<Type>,
    sets: Vec<(Option<Name>, &'a SelectionSet)>,
}

fn base(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => base(inner),
    }
}

impl Plan {
    /// From an operation. The limits bound its document: see [`crate::execution::limits`].
    #[must_use]
    pub fn of(types: &Types, document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        let root = Name::new(match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        });
        Self::of_sets(types, &document.fragments, &[(Some(root), &operation.selection_set.node)], 0)
    }

    fn of_sets(types: &Types, fragments: &Fragments, sets: &[(Option<Name>, &SelectionSet)], depth: usize) -> Self {
        let mut gathered = IndexMap::new();
        let mut seen = HashSet::new();
        for (parent, set) in sets {
            gather(types, fragments, parent.as_ref(), set, &mut gathered, &mut seen);
        }
        // Validation refuses a recursive document after this.
        let too_deep = depth > crate::execution::limits::MAX_DEPTH;
        let planned = gathered.into_iter().map(|(key, Gathered { ty, sets })| {
            let inner = (!sets.is_empty() && !too_deep).then(|| Self::of_sets(types, fragments, &sets, depth + 1));
            (key, Planned { ty, inner })
        });
        Self { fields: planned.collect() }
    }

    /// Arranges the data of a response.
    pub fn arrange(&self, response: &mut Response) {
        let errors: Vec<&[PathSegment]> = response
            .errors
            .iter()
            .map(|error: &ServerError| error.path.as_slice())
            .filter(|path| !path.is_empty())
            .collect();
        if response.data == Value::Null && errors.is_empty() {
            return;
        }
        let data = std::mem::take(&mut response.data);
        response.data = self.object(data, &errors);
    }

    /// An object with its fields; null if a non-null field of it is null.
    fn object(&self, value: Value, errors: &[&[PathSegment]]) -> Value {
        let mut members = match value {
            Value::Object(members) => members,
            Value::Null => IndexMap::new(),
            other => return other,
        };
        let mut arranged = IndexMap::with_capacity(members.len());
        for (key, planned) in &self.fields {
            let below: Vec<&[PathSegment]> = errors.iter().filter_map(|path| step_into(path, key)).collect();
            let member = members.swap_remove(key);
            if member.is_none() && below.is_empty() {
                continue;
            }
            let value = planned.complete(planned.ty.as_ref(), member.unwrap_or_default(), &below);
            if value == Value::Null && planned.ty.as_ref().is_some_and(|ty| !ty.nullable) {
                return Value::Null;
            }
            arranged.insert(key.clone(), value);
        }
        arranged.extend(members);
        Value::Object(arranged)
    }
}

impl Planned {
    fn complete(&self, ty: Option<&Type>, value: Value, errors: &[&[PathSegment]]) -> Value {
        let Some(plan) = &self.inner else { return value };
        // A failed field is null already, except for a mutation that returns the object beside a conflict.
        if value == Value::Null && errors.iter().any(|path| path.is_empty()) {
            return Value::Null;
        }
        match value {
            Value::List(items) => {
                let item_type = ty.and_then(|ty| match &ty.base {
                    BaseType::List(item) => Some(&**item),
                    BaseType::Named(_) => None,
                });
                let mut completed = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    let below: Vec<_> = errors.iter().filter_map(|path| step_to(path, index)).collect();
                    let item = self.complete(item_type, item, &below);
                    if item == Value::Null && item_type.is_some_and(|ty| !ty.nullable) {
                        return Value::Null;
                    }
                    completed.push(item);
                }
                Value::List(completed)
            }
            Value::Object(_) => plan.object(value, errors),
            // An object without selected fields comes as null.
            Value::Null if errors.is_empty() && ty.is_some_and(|ty| !ty.nullable && is_named(ty)) => {
                Value::Object(IndexMap::new())
            }
            Value::Null if !errors.is_empty() && ty.is_some_and(is_named) => plan.object(value, errors),
            other => other,
        }
    }
}

fn is_named(ty: &Type) -> bool {
    matches!(ty.base, BaseType::Named(_))
}

fn step_into<'a>(path: &'a [PathSegment], key: &Name) -> Option<&'a [PathSegment]> {
    match path.split_first() {
        Some((PathSegment::Field(field), rest)) if field == key.as_str() => Some(rest),
        _ => None,
    }
}

fn step_to(path: &[PathSegment], index: usize) -> Option<&[PathSegment]> {
    match path.split_first() {
        Some((PathSegment::Index(at), rest)) if *at == index => Some(rest),
        _ => None,
    }
}

fn gather<'a>(
    types: &Types,
    fragments: &'a Fragments,
    parent: Option<&Name>,
    set: &'a SelectionSet,
    into: &mut IndexMap<Name, Gathered<'a>>,
    seen: &mut HashSet<&'a Name>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let ty = types.field(parent, &field.node.name.node);
                let key = field.node.response_key().node.clone();
                let gathered = into.entry(key).or_insert_with(|| Gathered { ty: ty.cloned(), sets: Vec::new() });
                // Fragments on different types may select fields of one name, so a null of one of them is valid.
                if let (Some(first), Some(ty)) = (&mut gathered.ty, ty) {
                    first.nullable |= ty.nullable;
                }
                if !field.node.selection_set.node.items.is_empty() {
                    gathered.sets.push((ty.map(|ty| base(ty).clone()), &field.node.selection_set.node));
                }
            }
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                gather(types, fragments, on.or(parent), &fragment.node.selection_set.node, into, seen);
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = fragments.get(name)
                    && seen.insert(name)
                {
                    let on = &fragment.node.type_condition.node.on.node;
                    gather(types, fragments, Some(on), &fragment.node.selection_set.node, into, seen);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
