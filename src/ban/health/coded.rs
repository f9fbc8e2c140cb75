//! What is said, as a code and its values: whoever shows it in another language, or with buttons in place of commands, has
//! a sentence of its own for each code.

use serde::Serialize;

use super::{Blocks, Hindrance};
use crate::ban::Prefix;
use crate::system::time::Time;

/// A code, and the values of its sentence. Fields that a code does not have are none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coded {
    /// Which sentence: a word that stays the same.
    pub code: &'static str,
    /// A feed's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<String>,
    /// A moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// How many of what the sentence is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
    /// The limit that the number is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// What blocks all the same: `nothing`, `set`, `rules`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Blocks>,
    /// Protected addresses that are listed, as far as they are named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<Named>,
    /// What somebody else said, such as a feed's error: as it is, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A protected address or network that feeds list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Which.
    pub address: Prefix,
    /// Why it is protected.
    pub why: String,
    /// Who lists it.
    pub feeds: Vec<String>,
}

impl Coded {
    /// A code without values.
    pub fn new(code: &'static str) -> Self {
        Self { code, ..Self::default() }
    }

    /// With a feed's name.
    pub fn feed(self, name: &str) -> Self {
        Self { feed: Some(name.to_owned()), ..self }
    }

    /// With a moment, in seconds since 1970.
    pub fn at(self, at: Option<i64>) -> Self {
        Self { at: at.map(Time), ..self }
    }

    /// With a number.
    pub fn number(self, number: usize) -> Self {
        Self { number: Some(number), ..self }
    }

    /// With what blocks all the same.
    pub fn blocks(self, blocks: Blocks) -> Self {
        Self { blocks: Some(blocks), ..self }
    }

    /// With what somebody else said.
    pub fn detail(self, text: Option<&str>) -> Self {
        Self { detail: text.map(str::to_owned), ..self }
    }
}

impl Hindrance {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Disabled => "firewall_disabled",
            Self::NotRunning => "firewall_not_running",
            Self::Paused => "firewall_paused",
            Self::SafeMode => "firewall_safe_mode",
        }
    }
}
