//! Reads the bytes that clients send, within limits of size and time. Clients without a credential get little of both.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload as AnyPayload,
    error::PayloadError,
    web::{Bytes, BytesMut, Payload},
};
use futures::{Stream, StreamExt};
use inlet_domain::{ids::WorkspaceId, json};
use inlet_store::apply::admission::{Admission, Permit};
use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::timeout};
use uuid::Uuid;

/// Connections with a refused body that are read to the end at once. Beyond it, a client may see a reset instead of the
/// response.
const MOST_DRAINED: usize = 256;
/// Time within which a body must arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum bytes in hand from clients with a credential. One workspace has half of it.
const MOST_BYTES: usize = 64 << 20;
/// Maximum bytes in hand from clients without a credential.
const MOST_OF_STRANGERS: usize = 8 << 20;
/// Maximum bytes of one body without a credential: enough to log in.
pub const STRANGERS_BODY: usize = 16 << 10;
/// Maximum number of JSON values in a body.
pub const MOST_VALUES: usize = 20_000;
/// Memory that a value of two bytes takes, in all forms that it is held in.
const OF_A_VALUE: usize = 200;
/// Copies of the text that are held.
const COPIES: usize = 3;
/// Bytes of a message that a WebSocket may hold before they count against the limit of all.
const UNCOUNTED: usize = 8 << 10;

/// The limits of a process.
#[derive(Debug, Clone)]
pub struct Intake {
    known: Admission,
    strangers: Admission,
    drains: Arc<Semaphore>,
}

/// The sender of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A client with a credential of this workspace.
    Workspace(WorkspaceId),
    /// A client without a credential, at this address.
    Stranger(Option<IpAddr>),
}

/// Reason why a body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// It exceeds this number of bytes.
    TooLong(usize),
    /// It exceeds this number of values.
    TooMany(usize),
    /// It did not arrive in time.
    TooSlow,
    /// The connection was lost.
    BrokenOff,
    /// Too many bytes are in hand.
    Crowded,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            known: Admission::new(usize::MAX, MOST_BYTES),
            strangers: Admission::new(usize::MAX, MOST_OF_STRANGERS),
            drains: Arc::new(Semaphore::new(MOST_DRAINED)),
        }
    }
}

impl Intake {
    /// The share of a sender. A workspace has half of the bytes of all workspaces at most, and the network of a client without a
    /// credential half of the bytes of all such clients.
    #[must_use]
    pub fn place(&self, sender: Sender) -> Option<Permit> {
        match sender {
            Sender::Workspace(workspace) => self.known.take(workspace, 0),
            Sender::Stranger(client) => self.strangers.take(WorkspaceId(network(client)), 0),
        }
    }
}

/// The network of a client: an IPv4 address, or the first half of an IPv6 address.
fn network(client: Option<IpAddr>) -> Uuid {
    match client.map(|client| client.to_canonical()) {
        Some(IpAddr::V4(address)) => Uuid::from_u128(u128::from(address.to_bits())),
        Some(IpAddr::V6(address)) => Uuid::from_u128(address.to_bits() >> 64 << 64),
        None => Uuid::nil(),
    }
}

/// Reads a body of at most `limit` bytes. `place` grows by what the body takes until it is parsed.
///
/// # Errors
/// See [`NotTaken`].
pub async fn read(payload: &mut Payload, limit: usize, place: &mut Permit) -> Result<Bytes, NotTaken> {
    let reading = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| NotTaken::BrokenOff)?;
            if body.len() + chunk.len() > limit {
                return Err(NotTaken::TooLong(limit));
            }
            if !place.grow(chunk.len()) {
                return Err(NotTaken::Crowded);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let body = timeout(PATIENCE, reading).await.unwrap_or(Err(NotTaken::TooSlow))?;
    weigh(&body, place)?;
    Ok(body)
}

/// Reserves the memory that a text takes when it is parsed.
///
/// # Errors
/// `TooMany` and `Crowded`.
pub fn weigh(text: &[u8], place: &mut Permit) -> Result<(), NotTaken> {
    let values = json::count_values(text);
    if values > MOST_VALUES {
        return Err(NotTaken::TooMany(MOST_VALUES));
    }
    if place.grow(text.len() * COPIES + values * OF_A_VALUE) { Ok(()) } else { Err(NotTaken::Crowded) }
}

