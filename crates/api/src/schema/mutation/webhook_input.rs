//! Inputs of the mutations of webhooks.

use async_graphql::{ID, InputObject, MaybeUndefined};
use inlet_domain::{
    compose::Composition, event::webhook_filter::WebhookFilter, ids::ChannelId, model::webhook::LegacySignature,
};
use inlet_store::records::webhooks::{HeaderChange, Settings};

use super::source_input::value_of;
use crate::{
    error::ApiError,
    schema::types::{
        enums,
        node::typed,
        scalars::{Json, Revision},
    },
};

/// A second signature for receivers that were written for another product: the hex HMAC of the body in a header of your
/// choice.
#[derive(InputObject, Clone)]
pub struct LegacySignatureInput {
    /// Name of the header.
    header: String,
    /// HMAC algorithm.
    #[graphql(default_with = "enums::SignatureAlgorithm::Sha256")]
    algorithm: enums::SignatureAlgorithm,
    /// Secret of the receiver.
    #[graphql(secret)]
    secret: String,
}

impl From<LegacySignatureInput> for LegacySignature {
    fn from(input: LegacySignatureInput) -> Self {
        Self { header: input.header, algorithm: input.algorithm.into(), secret: input.secret.into() }
    }
}

/// Conditions for events in addition to their types. An event must match every field that is not empty. A list matches
/// any of its values. An event without such a value does not match: a balance alert has no medium, for example.
#[derive(InputObject, Clone, Default)]
pub struct WebhookFilterInput {
    /// Global ids of channels.
    #[graphql(default)]
    channel_ids: Vec<ID>,
    /// Media of the channels.
    #[graphql(default)]
    medium: Vec<enums::Medium>,
    /// Global ids of labels: the conversation has one of them, or had it before this event.
    #[graphql(default)]
    label_ids: Vec<ID>,
    /// Directions of the message.
    #[graphql(default)]
    direction: Vec<enums::Direction>,
    /// Kinds of actors that caused the event.
    #[graphql(default)]
    actor: Vec<enums::ActorKind>,
}

impl WebhookFilterInput {
    /// The filter, with its ids parsed.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for an id of another kind.
    pub(super) fn read(&self) -> Result<WebhookFilter, ApiError> {
        let channels = self.channel_ids.iter().map(|id| typed("input.filter.channelIds", id));
        let labels = self.label_ids.iter().map(|id| typed("input.filter.labelIds", id));
        Ok(WebhookFilter {
            channels: channels.collect::<Result<_, _>>()?,
            mediums: self.medium.iter().map(|medium| (*medium).into()).collect(),
            labels: labels.collect::<Result<_, _>>()?,
            directions: self.direction.iter().map(|direction| (*direction).into()).collect(),
            actors: self.actor.iter().map(|actor| (*actor).into()).collect(),
        })
    }
}

/// A header of every request to a webhook.
#[derive(InputObject, Clone)]
pub struct WebhookHeaderInput {
    /// Header name. Names that HTTP or Inlet use are refused.
    name: String,
    /// Header value: printable ASCII. In an update, null keeps the present value. A secret value belongs to the origin
    /// (scheme, host and port) of the URL: give it again if the URL gets another origin, or if the header is no longer
    /// secret.
    #[graphql(secret)]
    value: Option<String>,
    /// Whether the value is secret: Inlet stores it encrypted and never shows it.
    #[graphql(default)]
    secret: bool,
}

impl From<WebhookHeaderInput> for HeaderChange {
    fn from(input: WebhookHeaderInput) -> Self {
        Self { name: input.name, value: input.value.map(Into::into), secret: input.secret }
    }
}

/// A header of a composed request.
#[derive(InputObject, Clone)]
pub struct ComposedHeaderInput {
    /// Header name. Names that HTTP or Inlet use are refused.
    name: String,
    /// Template of the header value. Values of an event are percent-encoded unless they are visible ASCII.
    value: String,
}

/// Composition of a webhook's requests. The webhook's `url`, the header values and the texts of the body are templates.
/// `@{{payload.status}}`, or short `@{{status}}`, inserts that field of the event; `@{{event.id}}` and
/// `@{{event.type}}` insert fields of the envelope; `@{{payload.attachments.0.url}}` inserts a field of a list item.
/// Inlet encodes each value for its place. A missing or null field inserts nothing. In JSON, a text that consists of
/// one placeholder becomes the value itself. Each placeholder must exist in the schema of every event type that the
/// webhook gets.
#[derive(InputObject, Clone)]
pub struct WebhookCompositionInput {
    /// HTTP method.
    #[graphql(default_with = "enums::HttpMethod::Post")]
    method: enums::HttpMethod,
    /// Headers in addition to those of every request, at most 50. For a secret value, use `headers` of the webhook.
    #[graphql(default)]
    headers: Vec<ComposedHeaderInput>,
    /// Format of the body.
    #[graphql(default_with = "enums::BodyFormat::Json")]
    body_format: enums::BodyFormat,
    /// Template of the body: JSON whose texts are templates; for FORM and MULTIPART an object of texts. Without it, a
    /// JSON body is the event itself. GET and DELETE have no body.
    body: Option<Json>,
}

