//! People and their addresses.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What kind of address an identity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// A phone number in E.164 with its `+`, or the digits as written where it cannot be normalised. The workspace's.
    Phone,
    /// An email address in lower case. The workspace's.
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

    /// Whether it leads a new address to a contact that is known by it.
    #[must_use]
    pub fn joins(self) -> bool {
        self.is_shared() || self == Self::ProviderConversation
    }

    /// Whether it joins providers: only a phone number and an email address do.
    #[must_use]
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Phone | Self::Email)
    }
}

/// An address, normalised, beside what was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct IdentityRef {
    /// What it is.
    pub kind: IdentityKind,
    /// Normalised.
    pub value: String,
    /// As written, where that differs.
    pub original: Option<String>,
}

/// A person as far as an event tells. The first identity is the address that the message came from.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PersonReport {
    /// The address first, then what else is known of the person.
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
