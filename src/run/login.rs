//! The login of a list: its secret in a file of its own beside the configuration, and the settings that name it.

use std::path::{Path, PathBuf};

use toml::Value;

use super::context::Environment;
use super::edit_config::{path, read, write};
use super::request;
use crate::config::setting::{Name, Section};
use crate::config::{Config, ConfigError, edit};
use crate::system::failure::{Attempt, Result};
use crate::system::files;
use crate::system::secret::Secret;

/// Who may read a secret: its owner, FreePBX's user.
const MODE: u32 = 0o600;
/// All settings of a login.
const SETTINGS: [&str; 4] = ["username", "password_file", "header_name", "header_file"];

/// What a list's server wants to be shown.
#[derive(Debug)]
pub enum NewLogin {
    /// A user and a password.
    Password(String, Secret),
    /// A header and its value.
    Header(String, Secret),
    /// Nothing.
    None,
}

/// The file of a feed's secret.
fn file(config: &Path, feed: &str) -> PathBuf {
    config.with_file_name(format!("banbridge-{feed}.secret"))
}

/// Sets, replaces or removes the login of a list. The next run uses it.
pub fn set(environment: &Environment, feed: &str, login: &NewLogin) -> Result<()> {
    let path = path(environment);
    let before = read(&path)?;
    Config::parse(&before, &path, environment.key.clone())?.named(feed)?;
    let secret_file = file(&path, feed);
    let named = |key: &str| Name { section: Section::Feed(feed.to_owned()), key: key.to_owned() };
    let unchanged = || {
        let what = format!("cannot change the lines of feed {feed:?}. Change them with an editor");
        ConfigError::new(&path, what)
    };
    let mut text = before;
    for key in SETTINGS {
        text = edit::unset(&text, &named(key)).ok_or_else(unchanged)?;
    }
    let in_file = Value::String(secret_file.display().to_string());
    let (settings, secret) = match login {
        NewLogin::Password(user, secret) => {
            (vec![("username", Value::String(user.clone())), ("password_file", in_file)], Some(secret))
        }
        NewLogin::Header(header, secret) => {
            (vec![("header_name", Value::String(header.clone())), ("header_file", in_file)], Some(secret))
        }
        NewLogin::None => (Vec::new(), None),
    };
    for (key, value) in &settings {
        text = edit::set(&text, &named(key), value).ok_or_else(unchanged)?;
    }
    // Before anything is written: whether all of it is a configuration then.
    Config::parse(&text, &path, environment.key.clone())?;
    if let Some(secret) = secret {
        let owner = if environment.is_root { environment.owner().ok() } else { None };
        let line = format!("{}\n", secret.expose());
        files::replace_owned(&secret_file, line.as_bytes(), MODE, owner)
            .map_err(|error| ConfigError::new(&secret_file, format!("cannot write: {error}")))
            .context("nothing was changed")?;
    }
    write(environment, &path, &text, environment.key.clone())?;
    if secret.is_none() {
        forget(environment, &path, feed)?;
    }
    request::after_change();
    Ok(())
}

/// Removes the secret that was saved for a feed, if there is one.
pub(super) fn forget(environment: &Environment, config: &Path, feed: &str) -> Result<()> {
    let file = file(config, feed);
    if !file.exists() {
        return Ok(());
    }
    files::remove(&file, environment.owner()?.0).map(drop).map_err(|error| {
        ConfigError::new(&file, format!("cannot remove it: {error}. Remove it by hand")).into()
    })
}
