//! The set: a second place that blocks, beside the rows of the firewall's blacklist.
//!
//! Every row costs the iptables driver a linear rule and a process, IPv6 rows do nothing there, and a restart of the
//! firewall leaves the PBX open until all rows are loaded again. So root also keeps all that is wanted in sets of its
//! own in the kernel, which the module never touches (it flushes the tables `filter` and `nat` only, and rebuilds
//! `inet fpbx` only): one look-up for a packet, whatever the size, both families, and no gap in a restart.
//!
//! There are two ways to it: [`nft`](nft) is preferred, [`ipset`](ipset) is for kernels and distributions without a
//! usable nft (EL7). [`Set::open`] chooses, the same every time as long as the system is the same, and reads what the
//! kernel holds: that, and no memory of ours, is what [`Set::bring`] compares with.

use std::path::Path;

use crate::ban::hits::{Backend, Counted, Counter, Element};
use crate::ban::permit::Action;
use crate::ban::plan::Plan;
use crate::ban::{Cover, NeverBlock, Prefix};
use crate::system::exit::Exit;
use crate::system::failure::Classify;

use crate::system::program::{ProgramError, Programs};
use seen::Moment;

pub(in crate::kernel) mod elements;
mod ipset;
mod nft;
pub(in crate::kernel) mod saved;
pub(in crate::kernel) mod seen;

pub use seen::is_still;

/// Where the saved copy is, for [`load_saved`] early at boot.
pub const DIRECTORY: &str = "/var/lib/banbridge";

/// What the set should hold: both lists merged, in order, without overlap of any kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    blocked: Vec<Prefix>,
    pass: Vec<Prefix>,
    action: Action,
}

impl Desired {
    /// What a plan blocks, who passes first, and what becomes of the packets.
    pub fn new(plan: &Plan, never_block: &NeverBlock, action: Action) -> Self {
        Self { action, ..Self::of(&plan.blocked, &never_block.prefixes()) }
    }

    /// The same from any prefixes: merged, and what passes is taken out of what is blocked.
    pub fn of(blocked: &[Prefix], pass: &[Prefix]) -> Self {
        let pass = Cover::new(pass);
        let blocked: Vec<Prefix> = blocked.iter().flat_map(|prefix| pass.carve(prefix)).collect();
        Self { blocked: Cover::new(&blocked).prefixes(), pass: pass.prefixes(), action: Action::default() }
    }

    /// What is blocked, in order.
    pub fn blocked(&self) -> &[Prefix] {
        &self.blocked
    }

    /// Who passes first, in order.
    pub fn pass(&self) -> &[Prefix] {
        &self.pass
    }
}

/// What the kernel holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Blocked prefixes, in order.
    pub blocked: Vec<Element>,
    /// Prefixes that pass first, in order.
    pub pass: Vec<Prefix>,
    /// Whether each prefix has a counter; without, there is only the total.
    pub counts: bool,
    /// All that was blocked, as far as the rules count it.
    pub total: Counter,
    /// What does not work, in words.
    pub notes: Vec<String>,
    /// What the rules do with packets; none where there is no choice (ipset drops).
    pub(crate) action: Option<Action>,
    /// Whether rules and sets have our shape: if not, they are made anew whatever they hold.
    pub(crate) intact: bool,
}

impl Held {
    /// Puts the elements in order, as all comparisons need them.
    fn sort(&mut self) {
        self.blocked.sort_unstable_by_key(|element| element.prefix);
        self.pass.sort_unstable();
    }

    /// What the kernel counted.
    pub fn counted(&self) -> Counted<'_> {
        Counted { elements: &self.blocked, by_element: self.counts, total: self.total }
    }

    /// The blocked prefix that holds all of another one.
    pub fn find(&self, prefix: &Prefix) -> Option<&Element> {
        // They do not overlap, so only the last that does not stand behind it can hold it.
        let after = self.blocked.partition_point(|element| element.prefix <= *prefix);
        self.blocked[..after].last().filter(|element| element.prefix.contains(prefix))
    }

    /// Whether it blocks and lets pass exactly what it should, however it is cut into prefixes.
    pub fn holds_exactly(&self, desired: &Desired) -> bool {
        let same = |held: &mut dyn Iterator<Item = Prefix>, wanted: &[Prefix]| {
            let held: Vec<Prefix> = held.collect();
            held == wanted || Cover::new(&held).prefixes() == wanted
        };
        self.intact
            && self.action.is_none_or(|action| action == desired.action)
            && same(&mut self.blocked.iter().map(|element| element.prefix), &desired.blocked)
            && same(&mut self.pass.iter().copied(), &desired.pass)
    }

    /// What was blocked of exactly this prefix so far.
    fn counter(&self, prefix: &Prefix) -> Counter {
        let at = self.blocked.binary_search_by_key(prefix, |element| element.prefix);
        at.map(|at| self.blocked[at].counter).unwrap_or_default()
    }
}

