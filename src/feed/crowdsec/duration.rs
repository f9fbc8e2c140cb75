//! Spans of time as Go writes them, which is how CrowdSec says how long a decision still counts: `3h59m12.5s`,
//! `-13m0.2s`, `168h0m0s`, `750ms`.

/// Units and their nanoseconds, longer names before those that they begin with.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
];
/// The longest text that is looked at; Go never writes half as much.
const LONGEST: usize = 64;
/// Digits of a number that are looked at, and of those behind its point.
const DIGITS: usize = 18;
const SECOND: i128 = 1_000_000_000;
/// The longest span of Go's in whole seconds, 292 years. CrowdSec writes one of a fraction more for a ban without end.
const FOREVER: i128 = i64::MAX as i128 / SECOND;

/// The span in whole seconds, a part of one counted as one away from zero; none where it is no span of Go's, or a
/// longer one than Go knows (292 years).
pub fn seconds(text: &str) -> Option<i64> {
    if text.len() > LONGEST {
        return None;
    }
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let (unit, of_one) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        nanos += number.in_nanos(*of_one);
        rest = &after[unit.len()..];
    }
    i64::try_from(nanos).ok()?;
    let whole = i64::try_from(((nanos + SECOND - 1) / SECOND).min(FOREVER)).ok()?;
    Some(if negative { -whole } else { whole })
}

/// A number with the digits behind its point.
struct Number {
    whole: i128,
    fraction: i128,
    /// Ten to the power of the digits behind the point.
    scale: i128,
}

impl Number {
    fn in_nanos(&self, of_one: i128) -> i128 {
        self.whole * of_one + self.fraction * of_one / self.scale
    }
}

/// The number at the beginning, and what follows it.
fn number(text: &str) -> Option<(Number, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(behind) => digits(behind),
        None => ("", rest),
    };
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > DIGITS {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(DIGITS)];
    let read = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some((Number { whole: read(whole)?, fraction: read(fraction)?, scale }, rest))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_are_read_as_go_writes_them_and_nothing_else_is() {
        let table = [
            ("3h59m12.5s", Some(14_353)),
            ("3h59m12s", Some(14_352)),
            ("168h0m0s", Some(604_800)),
            ("-13h47m0.25s", Some(-49_621)),
            ("1.5h", Some(5_400)),
            ("750ms", Some(1)),
            ("1\u{b5}s", Some(1)),
            ("1\u{3bc}s", Some(1)),
            ("1us", Some(1)),
            ("1ns", Some(1)),
            ("-1ns", Some(-1)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("-0s", Some(0)),
            ("+5s", Some(5)),
            (".5s", Some(1)),
            ("5.s", Some(5)),
            ("2562047h47m16s", Some(9_223_372_036)),
            ("2562047h47m16.854775807s", Some(9_223_372_036)),
            ("2562047h47m17s", None),
            ("2562048h", None),
            ("999999999999999999h", None),
            ("9999999999999999999s", None),
            ("", None),
            ("-", None),
            ("4", None),
            ("4d", None),
            ("4 h", None),
            ("h", None),
            (".s", None),
            ("4h5", None),
            ("--4h", None),
            ("4H", None),
            ("1e3s", None),
            ("\u{664}h", None),
            ("4h\u{0}", None),
        ];
        for (text, told) in table {
            assert_eq!(seconds(text), told, "{text}");
        }
        assert_eq!(seconds(&"1s".repeat(40)), None);
    }

    proptest! {
        #[test]
        fn every_span_that_go_can_write_is_read(
            hours in 0i64..100_000, minutes in 0i64..60, secs in 0i64..60, nanos in 0i64..1_000_000_000, minus: bool
        ) {
            let sign = if minus { "-" } else { "" };
            let text = format!("{sign}{hours}h{minutes}m{secs}.{nanos:09}s");
            let whole = hours * 3_600 + minutes * 60 + secs + i64::from(nanos > 0);
            prop_assert_eq!(seconds(&text), Some(if minus { -whole } else { whole }));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9.hmsnu\u{b5}\u{3bc} a-z]{0,70}") {
            let _ = seconds(&text);
        }
    }
}
