//! What the mutations of webhooks take.

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

/// A plain signature for a consumer that was written for another inbox.
#[derive(InputObject, Clone)]
pub struct LegacySignatureInput {
    /// The header that the consumer reads.
    header: String,
    /// The hash.
    #[graphql(default_with = "enums::SignatureAlgorithm::Sha256")]
    algorithm: enums::SignatureAlgorithm,
    /// The consumer's secret.
    #[graphql(secret)]
    secret: String,
}

impl From<LegacySignatureInput> for LegacySignature {
    fn from(input: LegacySignatureInput) -> Self {
        Self { header: input.header, algorithm: input.algorithm.into(), secret: input.secret.into() }
    }
}

/// Which events a webhook gets, beside their types. The values of each member mean "any of"; an empty member asks for
/// nothing. An event that has no such thing does not pass a member that asks for something: a balance has no medium.
#[derive(InputObject, Clone, Default)]
pub struct WebhookFilterInput {
    /// The global ids of the channels.
    #[graphql(default)]
    channel_ids: Vec<ID>,
    /// The media of the channels.
    #[graphql(default)]
    medium: Vec<enums::Medium>,
    /// The global ids of labels: the conversation has one of them, or had it until this event.
    #[graphql(default)]
    label_ids: Vec<ID>,
    /// Which way the message goes.
    #[graphql(default)]
    direction: Vec<enums::Direction>,
    /// The kinds of actors that cause it.
    #[graphql(default)]
    actor: Vec<enums::ActorKind>,
}

