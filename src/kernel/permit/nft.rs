//! The permit list as an nftables table of our own, `inet banbridge_permit`.
//!
//! Its chain stands one place behind the kernel set's, so that what the set blocks never gets here, and before the
//! firewall's own. A packet that it accepts goes on to those.

use std::fmt::Write;

use serde_json::Value;

use super::{Desired, Found};
use crate::ban::hits::{Counter, Element};
use crate::ban::permit::Action;
use crate::ban::{Cover, Prefix};
use crate::kernel::set::{SetError, elements};
use crate::system::program::{ProgramError, Programs};

const TABLE: &str = "banbridge_permit";
const WITHOUT: &str = "table inet banbridge_permit\ndelete table inet banbridge_permit\n";
/// The priority of the chain: the set's is -10.
const PRIORITY: i64 = -9;

/// The sets: their name, whether they are of IPv4, and whether they hold who is let in, else who passes.
const SETS: [(&str, bool, bool); 4] =
    [("pass4", true, false), ("pass6", false, false), ("permit4", true, true), ("permit6", false, true)];

fn content(desired: &Desired, ipv4: bool, permit: bool) -> Vec<&Prefix> {
    match permit {
        true => desired.permit[usize::from(!ipv4)].iter().flatten().collect(),
        false => desired.pass.iter().filter(|prefix| prefix.is_ipv4() == ipv4).collect(),
    }
}

fn list(ports: &[u16]) -> String {
    let all: Vec<String> = ports.iter().map(u16::to_string).collect();
    format!("{{ {} }}", all.join(", "))
}

/// The rules in order, each with words that `nft -j` prints of it in every version.
fn rules(desired: &Desired) -> Vec<(String, Vec<&'static str>)> {
    let mut all = vec![
        ("iif \"lo\" accept".to_owned(), vec!["\"iif\"", "\"lo\"", "\"accept\""]),
        (
            "ct state established,related accept".to_owned(),
            vec!["\"state\"", "\"established\"", "\"related\"", "\"accept\""],
        ),
    ];
    let verdict = |tcp: bool, ipv4: bool| match (desired.action, tcp, ipv4) {
        (Action::Drop, ..) => ("drop", "\"drop\""),
        (Action::Reject, true, _) => ("reject with tcp reset", "\"reject\""),
        (Action::Reject, false, true) => ("reject with icmp type port-unreachable", "\"reject\""),
        (Action::Reject, false, false) => ("reject with icmpv6 type port-unreachable", "\"reject\""),
    };
    for (ipv4, family, proto, sets) in [
        (true, "ip", "ipv4", [("permit4", "\"@permit4\""), ("pass4", "\"@pass4\"")]),
        (false, "ip6", "ipv6", [("permit6", "\"@permit6\""), ("pass6", "\"@pass6\"")]),
    ] {
        if desired.permit[usize::from(!ipv4)].is_none() {
            continue;
        }
        // Most come from where business is done, and are let in by the first search.
        for (set, word) in sets {
            all.push((format!("{family} saddr @{set} accept"), vec![word, "\"accept\""]));
        }
        // Neighbors are found by ICMPv6, and a path's size by both: without them nobody is reached.
        if desired.ports.all {
            let echo = if ipv4 { "icmp" } else { "ipv6-icmp" };
            all.push((
                format!("meta nfproto {proto} meta l4proto {echo} accept"),
                vec!["\"l4proto\"", "\"accept\""],
            ));
            let (text, word) = verdict(false, ipv4);
            all.push((
                format!("meta nfproto {proto} counter name outside {text}"),
                vec!["\"outside\"", word],
            ));
            continue;
        }
        for (tcp, ports, word) in [(false, &desired.ports.udp, "udp"), (true, &desired.ports.tcp, "tcp")] {
            if !ports.is_empty() {
                let (text, verdict) = verdict(tcp, ipv4);
                let ports = list(ports);
                all.push((
                    format!("meta nfproto {proto} {word} dport {ports} counter name outside {text}"),
                    vec!["\"dport\"", "\"outside\"", verdict],
                ));
            }
        }
    }
    all
}

