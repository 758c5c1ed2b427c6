use inlet_domain::{
    event::webhook_filter::WebhookFilter,
    model::webhook::{RetryPreset, WebhookStatus},
};
use inlet_store::records::{deliveries::Receiver as Stored, webhooks::Webhook};
use uuid::Uuid;

use super::*;

fn receiver(id: u128, concurrency: i32) -> Arc<Receiver> {
    let webhook = Webhook {
        id: WebhookId(Uuid::from_u128(id)),
        workspace: WorkspaceId(Uuid::nil()),
        name: "crm".to_owned(),
        url: "https://example.com/".to_owned(),
        status: WebhookStatus::Active,
        event_types: Vec::new(),
        include_notes: false,
        filter: WebhookFilter::default(),
        channel: None,
        api_version: "2026-11".to_owned(),
        timeout_seconds: 3,
        max_attempts: 6,
        retry_preset: RetryPreset::Documented,
        retry_delays: None,
        max_concurrency: concurrency,
        rate_limit: None,
        headers: Vec::new(),
        composition: None,
        has_legacy_signature: false,
        start_seq: 0,
        revision: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        disabled_reason: None,
        rotation_ends_at: None,
        recovering: false,
    };
    Arc::new(Receiver::new(Stored { webhook, signing: None }))
}

fn jobs(receiver: &Arc<Receiver>, number: usize) -> Vec<Job> {
    let lease = Lease::new(Uuid::nil(), Instant::now(), Duration::from_secs(60), number);
    let parcel = Arc::new(Parcel { id: HeaderValue::from_static("evt_1"), body: Bytes::new() });
    (0..number)
        .map(|n| Job {
            workspace: WorkspaceId(Uuid::nil()),
            delivery: DeliveryId(Uuid::from_u128(n as u128)),
            receiver: receiver.clone(),
            parcel: parcel.clone(),
            lease: lease.clone(),
            number: 1,
            round_start: 0,
            sequence: None,
        })
        .collect()
}

fn next(lanes: &Lanes, webhook: WebhookId) -> Option<Job> {
    match lanes.next(webhook, Instant::now(), false) {
        Next::Job(job, _) => Some(*job),
        Next::Wait(_) | Next::Turns { .. } | Next::Over => None,
    }
}

fn room(lanes: &Lanes, receiver: &Receiver) -> usize {
    lanes.rooms(std::iter::once(receiver))[0].0
}

#[test]
fn p9_a_silent_webhook_keeps_one_request_and_takes_no_room_from_others() {
    let lanes = Lanes::new(1_000);
    let (silent, well) = (receiver(1, 8), receiver(2, 8));
    assert_eq!(lanes.push(jobs(&silent, 128)), vec![((silent.workspace, silent.id), 8)]);
    assert_eq!(room(&lanes, &silent), 0);
    assert_eq!(room(&lanes, &well), 128);
    let under_way: Vec<_> = (0..8).filter_map(|_| next(&lanes, silent.id)).collect();
    assert_eq!(under_way.len(), 8);
    for _ in &under_way {
        lanes.heard(&silent, Health::Silent);
    }
    let ended = (0..8).filter(|_| next(&lanes, silent.id).is_none()).count();
    assert_eq!(ended, 7, "one worker goes on");
    lanes.release(std::iter::repeat_n(silent.id, 120));
    assert_eq!(room(&lanes, &silent), 16 - 8);
}

#[test]
fn a_webhook_that_answers_again_gets_its_requests_back_one_by_one() {
    let lanes = Lanes::new(1_000);
    let webhook = receiver(1, 4);
    lanes.push(jobs(&webhook, 40));
    for _ in 0..4 {
        lanes.heard(&webhook, Health::Silent);
    }
    let mut running = 4;
    while next(&lanes, webhook.id).is_none() {
        running -= 1;
    }
    assert_eq!(running, 1);
    for expected in [true, true, true, false] {
        assert_eq!(lanes.heard(&webhook, Health::Well), expected);
    }
}

#[test]
fn what_is_in_hand_is_bounded_in_all() {
    let lanes = Lanes::new(10);
    let (one, two) = (receiver(1, 8), receiver(2, 8));
    lanes.push(jobs(&one, 7));
    assert_eq!(lanes.room(), 3);
    lanes.push(jobs(&two, 3));
    assert_eq!((lanes.room(), room(&lanes, &one), lanes.in_hand()), (0, 0, 10));
    lanes.release([one.id, two.id].into_iter());
    assert_eq!((lanes.room(), lanes.in_hand()), (2, 8));
}

