//! One setting by its name: `blacklist.limit`, `feed.apiban.key`.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use toml::{Table, Value};

use super::{Config, ConfigError, Mistake, edit};

/// What cannot be set: it is what a feed is known by.
const FIXED: [&str; 3] = ["name", "kind", "use"];
/// What is never shown.
const SECRETS: [&str; 1] = ["key"];
/// The longest value, in bytes.
const LONGEST: usize = 1 << 16;

/// The name of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Where it stands.
    pub section: Section,
    /// Its key there.
    pub key: String,
}

/// A part of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// `[[feed]]` of this name.
    Feed(String),
    /// A table, `[blacklist]`.
    Table(String),
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = |word: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            !word.is_empty() && word.chars().all(plain)
        };
        let words: Vec<&str> = text.split('.').collect();
        let (section, key) = match words[..] {
            ["feed", feed, key] => (Section::Feed(feed.to_owned()), key),
            [table, key] if table != "feed" => (Section::Table(table.to_owned()), key),
            _ => return Err("a setting is named like blacklist.limit or feed.apiban.ttl".to_owned()),
        };
        if words.iter().all(|one| word(one)) {
            Ok(Self { section, key: key.to_owned() })
        } else {
            Err("a setting is named like blacklist.limit or feed.apiban.ttl".to_owned())
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feed(name) => write!(f, "feed.{name}"),
            Self::Table(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.section, self.key)
    }
}

impl Name {
    /// Whether its value must not be shown, nor given as a word of the command line.
    pub fn is_secret(&self) -> bool {
        match &self.section {
            Section::Feed(_) => SECRETS.contains(&self.key.as_str()),
            // Whoever knows the address of a webhook can post to it.
            Section::Table(table) => table == "notify" && self.key == "webhook",
        }
    }
}

/// A setting as it is.
#[derive(Debug, PartialEq)]
pub struct Setting {
    /// What is in use, secrets masked; none when nothing is.
    pub value: Option<serde_json::Value>,
    /// What is in use when the file says nothing; none when there is no such value.
    pub default: Option<serde_json::Value>,
    /// The line of the file where it stands.
    pub line: Option<usize>,
}

/// Looks a setting up. `config` is what is in use, `text` the file.
pub fn get(config: &Config, text: &str, file: &Path, name: &Name) -> Result<Setting, ConfigError> {
    let without = edit::take(text, name).map(|(_, table)| table).unwrap_or_default();
    let default = parsed(&without, file).ok().and_then(|config| shown(&config, name));
    let setting = Setting { value: shown(config, name), default, line: edit::line_of(text, name) };
    if setting.value.is_some() || setting.line.is_some() {
        return Ok(setting);
    }
    // Nothing in use: is there such a setting at all?
    let mut with = without;
    let probe = edit::put(&mut with, name, &Value::String("?".to_owned()));
    let unknown = |error: &ConfigError| error.mistake == Mistake::UnknownSetting;
    match (probe, parsed(&with, file)) {
        (None, _) => Err(config.named(&feed_of(name)).err().unwrap_or_else(|| none_such(file, name, ""))),
        (Some(()), Err(error)) if unknown(&error) => Err(none_such(file, name, &error.what)),
        _ => Ok(setting),
    }
}

/// The text with a setting set to what `value` says, if all of it is a configuration then. The right type is the one
/// with which it is.
pub fn set(text: &str, file: &Path, name: &Name, value: &str) -> Result<String, ConfigError> {
    let fail = |what: String| ConfigError::new(file, format!("{what}; nothing was changed"));
    if matches!(name.section, Section::Feed(_)) && FIXED.contains(&name.key.as_str()) {
        return Err(fail(format!("the {} of a feed is not changed by program; edit the file", name.key)));
    }
    if value.len() > LONGEST || value.chars().any(char::is_control) {
        return Err(fail(format!("the value for {name} is too long or holds characters that no value has")));
    }
    let before = Config::parse(text, file, None)?;
    if let Section::Feed(feed) = &name.section {
        before.named(feed)?;
    }
    let mut first: Option<ConfigError> = None;
    for value in readings(value) {
        let Some(new) = edit::set(text, name, &value) else {
            return Err(fail(format!(
                "the file writes {} in a form that no program changes; edit it",
                name.section
            )));
        };
        match usable(&new, file, name) {
            Ok(()) => return Ok(new),
            Err(error) if error.mistake == Mistake::UnknownSetting => {
                return Err(none_such(file, name, &error.what));
            }
            // That another type is expected says less than what is wrong with a value of the right one.
            Err(error) if first.as_ref().is_none_or(|first| first.mistake == Mistake::WrongType) => {
                first = Some(error);
            }
            Err(_) => {}
        }
    }
    Err(first.map_or_else(
        || fail("no value was given".to_owned()),
        |mut error| {
            error.what += "; nothing was changed";
            error
        },
    ))
}

