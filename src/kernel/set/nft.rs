//! The set as an nftables table of our own, `inet banbridge`.
//!
//! Its chain hooks into `input` before the module's (priority -10; the module's chains are at 0), and only there:
//! the module's blacklist does not look at forwarded packets either. An `accept` here ends this chain only: the packet
//! still meets the module's rules. The order is the module's own: loopback, established TCP; and never-block comes
//! before what is blocked.
//!
//! A change replaces the whole table in one transaction, counters carried over. Adding and deleting single elements would
//! be the obvious way, but `nft` reads the whole set back for it: with 100,000 elements one single `add element` takes
//! 0.9 s and a replacement of all 0.7 s, and 10,000 deletions take minutes (nft 1.0.6). Of a large set that is known to be
//! as it was left, [`update`] changes single elements without `nft`.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::{Desired, Held, Set, SetError, Unusable, elements, is_denied};
use crate::ban::hits::{Counter, Element};
use crate::ban::permit::Action;
use crate::ban::{Cover, Prefix};
use crate::kernel::element::{Printed, Span};
use crate::kernel::generation;
use crate::system::program::{ProgramError, Programs};

/// Deletes the table whether it is there or not: the first line makes one, or leaves the one that is there.
const WITHOUT: &str = "table inet banbridge\ndelete table inet banbridge\n";

/// A set with the type of its elements, and whether they are IPv4.
type OurSet = (&'static str, &'static str, bool);

const SETS: [OurSet; 4] = [
    ("pass4", "ipv4_addr", true),
    ("pass6", "ipv6_addr", false),
    ("blocked4", "ipv4_addr", true),
    ("blocked6", "ipv6_addr", false),
];

/// The rules, each with what `nft -j` prints of it in every version: enough to see that it is the rule, and not so
/// much that another version's wording looks like another rule.
const RULES: [(&str, &[&str]); 6] = [
    ("iif \"lo\" accept", &["\"iif\"", "\"lo\"", "\"accept\""]),
    ("meta l4proto tcp ct state established accept", &["\"state\"", "\"established\"", "\"accept\""]),
    ("ip saddr @pass4 accept", &["\"saddr\"", "\"@pass4\"", "\"accept\""]),
    ("ip6 saddr @pass6 accept", &["\"saddr\"", "\"@pass6\"", "\"accept\""]),
    // And what becomes of the packet, see `verdict`.
    ("ip saddr @blocked4 counter name refused", &["\"saddr\"", "\"@blocked4\"", "\"refused\""]),
    ("ip6 saddr @blocked6 counter name refused", &["\"saddr\"", "\"@blocked6\"", "\"refused\""]),
];

/// The end of a rule that blocks; nothing for the others.
fn verdict(rule: &str, action: Action) -> &'static str {
    match (rule.split_once("@blocked"), action) {
        (None, _) => "",
        (_, Action::Drop) => " drop",
        (Some((_, family)), Action::Reject) if family.starts_with('4') => {
            " reject with icmp type port-unreachable"
        }
        (_, Action::Reject) => " reject with icmpv6 type port-unreachable",
    }
}

/// What the rules of a listing that block do, if they agree.
fn action(rules: &[String]) -> Option<Action> {
    let mut blocking = rules.iter().filter(|text| text.contains("\"@blocked"));
    let of = |text: &String| match (text.contains("\"reject\""), text.contains("\"drop\"")) {
        (true, false) => Some(Action::Reject),
        (false, true) => Some(Action::Drop),
        _ => None,
    };
    let first = blocking.next().and_then(of)?;
    blocking.all(|text| of(text) == Some(first)).then_some(first)
}

