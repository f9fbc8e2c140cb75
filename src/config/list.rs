//! Feeds of kind `list`.

use std::path::{Path, PathBuf};

use reqwest::header::HeaderName;

use super::Period;
use super::feed::{OneOrMore, RawFeed};
use crate::ban::width::Widest;
use crate::feed::catalog;
use crate::feed::http::Login;
use crate::feed::list::{Column, REGISTRIES, Settings};
use crate::feed::snapshot;
use crate::system::hash;
use crate::system::secret::Secret;

/// How often a list is asked for when nobody says.
const INTERVAL: Period = Period::seconds(3_600);

/// The most words of one setting.
const MOST_WORDS: usize = 16;

/// What a feed that is a list needs besides.
#[derive(Debug, Clone)]
pub struct ListConfig {
    /// Where it stands.
    pub place: snapshot::Place,
    /// How it is read.
    pub settings: Settings,
    /// The publisher's shortest time between two requests.
    pub minimum: Period,
    /// What its server wants to be shown.
    pub login: Option<LoginSource>,
    /// How long an entry stays after the list dropped it; none: it goes with its line.
    pub ttl: Option<Period>,
}

/// A login, and the file that holds its secret.
#[derive(Debug, Clone)]
pub enum LoginSource {
    /// A user, and the file with the password.
    Password(String, PathBuf),
    /// A header, and the file with its value.
    Header(HeaderName, PathBuf),
}

impl LoginSource {
    fn read(name: &str, raw: &RawFeed, place: &snapshot::Place) -> Result<Option<Self>, String> {
        let login = match (&raw.username, &raw.password_file, &raw.header_name, &raw.header_file) {
            (None, None, None, None) => return Ok(None),
            (Some(user), Some(file), None, None) if !user.contains([':', '\r', '\n']) => {
                Self::Password(user.clone(), file.clone())
            }
            (Some(_), Some(_), None, None) => {
                return Err(format!("feed {name:?}: a username contains no colon and no line break"));
            }
            (None, None, Some(header), Some(file)) => {
                let header = Login::header_name(header)
                    .map_err(|why| format!("feed {name:?}: invalid header_name {header:?}: {why}"))?;
                Self::Header(header, file.clone())
            }
            _ => {
                return Err(format!(
                    "feed {name:?}: a login is either username and password_file, or header_name and header_file"
                ));
            }
        };
        match place {
            snapshot::Place::Http(_) => Ok(Some(login)),
            snapshot::Place::File(_) => {
                Err(format!("feed {name:?}: a list on this machine has no login. Remove it"))
            }
        }
    }

    /// The setting that names the file, and the file.
    pub(super) fn file(&self) -> (&'static str, &Path) {
        match self {
            Self::Password(_, file) => ("password_file", file),
            Self::Header(_, file) => ("header_file", file),
        }
    }

    /// The login with its secret.
    pub(super) fn with(&self, secret: Secret) -> Login {
        match self {
            Self::Password(user, _) => Login::Password(user.clone(), secret),
            Self::Header(header, _) => Login::Header(header.clone(), secret),
        }
    }
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
    let login = LoginSource::read(name, raw, &place)?;
    let settings = Settings {
        format: raw.format,
        column: raw.column.clone(),
        fields: fields(name, raw)?,
        country: countries(name, raw)?,
        registry: registries(name, raw)?,
        score_column: raw.score_column.clone(),
        min_score: raw.min_score,
        widest,
        ..Settings::default()
    };
    let ttl = raw.ttl.filter(|ttl| ttl.as_secs() > 0);
    let minimum = Period::seconds(catalog::minimum(&url).unsigned_abs());
    Ok((ListConfig { place, settings, minimum, login, ttl }, url))
}

/// Judges `field`.
fn fields(name: &str, raw: &RawFeed) -> Result<Vec<String>, String> {
    let fields = OneOrMore::words(raw.field.as_ref());
    match fields.iter().any(String::is_empty) || fields.len() > MOST_WORDS {
        true => {
            Err(format!("feed {name:?}: field is the name of a JSON field, or up to {MOST_WORDS} of them"))
        }
        false => Ok(fields),
    }
}

/// Judges `country`.
fn countries(name: &str, raw: &RawFeed) -> Result<Vec<String>, String> {
    let countries = OneOrMore::words(raw.country.as_ref());
    let is_code = |code: &String| code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic());
    match countries.iter().find(|code| !is_code(code)) {
        Some(wrong) => Err(format!(
            "feed {name:?}: invalid country {wrong:?}. Write its two letters, each one separately: country = [\"US\", \"CA\"]"
        )),
        None => Ok(countries.iter().map(|code| code.to_ascii_uppercase()).collect()),
    }
}

/// Judges `registry`.
fn registries(name: &str, raw: &RawFeed) -> Result<Vec<String>, String> {
    let registries = OneOrMore::words(raw.registry.as_ref());
    match registries.iter().find(|one| !REGISTRIES.contains(&one.as_str())) {
        Some(wrong) => {
            Err(format!("feed {name:?}: invalid registry {wrong:?}. There are: {}", REGISTRIES.join(", ")))
        }
        None => Ok(registries),
    }
}

/// How often a list is asked for: as configured, but not more often than its publisher allows.
pub(super) fn interval(list: &ListConfig, raw: Option<Period>) -> Period {
    let wanted = raw.unwrap_or(INTERVAL);
    if wanted.as_secs() < list.minimum.as_secs() { list.minimum } else { wanted }
}
