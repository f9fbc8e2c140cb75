//! What is to be blocked, as a file for other machines. Any web server can hand it to other PBXs, which read it as a
//! feed with conditional fetches: one key then serves them all.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

use super::context::Environment;
use super::state::SavedState;
use crate::ban::{Cover, Prefix};
use crate::ledger::attacks::Attack;
use crate::ledger::history::KEPT;
use crate::system::failure::{Attempt, Result};
use crate::system::files;
use crate::system::time::Time;

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
    /// One sighting a line, as JSON: prefix, first, last, count, kinds.
    Jsonl,
}

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Which address or network.
    pub prefix: Prefix,
    /// When it was first and last seen, in seconds since 1970.
    pub seen: (i64, i64),
    /// How many attempts the logs of this PBX have of it; none where that is not known.
    pub count: Option<u64>,
    /// Log lines about calls, registrations, and other authentications.
    pub kinds: [u64; 3],
}

/// What these feeds list, but for what is protected or unblocked here; each prefix once, in order.
pub fn sightings(environment: &Environment, feeds: &[String]) -> Result<Vec<Sighting>> {
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let saved = SavedState::load(&mut ledger, &config, now)?;
    let mut numbers = Vec::new();
    for name in feeds {
        let feed = config.named(name)?;
        let state = saved.feeds.iter().find(|state| state.name == feed.name);
        numbers.extend(state.map(|state| state.id));
    }
    let attacks: HashMap<IpAddr, Attack> =
        ledger.attacks(now - KEPT, i64::MAX)?.into_iter().map(|attack| (attack.address, attack)).collect();
    let unblocked: Vec<Prefix> = saved.unblocked.iter().map(|one| one.prefix).collect();
    let unblocked = Cover::new(&unblocked);
    let mut all: BTreeMap<Prefix, Sighting> = BTreeMap::new();
    for entry in saved.holding(now).filter(|entry| numbers.is_empty() || numbers.contains(&entry.feed)) {
        if saved.never_block.touches(&entry.prefix) || unblocked.overlaps(&entry.prefix) {
            continue;
        }
        let attack = attacks
            .get(&entry.prefix.net().addr())
            .filter(|_| entry.prefix == Prefix::host(entry.prefix.net().addr()));
        let (first, last) = (entry.first_seen(), saved.last_seen(entry));
        let seen = attack.map_or((first, last), |attack| (attack.first.min(first), attack.last));
        let new = Sighting {
            prefix: entry.prefix,
            seen,
            count: attack.map(|attack| attack.attempts),
            kinds: attack.map_or([0; 3], |attack| attack.lines),
        };
        let known = all.entry(entry.prefix).or_insert(new);
        known.seen = (known.seen.0.min(seen.0), known.seen.1.max(seen.1));
    }
    Ok(all.into_values().collect())
}

/// Sightings as lines of JSON. Nothing else of this PBX stands in them.
pub fn lines(sightings: &[Sighting]) -> String {
    let mut text = String::new();
    for one in sightings {
        let names = ["calls", "registrations", "authentications"].into_iter().zip(one.kinds);
        let kinds: Vec<&str> = names.filter(|(_, number)| *number > 0).map(|(name, _)| name).collect();
        let line = serde_json::json!({
            "prefix": one.prefix,
            "first": Time(one.seen.0),
            "last": Time(one.seen.1),
            "count": one.count,
            "kinds": kinds,
        });
        let _ = writeln!(text, "{line}");
    }
    text
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
    let each = |text: &mut String, before: &str, prefixes: &mut dyn Iterator<Item = &Prefix>| {
        for prefix in prefixes {
            // Writing to a String never fails.
            let _ = writeln!(text, "{before}{prefix}");
        }
    };
    match format {
        Format::Jsonl => {
            for prefix in prefixes {
                let _ = writeln!(text, "{{\"prefix\":\"{prefix}\"}}");
            }
        }
        Format::Plain => each(&mut text, "", &mut prefixes.iter()),
        Format::Netset => {
            let _ = writeln!(text, "# banbridge export\n# Entries: {}", prefixes.len());
            each(&mut text, "", &mut prefixes.iter());
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
                each(&mut text, &format!("add {name} "), &mut all);
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
        for format in [Format::Plain, Format::Netset, Format::Json, Format::Jsonl] {
            let text = super::text(format, &prefixes);
            let parsed = list::read("x", text.as_bytes(), &list::Settings::default()).unwrap();
            assert_eq!(parsed.prefixes, prefixes, "{text}");
        }
        for format in [Format::Plain, Format::Netset, Format::Json, Format::Nft, Format::Ipset] {
            assert!(!text(format, &[]).contains("{  }"));
        }
        let sighting = |prefix: &Prefix| Sighting {
            prefix: *prefix,
            seen: (1_795_503_510, 1_795_503_600),
            count: Some(9),
            kinds: [3, 0, 6],
        };
        let sightings: Vec<Sighting> = prefixes.iter().map(sighting).collect();
        let text = lines(&sightings);
        assert_eq!(list::read("x", text.as_bytes(), &list::Settings::default()).unwrap().prefixes, prefixes);
        assert!(text.contains(r#""kinds":["calls","authentications"]"#), "{text}");
    }
}
