//! The state in one word and one sentence: whether what is to be blocked is blocked, and if not, why.

use serde::Serialize;

use super::coded::Coded;
use super::evidence::{Evidence, Rules, Service};
use super::{Blocks, Hindrance, is_late};
use crate::system::text::count;
use crate::system::time::Time;

/// The word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// What is to be blocked is blocked.
    Blocking,
    /// Something is not effective yet: it waits for the firewall, or for root.
    Pending,
    /// A feed is out of date, or there was no run for an hour. What was listed before is blocked.
    OutOfDate,
    /// Nothing of it is blocked.
    NotBlocking,
    /// No feed lists anything.
    NothingToBlock,
    /// There was no run yet.
    NoRun,
    /// Nobody looked lately whether the kernel has what it should.
    Unknown,
}

/// What the word depends on. Times are seconds since 1970.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Whether a run was ever made.
    pub has_run: bool,
    /// When the last one began.
    pub last_run: Option<i64>,
    /// Whether the firewall is enabled.
    pub enabled: bool,
    /// Since when it is disabled, if that is known.
    pub off_since: Option<i64>,
    /// What its service does.
    pub service: Service,
    /// What root saw in the kernel, and when; none if it never looked.
    pub evidence: Option<Evidence>,
    /// Two rows that overlap, in words, which stop every update of FreePBX 18's firewall.
    pub overlap: Option<String>,
    /// Whether the database takes no change.
    pub read_only: bool,
    /// Addresses and networks that the kernel set should have and was seen not to have.
    pub set_missing: usize,
    /// Whether the kernel set is there, as root saw it last.
    pub set: bool,
    /// Whether the kernel set is to protect alone while the firewall is disabled.
    pub alone: bool,
    /// Addresses and networks that feeds want blocked.
    pub to_block: usize,
    /// Those of them that are blocked.
    pub blocked: usize,
    /// Rows that the next run changes.
    pub pending: usize,
    /// Since when rows wait for the firewall to look.
    pub rows_wait: Option<i64>,
    /// Feeds that are out of date, each with its last good answer.
    pub out_of_date: &'a [(&'a str, Option<i64>)],
}

/// Why the state is what it is; each cause has its word, its sentence and, where it is known, its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// There was no run yet.
    NoRun,
    /// The firewall does not follow its rows; what blocks all the same.
    Firewall(Hindrance, Blocks),
    /// The database is read-only.
    ReadOnly,
    /// Root did not look into the kernel lately; when it last did.
    NotSeen(Option<i64>),
    /// Root could not ask the kernel.
    NotAsked,
    /// Rows overlap, so the firewall takes no change.
    Overlap(String),
    /// The firewall has no rules; whether the kernel set blocks.
    NoRules(bool),
    /// So many rules are missing; whether the kernel set blocks.
    RulesMissing(usize, bool),
    /// So many rules are there that no row explains.
    RulesLeft(usize),
    /// So many addresses and networks are missing in the kernel set.
    SetMissing(usize),
    /// No run for too long; the time of the last one.
    Late(i64),
    /// A feed is out of date, with its last good answer, and so many others are.
    Feed(String, Option<i64>, usize),
    /// No feed lists anything.
    NothingListed,
    /// The firewall has not loaded changed rows yet.
    RowsWait,
    /// Nothing of what is listed may be blocked.
    NothingAllowed,
    /// So many rows are changed by the next run.
    RowsPending(usize),
    /// So many addresses and networks are blocked.
    Blocked(usize),
    /// The same by the kernel set alone, for the firewall is disabled.
    BlockedAlone(usize),
}

impl Cause {
    /// The word of the state.
    pub fn state(&self) -> State {
        match self {
            Self::NoRun => State::NoRun,
            // The set goes too when the firewall stays disabled.
            Self::Firewall(Hindrance::Disabled, _)
            | Self::Firewall(_, Blocks::Nothing)
            | Self::NoRules(false)
            | Self::NothingAllowed => State::NotBlocking,
            Self::Firewall(..)
            | Self::Overlap(_)
            | Self::NoRules(true)
            | Self::RulesMissing(..)
            | Self::RulesLeft(_)
            | Self::SetMissing(_)
            | Self::RowsWait
            | Self::RowsPending(_) => State::Pending,
            Self::NotSeen(_) | Self::NotAsked => State::Unknown,
            Self::Late(_) | Self::Feed(..) | Self::ReadOnly => State::OutOfDate,
            Self::NothingListed => State::NothingToBlock,
            Self::Blocked(_) | Self::BlockedAlone(_) => State::Blocking,
        }
    }

