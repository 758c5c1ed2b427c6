//! Taking a body in, within bounds of size and time.

use std::{sync::Arc, time::Duration};

use actix_web::web::Payload;
use futures::StreamExt;
use inlet_store::apply::admission::{Admission, Permit};
use tokio::{sync::Semaphore, time::timeout};

use crate::refusal::Refusal;

/// A provider gives up after 3 s; a body that takes longer than this will not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of what is refused is read and thrown away, so that the sender gets to read the answer: a connection that
/// is closed on unread bytes is reset.
const DRAINED: usize = 16 * 1024 * 1024;

/// How many connections are read on so at once. Beyond it a sender may find its connection reset in place of the answer.
const MOST_DRAINED: usize = 256;

/// How many bytes the bodies may take that are being read or wait for their commit.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What a body is given room for before any of it has come.
const FIRST_BYTES: usize = 64 * 1024;

/// Admission for the bodies that are in hand: as many as come, within a bound of their bytes.
pub(crate) fn places() -> Admission {
    Admission::new(usize::MAX, MOST_BYTES)
}

/// The body, of at most `limit` bytes. No more than that is ever held, and no more than `place` has room for.
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

/// Admission for what is read on and thrown away.
#[derive(Debug, Clone)]
pub(crate) struct Drains(Arc<Semaphore>);

impl Default for Drains {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_DRAINED)))
    }
}

/// Reads on and throws away, up to a bound of bytes, of time and of how many do so at once.
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
    // Whether it came to its end or to the bound, there is nothing more to do for the sender.
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
