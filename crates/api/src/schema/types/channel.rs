//! Channels, provider accounts and sources in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use inlet_domain::model::source;
use inlet_store::records::channels;

use super::{
    enums,
    scalars::{DateTime, Json, Revision},
};
use crate::{
    error::Result,
    execution::context::{Shared, loaders},
};

/// One of our numbers, names or inboxes on a medium.
#[derive(Clone)]
pub struct Channel(pub Arc<channels::Channel>);

/// One of our numbers, names or inboxes on a medium.
#[Object]
impl Channel {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The kind of channel, such as WHATSAPP or SMS.
    async fn medium(&self) -> enums::Medium {
        self.0.medium.into()
    }

    /// As the provider calls it.
    async fn identifier(&self) -> Option<&str> {
        self.0.identifier.as_deref()
    }

    /// In E.164.
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// Its name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Its purpose, as the provider tells it.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Where it is.
    async fn country(&self) -> Option<&str> {
        self.0.country.as_deref()
    }

    /// The provider's environment.
    async fn env(&self) -> Option<&str> {
        self.0.env.as_deref()
    }

    /// The provider's word for its status.
    async fn status(&self) -> Option<&str> {
        self.0.status.as_deref()
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

    /// How long after its end a conversation is taken up again by a new message, in seconds.
    async fn reopen_window_seconds(&self) -> i32 {
        i32::try_from(self.0.reopen_window_seconds).unwrap_or(i32::MAX)
    }

    /// The account that it is on.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.0.provider_account_id).await?.map(ProviderAccount))
    }
}

/// An account with a messaging provider.
#[derive(Clone)]
pub struct ProviderAccount(pub Arc<channels::ProviderAccount>);

/// An account with a messaging provider.
#[Object]
impl ProviderAccount {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The provider.
    async fn provider(&self) -> enums::Provider {
        self.0.provider.into()
    }

    /// Its name among the staff.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

/// How the requests to a source are signed. A null member means the provider's default. ONEROUTE: HMAC-SHA512 in hex in the
/// header `x-oneroute-signature`. MOBTEXTING: HMAC-SHA256 in hex in `signature`. OBLIC: HMAC-SHA256 in hex in
/// `x-oblic-signature`. CUSTOM: HMAC-SHA256 in hex in `x-signature`. None has a prefix.
#[derive(Clone, SimpleObject)]
pub struct SourceSignature {
    /// The hash.
    algorithm: Option<enums::HmacAlgorithm>,
    /// How its bytes are written.
    encoding: Option<enums::SignatureEncoding>,
    /// The header, in lower case.
    header: Option<String>,
    /// A text in the header before the signature, such as `sha256=`.
    prefix: Option<String>,
}

/// A URL that a provider posts to.
#[derive(Clone)]
pub struct Source {
    /// The source.
    pub source: Arc<source::Source>,
    /// Its whole URL.
    pub url: String,
}

impl Source {
    /// A source of the store, and the token of its URL.
    #[must_use]
    pub fn new(shared: &Shared, (source, token): (source::Source, String)) -> Self {
        Self { source: Arc::new(source), url: format!("{}/in/{token}", shared.public_url) }
    }
}

/// A URL that a provider posts to.
#[Object]
impl Source {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.source.id.to_string())
    }

    /// Its name among the staff.
    async fn name(&self) -> &str {
        &self.source.name
    }

    /// Which adapter reads what comes.
    async fn provider(&self) -> enums::Provider {
        self.source.provider.into()
    }

    /// The URL to give to the provider. Whoever has it can post to it.
    async fn url(&self) -> &str {
        &self.url
    }

    /// How a request proves that it is authentic.
    async fn verification(&self) -> enums::SourceVerification {
        self.source.verification.into()
    }

    /// How requests are signed. Each null member means the provider's default: see `SourceSignature`.
    async fn signature(&self) -> SourceSignature {
        let signature = &self.source.signature;
        SourceSignature {
            algorithm: signature.algorithm.map(Into::into),
            encoding: signature.encoding.map(Into::into),
            header: signature.header.clone(),
            prefix: signature.prefix.clone(),
        }
    }

    /// Until when secrets that were rotated out still count; null where only the newest does.
    async fn rotation_ends_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        let now = ctx.data_unchecked::<Arc<Shared>>().ambient.now();
        let ends = self.source.secrets.iter().filter(|secret| secret.counts(now)).filter_map(|secret| secret.until);
        ends.max().map(DateTime)
    }

    /// Hosts that a campaign report may be fetched from; none means the provider's own.
    async fn report_hosts(&self) -> &[String] {
        &self.source.report_hosts
    }

    /// The provider's ids of users that are ours: what they write is outbound.
    async fn own_user_ids(&self) -> &[String] {
        &self.source.own_user_ids
    }

    /// Which leg of a call is the customer's.
    async fn call_customer_leg(&self) -> enums::CallLeg {
        self.source.call_customer_leg.into()
    }

    /// How a CUSTOM source is understood, as it was written.
    async fn mapping(&self) -> Option<Json> {
        self.source.mapping.as_ref().map(|mapping| Json::Value(mapping.document.clone()))
    }

    /// Networks that may post, in CIDR notation; none means any.
    async fn allowed_networks(&self) -> &[String] {
        &self.source.allowed_networks
    }

    /// The IANA zone of times without one.
    async fn time_zone(&self) -> Option<&str> {
        self.source.time_zone.as_deref()
    }

    /// The ISO 3166 region of phone numbers without a country code.
    async fn phone_region(&self) -> Option<&str> {
        self.source.phone_region.as_deref()
    }

    /// The medium of its own channel, where events name none.
    async fn medium(&self) -> Option<enums::Medium> {
        self.source.medium.map(Into::into)
    }

    /// Its own channel, where events name none.
    async fn channel(&self, ctx: &Context<'_>) -> Result<Option<Channel>> {
        let Some(id) = self.source.channel_id else { return Ok(None) };
        Ok(loaders(ctx)?.channels.load(id).await?.map(Channel))
    }

    /// The account whose ids its events speak of.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.source.account).await?.map(ProviderAccount))
    }

    /// Counts its changes: pass it on as `ifRevision`.
    async fn revision(&self) -> Revision {
        Revision(self.source.revision)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.source.created_at)
    }
}