    /// The same as a code and its values.
    pub fn coded(&self) -> Coded {
        let by_set = |by_set: &bool| if *by_set { Blocks::Set } else { Blocks::Nothing };
        match self {
            Self::NoRun => Coded::new("no_run"),
            Self::Firewall(hindrance, blocks) => Coded::new(hindrance.code()).blocks(*blocks),
            Self::ReadOnly => Coded::new("read_only"),
            Self::NotSeen(Some(at)) => Coded::new("not_seen").at(Some(*at)),
            Self::NotSeen(None) => Coded::new("never_seen"),
            Self::NotAsked => Coded::new("not_asked"),
            Self::Overlap(rows) => Coded::new("overlap").detail(Some(rows)),
            Self::NoRules(set) => Coded::new("no_rules").blocks(by_set(set)),
            Self::RulesMissing(rules, set) => Coded::new("rules_missing").number(*rules).blocks(by_set(set)),
            Self::RulesLeft(rules) => Coded::new("rules_left").number(*rules),
            Self::SetMissing(missing) => Coded::new("set_missing").number(*missing),
            Self::Late(last) => Coded::new("late").at(Some(*last)),
            Self::Feed(name, Some(last), others) => {
                Coded::new("feed_late").feed(name).at(Some(*last)).number(*others)
            }
            Self::Feed(name, None, others) => Coded::new("feed_never").feed(name).number(*others),
            Self::NothingListed => Coded::new("nothing_listed"),
            Self::RowsWait => Coded::new("rows_wait"),
            Self::NothingAllowed => Coded::new("nothing_allowed"),
            Self::RowsPending(rows) => Coded::new("rows_pending").number(*rows),
            Self::Blocked(blocked) => Coded::new("blocked").number(*blocked),
            Self::BlockedAlone(blocked) => Coded::new("blocked_alone").number(*blocked),
        }
    }

    /// The sentence, with what to do where there is something to do.
    pub fn sentence(&self) -> String {
        match self {
            Self::NoRun => "No sync yet. Nothing is blocked. Start one: banbridge sync".to_owned(),
            Self::Firewall(hindrance, blocks) => hindrance.sentence(*blocks),
            Self::ReadOnly => {
                "The database is read-only: nothing changes until it takes changes again. Check: systemctl \
                               status mariadb"
                    .to_owned()
            }
            Self::NotSeen(Some(at)) => format!(
                "Not known since {}: root has not looked into the kernel since. Check the timer: systemctl list-timers \
                 'banbridge-*'",
                Time(*at)
            ),
            Self::NotSeen(None) => {
                "Not known: root has not looked into the kernel yet. Install its timer: banbridge setup"
                    .to_owned()
            }
            Self::NotAsked => {
                "Not known: root could not read the firewall's rules. See: banbridge doctor".to_owned()
            }
            Self::Overlap(rows) => format!("Changes do not take effect: {rows}"),
            Self::NoRules(by_set) => {
                let blocks = if *by_set { "Only the kernel set blocks" } else { "Nothing is blocked" };
                format!(
                    "{blocks}: the firewall has not loaded its rules yet. If this stays: fwconsole firewall restart"
                )
            }
            Self::RulesMissing(rules, by_set) => {
                let set = if *by_set { "The kernel set blocks, but " } else { "" };
                let (rules, are) = (count(*rules, "rule", "rules"), if *rules == 1 { "is" } else { "are" });
                format!(
                    "{set}{rules} of the firewall {are} missing. The next run adds what is missing: banbridge apply"
                )
            }
            Self::RulesLeft(1) => {
                "1 rule that no row explains still blocks. The next run removes it: banbridge apply"
                    .to_owned()
            }
            Self::RulesLeft(rules) => {
                format!(
                    "{} that no row explains still block. The next run removes them: banbridge apply",
                    count(*rules, "rule", "rules")
                )
            }
            Self::SetMissing(missing) => format!(
                "The kernel set lacks {}. The next run adds what is missing: banbridge apply",
                count(*missing, "address or network", "addresses and networks")
            ),
            Self::Late(last) => {
                format!("No sync since {}. Blocked addresses stay blocked until they expire.", Time(*last))
            }
            Self::Feed(name, last, others) => {
                let (feed, its) = match others {
                    0 => (format!("Feed {name} has"), "Its"),
                    _ => (format!("Feed {name} and {} have", count(*others, "other", "others")), "Their"),
                };
                match last {
                    Some(last) => format!(
                        "{feed} not updated since {}. {its} addresses stay blocked until they expire.",
                        Time(*last)
                    ),
                    None => {
                        format!("{feed} never updated. None of {} addresses is blocked.", its.to_lowercase())
                    }
                }
            }
            Self::NothingListed => "No feed lists anything to block.".to_owned(),
            Self::RowsWait => "Changed rows are pending. The firewall has not loaded them yet.".to_owned(),
            Self::NothingAllowed => {
                "Nothing is blocked: all listed addresses are protected, unblocked or over the row limit."
                    .to_owned()
            }
            Self::RowsPending(1) => "1 row is pending. The next run changes it.".to_owned(),
            Self::RowsPending(rows) => {
                format!("{} are pending. The next run changes them.", count(*rows, "row", "rows"))
            }
            Self::BlockedAlone(blocked) => format!(
                "{} blocked by the kernel set alone: the firewall is disabled.",
                match blocked {
                    1 => "1 address or network is".to_owned(),
                    more => format!("{} are", count(*more, "address or network", "addresses and networks")),
                }
            ),
            Self::Blocked(1) => "1 address or network is blocked.".to_owned(),
            Self::Blocked(blocked) => {
                format!("{} are blocked.", count(*blocked, "address or network", "addresses and networks"))
            }
        }
    }
}

