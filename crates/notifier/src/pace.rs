//! The pace of a webhook: its rate limit, and the pause that its endpoint asked for. A turn is the right to begin one
//! request.

use std::time::{Duration, Instant};

/// How late a timer may be without lowering the rate.
const LATE: Duration = Duration::from_millis(20);
/// The longest pause of a whole queue for its endpoint. After a longer `Retry-After` the delivery itself waits for its
/// due time.
const LONGEST_QUIET: Duration = Duration::from_secs(10);

/// Turns are reserved for a tenth of a second at a time, so that few unused ones are lost.
const BLOCK: u32 = 10;

/// When the next request may begin.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    turns: Option<Turns>,
    quiet_until: Option<Instant>,
}

/// Reserved turns of this process: the next one, and the number that follow.
#[derive(Debug)]
struct Turns {
    next: Instant,
    every: Duration,
    left: u32,
}

/// The reason why a request must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Its turn comes after this wait.
    For(Duration),
    /// Turns must be reserved first, at this rate a second.
    Turns {
        /// The rate, in requests a second.
        rate: u32,
        /// How many turns.
        count: u32,
    },
}

impl Pace {
    /// Takes the next turn if it has come. `rate` is the limit a second; `queued` is the number of waiting requests.
    pub(crate) fn take(&mut self, now: Instant, rate: Option<u32>, queued: usize) -> Result<(), Hold> {
        let ahead = |at: Instant| at.checked_duration_since(now).filter(|wait| !wait.is_zero());
        if let Some(wait) = self.quiet_until.and_then(ahead) {
            return Err(Hold::For(wait));
        }
        self.quiet_until = None;
        let Some(rate) = rate else {
            self.turns = None;
            return Ok(());
        };
        let owed = now.checked_sub(LATE).unwrap_or(now);
        let Some(turns) = self.turns.as_mut().and_then(|turns| turns.reach(owed)) else {
            let most = rate.div_ceil(BLOCK).max(1);
            return Err(Hold::Turns { rate, count: u32::try_from(queued).unwrap_or(most).clamp(1, most) });
        };
        if let Some(wait) = ahead(turns.next) {
            return Err(Hold::For(wait));
        }
        turns.pass();
        Ok(())
    }

    /// Adds `count` turns at `rate` a second, the first after this wait from `now`.
    pub(crate) fn grant(&mut self, now: Instant, wait: Duration, rate: u32, count: u32) {
        self.turns = Some(Turns { next: now + wait, every: Duration::from_secs(1) / rate.max(1), left: count });
    }

    /// Pauses the endpoint for this long.
    pub(crate) fn hush(&mut self, now: Instant, wait: Duration) {
        let until = now + wait.min(LONGEST_QUIET);
        self.quiet_until = Some(self.quiet_until.map_or(until, |known| known.max(until)));
    }

    /// Whether it can make requests wait.
    pub(crate) fn is_set(&self, rate: Option<u32>) -> bool {
        rate.is_some() || self.quiet_until.is_some()
    }
}

impl Turns {
    /// The turns that are left after those before `owed` are dropped; `None` if none is left.
    fn reach(&mut self, owed: Instant) -> Option<&mut Self> {
        while self.left > 0 && self.next < owed {
            self.pass();
        }
        (self.left > 0).then_some(self)
    }

    fn pass(&mut self) {
        self.next += self.every;
        self.left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: Instant, millis: u64) -> Instant {
        base + Duration::from_millis(millis)
    }

    /// As in the database: new turns follow all earlier ones, of any process.
    struct Book(Option<Instant>);

    impl Book {
        fn begin(&mut self, pace: &mut Pace, now: Instant, rate: u32, queued: usize) -> bool {
            loop {
                match pace.take(now, Some(rate), queued) {
                    Ok(()) => return true,
                    Err(Hold::For(_)) => return false,
                    Err(Hold::Turns { rate, count }) => {
                        let first = self.0.map_or(now, |next| next.max(now));
                        self.0 = Some(first + Duration::from_secs(1) / rate * count);
                        pace.grant(now, first - now, rate, count);
                    }
                }
            }
        }
    }

    #[test]
    fn no_second_has_more_requests_than_the_rate_over_however_many_processes() {
        for (processes, rate) in [(1, 4), (3, 4), (2, 50)] {
            let (base, mut book) = (Instant::now(), Book(None));
            let mut paces: Vec<Pace> = (0..processes).map(|_| Pace::default()).collect();
            let mut begun = Vec::new();
            for millis in 0..10_000 {
                for pace in &mut paces {
                    while book.begin(pace, at(base, millis), rate, 100) {
                        begun.push(millis);
                    }
                }
            }
            let all = rate as usize;
            assert!((all * 10 - all..=all * 10).contains(&begun.len()), "{} of {rate}", begun.len());
            assert!(begun.windows(all + 1).all(|some| some[all] - some[0] >= 980), "{rate}: {begun:?}");
        }
    }

    #[test]
    fn a_wait_is_as_long_as_it_says_and_a_late_timer_costs_nothing() {
        let base = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.take(base, Some(100), 3), Err(Hold::Turns { rate: 100, count: 3 }), "no more than are wanted");
        assert_eq!(pace.take(base, Some(100), 50), Err(Hold::Turns { rate: 100, count: 10 }));
        pace.grant(base, Duration::from_millis(5), 100, 4);
        assert_eq!(pace.take(base, Some(100), 50), Err(Hold::For(Duration::from_millis(5))));
        assert_eq!(pace.take(at(base, 5), Some(100), 50), Ok(()));
        assert_eq!(pace.take(at(base, 5), Some(100), 50), Err(Hold::For(Duration::from_millis(10))));
        assert_eq!(pace.take(at(base, 20), Some(100), 50), Ok(()));
        assert_eq!(pace.take(at(base, 25), Some(100), 50), Ok(()), "it was late by 5 ms");
        assert!(
            matches!(pace.take(at(base, 5_000), Some(100), 50), Err(Hold::Turns { .. })),
            "a turn that is past is lost"
        );
    }

    #[test]
    fn without_a_rate_only_the_endpoint_makes_it_wait_and_not_for_ever() {
        let base = Instant::now();
        let mut pace = Pace::default();
        for _ in 0..1_000 {
            assert_eq!(pace.take(base, None, 1), Ok(()));
        }
        pace.hush(base, Duration::from_secs(3));
        assert_eq!(pace.take(base, None, 1), Err(Hold::For(Duration::from_secs(3))));
        pace.hush(base, Duration::from_secs(100_000));
        assert_eq!(pace.take(base, None, 1), Err(Hold::For(LONGEST_QUIET)));
        assert_eq!(pace.take(base + LONGEST_QUIET, None, 1), Ok(()));
        assert_eq!(pace.take(base + LONGEST_QUIET, None, 1), Ok(()));
    }
}
