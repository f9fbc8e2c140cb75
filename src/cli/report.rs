//! What `sync` and `apply` print: a run's report in words.

use super::Global;
use super::output::{count, number, print, print_json};
use crate::ban::health::{Blocks, Hindrance};
use crate::run::report::{FeedReport, Reload, Report};
use crate::system::failure::Result;

/// Skipped entries of a feed that are named; `list --skipped` shows all.
const SKIPPED_SHOWN: usize = 5;

/// Prints a report.
pub fn show(global: &Global, report: &Report) -> Result<()> {
    if global.json {
        print_json(report)
    } else if !global.quiet {
        print(&text(report))
    } else {
        Ok(())
    }
}

/// The whole report in words.
fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    if report.dry_run {
        lines.push("Dry run: nothing was changed. A run would do this:".to_owned());
    }
    for feed in &report.feeds {
        lines.extend(feed_lines(feed));
    }
    let b = &report.blacklist;
    let yours = match b.other_rows {
        0 => String::new(),
        1 => " Your row is unchanged.".to_owned(),
        rows => format!(" Your {} rows are unchanged.", number(rows)),
    };
    lines.push(format!(
        "Blacklist: {} added, {} removed, {} kept.{yours}",
        count(b.added, "row", "rows"),
        number(b.removed),
        number(b.kept)
    ));
    if let Some(set) = &report.set {
        lines.push(format!(
            "Kernel set: blocks {} ({} added, {} removed).",
            addresses(set.size),
            number(set.added),
            number(set.removed)
        ));
    } else if b.over_limit > 0 {
        lines.push(format!(
            "Not blocked: {}. The row limit of {} is reached ([blacklist] limit).",
            addresses(b.over_limit),
            number(b.limit)
        ));
    }
    if b.not_by_row > 0 && report.set.is_none() {
        lines.push(format!(
            "Not blocked: {} of IPv6. The iptables driver of this firewall does not enforce IPv6 rows.",
            addresses(b.not_by_row)
        ));
    }
    lines.extend(report.plan_add.iter().map(|key| format!("  + {key}")));
    lines.extend(report.plan_remove.iter().map(|key| format!("  - {key}")));
    if !report.dry_run {
        lines.push(effect(report));
    }
    lines.join("\n") + "\n"
}

/// Whether the rows block, and if not, what to do.
pub fn effect(report: &Report) -> String {
    let firewall = &report.firewall;
    if let Some(hindrance) = Hindrance::of(firewall.enabled, firewall.service) {
        return hindrance.sentence(Blocks::of(firewall.enabled && firewall.rules, report.set.is_some()));
    }
    let takes = report.seconds_to_load().map(|seconds| format!(" (about {seconds} s)")).unwrap_or_default();
    match report.reload {
        Reload::None => "No changes.".to_owned(),
        Reload::Hup if report.verified => "All changes have taken effect.".to_owned(),
        Reload::Hup => format!("The firewall is loading the rows{takes}."),
        Reload::Pending => {
            format!("The rows are pending. The firewall loads them within {} s{takes}.", firewall.period_s)
        }
    }
}

fn feed_lines(feed: &FeedReport) -> Vec<String> {
    let name = &feed.name;
    let more = if feed.complete { "" } else { "; more to fetch" };
    let mut lines = Vec::new();
    match (feed.requests, &feed.error, feed.fetched) {
        (0, None, _) => lines.push(format!("{name}: not due yet")),
        (0, Some(_), _) => {}
        (.., 0) => lines.push(format!("{name}: nothing new{more}")),
        (.., fetched) => {
            let fetched = count(fetched, "entry", "entries");
            lines.push(format!("{name}: {fetched} fetched, {} used{more}", number(feed.used)));
        }
    }
    lines.extend(feed.note.iter().map(|note| format!("{name}: note: {note}")));
    lines.extend(feed.error.iter().map(|error| format!("{name}: error: {error}")));
    for skipped in feed.skipped.iter().take(SKIPPED_SHOWN) {
        lines.push(format!("  skipped \"{}\": {}", skipped.entry, skipped.reason));
    }
    let unnamed = (feed.skipped.len() + feed.skipped_more).saturating_sub(SKIPPED_SHOWN);
    if unnamed > 0 {
        lines.push(format!("  and {} more (banbridge list --skipped)", number(unnamed)));
    }
    lines
}

/// A number of addresses and networks.
fn addresses(number: usize) -> String {
    count(number, "address or network", "addresses and networks")
}