/// Why the state is what it is, and since when. The worst that is true wins.
pub fn judge(facts: &Facts<'_>, now: i64) -> (Cause, Option<i64>) {
    if !facts.has_run {
        return (Cause::NoRun, None);
    }
    let seen = facts.evidence.and_then(|evidence| evidence.counts(now));
    let alone = facts.alone && facts.set && !facts.enabled;
    if let Some(hindrance) = Hindrance::of(facts.enabled, facts.service).filter(|_| !alone) {
        let since = facts.off_since.filter(|_| hindrance == Hindrance::Disabled);
        let rules = facts.enabled && seen.is_some_and(Rules::block);
        return (Cause::Firewall(hindrance, Blocks::of(rules, facts.set)), since);
    }
    if alone && facts.set_missing > 0 {
        return (Cause::SetMissing(facts.set_missing), None);
    }
    if let Some(found) = in_kernel(facts, seen).filter(|_| !alone) {
        return found;
    }
    if let Some(last) = facts.last_run.filter(|last| is_late(*last, now)) {
        return (Cause::Late(last), Some(last));
    }
    if let Some((name, last)) = facts.out_of_date.first() {
        return (Cause::Feed((*name).to_owned(), *last, facts.out_of_date.len() - 1), *last);
    }
    if facts.to_block == 0 {
        return (Cause::NothingListed, None);
    }
    if alone && facts.blocked > 0 {
        // Rows wait for the firewall, which is not there.
        return (Cause::BlockedAlone(facts.blocked), facts.last_run);
    }
    match (facts.blocked, facts.pending) {
        (0, 0) => (Cause::NothingAllowed, None),
        (0, pending) => (Cause::RowsPending(pending), None),
        (_, pending @ 1..) => (Cause::RowsPending(pending), facts.last_run),
        (blocked, 0) => (Cause::Blocked(blocked), facts.last_run),
    }
}

