//! An element of a set of addresses, as `nft -j` prints it (libnftables-json(5)): the one place that knows its forms.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::ban::hits::Counter;

/// One element: `"192.0.2.1"`, `{"prefix": {"addr", "len"}}`, `{"range": [from, to]}`, or one of these as `val` in
/// `{"elem": {"val", "counter": {"packets", "bytes"}}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printed {
    /// The addresses.
    pub span: Span,
    /// What was counted of it; zero where it has no counter.
    pub counter: Counter,
}

/// The addresses of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// An address or a network, host bits as they were printed.
    Net(IpNet),
    /// First and last address, of whatever families and order: older versions print neighbors together.
    Range(IpAddr, IpAddr),
}

impl From<Span> for Printed {
    fn from(span: Span) -> Self {
        Self { span, counter: Counter::default() }
    }
}

#[derive(Deserialize)]
struct PrefixBody {
    addr: IpAddr,
    len: u8,
}

#[derive(Deserialize)]
struct ElementBody {
    val: Printed,
    #[serde(default)]
    counter: Counter,
}

impl<'de> Deserialize<'de> for Printed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyForm)
    }
}

struct AnyForm;

impl<'de> Visitor<'de> for AnyForm {
    type Value = Printed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element of a set of addresses")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Printed, E> {
        let address: IpAddr = text.parse().map_err(E::custom)?;
        Ok(Span::Net(address.into()).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Printed, A::Error> {
        let mut found: Option<Printed> = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "elem" => {
                    let body: ElementBody = map.next_value()?;
                    found = Some(Printed { counter: body.counter, ..body.val });
                }
                "prefix" => {
                    let body: PrefixBody = map.next_value()?;
                    let net = IpNet::new(body.addr, body.len).map_err(Error::custom)?;
                    found = Some(Span::Net(net).into());
                }
                "range" => {
                    let (from, to) = map.next_value()?;
                    found = Some(Span::Range(from, to).into());
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        found.ok_or_else(|| Error::custom("an element without a value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_an_unknown_one_is_an_error() {
        let read = |json: &str| serde_json::from_str::<Printed>(json).ok();
        let net = |text: &str| Some(Span::Net(text.parse().unwrap()).into());
        assert_eq!(read(r#""185.53.88.78""#), net("185.53.88.78/32"));
        assert_eq!(read(r#"{"prefix": {"addr": "2a06:4880::", "len": 32}}"#), net("2a06:4880::/32"));
        let range = Span::Range("5.188.11.4".parse().unwrap(), "5.188.11.6".parse().unwrap());
        assert_eq!(read(r#"{"range": ["5.188.11.4", "5.188.11.6"]}"#), Some(range.into()));
        let counted = r#"{"elem": {"val": {"range": ["5.188.11.4", "5.188.11.6"]}, "counter": {"packets": 7, "bytes": 9}}}"#;
        assert_eq!(read(counted), Some(Printed { span: range, counter: Counter { packets: 7, bytes: 9 } }));
        for unknown in [
            r#""host.example.com""#,
            r#"{"concat": []}"#,
            "7",
            r#"{"prefix": {"addr": "1.1.1.1", "len": 33}}"#,
        ] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }
}