/// What a text may mean: a number or a word of TOML, a text, a list of texts.
fn readings(value: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let plain = value.trim();
    let looks =
        plain.starts_with('[') || plain.chars().next().is_some_and(|c| c.is_ascii_digit() || c == '-');
    if looks || plain == "true" || plain == "false" {
        let read = format!("x = {plain}").parse::<Table>().ok().and_then(|mut table| table.remove("x"));
        all.extend(read.filter(|value| !matches!(value, Value::Datetime(_))));
    }
    all.push(Value::String(value.to_owned()));
    let words = plain.split([',', ' ']).filter(|word| !word.is_empty());
    all.push(Value::Array(words.map(|word| Value::String(word.to_owned())).collect()));
    all
}

/// Whether the text is a configuration whose setting can be used. The environment's key does not count: it will not be
/// there for the next run.
fn usable(text: &str, file: &Path, name: &Name) -> Result<(), ConfigError> {
    let config = Config::parse(text, file, None)?;
    match &name.section {
        Section::Feed(feed) if name.key.starts_with("key") => config.named(feed)?.read_key().map(drop),
        _ => Ok(()),
    }
}

fn parsed(table: &Table, file: &Path) -> Result<Config, ConfigError> {
    let text = toml::to_string(table).map_err(|error| ConfigError::new(file, error.to_string()))?;
    Config::parse(&text, file, None)
}

/// A setting as `config show` shows it.
fn shown(config: &Config, name: &Name) -> Option<serde_json::Value> {
    let whole = serde_json::to_value(config).ok()?;
    let section = match &name.section {
        Section::Table(table) => whole.get(table)?,
        Section::Feed(feed) => whole
            .get("feed")?
            .as_array()?
            .iter()
            .find(|one| one.get("name").is_some_and(|name| name == feed))?,
    };
    // A key that is nowhere is shown as a word, which is no value.
    let value = section.get(&name.key)?;
    (!(name.is_secret() && value == "missing")).then(|| value.clone())
}

fn feed_of(name: &Name) -> String {
    match &name.section {
        Section::Feed(name) | Section::Table(name) => name.clone(),
    }
}

