//! What one subscriber is told: the events that they want and may see, resets, and checkpoints if they asked for them.

use std::sync::Arc;

use inlet_store::log::Cursor;
use tokio::time::{Instant, sleep_until};

use super::{
    Live, LiveConfig, Update,
    counts::{Counted, Counts},
    entry::LiveEntry,
    filter::Matcher,
    follower::Follower,
};
use crate::{
    access::{credential::Credential, visible::may_see},
    follow::{Membership, ResetReason},
};

/// One update.
#[derive(Clone)]
pub enum FeedItem {
    /// Something happened, and what it is to a list under the filter.
    Event(Arc<LiveEntry>, Option<Membership>),
    /// Events were passed over; it goes on from here.
    Reset(ResetReason, Cursor),
    /// All up to here has been told.
    Checkpoint(Checkpoint),
}

impl FeedItem {
    /// About how many bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Event(entry, _) => entry.size(),
            Self::Reset(..) | Self::Checkpoint(_) => 0,
        }
    }
}

/// How far a stream has come.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// All matching events up to here have been told.
    pub cursor: Cursor,
    /// Whether that was the end of the log.
    pub is_caught_up: bool,
    /// The inbox, no older than `cursor` where nothing has come since.
    pub counted: Arc<Counted>,
}

/// What a subscriber asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Where to go on; none is now.
    pub after: Option<Cursor>,
    /// Which events.
    pub filter: Matcher,
    /// Whether they want checkpoints.
    pub checkpoints: bool,
}

/// A stream of updates.
pub struct Feed {
    follower: Follower,
    credential: Credential,
    filter: Matcher,
    position: Option<Cursor>,
    is_caught_up: bool,
    checkpoints: Option<Checkpoints>,
}

impl Live {
    /// What one subscriber is told from now on.
    #[must_use]
    pub fn feed(&self, credential: Credential, wanted: Wanted) -> Feed {
        let follower = self.follow(credential.viewer.scope, wanted.after);
        let checkpoints = wanted.checkpoints.then(|| Checkpoints {
            counts: follower.tail.counter.join(),
            config: self.inner.config.clone(),
            pending: None,
            sent: None,
        });
        Feed { follower, credential, filter: wanted.filter, position: None, is_caught_up: false, checkpoints }
    }
}

impl Feed {
    /// The next update; `None` where nothing more will come. Nothing is lost where the future is dropped.
    pub async fn next(&mut self) -> Option<FeedItem> {
        loop {
            let Some(checkpoints) = &mut self.checkpoints else {
                let update = self.follower.next().await?;
                match self.take(update) {
                    Some(told) => return Some(told),
                    None => continue,
                }
            };
            if !self.follower.is_ready()
                && let Some(checkpoint) = checkpoints.now(self.position, self.is_caught_up)
            {
                return Some(FeedItem::Checkpoint(checkpoint));
            }
            let update = tokio::select! {
                biased;
                update = self.follower.next() => update?,
                () = checkpoints.due(self.position) => continue,
            };
            if let Some(told) = self.take(update) {
                return Some(told);
            }
        }
    }

    /// Whether they may see it still.
    #[must_use]
    pub fn may_be_told(&self, told: &FeedItem) -> bool {
        match told {
            FeedItem::Event(entry, _) => may_see(&self.credential, &entry.log),
            FeedItem::Reset(..) | FeedItem::Checkpoint(_) => true,
        }
    }

    fn take(&mut self, update: Update) -> Option<FeedItem> {
        match update {
            Update::Begun(cursor) => {
                self.position = Some(cursor);
                None
            }
            Update::Abreast(cursor) => {
                self.position = Some(cursor);
                self.is_caught_up = true;
                None
            }
            Update::Reset(reason, cursor) => {
                self.position = Some(cursor);
                self.is_caught_up = false;
                if let Some((_, sent)) = self.checkpoints.as_mut().and_then(|checkpoints| checkpoints.sent.as_mut()) {
                    sent.is_caught_up = false;
                }
                Some(FeedItem::Reset(reason, cursor))
            }
            Update::Entry(entry) => {
                self.position = Some(entry.cursor());
                // Asked for each event, for what they may see can change while they follow.
                let membership = self.filter.membership(&entry).filter(|_| may_see(&self.credential, &entry.log))?;
                Some(FeedItem::Event(entry, membership))
            }
        }
    }
}

/// When a stream is told how far it has come.
struct Checkpoints {
    counts: Counts,
    config: LiveConfig,
    /// A checkpoint is due, with counts that are no older than this.
    pending: Option<Cursor>,
    sent: Option<(Instant, Checkpoint)>,
}

impl Checkpoints {
    /// One, where it is due and its counts are there.
    fn now(&mut self, position: Option<Cursor>, is_caught_up: bool) -> Option<Checkpoint> {
        let cursor = position?;
        if self.pending.is_none() && self.is_due(cursor, is_caught_up) {
            self.pending = Some(cursor);
        }
        let counted = self.counts.since(self.pending?)?;
        self.pending = None;
        let checkpoint = Checkpoint { cursor, is_caught_up, counted };
        self.sent = Some((Instant::now(), checkpoint.clone()));
        Some(checkpoint)
    }

    fn is_due(&self, cursor: Cursor, is_caught_up: bool) -> bool {
        let Some((at, sent)) = &self.sent else { return true };
        let elapsed = at.elapsed();
        (is_caught_up && !sent.is_caught_up)
            || elapsed >= self.config.checkpoint_idle
            || (elapsed >= self.config.checkpoint_gap && self.has_moved(cursor, sent))
    }

    fn has_moved(&self, cursor: Cursor, sent: &Checkpoint) -> bool {
        cursor != sent.cursor || self.counts.latest().is_some_and(|latest| latest.counts != sent.counted.counts)
    }

    /// Resolves when it is worth to look again.
    async fn due(&mut self, position: Option<Cursor>) {
        let (Some(cursor), None, Some((at, sent))) = (position, self.pending, &self.sent) else {
            // Without a place there is nothing to tell; without counts they have to come first.
            return self.counts.changed().await;
        };
        let wait = if self.has_moved(cursor, sent) { self.config.checkpoint_gap } else { self.config.checkpoint_idle };
        let until = *at + wait;
        tokio::select! {
            () = self.counts.changed() => {}
            () = sleep_until(until) => {}
        }
    }
}
