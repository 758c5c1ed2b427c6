//! The availability and the typing of members, in memory. Callers pass the time and the signals in.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ConversationId, MemberId, WorkspaceId},
    model::member::Availability,
};

use super::{Change, PresenceConfig, Signal, Snapshot};

/// The most conversations that one member types in. Beyond it the board forgets the one that ends first.
const MOST_TYPING: usize = 4;

#[derive(Debug, Clone, Copy)]
pub(super) struct Declared {
    pub status: Availability,
    /// The id of the declaration. A renewal with another id is ignored.
    pub id: u64,
    until: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Room {
    declared: HashMap<MemberId, Declared>,
    typing: HashMap<(MemberId, ConversationId), DateTime<Utc>>,
}

/// The rooms of all workspaces.
#[derive(Debug, Default)]
pub(super) struct Board {
    rooms: HashMap<WorkspaceId, Room>,
    /// The number of entries in all rooms.
    count: usize,
}

impl Board {
    /// Takes a signal in. Returns the changes that followers see.
    pub(super) fn hear(&mut self, signal: Signal, now: DateTime<Utc>, config: &PresenceConfig) -> Vec<Change> {
        if self.count >= config.most && self.is_new(signal) {
            metrics::counter!("inlet_presence_refused_total").increment(1);
            return Vec::new();
        }
        let room = self.rooms.entry(signal.key().0).or_default();
        let before = room.len();
        let changes = room.hear(signal, now, config);
        self.count = self.count + room.len() - before;
        changes
    }

    fn is_new(&self, signal: Signal) -> bool {
        let (workspace, member, conversation) = signal.key();
        let Some(room) = self.rooms.get(&workspace) else { return true };
        match conversation {
            Some(conversation) => !room.typing.contains_key(&(member, conversation)),
            None => !room.declared.contains_key(&member),
        }
    }

    /// Forgets the entries that nobody renewed in time. Returns the changes that followers see.
    pub(super) fn expire(&mut self, now: DateTime<Utc>) -> Vec<(WorkspaceId, Change)> {
        let mut changes = Vec::new();
        for (workspace, room) in &mut self.rooms {
            room.declared.retain(|member, declared| {
                let stays = declared.until > now;
                if !stays {
                    let gone = Change::of_availability(*member, Some(declared.status), Availability::Offline);
                    changes.extend(gone.into_iter().map(|change| (*workspace, change)));
                }
                stays
            });
            room.typing.retain(|(member, conversation), until| {
                let stays = *until > now;
                if !stays {
                    let gone = Change::Typing { member: *member, conversation: *conversation, is_typing: false };
                    changes.push((*workspace, gone));
                }
                stays
            });
        }
        self.rooms.retain(|_, room| room.len() > 0);
        self.count = self.rooms.values().map(Room::len).sum();
        changes
    }

    /// The declaration of a member, unless it has run out.
    pub(super) fn declared(&self, workspace: WorkspaceId, member: MemberId) -> Option<Declared> {
        self.rooms.get(&workspace)?.declared.get(&member).copied()
    }

    /// The members who are available or typing.
    pub(super) fn snapshot(&self, workspace: WorkspaceId) -> Snapshot {
        let Some(room) = self.rooms.get(&workspace) else { return Snapshot::default() };
        let there = room.declared.iter().filter(|(_, it)| it.status != Availability::Offline);
        let mut snapshot = Snapshot {
            available: there.map(|(member, it)| (*member, it.status)).collect(),
            typing: room.typing.keys().copied().collect(),
        };
        snapshot.available.sort_unstable();
        snapshot.typing.sort_unstable();
        snapshot
    }
}

impl Room {
    fn len(&self) -> usize {
        self.declared.len() + self.typing.len()
    }

