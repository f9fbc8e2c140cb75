//! A list that somebody publishes, packed perhaps, read in its own form and in every form that the configuration can
//! ask for.

use std::io::Read;

use banbridge::feed::list::{Column, Format, Parsed, Settings, read as read_list};

use super::one_line;

/// Less than in use, so that a packed text costs little time.
const MAX_BYTES: u64 = 1 << 17;
const MAX_ENTRIES: usize = 20_000;

fn settings() -> [Settings; 8] {
    let plain = Settings { max_bytes: MAX_BYTES, max_entries: MAX_ENTRIES, ..Settings::default() };
    let of = |format| Settings { format: Some(format), ..plain.clone() };
    [
        plain.clone(),
        Settings {
            column: Some(Column::Number(2)),
            score_column: Some(Column::Number(3)),
            min_score: Some(1.5),
            ..plain.clone()
        },
        Settings { column: Some(Column::Name("ip".to_owned())), ..plain.clone() },
        of(Format::Ranges),
        of(Format::Dshield),
        Settings { min_score: Some(1.5), fields: vec!["ip".to_owned()], ..of(Format::Json) },
        Settings { fields: vec!["data.ip".to_owned(), "v6".to_owned()], ..of(Format::Json) },
        Settings { country: vec!["US".to_owned()], ..plain.clone() },
    ]
}

pub fn read(data: &[u8]) {
    for settings in settings() {
        let _ = read_list("list", data, &settings);
    }
}

pub fn check(data: &[u8]) {
    for settings in settings() {
        match read_list("list", data, &settings) {
            Ok(parsed) => good(&parsed, &settings),
            Err(error) => one_line(&error.to_string(), 600),
        }
    }
    // However it drips in, it is the same list.
    let [plain, ..] = settings();
    let whole = read_list("list", data, &plain).ok();
    assert_eq!(read_list("list", Drip(data), &plain).ok(), whole);
    // Read from the prefixes that were found, one a line, it is the same list.
    if let Some(parsed) = whole {
        let lines: String = parsed.prefixes.iter().map(|prefix| format!("{prefix}\n")).collect();
        let again = read_list("list", lines.as_bytes(), &plain).expect("a plain list");
        assert_eq!(again.prefixes, parsed.prefixes);
        assert_eq!(again.skipped_total(), 0);
    }
}

fn good(parsed: &Parsed, settings: &Settings) {
    assert!(parsed.prefixes.len() <= MAX_ENTRIES);
    assert!(parsed.prefixes.is_sorted_by(|one, next| one < next), "not in order, or one twice");
    for prefix in &parsed.prefixes {
        assert!(settings.widest.check(prefix).is_ok(), "{prefix} is too wide");
    }
    assert!(parsed.left_out <= parsed.accepted);
    assert!(parsed.prefixes.is_empty() || parsed.accepted > parsed.left_out);
    assert!(parsed.skipped.len() <= parsed.skipped_total().min(1_000 + 10 * parsed.reasons.len()));
    assert!(parsed.lines <= MAX_BYTES + 1);
    for refused in &parsed.skipped {
        one_line(&refused.text, 120);
        assert!(refused.line <= parsed.lines);
    }
}

/// One byte at a time.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}
