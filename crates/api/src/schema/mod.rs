//! The schema: its roots and its types.

mod lists;
mod mutation;
mod query;
mod subscription;
pub(crate) mod types;

use std::sync::Arc;

use async_graphql::{Request, Response, SDLExportOptions, Schema as AnySchema, SchemaBuilder};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};

use self::{mutation::Mutation, query::Query, subscription::Subscription};
use crate::{
    error::ErrorCode,
    execution::{
        context::Shared,
        deadline::Bounds,
        executable::Executable,
        limits::{Introspection, MAX_COMPLEXITY, MAX_DEPTH},
    },
};

/// The schema with its roots.
type Schema = AnySchema<Query, Mutation, Subscription>;

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription).register_output_type::<ErrorCode>()
}

/// The schema over these parts.
#[must_use]
pub fn build(shared: Arc<Shared>, bounds: Bounds, introspection: Introspection) -> Arc<dyn Executable> {
    let builder = builder().limit_depth(MAX_DEPTH).limit_complexity(MAX_COMPLEXITY).extension(bounds).data(shared);
    Arc::new(match introspection {
        Introspection::Off => builder.disable_introspection().disable_suggestions().finish(),
        Introspection::Members | Introspection::Public => builder.finish(),
    })
}

impl Executable for Schema {
    fn execute(&self, request: Request) -> BoxFuture<'_, Response> {
        AnySchema::execute(self, request).boxed()
    }

    fn execute_stream(&self, request: Request) -> BoxStream<'static, Response> {
        AnySchema::execute_stream(self, request).boxed()
    }

    fn sdl(&self) -> String {
        AnySchema::sdl(self)
    }
}

/// The schema as text, as `schema.graphql` holds it.
#[must_use]
pub fn schema_sdl() -> String {
    builder().finish().sdl_with_options(SDLExportOptions::new().include_specified_by())
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{
        parse_schema,
        types::{FieldDefinition, TypeKind, TypeSystemDefinition},
    };

    use super::*;

    #[test]
    fn the_committed_schema_is_what_the_server_says() {
        let committed = include_str!("../../../../schema.graphql");
        assert!(committed == schema_sdl(), "run `inlet schema > schema.graphql` and read the difference");
    }

    fn undescribed(of: &str, fields: &[async_graphql::Positioned<FieldDefinition>]) -> Vec<String> {
        let mut missing = Vec::new();
        for field in fields.iter().map(|field| &field.node) {
            if field.description.is_none() {
                missing.push(format!("{of}.{}", field.name.node));
            }
            let arguments = field.arguments.iter().filter(|argument| argument.node.description.is_none());
            missing.extend(arguments.map(|argument| format!("{of}.{}({})", field.name.node, argument.node.name.node)));
        }
        missing
    }

    #[test]
    fn every_type_field_argument_and_value_is_described() {
        let mut missing = Vec::new();
        for definition in parse_schema(schema_sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let definition = definition.node;
            let name = definition.name.node.to_string();
            let built_in = ["Boolean", "Float", "ID", "Int", "String"].contains(&name.as_str());
            if definition.description.is_none() && !built_in {
                missing.push(name.clone());
            }
            match definition.kind {
                TypeKind::Object(object) => missing.extend(undescribed(&name, &object.fields)),
                TypeKind::Interface(interface) => missing.extend(undescribed(&name, &interface.fields)),
                TypeKind::Enum(list) => {
                    let values = list.values.iter().filter(|value| value.node.description.is_none());
                    missing.extend(values.map(|value| format!("{name}.{}", value.node.value.node)));
                }
                TypeKind::InputObject(input) => {
                    let fields = input.fields.iter().filter(|field| field.node.description.is_none());
                    missing.extend(fields.map(|field| format!("{name}.{}", field.node.name.node)));
                }
                TypeKind::Scalar | TypeKind::Union(_) => {}
            }
        }
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_node_of_a_connection_has_a_global_id() {
        let definitions = parse_schema(schema_sdl()).unwrap().definitions;
        let objects: Vec<_> = definitions
            .iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => match &definition.node.kind {
                    TypeKind::Object(object) => Some((definition.node.name.node.to_string(), object)),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let mut connections = 0;
        for (name, _) in &objects {
            let Some(node) = name.strip_suffix("Connection") else { continue };
            let (_, object) = objects.iter().find(|(name, _)| name == node).unwrap();
            assert!(object.implements.iter().any(|interface| interface.node == "Node"), "{node}");
            connections += 1;
        }
        assert!(connections > 15, "{connections}");
    }
}
