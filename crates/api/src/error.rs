//! What a client is told of an error: the one place where the codes of the parts become those of the schema.

use std::sync::Arc;

use async_graphql::{Enum, ErrorExtensions, Name, Response, ServerError, Value};
use inlet_domain::ids::InvalidId;
use inlet_store::{
    error::StoreError,
    log::InvalidCursor,
    records::{logins::LoginError, page::InvalidPosition},
};

/// What a resolver gives: a value, or what the client is told.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

/// The codes in `extensions.code` of errors. Codes may be added.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The text is not GraphQL.
    GraphqlParseFailed,
    /// The operation does not fit the schema.
    GraphqlValidationFailed,
    /// The operation is deeper, costlier or has more aliases than the limits allow.
    LimitExceeded,
    /// An argument will not do; `inputPath` tells which.
    BadUserInput,
    /// There is no credential, or it has ended.
    Unauthenticated,
    /// The credential does not allow this.
    Forbidden,
    /// The input names an object that is not there; `inputPath` tells which member names it, where that is known.
    NotFound,
    /// The object has changed since it was read.
    Conflict,
    /// The idempotency key was used before with another input.
    IdempotencyKeyReused,
    /// Too many attempts: come again after `retryAfter` seconds.
    RateLimited,
    /// The email and the password do not go together.
    LoginRefused,
    /// The login has several workspaces: one of them must be named.
    WorkspaceRequired,
    /// The token of a link is unknown, used, revoked or past its time.
    TokenRefused,
    /// The event log cannot be followed from this cursor: read the lists anew, then follow from `head`.
    CursorLost,
    /// A member of the filter cannot be followed live; `inputPath` tells which.
    FilterNotLive,
    /// Too much at once: come again after `retryAfter` seconds.
    Overloaded,
    /// The operation took longer than it may and was given up, in the database too.
    Timeout,
    /// The database cannot be reached: come again.
    Unavailable,
    /// A fault of the server. `requestId` finds it in the server's log.
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
    /// With a code and a sentence for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), input_path: None, retry_after: None }
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Of too much at once; `seconds` tells when to come again.
    pub fn overloaded(message: impl Into<String>, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(ErrorCode::Overloaded, message) }
    }

    /// Of an argument that will not do.
    pub fn input(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::at(ErrorCode::BadUserInput, path, message)
    }

    /// Of a place in the input, with a code.
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
                let message = "a value of the input is none that the database can hold, such as text with a NUL";
                Self::new(ErrorCode::BadUserInput, message)
            }
            StoreError::Away => {
                let message = "the database does not answer now: come again, with the idempotency key of a mutation";
                Self { retry_after: Some(1), ..Self::new(ErrorCode::Unavailable, message) }
            }
            StoreError::Database(_) | StoreError::Orm(_) | StoreError::Migrate(_) => {
                tracing::error!(error = error as &dyn std::error::Error, "a request failed in the database");
                Self {
                    retry_after: Some(1),
                    ..Self::new(ErrorCode::Unavailable, "the database cannot answer now: come again")
                }
            }
            StoreError::InvalidRow { .. } | StoreError::InvalidValue { .. } | StoreError::Open(_) => {
                tracing::error!(error = error as &dyn std::error::Error, "a request met a damaged row");
                Self::new(ErrorCode::Internal, "something is wrong on our side: the server's log tells what")
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

/// A response that is nothing but one error.
#[must_use]
pub fn response_of(error: ApiError) -> Response {
    let error = async_graphql::Error::from(error);
    let mut server = ServerError::new(error.message, None);
    server.extensions = error.extensions;
    Response::from_errors(vec![server])
}
