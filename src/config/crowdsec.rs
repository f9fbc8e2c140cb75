//! Feeds of kind `crowdsec`.

use super::Period;
use super::feed::{FeedConfig, FeedKind, KeySource, RawFeed};
use crate::ban::width::Widest;
use crate::feed::crowdsec::Settings;
use crate::feed::crowdsec::cursor::fingerprint;
use crate::feed::http::{Url, check_url};
use crate::system::secret::Secret;

/// Where CrowdSec's local API answers unless it was told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// What a feed that is CrowdSec's local API needs besides.
#[derive(Debug, Clone)]
pub struct CrowdsecConfig {
    /// Its local API, up to and without `/v1`.
    pub base: Url,
    /// Its key.
    pub key: KeySource,
    /// How long a ban stays at most after CrowdSec last named it.
    pub ttl: Period,
    /// What to take of its answers.
    pub settings: Settings,
}

impl CrowdsecConfig {
    /// A number for everything that decides what an answer is about: another one, and all is read again.
    pub fn question(&self, key: &Secret) -> u16 {
        let Settings { origins, widest, .. } = &self.settings;
        let width = format!("{} {}", widest.v4, widest.v6);
        fingerprint(&[self.base.as_str(), key.expose(), &origins.join(","), &width])
    }
}

/// Reads the settings of such a feed, and its address.
pub(super) fn read(name: &str, raw: &RawFeed, widest: Widest) -> Result<(CrowdsecConfig, String), String> {
    let url = raw.url.clone().unwrap_or_else(|| DEFAULT_URL.to_owned());
    let base = check_url(&url).map_err(|error| format!("feed {name:?}: invalid url: it {error}"))?;
    let origins = raw.origins.clone().unwrap_or_default();
    if let Some(wrong) = origins.iter().find(|one| one.trim().is_empty() || one.contains(',')) {
        return Err(format!(
            "feed {name:?}: invalid origin {wrong:?}. Write each one separately: origins = [\"crowdsec\", \"CAPI\"]"
        ));
    }
    let key = KeySource::read(name, raw)?;
    let ttl = raw.ttl.unwrap_or(Period::seconds(7 * 86_400));
    if ttl.as_secs() < 2 * 86_400 {
        return Err(format!(
            "feed {name:?}: ttl must be at least 2 days. CrowdSec is fetched as a whole once a day, and ends its bans itself"
        ));
    }
    let settings = Settings { origins, widest, ..Settings::default() };
    Ok((CrowdsecConfig { base, key, ttl, settings }, url))
}

/// Refuses a second feed with the key of a first one: CrowdSec tells each key what changed once, so that each of them
/// would miss what the other was told.
pub(super) fn has_no_twin(feed: &FeedConfig, others: &[FeedConfig]) -> Result<(), String> {
    let FeedKind::Crowdsec(own) = &feed.kind else { return Ok(()) };
    let is_twin = |other: &&FeedConfig| match &other.kind {
        FeedKind::Crowdsec(other) => other.base == own.base && other.key.is_same(&own.key),
        _ => false,
    };
    match others.iter().find(is_twin) {
        Some(other) => Err(format!(
            "feeds {:?} and {:?} use one key of CrowdSec, which tells each key only once what changed. Make a second key: \
             cscli bouncers add",
            other.name, feed.name
        )),
        None => Ok(()),
    }
}
