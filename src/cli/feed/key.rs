//! `feed test` for a feed with a key: one request says whether the key is good.

use crate::system::failure::{Classify, Result};
use serde::Serialize;

use super::super::Global;
use crate::ban::pacing;
use crate::cli::output::{complain, count, print, print_json};
use crate::config::{Config, FeedConfig};
use crate::feed::FetchErrorKind;
use crate::feed::apiban::FIRST_CURSOR;
use crate::run::fetch::{client, now_ms, pace};
use crate::system::exit::Exit;

#[derive(Serialize)]
struct Tested {
    feed: String,
    url: String,
    /// None where the answer says nothing about the key.
    key_good: Option<bool>,
    /// Entries that came with the one answer.
    fetched: usize,
    error: Option<String>,
}

/// Asks for what comes next in the list and forgets it. The request counts like any other.
pub(super) fn test(global: &Global, config: &Config, feed: &FeedConfig) -> Result<Exit> {
    let (mut ledger, clock) = global.ledger()?;
    let pace = pace(config, feed);
    let state = ledger.feeds()?.into_iter().find(|(name, _)| *name == feed.name);
    let state = state.map(|(_, state)| state).unwrap_or_default();
    let told = state.retry_at.map_or(0, |at| at.saturating_sub(clock.now()).clamp(0, 3_600)).unsigned_abs();
    let wait = pacing::wait(&ledger.requests(&pace)?, now_ms()).as_secs_f64().ceil().max(told as f64);
    if wait > 0.0 {
        complain(&format!(
            "{} may be asked again in {wait} s (its limit is {} requests in {} s); try again then",
            feed.name,
            pacing::LIMIT,
            pacing::WINDOW.as_secs()
        ));
        return Ok(Exit::TryAgain);
    }
    let client = client(feed)?;
    ledger.note_request(&pace, now_ms())?;
    let answer = client.fetch(state.cursor.as_deref().unwrap_or(FIRST_CURSOR));
    let mut tested =
        Tested { feed: feed.name.clone(), url: feed.url.clone(), key_good: None, fetched: 0, error: None };
    let exit = match answer {
        Ok(fetch) => {
            (tested.key_good, tested.fetched) = (Some(true), fetch.entries.len());
            Exit::Done
        }
        Err(error) => {
            tested.key_good = (error.kind() == FetchErrorKind::KeyRefused).then_some(false);
            tested.error = Some(error.to_string());
            complain(&error.to_string());
            error.exit()
        }
    };
    if global.json {
        print_json(&tested)?;
    } else if exit == Exit::Done {
        print(&format!(
            "{}: the key is good; {} came with one request, and nothing was changed.\n",
            tested.feed,
            count(tested.fetched, "address", "addresses")
        ))?;
    }
    Ok(exit)
}
