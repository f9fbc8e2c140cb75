//! One request tells whether a feed accepts the key.

use serde::{Deserialize, Serialize};

use super::{Answer, Found};
use crate::ban::pacing;
use crate::config::{ApibanConfig, Config, FeedConfig};
use crate::feed::FetchErrorKind;
use crate::feed::apiban::FIRST_CURSOR;
use crate::run::context::Environment;
use crate::run::fetch::{client, now_ms, pace};
use crate::system::exit::Exit;
use crate::system::failure::{Classify, Result};

/// What one answer said of the key.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyTested {
    /// The feed.
    pub feed: String,
    /// Where it was fetched from.
    pub url: String,
    /// None where the answer says nothing about the key.
    pub key_good: Option<bool>,
    /// Entries that came with the one answer.
    pub fetched: usize,
    /// What went wrong.
    pub error: Option<String>,
}

/// Fetches what comes next and forgets it. The request counts like any other.
pub(super) fn test(
    environment: &Environment,
    config: &Config,
    feed: &FeedConfig,
    apiban: &ApibanConfig,
) -> Result<Answer> {
    let (mut ledger, clock) = environment.ledger()?;
    let pace = pace(config, feed);
    let state = ledger.feeds()?.into_iter().find(|(name, _)| *name == feed.name);
    let state = state.map(|(_, state)| state).unwrap_or_default();
    let told = state.retry_at.map_or(0, |at| at.saturating_sub(clock.now()).clamp(0, 3_600)).unsigned_abs();
    let wait = pacing::wait(&ledger.requests(&pace)?, now_ms()).as_secs_f64().ceil().max(told as f64);
    if wait > 0.0 {
        let why = format!(
            "Rate limit of {} reached ({} requests in {} s). Try again in {wait} s.",
            feed.name,
            pacing::LIMIT,
            pacing::WINDOW.as_secs()
        );
        return Ok(Answer::failed(why, Exit::TryAgain));
    }
    let client = client(feed, apiban)?;
    ledger.note_request(&pace, now_ms())?;
    let answer = client.fetch(state.cursor.as_deref().unwrap_or(FIRST_CURSOR));
    let mut tested =
        KeyTested { feed: feed.name.clone(), url: feed.url.clone(), key_good: None, fetched: 0, error: None };
    let error = match answer {
        Ok(fetch) => {
            (tested.key_good, tested.fetched) = (Some(true), fetch.entries.len());
            None
        }
        Err(error) => {
            tested.key_good = (error.kind() == FetchErrorKind::KeyRefused).then_some(false);
            tested.error = Some(error.to_string());
            Some((error.to_string(), error.exit().code()))
        }
    };
    Ok(Answer { found: Some(Found::Key(tested)), error })
}
