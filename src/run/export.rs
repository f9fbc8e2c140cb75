//! What is to be blocked, as a file for other machines. Any web server can hand it to other PBXs, which read it as a
//! feed with conditional fetches: one key then serves them all.

use std::fmt::Write;
use std::path::Path;

use super::context::Environment;
use super::state::SavedState;
use crate::ban::Prefix;
use crate::system::failure::{Attempt, Result};
use crate::system::files;

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One address or network a line.
    Plain,
    /// The same with a head, as FireHOL writes it.
    Netset,
    /// An array of objects.
    Json,
    /// Commands for nft: two sets in a table banbridge_export.
    Nft,
    /// Commands for ipset restore.
    Ipset,
}

/// All that is to be blocked, merged and in order, both families: the same that the kernel set contains.
pub fn blocked(environment: &Environment) -> Result<Vec<Prefix>> {
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    let saved = SavedState::load(&mut ledger, &config, clock.now())?;
    Ok(saved.plan(clock.now()).blocked)
}

/// Writes the file whole. False where it has that text already: a web server tells versions apart by the file's time
/// too, so an unchanged list stays the same version.
pub fn write(path: &Path, text: &str) -> Result<bool> {
    let known = files::read(path, text.len() as u64).is_ok_and(|known| known == text.as_bytes());
    if !known {
        files::replace(path, text.as_bytes(), 0o644).context(format!("cannot write {}", path.display()))?;
    }
    Ok(!known)
}

/// The text. No time stands in it: an unchanged list is an unchanged file, so that nobody fetches it twice.
pub fn text(format: Format, prefixes: &[Prefix]) -> String {
    let mut text = String::with_capacity(prefixes.len() * 20 + 500);
    let lines = |text: &mut String, before: &str, prefixes: &mut dyn Iterator<Item = &Prefix>| {
        for prefix in prefixes {
            // Writing to a String never fails.
            let _ = writeln!(text, "{before}{prefix}");
        }
    };
    match format {
        Format::Plain => lines(&mut text, "", &mut prefixes.iter()),
        Format::Netset => {
            let _ = writeln!(text, "# banbridge export\n# Entries: {}", prefixes.len());
            lines(&mut text, "", &mut prefixes.iter());
        }
        Format::Json => {
            text.push('[');
            for (number, prefix) in prefixes.iter().enumerate() {
                let _ = write!(text, "{}\n{{\"cidr\":\"{prefix}\"}}", if number == 0 { "" } else { "," });
            }
            text.push_str("\n]\n");
        }
        Format::Nft => {
            text.push_str("add table inet banbridge_export\n");
            for (family, name, ipv4) in [("ipv4_addr", "v4", true), ("ipv6_addr", "v6", false)] {
                let _ = writeln!(
                    text,
                    "add set inet banbridge_export {name} {{ type {family}; flags interval; }}"
                );
                let _ = writeln!(text, "flush set inet banbridge_export {name}");
                let all: Vec<String> = prefixes
                    .iter()
                    .filter(|prefix| prefix.is_ipv4() == ipv4)
                    .map(Prefix::to_string)
                    .collect();
                if !all.is_empty() {
                    let _ =
                        writeln!(text, "add element inet banbridge_export {name} {{ {} }}", all.join(",\n"));
                }
            }
        }
        Format::Ipset => {
            for (family, name, ipv4) in [("inet", "banbridge-v4", true), ("inet6", "banbridge-v6", false)] {
                let size = prefixes.len().max(65_536);
                let _ = writeln!(
                    text,
                    "create {name} hash:net family {family} maxelem {size} -exist\nflush {name}"
                );
                let mut all = prefixes.iter().filter(|prefix| prefix.is_ipv4() == ipv4);
                lines(&mut text, &format!("add {name} "), &mut all);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::list;

    #[test]
    fn an_export_is_read_again_as_the_same_feed() {
        let prefixes: Vec<Prefix> =
            ["45.0.0.1", "46.0.0.0/24", "2a05::/48"].iter().map(|text| text.parse().unwrap()).collect();
        for format in [Format::Plain, Format::Netset, Format::Json] {
            let text = super::text(format, &prefixes);
            let parsed = list::read("x", text.as_bytes(), &list::Settings::default()).unwrap();
            assert_eq!(parsed.prefixes, prefixes, "{text}");
        }
        for format in [Format::Plain, Format::Netset, Format::Json, Format::Nft, Format::Ipset] {
            assert!(!text(format, &[]).contains("{  }"));
        }
    }
}
