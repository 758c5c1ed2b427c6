//! When an endpoint wants to be asked again.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The wait that an endpoint asks for by `Retry-After` (RFC 9110, section 10.2.3): seconds or a date; none where it is
/// neither. A date that has passed is no wait.
#[must_use]
pub fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or(Duration::ZERO))
}
