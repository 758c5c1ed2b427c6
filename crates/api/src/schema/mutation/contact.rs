//! Writing, merging and deleting contacts.

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

/// Changes of a contact by a member of the staff. A member that is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateContactInput {
    /// Its global id.
    id: ID,
    /// Their name; 1 to 200 characters, at least one of them visible. Null takes the name away, and the next one that a
    /// provider tells is shown.
    name: MaybeUndefined<String>,
    /// Their phone number, with `+` and country code. Null as with `name`.
    phone: MaybeUndefined<String>,
    /// Their email address. Null as with `name`.
    email: MaybeUndefined<String>,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// A contact that was written.
#[derive(SimpleObject)]
pub struct UpdateContactPayload {
    /// The contact as it stands, also where the error is `CONFLICT`.
    contact: Option<Contact>,
}

/// Which contact is merged into which.
#[derive(InputObject)]
pub struct MergeContactsInput {
    /// The global id of the contact that becomes a tombstone.
    contact_id: ID,
    /// The global id of the contact that stays: neither the same nor one that was merged itself.
    into_id: ID,
    /// The revision of the contact to be merged that was read: where it has another since, nothing changes, and the error
    /// is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// Two contacts that are one.
#[derive(SimpleObject)]
pub struct MergeContactsPayload {
    /// The contact that stays.
    contact: Option<Contact>,
    /// The tombstone of the other; `mergedInto` leads to the contact that stays.
    merged_contact: Option<Contact>,
}

/// Which merge is undone.
#[derive(InputObject)]
pub struct UnmergeContactsInput {
    /// The global id of the contact that was merged into another.
    contact_id: ID,
    /// Its revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// Two contacts that are two again.
#[derive(SimpleObject)]
pub struct UnmergeContactsPayload {
    /// The contact that was merged, itself again.
    contact: Option<Contact>,
    /// The contact that it had been merged into; null where that is gone.
    other: Option<Contact>,
}

/// Which contact is to go.
#[derive(InputObject)]
pub struct DeleteContactInput {
    /// Its global id.
    id: ID,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// A contact that is gone.
#[derive(SimpleObject)]
pub struct DeleteContactPayload {
    /// Its global id; null where it stays.
    deleted_contact_id: Option<ID>,
    /// The contact where it has changed since it was read, and so stays.
    contact: Option<Contact>,
}

/// The part of the mutation root for contacts.
#[derive(Default)]
pub(super) struct Contacts;

#[Object]
impl Contacts {
    /// Writes a contact's name, phone number or email address. No provider overwrites what was written here. A phone
    /// number or an email address that was written here joins nobody: the contact's addresses stay those that someone
    /// wrote from.
    async fn update_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: UpdateContactInput,
    ) -> Result<Option<UpdateContactPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: ContactId = typed("input.id", &input.id)?;
        let mut phone = written(&input.phone);
        if let Some(Some(number)) = &mut phone {
            let message = "this is no phone number: write it with + and its country code, as +44 7700 900123";
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

    /// Merges a contact into another: its addresses and its conversations point to the other from now on, which takes from
    /// it the name, phone, email, username and picture that it lacks. What comes from any of the addresses goes to the
    /// contact that stays. Messages that were written before keep their author.
    async fn merge_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and into which.")] input: MergeContactsInput,
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

    /// Undoes a merge. The addresses that moved with the merge go back to the contact. A conversation that moved with the
    /// merge goes back with all its messages, also with those that came later; messages that were written while the contacts
    /// were merged keep the other contact as their author. A conversation that began after the merge stays with the other
    /// contact, also where it is of an address that goes back.
    async fn unmerge_contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: UnmergeContactsInput,
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

    /// Deletes a contact. Its conversations stay and show no contact; who writes from one of its addresses again is a new
    /// contact. An opt-out of one of its addresses goes on to bind that address.
    async fn delete_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: DeleteContactInput,
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

/// A member of an update: whether it is given, and then what it is to be.
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