/// The script that makes the kernel hold exactly this, whatever was there, with the counters of `held`.
pub(super) fn script(desired: &Desired, held: &Held) -> String {
    let mut text = String::with_capacity(1024 + desired.blocked.len() * 20);
    text += WITHOUT;
    text += "table inet banbridge {\n";
    // Writing to a string cannot fail.
    let _ =
        writeln!(text, "\tcounter refused {{ packets {} bytes {} }}", held.total.packets, held.total.bytes);
    for (name, kind, ipv4) in SETS {
        let blocked = name.starts_with("blocked");
        let counter = if blocked && held.counts { "counter; " } else { "" };
        let _ = write!(text, "\tset {name} {{ type {kind}; flags interval; {counter}");
        let all = if blocked { &desired.blocked } else { &desired.pass };
        let mut separator = "elements = { ";
        for prefix in all.iter().filter(|prefix| prefix.is_ipv4() == ipv4) {
            let _ = write!(text, "{separator}{prefix}");
            separator = ",\n";
            let counter = if blocked && held.counts { held.counter(prefix) } else { Counter::default() };
            if counter != Counter::default() {
                let _ = write!(text, " counter packets {} bytes {}", counter.packets, counter.bytes);
            }
        }
        text += if separator == ",\n" { " }; }\n" } else { "}\n" };
    }
    text += "\tchain input {\n\t\ttype filter hook input priority -10; policy accept;\n";
    for (rule, _) in RULES {
        let _ = writeln!(text, "\t\t{rule}{}", verdict(rule, desired.action));
    }
    text += "\t}\n}\n";
    text
}

/// What a script of [`script`] makes the kernel hold, and whether with counters by element. None where it is no such script.
pub(super) fn read(script: &str) -> Option<(Desired, bool)> {
    let action = if script.contains("counter name refused drop") { Action::Drop } else { Action::Reject };
    let mut desired = Desired { action, ..Desired::default() };
    for (name, ..) in SETS {
        let (_, rest) = script.split_once(&format!("\tset {name} {{ "))?;
        let (set, _) = rest.split_once("}\n")?;
        let Some((_, elements)) = set.split_once("elements = { ") else { continue };
        let (elements, _) = elements.split_once(" }")?;
        let all = if name.starts_with("blocked") { &mut desired.blocked } else { &mut desired.pass };
        for element in elements.split(",\n") {
            all.push(element.parse().ok()?);
        }
    }
    Some((desired, script.contains("counter; ")))
}

/// Changes a few elements of what the kernel holds at this generation, both lists in order. Nothing is read and nothing
/// else is touched: counters go on.
pub(super) fn update(removed: &[Prefix], added: &[Prefix], generation: u32) -> rustix::io::Result<()> {
    // IPv4 comes first.
    let halves = |all: &[Prefix]| all.partition_point(Prefix::is_ipv4);
    let (removed4, removed6) = removed.split_at(halves(removed));
    let (added4, added6) = added.split_at(halves(added));
    elements::replace_in(
        &[("blocked4", removed4), ("blocked6", removed6)],
        &[("blocked4", added4), ("blocked6", added6)],
        generation,
    )
}

/// How often the kernel is asked for the elements before `nft` is: somebody else's change in between spoils an answer.
const TRIES: usize = 3;
const LIST: [&str; 5] = ["-j", "list", "table", "inet", "banbridge"];
/// The same without elements, and with all tables of the family: for a single table nft 1.0.6 asks the kernel for the
/// elements all the same. Versions before 0.9.1 do not know `-t`, and some after it print the elements.
const LIST_TERSE: [&str; 5] = ["-j", "-t", "list", "ruleset", "inet"];

/// Whether nft can be used, and what our table holds if there is one.
pub(super) fn open(programs: &dyn Programs) -> Result<Option<Held>, Unusable> {
    for _ in 0..TRIES {
        let before = generation::of_tables();
        let listed = programs.run("nft", &LIST_TERSE, Vec::new())?;
        if !listed.succeeded() {
            match listed.complaint() {
                complaint if complaint.contains("option") => break,
                complaint => return without_a_table(programs, complaint),
            }
        }
        let Some((held, bare)) = parse(&listed.stdout).map_err(Unusable::Error)? else {
            return without_a_table(programs, String::new());
        };
        if bare.is_empty() {
            return Ok(Some(held));
        }
        // Shape and elements are asked one after the other: they belong together where nobody changed anything meanwhile.
        if let Ok(held) = with_elements(held, &bare)
            && before.is_some()
            && before == generation::of_tables()
        {
            return Ok(Some(held));
        }
    }
    let listed = programs.run("nft", &LIST, Vec::new())?;
    if !listed.succeeded() {
        return without_a_table(programs, listed.complaint());
    }
    let found = parse(&listed.stdout).map_err(Unusable::Error)?;
    Ok(found.map(|(held, _)| held))
}

