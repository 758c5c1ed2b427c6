//! The enums of the model in the schema. The compiler checks each against the model.

mod webhooks;

pub use self::webhooks::{
    ActorKind, BodyFormat, DeliveryState, HttpMethod, Miss, RetryPreset, SignatureAlgorithm, SkipReason, WebhookStatus,
};
use async_graphql::Enum;

/// Lifecycle status of a conversation.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::conversation::ConversationStatus")]
pub enum ConversationStatus {
    /// Waits for an agent: no member is assigned.
    InQueue,
    /// In progress.
    Open,
    /// Waits for the contact.
    Pending,
    /// Postponed until a given time or the next message.
    Snoozed,
    /// Finished.
    Closed,
}

/// Priority of a conversation.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::conversation::Priority")]
pub enum Priority {
    /// Low: can wait.
    Low,
    /// Normal: the default.
    Normal,
    /// High: before most others.
    High,
    /// Urgent: before all others.
    Urgent,
}

/// Direction of a message.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::message::Direction")]
pub enum Direction {
    /// From the contact to the workspace.
    Inbound,
    /// From the workspace to the contact.
    Outbound,
}

/// Kind of entry in a conversation.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::message::MessageKind")]
pub enum MessageKind {
    /// A message that was sent or received.
    Message,
    /// An internal note. Inlet never sends it to the contact.
    Note,
    /// A call.
    Call,
    /// A change in the conversation, recorded for its members.
    Activity,
}

/// System that handled an outbound message first.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::message::Origin")]
pub enum Origin {
    /// Inlet sent the message.
    Inlet,
    /// Someone sent the message at the provider, and Inlet received a copy.
    Provider,
}

/// Kind of file.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::message::AttachmentKind")]
pub enum AttachmentKind {
    /// An image.
    Image,
    /// A video.
    Video,
    /// An audio recording.
    Audio,
    /// A document.
    Document,
    /// Any other file.
    Other,
}

/// Delivery status of an outbound message. The values are in ascending order; the status never goes down.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::status::DeliveryStatus")]
pub enum DeliveryStatus {
    /// Accepted, not yet sent to the operator.
    Queued,
    /// Sent to the operator.
    Sent,
    /// Failed. A later report of a delivery still raises the status to DELIVERED.
    Failed,
    /// Delivered to the device.
    Delivered,
    /// Read by the recipient.
    Read,
}

/// Medium of a channel.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::channel::Medium")]
pub enum Medium {
    /// WhatsApp.
    Whatsapp,
    /// SMS text messages.
    Sms,
    /// Rich Communication Services.
    Rcs,
    /// Viber.
    Viber,
    /// Voice calls.
    Voice,
    /// Virtual mobile number: text messages to a rented number.
    Vmn,
    /// Email.
    Email,
    /// Chat on a web page.
    Webchat,
    /// Facebook Messenger.
    Messenger,
    /// Telegram.
    Telegram,
    /// Any other medium.
    Other,
}

/// Messaging provider. It selects the adapter that reads the requests of a source.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::provider::Provider")]
pub enum Provider {
    /// OneRoute.
    Oneroute,
    /// MobTexting and its white-label brands.
    Mobtexting,
    /// Oblic.
    Oblic,
    /// Any other system. The source's mapping translates its fields.
    Custom,
}

/// Method by which a source authenticates requests.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::provider::Verification")]
pub enum SourceVerification {
    /// An HMAC signature under the source's secret.
    Hmac,
    /// None. Only an operator can allow it.
    None,
}

/// HMAC algorithm of a source's signatures.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::source::HmacAlgorithm")]
pub enum HmacAlgorithm {
    /// HMAC-SHA1.
    #[graphql(name = "SHA1")]
    Sha1,
    /// HMAC-SHA256.
    #[graphql(name = "SHA256")]
    Sha256,
    /// HMAC-SHA512.
    #[graphql(name = "SHA512")]
    Sha512,
}

