//! Mutations of conversations and of read marks.

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

/// Maximum number of labels in one call.
const MOST_LABELS: usize = 100;

/// Input of `assignConversation`. A field that is left out keeps its value. Pass `memberId`, `teamId` or both.
#[derive(InputObject)]
pub struct AssignConversationInput {
    /// Global id of the conversation.
    id: ID,
    /// Global id of the member to assign. An IN_QUEUE conversation becomes OPEN. A disabled member or a VIEWER is
    /// refused. Null removes the assignee; an OPEN conversation returns to IN_QUEUE.
    member_id: MaybeUndefined<ID>,
    /// Global id of the team to assign. Null removes the team.
    team_id: MaybeUndefined<ID>,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `setConversationStatus`.
#[derive(InputObject)]
pub struct SetConversationStatusInput {
    /// Global id of the conversation.
    id: ID,
    /// New status. IN_QUEUE removes the assignee. SNOOZED postpones the conversation until the next message; see
    /// `snoozeConversation` for a time. A CLOSED conversation must first become IN_QUEUE or OPEN; that is refused while
    /// another conversation with the same address on the same channel is not closed. If the assignee is disabled or a
    /// VIEWER, the conversation reopens without an assignee.
    status: enums::ConversationStatus,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `snoozeConversation`.
#[derive(InputObject)]
pub struct SnoozeConversationInput {
    /// Global id of the conversation.
    id: ID,
    /// End of the snooze; it must be in the future. The conversation then becomes OPEN with an assignee, else IN_QUEUE.
    /// A message ends the snooze earlier.
    until: DateTime,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `setPriority`.
#[derive(InputObject)]
pub struct SetPriorityInput {
    /// Global id of the conversation.
    id: ID,
    /// New priority.
    priority: enums::Priority,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `addLabels`.
#[derive(InputObject)]
pub struct AddLabelsInput {
    /// Global id of the conversation.
    id: ID,
    /// Global ids of labels, at most 100. Labels that the conversation has remain. A conversation has at most 100
    /// labels.
    label_ids: Vec<ID>,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `removeLabels`.
#[derive(InputObject)]
pub struct RemoveLabelsInput {
    /// Global id of the conversation.
    id: ID,
    /// Global ids of labels, at most 100. Labels that the conversation does not have change nothing.
    label_ids: Vec<ID>,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `markRead`.
#[derive(InputObject)]
pub struct MarkReadInput {
    /// Global id of the conversation.
    id: ID,
    /// Global id of a message in the conversation: messages that arrived in Inlet up to this one become read, later
    /// ones stay unread. Pass the displayed entry with the greatest `id`: ids are in order of arrival, `occurredAt` is
    /// not. The entry may be an outbound message or a note. A read mark never moves back. Without `upTo`, every message
    /// becomes read, also messages that the client has not displayed yet.
    up_to: Option<ID>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `markUnread`.
#[derive(InputObject)]
pub struct MarkUnreadInput {
    /// Global id of the conversation.
    id: ID,
    #[doc = idempotency_key!()]
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
    "The conversation in its present state, also after `CONFLICT`.":
    /// Result of `assignConversation`.
    AssignConversationPayload,
    /// Result of `setConversationStatus`.
    SetConversationStatusPayload,
    /// Result of `snoozeConversation`.
    SnoozeConversationPayload,
    /// Result of `setPriority`.
    SetPriorityPayload,
    /// Result of `addLabels`.
    AddLabelsPayload,
    /// Result of `removeLabels`.
    RemoveLabelsPayload,
}

payloads! {
    "The conversation in its present state.":
    /// Result of `markRead`.
    MarkReadPayload,
    /// Result of `markUnread`.
    MarkUnreadPayload,
}

/// The part of the mutation root for conversations.
#[derive(Default)]
pub(super) struct Conversations;

#[Object]
impl Conversations {
    /// Assigns a conversation to a member, to a team, or to nobody.
    async fn assign_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: AssignConversationInput,
    ) -> Result<Option<AssignConversationPayload>> {
        let decision = || {
            let member = maybe("input.memberId", &input.member_id)?;
            let team = maybe("input.teamId", &input.team_id)?;
            if member.is_none() && team.is_none() {
                return Err(ApiError::input(
                    "input.memberId",
                    "pass `memberId`, `teamId` or both; null removes the assignment",
                ));
            }
            Ok(Decision::Assign { member, team })
        };
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(AssignConversationPayload { conversation }))
    }

    /// Sets the status of a conversation.
    async fn set_conversation_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: SetConversationStatusInput,
    ) -> Result<Option<SetConversationStatusPayload>> {
        let decision = || Ok(Decision::Status(input.status.into()));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(SetConversationStatusPayload { conversation }))
    }

    /// Snoozes a conversation until a given time.
    async fn snooze_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: SnoozeConversationInput,
    ) -> Result<Option<SnoozeConversationPayload>> {
        let decision = || Ok(Decision::Snooze(input.until.0));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(SnoozeConversationPayload { conversation }))
    }

    /// Sets the priority of a conversation.
    async fn set_priority(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: SetPriorityInput,
    ) -> Result<Option<SetPriorityPayload>> {
        let decision = || Ok(Decision::Priority(input.priority.into()));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(SetPriorityPayload { conversation }))
    }

    /// Adds labels to a conversation.
    async fn add_labels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: AddLabelsInput,
    ) -> Result<Option<AddLabelsPayload>> {
        let decision = || Ok(Decision::AddLabels(label_ids(&input.label_ids)?));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(AddLabelsPayload { conversation }))
    }

    /// Removes labels from a conversation.
    async fn remove_labels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RemoveLabelsInput,
    ) -> Result<Option<RemoveLabelsPayload>> {
        let decision = || Ok(Decision::RemoveLabels(label_ids(&input.label_ids)?));
        let key = input.idempotency_key.as_deref();
        let conversation = decide(ctx, &input.id, input.if_revision, key, decision).await?;
        Ok(Some(RemoveLabelsPayload { conversation }))
    }

    /// Marks messages of a conversation as read for the viewer; with an API key, as read by anyone. Without `upTo`, it
    /// marks every message, also messages that arrived after the client's last read.
    async fn mark_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: MarkReadInput,
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

    /// Marks the last inbound message of a conversation as unread for the viewer; with an API key, as read by no one.
    async fn mark_unread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: MarkUnreadInput,
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
        return Err(ApiError::input("input.labelIds", "pass at most 100 labels in one call"));
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
