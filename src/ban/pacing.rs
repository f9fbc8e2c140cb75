//! How long to wait before the next request, so that a feed's rate limit is never met.
//!
//! apiban allows a key 11 requests in 2 minutes (apiban.org/doc.html). Being refused is worse than
//! waiting, since a refused request may count as one. The times of past requests come from the
//! ledger, so that two runs share one limit.

use std::time::Duration;

/// Requests that apiban allows a key within [`WINDOW`].
pub const LIMIT: usize = 11;
/// The time in which apiban counts a key's requests.
pub const WINDOW: Duration = Duration::from_secs(120);

/// How long to wait, at `now`, until one more request is allowed; zero means that it is now.
///
/// `past` holds the times of earlier requests, in any order; it and `now` are Unix milliseconds.
/// Times that lie in the future, left by a clock that has since been put back, are passed over.
/// Counted in any way they would hold every run back until the clock has caught up with them,
/// perhaps a year from now; passed over, the worst is one answer that names the rate limit.
pub fn wait(past: &[i64], now: i64) -> Duration {
    wait_for(past, now, LIMIT, WINDOW)
}

/// [`wait`] for another `limit` of requests in another `window`. A limit of 0 is taken as 1.
pub fn wait_for(past: &[i64], now: i64, limit: usize, window: Duration) -> Duration {
    let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
    let in_window = |at: &i64| *at <= now && now.saturating_sub(*at) < window;
    let mut recent: Vec<i64> = past.iter().copied().filter(in_window).collect();
    let limit = limit.max(1);
    if recent.len() < limit {
        return Duration::ZERO;
    }
    recent.sort_unstable();
    // With the last `limit` in the window, the first of them must leave it.
    let leaves = recent[recent.len() - limit].saturating_add(window);
    Duration::from_millis(u64::try_from(leaves.saturating_sub(now)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: i64 = WINDOW.as_millis() as i64;

    #[test]
    fn the_twelfth_request_waits_until_the_first_is_two_minutes_old() {
        let mut past: Vec<i64> = (0..10).map(|n| 1_000_000 + n).collect();
        assert_eq!(wait(&past, 1_000_020), Duration::ZERO, "the eleventh goes at once");
        past.push(1_000_010);
        assert_eq!(wait(&past, 1_000_020), Duration::from_millis(119_980));
        assert_eq!(wait(&past, 1_000_000 + MS - 1), Duration::from_millis(1));
        assert_eq!(wait(&past, 1_000_000 + MS), Duration::ZERO);
    }

    #[test]
    fn requests_from_the_future_of_a_clock_put_back_hold_nothing_up() {
        assert_eq!(wait(&[9_000_000_000_000; 30], 1_000), Duration::ZERO);
        assert_eq!(wait(&[i64::MAX; 11], i64::MIN), Duration::ZERO);
        assert_eq!(wait(&[i64::MIN; 11], i64::MAX), Duration::ZERO);
        // The clock reaches them after all: they hold for the one window, as any others.
        assert_eq!(wait(&[5_000; 11], 5_000), WINDOW);
    }

    proptest! {
        #[test]
        fn whoever_waits_as_told_never_sends_more_than_eleven_in_two_minutes(
            pauses in prop::collection::vec(0i64..60_000, 1..80),
            start in 0i64..2_000_000_000_000,
        ) {
            let (mut sent, mut now) = (Vec::new(), start);
            for pause in pauses {
                now += pause;
                now += wait(&sent, now).as_millis() as i64;
                prop_assert_eq!(wait(&sent, now), Duration::ZERO, "waiting was enough");
                sent.push(now);
            }
            for &first in &sent {
                let within = sent.iter().filter(|&&at| at >= first && at < first + MS).count();
                prop_assert!(within <= LIMIT, "{} requests in one window", within);
            }
        }

        #[test]
        fn no_wait_is_longer_than_a_window_nor_longer_than_needed(
            past in prop::collection::vec(any::<i64>(), 0..40),
            now in any::<i64>(),
        ) {
            let told = wait(&past, now);
            prop_assert!(told <= WINDOW);
            if past.len() < LIMIT {
                prop_assert_eq!(told, Duration::ZERO);
            }
        }
    }
}
