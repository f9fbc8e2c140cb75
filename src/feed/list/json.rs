//! Lists in JSON: a value a line, or one array or object in all, read without being held in memory whole.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::collect::Collector;
use super::entry::{self, Reason};
use super::error::{ListErrorKind, shown};
use super::lines::Lines;
use super::{Column, Settings};
use crate::system::hash;

/// Steps of a path that count.
const MAX_STEPS: usize = 6;

/// A field that holds addresses.
struct Field<'a> {
    /// Its own name, of a path `data.ipAddress`.
    name: &'a str,
    /// Where the objects with it may stand, where the setting is a path; else empty.
    places: Vec<u64>,
}

/// The fields of these names or paths; of a single name its twin of the other family, too.
fn fields_of<S: AsRef<str>>(names: &[S]) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = names
        .iter()
        .map(|name| Field { name: last_of(name.as_ref()), places: places_of(name.as_ref()) })
        .collect();
    if let [only] = fields.as_slice()
        && only.places.is_empty()
        && let Some(name) = twin(only.name)
    {
        fields.push(Field { name, places: Vec::new() });
    }
    fields
}

/// What a walk through a value needs to know.
struct Walk<'a> {
    fields: &'a [Field<'a>],
    score: Option<(&'a str, f64)>,
    collector: &'a mut Collector,
    /// Which line the reader has come to.
    line: &'a Cell<u64>,
    /// An error of the collector, on its way through the library.
    failed: Option<ListErrorKind>,
    /// Objects that had the field, and that had it not.
    with: usize,
    without: usize,
    /// In which array each field was found first.
    records: Vec<Option<u64>>,
    /// An entry of the whole text's own object: it counts where no array has records.
    held: Option<String>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place {
    /// A number for its path: the keys that lead to it, the elements of an array all alike.
    path: u64,
    /// Whether it stands around everything: the whole text, or a member of such an object.
    is_around: bool,
    /// Whether it is an element of an array: then an object there is a record.
    is_record: bool,
    /// Whether it is the whole text.
    is_root: bool,
}

impl Place {
    const ROOT: Self = Self { path: 0, is_around: true, is_record: false, is_root: true };

    fn element(self) -> Self {
        Self {
            path: hash::fnv1a(self.path.to_le_bytes().into_iter().chain(*b"[]")),
            is_around: false,
            is_record: true,
            is_root: false,
        }
    }

    fn member(self, key: &str) -> Self {
        let path = self.path.to_le_bytes().into_iter().chain(*b".").chain(key.bytes());
        Self { path: hash::fnv1a(path), is_around: self.is_around, is_record: false, is_root: false }
    }
}

/// Members that hold who asked, or who is not to be blocked, and never what the list is about.
fn is_aside(key: &str) -> bool {
    const KEYS: [&str; 10] = [
        "request",
        "requester",
        "client",
        "whitelist",
        "whitelisted",
        "allowlist",
        "allowed",
        "exceptions",
        "excluded",
        "exclude",
    ];
    KEYS.iter().any(|known| key.eq_ignore_ascii_case(known))
}

/// The field's own name, of a path `data.ipAddress`.
fn last_of(field: &str) -> &str {
    field.rsplit('.').next().unwrap_or(field)
}

/// Where the objects stand that a path leads to: what it names may be an object, or an array of them at each step.
fn places_of(field: &str) -> Vec<u64> {
    let Some((path, _)) = field.rsplit_once('.') else { return Vec::new() };
    let mut places = vec![Place::ROOT, Place::ROOT.element()];
    for step in path.split('.').take(MAX_STEPS) {
        places =
            places.into_iter().flat_map(|place| [place.member(step), place.member(step).element()]).collect();
    }
    places.into_iter().map(|place| place.path).collect()
}

/// The field of the other family, where a publisher has two.
fn twin(field: &str) -> Option<&'static str> {
    match field {
        "ip_prefix" => Some("ipv6_prefix"),
        "ipv4Prefix" => Some("ipv6Prefix"),
        "ipv4" => Some("ipv6"),
        _ => None,
    }
}

