//! Who covers how much of whom: a feed that adds nothing costs requests and room and is best switched off.

use crate::system::failure::Result;
use serde::Serialize;

use super::super::Global;
use crate::ban::{Cover, Prefix};
use crate::cli::output::{print, print_json, table};
use crate::run::state::Picture;
use crate::system::exit::Exit;

#[derive(Serialize)]
struct Row {
    feed: String,
    entries: usize,
    /// Entries that no other feed covers whole.
    alone: usize,
    /// How many of its entries each other feed covers whole.
    covered_by: Vec<Covered>,
}

#[derive(Serialize)]
struct Covered {
    feed: String,
    entries: usize,
}

/// Runs the command.
pub(super) fn run(global: &Global) -> Result<Exit> {
    let config = global.environment().config()?;
    let (mut ledger, clock) = global.ledger()?;
    let now = clock.now();
    let picture = Picture::load(&mut ledger, &config, now)?;
    let feeds: Vec<(String, Vec<Prefix>)> = picture
        .asking
        .iter()
        .filter_map(|asking| {
            let name = picture.feed_name(asking.feed)?.to_owned();
            let all = picture.entries.iter().filter(|entry| asking.holds(entry, now));
            Some((name, all.map(|entry| entry.prefix).collect()))
        })
        .collect();
    let rows = overlap(&feeds);
    if global.json {
        print_json(&rows)?;
        return Ok(Exit::Done);
    }
    let mut head = vec!["FEED".to_owned(), "ENTRIES".to_owned(), "ALONE".to_owned()];
    head.extend(feeds.iter().map(|(name, _)| format!("IN {name}")));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let lines = rows.into_iter().map(|row| {
        let mut line = vec![row.feed.clone(), row.entries.to_string(), row.alone.to_string()];
        line.extend(feeds.iter().map(|(name, _)| {
            let covered = row.covered_by.iter().find(|covered| covered.feed == *name);
            covered.map_or_else(|| "-".to_owned(), |covered| covered.entries.to_string())
        }));
        line
    });
    print(&table(&head, lines))?;
    Ok(Exit::Done)
}

fn overlap(feeds: &[(String, Vec<Prefix>)]) -> Vec<Row> {
    let covers: Vec<Cover> = feeds.iter().map(|(_, prefixes)| Cover::new(prefixes)).collect();
    let row = |(at, (name, prefixes)): (usize, &(String, Vec<Prefix>))| {
        let others = feeds.iter().enumerate().filter(|(other, _)| *other != at);
        let all_others = Cover::new(others.clone().flat_map(|(_, (_, prefixes))| prefixes));
        let count = |cover: &Cover| prefixes.iter().filter(|prefix| cover.contains(prefix)).count();
        Row {
            feed: name.clone(),
            entries: prefixes.len(),
            alone: prefixes.len() - count(&all_others),
            covered_by: others
                .map(|(other, (name, _))| Covered { feed: name.clone(), entries: count(&covers[other]) })
                .collect(),
        }
    };
    feeds.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_alone_contributes_what_the_others_together_do_not_cover() {
        let feed = |name: &str, prefixes: &[&str]| {
            (name.to_owned(), prefixes.iter().map(|p| p.parse().unwrap()).collect::<Vec<Prefix>>())
        };
        let feeds = [
            feed("a", &["45.0.0.0/24", "46.0.0.1"]),
            feed("b", &["45.0.0.0/25", "46.0.0.1", "47.0.0.1"]),
            feed("c", &["45.0.0.128/25"]),
        ];
        let shown: Vec<String> = overlap(&feeds)
            .iter()
            .map(|row| {
                let by: Vec<String> =
                    row.covered_by.iter().map(|c| format!("{}{}", c.feed, c.entries)).collect();
                format!("{} {} {} {}", row.feed, row.entries, row.alone, by.join(" "))
            })
            .collect();
        assert_eq!(shown, ["a 2 0 b1 c0", "b 3 1 a2 c0", "c 1 0 a1 b0"]);
    }
}
