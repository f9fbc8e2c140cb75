//! The set as ipsets and a few rules, for kernels and distributions without a usable nft (EL7: kernel 3.10).
//!
//! One rule in PREROUTING of the table `raw`, which the module never flushes, looks a packet's source up; only what
//! is blocked enters our chain. What differs from nft there, and why:
//! - packets are dropped, not rejected: REJECT works in the table `filter` only, which the module flushes;
//! - connection tracking comes after this table, so "established TCP passes" is: of TCP only what opens a connection
//!   is dropped. Without its first packet no connection comes about, and the others meet the module's rules;
//! - PREROUTING also sees packets that are only passed on to others; these are let through.

use std::fmt::Write;

use ipnet::IpNet;

use super::{Desired, Held, Set, SetError, Unusable, is_denied};
use crate::ban::Prefix;
use crate::ban::hits::{Counter, Element};
use crate::kernel::table::{self, Line};
use crate::system::program::{ProgramError, Programs};

/// Our chain in the table `raw`.
const CHAIN: &str = "banbridge";
/// A set while it is filled, before it is swapped in.
const NEW: &str = "banbridge-new";

/// What belongs to one family of addresses.
struct Family {
    ipv4: bool,
    name: &'static str,
    blocked: &'static str,
    pass: &'static str,
    save: &'static str,
    restore: &'static str,
    /// A destination that is not this machine. For IPv6, `UNICAST` holds this machine's own addresses too; for IPv4,
    /// what is not `LOCAL` may still be a broadcast to us (xt_addrtype of the kernel).
    elsewhere: &'static str,
}

const FAMILIES: [Family; 2] = [
    Family {
        ipv4: true,
        name: "inet",
        blocked: "banbridge4",
        pass: "banbridge-pass4",
        save: "iptables-save",
        restore: "iptables-restore",
        elsewhere: "--dst-type UNICAST",
    },
    Family {
        ipv4: false,
        name: "inet6",
        blocked: "banbridge6",
        pass: "banbridge-pass6",
        save: "ip6tables-save",
        restore: "ip6tables-restore",
        elsewhere: "! --dst-type LOCAL",
    },
];

impl Family {
    /// The rule that leads into our chain, in the words of iptables-save, and the chain that it stands in.
    fn jump(&self) -> (&'static str, String) {
        ("PREROUTING", format!("-m set --match-set {} src -j {CHAIN}", self.blocked))
    }

    /// The rules of our chain in order, in the words of iptables-save.
    fn rules(&self) -> [String; 5] {
        [
            "-i lo -j RETURN".to_owned(),
            format!("-m set --match-set {} src -j RETURN", self.pass),
            format!("-m addrtype {} -j RETURN", self.elsewhere),
            "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j RETURN".to_owned(),
            "-j DROP".to_owned(),
        ]
    }

    /// Everything of ours in the table `raw`.
    fn found(&self, saved: &str) -> Found {
        let mut found = Found::default();
        let (place, jump) = self.jump();
        let mut rules = Vec::new();
        for line in table::lines(saved, "raw") {
            match line {
                Line::Chain(CHAIN) => found.chain = true,
                Line::Rule { chain: CHAIN, rule } => rules.push(rule),
                Line::Rule { chain, rule } if chain == place && rule == jump => found.jumps += 1,
                Line::Chain(_) | Line::Rule { .. } => {}
            }
        }
        found.intact = found.jumps == 1 && found.chain && rules == self.rules();
        found
    }
}

/// What of ours is in the table `raw`.
#[derive(Default)]
struct Found {
    jumps: usize,
    chain: bool,
    intact: bool,
}

