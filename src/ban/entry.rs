//! One feed's word for one address or network.

use super::Prefix;

/// The end of an entry that counts for as long as its list holds it: the last second of the year 9999.
pub const NEVER: i64 = 253_402_300_799;

/// One feed's word for one prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// What is to be blocked.
    pub prefix: Prefix,
    /// The ledger's number of the feed.
    pub feed: u16,
    /// When the feed named it for the first time, in seconds since 1970, as the other times.
    pub first_seen: i64,
    /// When the feed named it last.
    pub last_seen: i64,
    /// When the feed's word is over.
    pub expires_at: i64,
}

/// The same, kept small: there are millions of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What is to be blocked.
    pub prefix: Prefix,
    /// The ledger's number of the feed.
    pub feed: u16,
    first_seen: Moment,
    last_seen: Moment,
    expires_at: Moment,
}

/// Seconds since 1970 up to the year 2106, and [`NEVER`] behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment(u32);

impl Moment {
    const NEVER: Self = Self(u32::MAX);

    fn of(seconds: i64) -> Self {
        match seconds {
            NEVER.. => Self::NEVER,
            // Before 1970 nobody was listed; behind 2106 only a clock is that is wrong.
            _ => Self(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX).min(u32::MAX - 1)),
        }
    }

    fn seconds(self) -> i64 {
        if self == Self::NEVER { NEVER } else { self.0.into() }
    }
}

impl From<Said> for Entry {
    fn from(said: Said) -> Self {
        Self {
            prefix: said.prefix,
            feed: said.feed,
            first_seen: Moment::of(said.first_seen),
            last_seen: Moment::of(said.last_seen),
            expires_at: Moment::of(said.expires_at),
        }
    }
}

impl Entry {
    /// All of it, to be said a little differently.
    pub fn said(&self) -> Said {
        let Self { prefix, feed, .. } = *self;
        let (first_seen, last_seen, expires_at) = (self.first_seen(), self.last_seen(), self.expires_at());
        Said { prefix, feed, first_seen, last_seen, expires_at }
    }

    /// When the feed named it for the first time, in seconds since 1970.
    pub fn first_seen(&self) -> i64 {
        self.first_seen.seconds()
    }

    /// When the feed named it last, in seconds since 1970.
    pub fn last_seen(&self) -> i64 {
        self.last_seen.seconds()
    }

    /// When the feed's word is over, in seconds since 1970, or [`NEVER`].
    pub fn expires_at(&self) -> i64 {
        self.expires_at.seconds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_small_and_keeps_its_times() {
        assert_eq!(std::mem::size_of::<Entry>(), 32);
        for (given, kept) in [
            (0, 0),
            (1_800_000_000, 1_800_000_000),
            (NEVER, NEVER),
            (i64::MAX, NEVER),
            (-5, 0),
            (i64::MIN, 0),
            (NEVER - 1, i64::from(u32::MAX) - 1),
        ] {
            let said = Said {
                prefix: "45.0.0.1".parse().unwrap(),
                feed: 1,
                first_seen: given,
                last_seen: given,
                expires_at: given,
            };
            let entry = Entry::from(said);
            assert_eq!([entry.first_seen(), entry.last_seen(), entry.expires_at()], [kept; 3], "{given}");
        }
    }
}
