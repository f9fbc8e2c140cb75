//! Feeds of the configuration: added from the catalog, enabled, disabled, and compared with each other.

use std::sync::Arc;

use serde::Serialize;

use super::context::{Context, Environment};
use super::edit_config::{path, read, write};
use super::kernel_set::SetView;
use super::report::Report;
use super::state::SavedState;
use super::{login, request};
use crate::ban::hits::Book;
use crate::ban::{Cover, Prefix};
use crate::config::{Config, ConfigError, FeedConfig, Period, edit};
use crate::feed::catalog::{self, Chosen};
use crate::feed::list::{Column, Format};
use crate::ledger::feeds::FeedState;
use crate::system::failure::{Failure, Result};
use crate::system::time::Time;

/// A feed of the configuration.
#[derive(Debug, Serialize)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Where it is fetched from.
    pub url: String,
    /// How often, at most.
    pub interval: Period,
    /// Entries of it that count.
    pub entries: usize,
    /// When it was updated last.
    pub last_success: Option<Time>,
    /// What went wrong since then.
    pub last_error: Option<String>,
}

/// The feeds of the configuration, in its order.
pub fn list(environment: &Environment) -> Result<Vec<Item>> {
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let saved = SavedState::load(&mut ledger, &config, now)?;
    let item = |(feed, state): (&FeedConfig, &FeedState)| Item {
        name: feed.name.clone(),
        kind: feed.kind.word(),
        enabled: feed.enabled,
        url: feed.url.clone(),
        interval: feed.interval,
        entries: saved.count(state.id, now),
        last_success: state.last_success.map(Time),
        last_error: state.last_error.clone(),
    };
    Ok(config.feed.iter().zip(&saved.feeds).map(item).collect())
}

/// Adds a feed of the catalog at the end, after all that have priority over it. The next run fetches it.
pub fn add(environment: &Environment, name: &str) -> Result<Chosen> {
    let path = path(environment);
    if let Some(own) = catalog::OWN.iter().find(|own| own.name == name) {
        let text = read(&path)?;
        let config = Config::parse(&text, &path, environment.key.clone())?;
        if config.feed.iter().any(|feed| feed.name == name) {
            let what =
                format!("there is already a feed {name:?}. To enable it: banbridge feed enable {name}");
            return Err(ConfigError::new(&path, what).into());
        }
        let block = format!("# {}\n[[feed]]\nname = \"{name}\"\nkind = \"{name}\"\n", own.good_for);
        write(environment, &path, &edit::append(&text, &block), environment.key.clone())?;
        request::after_change();
        return Ok(Chosen { name: name.to_owned(), url: String::new(), known: *own });
    }
    let chosen = catalog::find(name).ok_or_else(|| {
        let what = format!(
            "the catalog has no feed {name:?}. To list it: banbridge feed catalog. To add a list of your own: banbridge feed \
             add {name} https://example.com/list.txt"
        );
        ConfigError::new(&path, what)
    })?;
    let text = read(&path)?;
    let config = Config::parse(&text, &path, environment.key.clone())?;
    if config.feed.iter().any(|feed| feed.name == chosen.name) {
        let what =
            format!("there is already a feed {0:?}. To enable it: banbridge feed enable {0}", chosen.name);
        return Err(ConfigError::new(&path, what).into());
    }
    let new = edit::append(&text, &block(&chosen));
    write(environment, &path, &new, environment.key.clone())?;
    Ok(chosen)
}

/// A list of one's own: what `feed add` and `feed test` take of it.
#[derive(Debug, Clone)]
pub struct OwnList {
    /// Its name.
    pub name: String,
    /// Where it is fetched from: an address, or a path on this machine.
    pub url: String,
    /// How it is written; none is recognised.
    pub format: Option<Format>,
    /// Where the address stands.
    pub column: Option<Column>,
    /// Which JSON fields hold addresses.
    pub field: Vec<String>,
}

