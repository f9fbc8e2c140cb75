//! Text that came from a server, made fit to be shown.
//!
//! Whoever answers in the feed's place chooses these words: a terminal would obey its control
//! characters, and a log would take its line breaks for lines of ours.

use std::borrow::Cow;

/// `text`, fit for one line of a log or a terminal: control characters and those that turn the
/// writing direction are escaped, and what is longer than `most` characters is cut, with `...`.
pub fn one_line(text: &str, most: usize) -> Cow<'_, str> {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if text.len() <= most && !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut line = String::new();
    let mut length = 0;
    for c in text.chars() {
        let piece: String = if hidden(c) { c.escape_default().collect() } else { c.into() };
        let wide = piece.chars().count();
        if length + wide > most {
            // Make room for the dots, so that the whole stays within `most`.
            while length + 3 > most && line.pop().is_some() {
                length -= 1;
            }
            line.push_str("...");
            break;
        }
        length += wide;
        line.push_str(&piece);
    }
    Cow::Owned(line)
}

/// A number as people read it, with separators: `5,000`.
pub fn number(number: impl TryInto<u128>) -> String {
    // Only a negative number does not fit, and nothing is counted below zero.
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun: `1 row`, `5,000 rows`.
pub fn count(how_many: impl TryInto<u128>, one: &str, many: &str) -> String {
    let text = number(how_many);
    let noun = if text == "1" { one } else { many };
    format!("{text} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_direction_marks_are_escaped() {
        let table = [
            ("plain words", "plain words"),
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\u{1b}[2J", r"\u{1b}[2J"),
            ("\u{202e}evil\u{200b}", r"\u{202e}evil\u{200b}"),
            ("é 日本", "é 日本"),
        ];
        for (text, shown) in table {
            assert_eq!(one_line(text, 80), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut_to_what_was_asked_for() {
        assert_eq!(one_line("0123456789", 10), "0123456789");
        assert_eq!(one_line("0123456789a", 10), "0123456...");
        assert_eq!(one_line("日本語日本語", 5), "日本...");
        assert_eq!(one_line("ééé", 3), "ééé");
        for most in 0..12 {
            let shown = one_line("a\u{1b}b\u{202e}cdefghijkl", most);
            assert!(shown.chars().count() <= most.max(3), "{most} {shown}");
        }
    }

    #[test]
    fn numbers_agree_with_their_nouns_and_have_separators() {
        let table = [
            (0_u64, "0 rows"),
            (1, "1 row"),
            (999, "999 rows"),
            (1_000, "1,000 rows"),
            (53_000, "53,000 rows"),
            (1_234_567, "1,234,567 rows"),
        ];
        for (how_many, text) in table {
            assert_eq!(count(how_many, "row", "rows"), text);
        }
        assert_eq!(count(-1, "row", "rows"), "0 rows");
        assert_eq!(number(usize::MAX), "18,446,744,073,709,551,615");
    }
}
