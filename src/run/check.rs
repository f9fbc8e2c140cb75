//! Whether an address is blocked, by what, until when; and if not, why not. Changes nothing.

use serde::{Serialize, Serializer};

use super::ask::Asked;
use super::blockers::{Blocker, blockers};
use super::context::Environment;
use super::kernel_set::SetView;
use super::state::SavedState;
use crate::ban::health::Hindrance;
use crate::ban::health::evidence::{Rules, Service};
use crate::ban::plan::{Fate, Plan};
use crate::ban::{Cover, Prefix, Source};
use crate::kernel;
use crate::ledger::rows::Unblocked;
use crate::pbx::{daemon, firewall};
use crate::system::failure::Result;
use crate::system::text::{count, number};
use crate::system::time::Time;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The address or network.
    pub address: Prefix,
    /// Whether all of it is blocked.
    pub blocked: bool,
    /// The entries that contain it.
    pub feeds: Vec<Listing>,
    /// The row of the blacklist that contains it.
    pub row: Option<String>,
    /// Whose row that is.
    pub row_owner: Option<Owner>,
    /// Whether the kernel set contains it; none without a set.
    pub set: Option<bool>,
    /// Packets of it that the kernel set blocked.
    pub blocked_packets: Option<u64>,
    /// Why it is blocked or not.
    #[serde(serialize_with = "as_text")]
    pub reason: Reason,
    /// Everything that protects it or a part of it.
    pub protections: Vec<Protected>,
    /// Whether it is outside of the permit lists.
    pub outside: bool,
    /// What blocks it besides banbridge and your rows.
    pub also: Vec<Blocker>,
    /// What could not be asked, in words.
    pub unknown: Vec<String>,
    /// What apiban and CrowdSec said when they were asked now; none where they were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Vec<Asked>>,
}

fn as_text<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(reason)
}

/// Whose a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// banbridge's.
    Banbridge,
    /// Yours.
    You,
}

/// A row and its owner, for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRow(pub String, pub Owner);

impl std::fmt::Display for NamedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.1 {
            Owner::Banbridge => write!(f, "banbridge's row {}", self.0),
            Owner::You => write!(f, "your row {}", self.0),
        }
    }
}

/// Why an address is blocked or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A row blocks it, and so may the kernel set.
    Row {
        /// The row.
        row: NamedRow,
        /// Whether the kernel set blocks it too.
        set: bool,
    },
    /// The kernel set blocks it.
    Set,
    /// There is a row, but it has no effect, and why.
    NoEffect(NamedRow, Hindrance),
    /// There is a row, and root sees that it has no rule.
    NoRule(NamedRow),
    /// There is a row, and root did not see, or not lately, that all rules are in the kernel.
    NotSeen(NamedRow, Option<Rules>),
    /// No feed lists it.
    NotListed,
    /// No feed lists it, and it is protected.
    NotListedAndProtected(String),
    /// A feed lists it only as part of a network that is too wide.
    TooWide {
        /// The feed.
        feed: String,
        /// The network.
        entry: Prefix,
        /// How wide it may be.
        why: String,
    },
    /// It is listed and protected.
    Protected(String),
    /// It is listed, and you unblocked it.
    Unblocked {
        /// Until when.
        until: Time,
    },
    /// It is listed, and there are more rows to write than allowed.
    OverLimit {
        /// The most rows.
        limit: usize,
    },
    /// It is listed, and rows of its family have no effect.
    NotByRow,
    /// No feed that blocks lists it, and no permit list holds it.
    Outside,
    /// Too few feeds of their group list it.
    TooFewAgree,
    /// It is listed, and the next run blocks it.
    Pending,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Row { row, set: false } => write!(f, "{row}"),
            Self::Row { row, set: true } => write!(f, "{row} and the kernel set"),
            Self::Set => f.write_str("the kernel set"),
            Self::NoEffect(row, why) => write!(f, "{row} has no effect: {}. {}", why.what(), why.fix()),
            Self::NoRule(row) | Self::NotSeen(row, Some(Rules::None)) => {
                write!(f, "the firewall has not loaded {row} yet. Load it: banbridge apply")
            }
            Self::NotSeen(row, Some(Rules::Differ { missing, .. })) => {
                let rules = count(*missing, "rule", "rules");
                write!(
                    f,
                    "{row} may have no rule yet, {rules} of the firewall are missing. Add them: banbridge apply"
                )
            }
            Self::NotSeen(row, _) => {
                write!(
                    f,
                    "root has not looked lately whether {row} has its rule. Look: banbridge check as root"
                )
            }
            Self::NotListed => f.write_str("no feed lists it, and no row contains it"),
            Self::NotListedAndProtected(why) => write!(f, "no feed lists it, and it is protected: {why}"),
            Self::TooWide { feed, entry, why } => write!(f, "{feed} lists it as {entry} ({why})"),
            Self::Protected(why) => write!(f, "protected: {why}"),
            Self::Unblocked { until } => write!(f, "unblocked until {until}"),
            Self::OverLimit { limit } => write!(f, "the row limit of {} is reached", number(*limit)),
            Self::NotByRow => f.write_str("the firewall's iptables driver does not enforce IPv6 rows"),
            Self::Outside => f.write_str(
                "not blocked by a list, but outside of the permit lists: the SIP ports are closed to it",
            ),
            Self::TooFewAgree => f.write_str("too few feeds of their group list it"),
            Self::Pending => f.write_str("pending: the next run adds its row"),
        }
    }
}

