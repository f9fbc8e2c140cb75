//! The configuration file as commands change it: read whole, judged whole, replaced whole.

use crate::system::failure::Result;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::system::failure::Attempt;

use super::Global;
use crate::config::{Config, ConfigError, DEFAULT_PATH};
use crate::pbx::freepbx_conf;
use crate::system::files;
use crate::system::secret::Secret;

/// Who else than the owner may read a new configuration: the group, which is asterisk's.
const MODE: u32 = 0o640;
/// The largest configuration that is changed, in bytes.
pub const MOST: u64 = 1 << 20;

/// Where the configuration stands.
pub fn path(global: &Global) -> PathBuf {
    global.config.clone().unwrap_or_else(|| DEFAULT_PATH.into())
}

/// Its text.
pub fn read(path: &Path) -> Result<String> {
    Ok(files::read_text(path, MOST)
        .map_err(|error| ConfigError::new(path, format!("cannot be read: {error}")))?)
}

/// Its text; none where there is no file.
pub fn read_if_there(path: &Path) -> Result<Option<String>> {
    match files::read_text(path, MOST) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::new(path, format!("cannot be read: {error}")).into()),
    }
}

/// Writes the file, unless the new text is no configuration. `key` is the environment's. A file that was there keeps
/// owner and mode; a new one is the PBX user's.
pub fn write(global: &Global, path: &Path, text: &str, key: Option<Secret>) -> Result<()> {
    Config::parse(text, path, key)?;
    let is_root = rustix::process::geteuid().is_root();
    let owner = if is_root { freepbx_conf::owner(&global.freepbx_conf).ok() } else { None };
    files::replace_owned(path, text.as_bytes(), MODE, owner)
        .map_err(|error| ConfigError::new(path, format!("cannot be written: {error}")))
        .context("nothing was changed")
}
