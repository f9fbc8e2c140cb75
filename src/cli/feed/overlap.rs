//! `feed overlap`: how much of each feed the others contain.

use super::super::Global;
use crate::cli::output::{number, print, print_json, table};
use crate::run::feeds;
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// Runs the command.
pub(super) fn run(global: &Global) -> Result<Exit> {
    let rows = feeds::overlap(&global.environment())?;
    if global.json {
        print_json(&rows)?;
        return Ok(Exit::Done);
    }
    let names: Vec<String> = rows.iter().map(|row| row.feed.clone()).collect();
    let mut head = vec!["FEED".to_owned(), "ENTRIES".to_owned(), "ALONE".to_owned()];
    head.extend(names.iter().map(|name| format!("IN {name}")));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let lines = rows.iter().map(|row| {
        let mut line = vec![row.feed.clone(), number(row.entries), number(row.alone)];
        line.extend(names.iter().map(|name| {
            let covered = row.covered_by.iter().find(|covered| covered.feed == *name);
            covered.map_or_else(|| "-".to_owned(), |covered| number(covered.entries))
        }));
        line
    });
    print(&table(&head, lines))?;
    Ok(Exit::Done)
}
