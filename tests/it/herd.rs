//! A herd of a thousand PBXs that hand their sightings to each other, some of them hostile: what share of attempts is
//! stopped and how many innocents are blocked, when one, two or three have to agree. The very decision of a run is asked.

use banbridge::ban::entry::Said;
use banbridge::ban::wanted::{FeedPolicy, Quorum, sort, wanted};
use banbridge::ban::width::Widest;
use banbridge::ban::{Entry, Prefix};

const PBXS: u64 = 1_000;
const HOSTILE: u64 = 50;
const ATTACKERS: u64 = 400;
/// Innocents that each hostile PBX names.
const NAMED: u64 = 40;
const INNOCENTS: u64 = 20_000;

/// A generator of numbers that are the same each time (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }

    /// Some of the first `most` numbers, each once, in any order.
    fn some(&mut self, how_many: u64, most: u64) -> Vec<u64> {
        let mut all: Vec<u64> = Vec::new();
        while (all.len() as u64) < how_many {
            let one = self.below(most);
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }
}

fn address(block: u8, number: u64) -> Prefix {
    format!("{block}.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255).parse().unwrap()
}

fn says(pbx: u64, prefix: Prefix) -> Entry {
    let feed = u16::try_from(pbx + 1).unwrap();
    Entry::from(Said { prefix, feed, first_seen: 0, last_seen: 0, expires_at: 1_000 })
}

/// What counts of these entries.
fn counts(entries: &mut [Entry], agree: u8) -> usize {
    let policy = |pbx: u64| FeedPolicy {
        feed: u16::try_from(pbx + 1).unwrap(),
        priority: 0,
        ttl: 1_000,
        held_since: None,
        wide: false,
        widest: Widest { v4: 16, v6: 32 },
        quorum: Quorum { group: 1, agree, trusted: false },
    };
    let mut members: Vec<u64> = entries.iter().map(|entry| u64::from(entry.feed) - 1).collect();
    members.sort_unstable();
    members.dedup();
    let policies: Vec<FeedPolicy> = members.into_iter().map(policy).collect();
    sort(entries);
    wanted(entries, &policies, 10).count()
}

/// The row of the table for one `agree`: attempts stopped of wide and of narrow attackers in percent, and innocents that
/// are blocked where the hostile PBXs act each for itself, in pairs, and all together.
fn row(agree: u8) -> String {
    let mut random = Random(7);
    let mut stopped = |reach: std::ops::Range<u64>| {
        let (mut all, mut spared) = (0_u64, 0_u64);
        for attacker in 0..ATTACKERS {
            let attacked = reach.start + random.below(reach.end - reach.start);
            let mut seen: Vec<Entry> = Vec::new();
            for pbx in random.some(attacked, PBXS) {
                all += 1;
                spared += u64::from(counts(&mut seen, agree) == 1);
                // The hostile ones are silent of real attackers.
                if pbx >= HOSTILE && seen.len() < 8 {
                    seen.push(says(pbx, address(45, attacker)));
                }
            }
        }
        spared * 100 / all
    };
    let (wide, narrow) = (stopped(20..200), stopped(2..10));
    let mut poisoned = |together: u64| {
        let mut entries: Vec<Entry> = Vec::new();
        for group in 0..HOSTILE / together {
            let innocents = random.some(NAMED, INNOCENTS);
            for member in 0..together {
                let pbx = group * together + member;
                entries.extend(innocents.iter().map(|one| says(pbx, address(46, *one))));
            }
        }
        counts(&mut entries, agree)
    };
    let (alone, pairs, all) = (poisoned(1), poisoned(2), poisoned(HOSTILE));
    format!("| {agree} | {wide} % | {narrow} % | {alone} | {pairs} | {all} |")
}

#[test]
fn nobody_can_poison_the_herd_alone_and_the_guide_has_the_table() {
    let rows: Vec<String> = [1, 2, 3].map(row).to_vec();
    println!("{}", rows.join("\n"));
    let guide = include_str!("../../docs/fleet.md");
    for row in &rows {
        assert!(guide.contains(row.as_str()), "docs/fleet.md should have:\n{}", rows.join("\n"));
    }
    let innocents = |row: &str| -> Vec<usize> {
        row.split('|').skip(4).filter_map(|cell| cell.trim().parse().ok()).collect()
    };
    assert!(innocents(&rows[0])[0] > 1_000, "with agree = 1 one hostile PBX blocks whom it likes");
    assert!(innocents(&rows[1])[0] < 150, "with 2 only where two meet by chance");
    assert!(innocents(&rows[2])[..2].iter().all(|n| *n < 150), "with 3 pairs reach nothing but by chance");
}
