//! What an adapter is: a pure function from a parsed body to commands, and how its provider signs.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use inlet_domain::{command::Command, model::source::Source};
use rlibphonenumber::enums::Region;
use serde_json::Value;
use url::Url;

use crate::{fields::bounded_name, signature::Scheme};

/// An authentic request that could be parsed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Whose it is.
    pub source: &'a Source,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The event's name in the URL: the last path segment, else `?event=`.
    pub hint: Option<&'a str>,
    /// The body. An object without members where there is none.
    pub body: &'a Value,
    /// The query.
    pub query: Query<'a>,
    /// How much what is read of it may weigh: see [`inlet_domain::command::RawRequest::most_weight`].
    pub most_weight: usize,
}

/// The query of a request, for those who read it: a flat object.
#[derive(Debug, Clone, Copy)]
pub enum Query<'a> {
    /// It is as authentic as the body: nothing need be signed, or it is what was signed.
    Counts(&'a Value),
    /// It stands beside a signed body, and is not signed itself: anyone could have written it.
    Unsigned(&'a Value),
}

/// What an adapter makes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Understanding {
    /// An event that is known, and what it asks for.
    Known {
        /// Its name.
        event: String,
        /// In the order of the body.
        commands: Vec<Command>,
    },
    /// Nothing that is known (OR-19).
    Unknown {
        /// Its name, as far as there is one.
        event: Option<String>,
        /// Why, for the operator.
        reason: String,
    },
    /// An event that is known, but it would become more than [`Request::most_weight`].
    Excessive {
        /// Its name.
        event: String,
    },
}

/// How many requests a request counts as.
#[derive(Debug, Clone, PartialEq)]
pub enum Split {
    /// One.
    One,
    /// Several: the body of each.
    Several(Vec<Value>),
    /// More than are taken at once: so many at least.
    TooMany(usize),
}

/// What the source of a provider has in a demo workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demo {
    /// Its name.
    pub name: &'static str,
    /// The ISO 3166 region of phone numbers without a country code.
    pub phone_region: Option<&'static str>,
}

/// A provider's adapter.
pub trait Adapter: Send + Sync {
    /// How it signs.
    fn scheme(&self) -> Scheme;

    /// The provider's source in a demo workspace; none where there is nothing to show without a mapping.
    fn demo(&self) -> Option<Demo> {
        None
    }

    /// Reads a body. Never fails: what it cannot read is [`Understanding::Unknown`].
    fn understand(&self, request: &Request<'_>) -> Understanding;

    /// What a request holds, where it may hold several events that are applied each on its own.
    fn split(&self, request: &Request<'_>) -> Split {
        let _ = request;
        Split::One
    }

    /// The answer to the provider's proof that the URL is ours, if the body asks for one. Every body is shown to it, so it
    /// tells one that does not ask at a glance.
    fn handshake(&self, body: &[u8]) -> Option<Value> {
        let _ = body;
        None
    }

    /// How the provider's campaign reports are fetched, if it has any.
    fn campaign_reports(&self) -> Option<&'static dyn CampaignReports> {
        None
    }

    /// The members whose values are masked in the raw log. `event` is what was understood, `None` where nothing was.
    fn secret_members(&self, event: Option<&str>) -> &'static [&'static str] {
        let _ = event;
        &[]
    }
}

/// A page of a campaign's report, as far as whoever turns the pages must know it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportPage {
    /// Its rows, unread.
    pub rows: Vec<Value>,
    /// Which page it says it is: 1, 2, 3 ...
    pub number: Option<i32>,
    /// How many pages it says that there are.
    pub total: Option<i32>,
    /// What the provider says, where it says that it cannot report.
    pub refusal: Option<String>,
}

/// How a provider's campaign reports are paged.
pub trait CampaignReports: Sync {
    /// The hosts that a report is fetched from where the source names none.
    fn hosts(&self) -> &'static [&'static str];

    /// The event that a page is, in the raw log: with it as the hint, [`Adapter::understand`] reads a page.
    fn event(&self) -> &'static str;

    /// The URL of a page of the report.
    fn page_url(&self, report: &Url, page: i32) -> Url;

    /// Reads a page.
    ///
    /// # Errors
    /// With what is wrong, where it is no page.
    fn page(&self, body: &Value) -> Result<ReportPage, &'static str>;

    /// A page of these rows alone.
    fn page_of(&self, rows: &[Value]) -> Value;
}

impl<'a> Request<'a> {
    /// The first name that `known` knows, of the URL, the body's `event` and its `type`.
    pub(crate) fn named<T>(&self, known: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.names().find_map(known)
    }

    /// The first name that the request bears.
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

    /// The zone of times without one: the source's, else `default`.
    pub(crate) fn zone(&self, default: Tz) -> Tz {
        self.source.time_zone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(default)
    }

    /// The source's region of phone numbers.
    pub(crate) fn region(&self) -> Option<Region> {
        self.source.phone_region.as_deref().and_then(|region| region.parse().ok())
    }

    /// Nothing that is known, and why.
    pub(crate) fn unknown(&self, reason: impl Into<String>) -> Understanding {
        Understanding::Unknown { event: self.name().map(bounded_name), reason: reason.into() }
    }
}
