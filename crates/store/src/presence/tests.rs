use futures::{FutureExt, StreamExt};
use inlet_domain::ambient::{SteppedClock, SystemEntropy};
use uuid::Uuid;

use super::*;

/// Two processes and the clock of both.
fn house() -> (Presence, Presence, Arc<SteppedClock>) {
    let clock = SteppedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let process = || Presence::new(Ambient::new(Arc::clone(&clock), SystemEntropy), PresenceConfig::default());
    (process(), process(), clock)
}

fn scope(number: u128) -> Scope {
    Scope::of(WorkspaceId(Uuid::from_u128(number)))
}

const MEMBER: MemberId = MemberId(Uuid::from_u128(7));

/// Each process hears the signals of all, as by NOTIFY.
fn exchange(processes: &[&Presence]) {
    for _ in 0..2 {
        let said: Vec<String> = processes.iter().flat_map(|process| process.tick()).collect();
        processes.iter().for_each(|process| said.iter().for_each(|payload| process.hear(payload)));
    }
}

#[test]
fn who_is_followed_for_is_renewed_by_the_process_that_holds_them() {
    let (one, two, clock) = house();
    one.declare(scope(1), MEMBER, Availability::Away).unwrap();
    let followed = two.follow(scope(1), Some(MEMBER));
    exchange(&[&one, &two]);
    for _ in 0..20 {
        clock.step(TimeDelta::seconds(20));
        exchange(&[&one, &two]);
        assert_eq!(one.of(scope(1), MEMBER), Availability::Away);
    }
    drop(followed);
    for _ in 0..3 {
        clock.step(TimeDelta::seconds(20));
        exchange(&[&one, &two]);
    }
    assert_eq!([one.of(scope(1), MEMBER), two.of(scope(1), MEMBER)], [Availability::Offline; 2]);
    assert!(two.state().held.is_empty() && one.state().own.is_empty(), "nothing is left of it");
}

#[test]
fn a_new_process_asks_and_is_told() {
    let (one, two, _clock) = house();
    one.declare(scope(1), MEMBER, Availability::Online).unwrap();
    exchange(&[&one]);
    assert_eq!(two.of(scope(1), MEMBER), Availability::Offline);
    two.ask();
    exchange(&[&one, &two]);
    assert_eq!(two.of(scope(1), MEMBER), Availability::Online);
    assert_eq!(two.of(scope(2), MEMBER), Availability::Offline, "of another workspace nothing");
}

#[test]
fn a_follower_that_falls_behind_gets_all_anew() {
    let (one, _, _) = house();
    let mut follower = Box::pin(one.follow(scope(1), None));
    let mut next = || follower.next().now_or_never().flatten();
    assert_eq!(next(), Some(Update::Snapshot(Snapshot::default())));
    assert_eq!(next(), None);
    let signal = |number: u128| Signal::Typing {
        workspace: scope(1).workspace(),
        member: MemberId(Uuid::from_u128(number)),
        conversation: ConversationId(Uuid::from_u128(number)),
        is_typing: true,
    };
    one.hear(&wire::write(signal(1)));
    assert!(matches!(next(), Some(Update::Change(Change::Typing { is_typing: true, .. }))));
    for number in 0..1_000 {
        one.hear(&wire::write(signal(number)));
    }
    let Some(Update::Snapshot(all)) = next() else { panic!("it was told all anew") };
    assert_eq!(all.typing.len(), 1_000);
    assert_eq!(next(), None, "and nothing of that again");
}

#[test]
fn the_last_word_of_a_matter_is_sent_alone() {
    let (one, _, _) = house();
    let conversation = ConversationId(Uuid::from_u128(9));
    for number in 0..10 {
        one.type_in(scope(1), MEMBER, conversation, number % 2 == 0).unwrap();
    }
    let said = one.tick();
    assert_eq!(said.iter().map(|payload| payload.split(',').count()).collect::<Vec<_>>(), [1]);
    assert!(said[0].ends_with(":0"), "{said:?}");
    assert!(one.tick().is_empty());
}