/// nft lists no table of ours: there is none, or it cannot be used.
fn without_a_table(programs: &dyn Programs, complaint: String) -> Result<Option<Held>, Unusable> {
    if is_denied(&complaint) {
        return Err(ProgramError::Failed("nft".to_owned(), complaint).into());
    }
    // Whether the kernel takes all that we need is tried without doing it.
    let empty = script(&Desired::default(), &Held::default());
    programs.demand("nft", &["-c", "-f", "-"], empty.into_bytes())?;
    Ok(None)
}

fn with_elements(mut held: Held, bare: &[&OurSet]) -> rustix::io::Result<Held> {
    for (name, _, ipv4) in bare {
        let found = elements::of_set(name, *ipv4)?;
        match name.starts_with("blocked") {
            true => held.blocked.extend(found),
            false => held.pass.extend(found.iter().map(|element| element.prefix)),
        }
    }
    held.sort();
    Ok(held)
}

/// Replaces the table. Counters by element need nft 0.9.5 and kernel 5.7; without them the total is all there is.
pub(super) fn replace(
    set: &Set<'_>,
    desired: &Desired,
    held: &Held,
    notes: &mut Vec<String>,
) -> Result<(), SetError> {
    let mut held = Held { counts: true, ..held.clone() };
    let mut complaint = None;
    for counts in [true, false] {
        held.counts = counts;
        set.save(&script(desired, &Held { counts, ..Held::default() }), notes);
        let text = script(desired, &held).into_bytes();
        match set.programs.demand("nft", &["-f", "-"], text) {
            Ok(_) => return Ok(()),
            Err(error @ ProgramError::Failed(..)) => {
                complaint.get_or_insert(error);
                notes.clear();
            }
            Err(error) => return Err(SetError::of(error)),
        }
    }
    Err(complaint.map_or_else(|| SetError::Unreadable("nft", String::new()), SetError::of))
}

/// Loads a saved script unless there is a table already, in which case the script's first step fails. FeedPolicy first
/// would cost more: `nft list tables` reads all that is in them.
pub(super) fn load(programs: &dyn Programs, text: &str) -> Result<bool, SetError> {
    let script = format!("create table inet banbridge\n{}", text.strip_prefix(WITHOUT).unwrap_or(text));
    let output = programs.run("nft", &["-f", "-"], script.into_bytes()).map_err(SetError::of)?;
    match output.complaint() {
        _ if output.succeeded() => Ok(true),
        complaint if complaint.contains("File exists") => Ok(false),
        complaint => Err(SetError::of(ProgramError::Failed("nft".to_owned(), complaint))),
    }
}

/// Removes the table. False when there was none, or no nft.
pub(super) fn remove(programs: &dyn Programs) -> Result<bool, SetError> {
    match programs.demand("nft", &["delete", "table", "inet", "banbridge"], Vec::new()) {
        Ok(_) => Ok(true),
        // Without a usable nft there is no table of ours.
        Err(ProgramError::Missing(_)) => Ok(false),
        Err(error) => match SetError::of(error) {
            SetError::Program(ProgramError::Failed(..)) => Ok(false),
            error => Err(error),
        },
    }
}

