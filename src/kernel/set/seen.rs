//! What root saw when it last read the set back. Reading is what costs: nft takes longer to print 100,000 elements than to
//! load them. As long as the kernel says that nobody changed any table since, the set is what it was.
//!
//! A note is made only of what was read, never of what was written: somebody else may have changed it in between. It
//! stands in root's directory beside the saved copy.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use super::{Desired, saved};
use crate::ban::hits::Backend;
use crate::kernel::generation;
use crate::system::machine;

/// Counters are read again after so long, in seconds,
const READ_AGAIN: i64 = 120;
/// and a second more for so many elements, for they take so much longer to read,
const ELEMENTS_A_SECOND: usize = 300;
/// but after so long in any case.
const READ_AT_LAST: i64 = 900;

/// Where and when: which tables of which machine, in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) struct Moment {
    /// This boot, and this container.
    place: u64,
    generation: u32,
}

impl Moment {
    /// Now; none where the kernel cannot say.
    pub(in crate::kernel) fn now() -> Option<Self> {
        Some(Self { place: place(), generation: generation::of_tables()? })
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x} {}", self.place, self.generation)
    }
}

/// A number for this boot and these namespaces: another kernel or another container counts from the beginning.
fn place() -> u64 {
    let first = fs::read_to_string("/proc/1/stat").unwrap_or_default();
    // When the first process began, the 22nd field; its name in brackets may have blanks.
    let began = first.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19)).map(str::to_owned);
    let network = fs::read_link("/proc/self/ns/net").ok();
    hash(&(machine::boot(), began, network))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn digest(desired: &Desired) -> u64 {
    hash(&(&desired.blocked, &desired.pass, desired.action))
}

/// What was noted: where and when, a digest of what the kernel held, and the time in seconds since 1970.
pub(super) struct Seen {
    moment: Moment,
    digest: u64,
    at: i64,
}

impl Seen {
    /// The note; none where there is none that can be read.
    pub(super) fn load(directory: &Path) -> Option<Self> {
        let note = saved::load_note(directory)?;
        let mut words = note.split_whitespace();
        let seen = Self {
            moment: Moment {
                place: u64::from_str_radix(words.next()?, 16).ok()?,
                generation: words.next()?.parse().ok()?,
            },
            digest: u64::from_str_radix(words.next()?, 16).ok()?,
            at: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(seen)
    }

    /// Whether the kernel held exactly this.
    pub(super) fn is_of(&self, desired: &Desired) -> bool {
        self.digest == digest(desired)
    }

    /// The state of the tables, if nobody changed any since; none otherwise.
    pub(super) fn generation(&self) -> Option<u32> {
        (Moment::now()? == self.moment).then_some(self.moment.generation)
    }
}

/// Notes that the kernel held exactly this at `moment`, at the time `now` in seconds since 1970.
pub(super) fn note(directory: &Path, moment: Moment, desired: &Desired, now: i64) {
    let Moment { place, generation } = moment;
    // Without the note the next run reads.
    let _ =
        saved::save_note(directory, &format!("{place:016x} {generation} {:016x} {now}\n", digest(desired)));
}

/// Whether the kernel holds exactly this still: it did when it was last read, and nobody changed any table since. False
/// also where counters are to be read again.
pub fn is_still(directory: &Path, desired: &Desired, now: i64) -> bool {
    let elements = i64::try_from(desired.blocked.len() / ELEMENTS_A_SECOND).unwrap_or(READ_AT_LAST);
    let counts = READ_AGAIN.saturating_add(elements).min(READ_AT_LAST);
    Seen::load(directory).is_some_and(|seen| {
        let is_lately = (seen.at..seen.at.saturating_add(counts)).contains(&now);
        is_lately
            && saved::is_there(directory, Backend::Nft)
            && seen.is_of(desired)
            && seen.generation().is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ban::Prefix;

    fn desired(blocked: &[&str]) -> Desired {
        let blocked: Vec<Prefix> = blocked.iter().map(|text| text.parse().unwrap()).collect();
        Desired::of(&blocked, &[])
    }

    #[test]
    fn what_was_seen_counts_for_this_content_these_tables_and_not_for_long() {
        let Some(moment) = Moment::now() else { return assert!(!rustix::process::geteuid().is_root()) };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let (one, other) = (desired(&["45.0.0.1"]), desired(&["45.0.0.2"]));
        assert!(!is_still(path, &one, 1_000), "nothing was noted");
        note(path, moment, &one, 1_000);
        assert!(!is_still(path, &one, 1_000), "no saved copy for the next boot");
        saved::save(path, Backend::Nft, "x").unwrap();
        // Whoever changes tables of this machine meanwhile makes it false, which is what it is for.
        let unchanged = || Moment::now() == Some(moment);
        assert!(is_still(path, &one, 1_000) || !unchanged());
        assert!(is_still(path, &one, 1_119) || !unchanged());
        assert!(!is_still(path, &one, 1_120), "counters are read again");
        assert!(!is_still(path, &one, 999), "a clock that was ahead");
        assert!(!is_still(path, &other, 1_000));
        for elsewhere in [
            Moment { generation: moment.generation.wrapping_sub(1), ..moment },
            Moment { place: moment.place ^ 1, ..moment },
        ] {
            note(path, elsewhere, &one, 1_000);
            assert!(!is_still(path, &one, 1_000));
        }
        for text in ["", "x", "1 2 3", "\u{0} 7"] {
            saved::save_note(path, text).unwrap();
            assert!(!is_still(path, &one, 1_000), "{text}");
        }
    }
}