/// The script that makes the kernel hold exactly this, whatever was there.
pub(super) fn script(desired: &Desired, outside: Counter) -> String {
    let mut text = String::with_capacity(1024 + desired.size() * 20);
    text += WITHOUT;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "table inet {TABLE} {{");
    let _ = writeln!(text, "\tcounter outside {{ packets {} bytes {} }}", outside.packets, outside.bytes);
    for (name, ipv4, permit) in SETS {
        let kind = if ipv4 { "ipv4_addr" } else { "ipv6_addr" };
        let _ = write!(text, "\tset {name} {{ type {kind}; flags interval; ");
        let mut separator = "elements = { ";
        for prefix in content(desired, ipv4, permit) {
            let _ = write!(text, "{separator}{prefix}");
            separator = ",\n";
        }
        text += if separator == ",\n" { " }; }\n" } else { "}\n" };
    }
    let _ =
        writeln!(text, "\tchain input {{\n\t\ttype filter hook input priority {PRIORITY}; policy accept;");
    for (rule, _) in rules(desired) {
        let _ = writeln!(text, "\t\t{rule}");
    }
    text += "\t}\n}\n";
    text
}

/// Looks whether the kernel holds exactly this.
pub(super) fn look(programs: &dyn Programs, desired: &Desired) -> Result<Found, SetError> {
    let listed = programs.run("nft", &["-j", "-t", "list", "ruleset", "inet"], Vec::new())?;
    if !listed.succeeded() {
        // A version that does not know `-t`: all is loaded anew, which is right too.
        return Ok(Found::default());
    }
    let listing: Value = serde_json::from_slice(&listed.stdout)
        .map_err(|error| SetError::Unreadable("nft", error.to_string()))?;
    let mut found = shape(&listing, desired);
    found.intact &= SETS.iter().all(|(name, ipv4, permit)| {
        let held = elements::of_set_in(TABLE, name, *ipv4);
        let wanted: Vec<Prefix> = content(desired, *ipv4, *permit).into_iter().copied().collect();
        held.is_ok_and(|held: Vec<Element>| {
            let held: Vec<Prefix> = held.iter().map(|element| element.prefix).collect();
            Cover::new(&held).prefixes() == wanted
        })
    });
    Ok(found)
}

/// Whether chain and rules of a listing are ours as they should be, and the counter.
fn shape(listing: &Value, desired: &Desired) -> Found {
    let items = listing["nftables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |kind: &'static str| {
        items
            .iter()
            .map(move |item| &item[kind])
            .filter(|one| one["family"] == "inet" && one["table"] == TABLE)
    };
    let chains: Vec<&Value> = of("chain").collect();
    let chain_is_ours = |chain: &Value| {
        chain["name"] == "input"
            && chain["hook"] == "input"
            && chain["prio"] == PRIORITY
            && chain["policy"] == "accept"
    };
    let written: Vec<String> = of("rule").map(|rule| rule["expr"].to_string()).collect();
    let expected = rules(desired);
    let ports = |(text, (rule, _)): (&String, &(String, _))| {
        // Each port that a rule names is in what is printed of it, and no other number is as long.
        rule.split_once("dport { ").is_none_or(|(_, rest)| {
            let all = rest.split(" }").next().unwrap_or_default();
            let count = all.split(", ").count();
            let digits = |c: char| !c.is_ascii_digit();
            let named: Vec<&str> = text.split(digits).filter(|word| !word.is_empty()).collect();
            all.split(", ").all(|port| named.contains(&port)) && named.len() <= count + 1
        })
    };
    let words =
        |(text, (_, words)): (&String, &(String, Vec<&str>))| words.iter().all(|word| text.contains(word));
    let intact = chains.len() == 1
        && chain_is_ours(chains[0])
        && written.len() == expected.len()
        && written.iter().zip(&expected).all(words)
        && written.iter().zip(&expected).all(ports);
    let counter = of("counter").find(|counter| counter["name"] == "outside");
    let number = |key: &str| counter.and_then(|counter| counter[key].as_u64()).unwrap_or(0);
    Found { intact, outside: Counter { packets: number("packets"), bytes: number("bytes") } }
}

/// Replaces the table in one step; its counter goes on.
pub(super) fn replace(programs: &dyn Programs, desired: &Desired, outside: Counter) -> Result<(), SetError> {
    programs
        .demand("nft", &["-f", "-"], script(desired, outside).into_bytes())
        .map(drop)
        .map_err(SetError::of)
}