/// What [`Set::bring`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// Prefixes that the set blocks now.
    pub size: usize,
    /// How many of them it did not hold before.
    pub added: usize,
    /// How many it held before and does not any more.
    pub removed: usize,
    /// Whether anything was written; not when the kernel held all of it already.
    #[serde(skip)]
    pub wrote: bool,
    /// What could not be done, in words; the set is in force all the same.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// Why there is no set.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// Neither nft nor ipset can be used.
    #[error("neither nft nor ipset can be used: {nft}; {ipset}")]
    NoMeans {
        /// What is wrong with nft.
        nft: String,
        /// What is wrong with ipset.
        ipset: String,
    },
    /// Only root may look into the kernel.
    #[error("the kernel's packet filter needs root: {0}")]
    Denied(String),
    /// A program that could be used before failed now.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A program printed what we cannot read.
    #[error("{0} prints what cannot be read ({1}); please report this with the version of {0}")]
    Unreadable(&'static str, String),
    /// The saved copy cannot be written or read.
    #[error("the set's saved copy in {0}: {1}")]
    Saved(String, std::io::Error),
}

impl Classify for SetError {
    fn exit(&self) -> Exit {
        match self {
            Self::Denied(_) => Exit::Denied,
            Self::NoMeans { .. } | Self::Program(_) | Self::Unreadable(..) => Exit::Unreachable,
            Self::Saved(..) => Exit::Io,
        }
    }
}

impl SetError {
    /// Whether a right is missing.
    pub(in crate::kernel) fn of(error: ProgramError) -> Self {
        match error {
            ProgramError::Failed(name, complaint) if is_denied(&complaint) => {
                Self::Denied(format!("{name}: {complaint}"))
            }
            error => Self::Program(error),
        }
    }
}

fn is_denied(complaint: &str) -> bool {
    let complaint = complaint.to_lowercase();
    ["operation not permitted", "permission denied", "must be root"]
        .iter()
        .any(|what| complaint.contains(what))
}

/// Why one of the two ways cannot be used.
enum Unusable {
    /// Not on this system: the other way is tried.
    Here(String),
    /// An error that the other way would not mend.
    Error(SetError),
}

impl From<ProgramError> for Unusable {
    fn from(error: ProgramError) -> Self {
        match SetError::of(error) {
            SetError::Program(error @ (ProgramError::Missing(_) | ProgramError::Failed(..))) => {
                Self::Here(error.to_string())
            }
            error => Self::Error(error),
        }
    }
}

/// The set as it was found.
pub struct Set<'a> {
    programs: &'a dyn Programs,
    directory: &'a Path,
    backend: Backend,
    why_not_nft: Option<String>,
    held: Option<Held>,
    /// When the kernel was read, in its own count.
    moment: Option<Moment>,
}

impl<'a> Set<'a> {
    /// Chooses the way and reads what the kernel holds. `directory` is where the saved copy goes: [`DIRECTORY`].
    pub fn open(programs: &'a dyn Programs, directory: &'a Path) -> Result<Self, SetError> {
        // Before it is read: who changes it meanwhile makes the note one of the past.
        let moment = Moment::now();
        let found =
            |backend, why_not_nft, held| Self { programs, directory, backend, why_not_nft, held, moment };
        let why_not_nft = match nft::open(programs) {
            Ok(held) => return Ok(found(Backend::Nft, None, held)),
            Err(Unusable::Error(error)) => return Err(error),
            Err(Unusable::Here(why)) => why,
        };
        match ipset::open(programs) {
            Ok(held) => Ok(found(Backend::Ipset, Some(why_not_nft), held)),
            Err(Unusable::Error(error)) => Err(error),
            Err(Unusable::Here(ipset)) => Err(SetError::NoMeans { nft: why_not_nft, ipset }),
        }
    }

    /// The way that was chosen.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Why it is not nft, when it is not.
    pub fn why_not_nft(&self) -> Option<&str> {
        self.why_not_nft.as_deref()
    }

    /// What the kernel holds; none when nothing of ours is there.
    pub fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Makes the kernel hold exactly this, in one step: a packet meets the old content or the new. Writes nothing
    /// when it does already. `now` is in seconds since 1970.
    pub fn bring(&self, desired: &Desired, now: i64) -> Result<Outcome, SetError> {
        let none = Held::default();
        let held = self.held.as_ref().unwrap_or(&none);
        let (added, removed) = difference(held, desired);
        let mut outcome = Outcome { size: desired.blocked.len(), added, removed, ..Outcome::default() };
        // Left over from a time when nft could not be used: it would go on refusing what it holds.
        if self.backend == Backend::Nft
            && let Err(error) = ipset::remove(self.programs)
        {
            outcome.notes.push(format!("sets of ipset from before cannot be removed: {error}"));
        }
        if self.held.is_some() && held.holds_exactly(desired) {
            outcome.notes.extend(held.notes.iter().cloned());
            if !saved::is_there(self.directory, self.backend) {
                let notes = &mut outcome.notes;
                self.save(&self.saved_copy(desired, held.counts || self.backend == Backend::Ipset), notes);
            }
            if let (Some(moment), Backend::Nft, true) = (self.moment, self.backend, outcome.notes.is_empty())
            {
                seen::note(self.directory, moment, desired, now);
            }
            return Ok(outcome);
        }
        outcome.wrote = true;
        match self.backend {
            Backend::Nft => nft::replace(self, desired, held, &mut outcome.notes)?,
            Backend::Ipset => ipset::replace(self, desired, held, &mut outcome.notes)?,
        }
        Ok(outcome)
    }

