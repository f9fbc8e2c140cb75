//! Hits: how many packets the kernel set blocked, by prefix and in all, since when.
//!
//! The kernel's counters live as long as the kernel holds the set: a boot or somebody's `nft flush ruleset` resets
//! them, and a prefix that is merged with its neighbor loses its own. So each run of root adds what the counters grew
//! by to a [`Book`] that the ledger keeps. Packets that are blocked between the reading and the writing of a changed
//! set (a second at most) are not counted: the figures say "at least".

use std::collections::BTreeMap;
use std::fmt;

use super::Prefix;

/// How long the figures of a prefix that is no longer in the set are kept, in seconds: 30 days.
pub const KEPT: i64 = 30 * 86_400;

/// How the kernel set is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// A table of our own; packets are rejected, as the firewall module does it.
    Nft,
    /// Sets and rules in the table `raw`, where packets can only be dropped.
    Ipset,
}

impl Backend {
    /// The word of the JSON output and of the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Ipset => "ipset",
        }
    }

    /// The backend that a word of the ledger names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Nft, Self::Ipset].into_iter().find(|backend| backend.word() == word)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Packets and bytes, as the kernel counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Bytes of these packets.
    pub bytes: u64,
}

/// One prefix that the kernel set blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// The prefix.
    pub prefix: Prefix,
    /// What was blocked of it; zero where the kernel does not count by element.
    pub counter: Counter,
}

/// What the kernel counted, as it was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted<'a> {
    /// The prefixes that the set blocks, in order.
    pub elements: &'a [Element],
    /// Whether each of them has a counter; without, there is only the total.
    pub by_element: bool,
    /// All that was blocked, as far as the rules count it.
    pub total: Counter,
}

impl Counted<'_> {
    fn has(&self, prefix: &Prefix) -> bool {
        self.elements.binary_search_by_key(prefix, |element| element.prefix).is_ok()
    }
}

/// What is known of one prefix. Times are seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hits {
    /// Blocked packets.
    pub packets: u64,
    /// When the first of them was counted.
    pub first_at: i64,
    /// When the last of them was counted.
    pub last_at: i64,
    /// The kernel's counter when it was last read.
    pub counter: u64,
}

/// All that is known of blocked packets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// When counting began; zero when it has not.
    pub since: i64,
    /// Blocked packets in all, those of forgotten prefixes included.
    pub total: u64,
    /// The kernel's total when it was last read.
    pub counter: u64,
    /// The boot that the counters belong to, see [`machine::boot`](crate::system::machine::boot).
    pub boot: i64,
    /// What is known of each prefix that was hit.
    pub prefixes: BTreeMap<Prefix, Hits>,
}

/// What changed in a book, for its keeper.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Prefixes that are new or different.
    pub changed: Vec<Prefix>,
    /// Prefixes that were forgotten.
    pub forgotten: Vec<Prefix>,
}

impl Book {
    /// Adds what the kernel counted since the last time; nothing where there is no set. `boot` says which boot it is. A
    /// counter that is lower than it was was reset.
    pub fn count(&mut self, counted: Option<Counted<'_>>, boot: i64, now: i64) -> Changes {
        let counted = counted.unwrap_or_default();
        let mut changes = Changes::default();
        if self.since == 0 {
            self.since = now;
        }
        if self.boot != boot {
            self.boot = boot;
            self.counter = 0;
            for (prefix, hits) in self.prefixes.iter_mut().filter(|(_, hits)| hits.counter != 0) {
                hits.counter = 0;
                changes.changed.push(*prefix);
            }
        }
        for (prefix, hits) in &mut self.prefixes {
            // One that comes back into the set begins at zero.
            if hits.counter != 0 && !counted.has(prefix) {
                hits.counter = 0;
                changes.changed.push(*prefix);
            }
        }
        let mut grown = 0_u64;
        for element in counted.elements.iter().filter(|element| element.counter.packets > 0) {
            let hits =
                self.prefixes.entry(element.prefix).or_insert(Hits { first_at: now, ..Hits::default() });
            let more = growth(&mut hits.counter, element.counter.packets);
            if more > 0 {
                hits.packets = hits.packets.saturating_add(more);
                hits.last_at = now;
                grown = more.saturating_add(grown);
                changes.changed.push(element.prefix);
            }
        }
        let by_rules = growth(&mut self.counter, counted.total.packets);
        self.total = self.total.saturating_add(if counted.by_element { grown } else { by_rules });
        let is_over = |prefix: &Prefix, hits: &Hits| now - hits.last_at > KEPT && !counted.has(prefix);
        changes.forgotten =
            self.prefixes.iter().filter(|(p, hits)| is_over(p, hits)).map(|(p, _)| *p).collect();
        for prefix in &changes.forgotten {
            self.prefixes.remove(prefix);
        }
        changes.changed.retain(|prefix| self.prefixes.contains_key(prefix));
        changes.changed.sort_unstable();
        changes.changed.dedup();
        changes
    }

