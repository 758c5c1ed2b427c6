//! The wait before the next attempt.

use std::time::Duration;

use chrono::{DateTime, Utc};
/// The longest wait, whatever the delays or the endpoint ask for.
const LONGEST: Duration = Duration::from_secs(100_000);

/// The wait after attempt `number` (1, 2, 3 ...) failed. After the end of `delays` the last delay repeats. `jitter` is
/// a random number from 0 to 1: it spreads the retries of deliveries that failed together over a tenth of the wait to
/// either side.
pub fn after(delays: &[u32], number: i32, jitter: f64) -> Duration {
    let index = usize::try_from(number.max(1) - 1).unwrap_or(0).min(delays.len().saturating_sub(1));
    let delay = delays.get(index).copied().unwrap_or(1);
    Duration::from_secs(u64::from(delay)).mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0)).min(LONGEST)
}

/// The wait that an endpoint requests by `Retry-After`. Jitter only makes it longer.
pub fn asked(retry_after: &str, now: DateTime<Utc>, jitter: f64) -> Option<Duration> {
    let least = inlet_egress::retry_after(retry_after, now)?.clamp(Duration::from_secs(1), LONGEST);
    Some(least.mul_f64(1.0 + 0.1 * jitter.clamp(0.0, 1.0)).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use inlet_domain::model::webhook::RetryPreset;

    use super::*;

    #[test]
    fn the_documented_curve_with_a_tenth_of_jitter() {
        for (number, expected) in [(1, 10.0), (2, 100.0), (3, 1_000.0), (4, 10_000.0), (5, 100_000.0), (9, 100_000.0)] {
            let early = after(RetryPreset::Documented.delays(), number, 0.0).as_secs_f64();
            let late = after(RetryPreset::Documented.delays(), number, 1.0).as_secs_f64();
            assert!((early - expected * 0.9).abs() < 1e-6, "{number}: {early}");
            assert!((late - (expected * 1.1).min(100_000.0)).abs() < 1e-6, "{number}: {late}");
        }
        assert_eq!(after(RetryPreset::Standard.delays(), 2, 0.5), Duration::from_secs(300));
        assert_eq!(after(&[7], 3, 0.5), Duration::from_secs(7));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_is_capped() {
        let now = "1994-11-06T08:49:07Z".parse().unwrap();
        assert_eq!(asked("120", now, 0.0), Some(Duration::from_secs(120)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT", now, 0.0), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT", now, 0.0), Some(Duration::from_secs(1)));
        assert_eq!(asked("0", now, 0.0), Some(Duration::from_secs(1)));
        assert_eq!(asked("99999999999", now, 0.0), Some(Duration::from_secs(100_000)));
        assert_eq!(asked("soon", now, 0.0), None);
        assert_eq!(asked("-5", now, 0.0), None);
        assert!(asked("120", now, 1.0) > asked("120", now, 0.0));
    }
}
