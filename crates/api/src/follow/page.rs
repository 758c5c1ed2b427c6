//! A page of the log: bounded in entries, and in bytes, for an event may weigh a megabyte.

use inlet_domain::scope::Scope;
use inlet_store::{
    database::Database,
    error::StoreError,
    log::{self, LogEntry},
};

/// The bytes of payloads after which a page is not filled further.
const MOST_BYTES: usize = 4 << 20;
/// So many entries are read first, to see what one weighs.
const FIRST: i64 = 32;

/// Entries of a log, in order.
pub(super) struct Page {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Whether more may follow: it has as many entries, or as many bytes, as a page may have.
    pub is_full: bool,
}

/// Up to `size` entries after number `after`; fewer where they are heavy, one at least where there is one.
///
/// # Errors
/// Where the database fails.
pub(super) async fn read(database: &Database, scope: Scope, after: i64, size: i64) -> Result<Page, StoreError> {
    let (mut entries, mut bytes) = (Vec::<LogEntry>::new(), 0_usize);
    let mut step = FIRST.min(size);
    loop {
        let from = entries.last().map_or(after, |last| last.seq);
        let read = log::after(&database.pool, scope, from, step).await?;
        let is_last = i64::try_from(read.len()).is_ok_and(|count| count < step);
        bytes += read.iter().map(LogEntry::weight).sum::<usize>();
        entries.extend(read);
        let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        if is_last || count >= size || bytes >= MOST_BYTES {
            return Ok(Page { entries, is_full: !is_last });
        }
        // As many as have room, if they weigh what those before do.
        let each = (bytes / entries.len().max(1)).max(1);
        step = i64::try_from((MOST_BYTES - bytes) / each).unwrap_or(i64::MAX).clamp(1, size - count);
    }
}
