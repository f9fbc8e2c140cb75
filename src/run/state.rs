//! The saved state: the ledger, the firewall's rows and settings, and the plan that follows from them. `status`, `list`,
//! `check` and `sync` read the same one, so that they cannot contradict each other.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ban::entry::NEVER;
use crate::ban::permit::Permit;
use crate::ban::plan::{Driver, Fate, OtherRow, Plan, Policy, Present, Wanted};
use crate::ban::target::{self, Target};
use crate::ban::wanted::{self, FeedPolicy, Quorum};
use crate::ban::widen::{self, Widened, Widening};
use crate::ban::{Entry, NeverBlock, Prefix};
use crate::config::{Config, FeedConfig, Period, Writer};
use crate::ledger::feeds::FeedState;
use crate::ledger::rows::Unblocked;
use crate::ledger::{Ledger, StateKey};
use crate::pbx::blacklist::{self, Rows};
use crate::pbx::firewall::Firewall;
use crate::run::{driver, row_cost};
use crate::system::database::Result;

/// How long rows of ours that no feed asks for are kept after the ledger was lost, while the feeds are read again: a
/// day. Without this a lost ledger would leave the PBX open until the feeds are complete.
const CATCHING_UP: i64 = 86_400;

/// How a feed's entries count, wherever in the configuration it stands.
pub fn policy_of(config: &FeedConfig, state: &FeedState, priority: u16) -> FeedPolicy {
    FeedPolicy {
        feed: state.id,
        priority,
        ttl: config.ttl().map_or(0, Period::as_secs),
        held_since: state.held_since,
        wide: config.wide,
        widest: config.widest,
        quorum: Quorum::default(),
    }
}

/// A feed's place in its group.
fn quorum_of(config: &Config, feed: &FeedConfig) -> Quorum {
    let place = |name: &String| config.group.iter().position(|group| group.name == *name);
    let Some(place) = feed.group.as_ref().and_then(place) else { return Quorum::default() };
    // There are at most as many groups as feeds, and a group that has no number left is one whose members all agree.
    let group = u8::try_from(place + 1).unwrap_or(u8::MAX);
    Quorum { group, agree: config.group[place].agree, trusted: feed.trusted }
}

/// Rows with the networks that they block, as the driver reads them: names with their last known addresses.
pub(super) fn present(rows: &Rows, names: &BTreeMap<String, Vec<IpAddr>>, driver: Driver) -> Present {
    let others = rows.others.iter().map(|key| {
        let read = match driver {
            Driver::Nftables => target::as_nftables_reads(key),
            Driver::Iptables => None,
        };
        if let Some(net) = read {
            let prefixes = Prefix::of_sources(net).into_iter().collect();
            return OtherRow { key: key.clone(), prefixes };
        }
        let prefixes = match target::target(key) {
            Some(Target::Prefix(prefix)) => vec![prefix],
            Some(Target::Name(name)) => {
                names.get(&name).into_iter().flatten().copied().map(Prefix::host).collect()
            }
            _ => Vec::new(),
        };
        OtherRow { key: key.clone(), prefixes }
    });
    Present { ours: rows.ours.clone(), others: others.collect() }
}

/// Everything that is known at one moment.
pub struct SavedState {
    /// The firewall's settings.
    pub firewall: Firewall,
    /// What rules the plan.
    pub policy: Policy,
    /// What is remembered of each feed of the configuration, in its order.
    pub feeds: Vec<FeedState>,
    /// All that feeds said, sorted; expired ones too.
    pub entries: Vec<Entry>,
    /// Which feeds count, and how.
    pub feed_policies: Vec<FeedPolicy>,
    /// The permit feeds, and whether each was ever read whole.
    pub permits: Vec<(FeedPolicy, bool)>,
    /// Which feeds' entries widen to networks.
    pub widening: Vec<Widening>,
    /// Who must get through.
    pub never_block: NeverBlock,
    /// What an administrator took out.
    pub unblocked: Vec<Unblocked>,
    /// The blacklist as it is.
    pub rows: Rows,
    /// The same, with the administrator's names resolved.
    pub present: Present,
    /// The last good answer for every name.
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// Whether rows that no feed asks for are kept for now, see [`CATCHING_UP`].
    pub catching_up: bool,
}

impl SavedState {
    /// Looks, and changes nothing.
    pub fn load(ledger: &mut Ledger, config: &Config, now: i64) -> Result<Self> {
        Self::load_with(ledger, config, now, None)
    }

