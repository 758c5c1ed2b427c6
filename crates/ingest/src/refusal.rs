//! Refusals of the door, answered as `{"error":{"code","message"}}`.

use std::time::Duration;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use inlet_adapters::{
    body::{batch, lenient::Unreadable},
    read::TooMany,
    signature::Forged,
};
use inlet_store::apply::ApplyError;
use serde_json::json;

/// A refusal. Only a request with [`Refusal::Unreadable`] is kept in the raw log.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No source has this URL.
    #[error("no source has this URL: check the token in the path `/in/{{token}}`")]
    UnknownToken,
    /// The source's allowed networks do not contain this address.
    #[error("this source does not allow requests from {0}: add the address to its `allowedNetworks`")]
    Network(std::net::IpAddr),
    /// The body exceeds the bound.
    #[error("the body is larger than {0} bytes: send a smaller one")]
    TooLarge(usize),
    /// The body holds more events than one request may.
    #[error("the body holds {0} events: send at most {most} in one request", most = batch::MOST)]
    BatchTooLarge(usize),
    /// The body did not arrive in time.
    #[error("the body did not arrive in time: send the request again")]
    TooSlow,
    /// The body ended early.
    #[error("the body ended early: send the request again")]
    BrokenOff,
    /// The signature is missing or wrong.
    #[error(transparent)]
    Forged(#[from] Forged),
    /// The request is authentic, but no reader can read it. It is kept in quarantine.
    #[error("{0}; the request is kept in quarantine")]
    Unreadable(Unreadable),
    /// The request was not committed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The source could not be looked up.
    #[error("the database cannot be reached now: send the request again")]
    Store,
    /// The method is not POST, GET or PUT.
    #[error("this path accepts POST, GET and PUT only")]
    Method,
}

impl From<TooMany> for Refusal {
    fn from(TooMany(number): TooMany) -> Self {
        Self::BatchTooLarge(number)
    }
}

impl Refusal {
    /// The door has no room for the request now.
    pub(crate) fn crowded() -> Self {
        Self::Apply(ApplyError::Overloaded { retry_after: Duration::from_secs(1) })
    }

    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownToken => "NOT_FOUND",
            Self::Network(_) => "FORBIDDEN_NETWORK",
            Self::TooLarge(_) => "TOO_LARGE",
            Self::BatchTooLarge(_) => "BATCH_TOO_LARGE",
            Self::TooSlow => "TIMEOUT",
            Self::BrokenOff => "BROKEN_OFF",
            Self::Forged(Forged::Missing(_)) => "SIGNATURE_MISSING",
            Self::Forged(Forged::Wrong) => "SIGNATURE_WRONG",
            Self::Unreadable(Unreadable::Unsupported { .. }) => "UNSUPPORTED_MEDIA_TYPE",
            Self::Unreadable(Unreadable::Empty | Unreadable::Malformed { .. }) => "UNREADABLE",
            Self::Apply(ApplyError::Overloaded { .. }) => "OVERLOADED",
            Self::Apply(ApplyError::Unavailable { .. } | ApplyError::Stopping) | Self::Store => "UNAVAILABLE",
            Self::Method => "METHOD_NOT_ALLOWED",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Apply(ApplyError::Overloaded { retry_after } | ApplyError::Unavailable { retry_after }) => {
                Some(*retry_after)
            }
            Self::Apply(ApplyError::Stopping) | Self::Store => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::UnknownToken => StatusCode::NOT_FOUND,
            Self::Network(_) => StatusCode::FORBIDDEN,
            Self::TooLarge(_) | Self::BatchTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff | Self::Unreadable(Unreadable::Empty | Unreadable::Malformed { .. }) => {
                StatusCode::BAD_REQUEST
            }
            Self::Forged(_) => StatusCode::UNAUTHORIZED,
            Self::Unreadable(Unreadable::Unsupported { .. }) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Apply(_) | Self::Store => StatusCode::SERVICE_UNAVAILABLE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(after) = self.retry_after() {
            response.insert_header((header::RETRY_AFTER, after.as_secs().max(1).to_string()));
        }
        if matches!(self, Self::Method) {
            response.insert_header((header::ALLOW, "POST, GET, PUT"));
        }
        response.json(json!({"error": {"code": self.code(), "message": self.to_string()}}))
    }
}
