//! The errors of the store, distinguished by what the caller can do about them.

use inlet_domain::{ids::InvalidId, model::right::NotHeld, secrets::OpenError, text_enum::UnknownText};
use sea_orm::{DbErr, RuntimeErr};

/// A failed read or write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Postgres refused or could not be reached.
    #[error("the database refused or could not be reached")]
    Database(#[source] sqlx::Error),
    /// Postgres does not answer, or did not answer a commit in time.
    #[error("the database does not answer")]
    Away,
    /// As `Database`, from sea-orm.
    #[error("the database refused or could not be reached")]
    Orm(#[source] DbErr),
    /// A migration failed.
    #[error("the migrations could not be applied")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row holds a value that the model does not allow.
    #[error("row {row} of table {table} holds an invalid {column}: {problem}")]
    InvalidRow {
        /// The table of the row.
        table: &'static str,
        /// The column of the value.
        column: &'static str,
        /// The key of the row.
        row: String,
        /// The problem with the value.
        problem: String,
    },
    /// A column holds a text that the enum of the column does not know, or JSON of another form.
    #[error("a row holds an invalid value in column {column}: {problem}")]
    InvalidValue {
        /// The column, quoted, or its number.
        column: String,
        /// The problem with the value.
        problem: String,
    },
    /// A sealed column does not open.
    #[error("a sealed value could not be opened")]
    Open(#[from] OpenError),
    /// The idempotency key came before, with another input.
    #[error("the idempotency key `{key}` was used before with another input")]
    IdempotencyKeyReused {
        /// The idempotency key.
        key: String,
    },
    /// A rule of the model refuses the input.
    #[error("{message}")]
    Invalid {
        /// The path of the input, such as `input.url`.
        path: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// Too many requests of a costly kind at once.
    #[error("too many requests at once: retry in {} s", retry_after.as_secs())]
    Overloaded {
        /// When to come again.
        retry_after: std::time::Duration,
    },
    /// The object has changed since the caller read it.
    #[error("this {kind} has changed and is at revision {revision} now: read it again and retry")]
    Conflict {
        /// The kind of the object, such as `source`.
        kind: &'static str,
        /// The current revision.
        revision: i64,
    },
    /// The caller has the right, but a rule forbids this use of it.
    #[error("{message}")]
    Forbidden {
        /// Why, and what to do.
        message: String,
    },
    /// Too many attempts to log in.
    #[error("too many attempts: retry in {} s", retry_after.as_secs())]
    RateLimited {
        /// When to come again.
        retry_after: std::time::Duration,
    },
    /// A limit is reached.
    #[error("{message}")]
    LimitExceeded {
        /// The path of the input, such as `input.email`.
        path: &'static str,
        /// The limit, and what to do.
        message: String,
    },
    /// A one-time token is unknown, used, revoked or past its time. The error never says which.
    #[error("this link does not work: it is unknown, used, revoked or past its time; ask for a new one")]
    TokenRefused,
    /// The named object does not exist in this workspace.
    #[error("there is no such {kind}")]
    NotFound {
        /// The kind of the object, such as `channel`.
        kind: &'static str,
    },
    /// As `NotFound`, with the member of the input that names the object.
    #[error("{message}")]
    Missing {
        /// The path of the input, such as `input.labelIds`.
        path: &'static str,
        /// Which object does not exist.
        message: String,
    },
}

impl StoreError {
    /// A stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            _ if self.is_of_input() => "BAD_USER_INPUT",
            Self::Database(_) | Self::Orm(_) | Self::Migrate(_) | Self::Away => "UNAVAILABLE",
            Self::InvalidRow { .. } | Self::InvalidValue { .. } | Self::Open(_) => "INTERNAL",
            Self::IdempotencyKeyReused { .. } => "IDEMPOTENCY_KEY_REUSED",
            Self::Invalid { .. } => "BAD_USER_INPUT",
            Self::NotFound { .. } | Self::Missing { .. } => "NOT_FOUND",
            Self::Overloaded { .. } => "OVERLOADED",
            Self::Conflict { .. } => "CONFLICT",
            Self::Forbidden { .. } => "FORBIDDEN",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
            Self::TokenRefused => "TOKEN_REFUSED",
        }
    }
}

impl StoreError {
    /// The object that the member of the input names does not exist in this workspace.
    #[must_use]
    pub fn missing(kind: &'static str, path: &'static str) -> Self {
        Self::Missing { path, message: format!("there is no such {kind}") }
    }

    /// As [`Self::missing`], for one of several ids.
    #[must_use]
    pub fn missing_one(kind: &'static str, path: &'static str, id: impl std::fmt::Display) -> Self {
        Self::Missing { path, message: format!("there is no such {kind}: `{id}`") }
    }

    /// The error of a statement that waits for others of its kind: a lock timeout then means too many at once, and not
    /// that the database failed.
    pub(crate) fn or_busy(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|refusal| refusal.code()) {
            Some(code) if code == "55P03" => Self::Overloaded { retry_after: std::time::Duration::from_secs(1) },
            _ => error.into(),
        }
    }

    /// Whether the statement would have opened a second conversation of one address.
    pub(crate) fn is_second_open(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error.as_database_error().and_then(|refusal| refusal.constraint()) == Some("conversation_not_closed")
    }

    /// Whether Postgres refused a value (SQLSTATE class 22), such as text with a NUL. The input is at fault then, and a
    /// retry does not help.
    #[must_use]
    pub fn is_of_input(&self) -> bool {
        let source = match self {
            Self::Database(source) => Some(source),
            Self::Orm(DbErr::Exec(RuntimeErr::SqlxError(source)) | DbErr::Query(RuntimeErr::SqlxError(source))) => {
                Some(source.as_ref())
            }
            _ => None,
        };
        let code = source.and_then(sqlx::Error::as_database_error).and_then(sqlx::error::DatabaseError::code);
        code.is_some_and(|code| code.starts_with("22"))
    }

    /// The error of a row that the model does not allow.
    pub fn invalid_row(
        table: &'static str,
        column: &'static str,
        row: impl std::fmt::Display,
        problem: &impl std::fmt::Display,
    ) -> Self {
        Self::InvalidRow { table, column, row: row.to_string(), problem: problem.to_string() }
    }
}

impl StoreError {
    /// [`StoreError::InvalidValue`] where sqlx could read a column and the model refused its value.
    fn of_value(error: &sqlx::Error) -> Option<Self> {
        let sqlx::Error::ColumnDecode { index, source } = error else { return None };
        let is_of_model = source.is::<UnknownText>() || source.is::<serde_json::Error>();
        is_of_model.then(|| Self::InvalidValue { column: index.clone(), problem: source.to_string() })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::of_value(&error).unwrap_or(Self::Database(error))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let of_value = match &error {
            DbErr::Query(RuntimeErr::SqlxError(source)) => Self::of_value(source),
            _ => None,
        };
        of_value.unwrap_or(Self::Orm(error))
    }
}

impl From<NotHeld> for StoreError {
    fn from(error: NotHeld) -> Self {
        Self::Forbidden { message: error.to_string() }
    }
}

impl From<InvalidId> for StoreError {
    fn from(error: InvalidId) -> Self {
        Self::Invalid { path: "id", message: error.to_string() }
    }
}
