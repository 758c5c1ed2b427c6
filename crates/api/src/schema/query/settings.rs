//! What those read who run a workspace: who asks, what comes in and what goes out.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use inlet_domain::{
    ids::AnyId,
    model::right::{Grant, Right},
    scope::Actor as DomainActor,
};
use inlet_store::records::{api_keys, audit, delivery_log, invitations, page::Page, sessions, sources, webhooks};

use crate::{
    error::{ApiError, ErrorCode, Result},
    execution::context::{Shared, loaders, reads, session, viewer},
    schema::types::{
        audit::AuditEntry,
        channel::Source,
        connection::{Connection, page_cost, slice},
        enums,
        invitation::Invitation,
        member::{ApiKey, Member},
        node::typed,
        scalars::{Cursor, DateTime},
        session::{Session, may_see},
        webhook::{Attempt, Delivery, Webhook},
    },
};

/// Who asks, and what their credential gives.
#[derive(SimpleObject)]
pub struct Viewer {
    /// The workspace that they see.
    workspace_id: ID,
    /// The member, of a session.
    member: Option<Member>,
    /// The key, of an API key.
    api_key: Option<ApiKey>,
    /// The member's role, of a session.
    role: Option<enums::Role>,
    /// The key's scopes, of an API key.
    scopes: Option<Vec<enums::KeyScope>>,
    /// When the credential ends by itself.
    expires_at: Option<DateTime>,
}

/// Which deliveries are wanted. The values of each member mean "any of".
#[derive(InputObject, Default)]
pub struct DeliveryFilter {
    /// The webhook that they are for.
    webhook_id: Option<ID>,
    /// The event that they are of.
    event_id: Option<ID>,
    /// Where they stand.
    #[graphql(default)]
    status: Vec<enums::DeliveryState>,
    /// The types of their events.
    #[graphql(default)]
    event_type: Vec<String>,
    /// Of events of this moment or later, to the millisecond.
    occurred_from: Option<DateTime>,
    /// Of events before this moment.
    occurred_to: Option<DateTime>,
}

impl DeliveryFilter {
    fn read(self) -> Result<delivery_log::DeliveryFilter, ApiError> {
        Ok(delivery_log::DeliveryFilter {
            webhook: self.webhook_id.as_ref().map(|id| typed("filter.webhookId", id)).transpose()?,
            event: self.event_id.as_ref().map(|id| typed("filter.eventId", id)).transpose()?,
            statuses: self.status.into_iter().map(Into::into).collect(),
            event_types: self.event_type,
            from: self.occurred_from.map(|at| at.0),
            to: self.occurred_to.map(|at| at.0),
        })
    }
}

/// Which attempts are wanted. The values of each member mean "any of".
#[derive(InputObject, Default)]
pub struct AttemptFilter {
    /// The delivery that they are of.
    delivery_id: Option<ID>,
    /// The kinds of errors, in one word: `timeout`, `connect`, `dns`, `tls`, `refused_address`, `redirect`, `status` ...
    #[graphql(default)]
    error_kind: Vec<String>,
    /// The HTTP statuses of the answers.
    #[graphql(default)]
    response_status: Vec<i32>,
}

/// Which entries of the audit log are wanted. The values of each member mean "any of".
#[derive(InputObject, Default)]
pub struct AuditLogFilter {
    /// The global ids of members and API keys who did it.
    #[graphql(default)]
    actor_id: Vec<ID>,
    /// The acts, such as `createSource`.
    #[graphql(default)]
    action: Vec<String>,
    /// The global ids of what it was done to.
    #[graphql(default)]
    subject_id: Vec<ID>,
    /// At this moment or later, to the millisecond.
    occurred_from: Option<DateTime>,
    /// Before this moment.
    occurred_to: Option<DateTime>,
}

impl AuditLogFilter {
    fn read(self) -> Result<audit::Filter, ApiError> {
        let any = |path: &str, ids: &[ID]| -> Result<Vec<_>, ApiError> {
            ids.iter().map(|id| typed::<AnyId>(path, id).map(AnyId::uuid)).collect()
        };
        Ok(audit::Filter {
            actors: any("filter.actorId", &self.actor_id)?,
            actions: self.action,
            subjects: any("filter.subjectId", &self.subject_id)?,
            from: self.occurred_from.map(|at| at.0),
            to: self.occurred_to.map(|at| at.0),
        })
    }
}

/// The part of the query root for settings and their logs.
#[derive(Default)]
pub(super) struct Settings;

