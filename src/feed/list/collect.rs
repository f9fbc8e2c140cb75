//! Where the entries of a list come together, with the counts of what was not taken.

use std::collections::BTreeMap;

use super::Settings;
use super::entry::Reason;
use super::error::{ListErrorKind, shown};
use crate::ban::Prefix;
use crate::ban::cover::Cover;
use crate::ban::width::Widest;

/// Skipped entries that are kept with their text; all are counted.
const SKIPPED_KEPT: usize = 1_000;
/// So many of each reason are kept in any case.
const KEPT_OF_EACH: usize = 10;
/// So many bad entries, and more than good ones, end the reading before its end.
const HOPELESS: usize = 10_000;

/// One refused entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedLine {
    /// Its line; in a JSON text the line that the reader had come to.
    pub line: u64,
    /// What stands there, cut and escaped.
    pub text: String,
    /// Why it is refused.
    pub reason: Reason,
}

/// What a list says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Sorted, each once.
    pub prefixes: Vec<Prefix>,
    /// Entries that were read, repeated ones and those below the score included, refused ones not.
    pub accepted: usize,
    /// Of those, entries below the score and records that were not asked for: they are in no prefix.
    pub left_out: usize,
    /// The first refused entries.
    pub skipped: Vec<SkippedLine>,
    /// All refused entries by their reason.
    pub reasons: BTreeMap<Reason, usize>,
    /// Lines, comments included.
    pub lines: u64,
}

impl Parsed {
    /// All refused entries.
    pub fn skipped_total(&self) -> usize {
        self.reasons.values().sum()
    }

    /// A few refused entries, of every reason one first.
    pub fn examples(&self, most: usize) -> Vec<&SkippedLine> {
        let mut seen: BTreeMap<Reason, usize> = BTreeMap::new();
        let mut ranked: Vec<(usize, &SkippedLine)> = self
            .skipped
            .iter()
            .map(|line| {
                let rank = seen.entry(line.reason).or_default();
                *rank += 1;
                (*rank, line)
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.truncate(most);
        let mut examples: Vec<&SkippedLine> = ranked.into_iter().map(|(_, line)| line).collect();
        examples.sort_by_key(|line| (line.reason, line.line));
        examples
    }

    /// All entries, refused ones included.
    pub fn received(&self) -> usize {
        self.accepted + self.skipped_total()
    }
}

/// Takes entries in.
pub(super) struct Collector {
    parsed: Parsed,
    exceptions: Vec<Prefix>,
    first_junk: Option<SkippedLine>,
    junk: usize,
    widest: Widest,
    max_entries: usize,
    /// How many entries the list itself says that it has.
    pub(super) announced: Option<u64>,
}

impl Collector {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            parsed: Parsed::default(),
            exceptions: Vec::new(),
            first_junk: None,
            junk: 0,
            widest: settings.widest,
            max_entries: settings.max_entries,
            announced: None,
        }
    }

    /// Takes one entry: `read` appends its prefixes or says why it has none.
    pub(super) fn take(
        &mut self,
        line: u64,
        bytes: &[u8],
        read: impl FnOnce(&mut Vec<Prefix>) -> Result<(), Reason>,
    ) -> Result<(), ListErrorKind> {
        let before = self.parsed.prefixes.len();
        let mut result = read(&mut self.parsed.prefixes);
        for prefix in &self.parsed.prefixes[before..] {
            if let Err(error) = self.widest.check(prefix) {
                // Half of a range is not what its publisher meant.
                result = Err(Reason::Wide(error));
            }
        }
        match result {
            Ok(()) => self.parsed.accepted += 1,
            Err(reason) => {
                self.parsed.prefixes.truncate(before);
                self.refuse(line, bytes, reason)?;
            }
        }
        if self.parsed.prefixes.len() > self.max_entries {
            return Err(ListErrorKind::TooMany { limit: self.max_entries, line });
        }
        Ok(())
    }

    /// Counts an exception; what it names is carved out of all that the list says.
    pub(super) fn except(
        &mut self,
        line: u64,
        bytes: &[u8],
        mut prefixes: Vec<Prefix>,
    ) -> Result<(), ListErrorKind> {
        self.exceptions.append(&mut prefixes);
        self.refuse(line, bytes, Reason::Exception)
    }

    /// Counts an entry that was not asked for: its score is too low, or it is of another country.
    pub(super) fn leave_out(&mut self) {
        self.parsed.accepted += 1;
        self.parsed.left_out += 1;
    }

    /// Counts an invalid entry.
    pub(super) fn refuse(&mut self, line: u64, bytes: &[u8], reason: Reason) -> Result<(), ListErrorKind> {
        let of_reason = self.parsed.reasons.entry(reason).or_default();
        *of_reason += 1;
        let is_kept = self.parsed.skipped.len() < SKIPPED_KEPT || *of_reason <= KEPT_OF_EACH;
        let item = || SkippedLine { line, text: shown(bytes), reason };
        if is_kept {
            self.parsed.skipped.push(item());
        }
        if reason.is_junk() {
            self.junk += 1;
            self.first_junk.get_or_insert_with(item);
            if self.junk > HOPELESS && self.junk > self.parsed.accepted {
                return Err(self.no_list());
            }
        }
        Ok(())
    }

    /// Notes which line the reading has come to.
    pub(super) fn at(&mut self, line: u64) {
        self.parsed.lines = line;
    }

    fn no_list(&self) -> ListErrorKind {
        let first = self.first_junk.clone();
        let (line, text, reason) =
            first.map_or_else(Default::default, |first| (first.line, first.text, first.reason.to_string()));
        ListErrorKind::Junk { junk: self.junk, of: self.parsed.received(), line, text, reason }
    }

    /// The whole list, unless most of it is none.
    pub(super) fn finish(mut self) -> Result<Parsed, ListErrorKind> {
        if self.junk * 2 > self.parsed.received() {
            return Err(self.no_list());
        }
        if !self.exceptions.is_empty() {
            let exceptions = Cover::new(&self.exceptions);
            self.parsed.prefixes =
                self.parsed.prefixes.iter().flat_map(|prefix| exceptions.carve(prefix)).collect();
        }
        let received = self.parsed.received() as u64;
        // Publishers miscount by a few; a list that was cut off lacks more.
        let lacks = |announced: &u64| received + 10 + announced / 20 < *announced;
        if let Some(announced) = self.announced.filter(lacks) {
            let why = format!("{announced} entries announced, {received} found");
            return Err(ListErrorKind::CutOff { why });
        }
        self.parsed.prefixes.sort_unstable();
        self.parsed.prefixes.dedup();
        self.parsed.prefixes.shrink_to_fit();
        Ok(self.parsed)
    }
}
