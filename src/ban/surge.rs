//! The surge guard: a feed that suddenly grows much larger than before was taken over, or has a fault. What is new is
//! held until somebody reviewed it, for a wrong block cuts off a company's phones.

/// What is much more than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// So many times the last size.
    pub times: u32,
    /// And so many entries more than the last size.
    pub more: u32,
}

/// What is remembered of a feed's size. Times are seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// How many entries it had when it was last complete and not held.
    pub base: Option<usize>,
    /// When that was.
    pub completed_at: Option<i64>,
    /// While it is held: what it named after this time does not count.
    pub held_since: Option<i64>,
}

impl Guard {
    /// Whether a feed of `size` entries is a surge after it was complete with `before`; a first load is none.
    pub fn is_surge(&self, before: Option<usize>, size: usize) -> bool {
        let Some(before) = before else { return false };
        size > before.saturating_mul(self.times as usize) && size > before.saturating_add(self.more as usize)
    }

    /// What is to be remembered of a feed that has `size` entries now. The base moves only with a complete list, and a
    /// surge holds everything that came after the last one.
    pub fn weigh(&self, known: Size, size: usize, complete: bool, now: i64) -> Size {
        if self.is_surge(known.base, size) {
            let since = known.held_since.or(known.completed_at).unwrap_or(now);
            Size { held_since: Some(since), ..known }
        } else if complete {
            Size { base: Some(size), completed_at: Some(now), held_since: None }
        } else {
            known
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: Guard = Guard { times: 4, more: 5_000 };

    #[test]
    fn a_surge_is_many_times_more_and_many_more_and_never_a_first_load() {
        let table = [
            (None, 1_000_000, false),
            (Some(0), 5_000, false),
            (Some(0), 5_001, true),
            (Some(1_000), 6_000, false),
            (Some(1_000), 6_001, true),
            (Some(3_000), 12_000, false),
            (Some(3_000), 12_001, true),
            (Some(5_000), 4_000, false),
        ];
        for (before, size, surge) in table {
            assert_eq!(GUARD.is_surge(before, size), surge, "{before:?} to {size}");
        }
    }

    #[test]
    fn a_feed_is_held_from_its_last_complete_list_on_until_a_list_is_no_surge() {
        let size = |base, completed_at, held_since| Size { base, completed_at, held_since };
        let table = [
            // known, size, complete: remembered
            (Size::default(), 900, true, size(Some(900), Some(50), None)),
            (Size::default(), 900, false, Size::default()),
            (size(Some(10), Some(7), None), 9_000, true, size(Some(10), Some(7), Some(7))),
            (size(Some(10), Some(7), None), 9_000, false, size(Some(10), Some(7), Some(7))),
            (size(Some(10), None, None), 9_000, true, size(Some(10), None, Some(50))),
            (size(Some(10), Some(9), Some(7)), 9_000, true, size(Some(10), Some(9), Some(7))),
            (size(Some(10), Some(7), Some(7)), 12, true, size(Some(12), Some(50), None)),
            // Not to its end: what is held stays held.
            (size(Some(10), Some(7), Some(7)), 12, false, size(Some(10), Some(7), Some(7))),
        ];
        for (known, size, complete, remembered) in table {
            assert_eq!(GUARD.weigh(known, size, complete, 50), remembered, "{known:?} {size} {complete}");
        }
    }
}
