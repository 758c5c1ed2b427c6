//! The Node interface: any object by its global id.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface};
use inlet_domain::ids::AnyId;
use inlet_store::records::{
    audit, balance_alerts, campaigns, contacts, conversations, delivery_log, groups, inbound_events, invitations,
    messages, opt_outs, sessions, sources, verifications, waiting_references, webhooks,
};

use super::{
    audit::AuditEntry,
    channel::{Channel, ProviderAccount, Source},
    contact::{Contact, Group, Identity},
    conversation::Conversation,
    event::Event,
    inbound_event::InboundEvent,
    invitation::Invitation,
    label::Label,
    member::{ApiKey, Member, Team},
    message::{Attachment, Message, StatusReport},
    report::{BalanceAlert, Campaign, OptOut, Verification},
    session::{Session, may_see},
    waiting_reference::WaitingReference,
    webhook::{Attempt, Delivery, Webhook},
};
use crate::{
    error::{ApiError, Result},
    execution::context::{Shared, loaders, reads, session, viewer, viewer_of_kind},
};

/// How much of an object to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// As much as a list shows.
    Listed,
    /// All of it.
    Whole,
}

/// An object with a global id.
#[derive(Interface, Clone)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id."))]
pub enum Node {
    /// An API key.
    ApiKey(ApiKey),
    /// A file of a message.
    Attachment(Attachment),
    /// An attempt of a delivery.
    Attempt(Attempt),
    /// An entry of the audit log.
    AuditEntry(AuditEntry),
    /// A balance alert.
    BalanceAlert(BalanceAlert),
    /// A campaign.
    Campaign(Campaign),
    /// A channel.
    Channel(Channel),
    /// A contact.
    Contact(Contact),
    /// A conversation.
    Conversation(Conversation),
    /// A delivery.
    Delivery(Delivery),
    /// An event.
    Event(Event),
    /// A group.
    Group(Group),
    /// An address of a contact or a group.
    Identity(Identity),
    /// A request from a provider.
    InboundEvent(InboundEvent),
    /// An invitation.
    Invitation(Invitation),
    /// A label.
    Label(Label),
    /// A member.
    Member(Member),
    /// A message.
    Message(Message),
    /// An opt-out.
    OptOut(OptOut),
    /// A provider account.
    ProviderAccount(ProviderAccount),
    /// A session.
    Session(Session),
    /// A source.
    Source(Source),
    /// A status report on a message.
    StatusReport(StatusReport),
    /// A team.
    Team(Team),
    /// A verification.
    Verification(Verification),
    /// A reference that waits for its object.
    WaitingReference(WaitingReference),
    /// A webhook.
    Webhook(Webhook),
}

