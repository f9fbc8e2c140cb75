//! The answer as a whole: an object with the lists `new` and `deleted`, in any order, read without being held.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::decision::{Meant, Raw};
use super::{Decisions, SKIPPED_KEPT, Settings, Skipped, StreamErrorKind};
use crate::system::text::one_line;

/// The most characters of an answer or of the JSON reader's words that an error shows.
const SHOWN: usize = 80;

/// Reads a whole answer.
pub(super) fn read(mut input: impl BufRead, settings: &Settings) -> Result<Decisions, StreamErrorKind> {
    skip_white_space(&mut input)?;
    match input.fill_buf()? {
        [] => return Err(StreamErrorKind::Empty),
        beginning @ [b'<', ..] => {
            let part = &beginning[..beginning.len().min(SHOWN * 4)];
            let text = one_line(String::from_utf8_lossy(part).trim(), SHOWN).into_owned();
            return Err(StreamErrorKind::Html { text });
        }
        _ => {}
    }
    let too_large = Cell::new(false);
    let input = Bounded { input, left: settings.max_bytes, too_large: &too_large };
    let mut reading = Reading { settings, decisions: Decisions::default(), count: 0, failed: None };
    let mut json = serde_json::Deserializer::from_reader(input);
    let result = Answer(&mut reading).deserialize(&mut json).and_then(|()| json.end());
    if let Some(failed) = reading.failed {
        return Err(failed);
    }
    if too_large.get() {
        return Err(StreamErrorKind::TooLarge { limit: settings.max_bytes / 1024 / 1024 });
    }
    match result {
        Ok(()) => Ok(tidy(reading.decisions)),
        Err(error) if error.is_eof() => Err(StreamErrorKind::CutOff { decision: reading.count }),
        Err(error) if error.is_io() => Err(StreamErrorKind::Io(error.into())),
        Err(error) => {
            let why = one_line(&error.to_string(), SHOWN).into_owned();
            Err(StreamErrorKind::Json { decision: reading.count, why })
        }
    }
}

fn skip_white_space(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let white = buffer.iter().take_while(|b| b.is_ascii_whitespace()).count();
        if white == 0 {
            return Ok(());
        }
        input.consume(white);
    }
}

/// Each prefix once, with the longest ban of several.
fn tidy(mut decisions: Decisions) -> Decisions {
    let Decisions { bans, deleted, .. } = &mut decisions;
    bans.sort_unstable_by_key(|ban| (ban.prefix, std::cmp::Reverse(ban.seconds)));
    bans.dedup_by_key(|ban| ban.prefix);
    bans.shrink_to_fit();
    deleted.sort_unstable();
    deleted.dedup();
    decisions
}

/// What has come so far.
struct Reading<'a> {
    settings: &'a Settings,
    decisions: Decisions,
    /// Decisions of either list.
    count: usize,
    /// Our own error, on its way through the library.
    failed: Option<StreamErrorKind>,
}

impl Reading<'_> {
    fn new_one(&mut self, raw: &Raw) {
        self.decisions.received += 1;
        match raw.judge(self.settings) {
            Meant::Ban(ban) => self.decisions.bans.push(ban),
            Meant::NotUsed(why) => *self.decisions.not_used.entry(why).or_default() += 1,
            Meant::Skipped { text, reason } => {
                self.decisions.skipped_total += 1;
                if self.decisions.skipped.len() < SKIPPED_KEPT {
                    self.decisions.skipped.push(Skipped { number: self.count, text, reason });
                }
            }
        }
    }

    fn fail<E: Error>(&mut self, kind: StreamErrorKind) -> E {
        self.failed.get_or_insert(kind);
        E::custom("stopped")
    }

    fn not_crowdsec<E: Error>(&mut self, why: &str) -> E {
        self.fail(StreamErrorKind::NotCrowdsec { why: why.to_owned() })
    }
}

/// The object around both lists.
struct Answer<'r, 's>(&'r mut Reading<'s>);

impl<'de> DeserializeSeed<'de> for Answer<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Values that cannot stand here.
macro_rules! out_of_place {
    ($why:expr) => {
        fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
            Err(self.0.not_crowdsec($why))
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
            Err(self.0.not_crowdsec($why))
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
            Err(self.0.not_crowdsec($why))
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
            Err(self.0.not_crowdsec($why))
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
            Err(self.0.not_crowdsec($why))
        }
    };
}

impl<'de> Visitor<'de> for Answer<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    out_of_place!("it is not an object");
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Err(self.0.not_crowdsec("it is not an object"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.0.not_crowdsec("it is not an object"))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut new, mut deleted) = (false, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "new" if !new => {
                    new = true;
                    map.next_value_seed(List(self.0, true))?;
                }
                "deleted" if !deleted => {
                    deleted = true;
                    map.next_value_seed(List(self.0, false))?;
                }
                "new" | "deleted" => return Err(self.0.not_crowdsec("one of its lists appears twice")),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match new && deleted {
            true => Ok(()),
            // An object without them says nothing about what is banned; it must not be taken for "nothing is".
            false => Err(self.0.not_crowdsec("it does not have both lists, new and deleted")),
        }
    }
}

/// One list; the second value says whether it is that of new decisions.
struct List<'r, 's>(&'r mut Reading<'s>, bool);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of decisions")
    }
    out_of_place!("new or deleted is not a list");
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        // An empty list, as some of its versions write it.
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.0.not_crowdsec("new or deleted is not a list"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self(reading, is_new) = self;
        while let Some(raw) = seq.next_element::<Raw>()? {
            reading.count += 1;
            if reading.count > reading.settings.max_decisions {
                let limit = reading.settings.max_decisions;
                return Err(reading.fail(StreamErrorKind::TooMany { limit }));
            }
            if is_new {
                reading.new_one(&raw);
            } else if let Some(prefix) = raw.taken_back(reading.settings) {
                reading.decisions.deleted.push(prefix);
            }
        }
        Ok(())
    }
}

/// An input that ends as an error after so many bytes.
struct Bounded<'a, R> {
    input: R,
    left: u64,
    too_large: &'a Cell<bool>,
}

impl<R: BufRead> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        match self.left.checked_sub(length as u64) {
            Some(left) => {
                self.left = left;
                Ok(length)
            }
            None => {
                self.too_large.set(true);
                Err(io::Error::other("too large"))
            }
        }
    }
}
