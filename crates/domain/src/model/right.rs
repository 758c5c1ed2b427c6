//! Rights: the roles of members, the scopes of API keys, the one table that joins both to rights, and the one rule for
//! handing rights on.

mod tables;

pub use self::tables::{FIELDS, KINDS, field, kind};
use crate::text_enum;

text_enum! {
    /// A member's role. Each role has all rights of the roles after it.
    Role {
        /// Owns the workspace.
        Owner = "owner",
        /// Manages the workspace: members, keys, sources, webhooks.
        Admin = "admin",
        /// Answers conversations.
        Agent = "agent",
        /// Reads the inbox.
        Viewer = "viewer",
    }
}

impl Role {
    /// Whether a member of this role can answer conversations, and so be assigned to them.
    #[must_use]
    pub fn answers(self) -> bool {
        Grant::Role(self).gives(Right::WriteInbox)
    }

    /// The names of the roles that can answer.
    pub fn answering() -> Vec<&'static str> {
        Self::ALL.iter().filter(|role| role.answers()).map(|role| role.as_str()).collect()
    }
}

text_enum! {
    /// A scope of an API key.
    KeyScope {
        /// Reads the inbox, except notes and activities.
        Read = "read",
        /// Reads notes and activities, in addition to the content of `read`.
        Notes = "notes",
        /// Changes the inbox: replies, assigns, labels.
        Write = "write",
        /// Reads and changes settings: sources, webhooks, keys, members.
        Admin = "admin",
    }
}

text_enum! {
    /// A right of a member or a key.
    Right {
        /// Read conversations, messages, contacts, channels and all other content of the inbox, and follow it live.
        ReadInbox = "read_inbox",
        /// Read members' notes and the activities of conversations too.
        ReadNotes = "read_notes",
        /// Change the inbox.
        WriteInbox = "write_inbox",
        /// Read webhooks, deliveries, the raw log of providers' requests, and sources.
        ReadSettings = "read_settings",
        /// Create and change sources.
        ManageSources = "manage_sources",
        /// Create and change webhooks.
        ManageWebhooks = "manage_webhooks",
        /// Create and revoke API keys.
        ManageKeys = "manage_keys",
        /// Invite and change members other than an OWNER, and end their sessions.
        ManageMembers = "manage_members",
        /// Create, change and demote an OWNER, and end their sessions.
        ManageOwners = "manage_owners",
        /// Read the audit log.
        ReadAudit = "read_audit",
    }
}

impl Right {
    /// The lowest role that has the right, and the scope that gives it to a key, if any. Together with [`FIELDS`],
    /// [`KINDS`] and [`Gift`] this is the whole policy.
    #[must_use]
    pub fn needs(self) -> (Role, Option<KeyScope>) {
        match self {
            Self::ReadInbox => (Role::Viewer, Some(KeyScope::Read)),
            Self::ReadNotes => (Role::Viewer, Some(KeyScope::Notes)),
            Self::WriteInbox => (Role::Agent, Some(KeyScope::Write)),
            Self::ReadSettings
            | Self::ManageSources
            | Self::ManageWebhooks
            | Self::ManageKeys
            | Self::ManageMembers
            | Self::ReadAudit => (Role::Admin, Some(KeyScope::Admin)),
            Self::ManageOwners => (Role::Owner, None),
        }
    }
}

/// The role or the scopes of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grant {
    /// A member with this role.
    Role(Role),
    /// An API key with these scopes.
    Scopes(Vec<KeyScope>),
}

impl Grant {
    /// Whether the credential has `right`.
    #[must_use]
    pub fn gives(&self, right: Right) -> bool {
        let (role, scope) = right.needs();
        match self {
            Self::Role(held) => *held <= role,
            Self::Scopes(held) => scope.is_some_and(|scope| held.contains(&scope)),
        }
    }

    /// All rights of the credential.
    pub fn rights(&self) -> impl Iterator<Item = Right> {
        Right::ALL.iter().copied().filter(|right| self.gives(*right))
    }

    /// Refuses to hand on a right that the giver does not hold.
    ///
    /// # Errors
    /// The first missing right.
    pub fn check_gift(&self, gift: &Gift) -> Result<(), NotHeld> {
        self.check_growth(&[], gift)
    }

    /// As [`Grant::check_gift`], for a receiver that has rights already: checks only the rights that are added.
    ///
    /// # Errors
    /// The first missing right.
    pub fn check_growth(&self, before: &[Right], gift: &Gift) -> Result<(), NotHeld> {
        match gift.rights().into_iter().find(|right| !before.contains(right) && !self.gives(*right)) {
            None => Ok(()),
            Some(right) => Err(NotHeld::Right { gift: *gift, right }),
        }
    }

    /// Refuses an act upon a member of this role, or their sessions, without the right to it.
    ///
    /// # Errors
    /// [`NotHeld::Owner`].
    pub fn check_acts_upon(&self, role: Role) -> Result<(), NotHeld> {
        if role == Role::Owner && !self.gives(Right::ManageOwners) { Err(NotHeld::Owner) } else { Ok(()) }
    }
}

