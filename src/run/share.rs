//! Tells CrowdSec's local API what this PBX saw, and what it blocked. The confined child does it, after its feeds.
//!
//! What cannot be told is told later: after a failure the server is left alone for a while, and nothing else waits for it.

use std::net::IpAddr;

use super::report::Report;
use super::session::Session;
use crate::ban::never_block::Verdict;
use crate::ban::{Cover, Entry, Prefix};
use crate::config::{FeedConfig, FeedKind};
use crate::feed::FetchError;
use crate::feed::crowdsec::share::{self, Seen, Used};
use crate::feed::http::lapi::Caller;
use crate::feed::http::{HttpClient, Redirects, Reply, Url, check_url, host_of};
use crate::ledger::StateKey;
use crate::ledger::history::DAY;
use crate::system::failure::Result;
use crate::system::files;
use crate::system::secret::Secret;
use crate::system::text::one_line;

/// How long a server is left alone that did not take what it was told, in seconds.
const LEFT_ALONE: i64 = 900;
/// How often usage metrics are told, in seconds.
const METRICS_EVERY: i64 = 900;
/// How long a request may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// The largest password file, in bytes.
const MOST: u64 = 1 << 16;
/// Attackers that are told in one run at most.
const MOST_TOLD: usize = 1_000;

/// Why the server did not take what it was told.
enum Refusal {
    /// What to say of it.
    Trouble(String, Option<i64>),
    /// The server is older and does not know it.
    Unknown,
}

impl Session {
    /// Tells what is to be told. What goes wrong is a warning, and no reason for anything to fail.
    pub(super) fn share(&mut self, report: &mut Report) -> Result<()> {
        if self.ledger.keeps_nothing() || self.clock.doubt().is_some() {
            return Ok(());
        }
        self.share_attackers(report)?;
        self.share_metrics(report)
    }

    fn share_attackers(&mut self, report: &mut Report) -> Result<()> {
        let config = self.config.share.clone();
        let Some(url) = config.crowdsec.as_ref() else { return Ok(()) };
        let now = self.clock.now();
        let retry_at = self.ledger.state(StateKey::ShareRetryAt)?;
        if retry_at.is_some_and(|at| (now + 1..now + DAY).contains(&at)) {
            return Ok(());
        }
        let seen = self.unshared(now)?;
        if seen.is_empty() {
            return Ok(());
        }
        let told = match Server::log_in(url, &config, &self.config.network.proxy) {
            Ok(server) => {
                let mut told = Ok(());
                for batch in seen.chunks(share::BATCH) {
                    told = server.tell(batch);
                    if told.is_err() {
                        break;
                    }
                    let shared: Vec<(IpAddr, i64)> =
                        batch.iter().map(|one| (one.address, now + one.seconds)).collect();
                    self.ledger.note_shared(&shared)?;
                }
                told
            }
            Err(refusal) => Err(refusal),
        };
        match told {
            Ok(()) => {
                if retry_at.is_some() {
                    self.ledger.clear_state(StateKey::ShareRetryAt)?;
                }
                log::info!("told CrowdSec of {} attackers", seen.len());
            }
            Err(refusal) => {
                let (why, wait) = match refusal {
                    Refusal::Trouble(why, wait) => (why, wait),
                    Refusal::Unknown => ("its url is not that of CrowdSec's local API".to_owned(), None),
                };
                self.ledger.set_state(StateKey::ShareRetryAt, now + wait.unwrap_or(LEFT_ALONE))?;
                report.warn(format!(
                    "[share] crowdsec: {why}. It is tried again later; the PBX is protected as before"
                ));
            }
        }
        Ok(())
    }

