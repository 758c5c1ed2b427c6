//! Signals as NOTIFY carries them: `d`eclared, `r`enewed, `t`yping, and `?`, which asks the other processes to answer.

use inlet_domain::{
    ids::{ConversationId, MemberId, WorkspaceId},
    model::member::Availability,
};
use uuid::Uuid;

use super::Signal;

/// The most bytes of a payload. Postgres takes less than 8,000.
const MOST: usize = 7_900;

/// Asks the other processes for their presence.
pub(super) const ASK: &str = "?";

fn letter(status: Availability) -> &'static str {
    match status {
        Availability::Online => "n",
        Availability::Away => "a",
        Availability::Offline => "f",
    }
}

fn status(letter: &str) -> Option<Availability> {
    Availability::ALL.iter().copied().find(|status| self::letter(*status) == letter)
}

pub(super) fn write(signal: Signal) -> String {
    match signal {
        Signal::Declared { workspace, member, status, id } => {
            format!("d:{}:{}:{}:{id:x}", workspace.0.simple(), member.0.simple(), letter(status))
        }
        Signal::Renewed { workspace, member, status, id } => {
            format!("r:{}:{}:{}:{id:x}", workspace.0.simple(), member.0.simple(), letter(status))
        }
        Signal::Typing { workspace, member, conversation, is_typing } => {
            let ids = [workspace.0, member.0, conversation.0].map(|id| id.simple().to_string()).join(":");
            format!("t:{ids}:{}", u8::from(is_typing))
        }
    }
}

/// Reads a signal; `None` if the text does not parse, because a newer process may send other signals.
pub(super) fn read(text: &str) -> Option<Signal> {
    let mut parts = text.split(':');
    let mut next = || parts.next();
    let kind = next()?;
    let workspace = WorkspaceId(next()?.parse::<Uuid>().ok()?);
    let member = MemberId(next()?.parse::<Uuid>().ok()?);
    let (third, fourth) = (next()?, next()?);
    let id = || u64::from_str_radix(fourth, 16).ok();
    match kind {
        "d" => Some(Signal::Declared { workspace, member, status: status(third)?, id: id()? }),
        "r" => Some(Signal::Renewed { workspace, member, status: status(third)?, id: id()? }),
        "t" => {
            let conversation = ConversationId(third.parse::<Uuid>().ok()?);
            Some(Signal::Typing { workspace, member, conversation, is_typing: fourth == "1" })
        }
        _ => None,
    }
}

/// Joins the entries into as few payloads as possible.
pub(super) fn payloads(entries: impl Iterator<Item = String>) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for entry in entries {
        match payloads.last_mut() {
            Some(last) if last.len() + 1 + entry.len() <= MOST => {
                last.push(',');
                last.push_str(&entry);
            }
            _ => payloads.push(entry),
        }
    }
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_round_trip_and_nonsense_is_none() {
        let (workspace, member) = (WorkspaceId(Uuid::from_u128(1)), MemberId(Uuid::from_u128(u128::MAX)));
        let mut signals = Vec::new();
        for status in Availability::ALL.iter().copied() {
            signals.push(Signal::Declared { workspace, member, status, id: u64::MAX });
            signals.push(Signal::Renewed { workspace, member, status, id: 0 });
        }
        let conversation = ConversationId(Uuid::from_u128(7));
        for is_typing in [true, false] {
            signals.push(Signal::Typing { workspace, member, conversation, is_typing });
        }
        for signal in signals {
            assert_eq!(read(&write(signal)), Some(signal));
        }
        for bad in ["", "?", "d", "d:1:2:3:4", "x:0:0:n:0", "t:::::"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_signal_is_told_and_no_payload_overflows() {
        let signal = |number| Signal::Typing {
            workspace: WorkspaceId(Uuid::from_u128(number)),
            member: MemberId(Uuid::from_u128(number)),
            conversation: ConversationId(Uuid::from_u128(number)),
            is_typing: true,
        };
        let payloads = payloads((0..1_000).map(|number| write(signal(number))));
        assert!(payloads.len() > 1 && payloads.iter().all(|payload| payload.len() <= MOST));
        assert_eq!(payloads.iter().flat_map(|payload| payload.split(',')).filter_map(read).count(), 1_000);
    }
}
