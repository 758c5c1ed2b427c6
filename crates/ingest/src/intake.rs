//! Reads a body within bounds of size and time.

use std::{sync::Arc, time::Duration};

use actix_web::web::Payload;
use futures::StreamExt;
use inlet_store::apply::admission::{Admission, Permit};
use tokio::{sync::Semaphore, time::timeout};

use crate::refusal::Refusal;

/// Providers give up after 3 s, so a body that takes longer than this will not arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many bytes of a refused body the server reads and drops, so that the sender gets the answer: the kernel resets a
/// connection that is closed with unread bytes.
const DRAINED: usize = 16 * 1024 * 1024;

/// How many connections are drained at once. Beyond it the kernel may reset a sender's connection instead of sending
/// the answer.
const MOST_DRAINED: usize = 256;

/// The most bytes of all bodies that are being read or wait for their commit.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The room that a body gets before its first byte arrives.
const FIRST_BYTES: usize = 64 * 1024;

/// Admission for bodies in hand, bounded in bytes only.
pub(crate) fn places() -> Admission {
    Admission::new(usize::MAX, MOST_BYTES)
}

/// The body, of at most `limit` bytes. The server never holds more than `limit` bytes, nor more than `place` has room
/// for.
pub(crate) async fn read(
    payload: &mut Payload,
    declared: Option<usize>,
    limit: usize,
    place: &mut Permit,
) -> Result<Vec<u8>, Refusal> {
    if declared.is_some_and(|length| length > limit) {
        return Err(Refusal::TooLarge(limit));
    }
    let reading = async {
        let mut body = Vec::with_capacity(declared.unwrap_or(0).min(FIRST_BYTES));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::BrokenOff)?;
            if body.len() + chunk.len() > limit {
                return Err(Refusal::TooLarge(limit));
            }
            if !place.grow(chunk.len()) {
                return Err(Refusal::crowded());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    timeout(PATIENCE, reading).await.unwrap_or(Err(Refusal::TooSlow))
}

/// Admission for draining.
#[derive(Debug, Clone)]
pub(crate) struct Drains(Arc<Semaphore>);

impl Default for Drains {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_DRAINED)))
    }
}

/// Reads the rest of a body and drops it, up to a bound of bytes, of time and of concurrent drains.
pub(crate) async fn drain(payload: &mut Payload, places: &Drains) {
    let Ok(_place) = places.0.try_acquire() else { return };
    let draining = async {
        let mut left = DRAINED;
        while let Some(Ok(chunk)) = payload.next().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // After the end or the bound nothing more can be done for the sender.
    let _ = timeout(PATIENCE, draining).await;
}

#[cfg(test)]
mod tests {
    use actix_web::{FromRequest, dev::Payload as AnyPayload, test::TestRequest};
    use futures::{FutureExt, stream};

    use super::*;

    #[actix_web::test]
    async fn b1_p11_so_many_refused_bodies_are_read_on_and_no_more() {
        let request = TestRequest::default().to_http_request();
        let endless = || {
            let mut payload: AnyPayload = AnyPayload::Stream { payload: Box::pin(stream::pending()) };
            Payload::from_request(&request, &mut payload).into_inner().unwrap()
        };
        let places = Drains::default();
        let mut payloads: Vec<Payload> = (0..MOST_DRAINED).map(|_| endless()).collect();
        let mut draining: Vec<_> = payloads.iter_mut().map(|payload| Box::pin(drain(payload, &places))).collect();
        assert!(draining.iter_mut().all(|drain| drain.now_or_never().is_none()), "each waits for more");
        assert!(drain(&mut endless(), &places).now_or_never().is_some(), "one more is not read on");
        draining.pop();
        assert!(drain(&mut endless(), &places).now_or_never().is_none());
    }
}
