//! The header `Retry-After`.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The wait of a `Retry-After` header (RFC 9110, section 10.2.3): seconds or a date; `None` for anything else. A date
/// in the past is a wait of zero.
#[must_use]
pub fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or(Duration::ZERO))
}
