use actix_web::test::TestRequest;
use futures::{FutureExt, stream};

use super::*;

/// The head of a text in one frame, which declares so many bytes.
fn message(length: usize) -> Vec<u8> {
    let length = (length as u64).to_be_bytes();
    [&[0x81, 0xff], &length[..], &[0; 4]].concat()
}

#[test]
fn b1_p11_a_stranger_has_little_and_one_who_is_known_has_more() {
    let intake = Intake::default();
    let meter = Meter::new(&intake, None);
    assert!(meter.came(&message(STRANGERS_BODY - 14)) && meter.came(&vec![0; STRANGERS_BODY - 14]));
    assert!(!meter.came(&message(STRANGERS_BODY)) && meter.is_over());
    let meter = Meter::new(&intake, None);
    meter.admit(WorkspaceId(Uuid::from_u128(1)), 1 << 20);
    assert!(meter.came(&message(1 << 20)) && meter.came(&vec![0; 1 << 20]) && meter.is_in_hand());
    meter.delivered();
    assert!(!meter.is_in_hand() && meter.came(&message(1 << 20)));
}

#[test]
fn b1_p11_a_message_counts_as_long_as_it_says_that_it_is() {
    let intake = Intake::default();
    let meter = Meter::new(&intake, None);
    assert!(!meter.came(&message(1 << 20)), "as much is reserved as its head declares");
    let meter = Meter::new(&intake, None);
    meter.admit(WorkspaceId(Uuid::from_u128(1)), 1 << 20);
    let ping = [0x89, 0x80, 0, 0, 0, 0];
    let mut first = message(10);
    first.extend([0; 10]);
    first.extend(message(1 << 20));
    for byte in first {
        assert!(meter.came(&[byte]));
    }
    meter.delivered();
    assert!(meter.is_in_hand(), "the next message has begun");
    let meter = Meter::new(&intake, None);
    let mut part = message(12_000);
    part[0] = 0x01;
    assert!(meter.came(&part) && meter.came(&[0; 12_000]) && meter.came(&ping));
    meter.delivered();
    assert!(meter.is_in_hand(), "a ping ends no message");
    assert!(!meter.came(&message(12_000)), "its parts count together");
    assert!(!Meter::new(&intake, None).came(&[0x81, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]));
}

#[test]
fn b1_p11_what_all_sockets_have_in_hand_is_bounded() {
    let intake = Intake::default();
    let of = |number: u128| {
        let meter = Meter::new(&intake, None);
        meter.admit(WorkspaceId(Uuid::from_u128(number)), 1 << 20);
        meter
    };
    let greedy: Vec<Meter> = (0..64).map(|_| of(1)).take_while(|meter| meter.came(&message((1 << 20) - 14))).collect();
    assert_eq!(greedy.len(), 32, "half of all");
    assert!(of(2).came(&message((1 << 20) - 14)), "another workspace has the rest");
    drop(greedy);
    assert!(of(1).came(&message((1 << 20) - 14)));
}

#[test]
fn b3_the_bodies_of_one_network_leave_half_to_the_other_strangers() {
    let intake = Intake::default();
    let of = |address: &str| intake.place(Sender::Stranger(address.parse().ok())).unwrap();
    let greedy: Vec<Permit> = (0..1_000)
        .map(|number| of(&format!("2001:db8::{number:x}")))
        .map_while(|mut place| place.grow(STRANGERS_BODY).then_some(place))
        .collect();
    assert_eq!(greedy.len() * STRANGERS_BODY, MOST_OF_STRANGERS / 2);
    assert!(of("2001:db8:1::1").grow(STRANGERS_BODY) && of("192.0.2.1").grow(STRANGERS_BODY));
}

#[test]
fn b1_p11_a_body_weighs_what_it_becomes() {
    let intake = Intake::default();
    let mut place = intake.place(Sender::Stranger(None)).unwrap();
    let numbers = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    assert_eq!(weigh(numbers(MOST_VALUES).as_bytes(), &mut place), Err(NotTaken::TooMany(MOST_VALUES)));
    let text = format!("\"{}\"", ",[{:".repeat(MOST_VALUES));
    assert_eq!(weigh(&text.as_bytes()[..1_000], &mut place), Ok(()), "what stands in a text is no value");
    let taken = (0..).take_while(|_| weigh(numbers(10_000).as_bytes(), &mut place).is_ok()).count();
    assert!((1..10).contains(&taken), "{taken}");
}

#[actix_web::test]
async fn b1_p11_so_many_refused_bodies_are_read_on_and_no_more() {
    let request = TestRequest::default().to_http_request();
    let endless = || {
        let mut payload: AnyPayload = AnyPayload::Stream { payload: Box::pin(stream::pending()) };
        Payload::from_request(&request, &mut payload).into_inner().unwrap()
    };
    let intake = Intake::default();
    let mut payloads: Vec<Payload> = (0..MOST_DRAINED).map(|_| endless()).collect();
    let mut draining: Vec<_> = payloads.iter_mut().map(|payload| Box::pin(drain(payload, 9, &intake))).collect();
    assert!(draining.iter_mut().all(|drain| drain.now_or_never().is_none()), "each waits for more");
    assert!(drain(&mut endless(), 9, &intake).now_or_never().is_some(), "one more is not read on");
    draining.pop();
    assert!(drain(&mut endless(), 9, &intake).now_or_never().is_none());
}