    fn hear(&mut self, signal: Signal, now: DateTime<Utc>, config: &PresenceConfig) -> Vec<Change> {
        match signal {
            Signal::Declared { member, status, id, .. } => {
                let declared = Declared { status, id, until: now + config.availability };
                let before = self.declared.insert(member, declared);
                Change::of_availability(member, before.map(|it| it.status), status)
            }
            Signal::Renewed { member, status, id, .. } => {
                let until = now + config.availability;
                match self.declared.get_mut(&member) {
                    Some(known) if known.id == id => {
                        known.until = until;
                        Vec::new()
                    }
                    Some(_) => Vec::new(),
                    None => {
                        self.declared.insert(member, Declared { status, id, until });
                        Change::of_availability(member, None, status)
                    }
                }
            }
            Signal::Typing { member, conversation, is_typing: true, .. } => {
                let before = self.typing.insert((member, conversation), now + config.typing);
                let mut changes = self.end_surplus(member, conversation);
                if before.is_none() {
                    changes.push(Change::Typing { member, conversation, is_typing: true });
                }
                changes
            }
            Signal::Typing { member, conversation, is_typing: false, .. } => {
                let before = self.typing.remove(&(member, conversation));
                before.map(|_| Change::Typing { member, conversation, is_typing: false }).into_iter().collect()
            }
        }
    }

    fn end_surplus(&mut self, member: MemberId, newest: ConversationId) -> Vec<Change> {
        let of_member = self.typing.iter().filter(|((typist, at), _)| *typist == member && *at != newest);
        let mut others: Vec<(DateTime<Utc>, ConversationId)> =
            of_member.map(|((_, conversation), until)| (*until, *conversation)).collect();
        others.sort_unstable();
        let surplus = (others.len() + 1).saturating_sub(MOST_TYPING);
        let end = |(_, conversation): (DateTime<Utc>, ConversationId)| {
            self.typing.remove(&(member, conversation));
            Change::Typing { member, conversation, is_typing: false }
        };
        others.into_iter().take(surplus).map(end).collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn workspace() -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(1))
    }

    fn member(number: u128) -> MemberId {
        MemberId(Uuid::from_u128(number))
    }

    fn typing(number: u128, conversation: u128) -> Signal {
        let conversation = ConversationId(Uuid::from_u128(conversation));
        Signal::Typing { workspace: workspace(), member: member(number), conversation, is_typing: true }
    }

    fn declared(status: Availability, id: u64) -> Signal {
        Signal::Declared { workspace: workspace(), member: member(1), status, id }
    }

    fn renewed(status: Availability, id: u64) -> Signal {
        Signal::Renewed { workspace: workspace(), member: member(1), status, id }
    }

    #[test]
    fn who_is_not_renewed_is_gone_and_typing_ends_sooner() {
        let (mut board, config) = (Board::default(), PresenceConfig::default());
        board.hear(declared(Availability::Online, 7), at(0), &config);
        board.hear(typing(1, 9), at(0), &config);
        assert_eq!(board.expire(at(5)), []);
        assert_eq!(board.expire(at(6)).len(), 1, "typing");
        assert_eq!(board.hear(renewed(Availability::Online, 7), at(30), &config), []);
        assert_eq!(board.expire(at(89)), []);
        let gone = Change::Availability { member: member(1), status: Availability::Offline };
        assert_eq!(board.expire(at(90)), [(workspace(), gone)]);
        assert_eq!(board.rooms.len(), 0);
    }

    #[test]
    fn a_renewal_of_what_was_declared_before_changes_nothing() {
        let (mut board, config) = (Board::default(), PresenceConfig::default());
        board.hear(declared(Availability::Online, 1), at(0), &config);
        assert_eq!(board.hear(declared(Availability::Offline, 2), at(1), &config).len(), 1);
        assert_eq!(board.hear(renewed(Availability::Online, 1), at(2), &config), [], "on its way when they went");
        assert_eq!(board.snapshot(workspace()), Snapshot::default());
        assert_eq!(board.expire(at(100)), [], "that they are gone was told");
        assert_eq!(board.hear(renewed(Availability::Away, 3), at(101), &config).len(), 1, "told to a new process");
    }

    #[test]
    fn memory_is_bounded_in_all_and_for_each_member() {
        let mut board = Board::default();
        let config = PresenceConfig { most: 50, ..PresenceConfig::default() };
        for number in 0..20 {
            let changes = board.hear(typing(1, number), at(i64::try_from(number).unwrap()), &config);
            assert_eq!(changes.len(), if number < 4 { 1 } else { 2 }, "the first of five has ended");
        }
        assert_eq!(board.count, 4);
        for number in 0..1_000 {
            board.hear(typing(number, number), at(20), &config);
        }
        assert_eq!(board.count, 50);
        board.expire(at(20) + TimeDelta::seconds(60));
        assert_eq!(board.count, 0);
    }
}