/// Reads and discards the rest, up to `limit`, so that the client can read the response: a connection that closes on
/// unread bytes is reset. A limited number runs at once.
pub async fn drain(payload: &mut Payload, limit: usize, intake: &Intake) {
    let Ok(_place) = intake.drains.try_acquire() else { return };
    let draining = async {
        let mut left = limit;
        while let Some(Ok(chunk)) = payload.next().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // At the end or at the limit, there is nothing more to do for the client.
    let _ = timeout(PATIENCE, draining).await;
}

/// The bytes that a WebSocket has in hand: those that incomplete messages declare, reserved when the head of a frame
/// arrives. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Metered>);

#[derive(Debug)]
struct Metered {
    intake: Intake,
    in_hand: AtomicUsize,
    limit: AtomicUsize,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    sender: Sender,
    slot: Option<Permit>,
    frames: Frames,
}

/// The position of a WebSocket's bytes in its frames (RFC 6455, 5.2).
#[derive(Debug, Default)]
struct Frames {
    /// The bytes of an incomplete frame head.
    head: Vec<u8>,
    /// The bytes of a frame that have not arrived.
    left: usize,
    /// Whether more frames of the message follow.
    is_open: bool,
}

impl Frames {
    /// Whether no message is incomplete.
    fn is_between(&self) -> bool {
        self.head.is_empty() && self.left == 0 && !self.is_open
    }

    /// Reads on. Returns the bytes that the frames that begin here declare, with their heads, and whether a new message
    /// begins with them.
    fn read(&mut self, mut bytes: &[u8]) -> (usize, bool) {
        let (mut declared, mut is_new) = (0_usize, false);
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let some = self.left.min(bytes.len());
                self.left -= some;
                bytes = bytes.get(some..).unwrap_or_default();
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            let Some((is_last, is_control, length)) = head(&self.head) else { continue };
            // Control frames have at most 125 bytes and may come between those of a message.
            if !is_control {
                if !self.is_open {
                    (declared, is_new) = (0, true);
                }
                declared = declared.saturating_add(self.head.len()).saturating_add(length);
                self.is_open = !is_last;
            }
            self.left = length;
            self.head.clear();
        }
        (declared, is_new)
    }
}

/// Whether a frame is the last of its message, whether it is a control frame, and its length, once its head is
/// complete.
fn head(bytes: &[u8]) -> Option<(bool, bool, usize)> {
    let [first, second, rest @ ..] = bytes else { return None };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (wide, length) = match second & 0x7f {
        126 => (2, None),
        127 => (8, None),
        short => (0, Some(usize::from(short))),
    };
    let number = rest.get(..wide)?;
    rest.get(..wide + mask)?;
    let add = |sum: usize, byte: &u8| sum.checked_mul(256)?.checked_add(usize::from(*byte));
    let long = || number.iter().try_fold(0, add).unwrap_or(usize::MAX);
    Some((first & 0x80 != 0, first & 0x08 != 0, length.unwrap_or_else(long)))
}

impl Meter {
    /// Counts for a WebSocket of this client without a credential.
    #[must_use]
    pub fn new(intake: &Intake, client: Option<IpAddr>) -> Self {
        Self(Arc::new(Metered {
            intake: intake.clone(),
            in_hand: AtomicUsize::new(0),
            limit: AtomicUsize::new(STRANGERS_BODY),
            held: Mutex::new(Held { sender: Sender::Stranger(client), slot: None, frames: Frames::default() }),
        }))
    }

    /// Counts for a workspace from now on; messages may have `limit` bytes.
    pub fn admit(&self, workspace: WorkspaceId, limit: usize) {
        self.0.held.lock().sender = Sender::Workspace(workspace);
        // The heads of frames count too.
        self.0.limit.store(limit + UNCOUNTED, Ordering::Relaxed);
    }

    /// A message is complete. Bytes of the next one stay in hand.
    pub fn delivered(&self) {
        let mut held = self.0.held.lock();
        if held.frames.is_between() {
            self.0.in_hand.store(0, Ordering::Relaxed);
            held.slot = None;
        }
    }

    /// Whether more bytes arrived than may be in hand.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.in_hand.load(Ordering::Relaxed) > self.0.limit.load(Ordering::Relaxed)
    }

    /// Whether a message is incomplete.
    #[must_use]
    pub fn is_in_hand(&self) -> bool {
        self.0.in_hand.load(Ordering::Relaxed) > 0
    }

    fn came(&self, chunk: &[u8]) -> bool {
        let mut held = self.0.held.lock();
        let (bytes, is_new) = held.frames.read(chunk);
        if is_new {
            self.0.in_hand.store(0, Ordering::Relaxed);
            held.slot = None;
        }
        let in_hand = self.0.in_hand.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if in_hand > self.0.limit.load(Ordering::Relaxed) {
            return false;
        }
        if in_hand <= UNCOUNTED {
            return true;
        }
        let sender = held.sender;
        if held.slot.is_none() {
            held.slot = self.0.intake.place(sender);
        }
        let is_room = held.slot.as_mut().is_some_and(|slot| slot.grow(bytes));
        if !is_room {
            self.0.limit.store(0, Ordering::Relaxed);
        }
        is_room
    }

    /// The bytes of a WebSocket, counted as they arrive.
    ///
    /// # Errors
    /// Never, unless actix refuses to wrap them.
    pub fn payload(&self, request: &HttpRequest, payload: Payload) -> Result<Payload, actix_web::Error> {
        let counted = Counted { inner: Box::pin(payload), meter: self.clone() };
        let mut counted: AnyPayload = AnyPayload::Stream { payload: Box::pin(counted) };
        Payload::from_request(request, &mut counted).into_inner()
    }
}

struct Counted {
    inner: Pin<Box<Payload>>,
    meter: Meter,
}

impl Stream for Counted {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.inner.as_mut().poll_next(cx));
        Poll::Ready(match next {
            Some(Ok(chunk)) if !self.meter.came(&chunk) => Some(Err(PayloadError::Overflow)),
            next => next,
        })
    }
}

#[cfg(test)]
mod tests;
