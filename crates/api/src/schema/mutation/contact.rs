//! Mutations of contacts.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use inlet_domain::ids::ContactId;
use inlet_store::records::inbox;

use super::{asked, or_conflict};
use crate::{
    error::{ApiError, Result},
    execution::context::{Shared, loaders},
    schema::types::{contact::Contact, node::typed, scalars::Revision},
};

/// Input of `updateContact`. A field that is left out keeps its value.
#[derive(InputObject)]
pub struct UpdateContactInput {
    /// Global id of the contact.
    id: ID,
    /// Display name: 1 to 200 characters, at least one of them visible. Null removes it; the next name from a provider
    /// is then shown.
    name: MaybeUndefined<String>,
    /// Phone number with `+` and country code, such as `+447700900123`. Null removes it; the next number from a
    /// provider is then shown.
    phone: MaybeUndefined<String>,
    /// Email address. Null removes it; the next address from a provider is then shown.
    email: MaybeUndefined<String>,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `updateContact`.
#[derive(SimpleObject)]
pub struct UpdateContactPayload {
    /// The contact in its present state, also after `CONFLICT`.
    contact: Option<Contact>,
}

/// Input of `mergeContacts`.
#[derive(InputObject)]
pub struct MergeContactsInput {
    /// Global id of the contact to merge. It becomes a tombstone.
    contact_id: ID,
    /// Global id of the contact that remains. It must be another contact, and not a merged one.
    into_id: ID,
    /// Expected revision of the contact to merge, as last read. If the contact has another revision, nothing changes
    /// and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `mergeContacts`.
#[derive(SimpleObject)]
pub struct MergeContactsPayload {
    /// The contact that remains.
    contact: Option<Contact>,
    /// The merged contact. `mergedInto` refers to the contact that remains.
    merged_contact: Option<Contact>,
}

/// Input of `unmergeContacts`.
#[derive(InputObject)]
pub struct UnmergeContactsInput {
    /// Global id of the merged contact.
    contact_id: ID,
    /// Expected revision of the merged contact, as last read. If the contact has another revision, nothing changes and
    /// the error is `CONFLICT`.
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `unmergeContacts`.
#[derive(SimpleObject)]
pub struct UnmergeContactsPayload {
    /// The contact that was merged, restored.
    contact: Option<Contact>,
    /// The contact that it had been merged into. Null if that contact was deleted.
    other: Option<Contact>,
}

/// Input of `deleteContact`.
#[derive(InputObject)]
pub struct DeleteContactInput {
    /// Global id of the contact.
    id: ID,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `deleteContact`.
#[derive(SimpleObject)]
pub struct DeleteContactPayload {
    /// Global id of the deleted contact. Null after `CONFLICT`.
    deleted_contact_id: Option<ID>,
    /// The contact in its present state after `CONFLICT`. Else null.
    contact: Option<Contact>,
}

/// The part of the mutation root for contacts.
#[derive(Default)]
pub(super) struct Contacts;

#[Object]
impl Contacts {
    /// Sets a contact's name, phone number or email address. Providers never overwrite a value that was set here. Such
    /// a phone number or email address links no messages to the contact: `identities` holds only addresses that someone
    /// wrote from.
    async fn update_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: UpdateContactInput,
    ) -> Result<Option<UpdateContactPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: ContactId = typed("input.id", &input.id)?;
        let mut phone = written(&input.phone);
        if let Some(Some(number)) = &mut phone {
            let message = "not a phone number: write it with + and country code, such as +44 7700 900123";
            *number = shared.reader.phone(number).ok_or_else(|| ApiError::input("input.phone", message))?;
        }
        let change = inbox::ContactChange {
            name: written(&input.name),
            phone,
            email: written(&input.email),
            if_revision: input.if_revision.map(|revision| revision.0),
        };
        or_conflict(ctx, inbox::update_contact(shared.writer(), &asked, id, &change).await)?;
        Ok(Some(UpdateContactPayload { contact: standing(ctx, id).await? }))
    }

    /// Merges a contact into another. Its addresses and conversations move to the contact that remains, which also
    /// takes the name, phone, email, user name and picture that it lacks. Later messages from any of the addresses go
    /// to the contact that remains. Earlier messages keep their author.
    async fn merge_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: MergeContactsInput,
    ) -> Result<Option<MergeContactsPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let contact: ContactId = typed("input.contactId", &input.contact_id)?;
        let into: ContactId = typed("input.intoId", &input.into_id)?;
        let if_revision = input.if_revision.map(|revision| revision.0);
        or_conflict(ctx, inbox::merge(shared.writer(), &asked, contact, into, if_revision).await)?;
        Ok(Some(MergeContactsPayload {
            contact: standing(ctx, into).await?,
            merged_contact: standing(ctx, contact).await?,
        }))
    }

    /// Undoes a merge. Addresses that moved with the merge go back to the contact. A conversation that moved goes back
    /// with all its messages, including later ones; messages that were written during the merge keep the other contact
    /// as their author. A conversation that began after the merge stays with the other contact, even if its address
    /// goes back.
    async fn unmerge_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: UnmergeContactsInput,
    ) -> Result<Option<UnmergeContactsPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let contact: ContactId = typed("input.contactId", &input.contact_id)?;
        let if_revision = input.if_revision.map(|revision| revision.0);
        let undone = or_conflict(ctx, inbox::unmerge(shared.writer(), &asked, contact, if_revision).await)?;
        let other = match undone.flatten() {
            Some(other) => standing(ctx, other).await?,
            None => None,
        };
        Ok(Some(UnmergeContactsPayload { contact: standing(ctx, contact).await?, other }))
    }

    /// Deletes a contact. Its conversations remain, without a contact. A later message from one of its addresses
    /// creates a new contact. Opt-outs of its addresses remain in force.
    async fn delete_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: DeleteContactInput,
    ) -> Result<Option<DeleteContactPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: ContactId = typed("input.id", &input.id)?;
        let if_revision = input.if_revision.map(|revision| revision.0);
        let deleted = or_conflict(ctx, inbox::delete_contact(shared.writer(), &asked, id, if_revision).await)?;
        let contact = if deleted.is_none() { standing(ctx, id).await? } else { None };
        Ok(Some(DeleteContactPayload { deleted_contact_id: deleted.map(|()| ID(id.to_string())), contact }))
    }
}

/// A field of an update: `None` if it was left out, else its new value.
fn written(member: &MaybeUndefined<String>) -> Option<Option<String>> {
    match member {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value.clone())),
    }
}

async fn standing(ctx: &Context<'_>, id: ContactId) -> Result<Option<Contact>> {
    Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
}