/// Reads a value a line. Lines without the field (Spamhaus' last one, with the licence) are passed over.
pub(super) fn read_lines(
    input: impl BufRead,
    names: &[String],
    settings: &Settings,
    collector: &mut Collector,
) -> Result<(), ListErrorKind> {
    let mut lines = Lines::new(input);
    let at = Cell::new(0);
    let score = score(settings);
    let fields = fields_of(names);
    let (mut with, mut without) = (0, 0);
    while let Some(line) = lines.next()? {
        collector.at(line.number);
        at.set(line.number);
        let text = line.bytes.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") || text.starts_with(b"//") {
            continue;
        }
        if line.is_cut {
            collector.refuse(line.number, text, Reason::TooLong)?;
            continue;
        }
        let mut walk = Walk {
            fields: &fields,
            score,
            collector,
            line: &at,
            failed: None,
            with: 0,
            without: 0,
            records: vec![None; fields.len()],
            held: None,
        };
        let mut json = serde_json::Deserializer::from_slice(text);
        let result = Value { walk: &mut walk, taking: true, at: Place::ROOT, holding: false }
            .deserialize(&mut json)
            .and_then(|()| json.end());
        if let Some(failed) = walk.failed {
            return Err(failed);
        }
        (with, without) = (with + walk.with, without + walk.without);
        match result {
            Ok(()) => {}
            Err(error) if error.is_eof() && !line.has_end => {
                return Err(ListErrorKind::CutOff {
                    why: format!("line {} ends in the middle", line.number),
                });
            }
            Err(_) => collector.refuse(line.number, text, Reason::NotText)?,
        }
        if let Some(records) = records(text).filter(|_| without > 0) {
            collector.announced = Some(records);
        }
    }
    place(names, with, without)
}

/// The number in Spamhaus' line about the list itself.
fn records(line: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        r#type: String,
        records: u64,
    }
    let is_short = line.len() < 2_000 && line.starts_with(b"{\"type\"");
    let metadata: Metadata = serde_json::from_slice(line).ok().filter(|_| is_short)?;
    (metadata.r#type == "metadata").then_some(metadata.records)
}

/// Reads one value.
pub(super) fn read(
    input: impl BufRead,
    names: &[String],
    settings: &Settings,
    collector: &mut Collector,
) -> Result<(), ListErrorKind> {
    let line = Cell::new(1);
    let last = Cell::new([0; 32]);
    let input = Counted { input, line: &line, last: &last };
    let fields = fields_of(names);
    let mut walk = Walk {
        fields: &fields,
        score: score(settings),
        collector,
        line: &line,
        failed: None,
        with: 0,
        without: 0,
        records: vec![None; fields.len()],
        held: None,
    };
    let mut json = serde_json::Deserializer::from_reader(input);
    let result = Value { walk: &mut walk, taking: true, at: Place::ROOT, holding: false }
        .deserialize(&mut json)
        .and_then(|()| json.end());
    let (with, without) = (walk.with, walk.without);
    if let Some(failed) = walk.failed {
        return Err(failed);
    }
    collector.at(line.get());
    match result {
        Ok(()) => place(names, with, without),
        Err(error) if error.is_eof() => {
            Err(ListErrorKind::CutOff { why: format!("the JSON ends in the middle, in line {}", line.get()) })
        }
        Err(error) if error.is_io() => Err(ListErrorKind::Io(error.into())),
        Err(error) => {
            let (why, bytes) = (error.to_string(), last.get());
            let seen = bytes.iter().position(|b| *b != 0).map_or(&bytes[..0], |at| &bytes[at..]);
            Err(ListErrorKind::Json { line: line.get(), text: shown(seen), why: shown(why.as_bytes()) })
        }
    }
}

