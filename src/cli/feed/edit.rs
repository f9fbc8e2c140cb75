//! Changes of the configuration: a feed of the catalog added, a feed switched on or off.

use super::super::Global;
use super::super::config_file::{path, read, write};
use crate::cli::output::{print, print_json};
use crate::cli::report;
use crate::config::{Config, ConfigError, Period, edit};
use crate::feed::catalog::{self, Chosen};
use crate::run;
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// Adds a list of the catalog at the end, after all that have priority over it.
pub(super) fn add(global: &Global, name: &str) -> Result<Exit> {
    let path = path(global);
    let chosen = catalog::find(name).ok_or_else(|| {
        let what = format!(
            "the catalog has no {name:?} (banbridge feed catalog lists it); a list of your own is added by its \
             address, in lines like these:\n[[feed]]\nname = \"mine\"\nkind = \"list\"\nurl = \"https://example.com/list.txt\""
        );
        ConfigError::new(&path, what)
    })?;
    let text = read(&path)?;
    let config = Config::parse(&text, &path, global.environment().key)?;
    if config.feed.iter().any(|feed| feed.name == chosen.name) {
        let what =
            format!("there is a feed {:?} already (banbridge feed enable switches it on)", chosen.name);
        return Err(ConfigError::new(&path, what).into());
    }
    let new = edit::append(&text, &block(&chosen));
    write(global, &path, &new, global.environment().key)?;
    let known = chosen.known;
    let told = format!(
        "Added {} to {}.\n  beware: {}\n  terms:  {}\nThe next run asks it; see before what it would do with: banbridge feed \
         test {}\n",
        chosen.name,
        path.display(),
        known.beware,
        known.terms,
        chosen.name
    );
    done(global, &chosen.name, true, &told)
}

/// The lines of a list.
fn block(chosen: &Chosen) -> String {
    let known = chosen.known;
    let every = Period::seconds(known.interval.unsigned_abs());
    let score = known.min_score.map_or(String::new(), |score| format!("min_score = {score}\n"));
    format!(
        "# {}; terms: {}\n[[feed]]\nname = \"{}\"\nkind = \"list\"\nurl = \"{}\"\ninterval = \"{every}\"\nwidest_v4 = {}\n{score}",
        known.good_for, known.terms, chosen.name, chosen.url, known.widest_v4
    )
}

/// Switches a feed on or off.
pub(super) fn set_enabled(global: &Global, name: &str, enabled: bool) -> Result<Exit> {
    let path = path(global);
    let text = read(&path)?;
    let config = Config::parse(&text, &path, global.environment().key)?;
    let word = if enabled { "on" } else { "off" };
    if config.named(name)?.enabled == enabled {
        return done(global, name, enabled, &format!("{name} is switched {word} already.\n"));
    }
    let new = edit::set_enabled(&text, name, enabled).ok_or_else(|| {
        let what = format!(
            "the lines of feed {name:?} cannot be changed by program; write enabled = {enabled} there"
        );
        ConfigError::new(&path, what)
    })?;
    write(global, &path, &new, global.environment().key)?;
    // What it says, or said, counts from now on.
    let report = run::apply(global.open()?)?;
    let then = if enabled { " The next run asks it." } else { "" };
    done(global, name, enabled, &format!("{name} is switched {word}.{then}\n{}\n", report::effect(&report)))
}

fn done(global: &Global, name: &str, enabled: bool, text: &str) -> Result<Exit> {
    if global.json {
        print_json(&serde_json::json!({"feed": name, "enabled": enabled}))?;
    } else if !global.quiet {
        print(text)?;
    }
    Ok(Exit::Done)
}
