//! The input of a mutation as the audit log shows it: ids, enums, numbers and times with their values. Free text may be
//! a secret or a message, so the log only tells that it was given.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use async_graphql::{
    Name, Value,
    parser::{
        parse_schema,
        types::{BaseType, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
    },
};
use serde_json::{Map, json};

/// Scalars that hold no secret.
const PLAIN: [&str; 6] = ["ID", "Boolean", "Int", "Float", "DateTime", "Revision"];

/// The text that the log shows in place of a redacted value.
const GIVEN: &str = "[given]";

type Fields = HashMap<String, String>;

#[derive(Default)]
struct Inputs {
    /// Types of the arguments of each mutation.
    mutations: HashMap<String, Fields>,
    /// Types of the fields of each input object.
    objects: HashMap<String, Fields>,
    enums: HashSet<String>,
}

static INPUTS: LazyLock<Inputs> = LazyLock::new(|| {
    let mut inputs = Inputs::default();
    for definition in parse_schema(crate::schema_sdl()).map(|document| document.definitions).unwrap_or_default() {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node.to_string();
        match definition.node.kind {
            TypeKind::Object(object) if name == "Mutation" => {
                for field in object.fields.into_iter().map(|field| field.node) {
                    let arguments = field.arguments.iter().map(|argument| typed(&argument.node)).collect();
                    inputs.mutations.insert(field.name.node.to_string(), arguments);
                }
            }
            TypeKind::InputObject(object) => {
                inputs.objects.insert(name, object.fields.iter().map(|field| typed(&field.node)).collect());
            }
            TypeKind::Enum(_) => {
                inputs.enums.insert(name);
            }
            _ => {}
        }
    }
    inputs
});

fn typed(field: &InputValueDefinition) -> (String, String) {
    (field.name.node.to_string(), base(&field.ty.node).to_owned())
}

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => base(inner),
    }
}

/// The arguments of a mutation as the audit log shows them.
pub(super) fn redacted(mutation: &str, arguments: &[(Name, Value)]) -> serde_json::Value {
    let Some(types) = INPUTS.mutations.get(mutation) else { return json!({}) };
    let mut members = Map::new();
    for (name, value) in arguments {
        match (name.as_str(), shown(types.get(name.as_str()), value)) {
            ("input", serde_json::Value::Object(input)) => members.extend(input),
            (name, shown) => {
                members.insert(name.to_owned(), shown);
            }
        }
    }
    members.remove("idempotencyKey");
    serde_json::Value::Object(members)
}

fn shown(ty: Option<&String>, value: &Value) -> serde_json::Value {
    let object = ty.and_then(|ty| INPUTS.objects.get(ty));
    match (value, object) {
        (Value::Null, _) => serde_json::Value::Null,
        (Value::List(items), _) => items.iter().map(|item| shown(ty, item)).collect(),
        (Value::Object(members), Some(types)) => {
            let member = |(name, value): (&Name, &Value)| (name.to_string(), shown(types.get(name.as_str()), value));
            members.iter().map(member).collect()
        }
        (value, None) if ty.is_some_and(|ty| PLAIN.contains(&ty.as_str()) || INPUTS.enums.contains(ty)) => {
            value.clone().into_json().unwrap_or_default()
        }
        _ => GIVEN.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_is_never_told() {
        let input = Value::from_json(json!({
            "name": "n", "provider": "ONEROUTE", "secret": "s3cret", "verification": "HMAC", "channelId": null,
            "allowedNetworks": ["10.0.0.0/8"], "signature": {"header": "x", "encoding": "HEX"}, "mapping": {"a": 1},
            "idempotencyKey": "k", "unknown": "s3cret",
        }));
        let told = redacted("createSource", &[(Name::new("input"), input.unwrap())]);
        assert_eq!(
            told,
            json!({
                "name": "[given]", "provider": "ONEROUTE", "secret": "[given]", "verification": "HMAC",
                "channelId": null, "allowedNetworks": ["[given]"], "signature": {"header": "[given]", "encoding": "HEX"},
                "mapping": "[given]", "unknown": "[given]",
            })
        );
    }
}
