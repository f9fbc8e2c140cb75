//! What the log says at the end of a run.

use crate::run::report::Report;
use crate::system::text::count;

/// The target of the line for the error that a run returns: it is for the log, since whoever called says it too.
pub const RETURNED: &str = "banbridge::returned";

/// The counts of each feed, what went wrong, and the counts of the whole.
pub fn end_of_run(report: &Report, error: Option<&str>) {
    for feed in report.feeds.iter().filter(|feed| feed.requests > 0) {
        log::info!(
            "feed {}: {}, {} fetched, {} used, {} skipped{}",
            feed.name,
            count(feed.requests, "request", "requests"),
            feed.fetched,
            feed.used,
            feed.skipped.len() + feed.skipped_more,
            if feed.complete { "" } else { ", more to fetch" }
        );
    }
    for feed in &report.feeds {
        if let Some(error) = &feed.error {
            log::error!("feed {}: {error}", feed.name);
        }
    }
    if let (Some(error), None) = (error, report.first_error()) {
        log::error!(target: RETURNED, "{error}");
    }
    let b = &report.blacklist;
    log::info!(
        "done: {} added, {} removed, {} kept, {} over the row limit, {} protected; other rows: {}",
        count(b.added, "row", "rows"),
        b.removed,
        b.kept,
        b.over_limit,
        b.protected,
        b.other_rows
    );
}
