//! `apply`: makes rows, firewall and kernel set match the saved state, without fetching; or, early at boot, loads the
//! saved kernel set.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::output::{print, print_json};
use super::{Global, report};
use crate::run;
use crate::run::boot::load_saved_set;
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// What `apply` takes.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// only load the saved kernel set: for early at boot, before the database is up
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
    if args.boot {
        return boot(global);
    }
    global.bound(Duration::ZERO);
    let report = run::apply(global.open()?)?;
    report::show(global, &report)?;
    Ok(report.exit)
}

fn boot(global: &Global) -> Result<Exit> {
    global.resume_firewall();
    let loaded = load_saved_set()?;
    if global.json {
        print_json(&Loaded { loaded })?;
    } else if !global.quiet {
        print(&match loaded {
            Some(by) => format!("Loaded the saved kernel set, with {by}.\n"),
            None => "Nothing to load: no kernel set was saved, or there is one already.\n".to_owned(),
        })?;
    }
    Ok(Exit::Done)
}