impl From<WebhookCompositionInput> for Composition {
    fn from(input: WebhookCompositionInput) -> Self {
        Self {
            method: input.method.into(),
            headers: input.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body_format: input.body_format.into(),
            body: input.body.map(value_of),
        }
    }
}

/// Input of `registerWebhook`.
#[derive(InputObject)]
pub struct RegisterWebhookInput {
    #[doc = display_name!()]
    pub(super) name: String,
    /// URL that Inlet sends events to.
    pub(super) url: String,
    /// Event types, such as `message.created` or `message.*`. An empty list means all.
    #[graphql(default)]
    pub(super) event_types: Vec<String>,
    /// Whether the webhook gets events about notes and activities.
    #[graphql(default)]
    pub(super) include_notes: bool,
    /// Further conditions for events.
    pub(super) filter: Option<WebhookFilterInput>,
    /// Global id of a channel. The webhook then gets only events of that channel.
    pub(super) channel_id: Option<ID>,
    /// Timeout of a request in seconds, including the connect: 1 to 30. Default: 3 with DOCUMENTED, 15 with STANDARD.
    pub(super) timeout_seconds: Option<i32>,
    /// Maximum number of attempts: 1 to 20. Default: as many as the delays allow.
    pub(super) max_attempts: Option<i32>,
    /// Preset of delays between attempts.
    #[graphql(default_with = "enums::RetryPreset::Documented")]
    pub(super) retry_preset: enums::RetryPreset,
    /// Delays between attempts in seconds, instead of a preset: 1 to 19 values, each 1 to 100,000.
    pub(super) retry_delays: Option<Vec<i32>>,
    /// Maximum number of concurrent requests: 1 to 256.
    #[graphql(default = 64)]
    pub(super) max_concurrency: i32,
    /// Maximum number of requests per second, over all processes: 1 to 10,000. Null for no limit.
    pub(super) rate_limit: Option<i32>,
    /// Headers of every request, at most 20.
    #[graphql(default)]
    pub(super) headers: Vec<WebhookHeaderInput>,
    /// Composition of the requests. Null posts the event itself as JSON.
    pub(super) composition: Option<WebhookCompositionInput>,
    /// Legacy signature, for receivers that expect one.
    pub(super) legacy_signature: Option<LegacySignatureInput>,
    #[doc = idempotency_key!()]
    pub(super) idempotency_key: String,
}

impl RegisterWebhookInput {
    /// The settings of the webhook.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for an id of another kind.
    pub(super) fn settings(&self) -> Result<Settings, ApiError> {
        Ok(Settings {
            name: self.name.clone(),
            url: self.url.clone(),
            event_types: self.event_types.clone(),
            include_notes: self.include_notes,
            filter: self.filter.as_ref().map(WebhookFilterInput::read).transpose()?.unwrap_or_default(),
            channel: self.channel_id.as_ref().map(|id| typed("input.channelId", id)).transpose()?,
            timeout_seconds: self.timeout_seconds,
            max_attempts: self.max_attempts,
            retry_preset: self.retry_preset.into(),
            retry_delays: self.retry_delays.clone(),
            max_concurrency: self.max_concurrency,
            rate_limit: self.rate_limit,
            composition: self.composition.clone().map(Into::into),
        })
    }
}

