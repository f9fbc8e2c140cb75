//! FeedPolicy feeds whether they answer: by a process of its own that is not root, one bounded request a feed, within its
//! rate limit. Nothing of what they say is taken.

use crate::system::failure::Result;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::ban::pacing;
use crate::ban::snapshot::Validators;
use crate::config::{Config, FeedConfig, FeedKind, ListConfig, Period};
use crate::doctor::feeds::Asked;
use crate::feed::apiban::FIRST_CURSOR;
use crate::feed::{FetchError, snapshot};
use crate::ledger::{Ledger, StateKey};
use crate::run::child::{self, Work};
use crate::run::fetch::{client, now_ms, pace};
use crate::run::{Environment, clock};
use crate::system::child::say;
use crate::system::text::one_line;
use crate::system::time::Time;

/// The longest time that one feed may take here, in seconds.
const EACH: i64 = 15;
/// No further feed is asked after so long.
const ALL: Duration = Duration::from_secs(90);
/// The longest error that is shown, in characters.
const COMPLAINT: usize = 400;

/// Has feeds asked; those of a configuration that is not written yet when its text is given.
pub fn ask(environment: &Environment, names: &[String], text: Option<&str>) -> Result<Vec<Asked>> {
    let work = Work::AskFeeds { feeds: names.to_vec(), config: text.map(str::to_owned) };
    child::ask(environment, &work)
}

/// The child: asks these feeds, of the configuration whose text is given where there is one, and hands each answer
/// over. The caller has confined this process.
pub fn run(environment: &Environment, names: &[String], text: Option<&str>) -> Result<()> {
    let config = match text {
        Some(text) => Config::parse(text, Path::new("the new configuration"), None)?,
        None => environment.config()?,
    };
    let (mut ledger, clock) = environment.ledger()?;
    let began = Instant::now();
    for name in names {
        let feed = config.named(name)?;
        let asked = if began.elapsed() > ALL {
            not_asked(name, "no time was left".to_owned())
        } else {
            one(&mut ledger, &config, feed, clock.now())?
        };
        say(&asked);
    }
    Ok(())
}

fn not_asked(feed: &str, why: String) -> Asked {
    Asked { feed: feed.to_owned(), not_asked: Some(why), ..Asked::default() }
}

fn failed(feed: &str, error: &FetchError) -> Asked {
    Asked {
        feed: feed.to_owned(),
        error: Some(one_line(&error.to_string(), COMPLAINT).into_owned()),
        kind: Some(error.kind().into()),
        ..Asked::default()
    }
}

fn one(ledger: &mut Ledger, config: &Config, feed: &FeedConfig, now: i64) -> Result<Asked> {
    let mut feed = feed.clone();
    feed.timeout = Period::seconds(feed.timeout.as_secs().min(EACH).unsigned_abs());
    let apiban = match &feed.kind {
        FeedKind::Apiban(apiban) => apiban,
        FeedKind::List(list) => return list_answers(ledger, &feed, list, now),
        FeedKind::Crowdsec(_) => {
            return Ok(not_asked(&feed.name, "CrowdSec sends each decision only once".to_owned()));
        }
        FeedKind::Log(_) | FeedKind::Fail2ban(_) => {
            return Ok(not_asked(&feed.name, "it is on this PBX".to_owned()));
        }
    };
    let name = feed.name.as_str();
    let client = match client(&feed, apiban) {
        Ok(client) => client,
        Err(error) => {
            let error = Some(one_line(&format!("{error:#}"), COMPLAINT).into_owned());
            return Ok(Asked { feed: name.to_owned(), error, ..Asked::default() });
        }
    };
    let state = ledger.feeds()?.remove(name).unwrap_or_default();
    let pace = pace(config, &feed);
    let mut wait = pacing::wait(&ledger.requests(&pace)?, now_ms()).as_secs_f64().ceil();
    if let Some(at) = state.retry_at.filter(|at| (now + 1..now + 3_600).contains(at)) {
        wait = wait.max((at - now) as f64);
    }
    if wait > 0.0 {
        return Ok(not_asked(name, format!("its rate limit allows the next request in {wait} s")));
    }
    ledger.note_request(&pace, now_ms())?;
    Ok(match client.fetch(state.cursor.as_deref().unwrap_or(FIRST_CURSOR)) {
        Ok(fetch) => {
            let clock = fetch.server_time.and_then(|theirs| clock::contradiction(name, theirs));
            Asked { feed: name.to_owned(), clock, ..Asked::default() }
        }
        Err(error) => failed(name, &error),
    })
}

/// Asks for a list, for what changed of it only, and not more often than its publisher allows.
fn list_answers(ledger: &mut Ledger, feed: &FeedConfig, list: &ListConfig, now: i64) -> Result<Asked> {
    let name = feed.name.as_str();
    let noted = StateKey::AskedFor(list.fingerprint());
    let state = ledger.feeds()?.remove(name);
    let last = ledger.state(noted)?.max(state.as_ref().and_then(|state| state.last_attempt));
    let next = last.map_or(0, |last| last + list.minimum.as_secs());
    if (now + 1..=now + list.minimum.as_secs()).contains(&next) {
        let why = format!("its publisher allows the next request at {}", Time(next));
        return Ok(not_asked(name, why));
    }
    let counts = ledger.is_present() && list.minimum.as_secs() > 0;
    if counts {
        ledger.set_state(noted, now)?;
    }
    let known = ledger.list_state(state.map_or(u16::MAX, |state| state.id))?;
    let known =
        if known.fingerprint == list.fingerprint() { known.validators } else { Validators::default() };
    let login = match feed.read_login() {
        Ok(login) => login,
        Err(error) => return Ok(not_asked(name, error.to_string())),
    };
    let request = snapshot::Request {
        name,
        place: &list.place,
        login,
        timeout: feed.timeout.duration(),
        route: &feed.route,
        settings: &list.settings,
        known: &known,
    };
    Ok(match snapshot::fetch(&request)? {
        Ok(_) => Asked { feed: name.to_owned(), ..Asked::default() },
        Err(error) => {
            if counts && error.never_came() {
                ledger.clear_state(noted)?;
            }
            failed(name, &error)
        }
    })
}
