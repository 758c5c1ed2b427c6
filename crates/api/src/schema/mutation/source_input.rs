//! What the mutations of sources take.

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

/// How requests are signed. What is left out is the provider's default; for CUSTOM that is HMAC-SHA256 in hex in
/// `x-signature`.
#[derive(InputObject, Clone)]
pub struct SourceSignatureInput {
    /// The hash.
    algorithm: Option<enums::HmacAlgorithm>,
    /// How its bytes are written.
    encoding: Option<enums::SignatureEncoding>,
    /// The header.
    header: Option<String>,
    /// A text in the header before the signature, such as `sha256=`.
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

/// A new source.
#[derive(InputObject)]
pub struct CreateSourceInput {
    /// Its name among the staff; 1 to 200 characters, at least one of them visible.
    pub(super) name: String,
    /// Which adapter reads what comes.
    pub(super) provider: enums::Provider,
    /// The provider account to share; without one a new account is made.
    pub(super) provider_account_id: Option<ID>,
    /// How a request proves that it is authentic.
    #[graphql(default_with = "enums::SourceVerification::Hmac")]
    pub(super) verification: enums::SourceVerification,
    /// The secret that the provider signs with; needed with HMAC.
    #[graphql(secret)]
    pub(super) secret: Option<String>,
    /// How requests are signed, where that is not the provider's default.
    pub(super) signature: Option<SourceSignatureInput>,
    /// Networks that may post: addresses, or networks in CIDR notation, IPv4 and IPv6; none means any.
    #[graphql(default)]
    pub(super) allowed_networks: Vec<String>,
    /// The IANA zone of times without one.
    pub(super) time_zone: Option<String>,
    /// The ISO 3166 region of phone numbers without a country code.
    pub(super) phone_region: Option<String>,
    /// Its own channel, where events name none: one of its provider account.
    pub(super) channel_id: Option<ID>,
    /// The medium of its own channel, where events name none and `channelId` is not set.
    pub(super) medium: Option<enums::Medium>,
    /// Hosts that a campaign report may be fetched from; none means the provider's own.
    #[graphql(default)]
    pub(super) report_hosts: Vec<String>,
    /// The provider's ids of users that are ours: what they write is outbound.
    #[graphql(default)]
    pub(super) own_user_ids: Vec<String>,
    /// Which leg of a call is the customer's.
    #[graphql(default_with = "enums::CallLeg::To")]
    pub(super) call_customer_leg: enums::CallLeg,
    /// How a CUSTOM source is understood: see docs/custom-provider.md. Without one, all that comes is kept as
    /// UNRECOGNISED until there is one.
    pub(super) mapping: Option<Json>,
    /// Makes a repeat a repeat.
    pub(super) idempotency_key: String,
}

/// A value that came in as an argument.
pub(super) fn value_of(json: Json) -> serde_json::Value {
    match json {
        Json::Value(value) => value,
        Json::Raw(raw) => serde_json::from_str(raw.get()).unwrap_or_default(),
    }
}

/// Changes of a source. A member that is left out stays as it is; null takes a setting away.
#[derive(InputObject)]
pub struct UpdateSourceInput {
    /// Its global id.
    pub(super) id: ID,
    /// Its name among the staff; 1 to 200 characters, at least one of them visible.
    pub(super) name: Option<String>,
    /// How a request proves that it is authentic. HMAC needs a secret: see `rotateSourceSecret`.
    pub(super) verification: Option<enums::SourceVerification>,
    /// How requests are signed, as a whole; null for the provider's default.
    pub(super) signature: MaybeUndefined<SourceSignatureInput>,
    /// Networks that may post; null or none means any.
    pub(super) allowed_networks: MaybeUndefined<Vec<String>>,
    /// The IANA zone of times without one.
    pub(super) time_zone: MaybeUndefined<String>,
    /// The ISO 3166 region of phone numbers without a country code.
    pub(super) phone_region: MaybeUndefined<String>,
    /// Its own channel, where events name none: one of its provider account.
    pub(super) channel_id: MaybeUndefined<ID>,
    /// The medium of its own channel, where events name none and `channelId` is not set.
    pub(super) medium: MaybeUndefined<enums::Medium>,
    /// Hosts that a campaign report may be fetched from; null or none means the provider's own.
    pub(super) report_hosts: MaybeUndefined<Vec<String>>,
    /// The provider's ids of users that are ours.
    pub(super) own_user_ids: MaybeUndefined<Vec<String>>,
    /// Which leg of a call is the customer's.
    pub(super) call_customer_leg: Option<enums::CallLeg>,
    /// How a CUSTOM source is understood.
    pub(super) mapping: MaybeUndefined<Json>,
    /// Ends the overlap of a rotation now: only the newest secret counts from then on.
    #[graphql(default)]
    pub(super) finish_secret_rotation: bool,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    pub(super) if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    pub(super) idempotency_key: Option<String>,
}

/// Puts what was given in the place of what is there; null takes it away.
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
