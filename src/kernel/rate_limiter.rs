//! The firewall's own rate limiter, Responsive Firewall: whom it refuses for sending too much without success.
//!
//! With the iptables driver it keeps lists of the kernel's module `recent` (ATTACKER: refused for a day after 100
//! requests, or 50 within 10 s; CLAMPED: refused for a minute). With FreePBX 18 the same are sets of its table.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use crate::ban::Prefix;
use crate::ban::plan::Driver;
use crate::pbx::firewall;
use crate::system::program::Programs;

/// Where the kernel shows the lists.
const DIRECTORY: &str = "/proc/net/xt_recent";
/// The lists whose members are refused, and the sets of FreePBX 18.
const LISTS: [(&str, &str); 2] = [("ATTACKER", "rfw_attacker"), ("CLAMPED", "rfw_clamped")];
/// The largest list that is read, in bytes: 10,000 addresses with 100 times each.
const MOST: u64 = 16 << 20;

/// Whether a line `src=ADDRESS ttl: ...` is about a part of a prefix.
fn is_of(line: &str, prefix: &Prefix) -> Option<IpAddr> {
    let address: IpAddr = line.strip_prefix("src=")?.split_whitespace().next()?.parse().ok()?;
    let address = address.to_canonical();
    prefix.contains(&Prefix::host(address)).then_some(address)
}

fn lists(directory: &Path, prefix: &Prefix) -> Vec<(&'static str, IpAddr)> {
    let read = |(list, _): (&'static str, &'static str)| {
        let text = crate::system::files::read_text(&directory.join(list), MOST).unwrap_or_default();
        let found: Vec<(&'static str, IpAddr)> =
            text.lines().filter_map(|line| Some((list, is_of(line, prefix)?))).collect();
        found
    };
    LISTS.into_iter().flat_map(read).collect()
}

/// Which lists of the rate limiter hold an address or a part of a network. FreePBX 18's can only be asked by root, and for
/// addresses.
pub fn refuses(programs: &dyn Programs, driver: Driver, prefix: &Prefix, is_root: bool) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = match driver {
        Driver::Iptables => lists(Path::new(DIRECTORY), prefix).into_iter().map(|(list, _)| list).collect(),
        Driver::Nftables if is_root => {
            let holds = |(list, set): (&'static str, &str)| in_set(programs, set, prefix).then_some(list);
            LISTS.into_iter().filter_map(holds).collect()
        }
        Driver::Nftables => Vec::new(),
    };
    found.sort_unstable();
    found.dedup();
    found
}

/// The words of nft for an element of one of FreePBX 18's sets.
fn element<'a>(verb: &'a str, set: &'a str, text: &'a str) -> [&'a str; 8] {
    let [family, table] = firewall::TABLE_OF_NFTABLES;
    [verb, "element", family, table, set, "{", text, "}"]
}

fn set_of(set: &str, prefix: &Prefix) -> String {
    if prefix.is_ipv4() { set.to_owned() } else { format!("{set}6") }
}

fn in_set(programs: &dyn Programs, set: &str, prefix: &Prefix) -> bool {
    let (set, text) = (set_of(set, prefix), prefix.to_string());
    programs.run("nft", &element("get", &set, &text), Vec::new()).is_ok_and(|output| output.succeeded())
}

/// Takes an address, or what it holds of a network, out of the rate limiter's lists. Returns whether anything was in them.
/// Needs root.
pub fn release(programs: &dyn Programs, driver: Driver, prefix: &Prefix) -> bool {
    match driver {
        Driver::Iptables => release_in(Path::new(DIRECTORY), prefix),
        Driver::Nftables => {
            LISTS.into_iter().filter(|(_, set)| in_set(programs, set, prefix)).fold(false, |any, (_, set)| {
                let (set, text) = (set_of(set, prefix), prefix.to_string());
                let deleted = programs.demand("nft", &element("delete", &set, &text), Vec::new());
                any | deleted.is_ok()
            })
        }
    }
}

fn release_in(directory: &Path, prefix: &Prefix) -> bool {
    // The module takes one word at a time: `-ADDRESS`.
    let out = |(list, address): (&'static str, IpAddr)| {
        fs::write(directory.join(list), format!("-{address}\n")).is_ok()
    };
    lists(directory, prefix).into_iter().fold(false, |any, one| any | out(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_the_kernels_module_are_read_and_written() {
        let dir = tempfile::tempdir().unwrap();
        let line =
            |host: u8| format!("src=203.0.113.{host} ttl: 64 last_seen: 4295 oldest_pkt: 3 4294, 4295\n");
        fs::write(dir.path().join("ATTACKER"), line(7) + &line(8)).unwrap();
        let found = |prefix: &str| lists(dir.path(), &prefix.parse().unwrap()).len();
        assert_eq!((found("203.0.113.7"), found("203.0.113.0/24"), found("203.0.113.9")), (1, 2, 0));
        assert!(!release_in(dir.path(), &"203.0.113.9".parse().unwrap()));
        assert!(release_in(dir.path(), &"203.0.113.7".parse().unwrap()));
        assert_eq!(fs::read_to_string(dir.path().join("ATTACKER")).unwrap(), "-203.0.113.7\n");
    }
}
