//! The permit list as ipsets and rules, for kernels without a usable nft (EL7).
//!
//! The rules stand in INPUT of the table `mangle`, which the module never flushes: behind connection tracking, so that what
//! is established or related is known, and only packets to this machine come there. What is not let in is dropped, for
//! REJECT works in the table `filter` only, which the module flushes.

use std::fmt::Write;

use super::{Desired, Found};
use crate::ban::Prefix;
use crate::ban::hits::Counter;
use crate::kernel::set::SetError;
use crate::kernel::table::{self, Line};
use crate::system::program::{ProgramError, Programs};

const CHAIN: &str = "banbridge-permit";
const NEW: &str = "banbridge-pnew";
/// A rule of multiport takes so many ports.
const PORTS: usize = 15;

struct Family {
    ipv4: bool,
    name: &'static str,
    permit: &'static str,
    pass: &'static str,
    save: &'static str,
    restore: &'static str,
}

const FAMILIES: [Family; 2] = [
    Family {
        ipv4: true,
        name: "inet",
        permit: "banbridge-permit4",
        pass: "banbridge-ppass4",
        save: "iptables-save",
        restore: "iptables-restore",
    },
    Family {
        ipv4: false,
        name: "inet6",
        permit: "banbridge-permit6",
        pass: "banbridge-ppass6",
        save: "ip6tables-save",
        restore: "ip6tables-restore",
    },
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Family {
    fn list<'a>(&self, desired: &'a Desired) -> Option<&'a Vec<Prefix>> {
        desired.permit[usize::from(!self.ipv4)].as_ref()
    }

    /// The rules of our chain in order, in the words of iptables-save; none where the family is left alone.
    fn rules(&self, desired: &Desired) -> Vec<String> {
        if self.list(desired).is_none() {
            return Vec::new();
        }
        let mut all = vec![
            "-i lo -j RETURN".to_owned(),
            "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN".to_owned(),
            // Most come from where business is done, and are let in by the first search.
            format!("-m set --match-set {} src -j RETURN", self.permit),
            format!("-m set --match-set {} src -j RETURN", self.pass),
        ];
        if desired.ports.all {
            let icmp = if self.ipv4 { "icmp" } else { "ipv6-icmp" };
            all.push(format!("-p {icmp} -j RETURN"));
            all.push("-j DROP".to_owned());
            return all;
        }
        for (protocol, ports) in [("udp", &desired.ports.udp), ("tcp", &desired.ports.tcp)] {
            for some in ports.chunks(PORTS) {
                let some: Vec<String> = some.iter().map(u16::to_string).collect();
                all.push(format!("-p {protocol} -m multiport --dports {} -j DROP", some.join(",")));
            }
        }
        all
    }

    /// How many jumps lead into our chain, whether it is there, its rules, and packets that it dropped.
    fn found(&self, saved: &str) -> (usize, bool, Vec<String>, u64) {
        let (mut jumps, mut chain_is_there, mut rules) = (0, false, Vec::new());
        for line in table::lines(saved, "mangle") {
            match line {
                Line::Chain(CHAIN) => chain_is_there = true,
                Line::Rule { chain: CHAIN, rule } => rules.push(rule.to_owned()),
                Line::Rule { chain: "INPUT", rule } if rule == format!("-j {CHAIN}") => jumps += 1,
                Line::Chain(_) | Line::Rule { .. } => {}
            }
        }
        (jumps, chain_is_there, rules, dropped(saved))
    }
}

/// Packets that our rules dropped, of `iptables-save -c`: `[PACKETS:BYTES] -A CHAIN ... -j DROP`.
fn dropped(saved: &str) -> u64 {
    let mine =
        saved.lines().filter(|line| line.contains(&format!("-A {CHAIN} ")) && line.ends_with("-j DROP"));
    mine.filter_map(|line| line.strip_prefix('[')?.split(':').next()?.parse::<u64>().ok())
        .fold(0, u64::saturating_add)
}

