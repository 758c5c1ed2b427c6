//! The workspace and the actor of a request. Every function of [`inlet_store::records`] on a workspace's data takes a
//! [`Scope`].

use uuid::Uuid;

use crate::ids::{ApiKeyId, MemberId, WorkspaceId};

/// The workspace that a query may see (P10). It comes from a credential, or from a background worker that is listed in
/// [`inlet_store::records`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    workspace: WorkspaceId,
}

impl Scope {
    /// The scope of `workspace`.
    #[must_use]
    pub fn of(workspace: WorkspaceId) -> Self {
        Self { workspace }
    }

    /// The workspace.
    #[must_use]
    pub fn workspace(self) -> WorkspaceId {
        self.workspace
    }
}

/// The actor of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A member of the workspace.
    Member(MemberId),
    /// An API key.
    ApiKey(ApiKeyId),
    /// A provider's request.
    Provider,
    /// Inlet itself.
    System,
}

impl Actor {
    /// The id of the member or the key; `None` for a provider and Inlet itself.
    #[must_use]
    pub fn id(self) -> Option<Uuid> {
        match self {
            Self::Member(id) => Some(id.0),
            Self::ApiKey(id) => Some(id.0),
            Self::Provider | Self::System => None,
        }
    }

    /// The kind in SQL, events and webhooks.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Member(_) => "member",
            Self::ApiKey(_) => "api_key",
            Self::Provider => "provider",
            Self::System => "system",
        }
    }
}
