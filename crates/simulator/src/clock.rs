//! The machine's clock. The simulator plays the outside world, so it may read the clock, but only here.

use chrono::{DateTime, Utc};

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the one place where the simulator's time comes from")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