    /// Attackers that the PBX's own log names, and that were not told yet, or for a shorter time.
    fn unshared(&mut self, now: i64) -> Result<Vec<Seen>> {
        let logs: Vec<u16> = self
            .config
            .feed
            .iter()
            .zip(&self.saved.feeds)
            .filter(|(config, _)| config.enabled && matches!(config.kind, FeedKind::Log(_)))
            .map(|(_, state)| state.id)
            .collect();
        if logs.is_empty() {
            return Ok(Vec::new());
        }
        let shared: std::collections::HashMap<IpAddr, i64> = self.ledger.shared()?.into_iter().collect();
        let own: Vec<&Entry> = self.saved.holding(now).filter(|entry| logs.contains(&entry.feed)).collect();
        let mut seen = Vec::new();
        for entry in own {
            let address = entry.prefix.net().addr();
            let until = self.saved.end(entry).unwrap_or(now);
            let is_told = shared.get(&address).is_some_and(|told| *told + 60 >= until);
            let protected = matches!(self.saved.never_block.judge(&entry.prefix), Verdict::Protected(_));
            let released = self.saved.unblocked.iter().any(|one| one.prefix.contains(&entry.prefix));
            if is_told || protected || released || seen.len() >= MOST_TOLD {
                continue;
            }
            seen.push(Seen { address, at: entry.last_seen(), attempts: 1, seconds: until - now });
        }
        let attempts: std::collections::HashMap<IpAddr, u64> = match seen.is_empty() {
            true => std::collections::HashMap::new(),
            false => self
                .ledger
                .attacks(now - DAY, i64::MAX)?
                .into_iter()
                .map(|attack| (attack.address, attack.attempts))
                .collect(),
        };
        for one in &mut seen {
            let number = attempts.get(&one.address).copied().unwrap_or(1);
            one.attempts = u32::try_from(number).unwrap_or(u32::MAX).max(1);
        }
        Ok(seen)
    }

    /// Tells each CrowdSec server that is a feed what this PBX holds and blocked, as its bouncers do.
    fn share_metrics(&mut self, report: &mut Report) -> Result<()> {
        let now = self.clock.now();
        let servers: Vec<FeedConfig> = self
            .config
            .enabled()
            .filter(|feed| matches!(feed.kind, FeedKind::Crowdsec(_)))
            .cloned()
            .collect();
        if servers.is_empty() {
            return Ok(());
        }
        let last = self.ledger.state(StateKey::MetricsAt)?;
        if last.is_some_and(|last| (last..last + METRICS_EVERY).contains(&now) || last > now) {
            return Ok(());
        }
        let window = last.map_or(METRICS_EVERY, |last| now - last).min(DAY);
        let used = self.used(now)?;
        let started_at = last.unwrap_or(now);
        let mut next = now;
        for feed in servers {
            let FeedKind::Crowdsec(crowdsec) = &feed.kind else { continue };
            // What is wrong with its key is told where its decisions are asked for.
            let Ok(key) = feed.read_key() else { continue };
            let json = share::metrics(&used, window, started_at, now, ("linux", "FreePBX"));
            let client = HttpClient::new(&crowdsec.base, PATIENCE, Redirects::SameOrigin, &feed.route)?;
            let path = ["v1", "usage-metrics"];
            let reply = client.tell_crowdsec(&crowdsec.base, &path, Caller::Bouncer(&key), &json);
            match judge(&crowdsec.base, reply) {
                Ok(_) => {}
                // An older server is left alone for a day.
                Err(Refusal::Unknown) => next = now + DAY - METRICS_EVERY,
                Err(Refusal::Trouble(why, _)) => {
                    report
                        .warn(format!("Feed {}: CrowdSec did not take the usage metrics: {why}", feed.name));
                }
            }
        }
        Ok(self.ledger.set_state(StateKey::MetricsAt, next)?)
    }

