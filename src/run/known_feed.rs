//! A feed by its name, also one that is not in the configuration yet.

use std::path::Path;

use crate::config::{Config, FeedConfig};
use crate::feed::catalog;
use crate::system::failure::Result;

/// The feed of this name in the configuration, or the one that `feed add` would write.
pub fn named_or_known(config: &Config, name: &str) -> Result<FeedConfig> {
    if let Some(feed) = config.feed.iter().find(|feed| feed.name == name) {
        return Ok(feed.clone());
    }
    let Some(chosen) = catalog::find(name) else { return Ok(config.named(name)?.clone()) };
    let known = chosen.known;
    let score = known.min_score.map_or(String::new(), |score| format!("min_score = {score}\n"));
    let text = format!(
        "[[feed]]\nname = \"{}\"\nkind = \"list\"\nurl = \"{}\"\nwidest_v4 = {}\n{score}",
        chosen.name, chosen.url, known.widest_v4
    );
    parsed(config, &text, "the catalog")
}

/// The list that these lines would make.
pub fn own_list(config: &Config, lines: &str) -> Result<FeedConfig> {
    parsed(config, lines, "the new feed")
}

fn parsed(config: &Config, text: &str, source: &str) -> Result<FeedConfig> {
    let mut feed = Config::parse(text, Path::new(source), None)?.feed.remove(0);
    feed.route = config.network.proxy.clone();
    Ok(feed)
}
