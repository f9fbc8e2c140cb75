//! Feeds of kind `list`.

use super::Period;
use super::feed::RawFeed;
use crate::ban::width::Widest;
use crate::feed::catalog;
use crate::feed::list::{Column, Settings};
use crate::feed::snapshot;
use crate::system::hash;

/// How often a list is asked for when nobody says.
const INTERVAL: Period = Period::seconds(3_600);

/// What a feed that is a list needs besides.
#[derive(Debug, Clone)]
pub struct ListConfig {
    /// Where it stands.
    pub place: snapshot::Place,
    /// How it is read.
    pub settings: Settings,
    /// The publisher's shortest time between two requests.
    pub minimum: Period,
    /// How long an entry stays after the list dropped it; none: it goes with its line.
    pub ttl: Option<Period>,
}

impl ListConfig {
    /// A number for everything that decides what is read: another number, and the known version is not this one.
    pub fn fingerprint(&self) -> i64 {
        let text = format!("{:?} {:?}", self.place, self.settings);
        hash::fnv1a(text.bytes()).cast_signed()
    }
}

/// Reads the settings of such a feed, and its address.
pub(super) fn read(name: &str, raw: &RawFeed, widest: Widest) -> Result<(ListConfig, String), String> {
    let Some(url) = raw.url.clone() else {
        return Err(format!(
            "feed {name:?}: no url. Write the address of the list, or a path on this machine"
        ));
    };
    let place =
        snapshot::Place::parse(&url).map_err(|error| format!("feed {name:?}: invalid url: it {error}"))?;
    let is_zero = |column: &Option<Column>| matches!(column, Some(Column::Number(0)));
    if is_zero(&raw.column) || is_zero(&raw.score_column) {
        return Err(format!("feed {name:?}: columns count from 1"));
    }
    if raw.score_column.is_some() && raw.min_score.is_none() {
        return Err(format!("feed {name:?}: score_column needs min_score, the lowest score to use"));
    }
    if raw.min_score.is_some_and(|score| !score.is_finite()) {
        return Err(format!("feed {name:?}: min_score must be a number, such as 3"));
    }
    let settings = Settings {
        format: raw.format,
        column: raw.column.clone(),
        field: raw.field.clone(),
        score_column: raw.score_column.clone(),
        min_score: raw.min_score,
        widest,
        ..Settings::default()
    };
    let ttl = raw.ttl.filter(|ttl| ttl.as_secs() > 0);
    let minimum = Period::seconds(catalog::minimum(&url).unsigned_abs());
    Ok((ListConfig { place, settings, minimum, ttl }, url))
}

/// How often a list is asked for: as configured, but not more often than its publisher allows.
pub(super) fn interval(list: &ListConfig, raw: Option<Period>) -> Period {
    let wanted = raw.unwrap_or(INTERVAL);
    if wanted.as_secs() < list.minimum.as_secs() { list.minimum } else { wanted }
}
