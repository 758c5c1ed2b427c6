//! Who may do what: the roles of members, the scopes of API keys, the one table that joins both to rights, and the one
//! rule of what may be handed on.

mod tables;

pub use self::tables::{FIELDS, KINDS, field, kind};
use crate::text_enum;

text_enum! {
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
    pub fn answering() -> Vec<&'static str> {
        Self::ALL.iter().filter(|role| role.answers()).map(|role| role.as_str()).collect()
    }
}

text_enum! {
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

text_enum! {
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
        /// Invite and change members who are no OWNER, and end their sessions.
        ManageMembers = "manage_members",
        /// Make, change and unmake an OWNER, and end their sessions.
        ManageOwners = "manage_owners",
        /// Read who did what.
        ReadAudit = "read_audit",
    }
}

impl Right {
    /// The least role that has it, and the one scope that gives it to a key; no key has what no scope gives. With
    /// [`FIELDS`], [`KINDS`] and [`Gift`] it is the whole of the policy.
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
            Self::Scopes(held) => scope.is_some_and(|scope| held.contains(&scope)),
        }
    }

    /// The rights that it gives.
    pub fn rights(&self) -> impl Iterator<Item = Right> {
        Right::ALL.iter().copied().filter(|right| self.gives(*right))
    }

    /// Refuses to hand on what is not held.
    ///
    /// # Errors
    /// With the first right that is missing.
    pub fn check_gift(&self, gift: &Gift) -> Result<(), NotHeld> {
        self.check_growth(&[], gift)
    }

    /// The same for someone or something that has rights already: only what comes new is handed on.
    ///
    /// # Errors
    /// With the first right that is missing.
    pub fn check_growth(&self, before: &[Right], gift: &Gift) -> Result<(), NotHeld> {
        match gift.rights().into_iter().find(|right| !before.contains(right) && !self.gives(*right)) {
            None => Ok(()),
            Some(right) => Err(NotHeld::Right { gift: *gift, right }),
        }
    }

    /// Refuses who acts upon a member of this role, or upon what is theirs, without the right to.
    ///
    /// # Errors
    /// [`NotHeld::Owner`].
    pub fn check_acts_upon(&self, role: Role) -> Result<(), NotHeld> {
        if role == Role::Owner && !self.gives(Right::ManageOwners) { Err(NotHeld::Owner) } else { Ok(()) }
    }
}

/// Why something may not be handed on, or done to someone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld {
    /// It gives a right that the giver does not have.
    #[error("you cannot give {gift}: it gives the right `{right}`, which you do not have")]
    Right {
        /// What was to be given.
        gift: Gift,
        /// The right that is missing.
        right: Right,
    },
    /// It is done to an OWNER.
    #[error("only an OWNER acts upon an OWNER: ask one of them")]
    Owner,
}

/// Something that hands rights on to whoever gets it. Whoever gives it must hold each of them: so no right grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gift {
    /// A member's role, by an invitation or a change.
    Role(Role),
    /// A scope of an API key.
    Scope(KeyScope),
    /// A webhook that is sent what the inbox holds; with notes and activities, or without.
    Webhook {
        /// Whether it is sent notes and activities too.
        notes: bool,
    },
}

impl Gift {
    /// Everything that can be handed on.
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

    /// The rights that it gives.
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
                // Whoever got it could hand on nothing that the giver could not.
                assert!(!holds || gift.rights().iter().all(|right| grant.rights().any(|held| held == *right)));
            }
        }
        let admin = Grant::Scopes(vec![KeyScope::Admin]);
        assert!(admin.check_gift(&Gift::Role(Role::Viewer)).is_err());
        // Nothing comes new to who is made less.
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
