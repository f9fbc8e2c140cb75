//! Times in logs: the usual forms of Asterisk's `dateformat`, and the moment that each means.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::system::time::machine_zone;

/// A time as a log writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// A moment: seconds since 1970, or a time with its offset from UTC.
    Moment(i64),
    /// A time of the log's own zone: year, month, day, hour, minute, second.
    Local([i16; 6]),
}

/// Why a time cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampError {
    /// It has no year.
    NoYear,
    /// It is not a time, or it has an unknown form.
    Unknown,
}

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// Reads a time: `2026-11-24 06:58:30` with various separators, fractions of the second and offset from UTC,
/// `24.11.2026 06:58:30`, `Nov 24 06:58:30 2026` and its like, or seconds since 1970.
///
/// # Errors
/// [`StampError`] where it is none of them.
pub fn read(text: &[u8]) -> Result<Stamp, StampError> {
    if let Some(fields) = year_first(text) {
        return after_seconds(fields, &text[19..]);
    }
    let plain = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    let whole = text.split(|b| *b == b'.').next().unwrap_or_default();
    if (9..=11).contains(&whole.len()) && plain(whole) {
        return number(whole).map(Stamp::Moment).ok_or(StampError::Unknown);
    }
    words(text)
}

/// `2026-11-24 06:58:30`: the form of nearly every line.
fn year_first(text: &[u8]) -> Option<[i16; 6]> {
    let text: &[u8; 19] = text.first_chunk()?;
    let separated = matches!(text[4], b'-' | b'/' | b'.')
        && text[7] == text[4]
        && matches!(text[10], b' ' | b'T' | b'_')
        && text[13] == b':'
        && text[16] == b':';
    let two = |at: usize| {
        let digits = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
        (digits.0 < 10 && digits.1 < 10).then(|| i16::from(digits.0 * 10 + digits.1))
    };
    if !separated {
        return None;
    }
    Some([two(0)? * 100 + two(2)?, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?])
}

/// The text after the seconds: a fraction, an offset from UTC, or the zone's name, which is the log's own.
fn after_seconds(fields: [i16; 6], rest: &[u8]) -> Result<Stamp, StampError> {
    let rest = match rest {
        [b'.' | b',', digits @ ..] => digits.trim_ascii_start_digits(),
        _ => rest,
    };
    let (fields, rest) = twelve_hours(fields, rest.trim_ascii())?;
    match rest {
        [] => Ok(Stamp::Local(fields)),
        b"Z" | b"UTC" => moment(fields, 0),
        [sign @ (b'+' | b'-'), offset @ ..] => {
            let digits: Vec<u8> = offset.iter().copied().filter(|b| *b != b':').collect();
            let (hours, minutes) = match digits.len() {
                2 => (number(&digits), Some(0)),
                4 => (number(&digits[..2]), number(&digits[2..])),
                _ => return Err(StampError::Unknown),
            };
            let (Some(hours), Some(minutes)) = (hours, minutes) else { return Err(StampError::Unknown) };
            let seconds = hours * 3_600 + minutes * 60;
            moment(fields, if *sign == b'-' { -seconds } else { seconds })
        }
        name if name.iter().all(u8::is_ascii_alphabetic) => Ok(Stamp::Local(fields)),
        _ => Err(StampError::Unknown),
    }
}

/// The hour that `AM` or `PM` behind the seconds makes of it, and what stands behind them.
fn twelve_hours(mut fields: [i16; 6], rest: &[u8]) -> Result<([i16; 6], &[u8]), StampError> {
    let (half, behind) = rest.split_at(rest.len().min(2));
    if !behind.first().is_none_or(u8::is_ascii_whitespace) {
        return Ok((fields, rest));
    }
    let hour = match half.to_ascii_uppercase().as_slice() {
        b"AM" => 0,
        b"PM" => 12,
        _ => return Ok((fields, rest)),
    };
    if !(1..=12).contains(&fields[3]) {
        return Err(StampError::Unknown);
    }
    fields[3] = fields[3] % 12 + hour;
    Ok((fields, behind.trim_ascii()))
}

trait Digits {
    fn trim_ascii_start_digits(&self) -> &[u8];
}

