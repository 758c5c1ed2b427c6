//! The lists of the query root.

use std::sync::Arc;

use async_graphql::{Context, ID};
use inlet_domain::{ids::MemberId, model::right::Right, scope::Actor};
use inlet_store::records::{
    api_keys, audit, balance_alerts, campaigns, channels, contacts, conversations, credentials::Viewer, delivery_log,
    groups, inbound_events, invitations, labels, members, opt_outs, page::Page, sessions, sources, teams,
    verifications, waiting_references, webhooks,
};

use super::filters::{AttemptFilter, AuditLogFilter, ConversationOrder, DeliveryFilter};
use crate::{
    access::credential::no_right,
    error::Result,
    execution::context::{Shared, reads, session},
    schema::{
        lists::lists,
        types::{
            audit::AuditEntry,
            channel::{Channel, ProviderAccount, Source},
            contact::{Contact, Group},
            conversation::Conversation,
            conversation_filter::ConversationFilter,
            inbound_event::{InboundEvent, InboundEventFilter},
            invitation::Invitation,
            label::Label,
            member::{ApiKey, Member, Team},
            node::typed,
            report::{BalanceAlert, Campaign, OptOut, Verification},
            session::{Session, may_see},
            waiting_reference::WaitingReference,
            webhook::{Attempt, Delivery, Webhook},
        },
    },
};

lists! {
    /// The list of conversations.
    ConversationQueries;
    |ctx, viewer, slice|

    /// Conversations. By default, the conversation with the latest activity comes first.
    conversations(
        #[graphql(desc = "Return only conversations that match this filter.")] filter: Option<ConversationFilter>,
        #[graphql(desc = "Sort order. Default: `LAST_ACTIVITY`, `DESC`.")] order_by: Option<ConversationOrder>
    ) -> Conversation = {
        let filter = filter.unwrap_or_default().into_store()?;
        let (order, descending) = order_by.unwrap_or_default().into_store();
        conversations::list(&*reads(ctx).await, viewer.scope, &filter, order, descending, &slice).await?
    };
}

lists! {
    /// The lists that belong to the inbox.
    InboxQueries;
    |ctx, viewer, slice|

    /// Contacts, newest first.
    contacts -> Contact = contacts::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Channels, oldest first.
    channels -> Channel = channels::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Provider accounts, oldest first.
    provider_accounts -> ProviderAccount = channels::accounts(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Members, oldest first.
    members -> Member = members::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Teams, oldest first.
    teams -> Team = teams::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Labels, oldest first.
    labels -> Label = labels::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Groups, oldest first.
    groups -> Group = groups::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Campaigns, newest first.
    campaigns -> Campaign = campaigns::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Opt-outs in force, the most recently received first. The order may differ from that of `createdAt`, which is the
    /// provider's time.
    opt_outs(
        #[graphql(desc = "Whether to include withdrawn opt-outs. Default: false.")] withdrawn: Option<bool>
    ) -> OptOut = opt_outs::list(&*reads(ctx).await, viewer.scope, withdrawn.unwrap_or(false), &slice).await?;

    /// OTP verifications, newest first.
    verifications -> Verification = verifications::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Low-credit warnings from providers, newest first.
    balance_alerts -> BalanceAlert = balance_alerts::list(&*reads(ctx).await, viewer.scope, &slice).await?;
}

lists! {
    /// The list of the raw log.
    RawLogQueries;
    |ctx, viewer, slice|

    /// The raw log: requests that providers sent, newest first.
    inbound_events(
        #[graphql(desc = "Return only requests that match this filter.")] filter: Option<InboundEventFilter>
    ) -> InboundEvent = {
        let filter = filter.unwrap_or_default().read("filter")?;
        inbound_events::list(&*reads(ctx).await, viewer.scope, &filter, &slice).await?
    };
}

lists! {
    /// The lists of settings and of their logs.
    SettingsQueries;
    |ctx, viewer, slice|

    /// Active sessions, newest first. Without the right `manage_members`, the list holds only the viewer's own
    /// sessions.
    sessions(
        #[graphql(desc = "Return only sessions of the member with this global id.")] member_id: Option<ID>
    ) -> Session = {
        let seen = sessions_of(ctx, viewer, member_id.as_ref())?;
        let now = ctx.data_unchecked::<Arc<Shared>>().ambient.now();
        sessions::list(&*reads(ctx).await, viewer.scope, seen, now, &slice).await?
    };

    /// API keys, oldest first. The list includes expired and revoked keys.
    api_keys -> ApiKey = api_keys::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// Invitations, newest first. The list includes accepted, expired and revoked invitations.
    invitations -> Invitation = invitations::list(&*reads(ctx).await, viewer.scope, &slice).await?;

    /// The audit log: actions of members, API keys and operators, newest first.
    audit_log(
        #[graphql(desc = "Return only entries that match this filter.")] filter: Option<AuditLogFilter>
    ) -> AuditEntry = {
        let filter = filter.unwrap_or_default().read()?;
        audit::list(&*reads(ctx).await, viewer.scope, &filter, &slice).await?
    };

    /// Sources, oldest first.
    sources -> Source = {
        let all = sources::list(&*reads(ctx).await, viewer.scope, &ctx.data_unchecked::<Arc<Shared>>().sealer).await?;
        Page::within(all, |(source, _)| source.id.0, &slice)?
    }, |found| Source::new(ctx.data_unchecked::<Arc<Shared>>(), found);

    /// Webhooks, oldest first.
    webhooks -> Webhook = {
        let all = webhooks::list(&*reads(ctx).await, viewer.scope).await?;
        Page::within(all, |webhook| webhook.id.0, &slice)?
    };

    /// Webhook deliveries, newest first.
    deliveries(
        #[graphql(desc = "Return only deliveries that match this filter.")] filter: Option<DeliveryFilter>
    ) -> Delivery = {
        let filter = filter.unwrap_or_default().read()?;
        delivery_log::list(&*reads(ctx).await, viewer.scope, &filter, &slice).await?
    };

    /// Delivery attempts. Attempts of the newest events come first.
    attempts(
        #[graphql(desc = "Return only attempts that match this filter.")] filter: Option<AttemptFilter>
    ) -> Attempt = {
        let filter = filter.unwrap_or_default().read()?;
        delivery_log::attempts(&*reads(ctx).await, viewer.scope, &filter, &slice).await?
    };

    /// References to objects that have not arrived, while a report, file, reply or deletion of them has. The longest
    /// wait comes first. The list includes placeholder messages.
    waiting_references -> WaitingReference = waiting_references::list(&*reads(ctx).await, viewer.scope, &slice).await?;
}

/// The member whose sessions to list; `None` lists those of every member.
fn sessions_of(ctx: &Context<'_>, viewer: &Viewer, wanted: Option<&ID>) -> Result<Option<MemberId>> {
    let wanted = wanted.map(|id| typed("memberId", id)).transpose()?;
    match (wanted, viewer.actor) {
        (Some(member), _) if may_see(ctx, member) => Ok(Some(member)),
        (None, _) if session(ctx)?.may(Right::ManageMembers) => Ok(None),
        (None, Actor::Member(own)) => Ok(Some(own)),
        _ => Err(no_right(&[Right::ManageMembers])),
    }
}
