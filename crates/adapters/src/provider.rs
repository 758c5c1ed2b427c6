//! The interface of an adapter: a pure function from a parsed body to commands, and the signature scheme of its
//! provider.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use inlet_domain::{command::Command, model::source::Source};
use rlibphonenumber::enums::Region;
use serde_json::Value;
use url::Url;

use crate::{fields::bounded_name, signature::Scheme};

/// An authentic request with a parsed body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The source that received it.
    pub source: &'a Source,
    /// The time of receipt.
    pub received_at: DateTime<Utc>,
    /// The event's name in the URL: the last path segment, else `?event=`.
    pub hint: Option<&'a str>,
    /// The body; an empty object for a request without one.
    pub body: &'a Value,
    /// The query.
    pub query: Query<'a>,
    /// The bound on the weight of its commands: see [`inlet_domain::command::RawRequest::most_weight`].
    pub most_weight: usize,
}

/// The query of a request as a flat object, and whether it is authentic.
#[derive(Debug, Clone, Copy)]
pub enum Query<'a> {
    /// The query is authentic: it is signed, or the source needs no signature.
    Counts(&'a Value),
    /// The query stands beside a signed body and is not signed, so anyone could have written it.
    Unsigned(&'a Value),
}

/// An adapter's reading of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Understanding {
    /// A known event with its commands.
    Known {
        /// The event's name.
        event: String,
        /// In the order of the body.
        commands: Vec<Command>,
    },
    /// An unknown event (OR-19).
    Unknown {
        /// The event's name, if it has one.
        event: Option<String>,
        /// The reason, for the operator.
        reason: String,
    },
    /// A known event whose commands would exceed [`Request::most_weight`].
    Excessive {
        /// The event's name.
        event: String,
    },
}

/// How many requests a request counts as.
#[derive(Debug, Clone, PartialEq)]
pub enum Split {
    /// One request.
    One,
    /// Several requests, with the body of each.
    Several(Vec<Value>),
    /// More requests than the bound, at least this many.
    TooMany(usize),
}

/// A provider's source in a demo workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demo {
    /// The display name.
    pub name: &'static str,
    /// The ISO 3166 region of phone numbers without a country code.
    pub phone_region: Option<&'static str>,
}

/// A provider's adapter.
pub trait Adapter: Send + Sync {
    /// The provider's default signature scheme.
    fn scheme(&self) -> Scheme;

    /// The provider's source in a demo workspace; `None` if it would need a mapping.
    fn demo(&self) -> Option<Demo> {
        None
    }

    /// Reads a body. Returns [`Understanding::Unknown`] for a body that it cannot read.
    fn understand(&self, request: &Request<'_>) -> Understanding;

    /// Splits a request with several events, which are applied one by one.
    fn split(&self, request: &Request<'_>) -> Split {
        let _ = request;
        Split::One
    }

    /// The answer to a handshake, by which the provider checks that the URL belongs to the workspace. The door passes
    /// every body, so the check of other bodies must be fast.
    fn handshake(&self, body: &[u8]) -> Option<Value> {
        let _ = body;
        None
    }

    /// The paging of the provider's campaign reports, if it has any.
    fn campaign_reports(&self) -> Option<&'static dyn CampaignReports> {
        None
    }

    /// The members whose values are masked in the raw log. `event` is the name of the known event, else `None`.
    fn secret_members(&self, event: Option<&str>) -> &'static [&'static str] {
        let _ = event;
        &[]
    }
}

/// A page of a campaign report, as far as the report job needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportPage {
    /// The unread rows.
    pub rows: Vec<Value>,
    /// The page number in the page: 1, 2, 3 ...
    pub number: Option<i32>,
    /// The number of pages in the page.
    pub total: Option<i32>,
    /// The provider's reason why it has no report.
    pub refusal: Option<String>,
}

/// The paging of a provider's campaign reports.
pub trait CampaignReports: Sync {
    /// The default hosts of reports.
    fn hosts(&self) -> &'static [&'static str];

    /// The event name of a page in the raw log. With it as the hint, [`Adapter::understand`] reads a page.
    fn event(&self) -> &'static str;

    /// The URL of a page of the report.
    fn page_url(&self, report: &Url, page: i32) -> Url;

    /// Reads a page.
    ///
    /// # Errors
    /// The reason why the body is no page.
    fn page(&self, body: &Value) -> Result<ReportPage, &'static str>;

    /// A page with only these rows.
    fn page_of(&self, rows: &[Value]) -> Value;
}

impl<'a> Request<'a> {
    /// The first name that `known` accepts: of the URL, of the body's `event`, of its `type`.
    pub(crate) fn named<T>(&self, known: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.names().find_map(known)
    }

    /// The first name of the request.
    pub(crate) fn name(&self) -> Option<&'a str> {
        self.names().next()
    }

    fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let member = |name| self.body.get(name).and_then(Value::as_str);
        [self.hint, member("event"), member("type")]
            .into_iter()
            .flatten()
            .map(str::trim)
            .filter(|name| !name.is_empty())
    }

    /// The time zone of times without an offset: the source's, else `default`.
    pub(crate) fn zone(&self, default: Tz) -> Tz {
        self.source.time_zone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(default)
    }

    /// The source's region for national phone numbers.
    pub(crate) fn region(&self) -> Option<Region> {
        self.source.phone_region.as_deref().and_then(|region| region.parse().ok())
    }

    /// An unknown event, with the reason.
    pub(crate) fn unknown(&self, reason: impl Into<String>) -> Understanding {
        Understanding::Unknown { event: self.name().map(bounded_name), reason: reason.into() }
    }
}
