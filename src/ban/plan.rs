//! The plan: from what is wanted and what is there to the rows to write and to take away.
//!
//! The plan is a pure function of its input. `--dry-run` prints the very plan that a run carries out, and a run
//! whose plan changes nothing writes nothing.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use super::cover::Gathering;
use super::never_block::{NeverBlock, Verdict};
use super::{Cover, Prefix};

/// What the firewall enforces its blacklist with. It decides what a row can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// FreePBX 15 to 17: every row is a linear rule and a process; IPv6 rows are never enforced; prefixes shorter
    /// than /8 are ignored.
    Iptables,
    /// FreePBX 18: sets of both families, replaced whole; one overlap among the rows stops every update.
    Nftables,
}

impl Driver {
    /// Whether the firewall acts on a row of this prefix.
    pub fn enforces(self, prefix: &Prefix) -> bool {
        match self {
            Self::Iptables => prefix.is_ipv4() && prefix.length() >= SHORTEST_ROW,
            Self::Nftables => true,
        }
    }
}

/// The module ignores rows shorter than this: a merged prefix that is shorter is written in parts.
const SHORTEST_ROW: u8 = 8;

/// A prefix that at least one enabled feed asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What is to be blocked.
    pub prefix: Prefix,
    /// Place of its foremost feed in the configuration, 0 first.
    pub priority: u16,
    /// Its latest sighting, seconds since 1970.
    pub last_seen: i64,
}

/// A row that is not ours: the administrator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherRow {
    /// The row as he wrote it: an address, a network or a host name.
    pub key: String,
    /// What it blocks: itself, or what the name resolves to.
    pub prefixes: Vec<Prefix>,
}

/// The blacklist as it is.
#[derive(Debug, Clone, Default)]
pub struct Present {
    /// Keys of the rows that carry our mark.
    pub ours: BTreeSet<String>,
    /// The administrator's rows.
    pub others: Vec<OtherRow>,
}

/// What rules the plan besides the prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How the firewall enforces its rows.
    pub driver: Driver,
    /// Rows of ours at most.
    pub limit: usize,
    /// Whether neighbours are merged, losslessly.
    pub aggregate: bool,
    /// Whether a row can block IPv6.
    pub ipv6: bool,
}

/// What becomes of one wanted prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Blocked by a row of ours, with its key (the first one, where never-block carved it into several).
    Row(String),
    /// Blocked by a row of the administrator's, with its key.
    YourRow(String),
    /// Never-block refuses it, with the reason.
    Protected(String),
    /// An administrator took it out.
    Unblocked,
    /// It did not fit the limit.
    OverLimit,
    /// No row can block it: IPv6 with the iptables driver, or written through fwconsole.
    NotByRow,
    /// No enabled feed asks for it any more.
    NotWanted,
}

/// What to do, and what becomes of each prefix. Made by [`Plan::new`].
#[derive(Debug)]
pub struct Plan {
    /// Keys of rows to write.
    pub add: Vec<String>,
    /// Keys of rows of ours to take away.
    pub remove: Vec<String>,
    /// How many rows of ours stay as they are.
    pub kept: usize,
    /// How many rows are the administrator's.
    pub others: usize,
    /// Wanted prefixes that never-block refuses, with the reason, in the order given.
    pub protected: Vec<(Prefix, String)>,
    /// How many prefixes found no room under the limit.
    pub over_limit: usize,
    /// How many prefixes the driver cannot block by a row.
    pub not_by_row: usize,
    /// How many wanted prefixes are unblocked whole.
    pub unblocked_prefixes: usize,
    /// How many prefixes are wanted.
    pub wanted_prefixes: usize,
    /// All rows of ours after this plan, in order.
    pub rows: Vec<Prefix>,
    /// All that is to be blocked, merged and in order, both families: what is wanted without what never-block and the
    /// releases take out. Neither the limit, the driver nor the administrator's rows matter for it: this is what the
    /// set holds.
    pub blocked: Vec<Prefix>,
    ipv6: bool,
    other_rows: Vec<OtherRow>,
    foreign_cover: Cover,
    unblocked: Cover,
    wanted: Cover,
}