impl Digits for [u8] {
    fn trim_ascii_start_digits(&self) -> &[u8] {
        let end = self.iter().position(|b| !b.is_ascii_digit()).unwrap_or(self.len());
        &self[end..]
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?.parse().ok()
}

/// Words in any order: the month by its name, or `24.11.2026`.
fn words(text: &[u8]) -> Result<Stamp, StampError> {
    let (mut year, mut month, mut day, mut time) = (None, None, None, None);
    let mut half = [].as_slice();
    for word in text.split(|b| matches!(b, b' ' | b',')).filter(|word| !word.is_empty()).take(8) {
        let start: Vec<u8> = word.iter().take(3).map(u8::to_ascii_lowercase).collect();
        let found = if word.contains(&b':') {
            time.replace(clock(word).ok_or(StampError::Unknown)?).is_none()
        } else if let Some(place) = MONTHS.iter().position(|name| *name == start) {
            month.replace(i16::try_from(place + 1).unwrap_or(0)).is_none()
        } else if DAYS.contains(&start.as_slice()) {
            true
        } else if matches!(start.as_slice(), b"am" | b"pm") {
            std::mem::replace(&mut half, word).is_empty() && time.is_some()
        } else if let Some([d, m, y]) = dotted(word) {
            day.replace(d).is_none() && month.replace(m).is_none() && year.replace(y).is_none()
        } else {
            let value = number(word).and_then(|value| i16::try_from(value).ok());
            match word.len() {
                1 | 2 => day.replace(value.ok_or(StampError::Unknown)?).is_none(),
                4 => year.replace(value.ok_or(StampError::Unknown)?).is_none(),
                // The zone's name, which is the log's own.
                _ => time.is_some() && word.iter().all(u8::is_ascii_uppercase),
            }
        };
        if !found {
            return Err(StampError::Unknown);
        }
    }
    match (year, month, day, time) {
        (Some(year), Some(month), Some(day), Some([hour, minute, second])) => {
            Ok(Stamp::Local(twelve_hours([year, month, day, hour, minute, second], half)?.0))
        }
        (None, Some(_), Some(_), Some(_)) => Err(StampError::NoYear),
        _ => Err(StampError::Unknown),
    }
}

/// `06:58:30`, with a fraction or without.
fn clock(word: &[u8]) -> Option<[i16; 3]> {
    let mut parts = word.split(|b| *b == b':');
    let mut part = || {
        let digits = parts.next()?.split(|b| *b == b'.').next()?;
        number(digits).filter(|_| digits.len() <= 2).and_then(|value| i16::try_from(value).ok())
    };
    Some([part()?, part()?, part()?])
}

/// `24.11.2026`.
fn dotted(word: &[u8]) -> Option<[i16; 3]> {
    let mut parts = word.split(|b| *b == b'.').map(|part| (part.len(), number(part)));
    let ((_, day), (_, month), (4, year), None) = (parts.next()?, parts.next()?, parts.next()?, parts.next())
    else {
        return None;
    };
    Some([i16::try_from(day?).ok()?, i16::try_from(month?).ok()?, i16::try_from(year?).ok()?])
}

fn civil([year, month, day, hour, minute, second]: [i16; 6]) -> Option<DateTime> {
    let small = |value: i16| i8::try_from(value).ok();
    DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()
}

fn moment(fields: [i16; 6], offset: i64) -> Result<Stamp, StampError> {
    let utc = civil(fields).and_then(|civil| TimeZone::UTC.to_timestamp(civil).ok());
    utc.map(|utc| Stamp::Moment(utc.as_second() - offset)).ok_or(StampError::Unknown)
}

/// The zone of a log. Lines of one hour follow each other, so an hour is looked up once.
#[derive(Debug, Clone)]
pub struct Zone {
    zone: TimeZone,
    hour: ([i16; 4], i64),
}

impl Zone {
    /// A zone.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, hour: ([0; 4], 0) }
    }

    /// The zone of this machine's logs.
    pub fn of_machine() -> Self {
        Self::new(machine_zone().clone())
    }

