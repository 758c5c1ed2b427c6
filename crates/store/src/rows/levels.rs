//! The name, the phone and the email of a contact. A provider's record tells them, and so do messages. The contact
//! shows the value of the record, whichever came first. Each value has its own versions.

use chrono::{DateTime, Utc};
use inlet_domain::model::{contact_name::stands_in, versions::Stamp};

use super::ContactRow;

/// A member of a contact with one value for each level: the record, the messages, a stand-in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Levelled {
    Name,
    Phone,
    Email,
}

/// The level of a stand-in for a name, such as a username.
pub(crate) const STAND_IN: &str = "name.stand_in";

impl Levelled {
    pub(crate) const ALL: [Self; 3] = [Self::Name, Self::Phone, Self::Email];

    /// The member with this name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|member| member.record() == name)
    }

    /// The keys of the values. The contact shows the first value that exists.
    const fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Name => &["name", "name.message", STAND_IN],
            Self::Phone => &["phone", "phone.message"],
            Self::Email => &["email", "email.message"],
        }
    }

    /// The key of the value from a provider's record. It is the name of the member.
    pub(crate) const fn record(self) -> &'static str {
        self.levels()[0]
    }

    /// The key of the value from messages.
    pub(crate) const fn message(self) -> &'static str {
        self.levels()[1]
    }

    /// The value from messages.
    pub(crate) fn of_messages(self, row: &ContactRow) -> Option<&str> {
        row.provider_members.0.kept(self.message())
    }

    /// Takes a value in, unless its version is old or the staff wrote the member.
    pub(crate) fn keep(self, row: &mut ContactRow, level: &'static str, stamp: Stamp, told: Option<&str>) {
        if row.provider_members.0.is_pinned(self.record()) {
            return;
        }
        self.adopt(row);
        let versions = &mut row.provider_members.0;
        if versions.is_news(level, stamp, versions.kept(level) == told) {
            versions.keep(level, stamp, told);
        }
        self.show(row);
    }

    /// Deletes the values that only this teller told until `until`.
    pub(crate) fn untell(self, row: &mut ContactRow, teller: u32, until: DateTime<Utc>) {
        let versions = &row.provider_members.0;
        if versions.is_pinned(self.record()) || !self.levels().iter().any(|level| versions.tells(level)) {
            return;
        }
        self.adopt(row);
        for level in self.levels() {
            row.provider_members.0.untell(level, teller, until);
        }
        self.show(row);
    }

    fn shown(self, row: &ContactRow) -> &Option<String> {
        match self {
            Self::Name => &row.name,
            Self::Phone => &row.phone,
            Self::Email => &row.email,
        }
    }

    fn keeps_any(self, row: &ContactRow) -> bool {
        self.levels().iter().any(|level| row.provider_members.0.kept(level).is_some())
    }

    /// Keeps the value that the contact took from a merged contact.
    fn adopt(self, row: &mut ContactRow) {
        if self.keeps_any(row) {
            return;
        }
        let Some(value) = self.shown(row).clone() else { return };
        let is_stand_in =
            matches!(self, Self::Name) && stands_in(&value, row.username.as_deref(), row.email.as_deref());
        row.provider_members.0.adopt(if is_stand_in { STAND_IN } else { self.record() }, &value);
    }

    /// Shows the first value that exists.
    pub(crate) fn show(self, row: &mut ContactRow) {
        let versions = &row.provider_members.0;
        let shown = self.levels().iter().find_map(|level| versions.kept(level)).map(str::to_owned);
        match self {
            Self::Name => row.name = shown,
            Self::Phone => row.phone = shown,
            Self::Email => row.email = shown,
        }
    }
}
