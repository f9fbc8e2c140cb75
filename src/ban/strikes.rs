//! Who is banned for what the PBX's own log says: so many rejections of one kind within a time.
//!
//! Thresholds differ by kind. Asterisk says "No matching endpoint" of an honest phone's first registration too, and a whole
//! office stands behind one address; a call from a stranger is rarer by mistake. Whoever authenticated, registered or
//! answered within a day is never taken. Sources of UDP can be forged, so no more than a number of new bans counts in an
//! hour: what a forger can reach is bounded, and who is protected stays so.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strike {
    /// A rejected call.
    Call,
    /// A rejected registration.
    Registration,
    /// Any other failed authentication.
    Authentication,
    /// A success.
    Success,
}

impl Strike {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Call, Self::Registration, Self::Authentication, Self::Success];

    /// Its number in the saved state.
    pub fn number(self) -> u8 {
        match self {
            Self::Call => 1,
            Self::Registration => 2,
            Self::Authentication => 3,
            Self::Success => 4,
        }
    }

    /// What a number means.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// In words, for many of them.
    pub fn words(self) -> &'static str {
        match self {
            Self::Call => "rejected calls",
            Self::Registration => "rejected registrations",
            Self::Authentication => "failed authentications",
            Self::Success => "successes",
        }
    }
}

/// What the log had of an address in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// Who.
    pub address: IpAddr,
    /// What.
    pub kind: Strike,
    /// When the minute began, in seconds since 1970.
    pub at: i64,
    /// How often.
    pub number: u32,
}

/// When an address is banned, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Calls, registrations, other authentications: so many of one kind.
    pub thresholds: [u32; 3],
    /// Within so many seconds.
    pub within: i64,
    /// For how many seconds: the first time, the second, and so on; the last for every further one.
    pub ban: Vec<i64>,
    /// New bans of an hour at most.
    pub most_new: usize,
}

/// What is remembered of an address that was banned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// How often.
    pub bans: u32,
    /// When last, in seconds since 1970.
    pub banned_at: i64,
}

/// A new ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// Whom.
    pub address: IpAddr,
    /// For how many seconds.
    pub seconds: i64,
    /// The how manyth it is.
    pub times: u32,
    /// For what.
    pub kind: Strike,
    /// How many of it.
    pub number: u32,
}

/// Who is banned, and who is not although they passed a threshold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// New bans, those with the most rejections first.
    pub bans: Vec<Ban>,
    /// How many more there would be without the ceiling of an hour.
    pub over_ceiling: usize,
    /// Who passed a threshold and succeeded within a day.
    pub spared: Vec<IpAddr>,
}

/// How long a success counts, in seconds.
const SUCCESS_COUNTS: i64 = 86_400;
/// An hour, in seconds.
const HOUR: i64 = 3_600;
/// Log times may be ahead of the clock by as many seconds.
const AHEAD: i64 = 120;