impl OwnList {
    /// Its lines in the configuration.
    pub fn lines(&self) -> Result<String> {
        let mut table = toml::Table::new();
        table.insert("name".into(), self.name.clone().into());
        table.insert("kind".into(), "list".into());
        table.insert("url".into(), self.url.clone().into());
        if let Some(format) = self.format {
            table.insert("format".into(), toml::Value::try_from(format).map_err(Failure::bug)?);
        }
        if let Some(column) = &self.column {
            table.insert("column".into(), toml::Value::try_from(column).map_err(Failure::bug)?);
        }
        match self.field.as_slice() {
            [] => {}
            [one] => drop(table.insert("field".into(), one.clone().into())),
            more => drop(table.insert("field".into(), more.to_vec().into())),
        }
        Ok(format!("[[feed]]\n{}", toml::to_string(&table).map_err(Failure::bug)?))
    }
}

/// Adds a list of one's own at the end. The next run fetches it.
pub fn add_own(environment: &Environment, list: &OwnList) -> Result<()> {
    let path = path(environment);
    let text = read(&path)?;
    let config = Config::parse(&text, &path, environment.key.clone())?;
    if config.feed.iter().any(|feed| feed.name == list.name) {
        let what =
            format!("there is already a feed {0:?}. To remove it: banbridge feed remove {0}", list.name);
        return Err(ConfigError::new(&path, what).into());
    }
    let new = edit::append(&text, &list.lines()?);
    write(environment, &path, &new, environment.key.clone())?;
    request::after_change();
    Ok(())
}

/// Removes a feed from the configuration with the secret that was saved for it, and applies that at once: what no other
/// feed lists is unblocked.
pub fn remove(mut context: Context, name: &str) -> Result<Report> {
    let environment = context.environment.clone();
    let path = path(&environment);
    let text = read(&path)?;
    Config::parse(&text, &path, environment.key.clone())?.named(name)?;
    let new = edit::remove_feed(&text, name).ok_or_else(|| {
        let what = format!("cannot remove the lines of feed {name:?}. Remove them with an editor");
        ConfigError::new(&path, what)
    })?;
    write(&environment, &path, &new, environment.key.clone())?;
    login::forget(&environment, &path, name)?;
    context.config = Arc::new(environment.config()?);
    super::apply(context)
}

/// The lines of a feed of the catalog.
pub(super) fn block(chosen: &Chosen) -> String {
    let known = chosen.known;
    let every = Period::seconds(known.interval.unsigned_abs());
    let score = known.min_score.map_or(String::new(), |score| format!("min_score = {score}\n"));
    let wide = if known.is_wide() { "wide = true\n" } else { "" };
    format!(
        "# {}; terms: {}\n[[feed]]\nname = \"{}\"\nkind = \"list\"\nurl = \"{}\"\ninterval = \"{every}\"\nwidest_v4 = {}\n{wide}{score}",
        known.good_for, known.terms, chosen.name, chosen.url, known.widest_v4
    )
}

/// Enables or disables a feed in the configuration, and applies that at once: what is known of its entries counts, or
/// does not. None where it is so already.
pub fn set_enabled(mut context: Context, name: &str, enabled: bool) -> Result<Option<Report>> {
    let environment = context.environment.clone();
    let path = path(&environment);
    let text = read(&path)?;
    let config = Config::parse(&text, &path, environment.key.clone())?;
    if config.named(name)?.enabled == enabled {
        return Ok(None);
    }
    let new = edit::set_enabled(&text, name, enabled).ok_or_else(|| {
        let what = format!("cannot change the lines of feed {name:?}. Write there: enabled = {enabled}");
        ConfigError::new(&path, what)
    })?;
    write(&environment, &path, &new, environment.key.clone())?;
    context.config = Arc::new(environment.config()?);
    super::apply(context).map(Some)
}

