//! The surge guard: a feed that suddenly asks for much more than before was taken over, or has a fault. It is held
//! whole until an administrator looked, for a wrong block cuts off a company's phones.

/// What is much more than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// So many times the last size.
    pub times: u32,
    /// And so many prefixes more than the last size.
    pub more: u32,
}

impl Guard {
    /// Whether a feed of `size` prefixes is a surge after it was complete with `before`; a first load is none.
    pub fn is_surge(&self, before: Option<usize>, size: usize) -> bool {
        let Some(before) = before else { return false };
        size > before.saturating_mul(self.times as usize) && size > before.saturating_add(self.more as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surge_is_many_times_more_and_many_more_and_never_a_first_load() {
        let guard = Guard { times: 4, more: 5_000 };
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
            assert_eq!(guard.is_surge(before, size), surge, "{before:?} to {size}");
        }
    }
}
