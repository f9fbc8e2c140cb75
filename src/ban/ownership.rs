//! Whose rows are whose, and who removed one.
//!
//! A row of ours that is gone was deleted by somebody, unless the whole table was restored from a backup. A number tells
//! the two apart: each change of ours counts it up in the saved state, then in the firewall's table together with the
//! rows. Equal numbers: nobody restored anything since. A row that is to go is forgotten in the saved state before it
//! goes from the table, and a new one counts only when the number shows that it came there, so that a run that is killed
//! anywhere between leaves nothing that looks like somebody's deletion, and hides nothing that is one.

use std::collections::BTreeSet;

use super::Prefix;
use super::plan::Present;

/// The rows that we wrote and have not removed, by key, as the saved state has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// All of them.
    pub keys: BTreeSet<String>,
    /// Those that were written through fwconsole and carry no mark.
    pub unmarked: BTreeSet<String>,
    /// Those that a run was writing when it ended, or removing through fwconsole.
    pub changing: BTreeSet<String>,
}

/// The number of the last change, in both places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// In the saved state.
    pub ledger: Option<i64>,
    /// In the firewall's table.
    pub table: Option<i64>,
    /// Whether a change was begun in the saved state and not finished.
    pub changing: bool,
}

impl Numbers {
    /// Whether the table has seen our last change. It has not when it was restored, or when a run was killed before it
    /// wrote its number there.
    pub fn are_level(&self) -> bool {
        self.ledger.is_none_or(|ledger| self.table == Some(ledger))
    }

    /// Whether rows that are missing from the table were deleted by somebody.
    pub fn follow(&self) -> bool {
        self.ledger.is_some() && (self.are_level() || self.is_cut_off())
    }

    /// Whether a run was killed after it noted its change in the saved state and before it made it in the table.
    fn is_cut_off(&self) -> bool {
        self.changing && self.ledger.is_some_and(|ledger| self.table == ledger.checked_sub(1))
    }

    /// The number of the next change. However often in a row one is cut off: the number that the table has not seen yet
    /// is the next one.
    ///
    /// A number that somebody else wrote may be the last that there is; then they begin anew.
    pub fn next(&self) -> i64 {
        let ledger = self.ledger.unwrap_or(0);
        if self.is_cut_off() {
            return ledger;
        }
        ledger.max(self.table.unwrap_or(0)).checked_add(1).unwrap_or(1)
    }

    /// Whether the saved state is new, or older than the table: it was lost, or restored. Rows through fwconsole carry
    /// no number; there it is new when it does not know the rows that are there.
    pub fn are_lost(&self, rows: &BTreeSet<String>, written: &Written) -> bool {
        let ledger = self.ledger.unwrap_or(0);
        let unknown = ledger == 0 && !rows.is_subset(&written.keys);
        !self.changing && (self.table.unwrap_or(0) > ledger || unknown)
    }
}

/// How rows are written, which decides what can be known of a missing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// In the database, with a number.
    Numbers(Numbers),
    /// Through fwconsole, without one: when most rows are gone at once, the table was restored or emptied.
    Count,
}

