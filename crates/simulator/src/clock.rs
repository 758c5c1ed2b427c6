//! The machine's clock. The simulator plays the world outside, so it may look at it; here and nowhere else.

use chrono::{DateTime, Utc};

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the one place where the simulator's time comes from")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