/// What protects an address, or a part of it.
#[derive(Debug, Serialize)]
pub struct Protected {
    /// Where that is known from.
    pub source: Source,
    /// The protected address or network.
    pub address: Prefix,
    /// What you know it by.
    pub label: String,
    /// Both in words.
    #[serde(skip)]
    pub text: String,
}

/// An entry of a feed.
#[derive(Debug, Serialize)]
pub struct Listing {
    /// The feed.
    pub feed: String,
    /// The entry.
    pub address: Prefix,
    /// When the feed listed it first.
    pub first_seen: Time,
    /// When the feed listed it last.
    pub last_seen: Time,
    /// When it expires; none: while it is listed.
    pub expires_at: Option<Time>,
    /// Of a network that was widened: the listed addresses in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widened: Vec<Prefix>,
}

/// Checks an address or network.
pub fn check(environment: &Environment, address: Prefix) -> Result<Checked> {
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let saved = SavedState::load(&mut ledger, &config, now)?;
    let run_dir = firewall::setting(ledger.conn(), "ASTRUNDIR", "/var/run/asterisk")?;
    let plan = saved.plan(now);
    let view = SetView::load(&mut ledger, &plan, now)?;
    let blocks = match environment.is_root && saved.firewall.enabled {
        true => kernel::look::blocks(&environment.programs, saved.firewall.driver, &address),
        false => None,
    };
    let evidence = ledger.evidence()?.and_then(|seen| seen.counts(now)).filter(|_| saved.firewall.enabled);
    let seen = Seen { service: daemon::service(&run_dir), blocks, evidence, now };
    let mut checked = look(&saved, &plan, &view, address, &seen);
    checked.outside = saved.permit(now).is_outside(&address, &saved.never_block);
    let in_force = ledger.permit_found()?.is_some_and(|found| found.backend.is_some());
    if checked.outside && in_force && matches!(checked.reason, Reason::NotListed) {
        checked.reason = Reason::Outside;
    }
    (checked.also, checked.unknown) = blockers(environment, saved.firewall.driver, &address);
    Ok(checked)
}

/// What was seen of the firewall.
struct Seen {
    service: Service,
    /// Whether root sees that a rule blocks the address; none for everybody else.
    blocks: Option<bool>,
    /// What root saw lately of all rules.
    evidence: Option<Rules>,
    now: i64,
}

