//! Who may do what: the roles of members, the scopes of API keys, and the one table that joins both to rights.

use super::words::words;

words! {
    /// What a person is in a workspace. The order of the values is the ladder: each may all that the next one may.
    Role {
        /// Has the workspace.
        Owner = "owner",
        /// Runs the workspace: members, keys, sources, webhooks.
        Admin = "admin",
        /// Answers conversations.
        Agent = "agent",
        /// Looks on.
        Viewer = "viewer",
    }
}

words! {
    /// What an API key was made for.
    KeyScope {
        /// Reads the inbox.
        Read = "read",
        /// Changes the inbox: replies, assigns, labels.
        Write = "write",
        /// Reads and changes settings: sources, webhooks, keys, members.
        Admin = "admin",
    }
}

words! {
    /// Something that a viewer may or may not do.
    Right {
        /// Read conversations, messages, contacts, channels and all else that agents see, and follow them live.
        ReadInbox = "read_inbox",
        /// Change them.
        WriteInbox = "write_inbox",
        /// Read webhooks, deliveries, the raw log of providers' requests and where they come from.
        ReadSettings = "read_settings",
        /// Make and change sources.
        ManageSources = "manage_sources",
        /// Make and change webhooks.
        ManageWebhooks = "manage_webhooks",
        /// Make and revoke API keys.
        ManageKeys = "manage_keys",
        /// Make and change members.
        ManageMembers = "manage_members",
    }
}

impl Right {
    /// The least role that has it, and the one scope that gives it to a key. The whole of the policy is this table.
    #[must_use]
    pub fn needs(self) -> (Role, KeyScope) {
        match self {
            Self::ReadInbox => (Role::Viewer, KeyScope::Read),
            Self::WriteInbox => (Role::Agent, KeyScope::Write),
            Self::ReadSettings
            | Self::ManageSources
            | Self::ManageWebhooks
            | Self::ManageKeys
            | Self::ManageMembers => (Role::Admin, KeyScope::Admin),
        }
    }
}

/// What a credential stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// A member with this role.
    Role(Role),
    /// An API key with these scopes.
    Scopes(Vec<KeyScope>),
}

impl Grant {
    /// Whether it gives `right`.
    #[must_use]
    pub fn gives(&self, right: Right) -> bool {
        let (role, scope) = right.needs();
        match self {
            Self::Role(held) => *held <= role,
            Self::Scopes(held) => held.contains(&scope),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_a_ladder_and_scopes_are_not() {
        for right in Right::ALL {
            assert!(Grant::Role(Role::Owner).gives(*right));
            assert!(!Grant::Scopes(vec![]).gives(*right));
        }
        assert!(Grant::Role(Role::Viewer).gives(Right::ReadInbox));
        assert!(!Grant::Role(Role::Viewer).gives(Right::WriteInbox));
        assert!(!Grant::Role(Role::Agent).gives(Right::ReadSettings));
        assert!(!Grant::Scopes(vec![KeyScope::Admin]).gives(Right::ReadInbox));
        assert!(Grant::Scopes(vec![KeyScope::Read]).gives(Right::ReadInbox));
    }
}
