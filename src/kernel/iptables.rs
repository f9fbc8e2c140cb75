//! The programs of the packet filter that the firewall's daemon works with.
//!
//! `iptables` has two faces, one for the kernel's nf_tables and one for its older tables, and both can be installed.
//! A rule made by one is not seen by the other. The daemon calls `/sbin/iptables`, so the chain is restored by the
//! `iptables-restore` beside it, and only where that is the same program.

use std::fs;

use super::chain::{CHAIN, Snapshot};
use crate::system::program::Programs;

/// What the daemon calls (drivers/Iptables.class.php).
const CALLED: &str = "/sbin/iptables";
/// Where programs of ours are found first. Mostly one is a link to the other.
const DIRS: [&str; 2] = ["/usr/sbin", "/sbin"];
/// Which tables the older face has in this network namespace.
const OLDER_TABLES: &str = "/proc/net/ip_tables_names";

/// The face that `iptables` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// nf_tables.
    Nft,
    /// The older tables, with a lock file.
    Legacy,
}

/// The daemon's iptables.
pub struct Iptables<'a> {
    programs: &'a dyn Programs,
    backend: Backend,
    /// Whether iptables-restore can wait for the lock: since 1.6.2.
    waits: bool,
}

impl<'a> Iptables<'a> {
    /// Looks what is installed. An error is the reason why the chain cannot be restored here.
    pub fn find(programs: &'a dyn Programs) -> Result<Self, String> {
        let version = run(programs, "iptables", &["--version"], "")?;
        let (backend, waits) = face(&version)
            .ok_or_else(|| format!("{CALLED} is of an unknown version ({})", version.trim()))?;
        let called = fs::canonicalize(CALLED).map_err(|error| format!("{CALLED}: {error}"))?;
        for name in ["iptables", "iptables-save", "iptables-restore"] {
            // One program with many names, as all distributions have it; else each must say that it is the same.
            let same = DIRS.iter().filter_map(|dir| fs::canonicalize(format!("{dir}/{name}")).ok());
            if same.clone().count() == 0 || same.into_iter().any(|path| path != called) {
                let other = run(programs, name, &["--version"], "")?;
                if name == "iptables" || face(&other) != face(&version) {
                    return Err(format!(
                        "{CALLED} and the {name} that is found first are different programs"
                    ));
                }
            }
        }
        Ok(Self { programs, backend, waits })
    }

    /// Which face it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The table `filter` as text.
    pub fn save(&self) -> Result<String, String> {
        run(self.programs, "iptables-save", &["-t", "filter"], "")
    }

    /// Carries out a transaction on the table.
    pub fn restore(&self, input: &str) -> Result<(), String> {
        // The lock file is held by whoever changes the older tables. (nf_tables needs none and takes the option.)
        let wait: &[&str] = if self.waits { &["--noflush", "-w", "1"] } else { &["--noflush"] };
        run(self.programs, "iptables-restore", wait, input).map(drop)
    }

    /// Whether the module's chain is also, or only, in the tables of the other face, where the rules of this one do
    /// not count.
    pub fn is_in_the_other_backend(&self) -> Option<String> {
        let there = match self.backend {
            Backend::Nft => {
                // FeedPolicy would load the older tables where they are not yet.
                let loaded = fs::read_to_string(OLDER_TABLES).unwrap_or_default();
                loaded.lines().any(|table| table == "filter")
                    && run(self.programs, "iptables-legacy-save", &["-t", "filter"], "")
                        .is_ok_and(|save| Snapshot::new(&save).has_chain())
            }
            Backend::Legacy => nft(self.programs, &["list", "chain", "ip", "filter", CHAIN]).is_ok(),
        };
        there.then(|| match self.backend {
            Backend::Nft => format!("the chain {CHAIN} is also in the older tables (iptables-legacy)"),
            Backend::Legacy => format!("the chain {CHAIN} is also in nf_tables (iptables-nft)"),
        })
    }
}

/// What `iptables v1.8.9 (nf_tables)` says: the face, and whether its restore can wait for the lock.
fn face(version: &str) -> Option<(Backend, bool)> {
    let (_, version) = version.trim().split_once(" v")?;
    let backend = if version.contains("(nf_tables)") { Backend::Nft } else { Backend::Legacy };
    let mut numbers = version.split([' ', '.']).map(|number| number.parse::<u32>().ok());
    let number = (numbers.next()??, numbers.next()??, numbers.next().flatten().unwrap_or(0));
    Some((backend, number >= (1, 6, 2)))
}

/// Runs nft, and returns what it printed.
pub fn nft(programs: &dyn Programs, words: &[&str]) -> Result<String, String> {
    run(programs, "nft", words, "")
}

fn run(programs: &dyn Programs, name: &str, words: &[&str], input: &str) -> Result<String, String> {
    let output = programs.demand(name, words, input.into()).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_tells_the_face_and_whether_it_waits() {
        let table = [
            ("iptables v1.8.9 (nf_tables)\n", Some((Backend::Nft, true))),
            ("iptables-restore v1.8.9 (legacy)", Some((Backend::Legacy, true))),
            ("iptables v1.6.1", Some((Backend::Legacy, false))),
            ("iptables v1.4.21", Some((Backend::Legacy, false))),
            ("something else", None),
            ("iptables vX", None),
        ];
        for (text, expected) in table {
            assert_eq!(face(text), expected, "{text}");
        }
    }
}
