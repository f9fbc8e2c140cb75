//! `list`: what the feeds list and what became of it, what was skipped, what was unblocked.

mod page;

use crate::system::failure::Result;
use clap::Args;
use serde::Serialize;

use super::Global;
use super::output::{Time, print, print_json, table};
use crate::ban::Prefix;
use crate::ban::plan::{Fate, Plan};
use crate::ledger::Ledger;
use crate::run::allow;
use crate::run::kernel_set::SetView;
use crate::run::state::Picture;
use crate::system::exit::Exit;
use crate::system::text::one_line;
use page::{Column, Key, Line, PageArgs};

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
    /// include your own rows of the blacklist
    #[arg(long, conflicts_with_all = ["skipped", "unblocked", "allowed"])]
    with_other_rows: bool,
    #[command(flatten)]
    page: PageArgs,
}

impl ListArgs {
    /// Your rows belong to no feed.
    fn shows_other_rows(&self) -> bool {
        self.with_other_rows && self.feed.is_none()
    }
}

#[derive(Serialize)]
struct Listed {
    /// An address or network; of a row of yours, its text.
    address: String,
    #[serde(skip)]
    network: Option<Prefix>,
    /// None for a row of yours, as its times.
    feed: Option<String>,
    first_seen: Option<Time>,
    last_seen: Option<Time>,
    /// None: until the list drops it.
    expires_at: Option<Time>,
    /// The row that blocks it, banbridge's or yours.
    row: Option<String>,
    /// Whether the set in the kernel blocks all of it; none where there is no set.
    set: Option<bool>,
    /// Packets of it that the kernel set blocked.
    blocked_packets: Option<u64>,
    /// `row`, `your_row`, `protected`, `unblocked`, `over_limit`, `not_by_row` or `pending`.
    state: &'static str,
    /// Why it is not blocked, when it is not.
    reason: Option<String>,
    /// For a network that no feed names: the listed addresses in it that it is blocked for (`widen`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    widened: Vec<Prefix>,
}

#[derive(Serialize)]
struct SkippedItem {
    entry: String,
    feed: String,
    reason: String,
}

#[derive(Serialize)]
struct UnblockedItem {
    address: Prefix,
    #[serde(skip)]
    text: String,
    since: Time,
    until: Time,
}

/// The state of what a row of yours blocks, and of the row itself.
const YOUR_ROW: &str = "your_row";

impl Line for Listed {
    fn holds(&self, part: &Prefix) -> bool {
        self.network.is_some_and(|network| network.contains(part))
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.address), self.feed.as_deref(), self.reason.as_deref()]
    }

    fn key(&self, column: Column) -> Option<Key<'_>> {
        match column {
            Column::Address => self.network.map(Key::Prefix),
            Column::Feed => self.feed.as_deref().map(Key::Text),
            Column::FirstSeen => self.first_seen.map(|time| Key::Number(time.0)),
            Column::ExpiresAt => self.expires_at.map(|time| Key::Number(time.0)),
            Column::BlockedPackets => {
                self.blocked_packets.map(|packets| Key::Number(i64::try_from(packets).unwrap_or(i64::MAX)))
            }
        }
    }
}

impl Line for SkippedItem {
    fn holds(&self, part: &Prefix) -> bool {
        is_in(part, &self.entry)
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.entry), Some(&self.feed), Some(&self.reason)]
    }

    fn key(&self, column: Column) -> Option<Key<'_>> {
        match column {
            Column::Address => self.entry.parse().ok().map(Key::Prefix),
            Column::Feed => Some(Key::Text(&self.feed)),
            _ => None,
        }
    }
}

impl Line for UnblockedItem {
    fn holds(&self, part: &Prefix) -> bool {
        self.address.contains(part)
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.text), None, None]
    }

    fn key(&self, column: Column) -> Option<Key<'_>> {
        match column {
            Column::Address => Some(Key::Prefix(self.address)),
            Column::FirstSeen => Some(Key::Number(self.since.0)),
            Column::ExpiresAt => Some(Key::Number(self.until.0)),
            _ => None,
        }
    }
}

impl Line for allow::Item {
    fn holds(&self, part: &Prefix) -> bool {
        is_in(part, &self.target) || self.addresses.iter().any(|address| is_in(part, address))
    }

    fn texts(&self) -> [Option<&str>; 3] {
        [Some(&self.target), self.comment.as_deref(), None]
    }

    fn key(&self, column: Column) -> Option<Key<'_>> {
        match column {
            Column::Address => self.target.parse().ok().map(Key::Prefix),
            Column::FirstSeen => self.since.map(|time| Key::Number(time.0)),
            _ => None,
        }
    }
}

