//! Contacts, their addresses, and groups, in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use inlet_domain::store::{contacts, groups, opt_outs::Binds};

use super::{
    report::OptOut,
    scalars::{DateTime, Json, Revision},
    words,
};
use crate::{context::loaders, error::ApiError};

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

    /// Their name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// In E.164.
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// Their email address.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// At a provider.
    async fn username(&self) -> Option<&str> {
        self.0.username.as_deref()
    }

    /// A picture; data to show, never fetched here.
    async fn avatar_url(&self) -> Option<&str> {
        self.0.avatar_url.as_deref()
    }

    /// The provider's fields that have no name here.
    async fn attributes(&self) -> Json {
        Json::Value(self.0.attributes.clone())
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
        Ok(loaders(ctx)?.contacts.load(id).await.map_err(ApiError::from)?.map(Contact))
    }

    /// The addresses that it is known by, oldest first. What a profile says of phone and email is none.
    async fn identities(&self, ctx: &Context<'_>) -> Result<Vec<Identity>> {
        let identities = loaders(ctx)?.identities.load(self.0.id).await.map_err(ApiError::from)?;
        Ok(identities.unwrap_or_default().into_iter().map(Identity).collect())
    }

    /// The standing opt-outs that bind this contact, newest first: those of its addresses, and those of the phone number
    /// and the email address in its profile, which nobody has written from.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn opt_outs(&self, ctx: &Context<'_>) -> Result<Vec<OptOut>> {
        let bindings = loaders(ctx)?.bindings.load(self.0.id).await.map_err(ApiError::from)?;
        let opt_outs = bindings.unwrap_or_default();
        Ok(opt_outs.iter().map(|binding| OptOut(Arc::new(binding.opt_out.clone()))).collect())
    }

    /// Contacts that may be the same person, at most 20: a message never joins contacts by what a profile says, a member
    /// does by `mergeContacts`.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn suggested_merges(&self, ctx: &Context<'_>) -> Result<Vec<SuggestedMerge>> {
        let suggested = loaders(ctx)?.suggested_merges.load(self.0.id).await.map_err(ApiError::from)?;
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
        Ok(loaders(ctx)?.contacts.load(self.0.contact_id).await.map_err(ApiError::from)?.map(Contact))
    }

    /// Why they may be the same person.
    async fn reason(&self) -> words::MergeReason {
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

    /// `phone`, `email`, `username` ...
    async fn kind(&self) -> words::IdentityKind {
        self.0.kind.into()
    }

    /// In its normal form.
    async fn value(&self) -> &str {
        &self.0.value
    }

    /// As the provider wrote it.
    async fn original(&self) -> Option<&str> {
        self.0.original.as_deref()
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// The standing opt-outs of this address, newest first.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn opt_outs(&self, ctx: &Context<'_>) -> Result<Vec<OptOut>> {
        let Some(contact) = self.0.contact_id else { return Ok(Vec::new()) };
        let bindings = loaders(ctx)?.bindings.load(contact).await.map_err(ApiError::from)?.unwrap_or_default();
        let own = bindings.iter().filter(|binding| binding.binds == Binds::Address(self.0.id));
        Ok(own.map(|binding| OptOut(Arc::new(binding.opt_out.clone()))).collect())
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

    /// What it is about, as the provider tells it.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Since when the provider has it in its archive; null where it is not there.
    async fn archived_at(&self) -> Option<DateTime> {
        self.0.archived_at.map(DateTime)
    }

    /// As the provider lists them.
    async fn participants(&self) -> Json {
        Json::Value(self.0.participants.clone())
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