fn none_such(file: &Path, name: &Name, why: &str) -> ConfigError {
    let gap = if why.is_empty() { "" } else { ": " };
    ConfigError::new(file, format!("there is no setting {name}{gap}{why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\n[[feed]]\nname = \"apiban\"\nkind = \"apiban\"\nkey = \"s3cr3t\"\n\n[[feed]]\n\
        name = \"l\"\nkind = \"list\"\nurl = \"https://example.com/\"\ncolumn = \"ip\"\n\n[blacklist]\nlimit = 500\n";

    fn set(name: &str, value: &str) -> Result<String, String> {
        super::set(TEXT, Path::new("/etc/x.toml"), &name.parse()?, value).map_err(|error| error.to_string())
    }

    fn get(name: &str) -> Result<Setting, String> {
        let file = Path::new("/etc/x.toml");
        let config = Config::parse(TEXT, file, None).unwrap();
        super::get(&config, TEXT, file, &name.parse()?).map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_gets_the_type_that_its_setting_has() {
        let table = [
            ("blacklist.limit", "auto", "limit = \"auto\""),
            ("blacklist.limit", "7000", "limit = 7000"),
            ("blacklist.aggregate", "false", "aggregate = false"),
            ("blacklist.writer", "fwconsole", "writer = \"fwconsole\""),
            ("set.enabled", "no", "enabled = \"no\""),
            ("log.level", "debug", "level = \"debug\""),
            ("protect.unblock", "7d", "unblock = \"7d\""),
            ("protect.allow", "192.0.2.1, sip.example.com", "allow = [\"192.0.2.1\", \"sip.example.com\"]"),
            ("protect.allow", "192.0.2.1", "allow = [\"192.0.2.1\"]"),
            ("protect.allow", "", "allow = []"),
            ("feed.apiban.key", "4711", "key = \"4711\""),
            ("feed.apiban.ttl", "1h 30m", "ttl = \"1h 30m\""),
            ("feed.apiban.api", "1", "api = 1"),
            ("feed.apiban.enabled", "false", "enabled = false"),
            ("feed.l.column", "3", "column = 3"),
            ("feed.l.column", "address", "column = \"address\""),
            ("feed.l.min_score", "2.5", "min_score = 2.5"),
        ];
        for (name, value, line) in table {
            let text = set(name, value).unwrap_or_else(|error| panic!("{name} {value}: {error}"));
            assert!(text.contains(line) && text.starts_with("# mine\n"), "{text}");
            let config = Config::parse(&text, Path::new("x"), None).unwrap();
            assert_eq!(config.feed.len(), 2);
        }
        let key = Config::parse(&set("feed.apiban.key", "a\"b'c\\d").unwrap(), Path::new("x"), None).unwrap();
        assert_eq!(key.feed[0].read_key().unwrap().expose(), "a\"b'c\\d");
    }

    #[test]
    fn an_invalid_value_is_refused_with_the_words_of_its_setting() {
        let table = [
            ("blacklist.limit", "-1", "a number of rows"),
            ("blacklist.limit", "many", "a number of rows"),
            ("blacklist.aggregate", "perhaps", "bool"),
            ("feed.apiban.ttl", "5", "not a duration"),
            ("feed.apiban.ttl", "1s", "at least a minute"),
            ("feed.apiban.key", "", "is empty"),
            ("feed.apiban.key", "MY API KEY", "placeholder"),
            ("feed.apiban.key", "a b", "invalid characters"),
            ("feed.apiban.key", "a\nb", "characters that no value has"),
            ("feed.apiban.format", "text", "no format"),
            ("feed.apiban.keey", "x", "no setting feed.apiban.keey"),
            ("feed.apiban.name", "y", "edit the file"),
            ("feed.x.ttl", "1d", "there is no feed \"x\""),
            ("feed.l.url", "http://example.com", "https"),
            ("blacklst.limit", "5", "no setting blacklst.limit"),
            ("protect.allow", "0.0.0.0/0", "most of the internet"),
            ("limit", "5", "named like"),
            ("feed.apiban", "5", "named like"),
            ("a.b.c.d", "5", "named like"),
            ("blacklist.limit = 5\n[log]", "5", "named like"),
        ];
        for (name, value, words) in table {
            let error = set(name, value).expect_err(name);
            assert!(error.contains(words), "{name}: {error}");
        }
    }

    #[test]
    fn a_setting_is_shown_with_its_default_and_its_line_and_a_secret_masked() {
        let shown = |name: &str| {
            let setting = get(name).unwrap();
            serde_json::json!([setting.value, setting.default, setting.line]).to_string()
        };
        for (name, wanted) in [
            ("blacklist.limit", r#"[500,"auto",14]"#),
            ("blacklist.aggregate", "[true,true,null]"),
            ("feed.apiban.key", r#"["***",null,5]"#),
            ("feed.apiban.ttl", r#"["7d","7d",null]"#),
            ("feed.l.column", r#"["ip",null,11]"#),
            ("feed.l.url", r#"["https://example.com/",null,10]"#),
            ("feed.l.format", "[null,null,null]"),
            ("protect.allow", "[[],[],null]"),
        ] {
            assert_eq!(shown(name), wanted, "{name}");
        }
        for (name, words) in [
            (
                "feed.apiban.keey",
                "no setting feed.apiban.keey: unknown setting \"keey\". Did you mean \"key\"?",
            ),
            ("feed.x.key", "no feed \"x\""),
            ("blacklst.limit", "no setting"),
        ] {
            let error = get(name).expect_err(name);
            assert!(error.contains(words), "{name}: {error}");
        }
    }

    #[test]
    fn the_address_of_a_webhook_is_a_secret_too() {
        let name: Name = "notify.webhook".parse().unwrap();
        assert!(name.is_secret() && !"notify.command".parse::<Name>().unwrap().is_secret());
        let file = Path::new("f.toml");
        let new = super::set(TEXT, file, &name, "https://example.com/s3cr3t").unwrap();
        let config = Config::parse(&new, file, None).unwrap();
        assert_eq!(super::get(&config, &new, file, &name).unwrap().value.unwrap(), "***");
        let error = super::set(TEXT, file, &name, "http://example.com/s3cr3t").unwrap_err().to_string();
        assert!(error.contains("https://") && !error.contains("s3cr3t"), "{error}");
    }
}
