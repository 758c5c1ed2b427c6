//! Taking a body in, within bounds of size and time.

use std::time::Duration;

use actix_web::web::Payload;
use bytes::BytesMut;
use futures::StreamExt;
use tokio::time::timeout;

use crate::refusal::Refusal;

/// A provider gives up after 3 s; a body that takes longer than this will not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of what is refused is read and thrown away, so that the sender gets to read the answer: a connection that
/// is closed on unread bytes is reset.
const DRAINED: usize = 16 * 1024 * 1024;

/// The body, of at most `limit` bytes. No more than that is ever held.
pub(crate) async fn read(payload: &mut Payload, declared: Option<usize>, limit: usize) -> Result<Vec<u8>, Refusal> {
    if declared.is_some_and(|length| length > limit) {
        return Err(Refusal::TooLarge(limit));
    }
    let reading = async {
        let mut body = BytesMut::with_capacity(declared.unwrap_or(0).min(limit));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::BrokenOff)?;
            if body.len() + chunk.len() > limit {
                return Err(Refusal::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.to_vec())
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