    /// The prefixes that were hit most, the first one hardest.
    pub fn busiest(&self, most: usize) -> Vec<(Prefix, Hits)> {
        let mut all: Vec<_> = self.prefixes.iter().map(|(prefix, hits)| (*prefix, *hits)).collect();
        all.sort_by(|a, b| (b.1.packets, b.1.last_at, a.0).cmp(&(a.1.packets, a.1.last_at, b.0)));
        all.truncate(most);
        all
    }

    /// What was blocked of a prefix: of itself, of those inside it, or failing both, of the one around it (merging
    /// with neighbors made the two differ). The prefix that was counted comes with it.
    pub fn of(&self, prefix: &Prefix) -> Option<(Prefix, Hits)> {
        // In their order, those inside it follow it without a gap: of each of 100,000 entries this is asked.
        let mut inside = self.prefixes.range(*prefix..).take_while(|(other, _)| prefix.contains(other));
        if let Some((first, hits)) = inside.next() {
            let mut sum = *hits;
            let mut counted = *first;
            for (_, hits) in inside {
                counted = *prefix;
                sum.packets = sum.packets.saturating_add(hits.packets);
                sum.first_at = sum.first_at.min(hits.first_at);
                sum.last_at = sum.last_at.max(hits.last_at);
            }
            return Some((counted, sum));
        }
        prefix.around().find_map(|other| self.prefixes.get(&other).map(|hits| (other, *hits)))
    }
}