/// The object with this id, shown to this extent; `None` if the workspace has none, or the kind is no node.
///
/// # Errors
/// `BAD_USER_INPUT` for a malformed id, `FORBIDDEN` for a kind that the viewer may not see, and those of the look-ups.
pub async fn node(ctx: &Context<'_>, id: &str, extent: Extent) -> Result<Option<Node>> {
    viewer(ctx)?;
    let id: AnyId = id.parse()?;
    let Some(kind) = kind_of(id) else { return Ok(None) };
    let scope = viewer_of_kind(ctx, kind)?.scope;
    let loaders = loaders(ctx)?;
    let shared = ctx.data_unchecked::<Arc<Shared>>();
    Ok(match id {
        AnyId::ConversationId(id) => match extent {
            Extent::Listed => loaders.conversations.load(id).await?,
            Extent::Whole => conversations::whole(&*reads(ctx).await, scope, id).await?.map(Arc::new),
        }
        .map(|it| Node::Conversation(Conversation(it))),
        AnyId::MessageId(id) => match extent {
            Extent::Listed => session(ctx)?.message(id).await?.map(Message::listed),
            Extent::Whole => {
                let found = session(ctx)?.whole_message(&*reads(ctx).await, id).await?;
                found.map(Message::whole)
            }
        }
        .map(Node::Message),
        AnyId::ContactId(id) => match extent {
            Extent::Listed => loaders.contacts.load(id).await?,
            Extent::Whole => contacts::whole(&*reads(ctx).await, scope, id).await?.map(Arc::new),
        }
        .map(|it| Node::Contact(Contact(it))),
        AnyId::ChannelId(id) => loaders.channels.load(id).await?.map(|it| Node::Channel(Channel(it))),
        AnyId::ProviderAccountId(id) => {
            loaders.accounts.load(id).await?.map(|it| Node::ProviderAccount(ProviderAccount(it)))
        }
        AnyId::MemberId(id) => loaders.members.load(id).await?.map(|it| Node::Member(Member(it))),
        AnyId::ApiKeyId(id) => loaders.keys.load(id).await?.map(|it| Node::ApiKey(ApiKey(it))),
        AnyId::TeamId(id) => loaders.teams.load(id).await?.map(|it| Node::Team(Team(it))),
        AnyId::LabelId(id) => loaders.labels.load(id).await?.map(|it| Node::Label(Label(it))),
        AnyId::GroupId(id) => match extent {
            Extent::Listed => loaders.groups.load(id).await?,
            Extent::Whole => groups::whole(&*reads(ctx).await, scope, id).await?.map(Arc::new),
        }
        .map(|it| Node::Group(Group(it))),
        AnyId::CampaignId(id) => {
            let found = campaigns::by_ids(&*reads(ctx).await, scope, &[id]).await?.pop();
            found.map(|it| Node::Campaign(Campaign(Arc::new(it))))
        }
        AnyId::OptOutId(id) => {
            let found = opt_outs::by_ids(&*reads(ctx).await, scope, &[id]).await?.pop();
            found.map(|it| Node::OptOut(OptOut(Arc::new(it))))
        }
        AnyId::VerificationId(id) => {
            let found = verifications::by_ids(&*reads(ctx).await, scope, &[id]).await?.pop();
            found.map(|it| Node::Verification(Verification(Arc::new(it))))
        }
        AnyId::BalanceAlertId(id) => {
            let found = balance_alerts::by_ids(&*reads(ctx).await, scope, &[id]).await?.pop();
            found.map(|it| Node::BalanceAlert(BalanceAlert(Arc::new(it))))
        }
        AnyId::InboundEventId(id) => {
            let found = inbound_events::by_ids(&*reads(ctx).await, scope, &[id]).await?.pop();
            found.map(|it| Node::InboundEvent(InboundEvent(Arc::new(it))))
        }
        AnyId::DeliveryId(id) => {
            let found = delivery_log::by_ids(&*reads(ctx).await, scope, &[id]).await?.pop();
            found.map(|it| Node::Delivery(Delivery(Arc::new(it))))
        }
        AnyId::AttemptId(id) => {
            let found = delivery_log::attempt(&*reads(ctx).await, scope, id).await?;
            found.map(|it| Node::Attempt(Attempt(Arc::new(it))))
        }
        AnyId::WebhookId(id) => {
            let found = webhooks::by_id(&*reads(ctx).await, scope, id).await?;
            found.map(|it| Node::Webhook(Webhook(Arc::new(it))))
        }
        AnyId::WaitingReferenceId(id) => {
            let found = waiting_references::by_id(&*reads(ctx).await, scope, id).await?;
            found.map(|it| Node::WaitingReference(WaitingReference(Arc::new(it))))
        }
        AnyId::SourceId(id) => {
            let found = sources::with_token(&*reads(ctx).await, scope, &shared.sealer, id).await?;
            found.map(|found| Node::Source(Source::new(shared, found)))
        }
        AnyId::EventId(id) => Event::of_ids(ctx, &[id]).await?.pop().map(Node::Event),
        AnyId::AuditEntryId(id) => {
            let found = audit::by_id(&*reads(ctx).await, scope, id).await?;
            found.map(|it| Node::AuditEntry(AuditEntry(Arc::new(it))))
        }
        AnyId::InvitationId(id) => {
            let found = invitations::by_id(&*reads(ctx).await, scope, id).await?;
            found.map(|it| Node::Invitation(Invitation(Arc::new(it))))
        }
        AnyId::SessionId(id) => {
            let found = sessions::by_id(&*reads(ctx).await, scope, id, shared.ambient.now()).await?;
            let seen = found.filter(|it| may_see(ctx, it.member_id));
            seen.map(|it| Node::Session(Session(Arc::new(it))))
        }
        AnyId::IdentityId(id) => {
            let found = contacts::identity(&*reads(ctx).await, scope, id).await?;
            found.map(|it| Node::Identity(Identity(Arc::new(it))))
        }
        // The right to see a message includes its attachments and reports.
        AnyId::AttachmentId(id) => {
            let found = messages::attachment(&*reads(ctx).await, scope, id).await?;
            let Some(message) = found.as_ref().and_then(|found| found.message_id) else { return Ok(None) };
            let message = session(ctx)?.message(message).await?;
            message.and(found).map(|it| Node::Attachment(Attachment(Arc::new(it))))
        }
        AnyId::StatusReportId(id) => {
            let found = messages::report(&*reads(ctx).await, scope, id).await?;
            let Some(found) = found else { return Ok(None) };
            let message = session(ctx)?.message(found.message_id).await?;
            message.map(|_| Node::StatusReport(StatusReport(Arc::new(found))))
        }
        AnyId::WorkspaceId(_) | AnyId::PersonId(_) | AnyId::ReportJobId(_) => None,
    })
}

