//! What other lists would have caught: a confined child gets the attackers, fetches the lists, and answers with one
//! result for each list.

use serde::{Deserialize, Serialize};

use crate::ban::snapshot::Validators;
use crate::config::{Config, FeedConfig, FeedKind};
use crate::coverage::suggest::{Caught, Suspect, caught};
use crate::feed::catalog::{self, KNOWN};
use crate::feed::http::Download;
use crate::feed::snapshot;
use crate::ledger::{Ledger, StateKey};
use crate::run::Environment;
use crate::run::child::{self, Work};
use crate::run::known_feed::named_or_known;
use crate::system::child::say;
use crate::system::failure::Result;
use crate::system::text::one_line;
use crate::system::time::Time;

/// The longest error that is shown, in characters.
const COMPLAINT: usize = 400;

/// What one list would have caught.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggested {
    /// Its name.
    pub list: String,
    /// Addresses and networks in it.
    pub entries: usize,
    /// What it would have caught; none if it could not be fetched.
    pub caught: Option<Caught>,
    /// Why it could not be fetched.
    pub error: Option<String>,
}

/// Has the lists fetched and compared.
pub fn ask(environment: &Environment, names: &[String], suspects: Vec<Suspect>) -> Result<Vec<Suggested>> {
    let work = Work::CompareLists { lists: names.to_vec(), suspects };
    let mut all: Vec<Suggested> = child::ask(environment, &work)?;
    let gain = |one: &Suggested| one.caught.map_or((0, 0), |caught| (caught.new_attempts, caught.attempts));
    all.sort_by_key(|one| std::cmp::Reverse(gain(one)));
    Ok(all)
}

/// The child: fetches the lists. The caller has confined this process.
pub fn compare_as_child(environment: &Environment, names: &[String], suspects: &[Suspect]) -> Result<()> {
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    for feed in chosen(&config, names)? {
        say(&one(&mut ledger, &feed, suspects, clock.now())?);
    }
    Ok(())
}

/// The lists of these names. Without names all that are not used: those of the catalog, but not one for each country,
/// and those that are disabled.
fn chosen(config: &Config, names: &[String]) -> Result<Vec<FeedConfig>> {
    if !names.is_empty() {
        return names.iter().map(|name| named_or_known(config, name)).collect();
    }
    let off = config.feed.iter().filter(|feed| !feed.enabled && matches!(feed.kind, FeedKind::List(_)));
    let mut all: Vec<FeedConfig> = off.cloned().collect();
    for known in KNOWN.iter().filter(|known| !known.name.ends_with("-CC")) {
        let there = |feed: &FeedConfig| feed.name == known.name || feed.url == known.url;
        if !config.feed.iter().any(there) {
            all.push(named_or_known(config, known.name)?);
        }
    }
    Ok(all)
}

fn one(ledger: &mut Ledger, feed: &FeedConfig, suspects: &[Suspect], now: i64) -> Result<Suggested> {
    let mut suggested = Suggested { list: feed.name.clone(), ..Suggested::default() };
    let FeedKind::List(list) = &feed.kind else {
        suggested.error = Some("not a list".to_owned());
        return Ok(suggested);
    };
    // The publisher's shortest interval counts for this request too, and after this process.
    let noted = StateKey::AskedFor(list.fingerprint());
    let as_feed = ledger.feeds()?.get(&feed.name).and_then(|state| state.last_attempt);
    let next = ledger.state(noted)?.max(as_feed).map_or(0, |last| last + list.minimum.as_secs());
    if (now + 1..=now + list.minimum.as_secs()).contains(&next) {
        suggested.error =
            Some(format!("fetched recently. Its publisher allows the next request at {}", Time(next)));
        return Ok(suggested);
    }
    let counts = ledger.is_present() && catalog::minimum(&feed.url) > 0;
    if counts {
        // Before the request: one that is not recorded could be made too often.
        ledger.set_state(noted, now)?;
    }
    let request = snapshot::Request {
        name: &feed.name,
        place: &list.place,
        login: feed.read_login()?,
        timeout: feed.timeout.duration(),
        route: &feed.route,
        settings: &list.settings,
        known: &Validators::default(),
    };
    match snapshot::fetch(&request)? {
        Ok(Download::List { parsed, .. }) => {
            suggested.entries = parsed.prefixes.len();
            suggested.caught = Some(caught(&parsed.prefixes, suspects));
        }
        Ok(_) => suggested.error = Some("it did not send a list".to_owned()),
        Err(error) => {
            suggested.error = Some(one_line(&error.to_string(), COMPLAINT).into_owned());
            if counts && error.never_came() {
                ledger.clear_state(noted)?;
            }
        }
    }
    Ok(suggested)
}
