//! Who attacks this PBX: each run reads what came to Asterisk's logs, as FreePBX's user, and keeps it by day and attacker.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::coverage::listings_of;
use super::report::Report;
use super::session::Session;
use crate::ban::hits::Backend;
use crate::ban::never_block::Verdict;
use crate::ban::strikes::Strike;
use crate::ban::{Cover, Prefix};
use crate::config::FeedKind;
use crate::coverage::follow::{self, Bounds, Place, Places};
use crate::coverage::listings::Listings;
use crate::coverage::scan::Scanner;
use crate::coverage::stamp::Zone;
use crate::coverage::tally::{Tally, merge};
use crate::coverage::{Event, Kind};
use crate::ledger::attacks::{Attack, AttackHour, ListedFrom, LogPlace, News, Recent, Stopped};
use crate::ledger::history::{DAY, HOUR, KEPT, begin};
use crate::ledger::{Ledger, StateKey};
use crate::system::database;
use crate::system::failure::Result;

/// Log times may be ahead of the clock by as many seconds; what is further ahead was written by a clock that leapt.
const AHEAD: i64 = 600;
/// For so long an address must have been listed before what arrives counts as a leak, in seconds: two runs of root's.
const IN_FORCE_AFTER: i64 = 600;
/// How many minutes of addresses are counted for feeds of kind `log` in one reading.
const MOST_MINUTES: usize = 100_000;

/// Where reading goes on.
fn places(ledger: &mut Ledger) -> database::Result<Places> {
    let place = |one: LogPlace| {
        let LogPlace { path, device, inode, offset, head, head_length, since, note } = one;
        (PathBuf::from(path), Place { device, inode, offset, head, head_length, since, note })
    };
    Ok(ledger.log_places()?.into_iter().map(place).collect())
}

fn saved(places: &Places) -> Vec<LogPlace> {
    let place = |(path, place): (&PathBuf, &Place)| {
        let Place { device, inode, offset, head, head_length, since, note } = place.clone();
        // A path that is no text is not FreePBX's.
        let path = path.to_str()?.to_owned();
        Some(LogPlace { path, device, inode, offset, head, head_length, since, note })
    };
    places.iter().filter_map(place).collect()
}

impl Session {
    /// Whether a log has something new. Opens none.
    pub(super) fn logs_have_grown(&mut self) -> Result<bool> {
        Ok(follow::has_grown(&self.log_dir, &places(&mut self.ledger)?))
    }

    /// Reads what is new in the logs, and keeps it.
    pub(super) fn read_logs(&mut self, report: &mut Report) -> Result<()> {
        // By a wrong clock nothing of it could be put in its time.
        if self.clock.doubt().is_some() {
            return Ok(());
        }
        let known = places(&mut self.ledger)?;
        if !follow::has_grown(&self.log_dir, &known) {
            return Ok(());
        }
        let now = self.clock.now();
        let today = begin(now, DAY);
        if self.ledger.state(StateKey::ListedNotedOn)? != Some(today) {
            self.note_listed_attackers()?;
            self.ledger.set_state(StateKey::ListedNotedOn, today)?;
        }
        let found = follow::follow(&self.log_dir, &known, now, &Zone::of_machine(), Bounds::default());
        for news in &found.news {
            report.warn(news.clone());
        }
        if found.is_behind {
            log::info!("the logs are longer than one run reads; the next one goes on");
        }
        let mut news = self.count_attacks(&found.events)?;
        news.places = saved(&found.places);
        Ok(self.ledger.save_attacks(&news, now)?)
    }

