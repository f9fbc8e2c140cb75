//! Changes of the configuration file by the program. Text in, text out: every byte that is not meant stays, comments
//! and the order of the keys with it.

use serde::Deserialize;
use toml::Spanned;

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
}
