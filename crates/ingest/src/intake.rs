//! Taking a body in, within bounds of size and time.

use std::time::Duration;

use actix_web::web::Payload;
use futures::StreamExt;
use inlet_domain::apply::places::{Places, Slot};
use tokio::time::timeout;

use crate::refusal::Refusal;

/// A provider gives up after 3 s; a body that takes longer than this will not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of what is refused is read and thrown away, so that the sender gets to read the answer: a connection that
/// is closed on unread bytes is reset.
const DRAINED: usize = 16 * 1024 * 1024;

/// How many bytes the bodies may take that are being read or wait for their commit.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What a body is given room for before any of it has come.
const FIRST_BYTES: usize = 64 * 1024;

/// Places for the bodies that are in hand: as many as come, within a bound of their bytes.
pub(crate) fn places() -> Places {
    Places::new(usize::MAX, MOST_BYTES)
}

/// The body, of at most `limit` bytes. No more than that is ever held, and no more than `place` has room for.
pub(crate) async fn read(
    payload: &mut Payload,
    declared: Option<usize>,
    limit: usize,
    place: &mut Slot,
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

/// Reads on and throws away, up to a bound.
pub(crate) async fn drain(payload: &mut Payload) {
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