/// Encoding of a signature.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::source::SignatureEncoding")]
pub enum SignatureEncoding {
    /// Hexadecimal, in upper or lower case.
    Hex,
    /// Base64, with or without padding.
    #[graphql(name = "BASE64")]
    Base64,
    /// URL-safe Base64, with or without padding.
    #[graphql(name = "BASE64URL")]
    Base64url,
}

/// Leg of a call that is the customer.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::source::CallLeg")]
pub enum CallLeg {
    /// The called party.
    To,
    /// The calling party.
    From,
}

/// Scope of an opt-out.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::opt_out::OptOutScope")]
pub enum OptOutScope {
    /// All messages.
    All,
    /// Messages of one category.
    Category,
    /// Messages from one sender.
    Sender,
    /// Messages with one tag.
    Tag,
    /// Messages of one service.
    Service,
    /// Messages about one product.
    Product,
}

/// Role of a member in a workspace. The values are in descending order: each role has all rights of the next one.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::right::Role")]
pub enum Role {
    /// Owns the workspace.
    Owner,
    /// Manages the workspace: members, keys, sources, webhooks.
    Admin,
    /// Answers conversations.
    Agent,
    /// Reads conversations.
    Viewer,
}

/// Scope of an API key.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::right::KeyScope")]
pub enum KeyScope {
    /// Read the inbox, except notes and activities.
    Read,
    /// Read notes and activities. Combine it with `READ`.
    Notes,
    /// Change the inbox: reply, assign, label.
    Write,
    /// Read and change settings: sources, webhooks, keys, members.
    Admin,
}

/// Object that has arrived before the object that it refers to.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::waiting::WaitingHalf")]
pub enum WaitingHalf {
    /// A status report on an unknown message, without a recipient.
    StatusReport,
    /// A newer version of an unknown message, without its conversation.
    Update,
    /// A file of an unknown message.
    Attachment,
    /// A reply to an unknown message.
    Quote,
    /// A deletion of an unknown object.
    Deletion,
    /// A placeholder message: only status reports have arrived.
    Placeholder,
}

/// Result of processing an inbound event.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::outcome::Outcome")]
pub enum InboundOutcome {
    /// Applied. It raises no event if it contains nothing new.
    Accepted,
    /// A repeat: everything in it had been applied before.
    Duplicate,
    /// Authentic, but the adapter does not know this event.
    Unrecognised,
    /// Authentic and readable, but Inlet could not apply it. You can replay it.
    Failed,
    /// Authentic, but unreadable.
    Quarantined,
}

/// Status of a campaign.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::campaigns::CampaignStatus")]
pub enum CampaignStatus {
    /// The provider still sends.
    Running,
    /// The provider has finished.
    Completed,
}

/// Status of a campaign report that Inlet fetches.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::report_jobs::ReportStatus")]
pub enum CampaignReportStatus {
    /// Waits for its turn or for the next attempt.
    Pending,
    /// Inlet is fetching it.
    Running,
    /// Inlet has applied every page.
    Done,
    /// Inlet has given up.
    Failed,
}

/// Kind of address.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::contacts::AddressKind")]
pub enum IdentityKind {
    /// A phone number.
    Phone,
    /// An email address.
    Email,
    /// A user name at a provider.
    Username,
    /// A provider's id of a user.
    ProviderUser,
    /// A provider's id of a conversation.
    ProviderConversation,
    /// A provider's id of a group.
    Group,
}

/// Reason why two contacts may be the same person.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::contacts::MergeReason")]
pub enum MergeReason {
    /// Both share a phone number: one writes from the number in the other's profile, or both profiles name it.
    SamePhone,
    /// Both share an email address: one writes from the address in the other's profile, or both profiles name it.
    SameEmail,
}

/// Availability of a member.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::member::Availability")]
pub enum Availability {
    /// At work.
    Online,
    /// Temporarily away.
    Away,
    /// Not at work.
    Offline,
}