    /// What each feed holds, and packets of its entries since the last time.
    fn used(&mut self, now: i64) -> Result<Vec<Used>> {
        let book = self.ledger.hits()?;
        let mut all = Vec::new();
        for (config, state) in
            self.config.feed.iter().zip(&self.saved.feeds).filter(|(config, _)| config.enabled)
        {
            let mut held = [0, 0];
            let mut prefixes: Vec<Prefix> = Vec::new();
            for entry in self.saved.holding(now).filter(|entry| entry.feed == state.id) {
                held[usize::from(!entry.prefix.is_ipv4())] += 1;
                prefixes.push(entry.prefix);
            }
            let cover = Cover::new(&prefixes);
            let of_feed = book.prefixes.iter().filter(|(prefix, _)| cover.overlaps(prefix));
            let packets = of_feed.fold(0_u64, |sum, (_, hits)| sum.saturating_add(hits.packets));
            let origin = match &config.kind {
                FeedKind::Crowdsec(own) => match own.settings.origins.as_slice() {
                    [one] => one.clone(),
                    _ => "crowdsec".to_owned(),
                },
                _ => format!("lists:{}", config.name),
            };
            let key = StateKey::MetricsPackets(state.id);
            let before = self.ledger.state(key)?.unwrap_or(0);
            let total = i64::try_from(packets).unwrap_or(i64::MAX);
            self.ledger.set_state(key, total)?;
            // What was forgotten since makes it less; then nothing is told.
            let packets = u64::try_from(total - before).unwrap_or(0);
            all.push(Used { origin, held, packets });
        }
        Ok(all)
    }
}

/// A server that let us in.
struct Server {
    base: Url,
    client: HttpClient,
    token: Secret,
}

impl Server {
    fn log_in(
        url: &str,
        config: &crate::config::Share,
        route: &crate::feed::http::Route,
    ) -> std::result::Result<Self, Refusal> {
        let trouble = |why: String| Refusal::Trouble(why, None);
        let base = check_url(url).map_err(|error| trouble(format!("its url {error}")))?;
        let (Some(machine), Some(file)) = (&config.machine, &config.password_file) else {
            return Err(trouble("machine and password_file are needed".to_owned()));
        };
        let text = files::read_text(file, MOST)
            .map_err(|error| trouble(format!("cannot read password_file {}: {error}", file.display())))?;
        let password = Secret::new(text.lines().next().unwrap_or_default().trim());
        let client = HttpClient::new(&base, PATIENCE, Redirects::SameOrigin, route)
            .map_err(|error| trouble(error.to_string()))?;
        let login = share::login(machine, password.expose());
        let path = ["v1", "watchers", "login"];
        let reply = judge(&base, client.tell_crowdsec(&base, &path, Caller::Login(&password), &login))?;
        let token = share::token(&reply.body)
            .ok_or_else(|| trouble(format!("{} gave no token to the machine {machine}", host_of(&base))))?;
        Ok(Self { base, client, token: Secret::new(&token) })
    }

    fn tell(&self, batch: &[Seen]) -> std::result::Result<(), Refusal> {
        let path = ["v1", "alerts"];
        let caller = Caller::Machine(&self.token);
        judge(&self.base, self.client.tell_crowdsec(&self.base, &path, caller, &share::alerts(batch)))
            .map(drop)
    }
}

/// What an answer means.
fn judge(base: &Url, reply: std::result::Result<Reply, FetchError>) -> std::result::Result<Reply, Refusal> {
    let host = host_of(base);
    let reply = reply.map_err(|error| {
        let wait = error.retry_after().and_then(|wait| i64::try_from(wait.as_secs()).ok());
        Refusal::Trouble(one_line(&error.to_string(), 300).into_owned(), wait)
    })?;
    let wait = reply.retry_after.and_then(|wait| i64::try_from(wait.as_secs()).ok());
    match reply.status {
        200..=299 => Ok(reply),
        404 | 405 => Err(Refusal::Unknown),
        401 | 403 => Err(Refusal::Trouble(
            format!(
                "{host} does not let it in (status {}). Check machine and password: cscli machines list",
                reply.status
            ),
            wait,
        )),
        status => Err(Refusal::Trouble(format!("{host} answered with the status {status}"), wait)),
    }
}
