//! People and their addresses.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The kind of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// A phone number with its `+`, or the bare digits of a short number.
    Phone,
    /// An email address in lower case.
    Email,
    /// A username, unique at the provider.
    Username,
    /// The provider's id of a person.
    ProviderUser,
    /// The provider's id of a conversation: the last resort (OR-3).
    ProviderConversation,
    /// The provider's id of a group. It has no contact.
    Group,
}

impl IdentityKind {
    /// Every kind, in the order in which apply locks addresses.
    pub const ALL: [Self; 6] =
        [Self::Phone, Self::Email, Self::Username, Self::ProviderUser, Self::ProviderConversation, Self::Group];

    /// The value in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Username => "username",
            Self::ProviderUser => "provider_user",
            Self::ProviderConversation => "provider_conversation",
            Self::Group => "group",
        }
    }
}

/// The scope in which an address is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityScope {
    /// The workspace: all messages from this address belong to one contact, on any channel.
    Workspace,
    /// The provider account: another account may use the same value for another person.
    Account,
}

/// A normalised address, with its original form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct IdentityRef {
    /// The kind.
    pub kind: IdentityKind,
    /// The scope in which it is unique.
    pub scope: IdentityScope,
    /// The normalised form.
    pub value: String,
    /// The original form, if it differs.
    pub original: Option<String>,
    /// Whether a new address beside this one in an event belongs to the contact of this one.
    pub leads: bool,
}

impl IdentityRef {
    /// An address in the usual scope of its kind: the workspace for a phone number or an email address, the provider
    /// account for any other. It leads no other address.
    #[must_use]
    pub fn new(kind: IdentityKind, value: impl Into<String>) -> Self {
        let scope = match kind {
            IdentityKind::Phone | IdentityKind::Email => IdentityScope::Workspace,
            IdentityKind::Username
            | IdentityKind::ProviderUser
            | IdentityKind::ProviderConversation
            | IdentityKind::Group => IdentityScope::Account,
        };
        Self { kind, scope, value: value.into(), original: None, leads: false }
    }
}

/// A person, as an event describes them. The first identity is the address that the message came from. Phone and email
/// of a profile are not identities: Inlet shows them, and they join no contacts.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PersonReport {
    /// The address first, then the provider's ids of the person.
    pub identities: Vec<IdentityRef>,
    /// The display name.
    pub name: Option<String>,
    /// The phone number that Inlet shows.
    pub phone: Option<String>,
    /// The email address that Inlet shows.
    pub email: Option<String>,
    /// The username that Inlet shows.
    pub username: Option<String>,
    /// The URL of a picture.
    pub avatar_url: Option<String>,
    /// When the person was last seen.
    pub last_active_at: Option<DateTime<Utc>>,
    /// Further values of the person, by name.
    pub attributes: Map<String, Value>,
}
