//! A span of time as it is written in the configuration.

use std::fmt;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time, written `7d`, `4h`, `90s`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(Duration);

impl Period {
    /// Whole seconds.
    pub const fn seconds(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// The period as the standard library's duration.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// Whole seconds, for arithmetic with times of the ledger.
    pub fn as_secs(self) -> i64 {
        i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        match secs {
            0 => write!(f, "0s"),
            _ if secs.is_multiple_of(86_400) => write!(f, "{}d", secs / 86_400),
            _ if secs.is_multiple_of(3_600) => write!(f, "{}h", secs / 3_600),
            _ if secs.is_multiple_of(60) => write!(f, "{}m", secs / 60),
            _ => write!(f, "{secs}s"),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |text: &str| {
            serde::de::Error::custom(format!(
                "{text:?} is not a duration. Write it like \"7d\", \"4h\" or \"90s\""
            ))
        };
        let text = String::deserialize(deserializer)?;
        let span: Span = text.parse().map_err(|_| wrong(&text))?;
        let days = SpanRelativeTo::days_are_24_hours();
        let duration = span.to_duration(days).map_err(|_| wrong(&text))?;
        Duration::try_from(duration).map(Self).map_err(|_| wrong(&text))
    }
}
