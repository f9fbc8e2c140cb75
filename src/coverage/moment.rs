//! A point in time as an administrator writes it: `2026-11-24`, `2026-11-24 06:00`, or `3d` for three days ago.

use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo};

use super::stamp::{self, Stamp, Zone};

/// A point in time, not yet placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// That many seconds ago.
    Ago(i64),
    /// A date and time, in the logs' zone unless it says its own.
    At(Stamp),
}

/// It is not a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time. Write it like 2026-11-24, \"2026-11-24 06:00\" or 3d (three days ago)")]
pub struct NotATime;

impl FromStr for Moment {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        if let Ok(ago) = text.trim_start_matches('-').parse::<Span>() {
            let ago = ago.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| NotATime)?;
            return Ok(Self::Ago(ago.as_secs()));
        }
        let forms = [text.to_owned(), format!("{text}:00"), format!("{text} 00:00:00")];
        let mut any = Zone::new(TimeZone::UTC);
        // A stamp can name a day that no month has.
        let exists = |stamp: &Stamp| any.moment(*stamp).is_some();
        let mut read = forms.iter().filter_map(|form| stamp::read(form.as_bytes()).ok());
        read.find(exists).map(Self::At).ok_or(NotATime)
    }
}

impl Moment {
    /// Seconds since 1970; none only for a day at the end of all years.
    pub fn at(self, zone: &mut Zone, now: i64) -> Option<i64> {
        match self {
            Self::Ago(seconds) => Some(now.saturating_sub(seconds)),
            Self::At(stamp) => zone.moment(stamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_durations_are_read_and_nothing_else_is() {
        let now = 1_800_000_000;
        let mut zone = Zone::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
        let table = [
            ("3d", Some(now - 259_200)),
            ("-2h", Some(now - 7_200)),
            ("90m", Some(now - 5_400)),
            ("2026-11-24", Some(1_795_474_800)),
            ("2026-11-24 06:58", Some(1_795_499_880)),
            ("2026-11-24 06:58:30", Some(1_795_499_910)),
            ("2026-11-24T05:58:30Z", Some(1_795_499_910)),
            ("2026-02-30", None),
            ("yesterday", None),
            ("1mo", None),
            ("", None),
        ];
        for (text, expected) in table {
            let read = text.parse::<Moment>().ok().and_then(|moment| moment.at(&mut zone, now));
            assert_eq!(read, expected, "{text}");
        }
    }
}
