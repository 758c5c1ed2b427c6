//! Bytes that clients have not read, with limits for each workspace and each connection.

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use inlet_domain::ids::WorkspaceId;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bytes of one permit.
const UNIT: usize = 1 << 10;
/// Bytes that may wait for the clients of one workspace, or for all clients without a credential.
const MOST_OF_WORKSPACE: usize = 64 << 20;
/// Bytes of a workspace's responses that may wait for room. Responses beyond it are dropped.
const MOST_WAITING: usize = 32 << 20;
/// Bytes that may wait for one WebSocket or stream, beside one frame that is longer.
const MOST_OF_CONNECTION: usize = 1 << 20;
/// Bytes of a WebSocket that its connection gets before it has written them.
const MOST_HANDED_OVER: usize = 256 << 10;
/// Size of the pieces of a body: a connection takes the next one when it has room.
const PIECE: usize = 32 << 10;

/// The limits of a process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Outgoing(Arc<Mutex<HashMap<Option<WorkspaceId>, OfWorkspace>>>);

/// The limits of one workspace, or of all clients without a credential. Cheap to clone.
#[derive(Debug, Clone)]
struct OfWorkspace {
    /// Bytes that clients have not read.
    unread: Arc<Semaphore>,
    /// Responses that wait for room.
    waiting: Arc<Semaphore>,
}

/// Room for some bytes. It is free again when this is dropped.
#[derive(Debug)]
pub struct Room {
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Room {
    /// For frames that are too short to count.
    #[must_use]
    pub fn none() -> Self {
        Self { _permits: [None, None] }
    }
}

/// The limits of one connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Way {
    workspace: Arc<Semaphore>,
    connection: Arc<Semaphore>,
}

impl Outgoing {
    fn of(&self, workspace: Option<WorkspaceId>) -> OfWorkspace {
        let mut each = self.0.lock();
        if each.len() >= 64 && each.len().is_power_of_two() {
            each.retain(|_, of| Arc::strong_count(&of.unread) > 1 || Arc::strong_count(&of.waiting) > 1);
        }
        let new = || OfWorkspace {
            unread: Arc::new(Semaphore::new(MOST_OF_WORKSPACE / UNIT)),
            waiting: Arc::new(Semaphore::new(MOST_WAITING / UNIT)),
        };
        each.entry(workspace).or_insert_with(new).clone()
    }

    /// Waits for room for a response. `None` if too many responses of the workspace wait: this one is dropped.
    pub async fn room(&self, workspace: Option<WorkspaceId>, bytes: usize) -> Option<Room> {
        let OfWorkspace { unread, waiting } = self.of(workspace);
        if let Ok(permit) = Arc::clone(&unread).try_acquire_many_owned(units(bytes, MOST_OF_WORKSPACE)) {
            return Some(Room { _permits: [Some(permit), None] });
        }
        let _waiting = waiting.try_acquire_many_owned(units(bytes, MOST_WAITING)).ok()?;
        Some(Room { _permits: [take(&unread, bytes, MOST_OF_WORKSPACE).await, None] })
    }

    /// The limits of a new connection of a workspace, or without a credential.
    #[must_use]
    pub fn way(&self, workspace: Option<WorkspaceId>) -> Way {
        Way { workspace: self.of(workspace).unread, connection: Arc::new(Semaphore::new(MOST_OF_CONNECTION / UNIT)) }
    }
}

impl Way {
    /// Waits for room for a frame.
    pub async fn room(&self, bytes: usize) -> Room {
        // Take the connection's permit first, so that a waiting connection holds no permits of others.
        let connection = take(&self.connection, bytes, MOST_OF_CONNECTION).await;
        Room { _permits: [connection, take(&self.workspace, bytes, MOST_OF_WORKSPACE).await] }
    }
}

/// A frame that is longer than the limit waits alone. No semaphore is ever closed.
async fn take(semaphore: &Arc<Semaphore>, bytes: usize, most: usize) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_many_owned(units(bytes, most)).await.ok()
}

fn units(bytes: usize, most: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT).clamp(1, most / UNIT)).unwrap_or(u32::MAX)
}

/// A body that holds its room until the connection has taken all of it.
pub struct Held {
    rest: Bytes,
    _room: Room,
}

impl Held {
    #[must_use]
    pub fn new(bytes: Bytes, room: Room) -> Self {
        Self { rest: bytes, _room: room }
    }
}

impl MessageBody for Held {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let length = self.rest.len().min(PIECE);
        Poll::Ready((length > 0).then(|| Ok(self.rest.split_to(length))))
    }
}

/// Progress of a WebSocket's connection through its frames. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tap(Arc<Tapped>);

#[derive(Debug, Default)]
struct Tapped {
    handed_over: Mutex<HandedOver>,
    taken: Notify,
    /// Bytes that the connection has taken in all.
    total: AtomicUsize,
}

#[derive(Debug, Default)]
struct HandedOver {
    bytes: usize,
    /// The frames that are not written yet, the oldest first: the bytes that are left, and their room.
    frames: VecDeque<(usize, Room)>,
}

