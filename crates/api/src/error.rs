//! Errors for clients: the only place that maps errors of the store to codes of the schema.

use std::sync::Arc;

use async_graphql::{Enum, ErrorExtensions, Name, Response, ServerError, Value};
use inlet_domain::ids::InvalidId;
use inlet_store::{
    error::StoreError,
    log::InvalidCursor,
    records::{logins::LoginError, page::InvalidPosition},
};
use tokio::task::JoinError;

/// The result of a resolver: a value, or the error that the client gets.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

/// Error codes in `extensions.code`. Codes may be added.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The document is not valid GraphQL syntax.
    GraphqlParseFailed,
    /// The operation does not fit the schema.
    GraphqlValidationFailed,
    /// The operation exceeds a limit, such as depth, cost or number of aliases. The message tells which.
    LimitExceeded,
    /// An argument is invalid. `inputPath` tells which one.
    BadUserInput,
    /// The credential is missing, invalid or expired.
    Unauthenticated,
    /// The credential does not give the required right.
    Forbidden,
    /// The input refers to an object that does not exist. `inputPath` tells which field, if known.
    NotFound,
    /// The object has changed since it was read. Read it again, then retry with the new revision.
    Conflict,
    /// The idempotency key was used with another input. Use a new key.
    IdempotencyKeyReused,
    /// Too many attempts. Retry after `retryAfter` seconds.
    RateLimited,
    /// Email or password is wrong.
    LoginRefused,
    /// The login is valid in several workspaces. Retry with `workspace`.
    WorkspaceRequired,
    /// The token is unknown, used, revoked or expired.
    TokenRefused,
    /// The event log cannot be followed from this cursor. Read your lists again, then follow from `head`.
    CursorLost,
    /// Live events cannot be filtered by this field. `inputPath` tells which one.
    FilterNotLive,
    /// The server is busy. Retry after `retryAfter` seconds.
    Overloaded,
    /// The operation exceeded its time limit. The server stopped it, in the database too.
    Timeout,
    /// The database is not available. Retry later: after `retryAfter` seconds, if given.
    Unavailable,
    /// An internal error. `requestId` identifies it in the server's log.
    Internal,
}

impl ErrorCode {
    /// Its name in the schema.
    #[must_use]
    pub fn name(self) -> Value {
        Value::Enum(Name::new(match self {
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::RateLimited => "RATE_LIMITED",
            Self::LoginRefused => "LOGIN_REFUSED",
            Self::WorkspaceRequired => "WORKSPACE_REQUIRED",
            Self::TokenRefused => "TOKEN_REFUSED",
            Self::CursorLost => "CURSOR_LOST",
            Self::FilterNotLive => "FILTER_NOT_LIVE",
            Self::Overloaded => "OVERLOADED",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }))
    }
}

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: ErrorCode,
    message: String,
    input_path: Option<String>,
    retry_after: Option<u64>,
}

impl ApiError {
    /// An error with a code and a message for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), input_path: None, retry_after: None }
    }

    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// `OVERLOADED`, to be retried after so many seconds.
    pub fn overloaded(message: impl Into<String>, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(ErrorCode::Overloaded, message) }
    }

    /// `BAD_USER_INPUT` for the argument at this path.
    pub fn input(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::at(ErrorCode::BadUserInput, path, message)
    }

    /// An error about the argument at this path.
    pub fn at(code: ErrorCode, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { input_path: Some(path.into()), ..Self::new(code, message) }
    }
}