/// A wanted piece that may become a row, with what decides its place in the queue.
#[derive(Clone, Copy)]
struct Candidate {
    priority: u16,
    /// Seconds since 1970, as far as 32 bits go: there may be millions of these.
    last_seen: u32,
    prefix: Prefix,
}

impl Plan {
    /// Judges every wanted prefix and compares the outcome with what is there. `released` are the prefixes that an
    /// administrator took out; they are carved out of what is wanted, for one row may hold several merged prefixes.
    pub fn new<W: Borrow<Wanted>>(
        wanted: impl IntoIterator<Item = W>,
        never_block: &NeverBlock,
        unblocked: &[Prefix],
        present: &Present,
        policy: Policy,
    ) -> Self {
        let unblocked = Cover::new(unblocked);
        let effective: Vec<Prefix> = present
            .others
            .iter()
            .flat_map(|row| row.prefixes.iter().copied())
            .filter(|prefix| policy.driver.enforces(prefix))
            .collect();
        let foreign_cover = Cover::new(&effective);
        let mut protected = Vec::new();
        let mut candidates = Vec::new();
        let (mut not_by_row, mut wanted_prefixes, mut unblocked_prefixes) = (0, 0, 0);
        let (mut all, mut blocked) = (Gathering::default(), Gathering::default());
        for want in wanted {
            let want = want.borrow();
            all.add(&want.prefix);
            wanted_prefixes += 1;
            let pieces = match never_block.judge(&want.prefix) {
                Verdict::Free => vec![want.prefix],
                Verdict::Carved(pieces) => pieces,
                Verdict::Protected(protection) => {
                    protected.push((want.prefix, protection.to_string()));
                    continue;
                }
            };
            let pieces: Vec<Prefix> = pieces.iter().flat_map(|piece| unblocked.carve(piece)).collect();
            if pieces.is_empty() {
                unblocked_prefixes += 1;
                continue;
            }
            for piece in &pieces {
                blocked.add(piece);
            }
            if !policy.ipv6 && !want.prefix.is_ipv4() {
                not_by_row += 1;
                continue;
            }
            let last_seen = u32::try_from(want.last_seen.max(0)).unwrap_or(u32::MAX);
            let pieces = pieces.iter().flat_map(|piece| foreign_cover.carve(piece));
            candidates.extend(pieces.map(|prefix| Candidate { priority: want.priority, last_seen, prefix }));
        }
        let (rows, over_limit) = choose(candidates, policy);
        let keys: BTreeSet<String> = rows.iter().map(Prefix::to_string).collect();
        let add: Vec<String> =
            rows.iter().map(Prefix::to_string).filter(|key| !present.ours.contains(key)).collect();
        let remove: Vec<String> = present.ours.iter().filter(|key| !keys.contains(*key)).cloned().collect();
        Self {
            kept: present.ours.len() - remove.len(),
            others: present.others.len(),
            ipv6: policy.ipv6,
            other_rows: present.others.clone(),
            wanted: all.done(),
            add,
            remove,
            protected,
            over_limit,
            not_by_row,
            unblocked_prefixes,
            wanted_prefixes,
            rows,
            blocked: blocked.done().prefixes(),
            foreign_cover,
            unblocked,
        }
    }