/// How much of a feed the other feeds contain.
#[derive(Debug, Serialize)]
pub struct Overlap {
    /// The feed.
    pub feed: String,
    /// Its entries that count.
    pub entries: usize,
    /// Those of them that no other feed contains.
    pub alone: usize,
    /// Packets from its entries that the kernel set blocked, as far as their sources are remembered.
    pub blocked_packets: u64,
    /// Those of them that no other feed's entries would have blocked.
    pub alone_packets: u64,
    /// How many of its entries each other feed contains.
    pub covered_by: Vec<Covered>,
}

/// Entries of one feed that another contains.
#[derive(Debug, Serialize)]
pub struct Covered {
    /// The other feed.
    pub feed: String,
    /// How many.
    pub entries: usize,
}

/// Compares the enabled feeds. A feed that adds nothing costs requests and is best disabled.
pub fn overlap(environment: &Environment) -> Result<Vec<Overlap>> {
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let saved = SavedState::load(&mut ledger, &config, now)?;
    let feeds: Vec<(String, Vec<Prefix>)> = saved
        .feed_policies
        .iter()
        .filter_map(|feed_policy| {
            let name = saved.feed_name(feed_policy.feed)?.to_owned();
            let all = saved.entries.iter().filter(|entry| feed_policy.holds(entry, now));
            Some((name, all.map(|entry| entry.prefix).collect()))
        })
        .collect();
    let view = SetView::load(&mut ledger, &saved.plan(now), now)?;
    Ok(compared(&feeds, &view.book))
}

fn compared(feeds: &[(String, Vec<Prefix>)], book: &Book) -> Vec<Overlap> {
    let covers: Vec<Cover> = feeds.iter().map(|(_, entries)| Cover::new(entries)).collect();
    let row = |(at, (name, entries)): (usize, &(String, Vec<Prefix>))| {
        let others = feeds.iter().enumerate().filter(|(other, _)| *other != at);
        let all_others = Cover::new(others.clone().flat_map(|(_, (_, entries))| entries));
        let count = |cover: &Cover| entries.iter().filter(|entry| cover.contains(entry)).count();
        let packets = |which: &dyn Fn(&Prefix) -> bool| {
            let of_feed = book.prefixes.iter().filter(|(prefix, _)| which(prefix));
            of_feed.fold(0_u64, |sum, (_, hits)| sum.saturating_add(hits.packets))
        };
        Overlap {
            blocked_packets: packets(&|prefix| covers[at].overlaps(prefix)),
            alone_packets: packets(&|prefix| covers[at].overlaps(prefix) && !all_others.overlaps(prefix)),
            feed: name.clone(),
            entries: entries.len(),
            alone: entries.len() - count(&all_others),
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
    use crate::ban::hits::Hits;

    #[test]
    fn a_feed_alone_has_what_the_others_together_do_not_contain() {
        let feed = |name: &str, entries: &[&str]| {
            (name.to_owned(), entries.iter().map(|p| p.parse().unwrap()).collect::<Vec<Prefix>>())
        };
        let feeds = [
            feed("a", &["45.0.0.0/24", "46.0.0.1"]),
            feed("b", &["45.0.0.0/25", "46.0.0.1", "47.0.0.1"]),
            feed("c", &["45.0.0.128/25"]),
        ];
        let hit = |prefix: &str, packets| (prefix.parse().unwrap(), Hits { packets, ..Hits::default() });
        let prefixes = [hit("45.0.0.5", 7), hit("46.0.0.1", 100), hit("47.0.0.1", 30), hit("9.9.9.9", 1)];
        let book = Book { prefixes: prefixes.into(), ..Book::default() };
        let shown: Vec<String> = compared(&feeds, &book)
            .iter()
            .map(|row| {
                let by: Vec<String> =
                    row.covered_by.iter().map(|c| format!("{}{}", c.feed, c.entries)).collect();
                let packets = format!("{}/{}", row.alone_packets, row.blocked_packets);
                format!("{} {} {} {} {packets}", row.feed, row.entries, row.alone, by.join(" "))
            })
            .collect();
        assert_eq!(shown, ["a 2 0 b1 c0 0/107", "b 3 1 a2 c0 30/137", "c 1 0 a1 b0 0/0"]);
    }
}