impl Tap {
    /// Counts bytes as handed over, once there is room. Their room is kept until the connection has taken them.
    pub async fn hand_over(&self, bytes: usize, room: Room) {
        let mut room = Some(room);
        loop {
            let taken = self.0.taken.notified();
            {
                let mut handed_over = self.0.handed_over.lock();
                if handed_over.bytes < MOST_HANDED_OVER {
                    handed_over.bytes += bytes;
                    handed_over.frames.extend(room.take().map(|room| (bytes, room)));
                    return;
                }
            }
            taken.await;
        }
    }

    /// Whether nothing handed over waits to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.handed_over.lock().bytes == 0
    }

    /// Bytes that the connection has taken in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.total.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) {
        self.0.total.fetch_add(bytes, Ordering::Relaxed);
        let mut handed_over = self.0.handed_over.lock();
        handed_over.bytes = handed_over.bytes.saturating_sub(bytes);
        let mut taken = bytes;
        while let Some((left, _)) = handed_over.frames.front_mut() {
            if *left > taken {
                *left -= taken;
                break;
            }
            taken -= *left;
            handed_over.frames.pop_front();
        }
        self.0.taken.notify_one();
    }

    /// The body, counted as its connection takes it.
    #[must_use]
    pub fn of(&self, body: BoxBody) -> BoxBody {
        BoxBody::new(Counted { body, rest: Bytes::new(), tap: self.clone() })
    }
}

struct Counted {
    body: BoxBody,
    /// The rest of the body's last piece.
    rest: Bytes,
    tap: Tap,
}

impl MessageBody for Counted {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        while self.rest.is_empty() {
            match std::task::ready!(Pin::new(&mut self.body).poll_next(cx)) {
                Some(Ok(bytes)) => self.rest = bytes,
                other => return Poll::Ready(other),
            }
        }
        let length = self.rest.len().min(PIECE);
        self.tap.take(length);
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::task::unconstrained;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn c3_p11_what_waits_is_bounded_for_each_connection_and_each_workspace() {
        let outgoing = Outgoing::default();
        let workspace = Some(WorkspaceId(Uuid::from_u128(1)));
        let way = outgoing.way(workspace);
        let held = [way.room(MOST_OF_CONNECTION / 2).await, way.room(MOST_OF_CONNECTION / 2).await];
        assert!(way.room(1).now_or_never().is_none());
        drop(held);
        let long = way.room(2 * MOST_OF_CONNECTION).now_or_never().expect("what is too long goes alone");
        assert!(way.room(1).now_or_never().is_none());
        drop(long);

        let ways: Vec<Way> = (0..70).map(|_| outgoing.way(workspace)).collect();
        let room = |way| unconstrained(Way::room(way, MOST_OF_CONNECTION)).now_or_never();
        let rooms: Vec<Room> = ways.iter().map_while(room).collect();
        assert_eq!(rooms.len(), MOST_OF_WORKSPACE / MOST_OF_CONNECTION);
        assert!(
            outgoing.room(Some(WorkspaceId(Uuid::from_u128(2))), 1).now_or_never().is_some(),
            "another's is its own"
        );
    }

    #[tokio::test]
    async fn c3_a_socket_is_handed_no_more_than_it_writes() {
        let (tap, way) = (Tap::default(), Outgoing::default().way(None));
        tap.hand_over(MOST_HANDED_OVER, way.room(1).await).await;
        let mut more = Box::pin(tap.hand_over(1, way.room(1).await));
        assert!((&mut more).now_or_never().is_none());
        tap.take(1);
        assert!((&mut more).now_or_never().is_some());
    }

    #[tokio::test]
    async fn c3_p11_a_frame_has_its_room_until_its_connection_has_taken_it() {
        let way = Outgoing::default().way(None);
        let tap = Tap::default();
        tap.hand_over(2 * MOST_OF_CONNECTION, way.room(2 * MOST_OF_CONNECTION).await).await;
        tap.take(MOST_OF_CONNECTION);
        assert!(way.room(1).now_or_never().is_none());
        tap.take(MOST_OF_CONNECTION);
        assert!(way.room(1).now_or_never().is_some());
    }

    #[tokio::test]
    async fn c3_p11_answers_that_wait_for_room_are_bounded_too() {
        let outgoing = Outgoing::default();
        let held = outgoing.room(None, MOST_OF_WORKSPACE).await.unwrap();
        let mut waits = Box::pin(outgoing.room(None, MOST_WAITING));
        assert!((&mut waits).now_or_never().is_none());
        assert!(outgoing.room(None, 1).await.is_none(), "it is given up");
        drop(held);
        assert!(waits.await.is_some());
        assert!(outgoing.room(None, 1).await.is_some());
    }

    #[tokio::test]
    async fn c3_a_body_goes_in_pieces_and_holds_its_room_to_the_last() {
        let outgoing = Outgoing::default();
        let room = outgoing.room(None, MOST_OF_WORKSPACE).await.unwrap();
        let mut body = Held::new(Bytes::from(vec![0; PIECE + 1]), room);
        let mut lengths = Vec::new();
        while let Some(Ok(piece)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
            assert!(outgoing.room(None, 1).now_or_never().is_none());
            lengths.push(piece.len());
        }
        assert_eq!(lengths, [PIECE, 1]);
        drop(body);
        assert!(outgoing.room(None, 1).now_or_never().is_some());
    }
}
