//! Changes of the configuration file by the program. Text in, text out: every byte that is not meant stays, comments
//! and the order of the keys with it.

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};
use toml_edit::{DocumentMut, Item, TableLike};

use super::setting::{Name, Section};

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

/// The text with a feed enabled or disabled; none where the feed does not stand there in a form that can be changed.
pub fn set_enabled(text: &str, name: &str, enabled: bool) -> Option<String> {
    let name = Name { section: Section::Feed(name.to_owned()), key: "enabled".to_owned() };
    set(text, &name, &Value::Boolean(enabled))
}

/// The text with one setting set to a value; none where it does not stand there in a form that can be changed. That
/// nothing else is another afterwards is shown by reading both texts.
pub fn set(text: &str, name: &Name, value: &Value) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let new: toml_edit::Value = value.to_string().parse().ok()?;
    let added = match (&name.section, document.contains_key(root_key(&name.section))) {
        (Section::Table(section), false) => {
            add_section(&mut document, section, &name.key, new);
            true
        }
        _ => set_in(&mut document, name, new)?,
    };
    let mut new = with_line_ends_of(text, document.to_string());
    let is_last = !added || new.lines().last() == text.lines().last();
    if is_last && !text.ends_with('\n') {
        new.truncate(new.trim_end_matches(['\r', '\n']).len());
    }
    let mut wanted: Table = text.parse().ok()?;
    put(&mut wanted, name, value)?;
    (new.parse::<Table>().ok()? == wanted).then_some(new)
}

/// The text without a setting; none where it does not stand there in a form that can be changed.
pub fn unset(text: &str, name: &Name) -> Option<String> {
    let (found, wanted) = take(text, name)?;
    if found.is_none() {
        return Some(text.to_owned());
    }
    let mut document: DocumentMut = text.parse().ok()?;
    let section = document.get_mut(root_key(&name.section))?;
    let section: &mut dyn TableLike = match &name.section {
        Section::Table(_) => section.as_table_mut()?,
        Section::Feed(feed) => section
            .as_array_of_tables_mut()?
            .iter_mut()
            .find(|table| table.get("name").and_then(Item::as_str) == Some(feed))?,
    };
    section.remove(&name.key)?;
    let new = with_line_ends_of(text, document.to_string());
    (new.parse::<Table>().ok()? == wanted).then_some(new)
}