fn score(settings: &Settings) -> Option<(&str, f64)> {
    match (&settings.score_column, settings.min_score) {
        (Some(Column::Name(name)), Some(least)) => Some((name, least)),
        (_, Some(least)) => Some(("score", least)),
        _ => None,
    }
}

/// An error where objects came, and none had a field.
fn place(names: &[String], with: usize, without: usize) -> Result<(), ListErrorKind> {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match with == 0 && without > 0 {
        true => Err(ListErrorKind::NoPlace { what: format!("field {}", quoted.join(" or ")), how: "field" }),
        false => Ok(()),
    }
}

/// Any value: texts are entries where `taking`, objects are searched for the field.
struct Value<'w, 'a> {
    walk: &'w mut Walk<'a>,
    taking: bool,
    at: Place,
    /// Whether a text waits for the end of the whole.
    holding: bool,
}

impl Value<'_, '_> {
    fn take<E: Error>(self, text: &str) -> Result<(), E> {
        if !self.taking {
            return Ok(());
        }
        if self.holding {
            self.walk.held = Some(text.to_owned());
            return Ok(());
        }
        self.walk.take(text).map_err(|kind| self.walk.fail(kind))
    }

    fn refuse<E: Error>(self, shown: &str) -> Result<(), E> {
        if !self.taking {
            return Ok(());
        }
        let line = self.walk.line.get();
        let skipped = self.walk.collector.refuse(line, shown.as_bytes(), Reason::NotText);
        skipped.map_err(|kind| self.walk.fail(kind))
    }
}

/// The address of a pattern of STIX, `[ipv4-addr:value = '192.0.2.1']`; any other text is what it is.
fn of_pattern(text: &str) -> &str {
    let address = ["[ipv4-addr:value", "[ipv6-addr:value"].iter().find_map(|begin| {
        let quoted =
            text.strip_prefix(begin)?.trim_start().strip_prefix('=')?.trim_start().strip_prefix('\'')?;
        quoted.strip_suffix("']")
    });
    address.filter(|address| !address.contains('\'')).unwrap_or(text)
}

/// What CrowdSec says of one address: `cscli decisions list -o json`.
#[derive(Default)]
struct Decision {
    kind: Option<String>,
    duration: Option<String>,
    has_scope: bool,
}

impl Decision {
    /// Whether this is a decision that does not ban, or no longer does.
    fn bans_not(&self) -> bool {
        let kind = self.kind.as_deref().filter(|_| self.has_scope);
        kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("ban"))
            || (kind.is_some()
                && self.duration.as_deref().is_some_and(|left| left.trim_start().starts_with('-')))
    }
}

