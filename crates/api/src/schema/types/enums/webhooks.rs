//! The enums of webhooks and deliveries.

use async_graphql::Enum;

/// Status of a webhook.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::webhook::WebhookStatus")]
pub enum WebhookStatus {
    /// Inlet sends its events.
    Active,
    /// Inlet holds its events until it is resumed.
    Paused,
    /// Inlet records its events as skipped.
    Disabled,
}

/// Preset of delays between delivery attempts.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::webhook::RetryPreset")]
pub enum RetryPreset {
    /// 10 s, 100 s, 1,000 s, 10,000 s, 100,000 s.
    Documented,
    /// 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    Standard,
}

/// Kind of actor that caused an event.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::event::webhook_filter::ActorKind")]
pub enum ActorKind {
    /// A member of the workspace.
    Member,
    /// A program with an API key.
    ApiKey,
    /// A provider's report.
    Provider,
    /// Inlet itself.
    System,
}

/// Reason why a webhook did not get an event.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::event::webhook_filter::Miss")]
pub enum Miss {
    /// The webhook was registered after the event.
    RegisteredLater,
    /// The webhook does not subscribe to this event type.
    EventType,
    /// The event is about a note or an activity, and the webhook excludes these.
    Notes,
    /// The event has another channel, or none.
    Channel,
    /// The event has another medium, or none.
    Medium,
    /// The conversation has none of the labels.
    Label,
    /// The event's message has the other direction, or there is no message.
    Direction,
    /// Another kind of actor caused the event.
    Actor,
    /// The dispatcher has not processed the event yet.
    NotYet,
    /// The webhook would get the event today, but its settings were different when the event was dispatched.
    SetOtherwise,
}

/// Reason why a delivery was skipped.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::delivery_log::SkipReason")]
pub enum SkipReason {
    /// The webhook was disabled.
    Disabled,
    /// The webhook was deleted.
    Deleted,
    /// The event was past retention.
    Trimmed,
    /// The delivery was held past its own retention.
    Expired,
}

/// HTTP method of a composed request.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::compose::Method")]
pub enum HttpMethod {
    /// GET: all data is in the URL; the request has no body.
    Get,
    /// POST, with a body.
    Post,
    /// PUT, with a body.
    Put,
    /// PATCH, with a body.
    Patch,
    /// DELETE: the request has no body.
    Delete,
}

/// Format of a composed body.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::compose::BodyFormat")]
pub enum BodyFormat {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
}

/// Algorithm of a legacy signature.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::webhook::SignatureAlgorithm")]
pub enum SignatureAlgorithm {
    /// HMAC-SHA256, in hex.
    #[graphql(name = "SHA256")]
    Sha256,
    /// HMAC-SHA512, in hex.
    #[graphql(name = "SHA512")]
    Sha512,
}

/// Status of a delivery.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::delivery_log::DeliveryState")]
pub enum DeliveryState {
    /// Waits for its next attempt.
    Pending,
    /// Waits until its webhook is resumed.
    Held,
    /// The receiver accepted it.
    Succeeded,
    /// Every attempt failed.
    Exhausted,
    /// Inlet did not send it; `skippedBecause` tells the reason.
    Skipped,
}
