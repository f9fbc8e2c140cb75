//! What a permit list would do, before it is turned on: who would be outside. The lists are fetched by a confined child.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::child::{self, Work};
use super::context::Environment;
use super::edit_config::{path, read, write};
use super::known_feed::own_list;
use super::permit::ports;
use super::state::SavedState;
use super::{request, test_feed};
use crate::ban::permit::Permit;
use crate::ban::{Cover, NeverBlock, Prefix, Protection, Source};
use crate::config::{Config, ConfigError, edit};
use crate::feed::catalog;
use crate::ledger::history::DAY;
use crate::pbx::sip_ports::SipPort;
use crate::pbx::ssh;
use crate::system::failure::{Failure, Result};

/// How far back callers and attackers are looked at, in seconds.
const LOOKED_BACK: i64 = 30 * DAY;
/// So many of each are named.
const NAMED: usize = 50;

/// Who is known of this PBX and would be let in only because something protects him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ByProtection {
    /// The address or network.
    pub address: Prefix,
    /// Where that is known from.
    pub source: Source,
    /// What you know it by.
    pub label: String,
}

/// Somebody who called or registered, and would be outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caller {
    /// Who.
    pub address: IpAddr,
    /// Registrations, authentications and answers of the last 30 days.
    pub successes: u64,
}

/// A list as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// The feed.
    pub feed: String,
    /// Addresses and networks in it.
    pub networks: usize,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// What turning it on would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The lists.
    pub feeds: Vec<Fetched>,
    /// Networks that would be let in, merged, of IPv4 and of IPv6; a family without any is left alone.
    pub networks: [usize; 2],
    /// At these ports; none: at all of them.
    pub ports: Option<Vec<SipPort>>,
    /// Trunks, registered phones and others that only their protection would let in, some of them.
    pub by_protection: Vec<ByProtection>,
    /// Who succeeded within 30 days and would be outside, some of them.
    pub callers_outside: Vec<Caller>,
    /// How many these are.
    pub callers_outside_total: usize,
    /// Attackers of the last 30 days.
    pub attackers: usize,
    /// How many of them would have been outside.
    pub attackers_outside: usize,
    /// The address that you are connected from, if that is known and would be outside.
    pub you: Option<IpAddr>,
}

impl Preview {
    /// Whether every list could be read.
    pub fn is_whole(&self) -> bool {
        self.feeds.iter().all(|feed| feed.error.is_none() && feed.networks > 0)
    }
}

/// The lines of the configuration for these words: `country:us,ca`, `registry:arin`, or a name of the catalog.
pub fn lines(words: &str) -> Result<Vec<(String, String)>> {
    let names: Vec<String> = match words.split_once(':') {
        Some(("country", codes)) => codes
            .split(',')
            .map(|code| code.trim().to_ascii_lowercase())
            .flat_map(|code| [format!("country-{code}"), format!("country6-{code}")])
            .collect(),
        Some(("registry", names)) => {
            names.split(',').map(|name| format!("registry-{}", name.trim().to_ascii_lowercase())).collect()
        }
        _ => vec![words.to_owned()],
    };
    let block = |name: String| {
        let chosen = catalog::find(&name).ok_or_else(|| {
            Failure::new(
                crate::system::exit::Exit::Config,
                format!(
                    "the catalog has no feed {name:?}. Use country:us,ca, registry:arin, or a name of: banbridge feed catalog"
                ),
            )
        })?;
        Ok((chosen.name.clone(), format!("{}use = \"permit\"\n", super::feeds::block(&chosen))))
    };
    names.into_iter().map(block).collect()
}

