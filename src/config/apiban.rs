//! Feeds of kind `apiban`.

use super::Period;
use super::feed::{KeySource, RawFeed};
use crate::feed::apiban::{Api, DEFAULT_URL, Dataset};
use crate::feed::http::check_url;
use crate::system::secret::Secret;

/// What a feed that speaks apiban's API needs besides.
#[derive(Debug, Clone)]
pub struct ApibanConfig {
    /// Its key.
    pub key: KeySource,
    /// Which attackers to ask for.
    pub dataset: Dataset,
    /// The version of the API.
    pub api: Api,
    /// How long an address stays after its last sighting.
    pub ttl: Period,
}

/// Reads the settings of such a feed, and its address. The environment's key wins over the file's.
pub(super) fn read(
    name: &str,
    raw: &RawFeed,
    environment_key: Option<&Secret>,
) -> Result<(ApibanConfig, String), String> {
    let key = match environment_key {
        Some(key) => KeySource::Given(key.clone()),
        None => KeySource::read(name, raw)?,
    };
    let api = match raw.api {
        None | Some(2) => Api::V2,
        Some(1) => Api::V1,
        Some(other) => return Err(format!("feed {name:?}: api must be 1 or 2, not {other}")),
    };
    let dataset = raw.dataset.unwrap_or_default();
    if api == Api::V1 && dataset != Dataset::Sip {
        return Err(format!("feed {name:?}: only api = 2 has datasets other than \"sip\""));
    }
    let url = raw.url.clone().unwrap_or_else(|| DEFAULT_URL.to_owned());
    check_url(&url).map_err(|error| format!("feed {name:?}: invalid url: it {error}"))?;
    let ttl = raw.ttl.unwrap_or(Period::seconds(7 * 86_400));
    if ttl.as_secs() < 60 {
        return Err(format!("feed {name:?}: ttl must be at least a minute; apiban's own is \"7d\""));
    }
    Ok((ApibanConfig { key, dataset, api, ttl }, url))
}
