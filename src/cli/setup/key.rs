//! The apiban key: where it comes from, whether it is good, and the configuration that it is written into.

use crate::system::failure::Result;
use std::io::ErrorKind;
use std::path::Path;

use crate::system::failure::Attempt;
use serde_json::Value;

use super::super::{Global, terminal};
use super::SetupArgs;
use crate::cli::output::complain;
use crate::config::{Config, ConfigError, KEY_VARIABLE};
use crate::doctor::ask;
use crate::doctor::feeds::{Asked, Trouble};
use crate::doctor::neighbours::APIBAN_DIRECTORY;
use crate::system::exit::Exit;
use crate::system::files;
use crate::system::secret::Secret;

/// The feed's name in the configuration that is written.
pub const FEED: &str = "apiban";
/// How often one may mistype it.
const TRIES: usize = 3;
/// The most that is read of a file with a key, in bytes.
const MOST: u64 = 1 << 16;

/// What came of looking for a key.
pub enum Key {
    /// One to be written, and how it was tested.
    Good(Secret, String),
    /// None; it was said why.
    None(Exit),
}

/// Finds a key and tests it.
pub fn find(global: &Global, args: &SetupArgs) -> Result<Key> {
    if let Some(file) = &args.key_file {
        let text = files::read_text(file, MOST)
            .map_err(|error| ConfigError::new(file, format!("the key cannot be read: {error}")))?;
        return test(global, args, Secret::new(text.lines().next().unwrap_or_default().trim()));
    }
    if let Some(key) = global.environment().key {
        return test(global, args, key);
    }
    if args.yes || !terminal::is_there() {
        complain(&format!("there is no key; give it by --key-file FILE or in {KEY_VARIABLE}"));
        return Ok(Key::None(Exit::Usage));
    }
    let old = of_old_client();
    for _ in 0..TRIES {
        let question = match &old {
            Some(_) => "The apiban key (it is not shown; Enter takes the one of apiban's own client):",
            None => "The apiban key (from https://apiban.org/getkey.html; it is not shown):",
        };
        let Some(key) = terminal::secret(question)?.or_else(|| old.clone()) else {
            complain("without a key there is nothing to set up");
            return Ok(Key::None(Exit::Usage));
        };
        match test(global, args, key)? {
            Key::None(Exit::Denied) => {}
            other => return Ok(other),
        }
    }
    Ok(Key::None(Exit::Denied))
}

/// The key that apiban's own client uses here.
fn of_old_client() -> Option<Secret> {
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

/// Tests a key with one request.
fn test(global: &Global, args: &SetupArgs, key: Secret) -> Result<Key> {
    let text = text_of(&key, args.url.as_deref())?;
    let asked = ask::ask(&global.environment(), &[FEED.to_owned()], Some(&text))?.pop().unwrap_or_default();
    let Asked { not_asked, error, kind, .. } = asked;
    Ok(match (not_asked, error, kind) {
        (Some(why), ..) => Key::Good(key, format!("not tested: {why}")),
        (None, None, _) => Key::Good(key, "it is good".to_owned()),
        // Whoever counts the requests of a key knows it.
        (None, Some(error), Some(Trouble::RateLimited)) => Key::Good(key, format!("not tested: {error}")),
        (None, Some(error), kind) => {
            complain(&format!("{error} Nothing was written."));
            Key::None(match kind {
                Some(Trouble::KeyRefused) => Exit::Denied,
                Some(Trouble::Unusable) => Exit::Unusable,
                Some(_) => Exit::Unreachable,
                None => Exit::Config,
            })
        }
    })
}

/// The configuration with this key. A text that no key can be is an error.
fn text_of(key: &Secret, url: Option<&str>) -> Result<String> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = format!(
        "# Written by banbridge setup. All that can stand here: /usr/share/doc/banbridge/docs/reference/configuration.md\n\
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

/// Writes the configuration for FreePBX's user; never in the place of another.
pub fn write(file: &Path, key: &Secret, url: Option<&str>, owner: (u32, u32)) -> Result<()> {
    let text = text_of(key, url)?;
    files::create(file, text.as_bytes(), 0o640, owner)
        .map_err(|error| {
            let what = match error.kind() {
                ErrorKind::AlreadyExists => "somebody made it meanwhile; it stays as it is".to_owned(),
                _ => format!("cannot be written: {error}"),
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
    fn the_key_of_the_old_client_is_found_and_its_placeholder_is_none() {
        let of = |json: &str| old_key(json).map(|key| key.expose().to_owned());
        assert_eq!(of(r#"{"APIKEY":"abc","LKID":"100"}"#).as_deref(), Some("abc"));
        assert_eq!(of(r#"{"apikey":"abc"}"#).as_deref(), Some("abc"));
        for none in [r#"{"APIKEY":"MY API KEY"}"#, r#"{"APIKEY":""}"#, r#"{"APIKEY":7}"#, "[]", "junk"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
