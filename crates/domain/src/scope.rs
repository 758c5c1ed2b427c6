//! Who asks, and in which workspace. Every function of [`inlet_store::records`] takes a [`Scope`].

use uuid::Uuid;

use crate::ids::{ApiKeyId, MemberId, WorkspaceId};

/// The workspace that a query may see (P10). Made only from a credential or by a background worker that is listed
/// in [`inlet_store::records`].
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

    /// Its workspace.
    #[must_use]
    pub fn workspace(self) -> WorkspaceId {
        self.workspace
    }
}

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person of the workspace.
    Member(MemberId),
    /// A program.
    ApiKey(ApiKeyId),
    /// A provider's report.
    Provider,
    /// Inlet itself.
    System,
}

impl Actor {
    /// Which member or key it is; none of a provider or of Inlet itself.
    #[must_use]
    pub fn id(self) -> Option<Uuid> {
        match self {
            Self::Member(id) => Some(id.0),
            Self::ApiKey(id) => Some(id.0),
            Self::Provider | Self::System => None,
        }
    }

    /// The word for its kind in SQL, in events and in webhooks.
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
