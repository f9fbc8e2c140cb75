//! What can be seen of the set: root looks into the kernel, everybody else sees what root found last.

use std::path::Path;

use serde::Serialize;

use crate::ban::hits::Book;
use crate::ban::plan::Plan;
use crate::ban::{Cover, Prefix};
use crate::kernel::set::{DIRECTORY, Held, Set};
use crate::ledger::Ledger;
use crate::ledger::hits::SetState;
use crate::system::database::Result;
use crate::system::machine;
use crate::system::program::System;
use crate::system::time::Time;

/// How many of the busiest prefixes are shown.
const BUSIEST: usize = 10;

/// What is known of the set.
pub struct SetView {
    state: Option<SetState>,
    held: Option<Held>,
    wanted: Cover,
    /// What it refused.
    pub book: Book,
}

/// The set in `status`.
#[derive(Debug, Serialize)]
pub struct SetStatus {
    /// `nft` or `ipset`; none when there is no set.
    pub backend: Option<&'static str>,
    /// Prefixes that it blocks.
    pub size: usize,
    /// When root looked last.
    pub checked_at: Option<Time>,
    /// What does not work, in words.
    pub note: Option<String>,
    /// Packets refused since counting began.
    pub blocked_packets: u64,
    /// When counting began.
    pub since: Option<Time>,
    /// Those that were refused most.
    pub busiest: Vec<Busy>,
}

/// One prefix that was refused often.
#[derive(Debug, Serialize)]
pub struct Busy {
    /// The prefix, as the set holds it.
    pub address: Prefix,
    /// Packets refused.
    pub packets: u64,
    /// When the last was counted.
    pub last_at: Time,
}

impl SetView {
    /// Looks; changes nothing.
    pub fn load(ledger: &mut Ledger, plan: &Plan, now: i64) -> Result<Self> {
        let mut view = Self {
            state: ledger.set_found()?,
            held: None,
            wanted: Cover::new(&plan.blocked),
            book: ledger.hits()?,
        };
        let made = view.state.as_ref().is_some_and(|state| state.backend.is_some());
        if made && rustix::process::geteuid().is_root() {
            let programs = System::default();
            if let Ok(set) = Set::open(&programs, Path::new(DIRECTORY)) {
                view.book.count(set.held().map(Held::counted), machine::boot(), now);
                view.held = set.held().cloned();
                if view.held.is_none() {
                    view.state = None;
                }
            }
        }
        Ok(view)
    }

    /// Whether there is a set.
    pub fn is_made(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.backend.is_some())
    }

    /// Whether the set holds all of a prefix; none when there is no set.
    pub fn holds(&self, prefix: &Prefix) -> Option<bool> {
        self.is_made().then(|| match &self.held {
            Some(held) => held.find(prefix).is_some(),
            None => self.wanted.contains(prefix),
        })
    }

    /// Whether any of a prefix is to be blocked.
    pub fn wants(&self, prefix: &Prefix) -> bool {
        self.wanted.overlaps(prefix)
    }

    /// How many addresses and networks of a plan root sees missing in the kernel set; 0 for everybody else.
    pub fn missing(&self, plan: &Plan) -> usize {
        let Some(held) = &self.held else { return 0 };
        let there = Cover::new(held.blocked.iter().map(|element| &element.prefix));
        plan.blocked.iter().filter(|prefix| !there.contains(prefix)).count()
    }

    /// Packets of a prefix that were refused; none when there is no set.
    pub fn packets(&self, prefix: &Prefix) -> Option<u64> {
        self.is_made().then(|| self.book.of(prefix).map_or(0, |(_, hits)| hits.packets))
    }

    /// For `status`.
    pub fn status(&self) -> SetStatus {
        let state = self.state.as_ref();
        let busiest = self.book.busiest(BUSIEST).into_iter();
        SetStatus {
            backend: state.and_then(|state| state.backend).map(super::super::ban::hits::Backend::word),
            size: self.held.as_ref().map_or(state.map_or(0, |state| state.size), |held| held.blocked.len()),
            checked_at: state.map(|state| Time(state.checked_at)),
            note: state.and_then(|state| state.note.clone()),
            blocked_packets: self.book.total,
            since: (self.book.since != 0).then_some(Time(self.book.since)),
            busiest: busiest
                .map(|(prefix, hits)| Busy {
                    address: prefix,
                    packets: hits.packets,
                    last_at: Time(hits.last_at),
                })
                .collect(),
        }
    }
}
