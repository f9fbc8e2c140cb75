//! Points in time as people and programs read them.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// Seconds since 1970, written as RFC 3339 in UTC in JSON and shorter for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Timestamp::from_second(self.0) {
            Ok(time) => serializer.collect_str(&time),
            Err(_) => serializer.serialize_none(),
        }
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{}", time.strftime("%Y-%m-%d %H:%M UTC")),
            Err(_) => write!(f, "?"),
        }
    }
}

/// A time or the word for none.
pub fn time_or(time: Option<i64>, none: &str) -> String {
    time.map_or_else(|| none.to_owned(), |secs| Time(secs).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_for_programs_and_short_for_people() {
        assert_eq!(serde_json::to_string(&Time(0)).unwrap(), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(Time(1_700_000_000).to_string(), "2023-11-14 22:13 UTC");
        assert_eq!(time_or(None, "never"), "never");
    }
}
