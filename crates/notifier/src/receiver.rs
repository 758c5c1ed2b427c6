//! A webhook, prepared for sending.

use std::time::Duration;

use inlet_domain::{
    compose::Composer,
    event::webhook_filter::Wants,
    ids::{WebhookId, WorkspaceId},
    model::{target::TargetPolicy, webhook::WebhookStatus},
};
use inlet_egress::{HeaderMap, HeaderName, HeaderValue, Url};
use inlet_store::records::{
    deliveries::{LogLine, Receiver as Stored},
    webhooks::Webhook,
};
use secrecy::ExposeSecret;

use crate::signing::Signer;

/// The prepared settings of a webhook at one revision.
pub(crate) struct Receiver {
    pub(crate) id: WebhookId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) revision: i64,
    pub(crate) max_attempts: i32,
    /// Seconds between attempts.
    pub(crate) delays: Vec<u32>,
    pub(crate) timeout: Duration,
    /// The most concurrent requests.
    pub(crate) concurrency: usize,
    /// The most requests a second.
    pub(crate) rate: Option<u32>,
    /// The webhook was disabled, and no delivery has succeeded since.
    pub(crate) recovering: bool,
    pub(crate) state: State,
    wants: Wants,
    start_seq: i64,
}

/// How many deliveries of a webhook may be in memory for each concurrent request.
const QUEUED_PER_REQUEST: usize = 16;
/// For a webhook with a rate limit: how many seconds of deliveries may be in memory. A claim is hardly valid for
/// longer.
const QUEUED_SECONDS: usize = 20;

/// The content of a request.
pub(crate) enum Target {
    /// A POST of the event to this URL.
    Event(Url),
    /// A composed request.
    Composed(Box<Composer>),
}

impl Target {
    /// The URL was checked when it was saved. The client checks its address when it connects.
    fn of(webhook: &Webhook) -> Option<Self> {
        const ANY: TargetPolicy = TargetPolicy { allow_loopback: true, allow_http: true };
        match &webhook.settings.composition {
            None => webhook.settings.url.parse().ok().map(Self::Event),
            Some(composition) => {
                let composer = Composer::read(&webhook.settings.url, composition, ANY);
                composer.ok().map(|composer| Self::Composed(Box::new(composer)))
            }
        }
    }
}

/// Whether deliveries of the webhook are sent, and with which settings.
pub(crate) enum State {
    Active {
        target: Target,
        signer: Box<Signer>,
        /// The webhook's own headers.
        headers: HeaderMap,
    },
    /// Paused, or without a usable secret.
    Held,
    Disabled,
}

impl Receiver {
    pub(crate) fn new(stored: Stored) -> Self {
        let webhook = stored.webhook;
        let state = match webhook.status {
            WebhookStatus::Disabled => State::Disabled,
            WebhookStatus::Paused => State::Held,
            WebhookStatus::Active => {
                let ready = stored.signing.and_then(|signing| {
                    let signer = Signer::new(&signing)
                        .inspect_err(|error| tracing::error!(webhook = %webhook.id, %error, "the webhook cannot be signed for, so its deliveries are held"));
                    let own = signing.headers.iter().filter_map(|(name, value)| {
                        let mut value = HeaderValue::from_str(value.expose_secret()).ok()?;
                        value.set_sensitive(true);
                        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
                    });
                    Some((signer.ok()?, own.collect()))
                });
                match (Target::of(&webhook), ready) {
                    (Some(target), Some((signer, headers))) => {
                        State::Active { target, signer: Box::new(signer), headers }
                    }
                    _ => State::Held,
                }
            }
        };
        Self {
            id: webhook.id,
            workspace: webhook.workspace,
            revision: webhook.revision,
            max_attempts: webhook.settings.attempts(),
            delays: webhook.settings.delays(),
            timeout: Duration::from_secs(u64::try_from(webhook.settings.timeout()).unwrap_or(3)),
            concurrency: usize::try_from(webhook.settings.max_concurrency).unwrap_or(1).max(1),
            rate: webhook.settings.rate_limit.and_then(|rate| u32::try_from(rate).ok()).filter(|rate| *rate > 0),
            recovering: webhook.recovering,
            state,
            wants: webhook.wants(),
            start_seq: webhook.start_seq,
        }
    }

    /// How many of its deliveries may be in memory for `width` concurrent requests.
    pub(crate) fn capacity(&self, width: usize) -> usize {
        let paced = self.rate.map_or(usize::MAX, |rate| usize::try_from(rate).unwrap_or(1) * QUEUED_SECONDS);
        (width * QUEUED_PER_REQUEST).min(paced)
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state, State::Active { .. })
    }

    /// Whether the webhook gets this log entry.
    pub(crate) fn wants(&self, line: &LogLine) -> bool {
        line.seq > self.start_seq && self.wants.miss(line.facets()).is_none()
    }
}