#[test]
fn p9_a_workspace_has_no_more_in_hand_than_it_leaves_to_others() {
    let lanes = Lanes::new(100);
    let mine = WorkspaceId(Uuid::nil());
    for id in 0..40 {
        let webhook = receiver(id, 8);
        let room = room(&lanes, &webhook).min(10);
        lanes.push(jobs(&webhook, room));
    }
    assert_eq!((lanes.in_hand(), lanes.room_of(mine)), (50, 0));
    assert_eq!(lanes.room_of(WorkspaceId(Uuid::from_u128(1))), 50);
}

#[test]
fn parked_deliveries_come_back_when_half_of_the_room_is_free_and_once() {
    let lanes = Lanes::new(1_000);
    let webhook = receiver(1, 1);
    let workspace = WorkspaceId(Uuid::nil());
    lanes.push(jobs(&webhook, 9));
    lanes.park([(workspace, webhook.id, Some(webhook.as_ref()))]);
    assert_eq!(lanes.rooms(std::iter::once(webhook.as_ref())), vec![(7, true)]);
    assert!(lanes.unpark().is_empty(), "less than half is free");
    lanes.release(std::iter::once(webhook.id));
    assert_eq!(lanes.unpark(), vec![(workspace, webhook.id, 8)]);
    assert!(lanes.unpark().is_empty());
}

#[test]
fn an_endpoint_that_is_gone_is_gone_until_its_webhook_changes() {
    let lanes = Lanes::new(10);
    let webhook = receiver(1, 1);
    lanes.push(jobs(&webhook, 1));
    assert!(!lanes.is_gone(&webhook));
    lanes.gone(&webhook);
    assert!(lanes.is_gone(&webhook));
    let mut changed = receiver(1, 1);
    Arc::get_mut(&mut changed).unwrap().revision = 3;
    assert!(!lanes.is_gone(&changed));
}

#[test]
fn with_a_rate_one_worker_waits_and_the_others_end() {
    let lanes = Lanes::new(1_000);
    let mut paced = receiver(1, 8);
    Arc::get_mut(&mut paced).unwrap().rate = Some(2);
    assert_eq!(room(&lanes, &paced), 40, "what 20 seconds take");
    lanes.push(jobs(&paced, 8));
    let begun = Instant::now();
    let Next::Turns { rate, count, .. } = lanes.next(paced.id, begun, false) else { panic!("it has none") };
    assert!(matches!(lanes.next(paced.id, begun, false), Next::Over), "one asks for turns");
    assert_eq!((rate, count), (2, 1));
    lanes.grant(paced.id, begun, Duration::ZERO, (2, 2));
    assert!(matches!(lanes.next(paced.id, begun, true), Next::Job(_, true)));
    let Next::Wait(wait) = lanes.next(paced.id, begun, false) else { panic!("it is not its turn") };
    assert!(matches!(lanes.next(paced.id, begun, false), Next::Over));
    let Next::Job(_, another) = lanes.next(paced.id, begun + wait, true) else { panic!("it is its turn") };
    assert!(another, "who waited sends, and another waits");
}

#[test]
fn a_webhook_that_changes_changes_what_is_queued_for_it() {
    let lanes = Lanes::new(1_000);
    let (webhook, other) = (receiver(1, 1), receiver(2, 1));
    lanes.push(jobs(&webhook, 3));
    lanes.push(jobs(&other, 2));
    let workspaces = lanes.queued();
    let known = |of: &[&Arc<Receiver>]| of.iter().map(|it| (it.id, (*it).clone())).collect::<HashMap<_, _>>();
    // A receiver without a key is held.
    let settled = lanes.renew(&workspaces, &known(&[&webhook]));
    let count =
        |of: &Receiver, wanted| settled.iter().filter(|(job, as_)| job.receiver.id == of.id && *as_ == wanted).count();
    assert_eq!((count(&webhook, Settlement::Held), count(&other, Settlement::Deleted)), (3, 2));
    assert!(lanes.queued().is_empty());
}

#[test]
fn a_stop_takes_back_what_no_worker_has_begun() {
    let lanes = Lanes::new(10);
    let webhook = receiver(1, 1);
    lanes.push(jobs(&webhook, 3));
    let begun = next(&lanes, webhook.id).unwrap();
    let rest: Vec<_> = lanes.drain().into_iter().map(|job| job.delivery).collect();
    assert_eq!(rest.len(), 2);
    assert!(!rest.contains(&begun.delivery));
}
