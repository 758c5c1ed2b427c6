//! How fast a webhook is sent to: so many requests a second, and none while its endpoint wants to be left alone.

use std::time::{Duration, Instant};

/// A timer may be so late without the rate going down.
const LATE: Duration = Duration::from_millis(20);
/// The longest that a lane as a whole waits for its endpoint: what was put off by a longer `Retry-After` is looked for by
/// the delivery that got it.
const LONGEST_QUIET: Duration = Duration::from_secs(10);

/// When the next request may begin.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    next: Option<Instant>,
    quiet_until: Option<Instant>,
}

impl Pace {
    /// Takes the next request's turn where it has come; else tells how long it is until then. `rate` is a second's.
    pub(crate) fn take(&mut self, now: Instant, rate: Option<u32>) -> Result<(), Duration> {
        let turn = rate.and(self.next).into_iter().chain(self.quiet_until).max();
        if let Some(wait) = turn.and_then(|turn| turn.checked_duration_since(now)).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        self.quiet_until = None;
        self.next = rate.map(|rate| {
            let owed = now.checked_sub(LATE).unwrap_or(now);
            self.next.map_or(now, |next| next.max(owed)) + Duration::from_secs(1) / rate.max(1)
        });
        Ok(())
    }

    /// Leaves the endpoint alone for so long.
    pub(crate) fn hush(&mut self, now: Instant, wait: Duration) {
        let until = now + wait.min(LONGEST_QUIET);
        self.quiet_until = Some(self.quiet_until.map_or(until, |known| known.max(until)));
    }

    /// Whether it makes requests wait now and then.
    pub(crate) fn is_set(&self, rate: Option<u32>) -> bool {
        rate.is_some() || self.quiet_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: Instant, millis: u64) -> Instant {
        base + Duration::from_millis(millis)
    }

    #[test]
    fn no_second_has_more_requests_than_the_rate() {
        let base = Instant::now();
        let mut pace = Pace::default();
        let mut begun = Vec::new();
        for millis in 0..10_000 {
            while pace.take(at(base, millis), Some(4)).is_ok() {
                begun.push(millis);
            }
        }
        assert_eq!(begun.len(), 40);
        assert!(begun.windows(5).all(|five| five[4] - five[0] >= 1_000), "{begun:?}");
    }

    #[test]
    fn a_wait_is_as_long_as_it_says_and_a_late_timer_costs_nothing() {
        let base = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.take(base, Some(100)), Ok(()));
        assert_eq!(pace.take(base, Some(100)), Err(Duration::from_millis(10)));
        assert_eq!(pace.take(at(base, 15), Some(100)), Ok(()));
        assert_eq!(pace.take(at(base, 20), Some(100)), Ok(()), "it was late by 5 ms");
        assert_eq!(pace.take(at(base, 5_000), Some(100)), Ok(()));
        assert_eq!(pace.take(at(base, 5_000), Some(100)), Ok(()), "what is owed is 20 ms at most");
        assert_eq!(pace.take(at(base, 5_000), Some(100)), Ok(()));
        assert!(pace.take(at(base, 5_000), Some(100)).is_err());
    }

    #[test]
    fn without_a_rate_only_the_endpoint_makes_it_wait_and_not_for_ever() {
        let base = Instant::now();
        let mut pace = Pace::default();
        for _ in 0..1_000 {
            assert_eq!(pace.take(base, None), Ok(()));
        }
        pace.hush(base, Duration::from_secs(3));
        assert_eq!(pace.take(base, None), Err(Duration::from_secs(3)));
        pace.hush(base, Duration::from_secs(100_000));
        assert_eq!(pace.take(base, None), Err(LONGEST_QUIET));
        assert_eq!(pace.take(base + LONGEST_QUIET, None), Ok(()));
        assert_eq!(pace.take(base + LONGEST_QUIET, None), Ok(()));
    }
}