/// Input of `updateWebhook`. A field that is left out keeps its value; null removes a setting.
#[derive(InputObject)]
pub struct UpdateWebhookInput {
    /// Global id of the webhook.
    pub(super) id: ID,
    #[doc = display_name!()]
    name: Option<String>,
    /// URL that Inlet sends events to. If its origin (scheme, host or port) changes, give the values of secret headers
    /// again.
    url: Option<String>,
    /// Event types, such as `message.created` or `message.*`. Null or an empty list means all.
    event_types: MaybeUndefined<Vec<String>>,
    /// Whether the webhook gets events about notes and activities.
    include_notes: Option<bool>,
    /// Further conditions for events. They replace all previous ones.
    pub(super) filter: MaybeUndefined<WebhookFilterInput>,
    /// Global id of a channel. The webhook then gets only events of that channel. Null for every channel.
    pub(super) channel_id: MaybeUndefined<ID>,
    /// Timeout of a request in seconds, including the connect: 1 to 30. Null restores the default of the preset.
    timeout_seconds: MaybeUndefined<i32>,
    /// Maximum number of attempts: 1 to 20. Null allows as many as the delays. A change of the delays alone has the
    /// same effect.
    max_attempts: MaybeUndefined<i32>,
    /// Preset of delays between attempts.
    retry_preset: Option<enums::RetryPreset>,
    /// Delays between attempts in seconds, instead of a preset: 1 to 19 values, each 1 to 100,000. Null restores the
    /// preset.
    retry_delays: MaybeUndefined<Vec<i32>>,
    /// Maximum number of concurrent requests: 1 to 256.
    max_concurrency: Option<i32>,
    /// Maximum number of requests per second, over all processes: 1 to 10,000. Null for no limit.
    rate_limit: MaybeUndefined<i32>,
    /// Headers of every request, at most 20. They replace all previous ones. A header without a value keeps its value.
    pub(super) headers: MaybeUndefined<Vec<WebhookHeaderInput>>,
    /// Composition of the requests. It replaces the previous one. Null posts the event itself as JSON.
    composition: MaybeUndefined<WebhookCompositionInput>,
    /// Legacy signature. It replaces the previous one. Null removes it.
    pub(super) legacy_signature: MaybeUndefined<LegacySignatureInput>,
    #[doc = if_revision!()]
    pub(super) if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    pub(super) idempotency_key: Option<String>,
}

/// Sets `place` to a given value; null resets it.
fn set<T: Clone, U: Default>(place: &mut U, given: &MaybeUndefined<T>, read: impl FnOnce(T) -> U) {
    match given {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => *place = U::default(),
        MaybeUndefined::Value(value) => *place = read(value.clone()),
    }
}

impl UpdateWebhookInput {
    /// Applies the given fields to the settings; `filter` and `channel` are those of the input, with their ids parsed.
    pub(super) fn apply(
        &self,
        filter: &MaybeUndefined<WebhookFilter>,
        channel: &MaybeUndefined<ChannelId>,
        settings: &mut Settings,
    ) {
        if let Some(name) = &self.name {
            settings.name.clone_from(name);
        }
        if let Some(url) = &self.url {
            settings.url.clone_from(url);
        }
        settings.include_notes = self.include_notes.unwrap_or(settings.include_notes);
        settings.max_concurrency = self.max_concurrency.unwrap_or(settings.max_concurrency);
        if self.retry_preset.is_some() || !self.retry_delays.is_undefined() {
            settings.max_attempts = None;
        }
        settings.retry_preset = self.retry_preset.map_or(settings.retry_preset, Into::into);
        set(&mut settings.event_types, &self.event_types, |given| given);
        set(&mut settings.filter, filter, |given| given);
        set(&mut settings.channel, channel, Some);
        set(&mut settings.timeout_seconds, &self.timeout_seconds, Some);
        set(&mut settings.max_attempts, &self.max_attempts, Some);
        set(&mut settings.retry_delays, &self.retry_delays, Some);
        set(&mut settings.rate_limit, &self.rate_limit, Some);
        set(&mut settings.composition, &self.composition, |given| Some(given.into()));
    }
}

macro_rules! of_one_webhook {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(InputObject)]
            pub struct $name {
                /// Global id of the webhook.
                pub(super) id: ID,
                #[doc = idempotency_key!()]
                pub(super) idempotency_key: Option<String>,
            }
        )*
    };
}
of_one_webhook! {
    /// Input of `deleteWebhook`.
    DeleteWebhookInput
    /// Input of `finishWebhookRotation`.
    FinishWebhookRotationInput
    /// Input of `pauseWebhook`.
    PauseWebhookInput
    /// Input of `resumeWebhook`.
    ResumeWebhookInput
}

/// Input of `rotateWebhookSecret`.
#[derive(InputObject)]
pub struct RotateWebhookSecretInput {
    /// Global id of the webhook.
    pub(super) id: ID,
    /// Time in seconds during which older secrets sign too: 0 to 2,592,000 (30 days).
    #[graphql(default = 86400)]
    pub(super) overlap_seconds: i32,
    #[doc = idempotency_key!()]
    pub(super) idempotency_key: Option<String>,
}

/// Input of `testWebhook`.
#[derive(InputObject)]
pub struct TestWebhookInput {
    /// Global id of the webhook.
    pub(super) id: ID,
    /// Type of the sample event.
    #[graphql(default_with = "\"message.created\".to_owned()")]
    pub(super) event_type: String,
    #[doc = idempotency_key!()]
    pub(super) idempotency_key: Option<String>,
}
