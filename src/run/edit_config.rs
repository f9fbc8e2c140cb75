//! The configuration file as commands change it: read as a whole, checked as a whole, replaced as a whole.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::context::Environment;
use super::request;
use crate::config::setting::{self, Name, Section, Setting};
use crate::config::{Config, ConfigError, DEFAULT_PATH};
use crate::system::exit::Exit;
use crate::system::failure::{Attempt, Failure, Result};
use crate::system::files;
use crate::system::secret::Secret;

/// Who else than the owner may read a new configuration: the group, which is asterisk's.
const MODE: u32 = 0o640;
/// The largest configuration that is changed, in bytes.
pub const MOST: u64 = 1 << 20;
/// What a configuration begins with where there is none yet.
const FIRST: &str = "[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\n";

/// Where the configuration is.
pub fn path(environment: &Environment) -> PathBuf {
    environment.config_file.clone().unwrap_or_else(|| DEFAULT_PATH.into())
}

/// Its text.
pub fn read(path: &Path) -> Result<String> {
    Ok(files::read_text(path, MOST)
        .map_err(|error| ConfigError::new(path, format!("cannot read: {error}")))?)
}

/// Its text; none where there is no file.
pub fn read_if_there(path: &Path) -> Result<Option<String>> {
    match files::read_text(path, MOST) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::new(path, format!("cannot read: {error}")).into()),
    }
}

/// Writes the file, unless the new text is not a valid configuration. `key` is the environment's. A file that was there
/// keeps owner and mode; a new one belongs to the asterisk user.
pub fn write(environment: &Environment, path: &Path, text: &str, key: Option<Secret>) -> Result<()> {
    Config::parse(text, path, key)?;
    let owner = if environment.is_root { environment.owner().ok() } else { None };
    files::replace_owned(path, text.as_bytes(), MODE, owner)
        .map_err(|error| ConfigError::new(path, format!("cannot write: {error}")))
        .context("nothing was changed")
}

/// Looks a setting up.
pub fn get(environment: &Environment, name: &Name) -> Result<Setting> {
    let config = environment.config()?;
    let path = path(environment);
    let text = read_if_there(&path)?.unwrap_or_default();
    Ok(setting::get(&config, &text, &path, name)?)
}

/// A setting after [`set`].
#[derive(Debug)]
pub struct Changed {
    /// Whether it was different before.
    pub changed: bool,
    /// Its value as the configuration has it now, secrets masked.
    pub value: Option<serde_json::Value>,
}

/// Sets a setting. The next run uses it; root is asked for one where this is not root.
pub fn set(environment: &Environment, name: &Name, value: &str) -> Result<Changed> {
    let path = path(environment);
    let before = match read_if_there(&path)? {
        Some(text) => text,
        None if name.section == Section::Feed("apiban".to_owned()) => FIRST.to_owned(),
        // The error that says how to make one.
        None => {
            return Err(Config::load(Some(&path), None).err().map_or_else(
                || Failure::new(Exit::TryAgain, format!("{} was made just now; try again", path.display())),
                Failure::from,
            ));
        }
    };
    let after = setting::set(&before, &path, name, value)?;
    let changed = after != before;
    if changed {
        write(environment, &path, &after, None)?;
        request::after_change();
    }
    let config = Config::parse(&after, &path, None)?;
    Ok(Changed { changed, value: setting::get(&config, &after, &path, name)?.value })
}

/// What [`check`] found.
#[derive(Debug)]
pub struct Checked {
    /// The file; none where there is none and the defaults with the environment's key are used.
    pub file: Option<PathBuf>,
    /// How many feeds it has.
    pub feeds: usize,
    /// What you should fix although it works.
    pub warnings: Vec<String>,
}

/// Checks that the configuration, the keys of its enabled feeds and freepbx.conf can be used.
pub fn check(environment: &Environment) -> Result<Checked> {
    let config = environment.config()?;
    for feed in config.enabled().filter(|feed| feed.needs_key()) {
        feed.read_key()?;
    }
    environment.database()?;
    let mut warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    if config.enabled().next().is_none() {
        warnings.push("no feed is enabled, so nothing is blocked".to_owned());
    }
    Ok(Checked { file: config.path, feeds: config.feed.len(), warnings })
}