#[Object]
impl Settings {
    /// Who asks; null without a credential.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        let Ok(session) = session(ctx) else { return Ok(None) };
        let viewer = &session.viewer;
        let (mut member, mut api_key) = (None, None);
        match viewer.actor {
            DomainActor::Member(id) => {
                member = loaders(ctx)?.members.load(id).await?.map(Member);
            }
            DomainActor::ApiKey(id) => {
                api_key = loaders(ctx)?.keys.load(id).await?.map(ApiKey);
            }
            DomainActor::Provider | DomainActor::System => {}
        }
        let (role, scopes) = match &session.grant() {
            Grant::Role(role) => (Some((*role).into()), None),
            Grant::Scopes(scopes) => (None, Some(scopes.iter().map(|scope| (*scope).into()).collect())),
        };
        let workspace_id = ID(viewer.scope.workspace().to_string());
        let expires_at = viewer.expires_at.map(DateTime);
        Ok(Some(Viewer { workspace_id, member, api_key, role, scopes, expires_at }))
    }

    /// Sessions that have not ended, newest first: the viewer's own, or, with the right to manage members, everyone's.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
        #[graphql(desc = "Only those of this member.")] member_id: Option<ID>,
    ) -> Result<Option<Connection<Session>>> {
        let viewer = viewer(ctx)?;
        let slice = slice(first, after, last, before)?;
        let wanted = member_id.as_ref().map(|id| typed("memberId", id)).transpose()?;
        let seen = match (wanted, viewer.actor) {
            (Some(member), _) if may_see(ctx, member) => Some(member),
            (None, _) if session(ctx)?.may(Right::ManageMembers) => None,
            (None, DomainActor::Member(own)) => Some(own),
            _ => {
                let message = "this credential does not give the right `manage_members`";
                return Err(ApiError::new(ErrorCode::Forbidden, message));
            }
        };
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let page = sessions::list(&*reads(ctx).await, viewer.scope, seen, shared.ambient.now(), &slice).await;
        Ok(Some(Connection::of(page?, |row| Session(Arc::new(row)))))
    }

    /// API keys, oldest first, those that have ended among them.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<ApiKey>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = api_keys::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| ApiKey(Arc::new(row)))))
    }

    /// Invitations, newest first, those that are over among them.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Invitation>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let page = invitations::list(&*reads(ctx).await, scope, &slice).await?;
        Ok(Some(Connection::of(page, |row| Invitation(Arc::new(row)))))
    }

    /// The acts of people, programs and operators, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
        #[graphql(desc = "Which are wanted.")] filter: Option<AuditLogFilter>,
    ) -> Result<Option<Connection<AuditEntry>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let filter = filter.unwrap_or_default().read()?;
        let page = audit::list(&*reads(ctx).await, scope, &filter, &slice).await?;
        Ok(Some(Connection::of(page, |row| AuditEntry(Arc::new(row)))))
    }

    /// Sources, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn sources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Source>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let all = sources::list(&*reads(ctx).await, scope, &shared.sealer).await?;
        let page = Page::within(all, |(source, _)| source.id.0, &slice)?;
        Ok(Some(Connection::of(page, |found| Source::new(shared, found))))
    }

    /// Webhooks, oldest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn webhooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Webhook>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let all = webhooks::list(&*reads(ctx).await, scope).await?;
        let page = Page::within(all, |webhook| webhook.id.0, &slice)?;
        Ok(Some(Connection::of(page, |webhook| Webhook(Arc::new(webhook)))))
    }

    /// Deliveries to webhooks, newest first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
        #[graphql(desc = "Which are wanted.")] filter: Option<DeliveryFilter>,
    ) -> Result<Option<Connection<Delivery>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let filter = filter.unwrap_or_default().read()?;
        let page = delivery_log::list(&*reads(ctx).await, scope, &filter, &slice).await;
        Ok(Some(Connection::of(page?, |row| Delivery(Arc::new(row)))))
    }

    /// Attempts of deliveries, the newest events' first.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn attempts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
        #[graphql(desc = "Which are wanted.")] filter: Option<AttemptFilter>,
    ) -> Result<Option<Connection<Attempt>>> {
        let scope = viewer(ctx)?.scope;
        let slice = slice(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let filter = delivery_log::AttemptFilter {
            delivery: filter.delivery_id.as_ref().map(|id| typed("filter.deliveryId", id)).transpose()?,
            error_kinds: filter.error_kind,
            statuses: filter.response_status,
        };
        let page = delivery_log::attempts(&*reads(ctx).await, scope, &filter, &slice).await;
        Ok(Some(Connection::of(page?, |row| Attempt(Arc::new(row)))))
    }
}
