//! Taking in what clients send, within bounds of bytes and of time: whoever has not told who they are has little of both.

use std::{
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

/// How many connections are read on at once whose body was refused. Beyond it a client may find its connection reset in place of
/// the answer.
const MOST_DRAINED: usize = 256;
/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many bytes may be in hand of those who told who they are; half of it of one workspace.
const MOST_BYTES: usize = 64 << 20;
/// How many of those who did not.
const MOST_OF_STRANGERS: usize = 8 << 20;
/// The most bytes of one body of a stranger: enough to log in.
pub const STRANGERS_BODY: usize = 16 << 10;
/// The most values of a body.
pub const MOST_VALUES: usize = 20_000;
/// How much memory a value takes that is two bytes in the text, in all forms that it is held in.
const OF_A_VALUE: usize = 200;
/// In so many forms the text is held.
const COPIES: usize = 3;
/// A socket may have so many bytes of a message in hand before they count against the bound of all.
const UNCOUNTED: usize = 8 << 10;

/// The bounds of a process.
#[derive(Debug, Clone)]
pub struct Intake {
    known: Admission,
    strangers: Admission,
    drains: Arc<Semaphore>,
}

/// Why a body is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// It has more bytes than this.
    TooLong(usize),
    /// It holds more values than this.
    TooMany(usize),
    /// It did not come to its end in time.
    TooSlow,
    /// It broke off.
    BrokenOff,
    /// There is too much in hand already.
    Crowded,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            known: Admission::new(usize::MAX, MOST_BYTES),
            // One place for all of them: half of it is theirs.
            strangers: Admission::new(usize::MAX, 2 * MOST_OF_STRANGERS),
            drains: Arc::new(Semaphore::new(MOST_DRAINED)),
        }
    }
}

impl Intake {
    /// A place for what a workspace sends, or a stranger.
    #[must_use]
    pub fn place(&self, workspace: Option<WorkspaceId>) -> Option<Permit> {
        match workspace {
            Some(workspace) => self.known.take(workspace, 0),
            None => self.strangers.take(WorkspaceId(Uuid::nil()), 0),
        }
    }
}

/// The body, of at most `limit` bytes. `place` grows by what it takes until it is understood.
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

/// Makes room for what a text becomes when it is parsed.
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

/// Reads on and throws away, up to `limit`, so that the sender gets to read the answer: a connection that is closed on
/// unread bytes is reset. So many do so at once.
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
    // Whether it came to its end or to the bound, there is nothing more to do for the sender.
    let _ = timeout(PATIENCE, draining).await;
}

/// How much a socket has in hand: the bytes that a message that is not there whole declares, for as many are reserved as soon
/// as the head of a frame is there. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Metered>);

#[derive(Debug)]
struct Metered {
    intake: Intake,
    in_hand: AtomicUsize,
    limit: AtomicUsize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    workspace: Option<WorkspaceId>,
    slot: Option<Permit>,
    frames: Frames,
}

/// Where the bytes of a socket stand in its frames (RFC 6455, 5.2).
#[derive(Debug, Default)]
struct Frames {
    /// The bytes of a frame's head that came so far, while its end has not come.
    head: Vec<u8>,
    /// How many bytes of a frame have not come yet.
    left: usize,
    /// Whether more frames of the message follow this one.
    is_open: bool,
}

impl Frames {
    /// Whether no message has begun and not come to its end.
    fn is_between(&self) -> bool {
        self.head.is_empty() && self.left == 0 && !self.is_open
    }

    /// Reads on; gives what the frames declare that begin here, with their heads, and whether a new message begins with
    /// them.
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
            // Control frames have at most 125 bytes and stand between those of a message.
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

/// Whether a frame is a message's last, whether it is a control frame, and its length, once its head is there whole.
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
    /// Counts for a socket whose client has sent no credential yet.
    #[must_use]
    pub fn new(intake: &Intake) -> Self {
        Self(Arc::new(Metered {
            intake: intake.clone(),
            in_hand: AtomicUsize::new(0),
            limit: AtomicUsize::new(STRANGERS_BODY),
            held: Mutex::default(),
        }))
    }

    /// From now on it is known whose it is, and its messages may have `limit` bytes.
    pub fn admit(&self, workspace: WorkspaceId, limit: usize) {
        self.0.held.lock().workspace = Some(workspace);
        // The heads of frames come on top.
        self.0.limit.store(limit + UNCOUNTED, Ordering::Relaxed);
    }

    /// A message came to its end. What came of the next one stays in hand.
    pub fn delivered(&self) {
        let mut held = self.0.held.lock();
        if held.frames.is_between() {
            self.0.in_hand.store(0, Ordering::Relaxed);
            held.slot = None;
        }
    }

    /// Whether more came than may be in hand.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.in_hand.load(Ordering::Relaxed) > self.0.limit.load(Ordering::Relaxed)
    }

    /// Whether a part of a message is in hand.
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
        let workspace = held.workspace;
        if held.slot.is_none() {
            held.slot = self.0.intake.place(workspace);
        }
        let is_room = held.slot.as_mut().is_some_and(|slot| slot.grow(bytes));
        if !is_room {
            self.0.limit.store(0, Ordering::Relaxed);
        }
        is_room
    }

    /// The bytes of a socket, counted as they come.
    ///
    /// # Errors
    /// Never: it is actix that might refuse to wrap them.
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