    fn saved_copy(&self, desired: &Desired, counts: bool) -> String {
        match self.backend {
            Backend::Nft => nft::script(desired, &Held { counts, ..Held::default() }),
            Backend::Ipset => ipset::whole(desired, counts),
        }
    }

    /// Saves a copy before the kernel gets it: killed in between, the next run finds the kernel different and writes
    /// both again. A copy that cannot be saved keeps no packet in.
    fn save(&self, text: &str, notes: &mut Vec<String>) {
        if let Err(error) = saved::save(self.directory, self.backend, text) {
            notes.push(format!("{error}; until this is fixed, the kernel set does not block early at boot"));
        }
    }
}

/// From so many elements on a few are changed and not all replaced.
const LARGE: usize = 20_000;
/// A change of at most so much of it, one in.
const FEW: usize = 4;

/// Changes a large set where only few of its elements are others, and where the kernel is known to hold what it was last
/// brought to: reading it back first, for the counters, takes longer than replacing all. None where that is not so, or did
/// not work: then [`Set::bring`] does it. What came of it the next run reads back.
pub fn change_a_few(directory: &Path, desired: &Desired) -> Option<Outcome> {
    if desired.blocked.len() < LARGE {
        return None;
    }
    // Before the copy is read: mostly it is the counters alone that are to be read again.
    let seen = seen::Seen::load(directory).filter(|seen| !seen.is_of(desired))?;
    let generation = seen.generation()?;
    let (Backend::Nft, script) = saved::load(directory).ok()?? else { return None };
    let (before, counts) = nft::read(&script)?;
    drop(script);
    if !seen.is_of(&before) {
        return None;
    }
    // The kernel's sets begin with an end at 0, which an element there would meet.
    if [&before, desired].iter().any(|all| all.blocked.iter().any(|prefix| prefix.bounds().0 == 0)) {
        return None;
    }
    let (added, removed) =
        (missing(&desired.blocked, &before.blocked), missing(&before.blocked, &desired.blocked));
    let changes = added.len() + removed.len();
    if before.pass != desired.pass
        || before.action != desired.action
        || changes == 0
        || changes * FEW > desired.blocked.len()
    {
        return None;
    }
    // Before the kernel: killed in between, the note is not that of this copy, and the next run does it all.
    saved::save(directory, Backend::Nft, &nft::script(desired, &Held { counts, ..Held::default() })).ok()?;
    nft::update(&removed, &added, generation).ok()?;
    let (added, removed) = (added.len(), removed.len());
    Some(Outcome { size: desired.blocked.len(), added, removed, wrote: true, notes: Vec::new() })
}

/// What of the first list the second does not have. Both are in order.
fn missing(all: &[Prefix], there: &[Prefix]) -> Vec<Prefix> {
    all.iter().filter(|prefix| there.binary_search(prefix).is_err()).copied().collect()
}

/// How many prefixes come and go. Both lists are in order.
fn difference(held: &Held, desired: &Desired) -> (usize, usize) {
    let kept = desired
        .blocked
        .iter()
        .filter(|prefix| held.blocked.binary_search_by_key(*prefix, |element| element.prefix).is_ok())
        .count();
    (desired.blocked.len() - kept, held.blocked.len() - kept)
}

/// Removes everything of ours from the kernel, both ways, and the saved copies. True when there was anything.
pub fn remove(programs: &dyn Programs, directory: &Path) -> Result<bool, SetError> {
    let saved = saved::remove(directory)?;
    let nft = nft::remove(programs)?;
    let ipset = ipset::remove(programs)?;
    Ok(saved || nft || ipset)
}

/// Loads the saved copy, early at boot, when the database is not up yet. Returns the way it was loaded by; none when
/// nothing is saved, or when the kernel holds a set of ours already, which is never older.
pub fn load_saved(programs: &dyn Programs, directory: &Path) -> Result<Option<Backend>, SetError> {
    let Some((backend, text)) = saved::load(directory)? else { return Ok(None) };
    let loaded = match backend {
        Backend::Nft => nft::load(programs, &text)?,
        Backend::Ipset => ipset::load(programs, text)?,
    };
    Ok(loaded.then_some(backend))
}
