//! `status`: is the PBX protected, and if not, why.

mod monitor;
mod prometheus;

use clap::{Args, ValueEnum};

use super::Global;
use super::output::{ago_or, count, number, print, print_json, table};
use crate::ban::plan::Driver;
use crate::run::status::{self, Status};
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `status` takes.
#[derive(Debug, Default, Args)]
pub struct StatusArgs {
    /// Write the figures in another form
    #[arg(long, value_enum, conflicts_with = "json")]
    format: Option<Format>,
    /// For Nagios and Icinga: one line, and the exit code 0 (OK), 1 (warning), 2 (critical) or 3 (unknown)
    #[arg(long, conflicts_with = "format")]
    check: bool,
}

/// Another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For node_exporter's textfile collector
    Prometheus,
}

/// Runs the command.
pub fn run(global: &Global, args: &StatusArgs) -> Result<Exit> {
    if args.check {
        return monitor::run(global);
    }
    let (status, now) = load(global)?;
    if args.format == Some(Format::Prometheus) {
        print(&prometheus::text(&status))?;
    } else if global.json {
        print_json(&status)?;
    } else if !global.quiet {
        print(&text(&status, now))?;
    }
    Ok(Exit::Done)
}

/// What `status --json` prints.
pub fn value(global: &Global) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(load(global)?.0)?)
}

fn load(global: &Global) -> Result<(Status, i64)> {
    status::status(&global.environment())
}

fn text(status: &Status, now: i64) -> String {
    let firewall = &status.firewall;
    let mut lines = vec![status.state_text.clone()];
    let b = &status.blacklist;
    let driver = match firewall.driver {
        Driver::Iptables => "iptables (FreePBX 15 to 17)",
        Driver::Nftables => "nftables (FreePBX 18)",
    };
    lines.push(format!("Firewall:   driver {driver}, reads the rows every {} s", firewall.period_s));
    lines.push(format!(
        "Blacklist:  {} of {} banbridge rows, {} of yours, {} unblocked",
        number(b.rows),
        number(b.limit),
        count(b.other_rows, "row", "rows"),
        count(b.unblocked, "address", "addresses")
    ));
    if b.restart_s > 1 {
        lines.push(format!(
            "            A restart of the firewall takes about {} s longer for them.",
            number(b.restart_s)
        ));
    }
    if b.pass_s > 0 {
        lines.push(format!(
            "            Each pass of the firewall, every {} s, takes about {} s longer for them.",
            firewall.period_s,
            number(b.pass_s)
        ));
    }
    let set = &status.set;
    lines.push(match (set.backend, &set.note) {
        (Some(backend), _) => {
            let since = set.since.map(|since| format!(" since {since}")).unwrap_or_default();
            let packets = count(set.blocked_packets, "blocked packet", "blocked packets");
            let size = count(set.size, "address or network", "addresses and networks");
            format!("Kernel set: {size}, made with {backend}; {packets}{since}")
        }
        (None, Some(note)) => format!("Kernel set: none ({note})"),
        (None, None) => "Kernel set: none".to_owned(),
    });
    for busy in &set.busiest {
        let packets = count(busy.packets, "packet", "packets");
        lines.push(format!("            {packets} from {}, last {}", busy.address, busy.last_at.ago(now)));
    }
    if let Some(permit) = &status.permit {
        lines.push(match (permit.in_force, &permit.note) {
            (true, _) => {
                let ports = match &permit.ports {
                    None => "all ports".to_owned(),
                    Some(ports) => ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                };
                let families = match (permit.ipv4, permit.ipv6) {
                    (true, false) => "; IPv6 is left alone, it has no permit list",
                    (false, true) => "; IPv4 is left alone, it has no permit list",
                    _ => "",
                };
                format!(
                    "Permit:     only {} of {} get in at {ports}; {} from outside{families}",
                    count(permit.size, "network", "networks"),
                    permit.feeds.join(", "),
                    count(permit.outside_packets, "packet", "packets"),
                )
            }
            (false, note) => format!(
                "Permit:     not in force ({})",
                note.as_deref().unwrap_or("a list was not fetched yet")
            ),
        });
    }
    if b.protected > 0 {
        lines.push(format!(
            "Protected:  {} listed and not blocked (banbridge list --skipped)",
            count(b.protected, "address or network", "addresses and networks")
        ));
    }
    if let Some(run) = &status.last_run {
        let end = match (run.exit_code, &run.finished_at) {
            (Some(0), _) if run.warnings > 0 => {
                format!("done with {} (banbridge log)", count(run.warnings, "warning", "warnings"))
            }
            (Some(0), _) => "done".to_owned(),
            (Some(code), _) => format!("exit code {code}"),
            (None, _) => "not finished".to_owned(),
        };
        lines.push(format!(
            "Last run:   {}, {end}, {} added, {} removed",
            run.started_at.ago(now),
            count(run.added, "row", "rows"),
            number(run.removed)
        ));
    }
    let feeds = status.feeds.iter().map(|feed| {
        let state = match (feed.enabled, feed.out_of_date, feed.complete) {
            (false, ..) => "disabled",
            _ if feed.held > 0 => "held",
            (_, true, _) => "out of date",
            (.., false) => "loading",
            _ => "OK",
        };
        let success = ago_or(feed.last_success, now, "never");
        vec![feed.name.clone(), state.to_owned(), number(feed.entries), success]
    });
    let mut text = lines.join("\n") + "\n\n" + &table(&["FEED", "STATE", "ENTRIES", "LAST UPDATE"], feeds);
    if !status.problems.is_empty() {
        text += "\nProblems:\n";
        for problem in &status.problems {
            text += &format!("- {}, since {}: {}\n", problem.level, problem.since, problem.title);
        }
    }
    if !status.notes.is_empty() {
        text += "\nNotes:\n";
        for note in &status.notes {
            text += &format!("- {note}\n");
        }
    }
    text
}