    /// Whether the blacklist already is as it should be.
    pub fn changes_nothing(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// What becomes of a prefix under this plan. `never_block` must be the one it was made with.
    pub fn fate(&self, prefix: &Prefix, never_block: &NeverBlock) -> Fate {
        if let Some(row) = self.row(prefix) {
            return Fate::Row(row.to_string());
        }
        if self.foreign_cover.contains(prefix) {
            let by = |row: &&OtherRow| row.prefixes.iter().any(|p| p.contains(prefix));
            let row = self.other_rows.iter().find(by).or(self.other_rows.first());
            return Fate::YourRow(row.map(|row| row.key.clone()).unwrap_or_default());
        }
        match never_block.judge(prefix) {
            Verdict::Protected(protection) => Fate::Protected(protection.to_string()),
            _ if self.unblocked.overlaps(prefix) => Fate::Unblocked,
            _ if !self.wanted.overlaps(prefix) => Fate::NotWanted,
            _ if !self.ipv6 && !prefix.is_ipv4() => Fate::NotByRow,
            _ => Fate::OverLimit,
        }
    }

    /// The row of ours that holds the prefix, or the first one inside it.
    fn row(&self, prefix: &Prefix) -> Option<&Prefix> {
        let (first, last) = prefix.bounds();
        let before = |row: &Prefix| (!row.is_ipv4(), row.bounds().1) < (!prefix.is_ipv4(), first);
        let row = self.rows.get(self.rows.partition_point(before))?;
        (row.is_ipv4() == prefix.is_ipv4() && row.bounds().0 <= last).then_some(row)
    }
}

/// The rows under the limit: feeds in their order, the newest sighting first. Returns the rows in order and how
/// many candidates were left out.
fn choose(mut candidates: Vec<Candidate>, policy: Policy) -> (Vec<Prefix>, usize) {
    let merge = |some: &[Candidate]| rows_of(some.iter().map(|candidate| candidate.prefix), policy);
    // Of far too many it is enough to know that; merged, millions of them would have to be held once more.
    let too_many = policy.aggregate
        && Cover::new(candidates.iter().map(|candidate| &candidate.prefix)).is_more_than(policy.limit);
    if !too_many {
        let rows = merge(&candidates);
        if rows.len() <= policy.limit {
            return (rows, 0);
        }
    }
    candidates.sort_unstable_by(|a, b| {
        (a.priority, b.last_seen, a.prefix).cmp(&(b.priority, a.last_seen, b.prefix))
    });
    candidates.dedup_by_key(|candidate| candidate.prefix);
    // Merging makes room for more, and the room is filled until a round brings nothing. Going on with the next in
    // the queue can only add rows up to the number taken, so the limit is never passed.
    let mut taken = policy.limit.min(candidates.len());
    let mut rows = merge(&candidates[..taken]);
    loop {
        let more = (taken + policy.limit.saturating_sub(rows.len())).min(candidates.len());
        if more == taken {
            break;
        }
        let next = merge(&candidates[..more]);
        if next.len() > policy.limit {
            break;
        }
        (taken, rows) = (more, next);
    }
    let cover = Cover::new(&rows);
    let left_out = candidates[taken..].iter().filter(|c| !cover.contains(&c.prefix)).count();
    (rows, left_out)
}

/// Rows that hold exactly the prefixes and do not overlap: merged, or each as it is but without those inside
/// another.
fn rows_of(prefixes: impl Iterator<Item = Prefix>, policy: Policy) -> Vec<Prefix> {
    let mut all: Vec<Prefix> = prefixes.collect();
    if policy.aggregate {
        all = Cover::new(&all).prefixes();
    } else {
        // In this order a network stands before all that lies in it.
        all.sort_unstable_by_key(|prefix| (!prefix.is_ipv4(), prefix.bounds().0, prefix.length()));
        all.dedup_by(|inner, outer| outer.contains(inner));
    }
    all.into_iter().flat_map(long_enough).collect()
}

/// A prefix in parts that the module does not ignore for their shortness.
fn long_enough(prefix: Prefix) -> Vec<Prefix> {
    if prefix.length() >= SHORTEST_ROW {
        return vec![prefix];
    }
    match prefix.net().subnets(SHORTEST_ROW) {
        Ok(parts) => parts.map(Prefix::new).collect(),
        Err(_) => vec![prefix],
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