/// How much a counter grew, and notes how it stands. One that is lower than before began anew.
fn growth(noted: &mut u64, counter: u64) -> u64 {
    let more = if counter >= *noted { counter - *noted } else { counter };
    *noted = counter;
    more
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn elements(counters: &[(&str, u64)]) -> Vec<Element> {
        let element = |(prefix, packets): &(&str, u64)| Element {
            prefix: prefix.parse().unwrap(),
            counter: Counter { packets: *packets, bytes: 0 },
        };
        let mut elements: Vec<Element> = counters.iter().map(element).collect();
        elements.sort_unstable_by_key(|element| element.prefix);
        elements
    }

    /// Counts what the kernel counted by element.
    fn count(book: &mut Book, counters: &[(&str, u64)], boot: i64, now: i64) -> Changes {
        let elements = elements(counters);
        book.count(Some(Counted { elements: &elements, by_element: true, ..Counted::default() }), boot, now)
    }

    fn told(book: &Book) -> String {
        let prefixes: Vec<String> =
            book.prefixes.iter().map(|(prefix, hits)| format!("{prefix}={}", hits.packets)).collect();
        format!("{} of {}", prefixes.join(" "), book.total)
    }

    #[test]
    fn counters_add_up_through_growth_resets_boots_and_absence() {
        let mut book = Book::default();
        type Counters = &'static [(&'static str, u64)];
        let steps: [(Counters, i64, &str); 8] = [
            (&[("4.0.0.1", 3), ("4.0.0.2", 0)], 1, "4.0.0.1=3 of 3"),
            (&[("4.0.0.1", 3)], 1, "4.0.0.1=3 of 3"),
            (&[("4.0.0.1", 5), ("4.0.0.2", 2)], 1, "4.0.0.1=5 4.0.0.2=2 of 7"),
            // The table was made anew by somebody.
            (&[("4.0.0.1", 1), ("4.0.0.2", 2)], 1, "4.0.0.1=6 4.0.0.2=2 of 8"),
            // A boot: whatever the counters say is new.
            (&[("4.0.0.1", 4), ("4.0.0.2", 2)], 2, "4.0.0.1=10 4.0.0.2=4 of 14"),
            // Out of the set, and in again.
            (&[("4.0.0.2", 2)], 2, "4.0.0.1=10 4.0.0.2=4 of 14"),
            (&[("4.0.0.1", 7), ("4.0.0.2", 2)], 2, "4.0.0.1=17 4.0.0.2=4 of 21"),
            (&[], 2, "4.0.0.1=17 4.0.0.2=4 of 21"),
        ];
        for (now, (counters, boot, expected)) in (100..).zip(steps) {
            count(&mut book, counters, boot, now);
            assert_eq!(told(&book), expected, "at {now}");
        }
        assert_eq!(book.since, 100);
        let hits = book.prefixes[&"4.0.0.1".parse().unwrap()];
        assert_eq!((hits.first_at, hits.last_at), (100, 106));
    }

    #[test]
    fn a_prefix_is_forgotten_when_it_is_out_of_the_set_for_long_and_the_total_stays() {
        let mut book = Book::default();
        count(&mut book, &[("4.0.0.1", 3), ("4.0.0.2", 4)], 1, 100);
        let changes = count(&mut book, &[("4.0.0.1", 3)], 1, 101 + KEPT);
        assert_eq!(changes.forgotten, ["4.0.0.2".parse().unwrap()]);
        assert_eq!(told(&book), "4.0.0.1=3 of 7");
    }

    #[test]
    fn without_counters_by_prefix_the_rules_total_counts() {
        let mut book = Book::default();
        let elements = elements(&[("4.0.0.1", 0)]);
        let counted = |packets| {
            let total = Counter { packets, bytes: 0 };
            Some(Counted { elements: &elements, by_element: false, total })
        };
        book.count(counted(9), 1, 100);
        book.count(counted(12), 1, 101);
        assert_eq!(told(&book), " of 12");
    }

    #[test]
    fn an_unchanged_kernel_changes_nothing_in_the_book() {
        let mut book = Book::default();
        let held = [("4.0.0.1", 3)];
        assert_eq!(count(&mut book, &held, 1, 100).changed.len(), 1);
        assert_eq!(count(&mut book, &held, 1, 101), Changes::default());
        assert_eq!(book.count(None, 1, 102).changed.len(), 1);
        assert_eq!(book.count(None, 1, 103), Changes::default());
    }

    #[test]
    fn counters_that_somebody_restored_too_high_stay_at_the_highest_figure() {
        let mut book = Book::default();
        count(&mut book, &[("4.0.0.1", u64::MAX), ("4.0.0.2", u64::MAX)], 1, 100);
        count(&mut book, &[("4.0.0.1", 5), ("4.0.0.2", 5)], 1, 101);
        assert_eq!(book.total, u64::MAX);
        assert_eq!(book.of(&"4.0.0.0/30".parse().unwrap()).unwrap().1.packets, u64::MAX);
    }

    #[test]
    fn the_busiest_come_first_and_a_prefix_is_found_through_merging() {
        let mut book = Book::default();
        count(&mut book, &[("4.0.0.0/31", 5), ("4.0.0.4", 9), ("2a05::/64", 1)], 1, 100);
        let busiest: Vec<String> = book.busiest(2).iter().map(|(prefix, _)| prefix.to_string()).collect();
        assert_eq!(busiest, ["4.0.0.4", "4.0.0.0/31"]);
        let of = |prefix: &str| {
            book.of(&prefix.parse().unwrap()).map(|(prefix, hits)| format!("{prefix} {}", hits.packets))
        };
        assert_eq!(of("4.0.0.1").as_deref(), Some("4.0.0.0/31 5"));
        assert_eq!(of("4.0.0.0/29").as_deref(), Some("4.0.0.0/29 14"));
        assert_eq!(of("2a05::7").as_deref(), Some("2a05::/64 1"));
        assert_eq!(of("4.0.0.9"), None);
    }

    proptest! {
        #[test]
        fn as_long_as_counters_only_grow_the_book_says_what_they_say(
            growths in prop::collection::vec((0u64..4, 0u64..4), 1..20)
        ) {
            let mut book = Book::default();
            let (mut one, mut two) = (0, 0);
            for (more_one, more_two) in growths {
                one += more_one;
                two += more_two;
                count(&mut book, &[("4.0.0.1", one), ("4.0.0.2", two)], 1, 100);
                prop_assert_eq!(book.total, one + two);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_looked_up_is_what_a_look_at_all_finds(
            all in prop::collection::btree_map(crate::ban::cover::tests::crowded(), 1u64..9, 0..12),
            asked in crate::ban::cover::tests::crowded(),
        ) {
            let hits = |packets| Hits { packets, ..Hits::default() };
            let book = Book { prefixes: all.iter().map(|(p, n)| (*p, hits(*n))).collect(), ..Book::default() };
            let inside: u64 = all.iter().filter(|(p, _)| asked.contains(p)).map(|(_, n)| n).sum();
            let around = all.iter().rfind(|(p, _)| p.contains(&asked)).map(|(_, n)| *n);
            let found = book.of(&asked).map(|(_, hits)| hits.packets);
            prop_assert_eq!(found, if inside > 0 { Some(inside) } else { around });
        }
    }
}