impl Walk<'_> {
    /// Whether a path of the settings leads to a member of an object.
    fn is_by_path(&self, at: Place, key: &str) -> bool {
        self.fields.iter().any(|field| key == field.name && field.places.contains(&at.path))
    }

    /// Whether a member of an object is the field, in a record, and in the same array as all others.
    fn is_of_the_list(&mut self, at: Place, key: &str) -> bool {
        if self.is_by_path(at, key) {
            return true;
        }
        let which = self.fields.iter().position(|field| key == field.name && field.places.is_empty());
        let Some(which) = which else { return false };
        match at {
            Place { is_around: true, .. } => self.records[which].is_none(),
            Place { is_record: false, .. } => false,
            Place { path, .. } => *self.records[which].get_or_insert(path) == path,
        }
    }

    fn take(&mut self, text: &str) -> Result<(), ListErrorKind> {
        let bytes = of_pattern(text.trim()).as_bytes();
        self.collector.take(self.line.get(), bytes, |out| entry::read(bytes, out))
    }

    fn fail<E: Error>(&mut self, kind: ListErrorKind) -> E {
        self.failed.get_or_insert(kind);
        E::custom("stopped")
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(text)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.refuse(&value.to_string())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.refuse(&value.to_string())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.refuse(&value.to_string())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.refuse(&value.to_string())
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let at = self.at.element();
        while seq
            .next_element_seed(Value { walk: &mut *self.walk, taking: self.taking, at, holding: false })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        let Place { is_root, is_around, .. } = self.at;
        // With a score, an entry waits for the end of its object: the score may stand behind it.
        let (mut waiting, mut points) = (Vec::<Scalar>::new(), None::<f64>);
        // Whether a value is one of a decision that bans is known at the end, too.
        let mut decision = Decision::default();
        let waits = self.walk.score.is_some()
            || (self.at.is_record && self.walk.fields.iter().any(|field| field.name == "value"));
        while let Some(key) = map.next_key::<String>()? {
            let at = self.at.member(&key);
            if self.walk.score.is_some_and(|(name, _)| name == key) {
                points = map.next_value::<Scalar>()?.number();
            } else if self.at.is_record && key == "type" {
                decision.kind = map.next_value::<Scalar>()?.text().map(str::to_owned);
            } else if self.at.is_record && key == "duration" {
                decision.duration = map.next_value::<Scalar>()?.text().map(str::to_owned);
            } else if self.at.is_record && key == "scope" {
                decision.has_scope = true;
                map.next_value::<IgnoredAny>()?;
            } else if is_aside(&key) {
                map.next_value::<IgnoredAny>()?;
            } else if !self.walk.is_of_the_list(self.at, &key) {
                map.next_value_seed(Value { walk: &mut *self.walk, taking: false, at, holding: false })?;
            } else if waits {
                found = true;
                waiting.push(map.next_value()?);
            } else {
                found = true;
                // Where the setting says the place, it is no guess.
                let holding = is_around && !self.walk.is_by_path(self.at, &key);
                map.next_value_seed(Value { walk: &mut *self.walk, taking: true, at, holding })?;
            }
        }
        if let Some(text) = self.walk.held.take_if(|_| is_root) {
            let walk = &mut *self.walk;
            let done = match walk.records.iter().all(Option::is_none) {
                true => walk.take(&text),
                // It is about who asked, or about the list.
                false => walk.collector.refuse(walk.line.get(), text.as_bytes(), Reason::Unaccounted),
            };
            done.map_err(|kind| self.walk.fail(kind))?;
        }
        let walk = self.walk;
        if found {
            walk.with += 1;
        } else {
            walk.without += 1;
        }
        for value in waiting {
            let line = walk.line.get();
            let text = value.text();
            let least = walk.score.map(|(_, least)| least);
            let done = match (points, least) {
                _ if decision.bans_not() => {
                    walk.collector.refuse(line, text.unwrap_or_default().as_bytes(), Reason::Exception)
                }
                (None, Some(_)) => {
                    walk.collector.refuse(line, text.unwrap_or_default().as_bytes(), Reason::NoScore)
                }
                (Some(points), Some(least)) if points < least => {
                    walk.collector.leave_out();
                    Ok(())
                }
                _ => match text {
                    Some(text) => walk.take(text),
                    None => walk.collector.refuse(line, b"", Reason::NotText),
                },
            };
            done.map_err(|kind| walk.fail(kind))?;
        }
        Ok(())
    }
}

/// A value that is held until its object ends. What an array or an object in its place holds is passed over: that
/// may be the whole list.
enum Scalar {
    Text(String),
    Number(f64),
    Other,
}

impl Scalar {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Other => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Number(number) => Some(*number),
            Self::Other => None,
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl<'de> Visitor<'de> for AnyScalar {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(value as f64))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(value as f64))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar::Number(value))
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

/// Counts lines, and remembers the last bytes for the error.
struct Counted<'a, R> {
    input: R,
    line: &'a Cell<u64>,
    last: &'a Cell<[u8; 32]>,
}

impl<R: BufRead> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        for byte in &buffer[..length] {
            let mut last = self.last.get();
            last.rotate_left(1);
            last[31] = *byte;
            self.last.set(last);
            if *byte == b'\n' {
                self.line.set(self.line.get() + 1);
            }
        }
        Ok(length)
    }
}
