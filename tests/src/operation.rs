//! Operations that are written from the schema: all that a field can show, with one value put where a test wants it.

use serde_json::{Map, Value, json};

use crate::{
    database,
    schema::{Field, Input, Position, Schema},
};

/// An operation and its variables.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The document.
    pub query: String,
    /// Its variables.
    pub variables: Value,
}

impl Operation {
    /// As a request's body.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({"query": self.query, "variables": self.variables})
    }
}

/// What stands at a place of a field, which its path tells, joined by dots; `None` leaves it out where it is not needed,
/// and to its type where it is.
pub type Fill<'a> = &'a dyn Fn(&Field, &str, &Input) -> Option<Value>;

impl Schema {
    /// All that can be asked of a type without an argument, objects in it down to `depth` levels.
    #[must_use]
    pub fn selection(&self, name: &str, depth: usize) -> String {
        let ty = self.ty(name);
        let mut parts = vec!["__typename".to_owned()];
        // A connection shows its nodes twice.
        let again = |field: &&Field| field.name == "nodes" && name.ends_with("Connection");
        for field in ty.fields.iter().filter(|field| field.is_plain() && !again(field)) {
            if self.is_leaf(&field.ty.name) {
                parts.push(field.name.clone());
            } else if depth > 0 {
                parts.push(format!("{} {}", field.name, self.selection(&field.ty.name, depth - 1)));
            }
        }
        for possible in &ty.possible {
            parts.push(format!("... on {possible} {}", self.selection(possible, depth.saturating_sub(1))));
        }
        format!("{{ {} }}", parts.join(" "))
    }

    /// An operation on a field of a root, with `value` at `path` (nowhere where `path` is empty) and what else is needed.
    #[must_use]
    pub fn operation(&self, owner: &str, field: &Field, at: Option<(&[String], &Value)>, fill: Fill<'_>) -> Operation {
        self.operation_of_depth(owner, field, at, fill, depth_of(owner, &field.ty.name))
    }

    /// The same, with objects down to `depth` levels.
    #[must_use]
    pub fn operation_of_depth(
        &self,
        owner: &str,
        field: &Field,
        at: Option<(&[String], &Value)>,
        fill: Fill<'_>,
        depth: usize,
    ) -> Operation {
        let (declared, passed, variables) = self.arguments(field, at, fill);
        let selection =
            if self.is_leaf(&field.ty.name) { String::new() } else { self.selection(&field.ty.name, depth) };
        let kind = owner.to_lowercase();
        Operation { query: format!("{kind} Q{declared} {{ {}{passed} {selection} }}", field.name), variables }
    }

    /// An operation on a position that is no root's: its owner is found by `node` under the global id `parent`.
    #[must_use]
    pub fn nested(&self, position: &Position, parent: &str, value: &Value, fill: Fill<'_>) -> Operation {
        let (owner, field) = (&position.owner, &position.field);
        let (declared, passed, mut variables) = self.arguments(field, Some((&position.path, value)), fill);
        let declared =
            format!("($parent: ID!{}", declared.strip_prefix('(').map_or(")".into(), |it| format!(", {it}")));
        variables["parent"] = json!(parent);
        let selection = if self.is_leaf(&field.ty.name) { String::new() } else { self.selection(&field.ty.name, 3) };
        let name = &field.name;
        let query =
            format!("query Q{declared} {{ node(id: $parent) {{ ... on {owner} {{ {name}{passed} {selection} }} }} }}");
        Operation { query, variables }
    }

    fn arguments(&self, field: &Field, at: Option<(&[String], &Value)>, fill: Fill<'_>) -> (String, String, Value) {
        let (mut declared, mut passed, mut variables) = (Vec::new(), Vec::new(), Map::new());
        for argument in &field.args {
            if let Some(value) = self.input(field, argument, at, "", fill) {
                declared.push(format!("${}: {}", argument.name, argument.ty.text));
                passed.push(format!("{0}: ${0}", argument.name));
                variables.insert(argument.name.clone(), value);
            }
        }
        let enclosed = |parts: Vec<String>| match parts.len() {
            0 => String::new(),
            _ => format!("({})", parts.join(", ")),
        };
        (enclosed(declared), enclosed(passed), Value::Object(variables))
    }

    /// What stands at an argument or a field of an input object; `None` where it can be left out.
    fn input(
        &self,
        field: &Field,
        input: &Input,
        at: Option<(&[String], &Value)>,
        above: &str,
        fill: Fill<'_>,
    ) -> Option<Value> {
        let path = if above.is_empty() { input.name.clone() } else { format!("{above}.{}", input.name) };
        let wrapped = |value: Value| (0..input.ty.lists).fold(value, |value, _| json!([value]));
        let below = at.and_then(|(path, value)| {
            let (first, rest) = path.split_first()?;
            (*first == input.name).then_some((rest, value))
        });
        if let Some(([], value)) = below {
            return Some(wrapped(value.clone()));
        }
        if let Some(value) = fill(field, &path, input) {
            return Some(value);
        }
        let ty = self.ty(&input.ty.name);
        let is_object = ty.kind == "INPUT_OBJECT";
        if below.is_none() && !input.is_needed() {
            return None;
        }
        if is_object {
            let members = ty.inputs.iter().filter_map(|input| {
                let value = self.input(field, input, below, &path, fill)?;
                Some((input.name.clone(), value))
            });
            return Some(wrapped(Value::Object(members.collect())));
        }
        let is_key = input.name == "idempotencyKey";
        Some(wrapped(if is_key { json!(database::unique()) } else { self.sample(&input.ty.name) }))
    }

    /// Some value of a scalar or an enum.
    #[must_use]
    pub fn sample(&self, name: &str) -> Value {
        match name {
            "Int" | "Revision" => json!(1),
            "Float" => json!(1.5),
            "Boolean" => json!(false),
            "DateTime" => json!("2026-11-20T10:00:00.000Z"),
            "Decimal" => json!("1"),
            "JSON" => json!({}),
            "String" | "ID" | "Cursor" => json!("sample"),
            name => json!(self.ty(name).values.first().unwrap_or_else(|| panic!("no sample of a {name}"))),
        }
    }
}

/// As deep as the limits of the server allow for what there is.
fn depth_of(owner: &str, returned: &str) -> usize {
    match (owner, returned) {
        (_, "Node") => 2,
        (_, "Trace") => 3,
        _ => 4,
    }
}