/// Decides at `now`. `minutes` is what the log had lately, `records` who was banned before, and `is_banned` says who is
/// banned now.
pub fn decide(
    minutes: &[Minute],
    rules: &Rules,
    records: &BTreeMap<IpAddr, Record>,
    is_banned: impl Fn(IpAddr) -> bool,
    now: i64,
) -> Decision {
    let mut counts: BTreeMap<IpAddr, [u32; 4]> = BTreeMap::new();
    for minute in minutes {
        // A minute counts while its end is within the time.
        let within = match minute.kind {
            Strike::Success => SUCCESS_COUNTS,
            _ => rules.within,
        };
        if minute.at + 60 > now - within && minute.at <= now + AHEAD {
            let count = &mut counts.entry(minute.address).or_default()[usize::from(minute.kind.number()) - 1];
            *count = count.saturating_add(minute.number);
        }
    }
    let mut found = Decision::default();
    for (address, counts) in counts {
        let over = |kind: &Strike| {
            let place = usize::from(kind.number()) - 1;
            rules.thresholds.get(place).is_some_and(|most| counts[place] >= *most)
        };
        let Some(kind) = Strike::ALL.into_iter().find(over).filter(|_| !is_banned(address)) else { continue };
        if counts[3] > 0 {
            found.spared.push(address);
            continue;
        }
        let before = records.get(&address).map_or(0, |record| record.bans);
        let place = usize::try_from(before).unwrap_or(usize::MAX).min(rules.ban.len().saturating_sub(1));
        let seconds = rules.ban.get(place).copied().unwrap_or(HOUR);
        let number = counts[usize::from(kind.number()) - 1];
        found.bans.push(Ban { address, seconds, times: before.saturating_add(1), kind, number });
    }
    found.bans.sort_by_key(|ban| (u32::MAX - ban.number, ban.address));
    let lately =
        records.values().filter(|record| record.banned_at > now - HOUR && record.banned_at <= now).count();
    let room = rules.most_new.saturating_sub(lately);
    found.over_ceiling = found.bans.len().saturating_sub(room);
    found.bans.truncate(room);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_795_503_600;

    fn rules() -> Rules {
        Rules { thresholds: [5, 20, 10], within: 600, ban: vec![3_600, 86_400, 604_800], most_new: 100 }
    }

    fn minute(host: u8, kind: Strike, ago: i64, number: u32) -> Minute {
        Minute { address: IpAddr::from([203, 0, 113, host]), kind, at: NOW - ago, number }
    }

    fn banned(minutes: &[Minute]) -> Vec<String> {
        let decision = decide(minutes, &rules(), &BTreeMap::new(), |_| false, NOW);
        decision
            .bans
            .iter()
            .map(|ban| format!("{} {} {}", ban.address, ban.kind.words(), ban.number))
            .collect()
    }

    /// What, how many seconds ago, how often.
    type Done = (Strike, i64, u32);

    #[test]
    fn each_kind_has_its_threshold_and_only_what_is_within_the_time_counts() {
        use Strike::*;
        let table: &[(&[Done], bool)] = &[
            (&[(Call, 0, 4)], false),
            (&[(Call, 0, 5)], true),
            (&[(Call, 540, 3), (Call, 0, 2)], true),
            (&[(Call, 659, 3), (Call, 0, 2)], true),
            (&[(Call, 660, 3), (Call, 0, 2)], false),
            (&[(Registration, 0, 19), (Authentication, 0, 9), (Call, 0, 4)], false),
            (&[(Registration, 0, 20)], true),
            (&[(Authentication, 0, 10)], true),
            // A clock that leapt.
            (&[(Call, -7_200, 500)], false),
            (&[(Success, 0, 500)], false),
        ];
        for (minutes, expected) in table {
            let minutes: Vec<Minute> =
                minutes.iter().map(|(kind, ago, n)| minute(7, *kind, *ago, *n)).collect();
            assert_eq!(!banned(&minutes).is_empty(), *expected, "{minutes:?}");
        }
    }

    #[test]
    fn ten_phones_behind_one_router_three_of_them_with_a_wrong_password_are_spared() {
        let office = [
            minute(9, Strike::Success, 40_000, 7),
            minute(9, Strike::Authentication, 60, 90),
            minute(9, Strike::Registration, 60, 90),
        ];
        let decision = decide(&office, &rules(), &BTreeMap::new(), |_| false, NOW);
        assert_eq!((decision.bans.len(), decision.spared.len()), (0, 1));
        assert_eq!(banned(&office[1..]).len(), 1, "without a success it is an attacker like any other");
        let old = [minute(9, Strike::Success, 90_000, 7), office[1]];
        assert_eq!(banned(&old).len(), 1);
    }

    #[test]
    fn a_ban_grows_with_repetition_and_who_is_banned_is_not_banned_again() {
        let flood = [minute(7, Strike::Call, 0, 9)];
        let address = flood[0].address;
        for (before, seconds) in [(0, 3_600), (1, 86_400), (2, 604_800), (9, 604_800), (u32::MAX, 604_800)] {
            let records = BTreeMap::from([(address, Record { bans: before, banned_at: NOW - 9_000 })]);
            let decision = decide(&flood, &rules(), &records, |_| false, NOW);
            assert_eq!(decision.bans[0].seconds, seconds, "{before}");
        }
        let decision = decide(&flood, &rules(), &BTreeMap::new(), |one| one == address, NOW);
        assert_eq!(decision, Decision::default());
    }

    #[test]
    fn a_forger_reaches_no_more_than_the_ceiling_of_an_hour_and_the_worst_come_first() {
        let flood: Vec<Minute> =
            (0..=255).map(|host| minute(host, Strike::Call, 0, 5 + u32::from(host))).collect();
        let records: BTreeMap<IpAddr, Record> = (0..60)
            .map(|host| (IpAddr::from([198, 51, 100, host]), Record { bans: 1, banned_at: NOW - 1_000 }))
            .collect();
        let decision = decide(&flood, &rules(), &records, |_| false, NOW);
        assert_eq!((decision.bans.len(), decision.over_ceiling), (40, 216));
        assert_eq!(decision.bans[0].address, IpAddr::from([203, 0, 113, 255]));
        let later = decide(&flood, &rules(), &records, |_| false, NOW + 300 - 1 + HOUR - 1_000);
        assert!(later.bans.is_empty(), "the flood is over by then");
    }

    proptest! {
        #[test]
        fn whoever_is_banned_passed_a_threshold_and_had_no_success(
            all in prop::collection::vec((0u8..6, 0usize..4, -300i64..2_000, 0u32..30), 0..60)
        ) {
            let minutes: Vec<Minute> = all
                .iter()
                .map(|(host, kind, ago, number)| minute(*host, Strike::ALL[*kind], *ago, *number))
                .collect();
            let decision = decide(&minutes, &rules(), &BTreeMap::new(), |_| false, NOW);
            for ban in &decision.bans {
                let of = |kind| minutes.iter().filter(move |m| m.address == ban.address && m.kind == kind);
                prop_assert!(of(Strike::Success).all(|m| m.at > NOW + AHEAD || m.number == 0));
                let all: u32 = of(ban.kind).map(|m| m.number).sum();
                prop_assert!(all >= rules().thresholds[usize::from(ban.kind.number()) - 1]);
            }
        }
    }
}
