//! Changes of the configuration file by the program. Text in, text out: every byte that is not meant stays, comments
//! and the order of the keys with it.

use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::setting::{Name, Section};

#[derive(Deserialize)]
struct Feeds {
    #[serde(default)]
    feed: Vec<Feed>,
}

#[derive(Deserialize)]
struct Feed {
    name: Spanned<String>,
    enabled: Option<Spanned<bool>>,
}

/// The text with a block added at its end.
pub fn append(text: &str, block: &str) -> String {
    let gap = match text {
        "" => "",
        text if text.ends_with("\n\n") => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{text}{gap}{block}")
}

/// The text with a feed switched on or off; none where the feed does not stand there in a form that can be changed.
pub fn set_enabled(text: &str, name: &str, enabled: bool) -> Option<String> {
    let find = |text: &str| -> Option<Feed> {
        toml::from_str::<Feeds>(text).ok()?.feed.into_iter().find(|feed| feed.name.get_ref() == name)
    };
    let feed = find(text)?;
    let new = match &feed.enabled {
        Some(value) => {
            let span = value.span();
            format!("{}{enabled}{}", text.get(..span.start)?, text.get(span.end..)?)
        }
        None => {
            // A line of its own below the name's.
            let after = feed.name.span().end;
            let (head, rest) = match text.get(after..)?.find('\n') {
                Some(end) => text.split_at(after + end + 1),
                None => (text, ""),
            };
            let gap = if head.ends_with('\n') { "" } else { "\n" };
            format!("{head}{gap}enabled = {enabled}\n{rest}")
        }
    };
    let is_so = find(&new)?.enabled.is_some_and(|value| *value.get_ref() == enabled);
    is_so.then_some(new)
}

/// The text with one setting set to a value; none where it does not stand there in a form that can be changed. That
/// nothing else is another afterwards is shown by reading both texts.
pub fn set(text: &str, name: &Name, value: &Value) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    let root = document.get_ref();
    let section = match &name.section {
        Section::Feed(feed) => Some(find_feed(root, feed)?),
        Section::Table(table) => find(root, table),
    };
    let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let line = format!("{} = {value}{eol}", name.key);
    let new = match section.map(|section| (section, section.get_ref().as_table())) {
        None => append(text, &format!("[{}]{eol}{line}", name.section)),
        Some((_, None)) => return None,
        Some((section, Some(table))) => match find(table, &name.key) {
            Some(old) => {
                let span = old.span();
                format!("{}{value}{}", text.get(..span.start)?, text.get(span.end..)?)
            }
            None => {
                // A line of its own below the last one of the section, or below its head.
                let last = table.iter().map(|(_, value)| value.span().end).max();
                let after = last.unwrap_or(section.span().end);
                let (head, rest) = match text.get(after..)?.find('\n') {
                    Some(end) => text.split_at(after + end + 1),
                    None => (text, ""),
                };
                let gap = if head.ends_with('\n') { "" } else { eol };
                format!("{head}{gap}{line}{rest}")
            }
        },
    };
    let mut wanted: Table = text.parse().ok()?;
    put(&mut wanted, name, value)?;
    (new.parse::<Table>().ok()? == wanted).then_some(new)
}

/// The line where a setting stands, counted from 1.
pub fn line_of(text: &str, name: &Name) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let root = document.get_ref();
    let section = match &name.section {
        Section::Feed(feed) => find_feed(root, feed)?,
        Section::Table(table) => find(root, table)?,
    };
    let value = find(section.get_ref().as_table()?, &name.key)?;
    Some(text.get(..value.span().start)?.matches('\n').count() + 1)
}

/// A setting's value as it stands in the file, and the same without it: there the default counts.
pub fn take(text: &str, name: &Name) -> Option<(Option<Value>, Table)> {
    let mut table: Table = text.parse().ok()?;
    let taken = section_mut(&mut table, &name.section).and_then(|section| section.remove(&name.key));
    Some((taken, table))
}

/// Puts a value into a table as it is read, for comparison.
pub fn put(table: &mut Table, name: &Name, value: &Value) -> Option<()> {
    if let Section::Table(section) = &name.section {
        table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
    }
    section_mut(table, &name.section)?.insert(name.key.clone(), value.clone());
    Some(())
}

fn section_mut<'a>(table: &'a mut Table, section: &Section) -> Option<&'a mut Table> {
    match section {
        Section::Table(name) => table.get_mut(name)?.as_table_mut(),
        Section::Feed(name) => {
            let mut feeds = table.get_mut("feed")?.as_array_mut()?.iter_mut().filter_map(Value::as_table_mut);
            feeds.find(|feed| feed.get("name").and_then(Value::as_str) == Some(name))
        }
    }
}

fn find<'a, 'i>(table: &'a DeTable<'i>, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
}

