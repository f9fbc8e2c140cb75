//! What a run reports, as data: a front end prints it as JSON or in words.

use serde::{Deserialize, Serialize};

use crate::ban::cost::seconds_to_load;
use crate::ban::health::evidence::Service;
use crate::ban::plan::Driver;
use crate::system::exit::Exit;

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
    /// What its service does.
    pub service: Service,
    /// Whether rules of rows are in the kernel, as root saw it.
    #[serde(skip)]
    pub rules: bool,
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
    /// Who was taken out of what else blocks here, because it is on the allow list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<String>,
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
            released: Vec::new(),
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
    pub fn take_over(&mut self, of_child: Self, exit: Exit) {
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

    /// Something that the administrator should know although the run goes on.
    pub fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            log::warn!("{warning}");
            self.warnings.push(warning);
        }
    }

    /// Somebody who is allowed was taken out of what else blocks here.
    pub fn release(&mut self, whom: String) {
        log::info!("released {whom}");
        self.released.push(whom);
    }

    /// The first feed's error, for the run's record.
    pub fn first_error(&self) -> Option<String> {
        self.feeds.iter().find_map(|feed| feed.error.clone())
    }

    /// How many seconds the firewall needs for the rows that this run changed; none where it needs no time to speak of.
    pub fn seconds_to_load(&self) -> Option<u64> {
        let rows = self.blacklist.added + self.blacklist.removed;
        let seconds = seconds_to_load(rows);
        (self.firewall.driver == Some(Driver::Iptables) && seconds > 1).then_some(seconds)
    }
}
