//! Reads the body of an answer of the apiban API, without a judgement.
//!
//! Server and body are anybody's, so nothing here trusts a type, a length or a depth: what is not
//! as documented is told apart by name, and one bad element does not cost the batch.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The most entries taken from one answer, 200 times what apiban sends. It bounds what an 8 MiB
/// answer of empty texts can cost in memory.
pub const MAX_ENTRIES: usize = 50_000;

/// One element of a batch, as the feed said it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RawEntry {
    /// A text. It may be anything at all: any length, any characters.
    Text(String),
    /// Not a text, and so no address: what stood there, shortened, to be counted and shown as
    /// refused.
    NotText(String),
}

impl RawEntry {
    /// The text to be judged; none where the element was no text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::NotText(_) => None,
        }
    }

    /// What to show of it. Shorten and escape it with [`one_line`] first.
    pub fn shown(&self) -> &str {
        match self {
            Self::Text(text) | Self::NotText(text) => text,
        }
    }
}

/// An answer's body in the API's form.
pub(super) struct Body {
    pub(super) addresses: Addresses,
    pub(super) id: Id,
}

pub(super) enum Addresses {
    Missing,
    Text(String),
    List(Vec<RawEntry>),
    Wrong,
    TooMany,
}

pub(super) enum Id {
    Missing,
    Text(String),
    Wrong,
}

/// Why a body is not in the API's form.
pub(super) enum BadBody {
    Empty,
    Html,
    CutOff,
    NoJson,
}

impl BadBody {
    pub(super) fn in_words(&self) -> &'static str {
        match self {
            Self::Empty => "the answer is empty",
            Self::Html => {
                "a web page instead of the list. A web filter, a proxy or a login page may be the cause"
            }
            Self::CutOff => "the answer is cut off",
            Self::NoJson => "the answer is not in apiban's form (a JSON object)",
        }
    }
}

impl Body {
    pub(super) fn read(body: &[u8]) -> Result<Self, BadBody> {
        match body.trim_ascii_start() {
            [] => return Err(BadBody::Empty),
            [b'<', ..] => return Err(BadBody::Html),
            _ => {}
        }
        serde_json::from_slice(body).map_err(
            |error| {
                if error.is_eof() { BadBody::CutOff } else { BadBody::NoJson }
            },
        )
    }

    /// The message in the place of addresses, in either form the API uses; empty if there is none.
    pub(super) fn words(&self) -> &str {
        match &self.addresses {
            Addresses::Text(text) => text.trim(),
            Addresses::List(list) => match list.as_slice() {
                [RawEntry::Text(text)] => text.trim(),
                _ => "",
            },
            Addresses::Missing | Addresses::Wrong | Addresses::TooMany => "",
        }
    }

    pub(super) fn id(&self) -> &str {
        match &self.id {
            Id::Text(id) => id.trim(),
            Id::Missing | Id::Wrong => "",
        }
    }
}

// By hand and not derived: a derived one takes an array for the object, fails as a whole where one
// element is no text, and repeats the server's words in its errors.
impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TheObject;
        impl<'de> Visitor<'de> for TheObject {
            type Value = Body;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
                let mut said = Body { addresses: Addresses::Missing, id: Id::Missing };
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "ipaddress" => said.addresses = map.next_value()?,
                        "ID" => said.id = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(said)
            }
        }
        deserializer.deserialize_map(TheObject)
    }
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(Anything)? {
            Value::Text(text) => Self::Text(text),
            Value::List(Some(list)) => Self::List(list),
            Value::List(None) => Self::TooMany,
            Value::Other(_) => Self::Wrong,
        })
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(Anything)? {
            Value::Text(text) => Self::Text(text),
            Value::Other(other) if other == "null" => Self::Missing,
            Value::Other(other) if other.bytes().any(|b| b.is_ascii_digit()) => Self::Text(other),
            Value::List(_) | Value::Other(_) => Self::Wrong,
        })
    }
}

impl<'de> Deserialize<'de> for RawEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(Element)? {
            Value::Text(text) => Self::Text(text),
            Value::Other(other) => Self::NotText(other),
            Value::List(_) => Self::NotText("[...]".into()),
        })
    }
}

/// Any JSON value, told apart as far as this API needs it.
enum Value {
    Text(String),
    /// None where it has more than [`MAX_ENTRIES`] elements.
    List(Option<Vec<RawEntry>>),
    /// As it is written, an object as `{...}`.
    Other(String),
}

/// Reads a value, lists with their elements.
struct Anything;
/// Reads a value inside a list; a list within is passed over, so that nothing nests.
struct Element;

macro_rules! other_values {
    () => {
        type Value = Value;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a value")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
            Ok(Value::Text(text.to_owned()))
        }
        fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
            Ok(Value::Text(text))
        }
        fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
            Ok(Value::Other(value.to_string()))
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
            Ok(Value::Other(value.to_string()))
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
            Ok(Value::Other(value.to_string()))
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
            // Written out, five bytes such as 1e308 are three hundred.
            let plain = value.to_string();
            Ok(Value::Other(if plain.len() > 24 { format!("{value:e}") } else { plain }))
        }
        fn visit_unit<E: Error>(self) -> Result<Value, E> {
            Ok(Value::Other("null".into()))
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Value::Other("{...}".into()))
        }
    };
}

impl<'de> Visitor<'de> for Anything {
    other_values!();
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            if entries.len() == MAX_ENTRIES {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Value::List(None));
            }
            entries.push(entry);
        }
        Ok(Value::List(Some(entries)))
    }
}

impl<'de> Visitor<'de> for Element {
    other_values!();
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::List(None))
    }
}
