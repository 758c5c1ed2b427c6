//! Contacts, their addresses, and groups, in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_domain::ids::ProviderAccountId;
use inlet_store::records::{contacts, groups, opt_outs::Address};

use super::{
    channel::ProviderAccount,
    connection::{Connection, inner_cost, inner_slice},
    enums,
    report::OptOut,
    scalars::{Cursor, DateTime, Json, Revision, optional},
};
use crate::{error::Result, execution::context::loaders};

/// Who writes to us.
#[derive(Clone)]
pub struct Contact(pub Arc<contacts::Contact>);

/// Who writes to us.
#[Object]
impl Contact {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The name to show. A name that a member wrote with `updateContact` stands above all. Else the provider's record of the
    /// contact tells it, in its newest version. Else a message tells it, where nothing did before. A name that only stands in
    /// for one (a number, the username, `Guest 4711`) gives way to each real name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The phone number to show. A number that a member wrote with `updateContact` stands above all. Else the provider's
    /// record of the contact tells it, in its newest version. Else a message tells it, where nothing did before: the number
    /// that the message comes from, or the one in the sender's profile; a version of the record that is older than that
    /// message changes nothing. In E.164 where a numbering plan knows it, else a `+` and its digits. The numbers that the
    /// contact writes from are in `identities`.
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// The email address to show. It comes about as `phone` does.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Their name at a provider.
    async fn username(&self) -> Option<&str> {
        self.0.username.as_deref()
    }

    /// A picture; data to show, never fetched here.
    async fn avatar_url(&self) -> Option<&str> {
        self.0.avatar_url.as_deref()
    }

    /// The provider's fields that have no name here. Null where they are longer than 64 KiB and the contact was not asked for
    /// by `contact` or `node`.
    async fn attributes(&self) -> Option<Json> {
        optional(&self.0.attributes)
    }

    /// When they last did something.
    async fn last_active_at(&self) -> Option<DateTime> {
        self.0.last_active_at.map(DateTime)
    }

    /// Counts its changes.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// The contact that this one was merged into.
    async fn merged_into(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.0.merged_into_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
    }

    /// The contact that this one was kept apart from when it came to be: something led its first address there, but a contact
    /// has at most 100 addresses. Null of nearly all contacts.
    async fn kept_apart_from(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.0.kept_apart_from_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
    }

    /// The addresses that it is known by, at most 100, oldest first. What a profile says of phone and email is none.
    #[graphql(complexity = "inner_cost(first, last, child_complexity)")]
    async fn identities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100, 10 where nothing is told.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Identity>> {
        let slice = inner_slice(first, after, last, before)?;
        let page = loaders(ctx)?.identities.load((self.0.id, slice)).await?;
        Ok(page.map(|page| Connection::of(page, Identity)).unwrap_or_default())
    }

    /// The standing opt-outs that bind this contact: those of its addresses, and those of its `phone` and `email`, also where
    /// the contact has not written from these. The opt-out that Inlet heard of last is the first; `createdAt` is the
    /// provider's time, so it may be in another order.
    #[graphql(complexity = "inner_cost(first, last, child_complexity)")]
    async fn opt_outs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100, 10 where nothing is told.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<OptOut>> {
        let slice = inner_slice(first, after, last, before)?;
        let page = loaders(ctx)?.bindings.load((self.0.id, slice)).await?;
        Ok(page.map(|page| Connection::of(page, OptOut)).unwrap_or_default())
    }

    /// Contacts that may be the same person, at most 20: both have the same phone number or email address, as an address or
    /// in `phone` and `email`. Inlet does not join contacts for that; a member does with `mergeContacts`. A contact that was
    /// merged into another has none, and is suggested to none.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn suggested_merges(&self, ctx: &Context<'_>) -> Result<Vec<SuggestedMerge>> {
        let suggested = loaders(ctx)?.suggested_merges.load(self.0.id).await?;
        Ok(suggested.unwrap_or_default().into_iter().map(SuggestedMerge).collect())
    }
}

/// A contact that may be the same person as another.
#[derive(Clone)]
pub struct SuggestedMerge(pub Arc<contacts::SuggestedMerge>);

/// A contact that may be the same person as another.
#[Object]
impl SuggestedMerge {
    /// The other contact; null where it went meanwhile.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        Ok(loaders(ctx)?.contacts.load(self.0.contact_id).await?.map(Contact))
    }

    /// Why they may be the same person.
    async fn reason(&self) -> enums::MergeReason {
        self.0.reason.into()
    }

    /// The phone number or email address that both have.
    async fn value(&self) -> &str {
        &self.0.value
    }
}

/// An address of a contact or a group.
#[derive(Clone)]
pub struct Identity(pub Arc<contacts::Identity>);

/// An address of a contact or a group.
#[Object]
impl Identity {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The kind of address.
    async fn kind(&self) -> enums::IdentityKind {
        self.0.kind.into()
    }

    /// The address in its normal form. PHONE: `+` and digits, or the digits of a short number. EMAIL: in lower case.
    /// PROVIDER_USER: the provider's id of the person; MobTexting has two kinds of these, `user:...` and `subscriber:...`.
    /// PROVIDER_CONVERSATION: the provider's id of the conversation, or `hidden:...` for a sender who hides, in one message
    /// or call.
    async fn value(&self) -> &str {
        &self.0.value
    }

    /// The provider account within which the address holds: another account may mean someone else by it. Null where the
    /// address holds in the whole workspace, as a phone number does. An email address holds in the workspace where someone
    /// wrote from it, and within the account where a provider uses it as its key of a person.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        let account = ProviderAccountId(self.0.scope_id);
        if account.0.is_nil() {
            return Ok(None);
        }
        Ok(loaders(ctx)?.accounts.load(account).await?.map(ProviderAccount))
    }

    /// As it was written last, where that differs from `value`: the form to answer to.
    async fn original(&self) -> Option<&str> {
        self.0.original.as_deref()
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// The standing opt-outs of this address. The one that Inlet heard of last is the first; `createdAt` is the provider's
    /// time, so it may be in another order.
    #[graphql(complexity = "inner_cost(first, last, child_complexity)")]
    async fn opt_outs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100, 10 where nothing is told.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<OptOut>> {
        let slice = inner_slice(first, after, last, before)?;
        let Identity(identity) = self;
        let (scope_id, kind, value) = (identity.scope_id, identity.kind, identity.value.clone());
        let address = Address { scope_id, kind, value };
        let page = loaders(ctx)?.refusals.load((address, slice)).await?;
        Ok(page.map(|page| Connection::of(page, OptOut)).unwrap_or_default())
    }
}

/// A group that conversations of many are with.
#[derive(Clone)]
pub struct Group(pub Arc<groups::Group>);

/// A group that conversations of many are with.
#[Object]
impl Group {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Its name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// A picture; data to show, never fetched here.
    async fn avatar_url(&self) -> Option<&str> {
        self.0.avatar_url.as_deref()
    }

    /// Its subject, as the provider tells it.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Since when the provider has it in its archive; null where it is not there.
    async fn archived_at(&self) -> Option<DateTime> {
        self.0.archived_at.map(DateTime)
    }

    /// As the provider lists them. Null where the list is longer than 64 KiB and the group was not asked for by `node`.
    async fn participants(&self) -> Option<Json> {
        optional(&self.0.participants)
    }

    /// The provider's id.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Counts its changes.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}