fn fill(script: &mut String, name: &str, family: &Family, prefixes: &mut dyn Iterator<Item = &Prefix>) {
    let all: Vec<Prefix> = prefixes
        .flat_map(|prefix| match prefix.length() {
            // `hash:net` takes no prefix of length 0.
            0 => prefix.net().subnets(1).into_iter().flatten().map(Prefix::new).collect(),
            _ => vec![*prefix],
        })
        .collect();
    let room = all.len().next_power_of_two();
    // Writing to a string cannot fail.
    let _ = writeln!(
        script,
        "create {name} hash:net family {} hashsize {} maxelem {}",
        family.name,
        (room / 2).clamp(1024, 1 << 19),
        room.max(1 << 16),
    );
    for prefix in all {
        let _ = writeln!(script, "add {name} {prefix}");
    }
}

/// All sets as they are made where there are none, and the rules: the saved copy.
pub(super) fn whole(desired: &Desired) -> String {
    let mut script = String::with_capacity(1024 + desired.size() * 32);
    for family in &FAMILIES {
        let mut pass = desired.pass.iter().filter(|prefix| prefix.is_ipv4() == family.ipv4);
        fill(&mut script, family.pass, family, &mut pass);
        fill(&mut script, family.permit, family, &mut family.list(desired).into_iter().flatten());
    }
    for family in &FAMILIES {
        for rule in family.rules(desired) {
            let _ = writeln!(script, "# {} {rule}", family.restore);
        }
    }
    script
}

fn names(programs: &dyn Programs) -> Result<Vec<String>, ProgramError> {
    let listed = programs.demand("ipset", &["list", "-n"], Vec::new())?;
    Ok(text(&listed.stdout).lines().map(|line| line.trim().to_owned()).collect())
}

/// Looks whether the kernel holds exactly this.
pub(super) fn look(programs: &dyn Programs, desired: &Desired) -> Result<Found, SetError> {
    let names = names(programs).map_err(SetError::of)?;
    let mut found = Found { intact: true, outside: Counter::default() };
    for family in &FAMILIES {
        let saved = match programs.demand(family.save, &["-c", "-t", "mangle"], Vec::new()) {
            Ok(output) => text(&output.stdout),
            Err(_) if !family.ipv4 && family.list(desired).is_none() => continue,
            Err(error) => return Err(SetError::of(error)),
        };
        let bare: String = saved.lines().map(|line| without_counts(line).to_owned() + "\n").collect();
        let (jumps, _, rules, _) = family.found(&bare);
        found.outside.packets = found.outside.packets.saturating_add(dropped(&saved));
        let wanted = family.rules(desired);
        found.intact &= rules == wanted && jumps == usize::from(!wanted.is_empty());
        let lists: [(&str, Vec<&Prefix>); 2] = [
            (family.pass, desired.pass.iter().filter(|prefix| prefix.is_ipv4() == family.ipv4).collect()),
            (family.permit, family.list(desired).into_iter().flatten().collect()),
        ];
        for (name, wanted) in lists {
            if !names.iter().any(|other| other == name) {
                found.intact = false;
                continue;
            }
            let saved = programs.demand("ipset", &["save", name], Vec::new()).map_err(SetError::of)?;
            let mut held: Vec<Prefix> = text(&saved.stdout)
                .lines()
                .filter_map(|line| line.strip_prefix("add ")?.split(' ').nth(1)?.parse().ok())
                .collect();
            held.sort_unstable();
            let held = crate::ban::Cover::new(&held).prefixes();
            found.intact &= held.iter().eq(wanted);
        }
    }
    Ok(found)
}

/// A line of `iptables-save -c` without its counts.
fn without_counts(line: &str) -> &str {
    match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ").map_or(line, |(_, rule)| rule),
        None => line,
    }
}

