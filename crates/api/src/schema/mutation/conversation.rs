//! What agents decide about conversations, and what they have read.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use inlet_domain::{
    ids::{ConversationId, InvalidId, LabelId},
    model::{handling::Decision, right::Right},
};
use inlet_store::records::inbox::{self, Mark};

use super::{asked, or_conflict};
use crate::{
    access::requester::Requester,
    error::{ApiError, Result},
    execution::context::{Shared, loaders},
    schema::types::{
        conversation::Conversation,
        enums,
        node::typed,
        scalars::{DateTime, Revision},
    },
};

/// Labels of one mutation.
const MOST_LABELS: usize = 100;

/// Who is to have a conversation. What is left out stays as it is; at least one of the two is given.
#[derive(InputObject)]
pub struct AssignConversationInput {
    /// Its global id.
    id: ID,
    /// The member who has it from now on: a conversation that waits IN_QUEUE is then OPEN. A member who is disabled or a
    /// VIEWER is refused. Null takes it from whoever has it: one that is OPEN goes back IN_QUEUE.
    member_id: MaybeUndefined<ID>,
    /// The team whose it is from now on; null makes it no team's.
    team_id: MaybeUndefined<ID>,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// Where a conversation is to stand.
#[derive(InputObject)]
pub struct SetConversationStatusInput {
    /// Its global id.
    id: ID,
    /// Where it stands from now on. IN_QUEUE takes it from whoever has it; SNOOZED puts it off until the next message (see
    /// `snoozeConversation` for a time). A CLOSED one is reopened, as IN_QUEUE or OPEN, before it becomes anything else;
    /// that is refused where another of the same address on the same channel is not closed. One whose assignee is disabled
    /// or a VIEWER is reopened without them.
    status: enums::ConversationStatus,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// Until when a conversation is put off.
#[derive(InputObject)]
pub struct SnoozeConversationInput {
    /// Its global id.
    id: ID,
    /// When it comes back by itself, OPEN where someone has it and else IN_QUEUE, if no message wakes it before.
    until: DateTime,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// How urgent a conversation is to be.
#[derive(InputObject)]
pub struct SetPriorityInput {
    /// Its global id.
    id: ID,
    /// How urgent it is from now on.
    priority: enums::Priority,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// Labels to put on a conversation.
#[derive(InputObject)]
pub struct AddLabelsInput {
    /// Its global id.
    id: ID,
    /// The labels, at most 100; those that it has already stay. A conversation has at most 100.
    label_ids: Vec<ID>,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// Labels to take off a conversation.
#[derive(InputObject)]
pub struct RemoveLabelsInput {
    /// Its global id.
    id: ID,
    /// The labels, at most 100; those that it does not have change nothing.
    label_ids: Vec<ID>,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// Which conversation was read, and how far.
#[derive(InputObject)]
pub struct MarkReadInput {
    /// Its global id.
    id: ID,
    /// The global id of a message of the conversation. Inbound messages that arrived at Inlet after it stay unread; all that
    /// arrived before it are read. The order is that of arrival, not that of `occurredAt`: pass the message that arrived last
    /// among those that the dashboard shows, the one with the greatest `id`, for ids are ordered by arrival. It may be an
    /// outbound message or a note. A mark that stands further stays there. Without `upTo` all messages are read, also those
    /// that the dashboard does not show yet.
    up_to: Option<ID>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// Which conversation is to be unread again.
#[derive(InputObject)]
pub struct MarkUnreadInput {
    /// Its global id.
    id: ID,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

macro_rules! payloads {
    ($what:literal: $($(#[$doc:meta])* $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(SimpleObject)]
            pub struct $name {
                #[doc = $what]
                conversation: Option<Conversation>,
            }
        )*
    };
}

payloads! {
    "The conversation as it stands, also where the error is `CONFLICT`.":
    /// A conversation that was assigned.
    AssignConversationPayload,
    /// A conversation whose status was set.
    SetConversationStatusPayload,
    /// A conversation that was put off.
    SnoozeConversationPayload,
    /// A conversation whose priority was set.
    SetPriorityPayload,
    /// A conversation with labels put on.
    AddLabelsPayload,
    /// A conversation with labels taken off.
    RemoveLabelsPayload,
}

payloads! {
    "The conversation as it stands.":
    /// A conversation that was read.
    MarkReadPayload,
    /// A conversation that is unread again.
    MarkUnreadPayload,
}

/// The part of the mutation root for conversations.
#[derive(Default)]
pub(super) struct Conversations;

#[Object]
impl Conversations {
    /// Gives a conversation to a member, to a team, or to nobody.
    async fn assign_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and to whom.")] input: AssignConversationInput,
    ) -> Result<Option<AssignConversationPayload>> {
        let decision = || {
            let member = maybe("input.memberId", &input.member_id)?;
            let team = maybe("input.teamId", &input.team_id)?;
            if member.is_none() && team.is_none() {
                return Err(ApiError::input("input.memberId", "say to whom: memberId, teamId or both; null is nobody"));
            }
            Ok(Decision::Assign { member, team })
        };
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(AssignConversationPayload { conversation }))
    }

