//! The schema as the running server tells it by introspection, for tests that walk all of it: a field that is added
//! falls under them by itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::TestServer;

const INTROSPECTION: &str = "{ __schema { types { kind name
    fields(includeDeprecated: true) { name args(includeDeprecated: true) { ...I } type { ...T } }
    inputFields(includeDeprecated: true) { ...I } enumValues(includeDeprecated: true) { name } possibleTypes { name } } } }
    fragment I on __InputValue { name defaultValue type { ...T } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// A type where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeRef {
    /// As it is written: `[ID!]!`.
    pub text: String,
    /// Without lists and exclamation marks.
    pub name: String,
    /// How many lists there are around it.
    pub lists: usize,
    /// Whether it may not be null.
    pub required: bool,
}

/// An argument or a field of an input object.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: TypeRef,
    /// Whether it has a default.
    pub has_default: bool,
}

impl Input {
    /// Whether an operation without it is refused.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.ty.required && !self.has_default
    }
}

/// A field of an object.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: Vec<Input>,
    /// What it gives.
    pub ty: TypeRef,
}

impl Field {
    /// Whether it can be asked for without an argument.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.args.iter().any(Input::is_needed)
    }
}

/// A type.
#[derive(Debug, Clone)]
pub struct Type {
    /// `OBJECT`, `INPUT_OBJECT` and so on.
    pub kind: String,
    /// The fields of an object or an interface.
    pub fields: Vec<Field>,
    /// The fields of an input object.
    pub inputs: Vec<Input>,
    /// The values of an enum.
    pub values: Vec<String>,
    /// The objects of an interface or a union.
    pub possible: Vec<String>,
}

/// All types by their names, without those of introspection.
pub struct Schema {
    types: BTreeMap<String, Type>,
}

/// A place that takes a scalar or an enum: an argument, or a field at any depth of an input object.
#[derive(Debug, Clone)]
pub struct Position {
    /// The object whose field it is an argument of: `Query`, `Mutation`, `Conversation`.
    pub owner: String,
    /// The field.
    pub field: Field,
    /// The argument, then the fields of input objects.
    pub path: Vec<String>,
    /// What it takes.
    pub ty: TypeRef,
}

impl Position {
    /// `Query.conversations(filter.channelId)`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}({})", self.owner, self.field.name, self.path.join("."))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(read).collect()
}

fn type_ref(value: &Value) -> TypeRef {
    match value["kind"].as_str().unwrap() {
        "NON_NULL" => {
            let of = type_ref(&value["ofType"]);
            TypeRef { text: format!("{}!", of.text), required: true, ..of }
        }
        "LIST" => {
            let of = type_ref(&value["ofType"]);
            TypeRef { text: format!("[{}]", of.text), name: of.name, lists: of.lists + 1, required: false }
        }
        _ => TypeRef { text: text(&value["name"]), name: text(&value["name"]), lists: 0, required: false },
    }
}

fn input(value: &Value) -> Input {
    Input { name: text(&value["name"]), ty: type_ref(&value["type"]), has_default: !value["defaultValue"].is_null() }
}

fn field(value: &Value) -> Field {
    Field { name: text(&value["name"]), args: list(&value["args"], input), ty: type_ref(&value["type"]) }
}

impl Schema {
    /// Asks the server for it.
    pub async fn of(server: &TestServer) -> Self {
        let answer = server.graphql(INTROSPECTION, json!({})).await;
        let types = list(&answer["__schema"]["types"], |ty| {
            let read = Type {
                kind: text(&ty["kind"]),
                fields: list(&ty["fields"], field),
                inputs: list(&ty["inputFields"], input),
                values: list(&ty["enumValues"], |value| text(&value["name"])),
                possible: list(&ty["possibleTypes"], |ty| text(&ty["name"])),
            };
            (text(&ty["name"]), read)
        });
        Self { types: types.into_iter().filter(|(name, _)| !name.starts_with("__")).collect() }
    }

    /// A type by its name.
    #[must_use]
    pub fn ty(&self, name: &str) -> &Type {
        self.types.get(name).unwrap_or_else(|| panic!("the schema has no type {name}"))
    }

    /// Whether values of this type have no fields.
    #[must_use]
    pub fn is_leaf(&self, name: &str) -> bool {
        ["SCALAR", "ENUM"].contains(&self.ty(name).kind.as_str())
    }

    /// The fields of `Query`, `Mutation` or `Subscription`.
    #[must_use]
    pub fn roots(&self, name: &str) -> &[Field] {
        &self.ty(name).fields
    }

    /// A field of a root.
    #[must_use]
    pub fn root(&self, owner: &str, name: &str) -> &Field {
        self.roots(owner).iter().find(|field| field.name == name).unwrap_or_else(|| panic!("no {owner}.{name}"))
    }

    /// The objects that have a global id.
    #[must_use]
    pub fn node_types(&self) -> &[String] {
        &self.ty("Node").possible
    }

    /// Every place of every field that takes a scalar or an enum.
    #[must_use]
    pub fn positions(&self) -> Vec<Position> {
        let mut found = Vec::new();
        for (owner, ty) in self.types.iter().filter(|(_, ty)| ty.kind == "OBJECT") {
            for field in &ty.fields {
                for argument in &field.args {
                    self.descend(owner, field, argument, &mut Vec::new(), &mut found);
                }
            }
        }
        found
    }

    fn descend(&self, owner: &str, field: &Field, at: &Input, path: &mut Vec<String>, found: &mut Vec<Position>) {
        path.push(at.name.clone());
        let ty = self.ty(&at.ty.name);
        if ty.kind == "INPUT_OBJECT" {
            assert!(path.len() < 8, "{owner}.{}: {path:?} nests without end", field.name);
            ty.inputs.iter().for_each(|input| self.descend(owner, field, input, path, found));
        } else {
            let (owner, field, path) = (owner.to_owned(), field.clone(), path.clone());
            found.push(Position { owner, field, path, ty: at.ty.clone() });
        }
        path.pop();
    }
}
