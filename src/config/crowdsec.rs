//! Feeds of kind `crowdsec`.

use super::Period;
use super::feed::{self, FeedConfig, KeySource, Place, RawFeed};
use crate::feed::apiban::Dataset;
use crate::feed::crowdsec::Settings;
use crate::feed::crowdsec::cursor::fingerprint;
use crate::feed::http::{Url, check_url};
use crate::system::secret::Secret;

/// Where CrowdSec's local API answers unless it was told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// What CrowdSec needs to be asked.
#[derive(Debug, Clone)]
pub struct CrowdsecConfig {
    /// Its local API, up to and without `/v1`.
    pub base: Url,
    /// What to take of its answers.
    pub settings: Settings,
}

impl CrowdsecConfig {
    /// A number for everything that decides what an answer is about: another one, and all is read again.
    pub fn question(&self, key: &Secret) -> u16 {
        let Settings { origins, widest_v4, widest_v6, .. } = &self.settings;
        let width = format!("{widest_v4} {widest_v6}");
        fingerprint(&[self.base.as_str(), key.expose(), &origins.join(","), &width])
    }
}

/// Judges the keys of a feed that is CrowdSec's local API.
pub(super) fn judge(name: String, raw: RawFeed, place: &Place) -> Result<FeedConfig, String> {
    let widen = feed::widen(&name, &raw)?;
    let widest = (raw.widest_v4.unwrap_or(16), raw.widest_v6.unwrap_or(32));
    let (widest_v4, widest_v6) = feed::check_widest(&name, widest)?;
    let url = raw.url.unwrap_or_else(|| DEFAULT_URL.to_owned());
    let base = check_url(&url).map_err(|error| format!("the url of feed {name:?} will not do: {error}"))?;
    let origins = raw.origins.unwrap_or_default();
    if let Some(wrong) = origins.iter().find(|one| one.trim().is_empty() || one.contains(',')) {
        return Err(format!(
            "origins of feed {name:?} holds {wrong:?}; write each by itself, such as origins = [\"crowdsec\", \"CAPI\"]"
        ));
    }
    let key = match (raw.key, raw.key_file) {
        (Some(_), Some(_)) => {
            return Err(format!("feed {name:?} has both key and key_file; keep one of them"));
        }
        (Some(key), None) => KeySource::Given(key),
        (None, Some(path)) => KeySource::File(path),
        (None, None) => KeySource::Missing,
    };
    let ttl = raw.ttl.unwrap_or(Period::seconds(7 * 86_400));
    if ttl.as_secs() < 2 * 86_400 {
        return Err(format!(
            "the ttl of feed {name:?} is under 2 days; CrowdSec is read whole once a day, and ends its bans by itself"
        ));
    }
    Ok(FeedConfig {
        kind: raw.kind,
        url,
        key,
        dataset: Dataset::Sip,
        api: 2,
        ttl,
        interval: raw.interval.unwrap_or(Period::seconds(0)),
        timeout: feed::check_timeout(&name, raw.timeout, 60)?,
        widest_v4,
        widest_v6,
        hold_times: raw.hold_times.unwrap_or(4),
        hold_more: raw.hold_more.unwrap_or(5_000),
        enabled: raw.enabled.unwrap_or(true),
        list: None,
        crowdsec: Some(CrowdsecConfig {
            base,
            settings: Settings { origins, widest_v4, widest_v6, ..Settings::default() },
        }),
        widen,
        at: place.clone(),
        name,
    })
}

/// Refuses a second feed with the key of a first one: CrowdSec tells each key what changed once, so that each of them
/// would miss what the other was told.
pub(super) fn has_no_twin(feed: &FeedConfig, others: &[FeedConfig]) -> Result<(), String> {
    let same = |other: &&FeedConfig| {
        let same_key = match (&other.key, &feed.key) {
            (KeySource::Given(a), KeySource::Given(b)) => a == b,
            (KeySource::File(a), KeySource::File(b)) => a == b,
            _ => false,
        };
        let base = |one: &FeedConfig| one.crowdsec.as_ref().map(|crowdsec| crowdsec.base.clone());
        other.crowdsec.is_some() && base(other) == base(feed) && same_key
    };
    match others.iter().find(same) {
        Some(other) => Err(format!(
            "feeds {:?} and {:?} ask the same CrowdSec with the same key, and it tells each key only once what \
             changed; make a second key with cscli bouncers add",
            other.name, feed.name
        )),
        None => Ok(()),
    }
}