    /// The same with entries that are known already, sorted.
    pub(super) fn load_with(
        ledger: &mut Ledger,
        config: &Config,
        now: i64,
        entries: Option<Vec<Entry>>,
    ) -> Result<Self> {
        let firewall = driver::read(ledger)?;
        let mut known = ledger.feeds()?;
        // A feed that the ledger does not know yet gets a number that it will not give out, for a dry run.
        let feeds: Vec<FeedState> = (0..)
            .zip(&config.feed)
            .map(|(place, feed)| {
                let new = FeedState { id: u16::MAX - place, name: feed.name.clone(), ..FeedState::default() };
                known.remove(&feed.name).unwrap_or(new)
            })
            .collect();
        let feed_policies: Vec<FeedPolicy> = (0u16..)
            .zip(&feeds)
            .zip(&config.feed)
            .filter(|(_, feed)| feed.enabled && !feed.permits)
            .map(|((priority, state), feed)| FeedPolicy {
                quorum: quorum_of(config, feed),
                ..policy_of(feed, state, priority)
            })
            .collect();
        let permits = feeds
            .iter()
            .zip(&config.feed)
            .filter(|(_, feed)| feed.enabled && feed.permits)
            .map(|(state, feed)| (policy_of(feed, state, 0), state.last_success.is_some()))
            .collect();
        let entries = match entries {
            Some(entries) => entries,
            None => {
                let mut entries = ledger.entries()?;
                wanted::sort(&mut entries);
                entries
            }
        };
        let limit = row_cost::limit(ledger, config, firewall.driver, now)?;
        let policy = Policy {
            driver: firewall.driver,
            limit,
            aggregate: config.blacklist.aggregate,
            // fwconsole finds no IPv6 entry again to delete it.
            ipv6: firewall.driver == Driver::Nftables && config.blacklist.writer == Writer::Db,
        };
        let since = ledger.state(StateKey::CatchingUp)?;
        let mut saved = Self {
            policy,
            entries,
            widening: config
                .feed
                .iter()
                .zip(&feeds)
                .filter_map(|(config, state)| {
                    let feed_policy = feed_policies.iter().find(|feed| feed.feed == state.id)?;
                    let widen = config.widen.filter(|_| config.enabled)?;
                    let at_least = usize::try_from(widen.at_least).unwrap_or(usize::MAX);
                    Some(Widening { feed_policy: *feed_policy, at_least, to: widen.to })
                })
                .collect(),
            feeds,
            feed_policies,
            permits,
            never_block: NeverBlock::new(ledger.protections()?),
            unblocked: ledger.unblocked(now)?,
            rows: Rows::default(),
            present: Present::default(),
            names: ledger.names()?,
            catching_up: since.is_some_and(|since| (since..since + CATCHING_UP).contains(&now)),
            firewall,
        };
        saved.look_at_rows(ledger)?;
        Ok(saved)
    }

    /// Whether a plan of the same entries is the same.
    pub(super) fn decides_as(&self, other: &Self) -> bool {
        self.firewall == other.firewall
            && self.policy == other.policy
            && self.feed_policies == other.feed_policies
            && self.permits == other.permits
            && self.widening == other.widening
            && self.never_block == other.never_block
            && self.unblocked == other.unblocked
            && self.rows == other.rows
            && self.names == other.names
            && self.catching_up == other.catching_up
    }

    /// Looks at the firewall's rows again: the administrator may have changed them meanwhile.
    pub fn look_at_rows(&mut self, ledger: &mut Ledger) -> Result<()> {
        self.rows = blacklist::read(ledger.conn())?;
        // What we wrote through fwconsole carries no mark; the ledger knows it.
        let unmarked = ledger.written()?.unmarked;
        if !unmarked.is_empty() {
            let others = std::mem::take(&mut self.rows.others);
            let (ours, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|key| unmarked.contains(key));
            self.rows.others = others;
            self.rows.ours.extend(ours);
        }
        self.present = present(&self.rows, &self.names, self.firewall.driver);
        Ok(())
    }

    /// Takes over whether a feed is held.
    pub fn hold(&mut self, name: &str) {
        let Some(state) = self.feeds.iter().find(|state| state.name == name) else { return };
        for feed_policy in self.feed_policies.iter_mut().filter(|feed| feed.feed == state.id) {
            feed_policy.held_since = state.held_since;
        }
        for (policy, is_ready) in self.permits.iter_mut().filter(|(policy, _)| policy.feed == state.id) {
            policy.held_since = state.held_since;
            *is_ready = state.last_success.is_some();
        }
        for widening in self.widening.iter_mut().filter(|widening| widening.feed_policy.feed == state.id) {
            widening.feed_policy.held_since = state.held_since;
        }
    }