    /// Says where a conversation stands with the agents.
    async fn set_conversation_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and where.")] input: SetConversationStatusInput,
    ) -> Result<Option<SetConversationStatusPayload>> {
        let decision = || Ok(Decision::Status(input.status.into()));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(SetConversationStatusPayload { conversation }))
    }

    /// Puts a conversation off.
    async fn snooze_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and until when.")] input: SnoozeConversationInput,
    ) -> Result<Option<SnoozeConversationPayload>> {
        let decision = || Ok(Decision::Snooze(input.until.0));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(SnoozeConversationPayload { conversation }))
    }

    /// Says how urgent a conversation is.
    async fn set_priority(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and how urgent.")] input: SetPriorityInput,
    ) -> Result<Option<SetPriorityPayload>> {
        let decision = || Ok(Decision::Priority(input.priority.into()));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(SetPriorityPayload { conversation }))
    }

    /// Puts labels on a conversation.
    async fn add_labels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and on which conversation.")] input: AddLabelsInput,
    ) -> Result<Option<AddLabelsPayload>> {
        let decision = || Ok(Decision::AddLabels(label_ids(&input.label_ids)?));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(AddLabelsPayload { conversation }))
    }

    /// Takes labels off a conversation.
    async fn remove_labels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and off which conversation.")] input: RemoveLabelsInput,
    ) -> Result<Option<RemoveLabelsPayload>> {
        let decision = || Ok(Decision::RemoveLabels(label_ids(&input.label_ids)?));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(RemoveLabelsPayload { conversation }))
    }

    /// Marks what has come in a conversation as read: by the member who asks, or, of an API key, by anyone. Without `upTo`
    /// that is all, also what came after the client last looked.
    async fn mark_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: MarkReadInput,
    ) -> Result<Option<MarkReadPayload>> {
        let up_to = input.up_to.as_ref();
        let conversation = mark(ctx, &input.id, input.idempotency_key.as_deref(), |session| {
            let Some(message) = up_to else { return Ok(Mark::Read) };
            let message = typed("input.upTo", message)?;
            Ok(Mark::UpTo { message, sees_notes: session.grant().gives(Right::ReadNotes) })
        })
        .await?;
        Ok(Some(MarkReadPayload { conversation }))
    }

    /// Marks the last inbound message of a conversation as not read: by the member who asks, or, of an API key, by anyone.
    async fn mark_unread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: MarkUnreadInput,
    ) -> Result<Option<MarkUnreadPayload>> {
        let conversation = mark(ctx, &input.id, input.idempotency_key.as_deref(), |_| Ok(Mark::Unread)).await?;
        Ok(Some(MarkUnreadPayload { conversation }))
    }
}

fn maybe<I: std::str::FromStr<Err = InvalidId>>(
    path: &str,
    id: &MaybeUndefined<ID>,
) -> Result<Option<Option<I>>, ApiError> {
    match id {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(id) => Ok(Some(Some(typed(path, id)?))),
    }
}

fn label_ids(ids: &[ID]) -> Result<Vec<LabelId>, ApiError> {
    if ids.len() > MOST_LABELS {
        return Err(ApiError::input("input.labelIds", "at most 100 labels at once"));
    }
    ids.iter().map(|id| typed("input.labelIds", id)).collect()
}

async fn decide(
    ctx: &Context<'_>,
    id: &ID,
    if_revision: Option<Revision>,
    key: Option<&str>,
    decision: impl FnOnce() -> Result<Decision, ApiError> + Send,
) -> Result<Option<Conversation>> {
    let shared = ctx.data_unchecked::<Arc<Shared>>();
    let (_, asked) = asked(ctx, key)?;
    let (id, decision) = (typed("input.id", id)?, decision()?);
    let if_revision = if_revision.map(|revision| revision.0);
    or_conflict(ctx, inbox::decide(shared.writer(), &asked, id, if_revision, &decision).await)?;
    standing(ctx, id).await
}

async fn mark(
    ctx: &Context<'_>,
    id: &ID,
    key: Option<&str>,
    mark: impl FnOnce(&Requester) -> Result<Mark, ApiError> + Send,
) -> Result<Option<Conversation>> {
    let shared = ctx.data_unchecked::<Arc<Shared>>();
    let (session, asked) = asked(ctx, key)?;
    let (id, mark) = (typed("input.id", id)?, mark(session)?);
    inbox::mark(shared.writer(), &asked, id, mark).await?;
    standing(ctx, id).await
}

async fn standing(ctx: &Context<'_>, id: ConversationId) -> Result<Option<Conversation>> {
    Ok(loaders(ctx)?.conversations.load(id).await?.map(Conversation))
}
