//! `feed test`: what a feed would do, or whether it accepts the key.

use super::super::Global;
use crate::cli::output::{complain, count, number, print, print_json};
use crate::feed::snapshot;
use crate::run::feeds::OwnList;
use crate::run::test_feed::{self, Answer, Found, KeyTested, ListTested};
use crate::system::exit::Exit;
use crate::system::failure::Result;

/// Runs the command.
pub(super) fn run(global: &Global, name: &str, own: Option<&OwnList>) -> Result<Exit> {
    let Answer { found, error } = test_feed::test(&global.environment(), name, own)?;
    match &found {
        Some(Found::Key(tested)) if global.json => print_json(tested)?,
        Some(Found::List(tested)) if global.json => print_json(tested)?,
        Some(Found::Key(tested)) => print(&key(tested))?,
        Some(Found::List(tested)) => print(&list(tested))?,
        None => {}
    }
    let Some((why, exit)) = error else { return Ok(Exit::Done) };
    complain(&why);
    Ok(Exit::from_code(exit))
}

/// Nothing where the key is not accepted, which the error says.
fn key(tested: &KeyTested) -> String {
    match tested.key_good {
        Some(true) => format!(
            "{}: the API key is accepted ({} fetched). Nothing was changed.\n",
            tested.feed,
            count(tested.fetched, "entry", "entries")
        ),
        _ => String::new(),
    }
}

fn list(tested: &ListTested) -> String {
    let mut lines = vec![
        format!("{}, {} (nothing was changed)", tested.feed, tested.url),
        format!("  entries:     {} fetched, {} used", number(tested.fetched), number(tested.used)),
    ];
    if tested.fetched == 0 {
        lines.push(format!("  note:        {}", snapshot::NO_ENTRIES));
    }
    if tested.left_out > 0 {
        lines.push(format!("  left out:    {}", number(tested.left_out)));
    }
    lines.push(format!(
        "  new:         {} of {} in no other feed",
        number(tested.new),
        count(tested.entries, "address or network", "addresses and networks")
    ));
    for (reason, times) in &tested.skipped {
        lines.push(format!("  skipped:     {}, {reason}", number(*times)));
    }
    lines.extend(tested.examples.iter().map(|example| format!("    {example}")));
    lines.push(format!("  protected:   {}, as a whole or in part", number(tested.protected)));
    lines.extend(tested.protected_examples.iter().map(|example| format!("    {example}")));
    lines.push(format!(
        "  blacklist:   {} instead of {} (limit {})",
        count(tested.rows, "row", "rows"),
        number(tested.rows_before),
        number(tested.limit)
    ));
    lines.push(format!(
        "  over limit:  {} instead of {}",
        number(tested.over_limit),
        number(tested.over_limit_before)
    ));
    lines.join("\n") + "\n"
}