fn find_feed<'a, 'i>(root: &'a DeTable<'i>, name: &str) -> Option<&'a Spanned<DeValue<'i>>> {
    let named = |feed: &&Spanned<DeValue<'i>>| {
        let own = feed.get_ref().as_table().and_then(|feed| find(feed, "name"));
        own.and_then(|own| own.get_ref().as_str()) == Some(name)
    };
    find(root, "feed")?.get_ref().as_array()?.iter().find(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\n[[feed]]\nname = \"a\" # first\nkind = \"apiban\"\n\n[[feed]]\n  enabled=true # yes\n  name = 'b'\nkind = \"list\"\n";

    #[test]
    fn only_the_enabled_line_of_the_feed_is_touched() {
        let off = set_enabled(TEXT, "b", false).unwrap();
        assert_eq!(off, TEXT.replace("enabled=true", "enabled=false"));
        let off = set_enabled(TEXT, "a", false).unwrap();
        assert_eq!(off, TEXT.replace("# first\n", "# first\nenabled = false\n"));
        assert_eq!(set_enabled(&off, "a", true).unwrap(), off.replace("enabled = false", "enabled = true"));
        assert_eq!(set_enabled(TEXT, "c", true), None);
        assert_eq!(
            set_enabled("[[feed]]\nname = \"a\"", "a", true).unwrap(),
            "[[feed]]\nname = \"a\"\nenabled = true\n"
        );
    }

    #[test]
    fn what_cannot_be_changed_safely_is_left_alone() {
        assert_eq!(set_enabled("feed = [{ name = \"a\", kind = \"apiban\" }]\n", "a", false), None);
        assert_eq!(set_enabled("not toml", "a", false), None);
    }

    #[test]
    fn a_block_is_added_after_one_empty_line() {
        for (text, whole) in [("", "B"), ("a\n", "a\n\nB"), ("a", "a\n\nB"), ("a\n\n", "a\n\nB")] {
            assert_eq!(append(text, "B"), whole);
        }
    }

    const COMMENTED: &str = "# of mine\n[[feed]]\nname = \"a\" # first\nkind = \"apiban\"\n  key =  'old' # secret\n\n# lists\n\
        [[feed]]\nname = 'b'\nkind = \"list\"\nurl = \"https://example.com/\"\n\n[blacklist]  # rows\n\n[protect]\n\
        allow = [\n  \"192.0.2.1\", # me\n]\nunblock = \"30d\"";

    #[test]
    fn a_setting_is_changed_where_it_stands_and_every_other_byte_stays() {
        let table: [(&str, &str, &str, &str); 9] = [
            ("feed.a.key", "\"new\"", "'old'", "\"new\""),
            ("feed.a.dataset", "\"all\"", "'old' # secret\n", "'old' # secret\ndataset = \"all\"\n"),
            ("feed.b.ttl", "\"2d\"", "example.com/\"\n", "example.com/\"\nttl = \"2d\"\n"),
            ("blacklist.limit", "500", "# rows\n", "# rows\nlimit = 500\n"),
            ("protect.unblock", "\"7d\"", "\"30d\"", "\"7d\""),
            ("protect.allow", "[\"192.0.2.2\"]", "[\n  \"192.0.2.1\", # me\n]", "[\"192.0.2.2\"]"),
            ("protect.other", "1", "unblock = \"30d\"", "unblock = \"30d\"\nother = 1\n"),
            (
                "log.level",
                "\"debug\"",
                "unblock = \"30d\"",
                "unblock = \"30d\"\n\n[log]\nlevel = \"debug\"\n",
            ),
            ("set.enabled", "\"no\"", "unblock = \"30d\"", "unblock = \"30d\"\n\n[set]\nenabled = \"no\"\n"),
        ];
        for (name, value, old, new) in table {
            let name: Name = name.parse().unwrap();
            let value: Value = toml::from_str::<Table>(&format!("x = {value}")).unwrap()["x"].clone();
            let whole = set(COMMENTED, &name, &value).unwrap_or_else(|| panic!("{name} cannot be set"));
            assert_eq!(whole, COMMENTED.replacen(old, new, 1), "{name}");
            assert_eq!(set(&whole, &name, &value).as_ref(), Some(&whole), "once more changes nothing");
        }
        let lines = |name: &str| line_of(COMMENTED, &name.parse().unwrap());
        assert_eq!(
            [lines("feed.a.key"), lines("protect.unblock"), lines("log.level")],
            [Some(5), Some(19), None]
        );
    }

    #[test]
    fn other_ways_to_write_the_file_are_understood_or_left_alone() {
        let set = |text: &str, name: &str| set(text, &name.parse().unwrap(), &Value::Integer(5));
        assert_eq!(set("", "blacklist.limit").unwrap(), "[blacklist]\nlimit = 5\n");
        assert_eq!(set("blacklist.limit = 7 # x", "blacklist.limit").unwrap(), "blacklist.limit = 5 # x");
        assert_eq!(set("blacklist = { limit = 7 }", "blacklist.limit").unwrap(), "blacklist = { limit = 5 }");
        assert_eq!(
            set("[log]\r\nlevel = \"info\"\r\n", "log.x").unwrap(),
            "[log]\r\nlevel = \"info\"\r\nx = 5\r\n"
        );
        for text in ["blacklist = { aggregate = true }", "blacklist = 5", "not toml"] {
            assert_eq!(set(text, "blacklist.limit"), None, "{text}");
        }
        assert_eq!(set("feed = [{ name = \"a\" }]", "feed.a.api"), None);
        assert_eq!(set("[[feed]]\nname = \"a\"\n", "feed.b.api"), None);
    }
}