    /// Counts events by day and attacker, by hour, and for feeds of kind `log` by minute.
    fn count_attacks(&mut self, events: &[Event]) -> Result<News> {
        let now = self.clock.now();
        let mut news = News::default();
        let events: Vec<Event> =
            events.iter().filter(|event| (now - KEPT..=now + AHEAD).contains(&event.at)).copied().collect();
        if self.config.enabled().any(|feed| matches!(feed.kind, FeedKind::Log(_))) {
            news.recent = minutes(&events, now);
        }
        news.successes = successes(&events);
        if events.iter().all(|event| event.kind == Kind::Success) {
            return Ok(news);
        }
        let (listings, feeds) = listings_of(&self.saved, now);
        let in_force = self.in_force(&listings, &events)?;
        let never_block = &self.saved.never_block;
        let protects =
            |address: IpAddr| matches!(never_block.judge(&Prefix::host(address)), Verdict::Protected(_));
        let mut rest = events.as_slice();
        while let Some(first) = rest.first() {
            let day = begin(first.at, DAY);
            let (of_day, later) = rest.split_at(rest.partition_point(|event| event.at < day + DAY));
            rest = later;
            let mut tally = Tally::new(&listings, &protects, (day, day + DAY));
            merge(&mut [of_day.iter().copied()], &mut tally);
            let lines = lines(of_day);
            let leaked = leaked(of_day, &in_force);
            for (address, attacker) in &tally.attackers {
                news.attacks.push(Attack {
                    day,
                    address: *address,
                    first: attacker.first,
                    last: attacker.last,
                    attempts: attacker.attempts,
                    unlisted: attacker.unlisted,
                    leaked: leaked.get(address).copied().unwrap_or(0),
                    lines: lines.get(address).copied().unwrap_or_default(),
                    protected: attacker.protected,
                });
            }
            news.stopped.extend(tally.stopped.iter().filter_map(|(place, stopped)| {
                let (feed, alone) = (*feeds.get(usize::from(*place))?, stopped.alone);
                Some(Stopped { day, feed, stopped: stopped.attempts, alone })
            }));
            news.hours.extend(tally.hours.iter().map(|(hour, of)| AttackHour {
                at: hour * HOUR,
                listed: of.listed,
                unlisted: of.unlisted,
                left_out: 0,
            }));
            if let (Some(hour), 1..) = (news.hours.last_mut(), tally.left_out) {
                hour.left_out += tally.left_out;
            }
        }
        let attackers: BTreeSet<IpAddr> = news.attacks.iter().map(|attack| attack.address).collect();
        news.listed = listed(&listings, &feeds, attackers, now);
        Ok(news)
    }

    /// Since when each attacker is surely blocked: listed for two runs of root's, and in a set or a row that root saw.
    fn in_force(&mut self, listings: &Listings, events: &[Event]) -> Result<HashMap<IpAddr, i64>> {
        let now = self.clock.now();
        let attackers: BTreeSet<IpAddr> = events.iter().map(|event| event.address).collect();
        let since = |address: &IpAddr| {
            let span = listings.spans(*address).into_iter().find(|span| span.0 <= now && now < span.1)?;
            Some((*address, span.0 + IN_FORCE_AFTER))
        };
        let listed: HashMap<IpAddr, i64> = attackers.iter().filter_map(since).collect();
        if listed.is_empty() || !self.saved.firewall.enabled {
            return Ok(HashMap::new());
        }
        let set = self.ledger.set_found()?;
        let by_set = set.is_some_and(|set| matches!(set.backend, Some(Backend::Nft | Backend::Ipset)));
        let by_rows = self.rules_were_seen()?;
        let blocked = match (by_set, by_rows) {
            (true, _) => Cover::new(&self.saved.plan(now).blocked),
            (false, true) => {
                let rows: Vec<Prefix> =
                    self.saved.rows.ours.iter().filter_map(|key| key.parse().ok()).collect();
                Cover::new(&rows)
            }
            (false, false) => return Ok(HashMap::new()),
        };
        Ok(listed.into_iter().filter(|(address, _)| blocked.contains(&Prefix::host(*address))).collect())
    }

    /// Notes once a day which attackers of the last days a feed lists by now: a feed forgets, and this does not.
    fn note_listed_attackers(&mut self) -> Result<()> {
        let now = self.clock.now();
        let attackers: BTreeSet<IpAddr> =
            self.ledger.attacks(now - 30 * DAY, i64::MAX)?.iter().map(|attack| attack.address).collect();
        if attackers.is_empty() {
            return Ok(());
        }
        let (listings, feeds) = listings_of(&self.saved, now);
        let news = News { listed: listed(&listings, &feeds, attackers, now), ..News::default() };
        Ok(self.ledger.save_attacks(&news, now)?)
    }
}

/// Which feeds list attackers now, and since when. `feeds` are the ledger's numbers by their place in the listings.
fn listed(listings: &Listings, feeds: &[u16], attackers: BTreeSet<IpAddr>, now: i64) -> Vec<ListedFrom> {
    let mut all: BTreeMap<(IpAddr, u16), i64> = BTreeMap::new();
    for address in attackers {
        for listing in listings.covering(address) {
            let Some(feed) = feeds.get(usize::from(listing.feed)) else { continue };
            if listing.span.0 <= now && now < listing.span.1 {
                let since = all.entry((address, *feed)).or_insert(listing.span.0);
                *since = listing.span.0.min(*since);
            }
        }
    }
    all.into_iter().map(|((address, feed), since)| ListedFrom { address, feed, since, until: now }).collect()
}

/// Who succeeded, by day. No more than of some thousand phones: each has a password.
fn successes(events: &[Event]) -> Vec<(i64, IpAddr, u64)> {
    let mut all: BTreeMap<(i64, IpAddr), u64> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == Kind::Success) {
        *all.entry((begin(event.at, DAY), event.address)).or_default() += 1;
    }
    all.into_iter().map(|((day, address), number)| (day, address, number)).collect()
}