/// The object type of an id; `None` for a kind that is no node.
fn kind_of(id: AnyId) -> Option<&'static str> {
    Some(match id {
        AnyId::ApiKeyId(_) => "ApiKey",
        AnyId::AttachmentId(_) => "Attachment",
        AnyId::AttemptId(_) => "Attempt",
        AnyId::AuditEntryId(_) => "AuditEntry",
        AnyId::BalanceAlertId(_) => "BalanceAlert",
        AnyId::CampaignId(_) => "Campaign",
        AnyId::ChannelId(_) => "Channel",
        AnyId::ContactId(_) => "Contact",
        AnyId::ConversationId(_) => "Conversation",
        AnyId::DeliveryId(_) => "Delivery",
        AnyId::EventId(_) => "Event",
        AnyId::GroupId(_) => "Group",
        AnyId::IdentityId(_) => "Identity",
        AnyId::InboundEventId(_) => "InboundEvent",
        AnyId::InvitationId(_) => "Invitation",
        AnyId::LabelId(_) => "Label",
        AnyId::MemberId(_) => "Member",
        AnyId::MessageId(_) => "Message",
        AnyId::OptOutId(_) => "OptOut",
        AnyId::ProviderAccountId(_) => "ProviderAccount",
        AnyId::SessionId(_) => "Session",
        AnyId::SourceId(_) => "Source",
        AnyId::StatusReportId(_) => "StatusReport",
        AnyId::TeamId(_) => "Team",
        AnyId::VerificationId(_) => "Verification",
        AnyId::WaitingReferenceId(_) => "WaitingReference",
        AnyId::WebhookId(_) => "Webhook",
        AnyId::WorkspaceId(_) | AnyId::PersonId(_) | AnyId::ReportJobId(_) => return None,
    })
}

/// A typed id from an argument.
///
/// # Errors
/// `BAD_USER_INPUT` for an id of another kind.
pub fn typed<I: std::str::FromStr<Err = inlet_domain::ids::InvalidId>>(path: &str, id: &ID) -> Result<I, ApiError> {
    id.parse().map_err(|error: inlet_domain::ids::InvalidId| ApiError::input(path, error.to_string()))
}
