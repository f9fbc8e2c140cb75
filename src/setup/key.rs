//! The apiban key: where it comes from, whether it is accepted, and the configuration that it is written to.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Ask, SetupRequest};
use crate::config::{Config, ConfigError, KEY_VARIABLE};
use crate::doctor::ask;
use crate::doctor::feeds::{Asked, Trouble};
use crate::doctor::neighbours::APIBAN_DIRECTORY;
use crate::run::Environment;
use crate::system::exit::Exit;
use crate::system::failure::{Attempt, Classify, Failure, Result};
use crate::system::files;
use crate::system::secret::Secret;

/// The feed's name in the configuration that is written.
pub const FEED: &str = "apiban";
/// How often the key can be mistyped.
const TRIES: usize = 3;
/// The most that is read of a file with a key, in bytes.
const MOST: u64 = 1 << 16;

/// Why there is no key to write. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file with the key cannot be read.
    #[error("the key file {path:?} cannot be read: {cause}")]
    File {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// None was given, and nobody can be asked.
    #[error("no API key. Fix: give it by --key-file FILE or in {KEY_VARIABLE}")]
    NotGiven,
    /// None was typed.
    #[error("nothing was set up: no API key was given")]
    NotTyped,
    /// The server did not accept it, or could not be asked.
    #[error("{error} Nothing was written.")]
    NotAccepted {
        /// The words of the feed's error.
        error: String,
        /// What it means; none if it cannot be asked with this configuration.
        kind: Option<Trouble>,
    },
}

impl Classify for KeyError {
    fn exit(&self) -> Exit {
        match self {
            Self::File { cause, .. } => cause.exit(),
            Self::NotGiven | Self::NotTyped => Exit::Usage,
            Self::NotAccepted { kind, .. } => match kind {
                Some(Trouble::KeyRefused) => Exit::Denied,
                Some(Trouble::Unusable) => Exit::Unusable,
                Some(Trouble::Unreachable | Trouble::RateLimited) => Exit::Unreachable,
                None => Exit::Config,
            },
        }
    }
}

/// Finds a key and tests it. Returns it with how the test went.
pub fn find(
    environment: &Environment,
    request: &SetupRequest,
    ask: &mut dyn Ask,
) -> Result<(Secret, String)> {
    let url = request.url.as_deref();
    let tested = |key: Secret| Ok(test(environment, url, &key)?.map(|note| (key, note))?);
    if let Some(path) = &request.key_file {
        let text =
            files::read_text(path, MOST).map_err(|cause| KeyError::File { path: path.clone(), cause })?;
        return tested(Secret::new(text.lines().next().unwrap_or_default().trim()));
    }
    if let Some(key) = &environment.key {
        return tested(key.clone());
    }
    if request.yes || !ask.is_there() {
        return Err(KeyError::NotGiven.into());
    }
    let old = key_of_old_client();
    for tries_left in (0..TRIES).rev() {
        let key = ask.key(old.is_some())?.or_else(|| old.clone()).ok_or(KeyError::NotTyped)?;
        match test(environment, url, &key)? {
            Ok(note) => return Ok((key, note)),
            Err(error) if error.exit() == Exit::Denied && tries_left > 0 => ask.again(&error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::bug("a key is asked for at least once"))
}

/// The key that apiban's own client uses here.
fn key_of_old_client() -> Option<Secret> {
    let text = files::read_text(&Path::new(APIBAN_DIRECTORY).join("config.json"), MOST).ok()?;
    old_key(&text)
}

/// The names of its keys are read without regard to case, as it does.
fn old_key(json: &str) -> Option<Secret> {
    let Value::Object(map) = serde_json::from_str(json).ok()? else { return None };
    let key = map.iter().find(|(name, _)| name.eq_ignore_ascii_case("apikey"))?.1.as_str()?;
    let key = Secret::new(key.trim());
    text_of(&key, None).ok().map(|_| key)
}

/// Tests a key with one request. Returns how it went, in words.
fn test(
    environment: &Environment,
    url: Option<&str>,
    key: &Secret,
) -> Result<std::result::Result<String, KeyError>> {
    let text = text_of(key, url)?;
    let asked = ask::ask(environment, &[FEED.to_owned()], Some(&text))?.pop().unwrap_or_default();
    let Asked { not_asked, error, kind, .. } = asked;
    Ok(match (not_asked, error, kind) {
        (Some(why), ..) => Ok(format!("not tested: {why}")),
        (None, None, _) => Ok("accepted by apiban".to_owned()),
        // A server that counts the requests of a key knows the key.
        (None, Some(error), Some(Trouble::RateLimited)) => Ok(format!("not tested: {error}")),
        (None, Some(error), kind) => Err(KeyError::NotAccepted { error, kind }),
    })
}

/// The configuration with this key. A text that cannot be a key is an error.
fn text_of(key: &Secret, url: Option<&str>) -> Result<String> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = format!(
        "# Written by banbridge setup. All settings: /usr/share/doc/banbridge/docs/reference/configuration.md\n\
         [[feed]]\nname = \"{FEED}\"\nkind = \"apiban\"\nkey = {}\n",
        quoted(key.expose())
    );
    if let Some(url) = url {
        text += &format!("url = {}\n", quoted(url));
    }
    let config = Config::parse(&text, Path::new("the new configuration"), None)?;
    config.named(FEED)?.read_key()?;
    Ok(text)
}

/// Writes the configuration for the asterisk user; it never replaces another.
pub fn write(file: &Path, key: &Secret, url: Option<&str>, owner: (u32, u32)) -> Result<()> {
    let text = text_of(key, url)?;
    files::create(file, text.as_bytes(), 0o640, owner)
        .map_err(|error| {
            let what = match error.kind() {
                ErrorKind::AlreadyExists => "another process just made it; it stays unchanged".to_owned(),
                _ => format!("cannot write: {error}"),
            };
            ConfigError::new(file, what)
        })
        .context("nothing was set up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_out_of_the_file_as_it_went_in() {
        for key in ["abc", "k3y/Quirk+Test%42", "a\"b\\c'd", "'''", "\"\"\"", "#=["] {
            let text = text_of(&Secret::new(key), Some("https://example.com/api")).unwrap();
            let config = Config::parse(&text, Path::new("x"), None).unwrap();
            assert_eq!(config.feed[0].read_key().unwrap().expose(), key);
        }
        for key in ["", "a b", "MY API KEY", "a\u{e9}", "a\"\nurl = \"x"] {
            assert!(text_of(&Secret::new(key), None).is_err(), "{key:?}");
        }
        assert!(text_of(&Secret::new("abc"), Some("http://example.com/")).is_err());
    }

    #[test]
    fn the_key_of_the_old_client_is_found_and_its_placeholder_is_not_one() {
        let of = |json: &str| old_key(json).map(|key| key.expose().to_owned());
        assert_eq!(of(r#"{"APIKEY":"abc","LKID":"100"}"#).as_deref(), Some("abc"));
        assert_eq!(of(r#"{"apikey":"abc"}"#).as_deref(), Some("abc"));
        for none in [r#"{"APIKEY":"MY API KEY"}"#, r#"{"APIKEY":""}"#, r#"{"APIKEY":7}"#, "[]", "junk"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