/// Reads what `nft -j` prints of our table (libnftables-json(5)), and names the sets that it prints without elements. None
/// where there is no such table.
fn parse(json: &[u8]) -> Result<Option<(Held, Vec<&'static OurSet>)>, SetError> {
    let unreadable = |error: serde_json::Error| SetError::Unreadable("nft", error.to_string());
    let listing: Listing<'_> = serde_json::from_slice(json).map_err(unreadable)?;
    let mut held = Held { counts: true, ..Held::default() };
    let (mut sets, mut bare) = (Vec::new(), Vec::new());
    let (mut chains, mut rules) = (0, Vec::new());
    let mut found = false;
    for item in listing.nftables {
        found |= item.table.is_some_and(|table| is_ours(&table.family, &table.name));
        if let Some(set) = item.set.filter(|set| is_ours(&set.family, &set.table)) {
            let ours = SETS.iter().find(|(name, kind, _)| *name == set.name && *kind == set.kind);
            let ours = ours.filter(|_| set.flags.iter().any(|flag| flag == "interval"));
            sets.push(ours.map(|(name, ..)| *name));
            bare.extend(ours.filter(|_| set.elem.is_empty()));
            if set.name.starts_with("blocked") {
                held.counts &= !set.stmt.is_empty();
                held.blocked.extend(set.elem.iter().flat_map(prefixes));
            } else {
                held.pass.extend(set.elem.iter().flat_map(prefixes).map(|element| element.prefix));
            }
        }
        if let Some(chain) = item.chain.filter(|chain| is_ours(&chain.family, &chain.table)) {
            chains += 1;
            let ours = chain.name == "input"
                && chain.hook.as_deref() == Some("input")
                && chain.prio == Some(-10)
                && chain.policy.as_deref() == Some("accept");
            chains += if ours { 0 } else { 100 };
        }
        if let Some(rule) = item.rule.filter(|rule| is_ours(&rule.family, &rule.table)) {
            rules.push(serde_json::to_string(&rule.expr).map_err(unreadable)?);
        }
        if let Some(counter) = item
            .counter
            .filter(|counter| is_ours(&counter.family, &counter.table) && counter.name == "refused")
        {
            held.total = Counter { packets: counter.packets, bytes: counter.bytes };
        }
    }
    sets.sort_unstable();
    let mut all: Vec<_> = SETS.iter().map(|(name, ..)| Some(*name)).collect();
    all.sort_unstable();
    let is = |(text, (_, parts)): (&String, &(&str, &[&str]))| parts.iter().all(|part| text.contains(part));
    held.action = action(&rules);
    held.intact = sets == all
        && chains == 1
        && held.action.is_some()
        && rules.len() == RULES.len()
        && rules.iter().zip(&RULES).all(is);
    held.sort();
    Ok(found.then_some((held, bare)))
}

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    nftables: Vec<Item<'a>>,
}

/// One of these; what else there is in a listing is of no interest.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    table: Option<TableItem<'a>>,
    #[serde(borrow)]
    set: Option<SetItem<'a>>,
    #[serde(borrow)]
    chain: Option<ChainItem<'a>>,
    #[serde(borrow)]
    rule: Option<RuleItem<'a>>,
    #[serde(borrow)]
    counter: Option<CounterItem<'a>>,
}

#[derive(Deserialize)]
struct TableItem<'a> {
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// Whether something is in our table.
fn is_ours(family: &str, table: &str) -> bool {
    family == "inet" && table == "banbridge"
}

#[derive(Deserialize)]
struct SetItem<'a> {
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    table: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "type", deserialize_with = "word")]
    kind: String,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    elem: Vec<Printed>,
    #[serde(default)]
    stmt: Vec<IgnoredAny>,
}

/// The type of a set is a word, or for a concatenation, which is none of ours, a list.
fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

#[derive(Deserialize)]
struct ChainItem<'a> {
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    table: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    hook: Option<Cow<'a, str>>,
    prio: Option<i64>,
    #[serde(borrow)]
    policy: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct RuleItem<'a> {
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    table: Cow<'a, str>,
    expr: serde_json::Value,
}

#[derive(Deserialize)]
struct CounterItem<'a> {
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    table: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    packets: u64,
    bytes: u64,
}

/// What our set holds of an element, in prefixes; the counter of a range stands at its first.
fn prefixes(element: &Printed) -> Vec<Element> {
    let prefixes = match element.span {
        Span::Net(net) => vec![Prefix::new(net)],
        Span::Range(from, to) => Cover::range(from, to).prefixes(),
    };
    let counters = std::iter::once(element.counter).chain(std::iter::repeat(Counter::default()));
    prefixes.into_iter().zip(counters).map(|(prefix, counter)| Element { prefix, counter }).collect()
}

#[cfg(test)]
#[path = "nft_tests.rs"]
mod tests;
