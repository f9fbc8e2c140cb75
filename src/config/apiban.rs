//! Feeds of kind `apiban`.

use super::Period;
use super::feed::{self, FeedConfig, KeySource, Place, RawFeed};
use crate::feed::apiban::{DEFAULT_URL, Dataset};
use crate::feed::http::check_url;
use crate::system::secret::Secret;

/// Judges the keys of a feed that speaks apiban's API. The environment's key wins over the file's.
pub(super) fn judge(
    name: String,
    raw: RawFeed,
    place: &Place,
    environment_key: Option<&Secret>,
) -> Result<FeedConfig, String> {
    let widen = feed::widen(&name, &raw)?;
    let widest = (raw.widest_v4.unwrap_or(16), raw.widest_v6.unwrap_or(32));
    let key = match (environment_key, raw.key, raw.key_file) {
        (Some(key), _, _) => KeySource::Given(key.clone()),
        (None, Some(_), Some(_)) => {
            return Err(format!("feed {name:?} has both key and key_file; keep one of them"));
        }
        (None, Some(key), None) => KeySource::Given(key),
        (None, None, Some(path)) => KeySource::File(path),
        (None, None, None) => KeySource::Missing,
    };
    let api = match raw.api {
        None | Some(2) => 2,
        Some(1) => 1,
        Some(other) => return Err(format!("api = {other} of feed {name:?} is unknown; there are 1 and 2")),
    };
    let dataset = raw.dataset.unwrap_or(Dataset::Sip);
    if api == 1 && dataset != Dataset::Sip {
        return Err(format!("feed {name:?} asks for another dataset than \"sip\", which only api = 2 can"));
    }
    let url = raw.url.unwrap_or_else(|| DEFAULT_URL.to_owned());
    check_url(&url).map_err(|error| format!("the url of feed {name:?} will not do: {error}"))?;
    let (widest_v4, widest_v6) = feed::check_widest(&name, widest)?;
    let ttl = raw.ttl.unwrap_or(Period::seconds(7 * 86_400));
    if ttl.as_secs() < 60 {
        return Err(format!("the ttl of feed {name:?} is under a minute; apiban's own is \"7d\""));
    }
    let timeout = feed::check_timeout(&name, raw.timeout, 30)?;
    Ok(FeedConfig {
        kind: raw.kind,
        url,
        key,
        dataset,
        api,
        ttl,
        interval: raw.interval.unwrap_or(Period::seconds(0)),
        timeout,
        widest_v4,
        widest_v6,
        hold_times: raw.hold_times.unwrap_or(4),
        hold_more: raw.hold_more.unwrap_or(5_000),
        enabled: raw.enabled.unwrap_or(true),
        list: None,
        crowdsec: None,
        widen,
        at: place.clone(),
        name,
    })
}