/// The text without a feed, and without the comment right above it; none where it does not stand there in a form that can
/// be changed. That nothing else is another afterwards is shown by reading both texts.
pub fn remove_feed(text: &str, name: &str) -> Option<String> {
    let mut wanted: Table = text.parse().ok()?;
    let feeds = wanted.get_mut("feed")?.as_array_mut()?;
    let at = feeds.iter().position(|feed| feed.get("name").and_then(Value::as_str) == Some(name))?;
    feeds.remove(at);
    if feeds.is_empty() {
        wanted.remove("feed");
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_blank = |line: &&str| line.trim().is_empty();
    let is_comment = |line: &&str| line.trim_start().starts_with('#');
    let is_head = |line: &&str| line.trim_start().starts_with('[');
    let is_feed = |line: &&str| {
        let head: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        head == "[[feed]]"
    };
    let (start, _) = lines.iter().enumerate().filter(|(_, line)| is_feed(line)).nth(at)?;
    let length = lines[start + 1..].iter().take_while(|line| !is_head(line)).count();
    // What stands below its last setting belongs to what follows.
    let settings = &lines[start + 1..start + 1 + length];
    let mut end = start + 1 + settings.iter().rposition(|line| !is_blank(line) && !is_comment(line))? + 1;
    let mut begin = start - lines[..start].iter().rev().take_while(|line| is_comment(line)).count();
    end += lines[end..].iter().take_while(|line| is_blank(line)).count();
    if end == lines.len() {
        begin -= lines[..begin].iter().rev().take_while(|line| is_blank(line)).count();
    }
    let new = [&lines[..begin], &lines[end..]].concat().concat();
    (new.parse::<Table>().ok()? == wanted).then_some(new)
}

/// The library ends each line with a line feed.
fn with_line_ends_of(text: &str, new: String) -> String {
    if text.contains("\r\n") { new.replace("\r\n", "\n").replace('\n', "\r\n") } else { new }
}

/// Under which key of the whole a section stands.
fn root_key(section: &Section) -> &str {
    match section {
        Section::Feed(_) => "feed",
        Section::Table(name) => name,
    }
}

/// Sets a value in a section that is there. Returns whether it was added.
fn set_in(document: &mut DocumentMut, name: &Name, new: toml_edit::Value) -> Option<bool> {
    let section = document.get_mut(root_key(&name.section))?;
    let in_braces = section.is_inline_table();
    let section: &mut dyn TableLike = match &name.section {
        Section::Table(_) => section.as_table_like_mut()?,
        Section::Feed(feed) => section
            .as_array_of_tables_mut()?
            .iter_mut()
            .find(|table| table.get("name").and_then(Item::as_str) == Some(feed))?,
    };
    if let Some(old) = section.get_mut(&name.key) {
        // What stands around the value, a comment behind it for one, stays.
        let old = old.as_value_mut()?;
        let around = old.decor().clone();
        *old = new;
        *old.decor_mut() = around;
        return Some(false);
    }
    // A table in braces is one line, which is left to its writer.
    if in_braces {
        return None;
    }
    section.insert(&name.key, Item::Value(new));
    Some(true)
}

/// Adds a section with one setting at the end, below the last comment.
fn add_section(document: &mut DocumentMut, section: &str, key: &str, value: toml_edit::Value) {
    let mut table = toml_edit::Table::new();
    table.insert(key, Item::Value(value));
    let end = document.trailing().as_str().unwrap_or_default().to_owned();
    if !end.is_empty() {
        table.decor_mut().set_prefix(format!("{}\n\n", end.trim_end_matches(['\r', '\n'])));
        document.set_trailing("");
    }
    document.insert(section, Item::Table(table));
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
        assert_eq!(off, TEXT.replace("\"apiban\"\n", "\"apiban\"\nenabled = false\n"));
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
    fn a_feed_and_a_setting_go_with_what_belongs_to_them_and_nothing_else() {
        let without = remove_feed(COMMENTED, "b").unwrap();
        assert!(!without.contains("'b'") && !without.contains("# lists"), "{without}");
        assert!(without.starts_with("# of mine\n[[feed]]\nname = \"a\" # first\n"), "{without}");
        assert!(COMMENTED.ends_with(without.split_once("[blacklist]").unwrap().1), "{without}");
        let none = remove_feed(&without, "a").unwrap();
        assert!(!none.contains("feed") && none.contains("[blacklist]  # rows"), "{none}");
        assert_eq!(remove_feed(COMMENTED, "c"), None);
        assert_eq!(remove_feed("feed = [{ name = \"a\" }]", "a"), None);
        let name = |text: &str| -> Name { text.parse().unwrap() };
        assert_eq!(
            unset(COMMENTED, &name("feed.a.key")).unwrap(),
            COMMENTED.replace("  key =  'old' # secret\n", "") + "\n"
        );
        assert_eq!(unset(COMMENTED, &name("feed.b.ttl")).as_deref(), Some(COMMENTED));
        assert_eq!(
            unset("[log]\r\nlevel = \"info\"\r\nx = 1\r\n", &name("log.x")).unwrap(),
            "[log]\r\nlevel = \"info\"\r\n"
        );
        assert_eq!(unset("log = { level = \"info\" }", &name("log.level")), None);
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
        // A comment at the end of the file stays where it is.
        assert_eq!(
            set("[log]\nlevel = \"info\"\n\n# the end\n", "set.x").unwrap(),
            "[log]\nlevel = \"info\"\n\n# the end\n\n[set]\nx = 5\n"
        );
        for text in ["blacklist = { aggregate = true }", "blacklist = 5", "not toml"] {
            assert_eq!(set(text, "blacklist.limit"), None, "{text}");
        }
        assert_eq!(set("feed = [{ name = \"a\" }]", "feed.a.api"), None);
        assert_eq!(set("[[feed]]\nname = \"a\"\n", "feed.b.api"), None);
    }
}
