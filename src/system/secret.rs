//! The key of a feed, in a type that does not print itself.
//!
//! A key that reaches a log, a ticket or a screenshot must be replaced by hand at the feed's
//! maker, so nothing here shows it: not `{}`, not `{:?}`, not an error about its type. The one way
//! to the text is [`Secret::expose`], which is easy to search for.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What is shown in the place of a secret.
pub const MASK: &str = "***";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text into keeping, as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the place that sends it and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `text` with every occurrence of the secret replaced by `***`, percent-encoded ones too.
    ///
    /// Texts of other libraries pass through here before they are shown. Scrub before shortening:
    /// half a key is no longer found.
    pub fn scrub(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for form in self.forms() {
            if clean.contains(&form) {
                clean = clean.replace(&form, MASK);
            }
        }
        clean
    }

    /// Whether `text` holds the secret in a form that [`scrub`](Self::scrub) replaces.
    pub fn is_in(&self, text: &str) -> bool {
        self.forms().iter().any(|form| text.contains(form))
    }

    /// The secret as it may be written in a text: plain, in a URL's path, in a URL's query or a
    /// form, and with everything encoded that can be, in either case of the digits. The longest
    /// first, so that no form leaves the tail of another.
    fn forms(&self) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let encode = |keep: &dyn Fn(u8) -> bool, upper: bool| -> String {
            self.0.bytes().fold(String::new(), |mut out, byte| {
                if byte.is_ascii_alphanumeric() || keep(byte) {
                    out.push(char::from(byte));
                } else if upper {
                    out.push_str(&format!("%{byte:02X}"));
                } else {
                    out.push_str(&format!("%{byte:02x}"));
                }
                out
            })
        };
        // What the URL standard leaves as it is in a path segment.
        let path = |byte: u8| byte.is_ascii_graphic() && !b"\"#%/<>?\\^`{}".contains(&byte);
        let unreserved = |byte: u8| b"-._~".contains(&byte);
        let mut forms = vec![self.0.clone()];
        for upper in [true, false] {
            forms.push(encode(&path, upper));
            let strict = encode(&unreserved, upper);
            forms.push(strict.replace("%20", "+"));
            forms.push(strict);
        }
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        forms
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(MASK)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Reads a text only. The answer to every other type is the same sentence, since serde's own would
/// repeat the value (``invalid type: integer `12345` ``).
///
/// A TOML error shown with `{}` quotes the line of the file, the key on it included: show its
/// `message()` and the line's number instead.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnlyText)
    }
}

struct OnlyText;

fn no_text<E: Error>() -> E {
    E::custom("must be a text in quotes (its value is not shown here)")
}

impl<'de> Visitor<'de> for OnlyText {
    type Value = Secret;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text in quotes")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }
    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret(text))
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(no_text())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(no_text())
    }
    fn visit_i128<E: Error>(self, _: i128) -> Result<Secret, E> {
        Err(no_text())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(no_text())
    }
    fn visit_u128<E: Error>(self, _: u128) -> Result<Secret, E> {
        Err(no_text())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(no_text())
    }
    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Secret, E> {
        Err(no_text())
    }
    fn visit_unit<E: Error>(self) -> Result<Secret, E> {
        Err(no_text())
    }
    fn visit_none<E: Error>(self) -> Result<Secret, E> {
        Err(no_text())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(no_text())
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(no_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    struct Holder {
        key: Secret,
    }

    #[test]
    fn a_secret_prints_as_three_stars_in_every_way() {
        let holder = Holder { key: Secret::new("s3cr3t-KEY") };
        assert_eq!(format!("{0} {0:?} {0:#?} {0:>10}", holder.key), "*** *** *** ***");
        assert_eq!(format!("{holder:?}"), "Holder { key: *** }");
        assert_eq!(holder.key.expose(), "s3cr3t-KEY");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_not_repeated_in_the_error() {
        for value in ["4711471147114711", "4711.5", "true", "[4711]", "{ a = 4711 }", "1979-05-27"] {
            let error = toml::from_str::<Holder>(&format!("key = {value}")).expect_err(value);
            let message = error.message();
            assert!(message.contains("must be a text in quotes"), "{value}: {message}");
            assert!(!message.contains("47") && !message.contains("1979"), "{message}");
        }
        for value in ["4711471147114711", "-4711", "4711.5", "true", "null", "[4711]", r#"{"a":4711}"#] {
            let error = serde_json::from_str::<Holder>(&format!(r#"{{"key":{value}}}"#)).expect_err(value);
            assert!(!error.to_string().contains("47"), "{error}");
        }
        assert_eq!(toml::from_str::<Holder>("key = 'abc'").expect("a text").key.expose(), "abc");
    }

    #[test]
    fn scrubbing_finds_the_key_plain_and_in_every_encoding_of_urls() {
        let key = Secret::new("a b/c+d~e|é");
        for form in [
            "a b/c+d~e|é",
            "a%20b%2Fc+d~e|%C3%A9",
            "a%20b%2fc+d~e|%c3%a9",
            "a%20b%2Fc%2Bd~e%7C%C3%A9",
            "a+b%2Fc%2Bd~e%7C%C3%A9",
        ] {
            let text = format!("GET https://example.com/{form}/banned/100, {form}");
            assert!(key.is_in(&text), "{form}");
            assert_eq!(key.scrub(&text), "GET https://example.com/***/banned/100, ***");
        }
        let mut url = reqwest::Url::parse("https://example.com/api").expect("a URL");
        url.path_segments_mut().expect("a path").push(key.expose());
        assert_eq!(key.scrub(url.as_str()), "https://example.com/api/***");
        assert_eq!(key.scrub("nothing of it"), "nothing of it");
    }

    #[test]
    fn an_empty_secret_scrubs_nothing() {
        assert_eq!(Secret::new("").scrub("as it was"), "as it was");
        assert!(!Secret::new("").is_in("as it was"));
    }
}