/// Whether a text is an address or network that holds this one.
fn is_in(part: &Prefix, text: &str) -> bool {
    text.parse().is_ok_and(|network: Prefix| network.contains(part))
}

/// Searches, sorts and cuts; prints the page where one was asked for as JSON. None when that is done.
fn choose<T: Line + Serialize>(global: &Global, args: &PageArgs, items: Vec<T>) -> Result<Option<Vec<T>>> {
    let page = args.cut(args.choose(items));
    if !global.json {
        return Ok(Some(page.rows));
    }
    if args.is_page() {
        print_json(&page)?
    } else {
        print_json(&page.rows)?
    }
    Ok(None)
}

/// Runs the command.
pub fn run(global: &Global, args: &ListArgs) -> Result<Exit> {
    let config = global.environment().config()?;
    if let Some(name) = &args.feed {
        config.named(name)?;
    }
    let (mut ledger, clock) = global.ledger()?;
    if args.allowed {
        return allowed(global, &args.page, allow::items(&config, &mut ledger)?);
    }
    let picture = Picture::load(&mut ledger, &config, clock.now())?;
    if args.unblocked {
        unblocked(global, &args.page, &picture)
    } else if args.skipped {
        skipped(global, args, &picture, &mut ledger, clock.now())
    } else {
        listed(global, args, &picture, &mut ledger, clock.now())
    }
}

fn listed(
    global: &Global,
    args: &ListArgs,
    picture: &Picture,
    ledger: &mut Ledger,
    now: i64,
) -> Result<Exit> {
    let plan = picture.plan(now);
    let view = SetView::load(ledger, &plan, now)?;
    let items: Vec<Listed> = picture
        .holding(now)
        .filter_map(|entry| {
            let feed = picture.feed_name(entry.feed)?;
            let asked = args.feed.as_ref().is_none_or(|name| name == feed);
            let (state, row, reason) =
                asked.then(|| told(picture.fate(&plan, &entry.prefix), picture, &entry.prefix))?;
            Some(Listed {
                address: entry.prefix.to_string(),
                network: Some(entry.prefix),
                feed: Some(feed.to_owned()),
                first_seen: Some(Time(entry.first_seen)),
                last_seen: Some(Time(picture.last_seen(entry))),
                expires_at: picture.end(entry).map(Time),
                row,
                set: view.holds(&entry.prefix),
                blocked_packets: view.packets(&entry.prefix),
                state,
                reason,
                widened: Vec::new(),
            })
        })
        .chain(widened(args, picture, &plan, &view, now))
        .chain(args.shows_other_rows().then(|| other_rows(picture)).into_iter().flatten())
        .collect();
    let Some(items) = choose(global, &args.page, items)? else { return Ok(Exit::Done) };
    let rows = items.into_iter().map(|item| {
        let feed = named_by(&item);
        let blocked = match (item.row, item.reason) {
            (Some(row), _) => format!("row {row}"),
            (None, _) if item.set == Some(true) => "the kernel set".to_owned(),
            (None, reason) => format!("not blocked: {}", reason.unwrap_or_default()),
        };
        vec![
            item.address,
            feed,
            item.first_seen.map_or_else(|| "-".to_owned(), |since| since.to_string()),
            match (item.expires_at, item.state) {
                (Some(end), _) => end.to_string(),
                (None, YOUR_ROW) => "until you remove it".to_owned(),
                (None, _) => "while listed".to_owned(),
            },
            item.blocked_packets.map_or_else(|| "-".to_owned(), |packets| packets.to_string()),
            blocked,
        ]
    });
    print(&table(&["ADDRESS", "FEED", "SINCE", "UNTIL", "PACKETS", "BLOCKED BY"], rows))?;
    Ok(Exit::Done)
}

/// Networks that are blocked for what their addresses did, with these as their reasons.
fn widened(
    args: &ListArgs,
    picture: &Picture,
    plan: &Plan,
    view: &SetView,
    now: i64,
) -> impl Iterator<Item = Listed> {
    picture.widened(now).into_iter().filter_map(|widened| {
        let feed = picture.feed_name(widened.feed)?;
        let asked = args.feed.as_ref().is_none_or(|name| name == feed);
        let (state, row, reason) =
            asked.then(|| told(picture.fate(plan, &widened.network), picture, &widened.network))?;
        let last_seen = widened.because.iter().map(|entry| picture.last_seen(entry)).max();
        Some(Listed {
            address: widened.network.to_string(),
            network: Some(widened.network),
            feed: Some(feed.to_owned()),
            first_seen: Some(Time(widened.first_seen())),
            last_seen: Some(Time(last_seen.unwrap_or(0))),
            // The first of them to go may narrow it.
            expires_at: widened.because.iter().filter_map(|entry| picture.end(entry)).min().map(Time),
            row,
            set: view.holds(&widened.network),
            blocked_packets: view.packets(&widened.network),
            state,
            reason,
            widened: widened.because.iter().map(|entry| entry.prefix).collect(),
        })
    })
}