/// Whether ipset can be used, and what our sets hold if there are any.
pub(super) fn open(programs: &dyn Programs) -> Result<Option<Held>, Unusable> {
    let names = names(programs)?;
    let mut held = Held { counts: true, intact: true, ..Held::default() };
    let mut any = false;
    for family in &FAMILIES {
        let saved = match programs.demand(family.save, &["-t", "raw"], Vec::new()) {
            Ok(output) => Some(text(&output.stdout)),
            // Without ip6tables IPv4 is blocked all the same.
            Err(error) if !family.ipv4 => {
                held.notes.push(no_ipv6(&error));
                None
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(found) = saved.map(|saved| family.found(&saved)) {
            held.intact &= found.intact;
            any |= found.chain || found.jumps > 0;
        }
        for name in [family.blocked, family.pass] {
            if !names.iter().any(|other| other == name) {
                held.intact = false;
                continue;
            }
            any = true;
            let saved = programs.demand("ipset", &["save", name], Vec::new())?;
            let elements = parse(&text(&saved.stdout), name, family).map_err(Unusable::Error)?;
            held.intact &= elements.of_our_type;
            if name == family.blocked {
                held.counts &= elements.counts;
                held.blocked.extend(elements.elements);
            } else {
                held.pass.extend(elements.elements.iter().map(|element| element.prefix));
            }
        }
    }
    if !any {
        return Ok(None);
    }
    held.sort();
    let counters = held.blocked.iter().map(|element| element.counter.packets);
    held.total.packets = counters.fold(0, u64::saturating_add);
    Ok(Some(held))
}

fn no_ipv6(error: &dyn std::fmt::Display) -> String {
    format!("the set does not block IPv6: {error}")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The names of all ipsets.
fn names(programs: &dyn Programs) -> Result<Vec<String>, ProgramError> {
    let listed = programs.demand("ipset", &["list", "-n"], Vec::new())?;
    Ok(text(&listed.stdout).lines().map(|line| line.trim().to_owned()).collect())
}

/// A set as `ipset save` prints it.
struct Parsed {
    of_our_type: bool,
    counts: bool,
    elements: Vec<Element>,
}

/// Reads `create NAME TYPE family ... [counters] ...` and `add NAME PREFIX [packets N bytes N]`, ipset(8).
fn parse(saved: &str, name: &str, family: &Family) -> Result<Parsed, SetError> {
    let unreadable = |line: &str| SetError::Unreadable("ipset", line.chars().take(80).collect());
    let mut parsed = Parsed { of_our_type: false, counts: false, elements: Vec::new() };
    for line in saved.lines() {
        let mut words = line.split_ascii_whitespace();
        let what = words.next();
        if words.next() != Some(name) {
            continue;
        }
        match what {
            Some("create") => {
                let words: Vec<&str> = words.collect();
                parsed.of_our_type = words.first() == Some(&"hash:net")
                    && words.windows(2).any(|pair| pair == ["family", family.name]);
                parsed.counts = words.contains(&"counters");
            }
            Some("add") if parsed.of_our_type => {
                let prefix: Prefix =
                    words.next().and_then(|word| word.parse().ok()).ok_or_else(|| unreadable(line))?;
                let mut counter = Counter::default();
                while let (Some(key), Some(value)) = (words.next(), words.next()) {
                    let number = || value.parse().map_err(|_| unreadable(line));
                    match key {
                        "packets" => counter.packets = number()?,
                        "bytes" => counter.bytes = number()?,
                        _ => return Err(unreadable(line)),
                    }
                }
                parsed.elements.push(Element { prefix, counter });
            }
            _ => {}
        }
    }
    Ok(parsed)
}

/// `create` and all `add` of one set. `hash:net` takes no prefix of length 0, so that is written as two halves.
fn fill(script: &mut String, name: &str, family: &Family, prefixes: &[Prefix], counts: bool, held: &Held) {
    let all: Vec<Prefix> = prefixes
        .iter()
        .filter(|prefix| prefix.is_ipv4() == family.ipv4)
        .flat_map(|prefix| match (prefix.length(), prefix.net()) {
            (0, IpNet::V4(net)) => net.subnets(1).into_iter().flatten().map(Prefix::from).collect(),
            (0, IpNet::V6(net)) => net.subnets(1).into_iter().flatten().map(Prefix::from).collect(),
            _ => vec![*prefix],
        })
        .collect();
    let room = all.len().next_power_of_two();
    let counters = if counts { " counters" } else { "" };
    // Writing to a string cannot fail.
    let _ = writeln!(
        script,
        "create {name} hash:net family {} hashsize {} maxelem {}{counters}",
        family.name,
        (room / 2).clamp(1024, 1 << 19),
        room.max(1 << 16),
    );
    for prefix in all {
        let _ = write!(script, "add {name} {prefix}");
        let counter = if counts { held.counter(&prefix) } else { Counter::default() };
        if counter != Counter::default() {
            let _ = write!(script, " packets {} bytes {}", counter.packets, counter.bytes);
        }
        script.push('\n');
    }
}

/// All sets, as they are made where there are none: the saved copy.
pub(super) fn whole(desired: &Desired, counts: bool) -> String {
    let mut script = String::with_capacity(1024 + desired.blocked.len() * 32);
    for family in &FAMILIES {
        fill(&mut script, family.pass, family, &desired.pass, false, &Held::default());
        fill(&mut script, family.blocked, family, &desired.blocked, counts, &Held::default());
    }
    script
}

/// Fills new sets and swaps them in, then sees to the rules. Who passes is swapped first: killed in between, nobody
/// is kept out who should pass.
pub(super) fn replace(
    set: &Set<'_>,
    desired: &Desired,
    held: &Held,
    notes: &mut Vec<String>,
) -> Result<(), SetError> {
    let attempt = |counts, notes: &mut Vec<String>| {
        set.save(&whole(desired, counts), notes);
        sets(set.programs, desired, held, counts)
    };
    match attempt(!held.intact || held.counts, notes) {
        // Sets of another kind under our names stand in the way, or counters are unknown here: once more, from
        // nothing and without. Never when all was well before: what is in force is better than nothing.
        Err(SetError::Program(ProgramError::Failed(..))) if !held.intact => {
            notes.clear();
            remove(set.programs)?;
            attempt(false, notes)?;
        }
        other => other?,
    }
    for family in &FAMILIES {
        if let Err(error) = rules(set.programs, family) {
            if family.ipv4 {
                return Err(error);
            }
            notes.push(no_ipv6(&error));
        }
    }
    Ok(())
}

fn sets(programs: &dyn Programs, desired: &Desired, held: &Held, counts: bool) -> Result<(), SetError> {
    let names = names(programs).map_err(SetError::of)?;
    let is_there = |name: &str| names.iter().any(|other| other == name);
    let mut script = String::with_capacity(1024 + desired.blocked.len() * 32);
    if is_there(NEW) {
        // Of a run that was killed.
        let _ = writeln!(script, "destroy {NEW}");
    }
    for family in &FAMILIES {
        for (name, prefixes, counts) in
            [(family.pass, &desired.pass, false), (family.blocked, &desired.blocked, counts)]
        {
            if is_there(name) {
                fill(&mut script, NEW, family, prefixes, counts, held);
                let _ = writeln!(script, "swap {NEW} {name}\ndestroy {NEW}");
            } else {
                fill(&mut script, NEW, family, prefixes, counts, held);
                let _ = writeln!(script, "rename {NEW} {name}");
            }
        }
    }
    programs.demand("ipset", &["restore"], script.into_bytes()).map_err(SetError::of)?;
    Ok(())
}

/// Makes our rules of one family what they should be.
fn rules(programs: &dyn Programs, family: &Family) -> Result<(), SetError> {
    let saved = programs.demand(family.save, &["-t", "raw"], Vec::new()).map_err(SetError::of)?;
    let found = family.found(&text(&saved.stdout));
    if found.intact {
        return Ok(());
    }
    let mut script = format!("*raw\n:{CHAIN} - [0:0]\n");
    for rule in family.rules() {
        let _ = writeln!(script, "-A {CHAIN} {rule}");
    }
    let (place, jump) = family.jump();
    for _ in 0..found.jumps {
        let _ = writeln!(script, "-D {place} {jump}");
    }
    // Before everything else there, so that nobody's rule accounts for what is dropped.
    let _ = writeln!(script, "-I {place} 1 {jump}\nCOMMIT");
    restore(programs, family, &script)
}

/// Old versions know no `--wait`.
fn restore(programs: &dyn Programs, family: &Family, script: &str) -> Result<(), SetError> {
    let waiting =
        programs.run(family.restore, &["--wait", "--noflush"], script.into()).map_err(SetError::of)?;
    if !waiting.succeeded() {
        programs.demand(family.restore, &["--noflush"], script.into()).map_err(SetError::of)?;
    }
    Ok(())
}

/// Loads a saved copy unless there are sets of ours already.
pub(super) fn load(programs: &dyn Programs, text: String) -> Result<bool, SetError> {
    let names = names(programs).map_err(SetError::of)?;
    if ours(&names).next().is_some() {
        return Ok(false);
    }
    programs.demand("ipset", &["restore"], text.into_bytes()).map_err(SetError::of)?;
    for family in &FAMILIES {
        match rules(programs, family) {
            Err(error) if family.ipv4 => return Err(error),
            _ => {}
        }
    }
    Ok(true)
}

/// Those of the names that are of our sets.
fn ours(names: &[String]) -> impl Iterator<Item = &str> {
    let all = FAMILIES.iter().flat_map(|family| [family.blocked, family.pass]).chain([NEW]);
    all.filter(|name| names.iter().any(|other| other == name))
}

/// Removes our rules, then our sets. False when there were none. Rules of ours without a set cannot be: the kernel
/// keeps a set that a rule names.
pub(super) fn remove(programs: &dyn Programs) -> Result<bool, SetError> {
    let names = match names(programs) {
        Ok(names) => names,
        Err(ProgramError::Failed(_, complaint)) if is_denied(&complaint) => {
            return Err(SetError::Denied(format!("ipset: {complaint}")));
        }
        Err(ProgramError::Missing(_) | ProgramError::Failed(..)) => return Ok(false),
        Err(error) => return Err(SetError::of(error)),
    };
    let mut script = String::new();
    for name in ours(&names) {
        let _ = writeln!(script, "destroy {name}");
    }
    if script.is_empty() {
        return Ok(false);
    }
    for family in &FAMILIES {
        let Ok(saved) = programs.demand(family.save, &["-t", "raw"], Vec::new()) else { continue };
        let found = family.found(&text(&saved.stdout));
        if found.jumps == 0 && !found.chain {
            continue;
        }
        let mut script = "*raw\n".to_owned();
        let (place, jump) = family.jump();
        for _ in 0..found.jumps {
            let _ = writeln!(script, "-D {place} {jump}");
        }
        if found.chain {
            let _ = writeln!(script, "-F {CHAIN}\n-X {CHAIN}");
        }
        script += "COMMIT\n";
        restore(programs, family, &script)?;
    }
    programs.demand("ipset", &["restore"], script.into_bytes()).map_err(SetError::of)?;
    Ok(true)
}

#[cfg(test)]
#[path = "ipset_tests.rs"]
mod tests;
