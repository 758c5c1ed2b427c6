//! A webhook, ready to be sent to.

use std::time::Duration;

use inlet_domain::{
    ids::WebhookId,
    model::webhook::{RetryPreset, WebhookStatus, wants},
    store::deliveries::{LogLine, Receiver as Stored},
};
use inlet_egress::Url;

use crate::signing::Signer;

/// What is known of a webhook at one revision.
pub(crate) struct Receiver {
    pub(crate) id: WebhookId,
    pub(crate) revision: i64,
    pub(crate) max_attempts: i32,
    pub(crate) preset: RetryPreset,
    pub(crate) timeout: Duration,
    /// The most requests to it at once.
    pub(crate) concurrency: usize,
    pub(crate) state: State,
    patterns: Vec<String>,
    include_notes: bool,
    start_seq: i64,
}

/// Whether, and how, it is sent to.
pub(crate) enum State {
    Active {
        url: Url,
        signer: Box<Signer>,
    },
    /// Paused, or nothing could be signed for it.
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
                let signer = stored.signing.and_then(|signing| {
                    Signer::new(&signing)
                        .inspect_err(|error| tracing::error!(webhook = %webhook.id, %error, "its deliveries are held"))
                        .ok()
                });
                match (webhook.url.parse(), signer) {
                    (Ok(url), Some(signer)) => State::Active { url, signer: Box::new(signer) },
                    _ => State::Held,
                }
            }
        };
        Self {
            id: webhook.id,
            revision: webhook.revision,
            max_attempts: webhook.max_attempts,
            preset: webhook.retry_preset,
            timeout: Duration::from_secs(u64::try_from(webhook.timeout_seconds).unwrap_or(3)),
            concurrency: usize::try_from(webhook.max_concurrency).unwrap_or(1).max(1),
            state,
            patterns: webhook.event_types,
            include_notes: webhook.include_notes,
            start_seq: webhook.start_seq,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state, State::Active { .. })
    }

    /// Whether it gets this entry of the log.
    pub(crate) fn wants(&self, line: &LogLine) -> bool {
        line.seq > self.start_seq && (self.include_notes || !line.internal) && wants(&self.patterns, &line.kind)
    }
}