/// Loads a saved script unless there is a table already.
pub(super) fn load(programs: &dyn Programs, text: &str) -> Result<bool, SetError> {
    let script = format!("create table inet {TABLE}\n{}", text.strip_prefix(WITHOUT).unwrap_or(text));
    let output = programs.run("nft", &["-f", "-"], script.into_bytes()).map_err(SetError::of)?;
    match output.complaint() {
        _ if output.succeeded() => Ok(true),
        complaint if complaint.contains("File exists") => Ok(false),
        complaint => Err(SetError::of(ProgramError::Failed("nft".to_owned(), complaint))),
    }
}

/// Removes the table. False where there was none, or no nft.
pub(super) fn remove(programs: &dyn Programs) -> Result<bool, SetError> {
    match programs.demand("nft", &["delete", "table", "inet", TABLE], Vec::new()) {
        Ok(_) => Ok(true),
        Err(ProgramError::Missing(_)) => Ok(false),
        Err(error) => match SetError::of(error) {
            SetError::Program(ProgramError::Failed(..)) => Ok(false),
            error => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ports;
    use super::*;

    fn desired(permit: &[&str]) -> Desired {
        let permit: Vec<Prefix> = permit.iter().map(|text| text.parse().unwrap()).collect();
        let ports = Ports { all: false, udp: vec![5060], tcp: vec![5060, 5061] };
        Desired::new(&permit, &["192.0.2.0/24".parse().unwrap()], ports, Action::Reject)
    }

    #[test]
    fn a_family_without_a_list_is_left_alone() {
        let only4 = script(&desired(&["45.0.0.0/8"]), Counter::default());
        assert!(
            only4.contains("ip saddr @permit4 accept") && only4.contains("udp dport { 5060 }"),
            "{only4}"
        );
        assert!(!only4.contains("nfproto ipv6") && !only4.contains("@permit6"), "{only4}");
        let both = script(&desired(&["45.0.0.0/8", "2a05::/16"]), Counter::default());
        assert!(
            both.contains("meta nfproto ipv6 tcp dport { 5060, 5061 } counter name outside reject"),
            "{both}"
        );
        assert!(desired(&[]).is_nothing());
    }

    #[test]
    fn what_is_established_permitted_or_protected_stands_before_the_ports() {
        let text = script(&desired(&["45.0.0.0/8"]), Counter { packets: 7, bytes: 9 });
        let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text}"));
        assert!(
            at("iif \"lo\"") < at("established,related") && at("established,related") < at("@permit4 accept")
        );
        assert!(at("@permit4 accept") < at("@pass4 accept") && at("@pass4 accept") < at("dport"));
        assert!(text.contains("counter outside { packets 7 bytes 9 }"));
    }

    #[test]
    fn another_port_or_verdict_in_the_kernel_is_not_intact() {
        let of = |desired: &Desired| {
            let rule = |(text, words): &(String, Vec<&str>)| {
                let ports: Vec<&str> =
                    text.split(|c: char| !c.is_ascii_digit()).filter(|w| w.len() == 4).collect();
                let text = format!("{} [{}]", words.join(" "), ports.join(","));
                serde_json::json!({ "rule": { "family": "inet", "table": TABLE, "expr": text } })
            };
            let mut items: Vec<Value> = rules(desired).iter().map(rule).collect();
            items.push(serde_json::json!({ "chain": { "family": "inet", "table": TABLE, "name": "input",
                "hook": "input", "prio": PRIORITY, "policy": "accept" } }));
            serde_json::json!({ "nftables": items })
        };
        // What nft prints is JSON, whose quotes a text in JSON has with a stroke before each.
        let unquoted = |listing: Value| -> Value {
            let mut listing = listing;
            for item in listing["nftables"].as_array_mut().into_iter().flatten() {
                if let Some(text) = item["rule"]["expr"].as_str().map(str::to_owned) {
                    let words: Vec<Value> =
                        text.split(' ').map(|word| word.trim_matches('"').into()).collect();
                    item["rule"]["expr"] = Value::Array(words);
                }
            }
            listing
        };
        let wanted = desired(&["45.0.0.0/8"]);
        assert!(shape(&unquoted(of(&wanted)), &wanted).intact);
        let other = Desired { ports: Ports { udp: vec![5080], ..wanted.ports.clone() }, ..wanted.clone() };
        assert!(!shape(&unquoted(of(&other)), &wanted).intact);
        let drops = Desired { action: Action::Drop, ..wanted.clone() };
        assert!(!shape(&unquoted(of(&drops)), &wanted).intact);
        assert!(!shape(&serde_json::json!({ "nftables": [] }), &wanted).intact);
    }
}