impl WebhookFilterInput {
    /// The filter, with its ids read.
    ///
    /// # Errors
    /// Where one of them is none.
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

/// A header that goes with every request to a webhook.
#[derive(InputObject, Clone)]
pub struct WebhookHeaderInput {
    /// Its name; none that HTTP or Inlet use themselves.
    name: String,
    /// Its value: printable ASCII. On an update null leaves the one that stands. A secret one was given for the origin
    /// (scheme, host and port) of the URL: with a URL of another origin it has to be given anew, and so it has to become
    /// plain.
    #[graphql(secret)]
    value: Option<String>,
    /// Whether the value is sealed, and never shown.
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
    /// Its name; none that HTTP or Inlet use themselves.
    name: String,
    /// Its value, a template. What an event brings is percent-encoded where it is not visible ASCII.
    value: String,
}

/// How a webhook's requests are to look. The webhook's `url`, the values of the headers and the texts of the body are
/// templates: `@{{payload.status}}` stands for that member of the event, and so does the shorter `@{{status}}`;
/// `@{{event.id}}` and `@{{event.type}}` are of the envelope, `@{{payload.attachments.0.url}}` is of a list. Each value
/// is encoded for where it stands; a member that is absent or null is nothing, and in JSON, where a text is a placeholder
/// and nothing else, the value as it is. Each must be there in the schema of every type that the webhook gets.
#[derive(InputObject, Clone)]
pub struct WebhookCompositionInput {
    /// The method.
    #[graphql(default_with = "enums::HttpMethod::Post")]
    method: enums::HttpMethod,
    /// Headers beside those that every request has; at most 50. For a secret one use the webhook's own `headers`.
    #[graphql(default)]
    headers: Vec<ComposedHeaderInput>,
    /// How the body is written.
    #[graphql(default_with = "enums::BodyFormat::Json")]
    body_format: enums::BodyFormat,
    /// JSON whose texts are templates; of a form an object of texts. Without one, JSON is the event itself. GET and
    /// DELETE have none.
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

/// A new webhook.
#[derive(InputObject)]
pub struct RegisterWebhookInput {
    /// Its name among the staff; 1 to 200 characters, at least one of them visible.
    pub(super) name: String,
    /// Where events are posted.
    pub(super) url: String,
    /// Exact names such as `message.created`, or `message.*`; none means all.
    #[graphql(default)]
    pub(super) event_types: Vec<String>,
    /// Whether notes and activities are sent too.
    #[graphql(default)]
    pub(super) include_notes: bool,
    /// Further conditions for an event.
    pub(super) filter: Option<WebhookFilterInput>,
    /// The global id of a channel whose own it is: it gets what happens on that channel alone.
    pub(super) channel_id: Option<ID>,
    /// Over connect and the whole exchange, 1 to 30 seconds; 3 where absent.
    pub(super) timeout_seconds: Option<i32>,
    /// 1 to 20; where absent, as many as the delays allow.
    pub(super) max_attempts: Option<i32>,
    /// How long to wait between attempts.
    #[graphql(default_with = "enums::RetryPreset::Documented")]
    pub(super) retry_preset: enums::RetryPreset,
    /// Seconds between attempts instead of the preset's: 1 to 19 of them, each 1 to 100,000.
    pub(super) retry_delays: Option<Vec<i32>>,
    /// How many requests may be under way at once: 1 to 256.
    #[graphql(default = 64)]
    pub(super) max_concurrency: i32,
    /// How many requests a second all sending processes together make at most: 1 to 10,000; null for no limit.
    pub(super) rate_limit: Option<i32>,
    /// Headers that go with every request; at most 20.
    #[graphql(default)]
    pub(super) headers: Vec<WebhookHeaderInput>,
    /// How the requests are to look; null for the event itself, posted as JSON.
    pub(super) composition: Option<WebhookCompositionInput>,
    /// A plain signature beside ours, for a consumer that expects one.
    pub(super) legacy_signature: Option<LegacySignatureInput>,
    /// Makes a repeat a repeat.
    pub(super) idempotency_key: String,
}

impl RegisterWebhookInput {
    /// The settings of it.
    ///
    /// # Errors
    /// Where an id is none.
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

/// Changes of a webhook. A member that is left out stays as it is; null takes a setting away.
#[derive(InputObject)]
pub struct UpdateWebhookInput {
    /// Its global id.
    pub(super) id: ID,
    /// Its name among the staff; 1 to 200 characters, at least one of them visible.
    name: Option<String>,
    /// Where events are posted. With another origin (scheme, host or port) give the values of secret headers anew.
    url: Option<String>,
    /// Exact names such as `message.created`, or `message.*`; null or none means all.
    event_types: MaybeUndefined<Vec<String>>,
    /// Whether notes and activities are sent too.
    include_notes: Option<bool>,
    /// Further conditions for an event, as a whole.
    pub(super) filter: MaybeUndefined<WebhookFilterInput>,
    /// The global id of the channel whose own it is.
    pub(super) channel_id: MaybeUndefined<ID>,
    /// Over connect and the whole exchange, 1 to 30 seconds; null for the preset's.
    timeout_seconds: MaybeUndefined<i32>,
    /// 1 to 20; null for as many as the delays allow, which is also what it becomes where only the delays change.
    max_attempts: MaybeUndefined<i32>,
    /// How long to wait between attempts.
    retry_preset: Option<enums::RetryPreset>,
    /// Seconds between attempts instead of the preset's.
    retry_delays: MaybeUndefined<Vec<i32>>,
    /// How many requests may be under way at once: 1 to 256.
    max_concurrency: Option<i32>,
    /// How many requests a second all sending processes together make at most: 1 to 10,000; null for no limit.
    rate_limit: MaybeUndefined<i32>,
    /// All headers that go with every request; of one without a value the value stays.
    pub(super) headers: MaybeUndefined<Vec<WebhookHeaderInput>>,
    /// How the requests are to look, as a whole; null for the event itself, posted as JSON.
    composition: MaybeUndefined<WebhookCompositionInput>,
    /// A plain signature beside ours, as a whole; null for none.
    pub(super) legacy_signature: MaybeUndefined<LegacySignatureInput>,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    pub(super) if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    pub(super) idempotency_key: Option<String>,
}

/// Puts what was given in the place of what is there; null takes it away.
fn set<T: Clone, U: Default>(place: &mut U, given: &MaybeUndefined<T>, read: impl FnOnce(T) -> U) {
    match given {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => *place = U::default(),
        MaybeUndefined::Value(value) => *place = read(value.clone()),
    }
}

impl UpdateWebhookInput {
    /// Puts what was given in the place of what is there; `filter` and `channel` are those of the input, with their ids
    /// read.
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
                /// Its global id.
                pub(super) id: ID,
                /// Makes a repeat a repeat.
                pub(super) idempotency_key: Option<String>,
            }
        )*
    };
}
of_one_webhook! {
    /// Which webhook is to go.
    DeleteWebhookInput
    /// Of which webhook only the newest secret signs from now on.
    FinishWebhookRotationInput
    /// Which webhook is paused.
    PauseWebhookInput
    /// Which webhook is sent to again.
    ResumeWebhookInput
}

/// Which webhook gets a new secret.
#[derive(InputObject)]
pub struct RotateWebhookSecretInput {
    /// Its global id.
    pub(super) id: ID,
    /// How long the secrets before go on signing beside the new one, in seconds: 0 to 2,592,000, which are 30 days.
    #[graphql(default = 86400)]
    pub(super) overlap_seconds: i32,
    /// Makes a repeat a repeat.
    pub(super) idempotency_key: Option<String>,
}

/// Which webhook is tried, and with what.
#[derive(InputObject)]
pub struct TestWebhookInput {
    /// Its global id.
    pub(super) id: ID,
    /// The type of the event that is made up.
    #[graphql(default_with = "\"message.created\".to_owned()")]
    pub(super) event_type: String,
    /// Makes a repeat a repeat.
    pub(super) idempotency_key: Option<String>,
}
