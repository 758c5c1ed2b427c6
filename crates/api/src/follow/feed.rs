//! The updates of one subscriber: events that match and that the viewer may see, resets, and checkpoints.

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

#[derive(Clone)]
pub enum FeedItem {
    /// An event, and its membership under the filter.
    Event(Arc<LiveEntry>, Option<Membership>),
    /// Events were skipped; the feed continues from here.
    Reset(ResetReason, Cursor),
    /// Everything up to here has been sent.
    Checkpoint(Checkpoint),
}

impl FeedItem {
    /// Approximate size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Event(entry, _) => entry.size(),
            Self::Reset(..) | Self::Checkpoint(_) => 0,
        }
    }
}

/// Progress of a stream.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Every matching event up to here has been sent.
    pub cursor: Cursor,
    /// Whether that was the end of the log.
    pub is_caught_up: bool,
    /// Counts that are no older than `cursor`, unless nothing has changed since.
    pub counted: Arc<Counted>,
}

/// The arguments of a subscriber.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The starting cursor; `None` starts now.
    pub after: Option<Cursor>,
    pub filter: Matcher,
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
    /// The updates of one subscriber from now on.
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
    /// The next update; `None` at the end. A dropped future loses nothing.
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

    /// Whether the subscriber may still see it.
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
                // Check each event: the rights may change meanwhile.
                let membership = self.filter.membership(&entry).filter(|_| may_see(&self.credential, &entry.log))?;
                Some(FeedItem::Event(entry, membership))
            }
        }
    }
}

/// The schedule of a stream's checkpoints.
struct Checkpoints {
    counts: Counts,
    config: LiveConfig,
    /// A checkpoint is due, with counts that are no older than this.
    pending: Option<Cursor>,
    sent: Option<(Instant, Checkpoint)>,
}

impl Checkpoints {
    /// A checkpoint, if it is due and its counts are ready.
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

    /// Resolves when a checkpoint may be due.
    async fn due(&mut self, position: Option<Cursor>) {
        let (Some(cursor), None, Some((at, sent))) = (position, self.pending, &self.sent) else {
            // Without a position there is no checkpoint; without counts, the counts come first.
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
