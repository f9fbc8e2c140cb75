//! `apply`: makes rows, firewall and set match the ledger, and asks no feed; or, early at boot, loads the saved set.

use crate::system::failure::Result;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::output::{print, print_json};
use super::{Global, sync};
use crate::kernel::set::{DIRECTORY, load_saved};
use crate::system::exit::Exit;
use crate::system::program::System;

/// What `apply` takes.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Only load the saved set into the kernel: for early at boot, before the database is up
    #[arg(long)]
    boot: bool,
}

#[derive(Serialize)]
struct Loaded {
    /// `nft` or `ipset`; none when nothing was saved, or a set is there already.
    loaded: Option<&'static str>,
}

/// Runs the command.
pub fn run(global: &Global, args: &ApplyArgs) -> Result<Exit> {
    if !args.boot {
        return sync::apply(global);
    }
    let loaded = load_saved(&System::default(), Path::new(DIRECTORY))?.map(|backend| backend.word());
    if global.json {
        print_json(&Loaded { loaded })?;
    } else if !global.quiet {
        print(&match loaded {
            Some(by) => format!("The saved set is in force, by {by}.\n"),
            None => "Nothing to load: no set was saved, or one is in the kernel already.\n".to_owned(),
        })?;
    }
    Ok(Exit::Done)
}
