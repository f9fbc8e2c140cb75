//! One decision: an object of texts, of which four matter here. What is no text, or too long to be one of these, is
//! passed over without being held.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Ban, NotUsed, Settings, duration};
use crate::ban::Prefix;
use crate::system::text::one_line;

/// The most bytes of a text that are kept; no address, scope or duration is as long.
const KEPT: usize = 100;
/// The most characters of a refused decision that are shown.
const SHOWN: usize = 80;

/// A decision as it was said.
#[derive(Debug, Default)]
pub(super) struct Raw {
    is_object: bool,
    value: Body,
    scope: Body,
    kind: Body,
    origin: Body,
    duration: Body,
}

/// What a decision means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant {
    Ban(Ban),
    NotUsed(NotUsed),
    Skipped { text: String, reason: String },
}

impl Raw {
    /// Judges a new decision.
    pub(super) fn judge(&self, settings: &Settings) -> Meant {
        if let Some(why) = self.not_used(settings) {
            return Meant::NotUsed(why);
        }
        let prefix = match self.prefix(settings) {
            Ok(prefix) => prefix,
            Err(reason) => return self.skipped(reason),
        };
        match self.duration.text().and_then(duration::seconds) {
            None => self.skipped(format!("invalid duration ({})", self.duration.shown())),
            Some(seconds) if seconds <= 0 => Meant::NotUsed(NotUsed::Over),
            Some(seconds) => Meant::Ban(Ban { prefix, seconds }),
        }
    }

    /// What a decision that was taken back was about; none where it was never one for us.
    pub(super) fn taken_back(&self, settings: &Settings) -> Option<Prefix> {
        match self.not_used(settings) {
            None => self.prefix(settings).ok(),
            Some(_) => None,
        }
    }

    fn not_used(&self, settings: &Settings) -> Option<NotUsed> {
        let is = |said: &Body, word: &str| said.text().is_some_and(|text| text.eq_ignore_ascii_case(word));
        if !self.is_object {
            return None;
        }
        // What has no scope or type at all is no decision, and is refused for what it lacks.
        if self.scope.text().is_some() && !is(&self.scope, "ip") && !is(&self.scope, "range") {
            return Some(NotUsed::Scope);
        }
        if self.kind.text().is_some() && !is(&self.kind, "ban") {
            return Some(NotUsed::Kind);
        }
        let asked = settings.origins.is_empty() || settings.origins.iter().any(|one| is(&self.origin, one));
        (!asked).then_some(NotUsed::Origin)
    }

    fn prefix(&self, settings: &Settings) -> Result<Prefix, String> {
        if !self.is_object {
            return Err("not a decision".to_owned());
        }
        for (said, name) in [(&self.scope, "scope"), (&self.kind, "type"), (&self.value, "value")] {
            if said.text().is_none() {
                return Err(format!("{name} is missing"));
            }
        }
        let prefix: Prefix = match self.value.text().unwrap_or_default().parse() {
            Ok(prefix) => prefix,
            Err(error) => return Err(crate::ban::prefix::PrefixError::to_string(&error)),
        };
        settings.widest.check(&prefix).map_err(|error| error.to_string())?;
        Ok(prefix)
    }

    fn skipped(&self, reason: String) -> Meant {
        Meant::Skipped { text: self.value.shown(), reason }
    }
}

/// A value in the place of a text.
#[derive(Debug, Default)]
enum Body {
    #[default]
    Missing,
    Text(String),
    /// Its beginning.
    Long(String),
    Other,
}

impl Body {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            // Too long for any that is meant, and so another one.
            Self::Long(text) => Some(text),
            Self::Missing | Self::Other => None,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => one_line(text, SHOWN).into_owned(),
            Self::Long(text) => one_line(&format!("{text}..."), SHOWN).into_owned(),
            Self::Missing => "nothing".to_owned(),
            Self::Other => "not text".to_owned(),
        }
    }

    fn of(text: &str) -> Self {
        if text.len() <= KEPT {
            return Self::Text(text.to_owned());
        }
        let end = (0..=KEPT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        Self::Long(text[..end].to_owned())
    }
}

/// Values that are neither a text nor an object, passed over.
macro_rules! passed_over {
    ($value:ty, $other:expr) => {
        fn visit_bool<E: Error>(self, _: bool) -> Result<$value, E> {
            Ok($other)
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<$value, E> {
            Ok($other)
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<$value, E> {
            Ok($other)
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<$value, E> {
            Ok($other)
        }
        fn visit_unit<E: Error>(self) -> Result<$value, E> {
            Ok($other)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<$value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok($other)
        }
    };
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Body;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Body, E> {
                Ok(Body::of(text))
            }
            passed_over!(Body, Body::Other);
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Body::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decision")
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Raw, E> {
                Ok(Raw::default())
            }
            passed_over!(Raw, Raw::default());
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut raw = Raw { is_object: true, ..Raw::default() };
                while let Some(Key(key)) = map.next_key()? {
                    match key {
                        Some(Place::Value) => raw.value = map.next_value()?,
                        Some(Place::Scope) => raw.scope = map.next_value()?,
                        Some(Place::Kind) => raw.kind = map.next_value()?,
                        Some(Place::Origin) => raw.origin = map.next_value()?,
                        Some(Place::Duration) => raw.duration = map.next_value()?,
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(raw)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The fields that matter.
enum Place {
    Value,
    Scope,
    Kind,
    Origin,
    Duration,
}

/// A field's name, without holding it.
struct Key(Option<Place>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
                Ok(Key(match name {
                    "value" => Some(Place::Value),
                    "scope" => Some(Place::Scope),
                    "type" => Some(Place::Kind),
                    "origin" => Some(Place::Origin),
                    "duration" => Some(Place::Duration),
                    _ => None,
                }))
            }
        }
        deserializer.deserialize_str(Name)
    }
}
