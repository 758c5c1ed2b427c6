//! Serialisation of responses: error codes and limits.

use async_graphql::{Name, Response, Value};

use crate::error::ErrorCode;

/// A response as text.
pub struct Written {
    /// The response as JSON.
    pub body: String,
    /// See [`is_request_error`].
    pub is_request_error: bool,
    /// See [`is_timeout`].
    pub is_timeout: bool,
}

impl Written {
    /// From a response. Its errors carry this request id.
    #[must_use]
    pub fn of(mut response: Response, request_id: &str) -> Self {
        finish(&mut response, request_id);
        Self {
            body: to_json(&response),
            is_request_error: is_request_error(&response),
            is_timeout: is_timeout(&response),
        }
    }
}

/// Whether nothing was executed: the response has errors without a path, and no data.
#[must_use]
pub fn is_request_error(response: &Response) -> bool {
    response.data == Value::Null && !response.errors.is_empty() && response.errors.iter().all(|e| e.path.is_empty())
}

/// Whether the operation exceeded its time limit.
#[must_use]
pub fn is_timeout(response: &Response) -> bool {
    let code = ErrorCode::Timeout.name();
    response.errors.iter().any(|error| error.extensions.as_ref().and_then(|all| all.get("code")) == Some(&code))
}

/// Maximum characters of an error message: it may quote the request.
const LONGEST_MESSAGE: usize = 1_000;

/// Maximum number of errors in a response: a document full of mistakes would else have a response many times its
/// length.
const MAX_ERRORS: usize = 100;

/// Gives each error its code and the request id, and drops errors beyond the limit.
pub fn finish(response: &mut Response, request_id: &str) {
    response.errors.truncate(MAX_ERRORS);
    for error in &mut response.errors {
        if let Some((at, _)) = error.message.char_indices().nth(LONGEST_MESSAGE) {
            error.message.truncate(at);
            error.message.push_str("...");
        }
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            let code = match error.message.as_str() {
                "Query is too complex." | "Query is nested too deep." => ErrorCode::LimitExceeded,
                message if message.starts_with("The recursion depth") => ErrorCode::LimitExceeded,
                _ if error.path.is_empty() => ErrorCode::GraphqlValidationFailed,
                _ => ErrorCode::BadUserInput,
            };
            extensions.set("code", code.name());
        }
        extensions.set("requestId", Value::from(request_id));
    }
}

/// The response as JSON. A request error has no `data`, as GraphQL over HTTP requires.
#[must_use]
pub fn to_json(response: &Response) -> String {
    let rendered = if is_request_error(response) {
        serde_json::to_string(&Value::Object([(Name::new("errors"), errors(response))].into_iter().collect()))
    } else {
        serde_json::to_string(response)
    };
    rendered.unwrap_or_else(|_| "{\"errors\":[{\"message\":\"the answer could not be written\"}]}".to_owned())
}

/// The errors of a response as a value.
#[must_use]
pub fn errors(response: &Response) -> Value {
    async_graphql::to_value(&response.errors).unwrap_or(Value::Null)
}
