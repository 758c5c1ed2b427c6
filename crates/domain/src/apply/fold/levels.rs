//! Members of a contact that records and messages tell apart: what a record tells is shown above what a message tells,
//! whichever came first, and each has versions of its own.

use chrono::{DateTime, Utc};

use crate::{
    apply::rows::ContactRow,
    model::{contact_name::stands_in, versions::Stamp},
};

/// A member that is told at several levels.
#[derive(Debug, Clone, Copy)]
pub(super) enum Levelled {
    Name,
    Phone,
    Email,
}

/// Under which a name is kept that only stands in for one.
pub(super) const STAND_IN: &str = "name.stand_in";

impl Levelled {
    /// All members.
    pub(super) const ALL: [Self; 3] = [Self::Name, Self::Phone, Self::Email];

    /// Under which the values are kept, the one that is shown first.
    const fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Name => &["name", "name.message", STAND_IN],
            Self::Phone => &["phone", "phone.message"],
            Self::Email => &["email", "email.message"],
        }
    }

    /// The level of what a provider's record tells. It bears the name of the member.
    pub(super) const fn record(self) -> &'static str {
        self.levels()[0]
    }

    /// The level of what a message tells.
    pub(super) const fn message(self) -> &'static str {
        self.levels()[1]
    }

    /// What messages told.
    pub(super) fn of_messages(self, row: &ContactRow) -> Option<&str> {
        row.provider_members.0.kept(self.message())
    }

    /// Takes a value in, unless it is old or the staff wrote the member.
    pub(super) fn keep(self, row: &mut ContactRow, level: &'static str, stamp: Stamp, told: Option<&str>) {
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

    /// Takes away what this one alone told until then.
    pub(super) fn untell(self, row: &mut ContactRow, teller: u32, until: DateTime<Utc>) {
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

    /// Keeps the value of a contact that none was kept of: it took it from one that was merged into it.
    fn adopt(self, row: &mut ContactRow) {
        if self.keeps_any(row) {
            return;
        }
        let Some(value) = self.shown(row).clone() else { return };
        let is_stand_in =
            matches!(self, Self::Name) && stands_in(&value, row.username.as_deref(), row.email.as_deref());
        row.provider_members.0.adopt(if is_stand_in { STAND_IN } else { self.record() }, &value);
    }

    fn show(self, row: &mut ContactRow) {
        let versions = &row.provider_members.0;
        let shown = self.levels().iter().find_map(|level| versions.kept(level)).map(str::to_owned);
        match self {
            Self::Name => row.name = shown,
            Self::Phone => row.phone = shown,
            Self::Email => row.email = shown,
        }
    }
}