/// Your rows.
fn other_rows(picture: &Picture) -> impl Iterator<Item = Listed> {
    picture.rows.foreign.iter().map(|key| Listed {
        address: key.clone(),
        network: key.parse().ok(),
        feed: None,
        first_seen: None,
        last_seen: None,
        expires_at: None,
        row: Some(key.clone()),
        set: None,
        blocked_packets: None,
        state: YOUR_ROW,
        reason: None,
        widened: Vec::new(),
    })
}

/// The feed's name, and for a network that it does not name itself how many of its addresses it lists.
fn named_by(item: &Listed) -> String {
    let feed = item.feed.as_deref().unwrap_or("(your row)");
    match item.widened.first() {
        Some(first) => format!("{feed}: {} addresses in it, such as {first}", item.widened.len()),
        None => feed.to_owned(),
    }
}

/// What became of an entry: the state's word, the row, and the reason when it is not blocked. A row counts when it
/// is there, not when it is planned.
fn told(fate: Fate, picture: &Picture, prefix: &Prefix) -> (&'static str, Option<String>, Option<String>) {
    let because = |text: &str| Some(text.to_owned());
    match fate {
        Fate::Row(key) if picture.rows.ours.contains(&key) => ("row", Some(key), None),
        Fate::Row(_) | Fate::NotWanted => ("pending", None, because("the next run writes its row")),
        Fate::Foreign(key) => (YOUR_ROW, Some(key), None),
        Fate::Refused(why) => ("protected", None, Some(why)),
        Fate::Released => ("unblocked", None, because("you unblocked it")),
        Fate::OverLimit => ("over_limit", None, because("row limit reached")),
        Fate::NotByRow => {
            let family = if prefix.is_ipv4() { "IPv4" } else { "IPv6" };
            ("not_by_row", None, Some(format!("the firewall does not enforce {family} rows")))
        }
    }
}

fn skipped(
    global: &Global,
    args: &ListArgs,
    picture: &Picture,
    ledger: &mut Ledger,
    now: i64,
) -> Result<Exit> {
    let stored = ledger.refused(now)?.into_iter().map(|(id, refused)| (id, refused.entry, refused.reason));
    let judged = picture.holding(now).filter_map(|entry| match picture.never_block.judge(&entry.prefix) {
        crate::ban::never_block::Verdict::Refused(why) => {
            Some((entry.feed, entry.prefix.to_string(), why.to_string()))
        }
        _ => None,
    });
    let wide = picture.too_wide().map(|(entry, why)| (entry.feed, entry.prefix.to_string(), why));
    let items: Vec<SkippedItem> = stored
        .chain(judged)
        .chain(wide)
        .filter_map(|(id, entry, reason)| {
            let feed = picture.feed_name(id)?.to_owned();
            args.feed.as_ref().is_none_or(|name| *name == feed).then_some(SkippedItem { entry, feed, reason })
        })
        .collect();
    if let Some(items) = choose(global, &args.page, items)? {
        let rows = items.into_iter().map(|item| vec![item.entry, item.feed, item.reason]);
        print(&table(&["ENTRY", "FEED", "REASON"], rows))?;
    }
    Ok(Exit::Done)
}

fn allowed(global: &Global, args: &PageArgs, items: Vec<allow::Item>) -> Result<Exit> {
    let Some(items) = choose(global, args, items)? else { return Ok(Exit::Done) };
    let rows = items.iter().map(|item| {
        let by = if item.in_configuration { "the configuration" } else { "command" };
        let since = item.since.map(|since| since.to_string()).unwrap_or_default();
        let comment = one_line(item.comment.as_deref().unwrap_or_default(), 200).into_owned();
        vec![item.target.clone(), by.to_owned(), since, item.addresses.join(" "), comment]
    });
    print(&table(&["ALLOWED", "BY", "SINCE", "ADDRESSES", "COMMENT"], rows))?;
    Ok(Exit::Done)
}

fn unblocked(global: &Global, args: &PageArgs, picture: &Picture) -> Result<Exit> {
    let items: Vec<UnblockedItem> = picture
        .releases
        .iter()
        .map(|r| UnblockedItem {
            address: r.prefix,
            text: r.prefix.to_string(),
            since: Time(r.since),
            until: Time(r.until),
        })
        .collect();
    if let Some(items) = choose(global, args, items)? {
        let rows =
            items.into_iter().map(|item| vec![item.text, item.since.to_string(), item.until.to_string()]);
        print(&table(&["ADDRESS", "SINCE", "UNBLOCKED UNTIL"], rows))?;
    }
    Ok(Exit::Done)
}
