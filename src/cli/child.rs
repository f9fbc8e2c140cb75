//! `child`: the parts of commands that do not run as root. Not for people.

use super::{Global, sync};
use crate::doctor::ask;
use crate::run::ask::ask_as_child;
use crate::run::child::{self, Work};
use crate::run::coverage::lists::compare_as_child;
use crate::run::notify;
use crate::run::permit_preview::fetch_as_child;
use crate::run::test_feed::test_as_child;
use crate::system::exit::Exit;
use crate::system::failure::Result;

pub use crate::run::child::COMMAND;

/// Gives up root, reads what is to be done, and does it. The answers go to the parent.
pub fn run(global: &Global) -> Result<Exit> {
    let environment = global.environment();
    match child::begin(&environment)? {
        Work::Sync(request) => sync::run_child(global, &request)?,
        Work::Notify => notify::run_child(&environment)?,
        Work::AskFeeds { feeds, config } => ask::run(&environment, &feeds, config.as_deref())?,
        Work::CompareLists { lists, suspects } => compare_as_child(&environment, &lists, &suspects)?,
        Work::AskAbout { address } => ask_as_child(&environment, &address)?,
        Work::FetchLists { feeds } => fetch_as_child(&environment, &feeds)?,
        Work::TryFeed { feed, lines } => test_as_child(&environment, &feed, lines.as_deref())?,
    }
    Ok(Exit::Done)
}
