//! What a run reports: the JSON object, the summary for people, and the log's last lines.

use serde::{Deserialize, Serialize};

use crate::ban::plan::Driver;
use crate::system::exit::Exit;
use crate::system::text::count;
use crate::system::text::one_line;

/// Seconds that the iptables driver needs to take up or drop one row (measured: 4 to 9 ms).
pub const SECONDS_A_ROW: f64 = 0.008;
/// Skipped entries that the summary names; `list --skipped` has all.
const SKIPPED_SHOWN: usize = 5;

/// An entry that was skipped, harmless to print, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SkippedEntry {
    /// The entry as the feed said it, cut and escaped.
    pub entry: String,
    /// The reason.
    pub reason: String,
}

/// What became of one feed. `fetched` = `used` + the number of `skipped` + `skipped_more`.
#[derive(Debug, Serialize, Deserialize)]
pub struct FeedReport {
    /// The feed.
    pub name: String,
    /// Requests that were sent.
    pub requests: u64,
    /// Entries that came.
    pub fetched: usize,
    /// Those of them that count.
    pub used: usize,
    /// Entries that do not count, and why.
    pub skipped: Vec<SkippedEntry>,
    /// Skipped entries that are counted and not named: a list may have very many.
    #[serde(default)]
    pub skipped_more: usize,
    /// Whether the list was read to its end.
    pub complete: bool,
    /// Whether the surge guard holds what is new.
    pub held: bool,
    /// What else is to be known of it.
    pub note: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// What that means for the exit code.
    #[serde(skip, default = "done")]
    pub exit: Exit,
}

fn done() -> Exit {
    Exit::Done
}

impl FeedReport {
    /// Nothing became of it yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            requests: 0,
            fetched: 0,
            used: 0,
            skipped: Vec::new(),
            skipped_more: 0,
            complete: false,
            held: false,
            note: None,
            error: None,
            exit: Exit::Done,
        }
    }
}

/// What became of the firewall's blacklist, in rows of ours. `added` + `kept` is what is there now.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BlacklistReport {
    /// How many came.
    pub added: usize,
    /// How many went.
    pub removed: usize,
    /// How many stayed.
    pub kept: usize,
    /// The most rows of ours.
    pub limit: usize,
    /// Addresses and networks over the row limit.
    pub over_limit: usize,
    /// Addresses and networks that the driver cannot block by a row.
    pub not_by_row: usize,
    /// Addresses and networks that are protected.
    pub protected: usize,
    /// Rows that are not of banbridge: yours.
    pub other_rows: usize,
    /// Addresses and networks that were unblocked.
    pub unblocked: usize,
    /// Addresses and networks that the feeds want blocked.
    #[serde(default)]
    pub to_block: usize,
}

/// What became of the set.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SetReport {
    /// `nft` or `ipset`.
    pub backend: Option<String>,
    /// Prefixes that it blocks now.
    pub size: usize,
    /// How many came.
    pub added: usize,
    /// How many went.
    pub removed: usize,
}

/// What is known of the firewall.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FirewallReport {
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether its daemon runs.
    pub running: bool,
    /// Its driver.
    pub driver: Option<Driver>,
    /// How often it looks for changes, in seconds.
    pub period_s: u64,
}

/// How the firewall learns of changed rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reload {
    /// It was told to look now.
    Hup,
    /// It looks by itself, or when it is started.
    Pending,
    /// Nothing was changed.
    None,
}

/// The whole run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// What became of each feed.
    pub feeds: Vec<FeedReport>,
    /// What became of the blacklist.
    pub blacklist: BlacklistReport,
    /// The second place that blocks; none where there is none.
    pub set: Option<SetReport>,
    /// How the firewall learns of it.
    pub reload: Reload,
    /// Whether the kernel was seen to hold what the rows say.
    pub verified: bool,
    /// Why the rows could not be brought into force together with the firewall's chain, when they could not.
    pub fallback: Option<String>,
    /// How the firewall stands.
    pub firewall: FirewallReport,
    /// What the administrator should know although the run went on.
    pub warnings: Vec<String>,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// In a dry run: the rows that would be written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan_add: Vec<String>,
    /// In a dry run: the rows that would be taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan_remove: Vec<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// What that means for the exit code.
    #[serde(skip, default = "done")]
    pub exit: Exit,
    /// Whether this run changed rows.
    #[serde(skip)]
    pub changed: bool,
}

impl Report {
    /// A run that begins.
    pub fn new(dry_run: bool) -> Self {
        Self {
            feeds: Vec::new(),
            blacklist: BlacklistReport::default(),
            set: None,
            reload: Reload::None,
            verified: false,
            fallback: None,
            firewall: FirewallReport::default(),
            warnings: Vec::new(),
            dry_run,
            plan_add: Vec::new(),
            plan_remove: Vec::new(),
            elapsed_ms: 0,
            exit: Exit::Done,
            changed: false,
        }
    }

    /// Takes over what a child reports. In a dry run that is all there is; else it is what became of the feeds, and
    /// the rest is this process's own.
    pub fn take_over(&mut self, mut of_child: Self, exit: Exit) {
        // The child runs as another user: what it says is shown, so it must be harmless to show.
        of_child.make_harmless();
        if self.dry_run {
            *self = of_child;
            self.exit = exit;
            return;
        }
        self.feeds = of_child.feeds;
        self.exit = self.exit.worse(exit);
        for warning in of_child.warnings {
            self.warn(warning);
        }
    }

    /// Whether there is anything that only root could bring into force whole.
    pub fn changed_anything(&self) -> bool {
        self.changed || self.reload != Reload::None || self.feeds.iter().any(|feed| feed.fetched > 0)
    }

