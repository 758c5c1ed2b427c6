use inlet_domain::model::webhook::WebhookStatus;
use inlet_store::records::{
    deliveries::Receiver as Stored,
    webhooks::{Settings, Webhook},
};
use uuid::Uuid;

use super::*;

fn receiver(id: u128, concurrency: i32) -> Arc<Receiver> {
    let webhook = Webhook {
        id: WebhookId(Uuid::from_u128(id)),
        workspace: WorkspaceId(Uuid::nil()),
        settings: Settings { max_concurrency: concurrency, ..Settings::of("crm", "https://example.com/") },
        status: WebhookStatus::Active,
        api_version: "2026-11".to_owned(),
        headers: Vec::new(),
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
    let parcel = Arc::new(Parcel { id: HeaderValue::from_static("evt_1"), body: Bytes::new(), cause: None });
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

fn next(queues: &EndpointQueues, webhook: WebhookId) -> Option<Job> {
    match queues.next(webhook, Instant::now(), false) {
        Next::Job(job, _) => Some(*job),
        Next::Wait(_) | Next::Turns { .. } | Next::Over => None,
    }
}

fn room(queues: &EndpointQueues, receiver: &Receiver) -> usize {
    queues.rooms(std::iter::once(receiver))[0].0
}

#[test]
fn p9_a_silent_webhook_keeps_one_request_and_takes_no_room_from_others() {
    let queues = EndpointQueues::new(1_000);
    let (silent, well) = (receiver(1, 8), receiver(2, 8));
    assert_eq!(queues.push(jobs(&silent, 128)), vec![((silent.workspace, silent.id), 8)]);
    assert_eq!(room(&queues, &silent), 0);
    assert_eq!(room(&queues, &well), 128);
    let under_way: Vec<_> = (0..8).filter_map(|_| next(&queues, silent.id)).collect();
    assert_eq!(under_way.len(), 8);
    for _ in &under_way {
        queues.heard(&silent, Health::Silent);
    }
    let ended = (0..8).filter(|_| next(&queues, silent.id).is_none()).count();
    assert_eq!(ended, 7, "one worker goes on");
    queues.release(std::iter::repeat_n(silent.id, 120));
    assert_eq!(room(&queues, &silent), 16 - 8);
}

#[test]
fn a_webhook_that_answers_again_gets_its_requests_back_one_by_one() {
    let queues = EndpointQueues::new(1_000);
    let webhook = receiver(1, 4);
    queues.push(jobs(&webhook, 40));
    for _ in 0..4 {
        queues.heard(&webhook, Health::Silent);
    }
    let mut running = 4;
    while next(&queues, webhook.id).is_none() {
        running -= 1;
    }
    assert_eq!(running, 1);
    for expected in [true, true, true, false] {
        assert_eq!(queues.heard(&webhook, Health::Well), expected);
    }
}

#[test]
fn what_is_in_hand_is_bounded_in_all() {
    let queues = EndpointQueues::new(10);
    let (one, two) = (receiver(1, 8), receiver(2, 8));
    queues.push(jobs(&one, 7));
    assert_eq!(queues.room(), 3);
    queues.push(jobs(&two, 3));
    assert_eq!((queues.room(), room(&queues, &one), queues.in_hand()), (0, 0, 10));
    queues.release([one.id, two.id].into_iter());
    assert_eq!((queues.room(), queues.in_hand()), (2, 8));
}

#[test]
fn p9_a_workspace_has_no_more_in_hand_than_it_leaves_to_others() {
    let queues = EndpointQueues::new(100);
    let mine = WorkspaceId(Uuid::nil());
    for id in 0..40 {
        let webhook = receiver(id, 8);
        let room = room(&queues, &webhook).min(10);
        queues.push(jobs(&webhook, room));
    }
    assert_eq!((queues.in_hand(), queues.room_of(mine)), (50, 0));
    assert_eq!(queues.room_of(WorkspaceId(Uuid::from_u128(1))), 50);
}

#[test]
fn parked_deliveries_come_back_when_half_of_the_room_is_free_and_once() {
    let queues = EndpointQueues::new(1_000);
    let webhook = receiver(1, 1);
    let workspace = WorkspaceId(Uuid::nil());
    queues.push(jobs(&webhook, 9));
    queues.park([(workspace, webhook.id, Some(webhook.as_ref()))]);
    assert_eq!(queues.rooms(std::iter::once(webhook.as_ref())), vec![(7, true)]);
    assert!(queues.unpark().is_empty(), "less than half is free");
    queues.release(std::iter::once(webhook.id));
    assert_eq!(queues.unpark(), vec![(workspace, webhook.id, 8)]);
    assert!(queues.unpark().is_empty());
}

#[test]
fn an_endpoint_that_is_gone_is_gone_until_its_webhook_changes() {
    let queues = EndpointQueues::new(10);
    let webhook = receiver(1, 1);
    queues.push(jobs(&webhook, 1));
    assert!(!queues.is_gone(&webhook));
    queues.gone(&webhook);
    assert!(queues.is_gone(&webhook));
    let mut changed = receiver(1, 1);
    Arc::get_mut(&mut changed).unwrap().revision = 3;
    assert!(!queues.is_gone(&changed));
}

#[test]
fn with_a_rate_one_worker_waits_and_the_others_end() {
    let queues = EndpointQueues::new(1_000);
    let mut paced = receiver(1, 8);
    Arc::get_mut(&mut paced).unwrap().rate = Some(2);
    assert_eq!(room(&queues, &paced), 40, "what 20 seconds take");
    queues.push(jobs(&paced, 8));
    let begun = Instant::now();
    let Next::Turns { rate, count, .. } = queues.next(paced.id, begun, false) else { panic!("it has none") };
    assert!(matches!(queues.next(paced.id, begun, false), Next::Over), "one asks for turns");
    assert_eq!((rate, count), (2, 1));
    queues.grant(paced.id, begun, Duration::ZERO, (2, 2));
    assert!(matches!(queues.next(paced.id, begun, true), Next::Job(_, true)));
    let Next::Wait(wait) = queues.next(paced.id, begun, false) else { panic!("it is not its turn") };
    assert!(matches!(queues.next(paced.id, begun, false), Next::Over));
    let Next::Job(_, another) = queues.next(paced.id, begun + wait, true) else { panic!("it is its turn") };
    assert!(another, "who waited sends, and another waits");
}

#[test]
fn a_webhook_that_changes_changes_what_is_queued_for_it() {
    let queues = EndpointQueues::new(1_000);
    let (webhook, other) = (receiver(1, 1), receiver(2, 1));
    queues.push(jobs(&webhook, 3));
    queues.push(jobs(&other, 2));
    let workspaces = queues.queued();
    let known = |of: &[&Arc<Receiver>]| of.iter().map(|it| (it.id, (*it).clone())).collect::<HashMap<_, _>>();
    // A webhook without a key is held.
    let settled = queues.renew(&workspaces, &known(&[&webhook]));
    let count =
        |of: &Receiver, wanted| settled.iter().filter(|(job, as_)| job.receiver.id == of.id && *as_ == wanted).count();
    assert_eq!((count(&webhook, Settlement::Held), count(&other, Settlement::Deleted)), (3, 2));
    assert!(queues.queued().is_empty());
}

#[test]
fn a_stop_takes_back_what_no_worker_has_begun() {
    let queues = EndpointQueues::new(10);
    let webhook = receiver(1, 1);
    queues.push(jobs(&webhook, 3));
    let begun = next(&queues, webhook.id).unwrap();
    let rest: Vec<_> = queues.drain().into_iter().map(|job| job.delivery).collect();
    assert_eq!(rest.len(), 2);
    assert!(!rest.contains(&begun.delivery));
}
