//! The permit list in the kernel: at some ports, only who is on it gets in. A table of its own beside the kernel set's, so
//! that neither waits for the other; it stands behind it, and what the set blocks is blocked whatever this one holds.
//!
//! Whoever is protected, on this machine, or in a flow that is established or related passes, of every protocol. A family of
//! addresses without a list of its own is left alone. As with the [set](super::set) there are two ways, nft and ipset.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use super::set::{SetError, saved};
use crate::ban::hits::{Backend, Counter};
use crate::ban::permit::Action;
use crate::ban::{Cover, Prefix};
use crate::system::program::Programs;

mod ipset;
mod nft;
mod note;

/// The ports that are closed to everybody else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Ports {
    /// All ports of every protocol.
    pub all: bool,
    /// Of UDP, in order.
    pub udp: Vec<u16>,
    /// Of TCP, in order.
    pub tcp: Vec<u16>,
}

/// What the kernel should hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Desired {
    /// Who is let in, of IPv4 and of IPv6, merged and in order; none: that family is left alone.
    pub permit: [Option<Vec<Prefix>>; 2],
    /// Who passes whatever the list says, merged and in order.
    pub pass: Vec<Prefix>,
    /// Where.
    pub ports: Ports,
    /// What becomes of the others.
    pub action: Action,
}

impl Desired {
    /// The list of these prefixes. A family without any is left alone.
    pub fn new(permit: &[Prefix], pass: &[Prefix], ports: Ports, action: Action) -> Self {
        let of = |ipv4: bool| {
            let cover = Cover::new(permit.iter().filter(|prefix| prefix.is_ipv4() == ipv4));
            Some(cover.prefixes()).filter(|all| !all.is_empty())
        };
        Self { permit: [of(true), of(false)], pass: Cover::new(pass).prefixes(), ports, action }
    }

    /// How many networks are let in.
    pub fn size(&self) -> usize {
        self.permit.iter().flatten().map(Vec::len).sum()
    }

    /// Whether nothing is closed to anybody.
    pub fn is_nothing(&self) -> bool {
        self.permit.iter().all(Option::is_none)
            || (!self.ports.all && self.ports.udp.is_empty() && self.ports.tcp.is_empty())
    }

    fn digest(&self, backend: Backend) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self, backend == Backend::Nft).hash(&mut hasher);
        hasher.finish()
    }
}

/// What was found, or brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The way.
    pub backend: Backend,
    /// Packets from outside; none where they were not counted again this time.
    pub outside: Option<Counter>,
    /// Whether the kernel was changed.
    pub wrote: bool,
}

/// Makes the kernel hold exactly this, in one step. Writes nothing where it does already. `now` is in seconds since 1970.
///
/// # Errors
/// [`SetError`] where neither way can be used, or failed.
pub fn bring(
    programs: &dyn Programs,
    directory: &Path,
    backend: Backend,
    desired: &Desired,
    now: i64,
) -> Result<Outcome, SetError> {
    let digest = desired.digest(backend);
    if backend == Backend::Nft && note::is_still(directory, digest, now) {
        return Ok(Outcome { backend, outside: None, wrote: false });
    }
    let moment = note::moment();
    let found = match backend {
        Backend::Nft => nft::look(programs, desired)?,
        Backend::Ipset => ipset::look(programs, desired)?,
    };
    let outside = Some(found.outside);
    if found.intact && saved::is_there_as(directory, file(backend)) {
        if let Some(moment) = moment.filter(|_| backend == Backend::Nft) {
            note::write(directory, moment, digest, now);
        }
        return Ok(Outcome { backend, outside, wrote: false });
    }
    match backend {
        Backend::Nft => {
            let text = nft::script(desired, Counter::default());
            saved::save_as(directory, file(backend), file(other(backend)), &text)?;
            nft::replace(programs, desired, found.outside)?;
            ipset::remove(programs)?;
        }
        Backend::Ipset => {
            saved::save_as(directory, file(backend), file(other(backend)), &ipset::whole(desired))?;
            ipset::replace(programs, desired)?;
        }
    }
    // The counters of ipset's rules begin anew.
    let outside = outside.filter(|_| backend == Backend::Nft).or(Some(Counter::default()));
    Ok(Outcome { backend, outside, wrote: true })
}

/// What a look at the kernel found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Found {
    /// Whether it holds exactly what it should.
    intact: bool,
    /// Packets from outside.
    outside: Counter,
}

fn file(backend: Backend) -> &'static str {
    match backend {
        Backend::Nft => "permit.nft",
        Backend::Ipset => "permit.ipset",
    }
}

fn other(backend: Backend) -> Backend {
    match backend {
        Backend::Nft => Backend::Ipset,
        Backend::Ipset => Backend::Nft,
    }
}

/// Removes everything of it from the kernel, both ways, and the saved copies. True where there was anything.
///
/// # Errors
/// [`SetError`]
pub fn remove(programs: &dyn Programs, directory: &Path) -> Result<bool, SetError> {
    let saved = saved::remove_as(directory, &[file(Backend::Nft), file(Backend::Ipset), note::FILE])?;
    let nft = nft::remove(programs)?;
    let ipset = ipset::remove(programs)?;
    Ok(saved || nft || ipset)
}

/// Whether a copy is saved: there was a permit list in the kernel, and may be still.
pub fn is_saved(directory: &Path) -> bool {
    [Backend::Nft, Backend::Ipset].into_iter().any(|backend| saved::is_there_as(directory, file(backend)))
}

/// Loads the saved copy early at boot, unless there is one in the kernel. True where it was loaded.
///
/// # Errors
/// [`SetError`]
pub fn load_saved(programs: &dyn Programs, directory: &Path) -> Result<bool, SetError> {
    if let Some(text) = saved::load_as(directory, file(Backend::Nft))? {
        return nft::load(programs, &text);
    }
    match saved::load_as(directory, file(Backend::Ipset))? {
        Some(text) => ipset::load(programs, text),
        None => Ok(false),
    }
}