/// The act or the gift is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld {
    /// The gift has a right that the giver does not hold.
    #[error("you cannot give {gift}: it gives the right `{right}`, which you do not have")]
    Right {
        /// The gift.
        gift: Gift,
        /// The missing right.
        right: Right,
    },
    /// The act is upon an OWNER.
    #[error("only an OWNER acts upon an OWNER: ask one of them")]
    Owner,
}

/// Something that hands rights on. The giver must hold each of them, so that rights never grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gift {
    /// A role, by an invitation or a change of a member.
    Role(Role),
    /// A scope of an API key.
    Scope(KeyScope),
    /// A webhook, which gets the content of the inbox, with or without notes and activities.
    Webhook {
        /// Whether it gets notes and activities.
        notes: bool,
    },
}

impl Gift {
    /// Every gift.
    pub const ALL: &'static [Self] = &[
        Self::Role(Role::Owner),
        Self::Role(Role::Admin),
        Self::Role(Role::Agent),
        Self::Role(Role::Viewer),
        Self::Scope(KeyScope::Read),
        Self::Scope(KeyScope::Notes),
        Self::Scope(KeyScope::Write),
        Self::Scope(KeyScope::Admin),
        Self::Webhook { notes: false },
        Self::Webhook { notes: true },
    ];

    /// The rights that the gift hands on.
    #[must_use]
    pub fn rights(self) -> Vec<Right> {
        match self {
            Self::Role(role) => Grant::Role(role).rights().collect(),
            Self::Scope(scope) => Grant::Scopes(vec![scope]).rights().collect(),
            Self::Webhook { notes: false } => vec![Right::ReadInbox],
            Self::Webhook { notes: true } => vec![Right::ReadInbox, Right::ReadNotes],
        }
    }
}

impl std::fmt::Display for Gift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Role(role) => write!(f, "the role {}", role.as_str().to_uppercase()),
            Self::Scope(scope) => write!(f, "a key the scope {}", scope.as_str().to_uppercase()),
            Self::Webhook { notes: false } => write!(f, "a webhook events of the inbox"),
            Self::Webhook { notes: true } => write!(f, "a webhook events of the inbox with notes"),
        }
    }
}

/// The requirement of a field of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// No credential.
    Nothing,
    /// Any credential. The field shows the caller's own objects, or those that its description names.
    Credential,
    /// A member's session. API keys have none.
    Session,
    /// All of these rights.
    Rights(&'static [Right]),
    /// All of these rights and a member's session: API keys have no presence.
    Member(&'static [Right]),
    /// The rights of the object's kind, see [`KINDS`].
    Kind,
}

impl Need {
    /// Whether a grant meets the requirement. Any grant that may see some kind meets [`Need::Kind`]; the object itself
    /// is checked later.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_a_ladder_and_scopes_are_not() {
        for right in Right::ALL {
            assert!(Grant::Role(Role::Owner).gives(*right));
            assert!(!Grant::Scopes(vec![]).gives(*right));
        }
        assert!(!Grant::Role(Role::Admin).gives(Right::ManageOwners));
        assert!(!Grant::Scopes(KeyScope::ALL.to_vec()).gives(Right::ManageOwners));
        assert!(Grant::Role(Role::Viewer).gives(Right::ReadInbox));
        assert!(!Grant::Role(Role::Viewer).gives(Right::WriteInbox));
        assert!(!Grant::Role(Role::Agent).gives(Right::ReadSettings));
        assert!(!Grant::Scopes(vec![KeyScope::Admin]).gives(Right::ReadInbox));
        assert!(Grant::Scopes(vec![KeyScope::Read]).gives(Right::ReadInbox));
    }

    #[test]
    fn a2_no_one_gives_what_they_do_not_have() {
        let grants = Role::ALL.iter().map(|role| Grant::Role(*role));
        let keys = (0..1_u32 << KeyScope::ALL.len()).map(|set| {
            let held = KeyScope::ALL.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
            Grant::Scopes(held.map(|(_, scope)| *scope).collect())
        });
        for grant in grants.chain(keys) {
            for gift in Gift::ALL {
                let holds = gift.rights().iter().all(|right| grant.gives(*right));
                assert_eq!(grant.check_gift(gift).is_ok(), holds, "{grant:?} {gift}");
                // The receiver could hand on nothing that the giver could not.
                assert!(!holds || gift.rights().iter().all(|right| grant.rights().any(|held| held == *right)));
            }
        }
        let admin = Grant::Scopes(vec![KeyScope::Admin]);
        assert!(admin.check_gift(&Gift::Role(Role::Viewer)).is_err());
        // A lower role adds no rights.
        let before: Vec<Right> = Grant::Role(Role::Agent).rights().collect();
        admin.check_growth(&before, &Gift::Role(Role::Viewer)).unwrap();
        assert!(Grant::Role(Role::Admin).check_gift(&Gift::Role(Role::Owner)).is_err());
        assert!(Grant::Role(Role::Admin).check_acts_upon(Role::Owner).is_err());
        Grant::Role(Role::Owner).check_acts_upon(Role::Owner).unwrap();
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
