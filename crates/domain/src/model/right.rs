//! Who may do what: the roles of members, the scopes of API keys, and the one table that joins both to rights.

use std::{collections::HashMap, sync::LazyLock};

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

impl Role {
    /// Whether a member of this role can answer conversations, and so have them.
    #[must_use]
    pub fn answers(self) -> bool {
        Grant::Role(self).gives(Right::WriteInbox)
    }

    /// The words of the roles that can answer.
    pub(crate) fn answering() -> Vec<&'static str> {
        Self::ALL.iter().filter(|role| role.answers()).map(|role| role.as_str()).collect()
    }
}

words! {
    /// What an API key was made for.
    KeyScope {
        /// Reads the inbox, but for notes and activities.
        Read = "read",
        /// Reads notes and activities, beside what `read` gives: what agents write to each other.
        Notes = "notes",
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
        /// Read agents' notes and the activities of conversations, too.
        ReadNotes = "read_notes",
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
        /// Make and change members, and end their sessions.
        ManageMembers = "manage_members",
        /// Read who did what.
        ReadAudit = "read_audit",
    }
}

impl Right {
    /// The least role that has it, and the one scope that gives it to a key. With [`FIELDS`] and [`KINDS`] it is the
    /// whole of the policy.
    #[must_use]
    pub fn needs(self) -> (Role, KeyScope) {
        match self {
            Self::ReadInbox => (Role::Viewer, KeyScope::Read),
            Self::ReadNotes => (Role::Viewer, KeyScope::Notes),
            Self::WriteInbox => (Role::Agent, KeyScope::Write),
            Self::ReadSettings
            | Self::ManageSources
            | Self::ManageWebhooks
            | Self::ManageKeys
            | Self::ManageMembers
            | Self::ReadAudit => (Role::Admin, KeyScope::Admin),
        }
    }
}

/// What a credential stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

    /// Whether it gives all that a key with `scope` may: no one makes a key that may more than they do.
    #[must_use]
    pub fn covers(&self, scope: KeyScope) -> bool {
        Right::ALL.iter().all(|right| right.needs().1 != scope || self.gives(*right))
    }

    /// Whether it is an owner's. No key is: only people own a workspace.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        *self == Self::Role(Role::Owner)
    }
}

