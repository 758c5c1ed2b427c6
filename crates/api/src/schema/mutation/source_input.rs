//! Inputs of the mutations of sources.

use async_graphql::{ID, InputObject, MaybeUndefined};
use inlet_domain::{
    ids::ChannelId,
    model::{provider::Verification, source::SignatureSettings},
};
use inlet_store::records::sources::SourceSettings;

use crate::schema::types::{
    enums,
    scalars::{Json, Revision},
};

/// Signature settings of a source. A field that is left out has the provider's default; for CUSTOM that is HMAC-SHA256
/// in hex in the header `x-signature`.
#[derive(InputObject, Clone)]
pub struct SourceSignatureInput {
    /// HMAC algorithm.
    algorithm: Option<enums::HmacAlgorithm>,
    /// Encoding of the signature in the header.
    encoding: Option<enums::SignatureEncoding>,
    /// Name of the signature header.
    header: Option<String>,
    /// Text before the signature in the header, such as `sha256=`.
    prefix: Option<String>,
}

impl From<SourceSignatureInput> for SignatureSettings {
    fn from(input: SourceSignatureInput) -> Self {
        Self {
            algorithm: input.algorithm.map(Into::into),
            encoding: input.encoding.map(Into::into),
            header: input.header,
            prefix: input.prefix,
        }
    }
}

/// Input of `createSource`.
#[derive(InputObject)]
pub struct CreateSourceInput {
    #[doc = display_name!()]
    pub(super) name: String,
    /// Provider whose format the requests have. It selects the adapter that reads them.
    pub(super) provider: enums::Provider,
    /// Global id of a provider account to share. Without it, Inlet creates an account.
    pub(super) provider_account_id: Option<ID>,
    /// Method that authenticates requests.
    #[graphql(default_with = "enums::SourceVerification::Hmac")]
    pub(super) verification: enums::SourceVerification,
    /// Secret that the provider signs with. Required for HMAC.
    #[graphql(secret)]
    pub(super) secret: Option<String>,
    /// Signature settings, if they differ from the provider's default.
    pub(super) signature: Option<SourceSignatureInput>,
    /// Networks that may post: IPv4 or IPv6 addresses, or networks in CIDR notation. An empty list allows every
    /// network.
    #[graphql(default)]
    pub(super) allowed_networks: Vec<String>,
    /// IANA time zone, such as `Asia/Kolkata`, for times that carry no zone.
    pub(super) time_zone: Option<String>,
    /// ISO 3166 region, such as `IN`, for phone numbers without a country code.
    pub(super) phone_region: Option<String>,
    /// Global id of the default channel, for events that name no channel. It must belong to the source's provider
    /// account.
    pub(super) channel_id: Option<ID>,
    /// Medium of the default channel, for events that name no channel. `channelId` takes precedence.
    pub(super) medium: Option<enums::Medium>,
    /// Hosts that Inlet may fetch campaign reports from. An empty list allows only the provider's own hosts.
    #[graphql(default)]
    pub(super) report_hosts: Vec<String>,
    /// Provider's ids of users who write on behalf of the workspace. Their messages are outbound.
    #[graphql(default)]
    pub(super) own_user_ids: Vec<String>,
    /// Leg of a call that is the customer.
    #[graphql(default_with = "enums::CallLeg::To")]
    pub(super) call_customer_leg: enums::CallLeg,
    /// Mapping of a CUSTOM source; see docs/custom-provider.md. Without it, Inlet stores every request as UNRECOGNISED.
    pub(super) mapping: Option<Json>,
    #[doc = idempotency_key!()]
    pub(super) idempotency_key: String,
}

/// The JSON value of an argument.
pub(super) fn value_of(json: Json) -> serde_json::Value {
    match json {
        Json::Value(value) => value,
        Json::Raw(raw) => serde_json::from_str(raw.get()).unwrap_or_default(),
    }
}

/// Input of `updateSource`. A field that is left out keeps its value; null removes a setting.
#[derive(InputObject)]
pub struct UpdateSourceInput {
    /// Global id of the source.
    pub(super) id: ID,
    #[doc = display_name!()]
    pub(super) name: Option<String>,
    /// Method that authenticates requests. HMAC needs a secret; see `rotateSourceSecret`.
    pub(super) verification: Option<enums::SourceVerification>,
    /// Signature settings. They replace all previous ones; null restores the provider's default.
    pub(super) signature: MaybeUndefined<SourceSignatureInput>,
    /// Networks that may post: IPv4 or IPv6 addresses, or networks in CIDR notation. Null or an empty list allows every
    /// network.
    pub(super) allowed_networks: MaybeUndefined<Vec<String>>,
    /// IANA time zone, such as `Asia/Kolkata`, for times that carry no zone.
    pub(super) time_zone: MaybeUndefined<String>,
    /// ISO 3166 region, such as `IN`, for phone numbers without a country code.
    pub(super) phone_region: MaybeUndefined<String>,
    /// Global id of the default channel, for events that name no channel. It must belong to the source's provider
    /// account.
    pub(super) channel_id: MaybeUndefined<ID>,
    /// Medium of the default channel, for events that name no channel. `channelId` takes precedence.
    pub(super) medium: MaybeUndefined<enums::Medium>,
    /// Hosts that Inlet may fetch campaign reports from. Null or an empty list allows only the provider's own hosts.
    pub(super) report_hosts: MaybeUndefined<Vec<String>>,
    /// Provider's ids of users who write on behalf of the workspace. Their messages are outbound.
    pub(super) own_user_ids: MaybeUndefined<Vec<String>>,
    /// Leg of a call that is the customer.
    pub(super) call_customer_leg: Option<enums::CallLeg>,
    /// Mapping of a CUSTOM source; see docs/custom-provider.md.
    pub(super) mapping: MaybeUndefined<Json>,
    /// Whether to end the overlap of a secret rotation now. Then only the newest secret is accepted.
    #[graphql(default)]
    pub(super) finish_secret_rotation: bool,
    #[doc = if_revision!()]
    pub(super) if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    pub(super) idempotency_key: Option<String>,
}

/// Sets `place` to a given value; null resets it.
fn set<T, U: Default>(place: &mut U, given: &MaybeUndefined<T>, read: impl FnOnce(&T) -> U) {
    match given {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => *place = U::default(),
        MaybeUndefined::Value(value) => *place = read(value),
    }
}

impl UpdateSourceInput {
    pub(super) fn apply(
        &self,
        channel: &MaybeUndefined<ChannelId>,
        name: &mut String,
        verification: &mut Verification,
        settings: &mut SourceSettings,
    ) {
        if let Some(given) = &self.name {
            name.clone_from(given);
        }
        if let Some(given) = self.verification {
            *verification = given.into();
        }
        set(&mut settings.signature, &self.signature, |given| given.clone().into());
        set(&mut settings.allowed_networks, &self.allowed_networks, Clone::clone);
        set(&mut settings.time_zone, &self.time_zone, |given| Some(given.clone()));
        set(&mut settings.phone_region, &self.phone_region, |given| Some(given.clone()));
        set(&mut settings.channel_id, channel, |given| Some(*given));
        set(&mut settings.medium, &self.medium, |given| Some((*given).into()));
        set(&mut settings.report_hosts, &self.report_hosts, Clone::clone);
        set(&mut settings.own_user_ids, &self.own_user_ids, Clone::clone);
        set(&mut settings.mapping, &self.mapping, |given| Some(value_of(given.clone())));
        if let Some(leg) = self.call_customer_leg {
            settings.call_customer_leg = Some(leg.into());
        }
    }
}