/// Fills new sets and swaps them in, who passes first; then the rules.
pub(super) fn replace(programs: &dyn Programs, desired: &Desired) -> Result<(), SetError> {
    let names = names(programs).map_err(SetError::of)?;
    let is_there = |name: &str| names.iter().any(|other| other == name);
    let mut script = String::new();
    if is_there(NEW) {
        let _ = writeln!(script, "destroy {NEW}");
    }
    for family in &FAMILIES {
        let mut pass = desired.pass.iter().filter(|prefix| prefix.is_ipv4() == family.ipv4);
        let mut permit = family.list(desired).into_iter().flatten();
        let lists: [(&str, &mut dyn Iterator<Item = &Prefix>); 2] =
            [(family.pass, &mut pass), (family.permit, &mut permit)];
        for (name, prefixes) in lists {
            fill(&mut script, NEW, family, prefixes);
            match is_there(name) {
                true => script += &format!("swap {NEW} {name}\ndestroy {NEW}\n"),
                false => script += &format!("rename {NEW} {name}\n"),
            }
        }
    }
    programs.demand("ipset", &["restore"], script.into_bytes()).map_err(SetError::of)?;
    for family in &FAMILIES {
        match rules(programs, family, &family.rules(desired)) {
            Err(error) if family.ipv4 || family.list(desired).is_some() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes our rules of one family what they should be.
fn rules(programs: &dyn Programs, family: &Family, wanted: &[String]) -> Result<(), SetError> {
    let saved = programs.demand(family.save, &["-t", "mangle"], Vec::new()).map_err(SetError::of)?;
    let (jumps, is_there, found, _) = family.found(&text(&saved.stdout));
    if found == wanted && jumps == usize::from(!wanted.is_empty()) {
        return Ok(());
    }
    let mut script = "*mangle\n".to_owned();
    if is_there || !wanted.is_empty() {
        let _ = writeln!(script, ":{CHAIN} - [0:0]");
    }
    for rule in wanted {
        let _ = writeln!(script, "-A {CHAIN} {rule}");
    }
    for _ in 0..jumps {
        let _ = writeln!(script, "-D INPUT -j {CHAIN}");
    }
    match wanted.is_empty() {
        true if is_there => script += &format!("-X {CHAIN}\n"),
        true => {}
        false => script += &format!("-I INPUT 1 -j {CHAIN}\n"),
    }
    script += "COMMIT\n";
    restore(programs, family, &script)
}

fn restore(programs: &dyn Programs, family: &Family, script: &str) -> Result<(), SetError> {
    let waiting =
        programs.run(family.restore, &["--wait", "--noflush"], script.into()).map_err(SetError::of)?;
    if !waiting.succeeded() {
        programs.demand(family.restore, &["--noflush"], script.into()).map_err(SetError::of)?;
    }
    Ok(())
}

/// Loads a saved copy unless there are sets of ours already.
pub(super) fn load(programs: &dyn Programs, saved: String) -> Result<bool, SetError> {
    let names = names(programs).map_err(SetError::of)?;
    if FAMILIES.iter().any(|family| names.iter().any(|name| name == family.permit)) {
        return Ok(false);
    }
    let kept: Vec<(bool, String)> = saved
        .lines()
        .filter_map(|line| {
            let (restore, rule) = line.strip_prefix("# ")?.split_once(' ')?;
            Some((restore == FAMILIES[0].restore, rule.to_owned()))
        })
        .collect();
    let sets: String =
        saved.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    programs.demand("ipset", &["restore"], sets.into_bytes()).map_err(SetError::of)?;
    for family in &FAMILIES {
        let of = |(ipv4, rule): &(bool, String)| (*ipv4 == family.ipv4).then(|| rule.clone());
        let wanted: Vec<String> = kept.iter().filter_map(of).collect();
        match rules(programs, family, &wanted) {
            Err(error) if family.ipv4 || !wanted.is_empty() => return Err(error),
            _ => {}
        }
    }
    Ok(true)
}

/// Removes our rules, then our sets. False where there were none, or no ipset.
pub(super) fn remove(programs: &dyn Programs) -> Result<bool, SetError> {
    let Ok(names) = names(programs) else { return Ok(false) };
    let all = FAMILIES.iter().flat_map(|family| [family.permit, family.pass]).chain([NEW]);
    let ours: Vec<&str> = all.filter(|name| names.iter().any(|other| other == name)).collect();
    if ours.is_empty() {
        return Ok(false);
    }
    for family in &FAMILIES {
        let _ = rules(programs, family, &[]);
    }
    let script: String = ours.iter().map(|name| format!("destroy {name}\n")).collect();
    programs.demand("ipset", &["restore"], script.into_bytes()).map_err(SetError::of)?;
    Ok(true)
}
