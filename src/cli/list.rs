//! `list`: what the feeds list and what became of it, what was skipped, unblocked or allowed.

mod page;

use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{number, print, print_json, table};
use crate::run::allow;
use crate::run::list::{self, EntryState, Listed, Rejected, SkippedItem, UnblockedItem};
use crate::run::page::Line;
use crate::system::exit::Exit;
use crate::system::failure::Result;
use crate::system::text::one_line;
use page::PageArgs;

/// What `list` takes.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// only entries of this feed
    #[arg(long, value_name = "NAME")]
    feed: Option<String>,
    /// entries that are invalid, too wide or protected
    #[arg(long, conflicts_with = "unblocked")]
    skipped: bool,
    /// what you unblocked, and until when
    #[arg(long, conflicts_with = "feed")]
    unblocked: bool,
    /// the allow list
    #[arg(long, conflicts_with_all = ["feed", "skipped", "unblocked"])]
    allowed: bool,
    /// who sent the blocked packets, the most first (1,000 at most)
    #[arg(long, conflicts_with_all = ["skipped", "unblocked", "allowed"])]
    packets: bool,
    /// include your own rows of the blacklist
    #[arg(long, conflicts_with_all = ["skipped", "unblocked", "allowed", "packets"])]
    with_other_rows: bool,
    #[command(flatten)]
    page: PageArgs,
}

/// Runs the command.
pub fn run(global: &Global, args: &ListArgs) -> Result<Exit> {
    let (environment, feed, page) = (global.environment(), args.feed.as_deref(), &args.page);
    if args.allowed {
        show(global, page, list::allowed(&environment)?, allowed_table)?;
    } else if args.unblocked {
        show(global, page, list::unblocked(&environment)?, unblocked_table)?;
    } else if args.skipped {
        show(global, page, list::skipped(&environment, feed)?, skipped_table)?;
    } else if args.packets {
        show(global, page, list::rejected(&environment, feed)?, rejected_table)?;
    } else {
        show(global, page, list::entries(&environment, feed, args.with_other_rows)?, entries_table)?;
    }
    Ok(Exit::Done)
}

/// Prints the lines that were asked for: as JSON, a page where one was asked for, or as a table.
fn show<T: Line + Serialize>(
    global: &Global,
    args: &PageArgs,
    items: Vec<T>,
    table: fn(&[T]) -> String,
) -> Result<()> {
    let paging = args.paging();
    let page = paging.cut(paging.choose(items));
    match (global.json, paging.is_page()) {
        (true, true) => print_json(&page),
        (true, false) => print_json(&page.rows),
        (false, _) => print(&table(&page.rows)),
    }
}

fn entries_table(items: &[Listed]) -> String {
    let rows = items.iter().map(|item| {
        let blocked = match (&item.row, &item.reason) {
            (Some(row), _) => format!("row {row}"),
            (None, _) if item.set == Some(true) => "the kernel set".to_owned(),
            (None, reason) => format!("not blocked: {}", reason.as_deref().unwrap_or_default()),
        };
        vec![
            item.address.clone(),
            named_by(item),
            item.first_seen.map_or_else(|| "-".to_owned(), |since| since.to_string()),
            match (item.expires_at, item.state, &item.feed) {
                (Some(end), ..) => end.to_string(),
                (None, EntryState::YourRow, None) => "until you remove it".to_owned(),
                (None, ..) => "while listed".to_owned(),
            },
            item.blocked_packets.map_or_else(|| "-".to_owned(), number),
            blocked,
        ]
    });
    table(&["ADDRESS", "FEED", "SINCE", "UNTIL", "PACKETS", "BLOCKED BY"], rows)
}

/// The feed's name, and of a network that was widened how many of its addresses the feed lists.
fn named_by(item: &Listed) -> String {
    let feed = item.feed.as_deref().unwrap_or("(your row)");
    match item.widened.first() {
        Some(first) => format!("{feed}: {} addresses in it, such as {first}", number(item.widened.len())),
        None => feed.to_owned(),
    }
}

fn rejected_table(items: &[Rejected]) -> String {
    let rows = items.iter().map(|item| {
        let feeds = if item.feeds.is_empty() { "(no feed now)".to_owned() } else { item.feeds.join(" ") };
        let last = item.last_blocked.to_string();
        vec![
            item.address.to_string(),
            feeds,
            item.first_blocked.to_string(),
            last,
            number(item.blocked_packets),
        ]
    });
    table(&["ADDRESS", "FEEDS", "FIRST PACKET", "LAST PACKET", "PACKETS"], rows)
}

fn skipped_table(items: &[SkippedItem]) -> String {
    let rows = items.iter().map(|item| vec![item.entry.clone(), item.feed.clone(), item.reason.clone()]);
    table(&["ENTRY", "FEED", "REASON"], rows)
}

fn allowed_table(items: &[allow::Item]) -> String {
    let rows = items.iter().map(|item| {
        let by = if item.in_configuration { "the configuration" } else { "command" };
        let since = item.since.map(|since| since.to_string()).unwrap_or_default();
        let comment = one_line(item.comment.as_deref().unwrap_or_default(), 200).into_owned();
        vec![item.target.clone(), by.to_owned(), since, item.addresses.join(" "), comment]
    });
    table(&["ALLOWED", "BY", "SINCE", "ADDRESSES", "COMMENT"], rows)
}

fn unblocked_table(items: &[UnblockedItem]) -> String {
    let rows = items
        .iter()
        .map(|item| vec![item.address.to_string(), item.since.to_string(), item.until.to_string()]);
    table(&["ADDRESS", "SINCE", "UNBLOCKED UNTIL"], rows)
}
