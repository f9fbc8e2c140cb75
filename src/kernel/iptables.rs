//! The programs of the packet filter that the firewall's daemon works with.
//!
//! `iptables` has two faces, one for the kernel's nf_tables and one for its older tables, and both can be installed.
//! A rule made by one is not seen by the other. The daemon calls `/sbin/iptables`, so the chain is restored by the
//! `iptables-restore` beside it, and only where that is the same program.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::chain::{CHAIN, Snapshot};
use super::program::Programs;

/// Where the daemon calls iptables from (drivers/Iptables.class.php).
const DIR: &str = "/sbin";
/// Reading 50,000 rules takes a second.
const READING: Duration = Duration::from_secs(10);
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
        let real = |name: &str| -> Result<PathBuf, String> {
            fs::canonicalize(Path::new(DIR).join(name)).map_err(|error| format!("{DIR}/{name}: {error}"))
        };
        let version = run(programs, "iptables", &["--version"], b"", READING)?;
        let (iptables, save, restore) =
            (real("iptables")?, real("iptables-save")?, real("iptables-restore")?);
        // One program with many names, as all distributions have it; else each must say that it is the same.
        if (&save, &restore) != (&iptables, &iptables) {
            for name in ["iptables-save", "iptables-restore"] {
                let other = run(programs, name, &["--version"], b"", READING)?;
                if face(&other) != face(&version) {
                    return Err(format!("{DIR}/iptables and {DIR}/{name} are of different kinds"));
                }
            }
        }
        let (backend, waits) =
            face(&version).ok_or_else(|| format!("{DIR}/iptables is of an unknown version"))?;
        Ok(Self { programs, backend, waits })
    }

    /// Which face it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The table `filter` as text.
    pub fn save(&self) -> Result<String, String> {
        run(self.programs, "iptables-save", &["-t", "filter"], b"", READING)
    }

    /// Carries out a transaction on the table.
    pub fn restore(&self, input: &str, limit: Duration) -> Result<(), String> {
        // The lock file is held by whoever changes the older tables. (nf_tables needs none and takes the option.)
        let wait: &[&str] = if self.waits { &["--noflush", "-w1"] } else { &["--noflush"] };
        run(self.programs, "iptables-restore", wait, input.as_bytes(), limit).map(drop)
    }

    /// Whether the module's chain is also, or only, in the tables of the other face, where the rules of this one do
    /// not count.
    pub fn is_in_the_other_backend(&self) -> Option<String> {
        let there = match self.backend {
            Backend::Nft => {
                // Asking would load the older tables where they are not yet.
                let loaded = fs::read_to_string(OLDER_TABLES).unwrap_or_default();
                loaded.lines().any(|table| table == "filter")
                    && run(self.programs, "iptables-legacy-save", &["-t", "filter"], b"", READING)
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
    run(programs, "nft", words, b"", READING)
}

fn run(
    programs: &dyn Programs,
    name: &str,
    words: &[&str],
    input: &[u8],
    limit: Duration,
) -> Result<String, String> {
    let output = programs.run(name, words, input, limit).map_err(|error| error.to_string())?;
    Ok(output)
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