/// Lines by attacker: calls, registrations, other authentications.
fn lines(events: &[Event]) -> HashMap<IpAddr, [u64; 3]> {
    let mut all: HashMap<IpAddr, [u64; 3]> = HashMap::new();
    for event in events {
        let place = match event.kind {
            Kind::Call => 0,
            Kind::Registration => 1,
            Kind::Authentication | Kind::Found => 2,
            Kind::Ban | Kind::Success => continue,
        };
        all.entry(event.address).or_default()[place] += 1;
    }
    all
}

/// Attempts of those who were in force as blocked.
fn leaked(events: &[Event], in_force: &HashMap<IpAddr, i64>) -> HashMap<IpAddr, u64> {
    let late = |event: &&Event| in_force.get(&event.address).is_some_and(|since| event.at > *since);
    let nothing = Listings::default();
    let mut tally = Tally::new(&nothing, &|_| false, (i64::MIN, i64::MAX));
    merge(&mut [events.iter().filter(late).copied()], &mut tally);
    tally.attackers.into_iter().map(|(address, attacker)| (address, attacker.attempts)).collect()
}

/// What an address did in one minute, as one log says it: by kind.
type OneMinute = [u32; 4];

/// Events by address, kind and minute. The same attempt is in several logs: as a notice, which says what was tried, and as
/// a security event, which does not. So of one address in one minute that log counts which has most notices, or where
/// there are none, most security events.
fn minutes(events: &[Event], now: i64) -> Vec<Recent> {
    let mut all: BTreeMap<(i64, IpAddr), BTreeMap<u16, OneMinute>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.at > now - DAY) {
        let kind = match event.kind {
            Kind::Call => Strike::Call,
            Kind::Registration => Strike::Registration,
            Kind::Authentication => Strike::Authentication,
            Kind::Success => Strike::Success,
            Kind::Found | Kind::Ban => continue,
        };
        if all.len() >= MOST_MINUTES && !all.contains_key(&(begin(event.at, 60), event.address)) {
            continue;
        }
        let logs = all.entry((begin(event.at, 60), event.address)).or_default();
        let number = &mut logs.entry(event.channel).or_default()[usize::from(kind.number()) - 1];
        *number = number.saturating_add(1);
    }
    let mut found = Vec::new();
    for ((at, address), logs) in all {
        let rejections =
            |numbers: &OneMinute| numbers[..3].iter().fold(0u32, |sum, n| sum.saturating_add(*n));
        let is_security = |channel: u16| channel % Scanner::<std::io::Empty>::CHANNELS == 1;
        let best = logs
            .iter()
            .filter(|(_, numbers)| rejections(numbers) > 0)
            .max_by_key(|(channel, numbers)| (!is_security(**channel), rejections(numbers)));
        let mut numbers = best.map_or([0; 4], |(_, numbers)| *numbers);
        numbers[3] = logs.values().map(|numbers| numbers[3]).max().unwrap_or(0);
        for kind in Strike::ALL {
            let number = numbers[usize::from(kind.number()) - 1];
            if number > 0 {
                found.push(Recent { address, kind: kind.number(), at, number });
            }
        }
    }
    found
}

/// Whether anything was read of the logs yet, and since when.
pub(super) fn followed_since(ledger: &mut Ledger) -> database::Result<Option<i64>> {
    Ok(ledger.log_places()?.iter().map(|place| place.since).min())
}

/// The logs whose reading has a problem, with it.
pub(super) fn log_notes(ledger: &mut Ledger) -> database::Result<Vec<(String, String)>> {
    let noted = |place: LogPlace| {
        let name = Path::new(&place.path).file_name()?.to_string_lossy().into_owned();
        Some((name, place.note?))
    };
    Ok(ledger.log_places()?.into_iter().filter_map(noted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_minute_the_log_that_says_what_was_tried_counts() {
        let event = |at, kind, channel| Event { at, address: IpAddr::from([203, 0, 113, 7]), kind, channel };
        let shown = |events: &[Event]| -> Vec<(u8, i64, u32)> {
            minutes(events, 6_000).iter().map(|one| (one.kind, one.at, one.number)).collect()
        };
        // A stranger's call: a notice in `full`, a security event in `security`, and both in `fail2ban`.
        let both = [
            event(6_000, Kind::Call, 0),
            event(6_000, Kind::Authentication, 9),
            event(6_000, Kind::Call, 12),
            event(6_000, Kind::Authentication, 13),
            event(6_001, Kind::Call, 0),
        ];
        assert_eq!(shown(&both), [(1, 6_000, 2)]);
        assert_eq!(shown(&both[1..2]), [(3, 6_000, 1)], "without a notice the security event counts");
        let success = [event(5_000, Kind::Success, 9), event(5_001, Kind::Call, 0)];
        assert_eq!(shown(&success), [(1, 4_980, 1), (4, 4_980, 1)]);
        assert_eq!(shown(&[event(6_000 - DAY, Kind::Call, 0)]), []);
    }
}