    /// What the feeds want, and while catching up also what our rows hold already.
    pub fn wanted(&self, now: i64) -> impl Iterator<Item = Wanted> {
        let widened = self.widened(now).into_iter().map(|widened| Wanted {
            prefix: widened.network,
            priority: widened.priority,
            last_seen: widened.last_seen(),
        });
        let rows = self.rows.ours.iter().filter(|_| self.catching_up).filter_map(|key| key.parse().ok());
        let kept = rows.map(|prefix| Wanted { prefix, priority: u16::MAX, last_seen: 0 });
        wanted::wanted(&self.entries, &self.feed_policies, now).chain(widened).chain(kept)
    }

    /// Networks that are wanted for what their addresses did.
    pub fn widened(&self, now: i64) -> Vec<Widened> {
        self.widening.iter().flat_map(|widening| widen::widen(&self.entries, widening, now)).collect()
    }

    /// Entries that count no more because the configuration takes no network as wide from their feed, with the reason.
    pub fn too_wide(&self) -> impl Iterator<Item = (&Entry, String)> {
        self.entries.iter().filter_map(|entry| {
            let feed_policy = self.feed_policies.iter().find(|feed| feed.feed == entry.feed)?;
            Some((entry, feed_policy.widest.check(&entry.prefix).err()?.to_string()))
        })
    }

    /// What the permit feeds say. Nothing is enforced before each of them was read whole once.
    pub fn permit(&self, now: i64) -> Permit {
        if self.permits.is_empty() {
            return Permit::Off;
        }
        let late = self.permits.iter().filter(|(_, is_ready)| !is_ready);
        let late: Vec<String> =
            late.map(|(policy, _)| self.feed_name(policy.feed).unwrap_or_default().to_owned()).collect();
        if !late.is_empty() {
            return Permit::NotReady(late);
        }
        let holds = |entry: &&Entry| self.permits.iter().any(|(policy, _)| policy.holds(entry, now));
        Permit::Ready(self.entries.iter().filter(holds).map(|entry| entry.prefix).collect())
    }

    /// The policies of all enabled feeds, permit lists among them.
    fn policies(&self) -> impl Iterator<Item = &FeedPolicy> {
        self.feed_policies.iter().chain(self.permits.iter().map(|(policy, _)| policy))
    }

    /// The plan that follows from it.
    pub fn plan(&self, now: i64) -> Plan {
        let unblocked: Vec<Prefix> = self.unblocked.iter().map(|release| release.prefix).collect();
        Plan::new(self.wanted(now), &self.never_block, &unblocked, &self.present, self.policy)
    }

    /// What becomes of a prefix under such a plan.
    pub fn fate(&self, plan: &Plan, prefix: &Prefix) -> Fate {
        plan.fate(prefix, &self.never_block)
    }

    /// The name of a feed by its number.
    pub fn feed_name(&self, id: u16) -> Option<&str> {
        self.feeds.iter().find(|feed| feed.id == id).map(|feed| feed.name.as_str())
    }

    /// When an entry's time is over; none for one that counts as long as its list holds it.
    pub fn end(&self, entry: &Entry) -> Option<i64> {
        let ttl = self.policies().find(|feed| feed.feed == entry.feed).map_or(0, |feed| feed.ttl);
        (entry.expires_at() != NEVER).then(|| entry.expires_at().min(entry.last_seen().saturating_add(ttl)))
    }

    /// When a feed last named an entry. What a list holds was last seen when the list was.
    pub fn last_seen(&self, entry: &Entry) -> i64 {
        let feed = self.feeds.iter().find(|feed| feed.id == entry.feed);
        match feed.and_then(|feed| feed.last_success) {
            Some(seen) if entry.expires_at() == NEVER => seen.max(entry.last_seen()),
            _ => entry.last_seen(),
        }
    }

    /// Entries that count at `now`.
    pub fn holding(&self, now: i64) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| self.feed_policies.iter().any(|feed| feed.holds(entry, now)))
    }

    /// How many entries of a feed are held.
    pub fn held(&self, feed: u16, now: i64) -> usize {
        let policy = self.policies().find(|policy| policy.feed == feed && policy.held_since.is_some());
        policy.map_or(0, |policy| policy.size(&self.entries, now) - self.count(feed, now))
    }

    /// How many entries of each enabled feed count at `now`, by the ledger's number of the feed.
    pub fn sizes(&self, now: i64) -> Vec<(u16, usize)> {
        let mut sizes: Vec<(u16, usize)> =
            self.feed_policies.iter().map(|feed_policy| (feed_policy.feed, 0)).collect();
        for entry in self.holding(now) {
            if let Some(size) = sizes.iter_mut().find(|(feed, _)| *feed == entry.feed) {
                size.1 += 1;
            }
        }
        sizes
    }

    /// How many entries of a feed count at `now`.
    pub fn count(&self, feed: u16, now: i64) -> usize {
        let Some(policy) = self.policies().find(|policy| policy.feed == feed) else { return 0 };
        self.entries.iter().filter(|entry| policy.holds(entry, now)).count()
    }
}
