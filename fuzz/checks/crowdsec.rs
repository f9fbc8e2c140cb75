//! An answer of CrowdSec's local API, or of whoever answers in its place.

use std::io::Read;

use banbridge::feed::crowdsec::{Decisions, Settings, read as read_answer};

use super::one_line;

const MAX_DECISIONS: usize = 5_000;

fn settings() -> [Settings; 2] {
    let all = Settings { max_bytes: 1 << 20, max_decisions: MAX_DECISIONS, ..Settings::default() };
    let some = Settings { origins: vec!["cscli".to_owned(), "CAPI".to_owned()], ..all.clone() };
    [all, some]
}

pub fn read(data: &[u8]) {
    for settings in settings() {
        let _ = read_answer("crowdsec", data, &settings);
    }
}

pub fn check(data: &[u8]) {
    let [all, some] = settings();
    let whole = told(data, &all);
    // However it drips in, it is the same answer.
    assert_eq!(read_answer("crowdsec", Drip(data), &all).ok(), whole);
    let of_some = told(data, &some);
    // Origins decide what is used of an answer, never whether it is one, and never add to it.
    assert_eq!(whole.is_some(), of_some.is_some());
    if let (Some(whole), Some(of_some)) = (whole, of_some) {
        assert_eq!(whole.received, of_some.received);
        for ban in &of_some.bans {
            let at = whole.bans.binary_search_by_key(&ban.prefix, |one| one.prefix);
            assert!(at.is_ok_and(|at| whole.bans[at].seconds >= ban.seconds), "{ban:?}");
        }
        again(&whole, &all);
    }
}

fn told(data: &[u8], settings: &Settings) -> Option<Decisions> {
    match read_answer("crowdsec", data, settings) {
        Ok(decisions) => {
            good(&decisions, settings);
            Some(decisions)
        }
        Err(error) => {
            one_line(&error.to_string(), 500);
            None
        }
    }
}

fn good(decisions: &Decisions, settings: &Settings) {
    assert!(decisions.received <= MAX_DECISIONS);
    assert!(decisions.bans.is_sorted_by(|one, next| one.prefix < next.prefix), "not in order, or one twice");
    assert!(decisions.deleted.is_sorted_by(|one, next| one < next), "not in order, or one twice");
    assert!(decisions.bans.len() <= decisions.accepted());
    assert_eq!(decisions.skipped.len(), decisions.skipped_total.min(1_000));
    for refused in &decisions.skipped {
        one_line(&refused.text, 80);
        one_line(&refused.reason, 150);
        assert!((1..=MAX_DECISIONS).contains(&refused.number));
    }
    for prefix in decisions.bans.iter().map(|ban| &ban.prefix).chain(&decisions.deleted) {
        assert!(settings.widest.check(prefix).is_ok(), "{prefix} is too wide");
    }
    for ban in &decisions.bans {
        assert!(ban.seconds > 0, "{ban:?}");
    }
}

/// Written as CrowdSec would write it, what was understood is understood the same.
fn again(decisions: &Decisions, settings: &Settings) {
    let one = |value: String, duration: String| serde_json::json!({"type": "ban", "scope": "Ip", "value": value, "duration": duration});
    let new: Vec<_> =
        decisions.bans.iter().map(|ban| one(ban.prefix.to_string(), format!("{}s", ban.seconds))).collect();
    let deleted: Vec<_> =
        decisions.deleted.iter().map(|prefix| one(prefix.to_string(), "-1s".to_owned())).collect();
    let text = serde_json::json!({"new": new, "deleted": deleted}).to_string();
    let again = read_answer("crowdsec", text.as_bytes(), settings).expect("a good answer");
    assert_eq!((&again.bans, &again.deleted), (&decisions.bans, &decisions.deleted));
}

/// One byte at a time.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}
