//! The enums of webhooks and deliveries.

use async_graphql::Enum;

/// Whether a webhook is sent to.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::webhook::WebhookStatus")]
pub enum WebhookStatus {
    /// It is.
    Active,
    /// Its events are held until it is resumed.
    Paused,
    /// Its events are recorded as skipped.
    Disabled,
}

/// How long to wait between attempts.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::webhook::RetryPreset")]
pub enum RetryPreset {
    /// 10 s, 100 s, 1,000 s, 10,000 s, 100,000 s.
    Documented,
    /// 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
    Standard,
}

/// The kind of actor that caused an event.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::event::webhook_filter::ActorKind")]
pub enum ActorKind {
    /// A person of the workspace.
    Member,
    /// A program.
    ApiKey,
    /// A provider's report.
    Provider,
    /// Inlet itself.
    System,
}

/// Why a webhook does not get an event.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::event::webhook_filter::Miss")]
pub enum Miss {
    /// It was registered after the event.
    RegisteredLater,
    /// It does not want events of this type.
    EventType,
    /// The event is about a note or an activity, and it did not ask for those.
    Notes,
    /// The event is of another channel, or of none.
    Channel,
    /// The event is of another medium, or of none.
    Medium,
    /// The conversation has none of the labels.
    Label,
    /// The event's message goes the other way, or there is none.
    Direction,
    /// Another kind of actor caused the event.
    Actor,
    /// The dispatcher has not come to the event yet.
    NotYet,
    /// It would get the event as it is set now, and was set otherwise when the event was dispatched.
    SetOtherwise,
}

/// Why a delivery was skipped.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::delivery_log::SkipReason")]
pub enum SkipReason {
    /// Its webhook was disabled.
    Disabled,
    /// Its webhook was deleted.
    Deleted,
    /// Its event was past retention.
    Trimmed,
    /// It was held past its own retention.
    Expired,
}

/// How a composed request is made.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::compose::Method")]
pub enum HttpMethod {
    /// All in the URL; it has no body.
    Get,
    /// With a body.
    Post,
    /// With a body.
    Put,
    /// With a body.
    Patch,
    /// It has no body.
    Delete,
}

/// How a composed body is written.
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

/// The hash under a consumer's own signature header.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::webhook::SignatureAlgorithm")]
pub enum SignatureAlgorithm {
    /// HMAC-SHA256, hex.
    #[graphql(name = "SHA256")]
    Sha256,
    /// HMAC-SHA512, hex.
    #[graphql(name = "SHA512")]
    Sha512,
}

/// Where a delivery stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::delivery_log::DeliveryState")]
pub enum DeliveryState {
    /// Waiting for its next attempt.
    Pending,
    /// Waiting until its webhook is resumed.
    Held,
    /// Received.
    Succeeded,
    /// Every attempt failed.
    Exhausted,
    /// Not sent, for its webhook was disabled or held it too long.
    Skipped,
}
