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

/// A number, name or mailbox of the workspace on one medium.
#[derive(Clone)]
pub struct Channel(pub Arc<channels::Channel>);

/// A number, name or mailbox of the workspace on one medium.
#[Object]
impl Channel {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Medium, such as WHATSAPP or SMS.
    async fn medium(&self) -> enums::Medium {
        self.0.medium.into()
    }

    /// Identifier of the channel at the provider, in the provider's own spelling.
    async fn identifier(&self) -> Option<&str> {
        self.0.identifier.as_deref()
    }

    /// Phone number in E.164 format, such as `+447700900123`.
    async fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// Display name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Purpose of the channel, as the provider gives it.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Country of the channel, as the provider gives it.
    async fn country(&self) -> Option<&str> {
        self.0.country.as_deref()
    }

    /// Environment of the channel, as the provider names it.
    async fn env(&self) -> Option<&str> {
        self.0.env.as_deref()
    }

    /// Status of the channel in the provider's own wording. It is not an Inlet enum.
    async fn status(&self) -> Option<&str> {
        self.0.status.as_deref()
    }

    /// Provider's id of the channel.
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

    /// Reopen window in seconds. A message that arrives within this time after a conversation was closed reopens it; a
    /// later message starts a new conversation.
    async fn reopen_window_seconds(&self) -> i32 {
        i32::try_from(self.0.reopen_window_seconds).unwrap_or(i32::MAX)
    }

    /// Provider account of the channel.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.0.provider_account_id).await?.map(ProviderAccount))
    }
}

/// An account at a messaging provider. The provider's ids are unique within it.
#[derive(Clone)]
pub struct ProviderAccount(pub Arc<channels::ProviderAccount>);

/// An account at a messaging provider. The provider's ids are unique within it.
#[Object]
impl ProviderAccount {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Provider of the account.
    async fn provider(&self) -> enums::Provider {
        self.0.provider.into()
    }

    /// Name of the account, for members only. Inlet never sends it to the provider.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Time of creation.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }
}

/// Signature settings of a source. A null field stands for the provider's default. The defaults have no prefix and use
/// hex: ONEROUTE HMAC-SHA512 in the header `x-oneroute-signature`, MOBTEXTING HMAC-SHA256 in `signature`, OBLIC
/// HMAC-SHA256 in `x-oblic-signature`, CUSTOM HMAC-SHA256 in `x-signature`.
#[derive(Clone, SimpleObject)]
pub struct SourceSignature {
    /// HMAC algorithm.
    algorithm: Option<enums::HmacAlgorithm>,
    /// Encoding of the signature in the header.
    encoding: Option<enums::SignatureEncoding>,
    /// Name of the signature header, in lower case.
    header: Option<String>,
    /// Text before the signature in the header, such as `sha256=`.
    prefix: Option<String>,
}

/// A URL that a provider posts to, with the secret that proves the sender.
#[derive(Clone)]
pub struct Source {
    /// The source.
    pub source: Arc<source::Source>,
    /// Its whole URL.
    pub url: String,
}

impl Source {
    /// Builds it from a source of the store and the token of its URL.
    #[must_use]
    pub fn new(shared: &Shared, (source, token): (source::Source, String)) -> Self {
        Self { source: Arc::new(source), url: format!("{}/in/{token}", shared.public_url) }
    }
}

/// A URL that a provider posts to, with the secret that proves the sender.
#[Object]
impl Source {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.source.id.to_string())
    }

    /// Display name, for members only.
    async fn name(&self) -> &str {
        &self.source.name
    }

    /// Provider whose format the requests have. It selects the adapter that reads them.
    async fn provider(&self) -> enums::Provider {
        self.source.provider.into()
    }

    /// URL to enter at the provider. Treat it as a secret: anyone who has it can post to it.
    async fn url(&self) -> &str {
        &self.url
    }

    /// Method that authenticates requests.
    async fn verification(&self) -> enums::SourceVerification {
        self.source.verification.into()
    }

    /// Signature settings. A null field stands for the provider's default; see `SourceSignature`.
    async fn signature(&self) -> SourceSignature {
        let signature = &self.source.signature;
        SourceSignature {
            algorithm: signature.algorithm.map(Into::into),
            encoding: signature.encoding.map(Into::into),
            header: signature.header.clone(),
            prefix: signature.prefix.clone(),
        }
    }

    /// End of the current secret rotation: until then, older secrets are accepted too. Null if only the newest secret
    /// is accepted.
    async fn rotation_ends_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        let now = ctx.data_unchecked::<Arc<Shared>>().ambient.now();
        let ends = self.source.secrets.iter().filter(|secret| secret.counts(now)).filter_map(|secret| secret.until);
        ends.max().map(DateTime)
    }

    /// Hosts that Inlet may fetch campaign reports from. An empty list allows only the provider's own hosts.
    async fn report_hosts(&self) -> &[String] {
        &self.source.report_hosts
    }

    /// Provider's ids of users who write on behalf of the workspace. Their messages are outbound.
    async fn own_user_ids(&self) -> &[String] {
        &self.source.own_user_ids
    }

    /// Leg of a call that is the customer.
    async fn call_customer_leg(&self) -> enums::CallLeg {
        self.source.call_customer_leg.into()
    }

    /// Mapping of a CUSTOM source, as it was given.
    async fn mapping(&self) -> Option<Json> {
        self.source.mapping.as_ref().map(|mapping| Json::Value(mapping.document.clone()))
    }

    /// Networks that may post, in CIDR notation. An empty list allows every network.
    async fn allowed_networks(&self) -> &[String] {
        &self.source.allowed_networks
    }

    /// IANA time zone, such as `Asia/Kolkata`, for times that carry no zone.
    async fn time_zone(&self) -> Option<&str> {
        self.source.time_zone.as_deref()
    }

    /// ISO 3166 region, such as `IN`, for phone numbers without a country code.
    async fn phone_region(&self) -> Option<&str> {
        self.source.phone_region.as_deref()
    }

    /// Medium of the source's default channel, for events that name no channel.
    async fn medium(&self) -> Option<enums::Medium> {
        self.source.medium.map(Into::into)
    }

    /// Default channel, for events that name no channel.
    async fn channel(&self, ctx: &Context<'_>) -> Result<Option<Channel>> {
        let Some(id) = self.source.channel_id else { return Ok(None) };
        Ok(loaders(ctx)?.channels.load(id).await?.map(Channel))
    }

    /// Provider account that scopes the provider's ids in the events.
    async fn provider_account(&self, ctx: &Context<'_>) -> Result<Option<ProviderAccount>> {
        Ok(loaders(ctx)?.accounts.load(self.source.account).await?.map(ProviderAccount))
    }

    /// Revision of the object. Pass it as `ifRevision` in an update.
    async fn revision(&self) -> Revision {
        Revision(self.source.revision)
    }

    /// Time of creation.
    async fn created_at(&self) -> DateTime {
        DateTime(self.source.created_at)
    }
}
