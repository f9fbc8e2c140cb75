//! Points in time as people and programs read them.

use std::fs;
use std::path::{Component, Path};
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

const DAY: i64 = 86_400;

/// Seconds since 1970, written as RFC 3339 in UTC in JSON, and for people in the machine's time zone.
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
            Ok(time) => f.write_str(&in_zone(time, machine_zone())),
            Err(_) => f.write_str("?"),
        }
    }
}

impl Time {
    /// With how long ago it was, when that is less than a day.
    pub fn ago(self, now: i64) -> String {
        let age = match now - self.0 {
            seconds @ 0..60 => format!("{seconds} s"),
            seconds @ 60..3_600 => format!("{} min", seconds / 60),
            seconds @ 3_600..DAY => format!("{} h", seconds / 3_600),
            _ => return self.to_string(),
        };
        format!("{self} ({age} ago)")
    }
}

fn in_zone(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// The time zone of this machine and its logs: that of TZ, or of /etc/localtime. Read once.
pub fn machine_zone() -> &'static TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| {
        let zoneinfo = Path::new("/usr/share/zoneinfo");
        let of_file = |path: &Path| fs::read(path).ok().and_then(|bytes| TimeZone::tzif("", &bytes).ok());
        let named = std::env::var("TZ").ok().filter(|name| !name.is_empty()).and_then(|name| {
            let path = Path::new(&name);
            let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
            let of_name = if plain { of_file(&zoneinfo.join(path)) } else { None };
            of_name.or_else(|| TimeZone::posix(&name).ok())
        });
        named.or_else(|| of_file(Path::new("/etc/localtime"))).unwrap_or(TimeZone::UTC)
    })
}

/// A time and how long ago it was, or the word for none.
pub fn ago_or(time: Option<Time>, now: i64, none: &str) -> String {
    time.map_or_else(|| none.to_owned(), |time| time.ago(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_read_utc_and_people_the_time_of_their_machine() {
        assert_eq!(serde_json::to_string(&Time(0)).unwrap(), "\"1970-01-01T00:00:00Z\"");
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        for (seconds, text) in
            [(1_700_000_000, "2023-11-14 23:13 CET"), (1_690_000_000, "2023-07-22 06:26 CEST")]
        {
            assert_eq!(in_zone(Timestamp::from_second(seconds).unwrap(), &berlin), text);
        }
        assert_eq!(in_zone(Timestamp::UNIX_EPOCH, &TimeZone::UTC), "1970-01-01 00:00 UTC");
        assert_eq!(Time(i64::MAX).to_string(), "?");
    }

    #[test]
    fn how_long_ago_is_said_for_a_day_and_never_of_the_future() {
        let now = 1_700_000_000;
        for (age, words) in [
            (0, " (0 s ago)"),
            (59, " (59 s ago)"),
            (60, " (1 min ago)"),
            (7_199, " (1 h ago)"),
            (DAY - 1, " (23 h ago)"),
            (DAY, ""),
            (-1, ""),
        ] {
            let time = Time(now - age);
            assert_eq!(time.ago(now), format!("{time}{words}"), "{age}");
        }
        assert_eq!(ago_or(None, now, "never"), "never");
    }
}
