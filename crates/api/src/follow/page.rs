//! A page of the log: bounded in entries and in bytes, because an event may have a megabyte.

use inlet_domain::scope::Scope;
use inlet_store::{
    database::Database,
    error::StoreError,
    log::{self, LogEntry},
};

/// Bytes of payloads that end a page.
const MOST_BYTES: usize = 4 << 20;
/// Entries of the first read, which shows their size.
const FIRST: i64 = 32;

/// Entries of a log, in order.
pub(super) struct Page {
    pub entries: Vec<LogEntry>,
    /// Whether more entries may follow: the page has reached its maximum of entries or bytes.
    pub is_full: bool,
}

/// Reads up to `size` entries after number `after`: fewer if they are large, but at least one if there is one.
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
        // Read as many as fit, if they have the average size of the earlier ones.
        let each = (bytes / entries.len().max(1)).max(1);
        step = i64::try_from((MOST_BYTES - bytes) / each).unwrap_or(i64::MAX).clamp(1, size - count);
    }
}