fn look(saved: &SavedState, plan: &Plan, view: &SetView, address: Prefix, seen: &Seen) -> Checked {
    let now = seen.now;
    let feeds: Vec<Listing> = saved
        .holding(now)
        .filter(|entry| entry.prefix.contains(&address))
        .filter_map(|entry| {
            Some(Listing {
                feed: saved.feed_name(entry.feed)?.to_owned(),
                address: entry.prefix,
                first_seen: Time(entry.first_seen()),
                last_seen: Time(saved.last_seen(entry)),
                expires_at: saved.end(entry).map(Time),
                widened: Vec::new(),
            })
        })
        .chain(widened(saved, &address, now))
        .collect();
    let row = row(saved, address);
    let set = view.holds(&address);
    // The set blocks by itself, whatever is true of the row.
    let in_set = set == Some(true);
    let hindrance = Hindrance::of(saved.firewall.enabled, seen.service);
    let blocks = seen.blocks.unwrap_or_else(|| seen.evidence.is_some_and(Rules::are_complete));
    let reason = match row.clone() {
        Some(row) if blocks => Reason::Row { row, set: in_set },
        _ if in_set => Reason::Set,
        Some(row) => match (hindrance, seen.blocks) {
            (Some(hindrance), _) => Reason::NoEffect(row, hindrance),
            (None, Some(_)) => Reason::NoRule(row),
            (None, None) => Reason::NotSeen(row, seen.evidence),
        },
        None => why_not(saved, plan, address, &feeds),
    };
    let protections = saved.never_block.touching(&address).map(|one| Protected {
        source: one.source,
        address: one.prefix,
        label: one.label.clone(),
        text: one.to_string(),
    });
    let (row, row_owner) = row.map(|NamedRow(row, owner)| (row, owner)).unzip();
    Checked {
        address,
        blocked: matches!(reason, Reason::Row { .. } | Reason::Set),
        feeds,
        row,
        row_owner,
        set,
        blocked_packets: view.packets(&address),
        reason,
        protections: protections.collect(),
        outside: false,
        also: Vec::new(),
        unknown: Vec::new(),
        asked: None,
    }
}

/// Widened networks that contain an address.
fn widened(saved: &SavedState, address: &Prefix, now: i64) -> Vec<Listing> {
    let around = saved.widened(now).into_iter().filter(|widened| widened.network.contains(address));
    around
        .filter_map(|widened| {
            Some(Listing {
                feed: saved.feed_name(widened.feed)?.to_owned(),
                address: widened.network,
                first_seen: Time(widened.first_seen()),
                last_seen: Time(
                    widened.because.iter().map(|entry| saved.last_seen(entry)).max().unwrap_or(0),
                ),
                // The first address that expires may narrow it.
                expires_at: widened.because.iter().filter_map(|entry| saved.end(entry)).min().map(Time),
                widened: widened.because.iter().map(|entry| entry.prefix).collect(),
            })
        })
        .collect()
}

/// The row that contains an address, as the table is now.
fn row(saved: &SavedState, address: Prefix) -> Option<NamedRow> {
    let holds = |prefix: &Prefix| saved.policy.driver.enforces(prefix) && prefix.contains(&address);
    let ours = saved.rows.ours.iter().find(|key| key.parse().is_ok_and(|prefix| holds(&prefix)));
    let yours = || saved.present.others.iter().find(|row| row.prefixes.iter().any(holds));
    ours.map(|key| NamedRow(key.clone(), Owner::Banbridge))
        .or_else(|| yours().map(|row| NamedRow(row.key.clone(), Owner::You)))
}

fn why_not(saved: &SavedState, plan: &Plan, address: Prefix, feeds: &[Listing]) -> Reason {
    match saved.fate(plan, &address) {
        Fate::Protected(why) if feeds.is_empty() => Reason::NotListedAndProtected(why),
        Fate::Protected(why) => Reason::Protected(why),
        _ if feeds.is_empty() => {
            let wide = saved.too_wide().find(|(entry, _)| entry.prefix.contains(&address));
            wide.map_or(Reason::NotListed, |(entry, why)| Reason::TooWide {
                feed: saved.feed_name(entry.feed).unwrap_or_default().to_owned(),
                entry: entry.prefix,
                why,
            })
        }
        Fate::Unblocked => {
            let overlaps = |release: &&Unblocked| Cover::new([&release.prefix]).overlaps(&address);
            let until = saved.unblocked.iter().filter(overlaps).map(|release| release.until).max();
            Reason::Unblocked { until: Time(until.unwrap_or_default()) }
        }
        Fate::OverLimit => Reason::OverLimit { limit: saved.policy.limit },
        Fate::NotByRow => Reason::NotByRow,
        Fate::NotWanted if saved.feed_policies.iter().any(|feed| feed.quorum.group > 0) => {
            Reason::TooFewAgree
        }
        Fate::Row(_) | Fate::YourRow(_) | Fate::NotWanted => Reason::Pending,
    }
}
