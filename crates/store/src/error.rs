//! What can go wrong in the store, told apart by what the caller can do about it.

use inlet_domain::{ids::InvalidId, model::right::NotHeld, secrets::OpenError, text_enum::UnknownText};
use sea_orm::{DbErr, RuntimeErr};

/// A failed read or write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Postgres refused or could not be reached.
    #[error("the database refused or could not be reached")]
    Database(#[source] sqlx::Error),
    /// Postgres does not answer, or did not say in time whether it committed.
    #[error("the database does not answer")]
    Away,
    /// Postgres refused or could not be reached, seen through sea-orm.
    #[error("the database refused or could not be reached")]
    Orm(#[source] DbErr),
    /// A migration failed.
    #[error("the migrations could not be applied")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row holds what the model does not allow.
    #[error("row {row} of table {table} holds an invalid {column}: {problem}")]
    InvalidRow {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong with it.
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
    /// The same idempotency key came with another input.
    #[error("the idempotency key `{key}` was used before with another input")]
    IdempotencyKeyReused {
        /// The key.
        key: String,
    },
    /// A rule of the model refuses the input.
    #[error("{message}")]
    Invalid {
        /// Which input, as a path such as `input.url`.
        path: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// Too much of a costly kind of work at once.
    #[error("too much at once: come again in {} s", retry_after.as_secs())]
    Overloaded {
        /// When to come again.
        retry_after: std::time::Duration,
    },
    /// The object has changed since the asker read it.
    #[error("this {kind} has changed since: it stands at revision {revision}; read it anew and ask again")]
    Conflict {
        /// What has changed, e.g. `source`.
        kind: &'static str,
        /// How it stands.
        revision: i64,
    },
    /// Who asks may do the like, but not this.
    #[error("{message}")]
    Forbidden {
        /// Why, and what to do.
        message: String,
    },
    /// Too many attempts to log in.
    #[error("too many attempts: come again in {} s", retry_after.as_secs())]
    RateLimited {
        /// When to come again.
        retry_after: std::time::Duration,
    },
    /// There is as much of something as there may be.
    #[error("{message}")]
    LimitExceeded {
        /// Which member of the input, as `input.email`.
        path: &'static str,
        /// Of what, how much there may be, and what to do.
        message: String,
    },
    /// A one-time token is unknown, used, revoked or past its time: it never says which.
    #[error("this link does not work: it is unknown, used, revoked or past its time; ask for a new one")]
    TokenRefused,
    /// What the input names is not there, or not in this workspace.
    #[error("there is no such {kind}")]
    NotFound {
        /// What was looked for, e.g. `channel`.
        kind: &'static str,
    },
    /// The same, where it is known which member of the input names it.
    #[error("{message}")]
    Missing {
        /// Which input, as a path such as `input.labelIds`.
        path: &'static str,
        /// What is not there.
        message: String,
    },
}

impl StoreError {
    /// A stable word for the error.
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
    /// What this member of the input names is not there, or not in this workspace.
    #[must_use]
    pub fn missing(kind: &'static str, path: &'static str) -> Self {
        Self::Missing { path, message: format!("there is no such {kind}") }
    }

    /// The same, of one of several ids.
    #[must_use]
    pub fn missing_one(kind: &'static str, path: &'static str, id: impl std::fmt::Display) -> Self {
        Self::Missing { path, message: format!("there is no such {kind}: `{id}`") }
    }

    /// Of a statement that waits for others of its like: that they take longer than the connection waits for a lock is
    /// no fault of the database's.
    pub(crate) fn or_busy(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|refusal| refusal.code()) {
            Some(code) if code == "55P03" => Self::Overloaded { retry_after: std::time::Duration::from_secs(1) },
            _ => error.into(),
        }
    }

    /// Whether a second conversation of one address would have been open.
    pub(crate) fn is_second_open(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error.as_database_error().and_then(|refusal| refusal.constraint()) == Some("conversation_not_closed")
    }

    /// Whether Postgres refused a value itself (SQLSTATE class 22), such as text with a NUL: then it is the input's fault,
    /// and no second try helps.
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

    /// A row that the model does not allow.
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
