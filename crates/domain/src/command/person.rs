//! People and their addresses.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What kind of address an identity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// A phone number with its `+`, or the bare digits of a short number.
    Phone,
    /// An email address in lower case.
    Email,
    /// A name that is unique at the provider.
    Username,
    /// The provider's id of a person.
    ProviderUser,
    /// The provider's id of a conversation: the last resort (OR-3).
    ProviderConversation,
    /// The provider's id of a group. It has no contact.
    Group,
}

impl IdentityKind {
    /// Every kind, in the order in which addresses are locked.
    pub const ALL: [Self; 6] =
        [Self::Phone, Self::Email, Self::Username, Self::ProviderUser, Self::ProviderConversation, Self::Group];

    /// The word in SQL.
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

/// In what an address is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityScope {
    /// The workspace: whoever writes from it, on whatever channel, is one person.
    Workspace,
    /// The provider account: another account may mean someone else by it.
    Account,
}

/// An address, normalised, beside what was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct IdentityRef {
    /// What it is.
    pub kind: IdentityKind,
    /// In what it is unique.
    pub scope: IdentityScope,
    /// Normalised.
    pub value: String,
    /// As written, where that differs.
    pub original: Option<String>,
    /// Whether a new address that is told beside it belongs to the contact that is known by it.
    pub leads: bool,
}

impl IdentityRef {
    /// An address of its kind's usual scope: a phone number and an email address are the workspace's, all else is the
    /// account's. It leads no other address.
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

/// A person as far as an event tells. The first identity is the address that the message came from. What a profile says
/// of phone and email is no identity: it fills the contact's fields and joins nobody.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PersonReport {
    /// The address first, then the provider's ids of the person.
    pub identities: Vec<IdentityRef>,
    /// The name to show.
    pub name: Option<String>,
    /// A phone number to show.
    pub phone: Option<String>,
    /// An email address to show.
    pub email: Option<String>,
    /// A username to show.
    pub username: Option<String>,
    /// A picture.
    pub avatar_url: Option<String>,
    /// When the person was last seen.
    pub last_active_at: Option<DateTime<Utc>>,
    /// All else that the provider tells of the person.
    pub attributes: Map<String, Value>,
}
