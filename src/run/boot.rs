//! Early at boot, before the database is up: the saved kernel set blocks already.

use std::path::Path;

use crate::kernel::permit;
use crate::kernel::set::{DIRECTORY, load_saved};
use crate::system::failure::Result;
use crate::system::program::System;

/// Loads the saved set into the kernel. Returns what it is made with, `nft` or `ipset`; none where nothing was saved, or
/// a set is there already.
pub fn load_saved_set() -> Result<Option<&'static str>> {
    // Before the set: who is outside waits for no list of attackers.
    permit::load_saved(&System::default(), Path::new(DIRECTORY))?;
    Ok(load_saved(&System::default(), Path::new(DIRECTORY))?.map(super::super::ban::hits::Backend::word))
}