/// What these feeds would do as permit lists, beside those that are permit lists already. `feeds` are names with their
/// lines, `you` the address that the administrator is connected from, if it is not that of the SSH session.
pub fn preview(
    environment: &Environment,
    feeds: &[(String, String)],
    you: Option<IpAddr>,
) -> Result<Preview> {
    let config = environment.config()?;
    let work = Work::FetchLists { feeds: feeds.to_vec() };
    let fetched: Vec<FetchedList> = child::ask(environment, &work)?;
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let saved = SavedState::load(&mut ledger, &config, now)?;
    let mut all: Vec<Prefix> = match saved.permit(now) {
        Permit::Ready(known) => known,
        _ => Vec::new(),
    };
    for list in &fetched {
        all.extend(list.prefixes.iter().filter_map(|text| text.parse::<Prefix>().ok()));
    }
    let merged = Cover::new(&all).prefixes();
    let networks = [true, false].map(|ipv4| merged.iter().filter(|prefix| prefix.is_ipv4() == ipv4).count());
    let permit = Permit::Ready(merged);
    let nobody = NeverBlock::new([]);
    let named = |one: &Protection| {
        let counts = matches!(
            one.source,
            Source::Contact | Source::Pjsip | Source::Sip | Source::Iax | Source::Zone | Source::Allow
        );
        (counts && permit.is_outside(&one.prefix, &nobody)).then(|| ByProtection {
            address: one.prefix,
            source: one.source,
            label: one.label.clone(),
        })
    };
    let by_protection: Vec<ByProtection> =
        ledger.protections()?.iter().filter_map(named).take(NAMED).collect();
    let is_outside = |address: IpAddr| permit.is_outside(&Prefix::host(address), &saved.never_block);
    let mut callers: Vec<Caller> = ledger
        .successes(now - LOOKED_BACK)?
        .into_iter()
        .filter(|(address, _)| is_outside(*address))
        .map(|(address, successes)| Caller { address, successes })
        .collect();
    callers.sort_by_key(|caller| (u64::MAX - caller.successes, caller.address));
    let attacks = ledger.attacks(now - LOOKED_BACK, i64::MAX)?;
    let attackers: Vec<IpAddr> = attacks.iter().filter(|one| !one.protected).map(|one| one.address).collect();
    let ports = ports(&mut ledger, &config)?;
    Ok(Preview {
        feeds: fetched
            .iter()
            .map(|list| Fetched {
                feed: list.feed.clone(),
                networks: list.prefixes.len(),
                error: list.error.clone(),
            })
            .collect(),
        networks,
        ports,
        by_protection,
        callers_outside_total: callers.len(),
        callers_outside: callers.into_iter().take(NAMED).collect(),
        attackers_outside: attackers.iter().filter(|address| is_outside(**address)).count(),
        attackers: attackers.len(),
        you: you.or_else(ssh::find).filter(|address| is_outside(address.to_canonical())),
    })
}

/// Writes them into the configuration. The next run fetches the lists, and root's makes it so.
pub fn add(environment: &Environment, feeds: &[(String, String)]) -> Result<()> {
    let path = path(environment);
    let mut text = read(&path)?;
    let config = Config::parse(&text, &path, environment.key.clone())?;
    for (name, lines) in feeds {
        if config.feed.iter().any(|feed| feed.name == *name) {
            let what =
                format!("there is already a feed {name:?}. To remove it: banbridge feed remove {name}");
            return Err(ConfigError::new(&path, what).into());
        }
        text = edit::append(&text, lines);
    }
    write(environment, &path, &text, environment.key.clone())?;
    request::after_change();
    Ok(())
}

/// One list, from the child.
#[derive(Debug, Serialize, Deserialize)]
pub struct FetchedList {
    feed: String,
    prefixes: Vec<String>,
    error: Option<String>,
}

/// The child: fetches the lists. The caller has confined this process.
pub fn fetch_as_child(environment: &Environment, feeds: &[(String, String)]) -> Result<()> {
    let config = environment.config()?;
    for (name, lines) in feeds {
        let feed = own_list(&config, lines)?;
        let (prefixes, error) = match test_feed::fetch(&feed)? {
            Ok(parsed) => {
                let fits = parsed.prefixes.iter().filter(|prefix| feed.widest.check(prefix).is_ok());
                (fits.map(Prefix::to_string).collect(), None)
            }
            Err(error) => (Vec::new(), Some(error)),
        };
        crate::system::child::say(&FetchedList { feed: name.clone(), prefixes, error });
    }
    Ok(())
}
