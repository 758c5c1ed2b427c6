//! The name, the phone and the email of a contact. A provider's record tells them, and so do messages. The record's value is
//! shown, whichever came first. Each has versions of its own.

use chrono::{DateTime, Utc};
use inlet_domain::model::{contact_name::stands_in, versions::Stamp};

use super::ContactRow;

/// A member of a contact whose value is kept once for each kind of source.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Levelled {
    Name,
    Phone,
    Email,
}

/// The level of a name that only stands in for one, as a username does.
pub(crate) const STAND_IN: &str = "name.stand_in";

impl Levelled {
    /// All members.
    pub(crate) const ALL: [Self; 3] = [Self::Name, Self::Phone, Self::Email];

    /// The member of this name, where it is one of these.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|member| member.record() == name)
    }

    /// The keys of its values. The first that has a value is shown.
    const fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Name => &["name", "name.message", STAND_IN],
            Self::Phone => &["phone", "phone.message"],
            Self::Email => &["email", "email.message"],
        }
    }

    /// The key of the value that a provider's record tells. It is the name of the member.
    pub(crate) const fn record(self) -> &'static str {
        self.levels()[0]
    }

    /// The key of the value that a message tells.
    pub(crate) const fn message(self) -> &'static str {
        self.levels()[1]
    }

    /// The value that a message told.
    pub(crate) fn of_messages(self, row: &ContactRow) -> Option<&str> {
        row.provider_members.0.kept(self.message())
    }

    /// Takes a value in, unless it is old or the staff wrote the member.
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

    /// Takes away the values that this teller alone told until then.
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

    /// Keeps a value that the contact took from another when the two were merged.
    fn adopt(self, row: &mut ContactRow) {
        if self.keeps_any(row) {
            return;
        }
        let Some(value) = self.shown(row).clone() else { return };
        let is_stand_in =
            matches!(self, Self::Name) && stands_in(&value, row.username.as_deref(), row.email.as_deref());
        row.provider_members.0.adopt(if is_stand_in { STAND_IN } else { self.record() }, &value);
    }

    /// Shows the first of its values.
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