/// Rows of ours that somebody deleted: we wrote them, they are gone, and nobody wrote them again.
pub fn deleted_by_hand(written: &Written, present: &Present, evidence: Evidence) -> Vec<Prefix> {
    // What a run was writing or removing when it ended is nobody's deletion, unless it is known to have been there.
    let settled: BTreeSet<&String> = match evidence {
        Evidence::Numbers(numbers) if numbers.are_level() => {
            let open = &written.unmarked & &written.changing;
            written.keys.iter().filter(|key| !open.contains(*key)).collect()
        }
        _ => written.keys.difference(&written.changing).collect(),
    };
    let gone: Vec<&String> = settled.iter().filter(|key| !present.ours.contains(**key)).copied().collect();
    let believed = match evidence {
        Evidence::Numbers(numbers) => numbers.follow(),
        Evidence::Count => gone.len() <= settled.len() / 2 + 20,
    };
    if !believed {
        return Vec::new();
    }
    let others: BTreeSet<&str> = present.others.iter().map(|row| row.key.as_str()).collect();
    gone.into_iter().filter(|key| !others.contains(key.as_str())).filter_map(|key| key.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::plan::OtherRow;

    fn numbers(ledger: i64, table: i64, changing: bool) -> Numbers {
        let some = |number| (number >= 0).then_some(number);
        Numbers { ledger: some(ledger), table: some(table), changing }
    }

    fn keys(keys: &[&str]) -> BTreeSet<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn the_numbers_tell_a_restored_table_from_one_that_a_killed_run_did_not_reach() {
        // ledger, table (-1: none), changing: level, follow, next
        let table = [
            ((-1, -1, false), true, false, 1),
            ((5, 5, false), true, true, 6),
            ((5, 5, true), true, true, 6),
            // Killed between the two: the same number again.
            ((5, 4, true), false, true, 5),
            // Restored.
            ((5, 4, false), false, false, 6),
            ((5, 3, true), false, false, 6),
            ((5, -1, false), false, false, 6),
            ((5, 9, false), false, false, 10),
            ((-1, 9, false), true, false, 10),
        ];
        for ((ledger, table, changing), level, follow, next) in table {
            let numbers = numbers(ledger, table, changing);
            let seen = (numbers.are_level(), numbers.follow(), numbers.next());
            assert_eq!(seen, (level, follow, next), "{numbers:?}");
        }
    }

    #[test]
    fn a_saved_state_that_is_behind_the_table_or_does_not_know_its_rows_is_lost() {
        let rows = keys(&["45.0.0.1"]);
        let (knows, new) = (Written { keys: rows.clone(), ..Written::default() }, Written::default());
        let table = [
            (numbers(-1, -1, false), &new, true),
            // By fwconsole: no number anywhere, but the row is known.
            (numbers(-1, -1, false), &knows, false),
            (numbers(4, 5, false), &knows, true),
            (numbers(4, 5, true), &knows, false),
            (numbers(5, 5, false), &new, false),
            (numbers(6, 5, false), &knows, false),
        ];
        for (numbers, written, lost) in table {
            assert_eq!(numbers.are_lost(&rows, written), lost, "{numbers:?} {written:?}");
        }
        assert!(!numbers(-1, -1, false).are_lost(&BTreeSet::new(), &new), "nothing is there to be lost");
    }

    #[test]
    fn a_row_that_is_gone_was_deleted_unless_a_run_was_changing_it_or_the_table_was_restored() {
        let all = keys(&["45.0.0.1", "45.0.0.2", "45.0.0.3"]);
        let written = |unmarked: &[&str], changing: &[&str]| Written {
            keys: all.clone(),
            unmarked: keys(unmarked),
            changing: keys(changing),
        };
        let present = Present {
            ours: keys(&["45.0.0.1"]),
            others: vec![OtherRow { key: "45.0.0.3".to_owned(), prefixes: Vec::new() }],
        };
        let deleted = |written: &Written, evidence| deleted_by_hand(written, &present, evidence);
        let gone: Vec<Prefix> = vec!["45.0.0.2".parse().unwrap()];
        let none: Vec<Prefix> = Vec::new();
        let level = Evidence::Numbers(numbers(5, 5, false));
        let restored = Evidence::Numbers(numbers(5, 4, false));
        let cut_off = Evidence::Numbers(numbers(5, 4, true));
        let table = [
            (written(&[], &[]), level, &gone),
            (written(&[], &[]), Evidence::Count, &gone),
            (written(&[], &[]), restored, &none),
            (written(&[], &[]), cut_off, &gone),
            // On its way when the run ended: with a number that came there it was there, else nobody knows.
            (written(&[], &["45.0.0.2"]), level, &gone),
            (written(&[], &["45.0.0.2"]), cut_off, &none),
            (written(&["45.0.0.2"], &["45.0.0.2"]), level, &none),
            (written(&[], &["45.0.0.2"]), Evidence::Count, &none),
        ];
        for (written, evidence, expected) in table {
            assert_eq!(deleted(&written, evidence), *expected, "{written:?} {evidence:?}");
        }
    }

    #[test]
    fn when_most_rows_are_gone_at_once_nobody_deleted_them_one_by_one() {
        let all: BTreeSet<String> = (0..100).map(|n| format!("45.0.0.{n}")).collect();
        let written = Written { keys: all.clone(), ..Written::default() };
        let left = |kept: usize| Present { ours: all.iter().take(kept).cloned().collect(), others: vec![] };
        assert_eq!(deleted_by_hand(&written, &left(30), Evidence::Count).len(), 70);
        assert_eq!(deleted_by_hand(&written, &left(29), Evidence::Count).len(), 0);
    }
}
