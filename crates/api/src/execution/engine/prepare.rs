//! Parses an operation and checks the limits that need no schema.

use std::sync::Arc;

use async_graphql::{
    Positioned, Request, Response, ServerError, Variables,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
    },
};
use inlet_store::{log, records::audit::Origin};
use serde_json::Map;

use super::{Engine, Prepared};
use crate::{
    access::credential::Credential,
    error::{ApiError, ErrorCode, response_of},
    execution::{
        executor::Holder,
        limits::{Introspection, MAX_TEXT, exceeded, introspects},
        nesting::{MAX_NESTING, is_too_nested},
        parameters::Parameters,
        render::Operation,
        response_shape::Plan,
        subscription_memory::weight,
    },
};

impl Engine {
    /// Parses an operation and checks the limits that need no schema.
    ///
    /// # Errors
    /// A response with the errors of the request.
    pub(super) async fn prepare(
        &self,
        parameters: Parameters,
        credential: Option<&Credential>,
        origin: Origin,
    ) -> Result<Prepared, Box<Response>> {
        if parameters.query.len() > MAX_TEXT {
            return Err(refusal(
                ErrorCode::LimitExceeded,
                format!("the document has more than {MAX_TEXT} bytes: shorten it"),
            ));
        }
        let Parameters { query: text, operation_name: name, variables: mut given } = parameters;
        if is_too_nested(&text) {
            return Err(refusal(
                ErrorCode::GraphqlParseFailed,
                format!("the document nests more than {MAX_NESTING} levels of brackets: nest fewer"),
            ));
        }
        let asks_head = text.contains("head");
        let document = match parse_query(&text) {
            Ok(document) => document,
            Err(error) => {
                let mut error = ServerError::from(error);
                mark(&mut error, ErrorCode::GraphqlParseFailed);
                // The parser quotes the line, which may be the whole document. Its last line tells what it expected.
                if error.message.len() > LONGEST_QUOTE {
                    let last = error.message.lines().last().unwrap_or_default().trim_start_matches([' ', '=']);
                    error.message = format!("the document is not GraphQL: {last}");
                }
                return Err(Box::new(Response::from_errors(vec![error])));
            }
        };
        if let Some(limit) = exceeded(&document) {
            return Err(refusal(ErrorCode::LimitExceeded, limit));
        }
        let Some(operation) = operation(&document, name.as_deref()) else {
            let message = "pass `operationName`: one of the operations of the document";
            return Err(refusal(ErrorCode::GraphqlValidationFailed, message));
        };
        let kind = operation.node.ty;
        if introspects(&document) {
            match self.introspection {
                Introspection::Off => {
                    let message = "introspection is disabled on this server";
                    return Err(refusal(ErrorCode::GraphqlValidationFailed, message));
                }
                Introspection::Members if credential.is_none() => {
                    let message = "introspection needs a credential: pass `Authorization: Bearer` with a session token \
                                   (see `login`) or an API key";
                    return Err(refusal(ErrorCode::Unauthenticated, message));
                }
                Introspection::Members | Introspection::Public => {}
            }
        }
        // Drop values for variables that the operation does not declare.
        let declared = &operation.node.variable_definitions;
        given.retain(|name, _| declared.iter().any(|variable| variable.node.name.node == name.as_str()));
        if let Some(name) = missing_variable(&operation.node, &given) {
            let message = format!("the variable `${name}` is required: give it a value that is not null");
            return Err(Box::new(response_of(ApiError::input(format!("variables.{name}"), message))));
        }
        let weight = weight(&text, &given);
        let plan = Arc::new(Plan::of(&self.types, &document, &operation.node));
        let mut request =
            Request::new(text.clone()).variables(Variables::from_json(serde_json::Value::Object(given.clone())));
        if let Some(name) = &name {
            request = request.operation_name(name);
        }
        let request_id = origin.request_id.clone().unwrap_or_default();
        let holder = Holder::of(credential, &origin);
        let following = Operation::field(&operation.node).filter(|_| credential.is_some()).map(|field| {
            let asked = (name.clone(), given);
            let id = request_id.clone();
            Operation::new(text, document.clone(), field, asked, Arc::clone(&plan), id)
        });
        let mut caller = self.caller(credential, origin, kind);
        if let Some(session) = caller.session.as_ref().filter(|_| asks_head && kind == OperationType::Query) {
            // Read the head before everything else, so that the other fields are no older.
            let database = &self.shared.database;
            let state = log::durable_state(database, &self.shared.heads, session.viewer.scope);
            let state = database.while_present(state).await;
            let state = state.and_then(std::convert::identity);
            caller.head = Some(state.map_err(|error| Box::new(response_of(ApiError::from(error))))?);
        }
        request.set_parsed_query(document);
        let (request, credential) = (request.data(caller), credential.cloned());
        Ok(Prepared { request, plan, holder, request_id, credential, weight, following, kind })
    }
}

pub(super) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a Positioned<OperationDefinition>> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
        (DocumentOperations::Multiple(_), None) => None,
    }
}

/// The name of a required variable without a value.
fn missing_variable<'a>(operation: &'a OperationDefinition, given: &Map<String, serde_json::Value>) -> Option<&'a str> {
    let required = operation
        .variable_definitions
        .iter()
        .map(|definition| &definition.node)
        .filter(|definition| !definition.var_type.node.nullable && definition.default_value.is_none());
    let mut names = required.map(|definition| definition.name.node.as_str());
    names.find(|name| given.get(*name).is_none_or(serde_json::Value::is_null))
}

fn mark(error: &mut ServerError, code: ErrorCode) {
    error.extensions.get_or_insert_default().set("code", code.name());
}

fn refusal(code: ErrorCode, message: impl Into<String>) -> Box<Response> {
    Box::new(response_of(ApiError::new(code, message)))
}

/// Maximum bytes of the parser's message that a client gets.
const LONGEST_QUOTE: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_chosen_by_its_name() {
        let document = parse_query("query A { x } mutation B { y }").unwrap();
        assert!(operation(&document, None).is_none());
        assert!(operation(&document, Some("C")).is_none());
        assert_eq!(operation(&document, Some("B")).unwrap().node.ty, OperationType::Mutation);
    }
}