impl From<&StoreError> for ApiError {
    fn from(error: &StoreError) -> Self {
        let told = |code| Self::new(code, error.to_string());
        match error {
            StoreError::Invalid { path, message } => Self::input(*path, message),
            StoreError::NotFound { .. } => told(ErrorCode::NotFound),
            StoreError::Missing { path, .. } => Self::at(ErrorCode::NotFound, *path, error.to_string()),
            StoreError::IdempotencyKeyReused { .. } => {
                Self { input_path: Some("input.idempotencyKey".to_owned()), ..told(ErrorCode::IdempotencyKeyReused) }
            }
            StoreError::Conflict { .. } => {
                Self { input_path: Some("input.ifRevision".to_owned()), ..told(ErrorCode::Conflict) }
            }
            StoreError::Forbidden { .. } => told(ErrorCode::Forbidden),
            StoreError::LimitExceeded { path, message } => Self::at(ErrorCode::LimitExceeded, *path, message),
            StoreError::TokenRefused => {
                Self { input_path: Some("input.token".to_owned()), ..told(ErrorCode::TokenRefused) }
            }
            StoreError::RateLimited { retry_after } => {
                Self { retry_after: Some(retry_after.as_secs().max(1)), ..told(ErrorCode::RateLimited) }
            }
            StoreError::Overloaded { retry_after } => {
                Self { retry_after: Some(retry_after.as_secs().max(1)), ..told(ErrorCode::Overloaded) }
            }
            _ if error.is_of_input() => {
                let message =
                    "the database cannot store a value of the input, such as a text with a NUL character: change it";
                Self::new(ErrorCode::BadUserInput, message)
            }
            StoreError::Away => {
                let message = "the database does not answer: retry after `retryAfter` seconds, a mutation with the same \
                               idempotency key";
                Self { retry_after: Some(1), ..Self::new(ErrorCode::Unavailable, message) }
            }
            StoreError::Database(_) | StoreError::Orm(_) | StoreError::Migrate(_) => {
                tracing::error!(error = error as &dyn std::error::Error, "a request failed in the database");
                Self {
                    retry_after: Some(1),
                    ..Self::new(
                        ErrorCode::Unavailable,
                        "the database failed: retry after `retryAfter` seconds, a mutation with the same idempotency key",
                    )
                }
            }
            StoreError::InvalidRow { .. } | StoreError::InvalidValue { .. } | StoreError::Open(_) => {
                tracing::error!(error = error as &dyn std::error::Error, "a request met a damaged row");
                Self::new(
                    ErrorCode::Internal,
                    "the server failed: its operator finds the cause in the server's log by `requestId`",
                )
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<Arc<StoreError>> for ApiError {
    fn from(error: Arc<StoreError>) -> Self {
        Self::from(error.as_ref())
    }
}

impl From<JoinError> for ApiError {
    fn from(error: JoinError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a piece of long work failed");
        let message = "the server failed: its operator finds the cause in the server's log by `requestId`";
        Self::new(ErrorCode::Internal, message)
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match &error {
            LoginError::Refused => Self::new(ErrorCode::LoginRefused, error.to_string()),
            LoginError::Ambiguous { .. } => Self {
                input_path: Some("input.workspace".to_owned()),
                ..Self::new(ErrorCode::WorkspaceRequired, error.to_string())
            },
            LoginError::Store(store) => Self::from(store),
        }
    }
}

impl From<InvalidId> for ApiError {
    fn from(error: InvalidId) -> Self {
        Self::input("id", error.to_string())
    }
}

impl From<InvalidCursor> for ApiError {
    fn from(error: InvalidCursor) -> Self {
        Self::input("after", error.to_string())
    }
}

impl From<InvalidPosition> for ApiError {
    fn from(error: InvalidPosition) -> Self {
        Self::input("after", error.to_string())
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        async_graphql::Error::new(error.message).extend_with(|_, extensions| {
            extensions.set("code", error.code.name());
            if let Some(path) = error.input_path {
                extensions.set("inputPath", Value::List(path.split('.').map(Value::from).collect()));
            }
            if let Some(seconds) = error.retry_after {
                extensions.set("retryAfter", seconds);
            }
        })
    }
}

/// A response that consists of one error.
#[must_use]
pub fn response_of(error: ApiError) -> Response {
    let error = async_graphql::Error::from(error);
    let mut server = ServerError::new(error.message, None);
    server.extensions = error.extensions;
    Response::from_errors(vec![server])
}