/// What root saw to be wrong in the kernel, or that it did not look. None where rules and set are as they should be: only
/// then may it be said that what was listed before stays blocked.
fn in_kernel(facts: &Facts<'_>, seen: Option<Rules>) -> Option<(Cause, Option<i64>)> {
    let read_only = facts.read_only.then_some((Cause::ReadOnly, None));
    if facts.to_block == 0 {
        return read_only;
    }
    if let Some(rows) = &facts.overlap {
        return Some((Cause::Overlap(rows.clone()), None));
    }
    if seen == Some(Rules::None) && facts.rows_wait.is_none() {
        return Some((Cause::NoRules(facts.set), None));
    }
    if read_only.is_some() {
        return read_only;
    }
    if let Some(since) = facts.rows_wait {
        return Some((Cause::RowsWait, Some(since)));
    }
    match seen {
        None => {
            let at = facts.evidence.map(|evidence| evidence.at);
            Some((Cause::NotSeen(at), at))
        }
        Some(Rules::Unknown) => Some((Cause::NotAsked, None)),
        Some(Rules::None) => Some((Cause::NoRules(facts.set), None)),
        Some(Rules::Differ { missing: 0, extra }) => Some((Cause::RulesLeft(extra), None)),
        Some(Rules::Differ { missing, .. }) => Some((Cause::RulesMissing(missing, facts.set), None)),
        Some(Rules::Match) if facts.set_missing > 0 => Some((Cause::SetMissing(facts.set_missing), None)),
        Some(Rules::Match) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn good() -> Facts<'static> {
        Facts {
            has_run: true,
            last_run: Some(NOW - 60),
            enabled: true,
            off_since: None,
            service: Service::Runs,
            evidence: Some(Evidence { at: NOW - 60, rules: Rules::Match }),
            overlap: None,
            read_only: false,
            set_missing: 0,
            set: true,
            alone: false,
            to_block: 100,
            blocked: 98,
            pending: 0,
            rows_wait: None,
            out_of_date: &[],
        }
    }

    fn saw(rules: Rules) -> Facts<'static> {
        Facts { evidence: Some(Evidence { at: NOW - 60, rules }), ..good() }
    }

    #[test]
    fn the_worst_that_is_true_is_said() {
        const STALE: &[(&str, Option<i64>)] = &[("apiban", Some(NOW - 90_000)), ("voipbl", None)];
        const NEVER: &[(&str, Option<i64>)] = &[("apiban", None)];
        let table: [(Facts<'_>, State, &str, Option<i64>); 30] = [
            (good(), State::Blocking, "98 addresses and networks are blocked.", Some(NOW - 60)),
            (Facts { blocked: 1, ..good() }, State::Blocking, "1 address or network is", Some(NOW - 60)),
            (Facts { has_run: false, enabled: false, ..good() }, State::NoRun, "No sync yet", None),
            (Facts { enabled: false, off_since: Some(5), ..good() }, State::NotBlocking, "disabled", Some(5)),
            (
                Facts { service: Service::Stopped, set: false, evidence: None, ..good() },
                State::NotBlocking,
                "Nothing is blocked: the firewall service is not running",
                None,
            ),
            (
                Facts { service: Service::SafeMode, ..saw(Rules::None) },
                State::Pending,
                "Only the kernel set blocks: the firewall is in safe mode",
                None,
            ),
            (
                Facts { service: Service::Stopped, ..good() },
                State::Pending,
                "is in the kernel still blocks",
                None,
            ),
            (Facts { service: Service::Paused, ..good() }, State::Pending, "no change takes effect", None),
            (Facts { read_only: true, ..good() }, State::OutOfDate, "read-only", None),
            (Facts { evidence: None, ..good() }, State::Unknown, "root has not looked", None),
            (
                Facts { evidence: Some(Evidence { at: NOW - 121, rules: Rules::Match }), ..good() },
                State::Unknown,
                "Not known since",
                Some(NOW - 121),
            ),
            (saw(Rules::Unknown), State::Unknown, "could not read", None),
            (
                saw(Rules::None),
                State::Pending,
                "Only the kernel set blocks: the firewall has not loaded",
                None,
            ),
            (Facts { set: false, ..saw(Rules::None) }, State::NotBlocking, "Nothing is blocked", None),
            (
                saw(Rules::Differ { missing: 3, extra: 1 }),
                State::Pending,
                "The kernel set blocks, but 3 rules of the firewall are missing",
                None,
            ),
            (
                Facts { set: false, ..saw(Rules::Differ { missing: 1, extra: 0 }) },
                State::Pending,
                "1 rule of the firewall is missing",
                None,
            ),
            (
                saw(Rules::Differ { missing: 0, extra: 2 }),
                State::Pending,
                "2 rules that no row explains",
                None,
            ),
            (Facts { set_missing: 2, ..good() }, State::Pending, "set lacks 2 addresses and networks", None),
            (
                Facts { overlap: Some("a and b".into()), ..good() },
                State::Pending,
                "do not take effect: a and b",
                None,
            ),
            (
                Facts { last_run: Some(NOW - 3_601), out_of_date: STALE, ..good() },
                State::OutOfDate,
                "No sync since",
                Some(NOW - 3_601),
            ),
            (Facts { last_run: Some(NOW - 3_600), ..good() }, State::Blocking, "98", Some(NOW - 3_600)),
            (
                Facts { out_of_date: STALE, to_block: 0, ..good() },
                State::OutOfDate,
                "Feed apiban and 1 other have not updated",
                Some(NOW - 90_000),
            ),
            (Facts { out_of_date: NEVER, ..good() }, State::OutOfDate, "Feed apiban has never updated", None),
            // That addresses stay blocked is said only where root saw it.
            (
                Facts { out_of_date: STALE, set: false, ..saw(Rules::None) },
                State::NotBlocking,
                "Nothing is blocked",
                None,
            ),
            (
                Facts { last_run: Some(NOW - 3_601), evidence: None, ..good() },
                State::Unknown,
                "root has not looked",
                None,
            ),
            (
                Facts { read_only: true, set: false, ..saw(Rules::None) },
                State::NotBlocking,
                "Nothing is blocked",
                None,
            ),
            (Facts { to_block: 0, blocked: 0, ..good() }, State::NothingToBlock, "No feed lists", None),
            (
                Facts { rows_wait: Some(NOW - 5), ..good() },
                State::Pending,
                "has not loaded them",
                Some(NOW - 5),
            ),
            (Facts { blocked: 0, ..good() }, State::NotBlocking, "protected, unblocked", None),
            (Facts { pending: 1, ..good() }, State::Pending, "1 row is pending", Some(NOW - 60)),
        ];
        for (facts, state, words, since) in table {
            let (cause, at) = judge(&facts, NOW);
            assert_eq!((cause.state(), at), (state, since), "{facts:?}: {cause:?}");
            assert!(cause.sentence().contains(words), "{}", cause.sentence());
        }
    }
}