/// What a field of the API asks of who asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: no credential either.
    Nothing,
    /// Any credential; what is shown is their own, or what the field's description says.
    Credential,
    /// A member's session: a key has none.
    Session,
    /// Each of these rights.
    Rights(&'static [Right]),
    /// Each of these rights, by a member's session: a key is no one who could be there.
    Member(&'static [Right]),
    /// The right of the object's kind, as [`KINDS`] tells.
    Kind,
}

impl Need {
    /// Whether a grant meets it; [`Need::Kind`] is met by who may see any kind, and is asked again for the object.
    #[must_use]
    pub fn is_met(self, grant: &Grant) -> bool {
        match self {
            Self::Nothing | Self::Credential => true,
            Self::Session => matches!(grant, Grant::Role(_)),
            Self::Rights(rights) => rights.iter().all(|right| grant.gives(*right)),
            Self::Member(rights) => matches!(grant, Grant::Role(_)) && rights.iter().all(|right| grant.gives(*right)),
            Self::Kind => KINDS.iter().any(|(_, need)| need.is_met(grant)),
        }
    }
}

const READ_INBOX: Need = Need::Rights(&[Right::ReadInbox]);
const WRITE_INBOX: Need = Need::Rights(&[Right::WriteInbox]);
const READ_SETTINGS: Need = Need::Rights(&[Right::ReadSettings]);
const MANAGE_SOURCES: Need = Need::Rights(&[Right::ManageSources]);
const MANAGE_WEBHOOKS: Need = Need::Rights(&[Right::ManageWebhooks]);
const MANAGE_KEYS: Need = Need::Rights(&[Right::ManageKeys]);
const MANAGE_MEMBERS: Need = Need::Rights(&[Right::ManageMembers]);

/// What each root field of the API needs, and each field below one that needs more than the way to it. A field that is
/// not here is refused.
pub const FIELDS: &[(&str, Need)] = &[
    ("Query.apiKeys", READ_SETTINGS),
    ("Query.attempts", READ_SETTINGS),
    ("Query.auditLog", Need::Rights(&[Right::ReadAudit])),
    ("Query.balanceAlerts", READ_INBOX),
    ("Query.campaigns", READ_INBOX),
    ("Query.channels", READ_INBOX),
    ("Query.contact", READ_INBOX),
    ("Query.contacts", READ_INBOX),
    ("Query.conversation", READ_INBOX),
    ("Query.conversations", READ_INBOX),
    ("Query.deliveries", READ_SETTINGS),
    ("Query.eventSchema", READ_INBOX),
    ("Query.eventTypes", READ_INBOX),
    ("Query.events", READ_INBOX),
    ("Query.groups", READ_INBOX),
    ("Query.head", READ_INBOX),
    ("Query.inboundEvents", READ_SETTINGS),
    ("Query.inboxCounts", READ_INBOX),
    ("Query.labels", READ_INBOX),
    ("Query.members", READ_INBOX),
    ("Query.message", READ_INBOX),
    ("Query.node", Need::Kind),
    ("Query.nodes", Need::Kind),
    ("Query.optOuts", READ_INBOX),
    ("Query.providerAccounts", READ_INBOX),
    ("Query.sessions", Need::Credential),
    ("Query.sources", READ_SETTINGS),
    ("Query.teams", READ_INBOX),
    ("Query.trace", Need::Rights(&[Right::ReadInbox, Right::ReadSettings])),
    ("Query.verifications", READ_INBOX),
    ("Query.viewer", Need::Nothing),
    ("Query.waitingReferences", READ_SETTINGS),
    ("Query.webhooks", READ_SETTINGS),
    ("Mutation.addLabels", WRITE_INBOX),
    ("Mutation.assignConversation", WRITE_INBOX),
    ("Mutation.changePassword", Need::Session),
    ("Mutation.createApiKey", MANAGE_KEYS),
    ("Mutation.createLabel", WRITE_INBOX),
    ("Mutation.createMember", MANAGE_MEMBERS),
    ("Mutation.createProviderAccount", MANAGE_SOURCES),
    ("Mutation.createSource", MANAGE_SOURCES),
    ("Mutation.deleteContact", WRITE_INBOX),
    ("Mutation.deleteLabel", WRITE_INBOX),
    ("Mutation.deleteSource", MANAGE_SOURCES),
    ("Mutation.deleteWebhook", MANAGE_WEBHOOKS),
    ("Mutation.finishWebhookRotation", MANAGE_WEBHOOKS),
    ("Mutation.login", Need::Nothing),
    ("Mutation.logout", Need::Session),
    ("Mutation.markRead", WRITE_INBOX),
    ("Mutation.markUnread", WRITE_INBOX),
    ("Mutation.mergeContacts", WRITE_INBOX),
    ("Mutation.pauseWebhook", MANAGE_WEBHOOKS),
    ("Mutation.previewComposition", MANAGE_WEBHOOKS),
    ("Mutation.previewMapping", MANAGE_SOURCES),
    ("Mutation.recoverWebhook", MANAGE_WEBHOOKS),
    ("Mutation.redeliver", MANAGE_WEBHOOKS),
    ("Mutation.registerWebhook", MANAGE_WEBHOOKS),
    ("Mutation.removeLabels", WRITE_INBOX),
    ("Mutation.replayInboundEvents", MANAGE_SOURCES),
    ("Mutation.resumeWebhook", MANAGE_WEBHOOKS),
    ("Mutation.revokeApiKey", MANAGE_KEYS),
    ("Mutation.revokeSession", Need::Credential),
    ("Mutation.rotateSourceSecret", MANAGE_SOURCES),
    ("Mutation.rotateWebhookSecret", MANAGE_WEBHOOKS),
    ("Mutation.testWebhook", MANAGE_WEBHOOKS),
    ("Mutation.setAvailability", Need::Member(&[Right::WriteInbox])),
    ("Mutation.setConversationStatus", WRITE_INBOX),
    ("Mutation.setPriority", WRITE_INBOX),
    ("Mutation.setTyping", Need::Member(&[Right::WriteInbox])),
    ("Mutation.snoozeConversation", WRITE_INBOX),
    ("Mutation.unmergeContacts", WRITE_INBOX),
    ("Mutation.updateContact", WRITE_INBOX),
    ("Mutation.updateLabel", WRITE_INBOX),
    ("Mutation.updateMember", MANAGE_MEMBERS),
    ("Mutation.updateSource", MANAGE_SOURCES),
    ("Mutation.updateWebhook", MANAGE_WEBHOOKS),
    ("Subscription.events", READ_INBOX),
    ("Subscription.presence", READ_INBOX),
    ("Conversation.unread", READ_INBOX),
    ("Delivery.webhook", READ_SETTINGS),
    ("InboundEvent.events", READ_INBOX),
    ("InboundEvent.request", MANAGE_SOURCES),
    ("Message.clientKey", READ_INBOX),
    ("ReplayedInboundEvent.events", READ_INBOX),
    ("ReplayedInboundEvent.wouldRaise", READ_INBOX),
];

/// What it takes to see an object of a kind by its id. A session is seen by its member, and by who manages members.
pub const KINDS: &[(&str, Need)] = &[
    ("ApiKey", READ_INBOX),
    ("Attempt", READ_SETTINGS),
    ("AuditEntry", Need::Rights(&[Right::ReadAudit])),
    ("BalanceAlert", READ_INBOX),
    ("Campaign", READ_INBOX),
    ("Channel", READ_INBOX),
    ("Contact", READ_INBOX),
    ("Conversation", READ_INBOX),
    ("Delivery", READ_SETTINGS),
    ("Event", READ_INBOX),
    ("Group", READ_INBOX),
    ("InboundEvent", READ_SETTINGS),
    ("Label", READ_INBOX),
    ("Member", READ_INBOX),
    ("Message", READ_INBOX),
    ("OptOut", READ_INBOX),
    ("ProviderAccount", READ_INBOX),
    ("Session", Need::Credential),
    ("Source", READ_SETTINGS),
    ("Team", READ_INBOX),
    ("Verification", READ_INBOX),
    ("WaitingReference", READ_SETTINGS),
    ("Webhook", READ_SETTINGS),
];

/// What a field needs, by its type and name such as `Mutation.login`; the name is given back as it stands in the table.
#[must_use]
pub fn field(name: &str) -> Option<(&'static str, Need)> {
    static FIELDS_BY_NAME: LazyLock<HashMap<&str, (&'static str, Need)>> =
        LazyLock::new(|| FIELDS.iter().map(|entry| (entry.0, *entry)).collect());
    FIELDS_BY_NAME.get(name).copied()
}

/// What it takes to see an object of a kind; what is not in the table no one sees.
#[must_use]
pub fn kind(name: &str) -> Option<Need> {
    KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, need)| *need)
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

    #[test]
    fn no_one_gives_what_they_do_not_have() {
        assert!(KeyScope::ALL.iter().all(|scope| Grant::Role(Role::Admin).covers(*scope)));
        assert!(!Grant::Role(Role::Agent).covers(KeyScope::Admin));
        assert!(!Grant::Scopes(vec![KeyScope::Admin]).covers(KeyScope::Read));
        assert!(!Grant::Scopes(KeyScope::ALL.to_vec()).is_owner());
    }

    #[test]
    fn no_name_stands_twice_in_the_tables() {
        for table in [FIELDS, KINDS] {
            for (index, (name, _)) in table.iter().enumerate() {
                assert!(!table[..index].iter().any(|(before, _)| before == name), "{name}");
            }
        }
        assert_eq!(field("Mutation.login"), Some(("Mutation.login", Need::Nothing)));
        assert_eq!((field("Mutation.nope"), kind("Nope")), (None, None));
    }
}
