//! Contacts, their addresses, and groups, in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_domain::ids::ProviderAccountId;
use inlet_store::records::{contacts, groups, opt_outs::Address};

use super::{
    channel::ProviderAccount,
    enums,
    report::OptOut,
    scalars::{DateTime, Json, Revision, optional},
};
use crate::{error::Result, execution::context::loaders, schema::lists::lists};

/// A person, or an organisation, that writes to the workspace.
#[derive(Clone)]
pub struct Contact(pub Arc<contacts::Contact>);

/// A person, or an organisation, that writes to the workspace.
#[Object]
impl Contact {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Display name. Inlet takes it from the first of these that has one: `updateContact`, the newest version of the
    /// provider's contact record, a message. A stand-in (a number, the username, `Guest 4711`) gives way to a real
    /// name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Phone number to show, in E.164 format if a numbering plan knows it, else `+` and the digits. Inlet takes it from
    /// the first of these that has one: `updateContact`, the newest version of the provider's contact record, a message
    /// (the number that the message comes from, or the one in the sender's profile). A record version that is older
    /// than such a message changes nothing. The numbers that the contact writes from are in `identities`.
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// Email address to show. Inlet chooses it by the rules of `phone`.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// User name at a provider.
    async fn username(&self) -> Option<&str> {
        self.0.username.as_deref()
    }

    /// URL of a picture. Inlet never fetches it.
    async fn avatar_url(&self) -> Option<&str> {
        self.0.avatar_url.as_deref()
    }

    /// Provider fields that this schema does not name. Null if they exceed 64 KiB, unless you query the contact by
    /// `contact` or `node`.
    async fn attributes(&self) -> Option<Json> {
        optional(&self.0.attributes)
    }

    /// Time of the contact's last known activity.
    async fn last_active_at(&self) -> Option<DateTime> {
        self.0.last_active_at.map(DateTime)
    }

    /// Revision of the object. Pass it as `ifRevision` in an update.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// Time of creation in Inlet.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time of the last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// Contact that this contact was merged into. Null if it was not merged.
    async fn merged_into(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.0.merged_into_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
    }

    /// Contact that Inlet linked this contact's first address to. That contact had no room for another address (at most
    /// 100), so Inlet created this contact. Null for almost every contact.
    async fn kept_apart_from(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.0.kept_apart_from_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
    }

    #[graphql(flatten)]
    async fn lists(&self) -> ContactLists {
        ContactLists(Arc::clone(&self.0))
    }

    /// Contacts that may be the same person, at most 20: both share a phone number or an email address, in
    /// `identities`, `phone` or `email`. Inlet does not merge them; call `mergeContacts`. A merged contact has no
    /// suggestions and appears in none.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn suggested_merges(&self, ctx: &Context<'_>) -> Result<Vec<SuggestedMerge>> {
        let suggested = loaders(ctx)?.suggested_merges.load(self.0.id).await?;
        Ok(suggested.unwrap_or_default().into_iter().map(SuggestedMerge).collect())
    }
}

lists! {
    /// The lists of a contact.
    ContactLists of contacts::Contact;
    |ctx, contact, slice|

    /// Addresses that the contact is known by, oldest first, at most 100. `phone` and `email` from a profile are not
    /// addresses.
    identities -> Identity = loaders(ctx)?.identities.load((contact.id, slice)).await?;

    /// Opt-outs in force for this contact, the most recently received first: those of its addresses, and those of its
    /// `phone` and `email`, even if the contact never wrote from them. The order may differ from that of `createdAt`,
    /// which is the provider's time.
    opt_outs -> OptOut = loaders(ctx)?.bindings.load((contact.id, slice)).await?;
}

/// A contact that may be the same person as another.
#[derive(Clone)]
pub struct SuggestedMerge(pub Arc<contacts::SuggestedMerge>);

/// A contact that may be the same person as another.
#[Object]
impl SuggestedMerge {
    /// The other contact. Null if it was deleted in the meantime.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        Ok(loaders(ctx)?.contacts.load(self.0.contact_id).await?.map(Contact))
    }

    /// Reason for the suggestion.
    async fn reason(&self) -> enums::MergeReason {
        self.0.reason.into()
    }

    /// Phone number or email address that both contacts share.
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
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Kind of address.
    async fn kind(&self) -> enums::IdentityKind {
        self.0.kind.into()
    }

    /// Address in normal form. PHONE: `+` and digits, or the digits of a short number. EMAIL: lower case.
    /// PROVIDER_USER: the provider's id of the person; MobTexting has two kinds, `user:...` and `subscriber:...`.
    /// PROVIDER_CONVERSATION: the provider's id of the conversation, or `hidden:...` for one message or call of a
    /// sender who hides the number.
    async fn value(&self) -> &str {
        &self.0.value
    }

    /// Provider account that scopes the address: in another account the same value may be another person. Null for an
    /// address that is valid in the whole workspace, such as a phone number. An email address is valid in the workspace
    /// if someone wrote from it, and only in the account if the provider uses it as its key of a person.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        let account = ProviderAccountId(self.0.scope_id);
        if account.0.is_nil() {
            return Ok(None);
        }
        Ok(loaders(ctx)?.accounts.load(account).await?.map(ProviderAccount))
    }

    /// Address as it was last written, if that differs from `value`. Reply to this form.
    async fn original(&self) -> Option<&str> {
        self.0.original.as_deref()
    }

    /// Time of creation in Inlet.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    #[graphql(flatten)]
    async fn lists(&self) -> IdentityLists {
        IdentityLists(Arc::clone(&self.0))
    }
}

lists! {
    /// The lists of an address.
    IdentityLists of contacts::Identity;
    |ctx, identity, slice|

    /// Opt-outs in force for this address, the most recently received first. The order may differ from that of
    /// `createdAt`, which is the provider's time.
    opt_outs -> OptOut = {
        let address = Address { scope_id: identity.scope_id, kind: identity.kind, value: identity.value.clone() };
        loaders(ctx)?.refusals.load((address, slice)).await?
    };
}

/// A group chat at a provider.
#[derive(Clone)]
pub struct Group(pub Arc<groups::Group>);

/// A group chat at a provider.
#[Object]
impl Group {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Display name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// URL of a picture. Inlet never fetches it.
    async fn avatar_url(&self) -> Option<&str> {
        self.0.avatar_url.as_deref()
    }

    /// Description of the group, as the provider gives it.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Time when the provider archived the group. Null if it is not archived.
    async fn archived_at(&self) -> Option<DateTime> {
        self.0.archived_at.map(DateTime)
    }

    /// Participants, as the provider lists them. Null if the list exceeds 64 KiB, unless you query the group by `node`.
    async fn participants(&self) -> Option<Json> {
        optional(&self.0.participants)
    }

    /// Provider's id of the group.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Revision of the object. It grows with every change.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// Time of creation in Inlet.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time of the last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}