    fn make_harmless(&mut self) {
        let clean = |text: &mut String| *text = one_line(text, 1_000).into_owned();
        for feed in &mut self.feeds {
            clean(&mut feed.name);
            feed.error.iter_mut().chain(&mut feed.note).for_each(clean);
            for skipped in &mut feed.skipped {
                clean(&mut skipped.entry);
                clean(&mut skipped.reason);
            }
        }
        self.warnings.iter_mut().for_each(clean);
        self.plan_add.iter_mut().chain(&mut self.plan_remove).for_each(clean);
    }

    /// Something that the administrator should know although the run goes on.
    pub fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            log::warn!("{warning}");
            self.warnings.push(warning);
        }
    }

    /// The first feed's error, for the run's record.
    pub fn first_error(&self) -> Option<String> {
        self.feeds.iter().find_map(|feed| feed.error.clone())
    }

    /// The counts at the end of the log, and what went wrong.
    pub fn log(&self, error: Option<&str>) {
        for feed in self.feeds.iter().filter(|feed| feed.requests > 0) {
            log::info!(
                "feed {}: {}, {} fetched, {} used, {} skipped, {}",
                feed.name,
                count(feed.requests, "request", "requests"),
                feed.fetched,
                feed.used,
                feed.skipped.len() + feed.skipped_more,
                if feed.complete { "list complete" } else { "list not complete" }
            );
        }
        for feed in &self.feeds {
            if let Some(error) = &feed.error {
                log::error!("feed {}: {error}", feed.name);
            }
        }
        if let (Some(error), None) = (error, self.first_error()) {
            log::error!("{error}");
        }
        let b = &self.blacklist;
        log::info!(
            "done: {} rows added, {} removed, {} kept, {} over the limit, {} protected; {} of the administrator",
            b.added,
            b.removed,
            b.kept,
            b.over_limit,
            b.protected,
            count(b.other_rows, "row", "rows")
        );
    }

    /// The summary for people.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        if self.dry_run {
            lines.push("Dry run: nothing was changed. A run would do this:".to_owned());
        }
        lines.extend(self.feeds.iter().map(feed_line));
        for feed in &self.feeds {
            for skipped in feed.skipped.iter().take(SKIPPED_SHOWN) {
                lines.push(format!("  skipped {}: {}", skipped.entry, skipped.reason));
            }
            let more = (feed.skipped.len() + feed.skipped_more).saturating_sub(SKIPPED_SHOWN);
            if more > 0 {
                lines.push(format!("  and {more} more (banbridge list --skipped)"));
            }
        }
        let b = &self.blacklist;
        lines.push(format!(
            "Blacklist: {} added, {} removed, {} kept; {} of the administrator untouched.",
            count(b.added, "row", "rows"),
            b.removed,
            b.kept,
            count(b.other_rows, "row", "rows")
        ));
        if let Some(set) = &self.set {
            lines.push(format!(
                "Set in the kernel: {} in force now, both families ({} added, {} removed).",
                count(set.size, "network", "networks"),
                set.added,
                set.removed
            ));
        } else if b.over_limit > 0 {
            lines.push(format!(
                "Not blocked: {} found no room under the limit of {} rows ([blacklist] limit).",
                count(b.over_limit, "prefix", "prefixes"),
                b.limit
            ));
        }
        if b.not_by_row > 0 && self.set.is_none() {
            lines.push(format!(
                "Not blocked: {} of IPv6, which this firewall's iptables driver never enforces.",
                count(b.not_by_row, "address", "addresses")
            ));
        }
        lines.extend(self.plan_add.iter().map(|key| format!("  + {key}")));
        lines.extend(self.plan_remove.iter().map(|key| format!("  - {key}")));
        if !self.dry_run {
            lines.push(self.in_force());
        }
        lines.join("\n") + "\n"
    }

    /// What is and what is not in force.
    pub fn in_force(&self) -> String {
        let firewall = &self.firewall;
        if !firewall.enabled {
            return "NOT in force: the firewall is switched off. The rows wait for it (FreePBX: Connectivity, Firewall, \
                    Enable Firewall)."
                .to_owned();
        }
        if !firewall.running {
            return "NOT in force: the firewall is enabled but its daemon does not run. Start it with: fwconsole firewall start"
                .to_owned();
        }
        let rows = self.blacklist.added + self.blacklist.removed;
        let seconds = (rows as f64 * SECONDS_A_ROW).ceil();
        let takes = match firewall.driver {
            Some(Driver::Iptables) if seconds > 1.0 => format!(" It needs about {seconds} s for them."),
            _ => String::new(),
        };
        match self.reload {
            Reload::None => "Nothing changed; the firewall was left alone.".to_owned(),
            Reload::Hup if self.verified => "In force: the firewall holds all of them now.".to_owned(),
            Reload::Hup => format!("The firewall was told to take the rows up now.{takes}"),
            Reload::Pending => {
                format!("The firewall takes the rows up by itself within {} s.{takes}", firewall.period_s)
            }
        }
    }
}

fn feed_line(feed: &FeedReport) -> String {
    let mut line = format!("{}: ", feed.name);
    match (feed.requests, &feed.error) {
        (0, None) => line += "not asked, its interval has not passed",
        (0, Some(_)) => {}
        _ => {
            let end = if feed.complete { "the list is complete" } else { "the list is not complete yet" };
            line += &match feed.fetched {
                0 => format!("nothing new, {end}"),
                n => format!("{} fetched, {} used, {end}", count(n, "address", "addresses"), feed.used),
            };
        }
    }
    if let Some(note) = &feed.note {
        line += &format!("\n  NOTE: {note}");
    }
    if let Some(error) = &feed.error {
        line += if feed.requests > 0 { "\n  ERROR: " } else { "ERROR: " };
        line += error;
    }
    line
}