    /// The moment of a time, in seconds since 1970; none if there is no such day or hour. If clocks go back, the first of
    /// the two moments.
    pub fn moment(&mut self, stamp: Stamp) -> Option<i64> {
        let [year, month, day, hour, minute, second] = match stamp {
            Stamp::Moment(at) => return Some(at),
            Stamp::Local(fields) => fields,
        };
        // Nothing writes leap seconds here, and 60 would be the next minute's first.
        if !(0..60).contains(&minute) || !(0..=60).contains(&second) {
            return None;
        }
        let key = [year, month, day, hour];
        if self.hour.0 != key {
            let civil = civil([year, month, day, hour, 0, 0])?;
            self.hour = (key, self.zone.to_timestamp(civil).ok()?.as_second());
        }
        Some(self.hour.1 + i64::from(minute) * 60 + i64::from(second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Berlin, as a POSIX rule.
    fn zone() -> Zone {
        Zone::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
    }

    fn at(text: &str) -> Result<Option<i64>, StampError> {
        read(text.as_bytes()).map(|stamp| zone().moment(stamp))
    }

    #[test]
    fn every_form_means_its_moment() {
        let moment = 1_795_499_910;
        for text in [
            "2026-11-24 06:58:30",
            "2026-11-24 06:58:30.123",
            "2026-11-24 06:58:30,123456",
            "2026-11-24T06:58:30",
            "2026/11/24 06:58:30",
            "2026-11-24 06:58:30 CET",
            "2026-11-24T05:58:30Z",
            "2026-11-24T05:58:30.123Z",
            "2026-11-24T07:58:30.123+0200",
            "2026-11-24 07:58:30 +02:00",
            "2026-11-23T23:58:30-06",
            "24.11.2026 06:58:30",
            "24.11.2026 06:58:30.5",
            "Nov 24 06:58:30 2026",
            "Nov 24 06:58:30.123 2026",
            "Tue Nov 24 06:58:30 2026",
            "Tue Nov 24 06:58:30 CET 2026",
            "Nov 24 2026 06:58:30",
            "24 Nov 2026 06:58:30",
            "Tue, 24 Nov 2026 06:58:30",
            "2026-11-24 06:58:30 AM",
            "2026-11-24 06:58:30 am CET",
            "Nov 24 06:58:30 AM 2026",
            "1795499910",
            "1795499910.123",
        ] {
            assert_eq!(at(text), Ok(Some(moment)), "{text}");
        }
    }

    #[test]
    fn a_clock_of_twelve_hours_has_its_two_halves() {
        let table = [
            ("12:00:00 AM", 0),
            ("01:00:00 AM", 1),
            ("12:00:00 PM", 12),
            ("01:00:00 PM", 13),
            ("11:00:00 pm", 23),
        ];
        for (time, hour) in table {
            let local = Ok(Stamp::Local([2026, 11, 24, hour, 0, 0]));
            assert_eq!(read(format!("2026-11-24 {time}").as_bytes()), local, "{time}");
            assert_eq!(read(format!("Nov 24 {time} 2026").as_bytes()), local, "{time}");
        }
        for text in [
            "2026-11-24 13:00:00 PM",
            "2026-11-24 00:00:00 AM",
            "Nov 24 13:00:00 PM 2026",
            "Nov 24 PM 01:00:00 AM 2026",
        ] {
            assert_eq!(read(text.as_bytes()), Err(StampError::Unknown), "{text}");
        }
    }

    #[test]
    fn a_time_without_a_year_is_not_the_same_as_no_time() {
        for text in ["Nov 24 06:58:30", "Nov  4 06:58:30.123", "24 Nov 06:58:30", "Tue Nov 24 06:58:30"] {
            assert_eq!(at(text), Err(StampError::NoYear), "{text}");
        }
        for text in [
            "",
            "x",
            "2026-11-24",
            "06:58:30",
            "11/24/2026 06:58:30",
            "2026-11-24 06:58:30 +2",
            "12345678",
            "Nov 24 06:58",
            "Nov 24 06:58:30 2026 2027",
            "2026-11/24 06:58:30",
            "2026-11-24 06:58:3x",
        ] {
            assert_eq!(at(text), Err(StampError::Unknown), "{text}");
        }
        for text in
            ["2026-02-30 06:58:30", "2026-11-24 24:58:30", "2026-11-24 06:60:30", "0.13.2026 06:58:30"]
        {
            assert_eq!(at(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn summer_time_counts_and_the_first_of_a_double_hour() {
        let table = [
            ("2026-07-01 12:00:00", 1_782_900_000),
            ("2026-10-25 01:59:59", 1_792_886_399),
            ("2026-10-25 02:30:00", 1_792_888_200),
            ("2026-10-25 03:00:00", 1_792_893_600),
        ];
        let mut zone = zone();
        for (text, moment) in table {
            assert_eq!(zone.moment(read(text.as_bytes()).unwrap()), Some(moment), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&text).map(|stamp| zone().moment(stamp));
        }

        #[test]
        fn no_text_of_the_right_letters_makes_it_panic(text in "[0-9TNovTue .,:/+-]{0,40}") {
            let _ = read(text.as_bytes()).map(|stamp| zone().moment(stamp));
        }

        #[test]
        fn a_moment_written_in_a_zone_is_that_moment_again(at in 946_684_800i64..4_102_444_800) {
            let zone_of_it = zone().zone;
            let time = jiff::Timestamp::from_second(at).unwrap().to_zoned(zone_of_it);
            let read = read(time.strftime("%Y-%m-%d %H:%M:%S").to_string().as_bytes()).unwrap();
            let again = zone().moment(read).unwrap();
            prop_assert!(again == at || again == at - 3_600, "{at} {again}");
            let with_offset = time.strftime("%Y-%m-%dT%H:%M:%S%z").to_string();
            prop_assert_eq!(super::read(with_offset.as_bytes()), Ok(Stamp::Moment(at)));
        }
    }
}
