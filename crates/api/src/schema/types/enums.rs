//! The words of the model as enums of the schema. Each is checked against the model by the compiler.

mod webhooks;

pub use self::webhooks::{
    ActorKind, BodyFormat, DeliveryState, HttpMethod, Miss, RetryPreset, SignatureAlgorithm, SkipReason, WebhookStatus,
};
use async_graphql::Enum;

/// Where a conversation stands with the agents.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::conversation::ConversationStatus")]
pub enum ConversationStatus {
    /// No one has it yet.
    InQueue,
    /// An agent has it.
    Open,
    /// Waiting for the other side.
    Pending,
    /// Put off until a time or the next message.
    Snoozed,
    /// Done.
    Closed,
}

/// How urgent it is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::conversation::Priority")]
pub enum Priority {
    /// Can wait.
    Low,
    /// As most.
    Normal,
    /// Before most.
    High,
    /// Now.
    Urgent,
}

/// Which way a message goes.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::message::Direction")]
pub enum Direction {
    /// To us.
    Inbound,
    /// From us.
    Outbound,
}

/// The kind of an entry of a conversation.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::message::MessageKind")]
pub enum MessageKind {
    /// Something written or sent.
    Message,
    /// An agent's note, never sent.
    Note,
    /// A call.
    Call,
    /// Something that happened in the conversation.
    Activity,
}

/// Who first had an outbound message.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::message::Origin")]
pub enum Origin {
    /// Sent through Inlet.
    Inlet,
    /// Seen at the provider.
    Provider,
}

/// The kind of a file.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::message::AttachmentKind")]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// A document.
    Document,
    /// Anything else.
    Other,
}

/// How far a sent message has come. The order of the values is the ladder.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::status::DeliveryStatus")]
pub enum DeliveryStatus {
    /// With us.
    Queued,
    /// With the operator.
    Sent,
    /// It will not arrive; a delivery that is reported nevertheless is above this.
    Failed,
    /// On the handset.
    Delivered,
    /// Read.
    Read,
}

/// The kind of a channel.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::channel::Medium")]
pub enum Medium {
    /// WhatsApp.
    Whatsapp,
    /// Text messages.
    Sms,
    /// Rich Communication Services.
    Rcs,
    /// Viber.
    Viber,
    /// Calls.
    Voice,
    /// Virtual mobile numbers: text messages to a rented number.
    Vmn,
    /// Email.
    Email,
    /// A chat on a web page.
    Webchat,
    /// Facebook Messenger.
    Messenger,
    /// Telegram.
    Telegram,
    /// Anything else.
    Other,
}

/// Who posts to a source, and so which adapter reads it.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::provider::Provider")]
pub enum Provider {
    /// OneRoute.
    Oneroute,
    /// MobTexting and the white labels of it.
    Mobtexting,
    /// Oblic.
    Oblic,
    /// Anyone: the source carries a mapping from what comes to our fields.
    Custom,
}

/// How a source tells that a request is authentic.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::provider::Verification")]
pub enum SourceVerification {
    /// By a signature under the source's secret.
    Hmac,
    /// Not at all: only where an operator set it so.
    None,
}

/// The keyed hash that a provider signs with.
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

/// How the bytes of a signature are written.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::source::SignatureEncoding")]
pub enum SignatureEncoding {
    /// Two hexadecimal digits a byte, in any case.
    Hex,
    /// Base64, with or without padding.
    #[graphql(name = "BASE64")]
    Base64,
    /// Base64 with the alphabet of URLs, with or without padding.
    #[graphql(name = "BASE64URL")]
    Base64url,
}

/// Which leg of a call is the customer's.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::source::CallLeg")]
pub enum CallLeg {
    /// The one that was called.
    To,
    /// The one that called.
    From,
}

/// The messages that a contact refuses.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::opt_out::OptOutScope")]
pub enum OptOutScope {
    /// Of anything.
    All,
    /// Of one category.
    Category,
    /// From one sender.
    Sender,
    /// Of one tag.
    Tag,
    /// Of one service.
    Service,
    /// Of one product.
    Product,
}

/// The role of a member in a workspace. The order of the values is the ladder: each role has all rights of the next one.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::right::Role")]
pub enum Role {
    /// Has the workspace.
    Owner,
    /// Runs the workspace: members, keys, sources, webhooks.
    Admin,
    /// Answers conversations.
    Agent,
    /// Looks on.
    Viewer,
}

/// The scope of an API key.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::right::KeyScope")]
pub enum KeyScope {
    /// Reads the inbox, but for notes and activities.
    Read,
    /// Reads notes and activities, beside what `READ` gives: what agents write to each other.
    Notes,
    /// Changes the inbox: replies, assigns, labels.
    Write,
    /// Reads and changes settings: sources, webhooks, keys, members.
    Admin,
}

/// The half that is here of what waits for its other half.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::waiting::WaitingHalf")]
pub enum WaitingHalf {
    /// A report on a message that is not known, and that names no receiver.
    StatusReport,
    /// A newer version of a message that is not known, which does not tell where that belongs.
    Update,
    /// A file of a message that is not known.
    Attachment,
    /// A reply to a message that is not known.
    Quote,
    /// The deletion of what is not known.
    Deletion,
    /// A message of which only reports have come.
    Placeholder,
}

/// The outcome of an inbound event.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::outcome::Outcome")]
pub enum InboundOutcome {
    /// It was applied. That raises no event where it tells nothing new.
    Accepted,
    /// All that it says had its effect already.
    Duplicate,
    /// Authentic, but no event that the adapter knows.
    Unrecognised,
    /// It cannot be applied; it can be replayed.
    Failed,
    /// Authentic, but unreadable.
    Quarantined,
}

/// How far a mass sending has come.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::campaigns::CampaignStatus")]
pub enum CampaignStatus {
    /// Under way.
    Running,
    /// Done.
    Completed,
}

/// How far the fetching of a campaign's report has come.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::report_jobs::ReportStatus")]
pub enum CampaignReportStatus {
    /// It waits for its turn, or for the next attempt.
    Pending,
    /// It is being fetched.
    Running,
    /// Every page was applied.
    Done,
    /// It was given up.
    Failed,
}

/// The kind of an address.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::contacts::AddressKind")]
pub enum IdentityKind {
    /// A phone number.
    Phone,
    /// An email address.
    Email,
    /// A name at a provider.
    Username,
    /// A provider's id of a user.
    ProviderUser,
    /// A provider's id of a conversation.
    ProviderConversation,
    /// A provider's id of a group.
    Group,
}

/// Why two contacts may be the same person.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_store::records::contacts::MergeReason")]
pub enum MergeReason {
    /// Both have the same phone number: one writes from the number that the other's profile names, or both name it.
    SamePhone,
    /// Both have the same email address: one writes from the address that the other's profile names, or both name it.
    SameEmail,
}

/// Whether a member can be reached.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "inlet_domain::model::member::Availability")]
pub enum Availability {
    /// At work.
    Online,
    /// Not just now.
    Away,
    /// Not at work.
    Offline,
}
