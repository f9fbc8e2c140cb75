//! The notices that stand, since when, and who was told of them. A row is written when a notice comes or goes, or says
//! something else; never otherwise.

use std::collections::BTreeMap;

use mysql::TxOpts;
use mysql::prelude::Queryable;

use super::{Ledger, tables};
use crate::ban::health::problem::Problem;
use crate::system::database::{Record, Result};

/// How often a message is tried that cannot be delivered: once in each of so many runs.
pub const TRIES: u32 = 5;

/// A notice that stands, or is over and not everybody was told. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Such as `out_of_date:apiban`.
    pub id: String,
    /// `warning` or `error`.
    pub level: String,
    /// In a few words.
    pub title: String,
    /// In a sentence or two.
    pub text: String,
    /// Since when.
    pub since: i64,
    /// When it was over; none while it stands.
    pub over_at: Option<i64>,
}

/// What somebody was told of a notice, by one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// What.
    pub state: ToldState,
    /// How often it was tried in vain since the last change.
    pub tries: u32,
}

/// What somebody was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToldState {
    /// Nothing yet.
    #[default]
    Nothing,
    /// That it stands.
    Stands,
    /// Nothing, and nothing is tried any more.
    GivenUp,
}

/// Whether somebody who was told this much of a notice is to be told that it stands, or that it is over.
pub fn is_due(noted: &Noted, told: Told) -> bool {
    match noted.over_at {
        None => told.state == ToldState::Nothing,
        Some(_) => told.state == ToldState::Stands,
    }
}

/// What is remembered after telling somebody; none: all of it is forgotten, for this way.
pub fn after(noted: &Noted, told: Told, delivered: bool) -> Option<Told> {
    match (noted.over_at, delivered, told.tries + 1 >= TRIES) {
        (None, true, _) => Some(Told { state: ToldState::Stands, tries: 0 }),
        (None, false, true) => Some(Told { state: ToldState::GivenUp, tries: 0 }),
        (Some(_), true, _) | (Some(_), false, true) => None,
        (_, false, false) => Some(Told { tries: told.tries + 1, ..told }),
    }
}

impl Ledger {
    /// All notices that are noted.
    pub fn noted(&mut self) -> Result<Vec<Noted>> {
        let sql = "SELECT id, level, title, text, since, over_at FROM banbridge_notice ORDER BY id";
        let noted = |row: &Record| {
            Ok(Noted {
                id: row.get("id")?,
                level: row.get("level")?,
                title: row.get("title")?,
                text: row.get("text")?,
                since: row.get("since")?,
                over_at: row.get("over_at")?,
            })
        };
        self.rows(&tables::NOTICE, sql, ())?.iter().map(noted).collect()
    }

    /// Notes which notices stand now. One that comes stands since now, or since when it says.
    pub fn note(&mut self, notices: &[Problem], now: i64) -> Result<()> {
        let known: BTreeMap<String, Noted> =
            self.noted()?.into_iter().map(|noted| (noted.id.clone(), noted)).collect();
        for notice in notices {
            let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
            let (title, text) = (cut(&notice.title, 191), cut(&notice.text, 2_000));
            let old = known.get(&notice.id);
            let same = |old: &Noted| {
                old.over_at.is_none()
                    && (&old.title, &old.text, old.level.as_str()) == (&title, &text, notice.level.word())
            };
            if old.is_some_and(same) {
                continue;
            }
            let stands = old.filter(|old| old.over_at.is_none());
            let since = stands.map_or_else(|| notice.since.unwrap_or(now), |old| old.since);
            self.conn.exec_drop(
                "REPLACE INTO banbridge_notice (id, level, title, text, since, over_at) \
                 VALUES (?, ?, ?, ?, ?, NULL)",
                (&notice.id, notice.level.word(), title, text, since),
            )?;
        }
        for old in known.values().filter(|old| old.over_at.is_none()) {
            if !notices.iter().any(|notice| notice.id == old.id) {
                let over = "UPDATE banbridge_notice SET over_at = ? WHERE id = ?";
                self.conn.exec_drop(over, (now, &old.id))?;
                // What could not be said before is to be tried anew with what is to be said now.
                self.conn.exec_drop("UPDATE banbridge_told SET tries = 0 WHERE id = ?", (&old.id,))?;
            }
        }
        Ok(())
    }

    /// What there is to tell by one way, with what was told before.
    pub fn untold(&mut self, way: &str) -> Result<Vec<(Noted, Told)>> {
        let told = self.told(way)?;
        let all = self.noted()?.into_iter().map(|noted| {
            let told = told.get(&noted.id).copied().unwrap_or_default();
            (noted, told)
        });
        Ok(all.filter(|(noted, told)| is_due(noted, *told)).collect())
    }

    fn told(&mut self, way: &str) -> Result<BTreeMap<String, Told>> {
        let sql = "SELECT id, told, tries FROM banbridge_told WHERE way = ?";
        let told = |row: &Record| {
            let state = match row.get("told")? {
                1u8 => ToldState::Stands,
                2 => ToldState::GivenUp,
                _ => ToldState::Nothing,
            };
            Ok((row.get("id")?, Told { state, tries: row.get("tries")? }))
        };
        self.rows(&tables::TOLD, sql, (way,))?.iter().map(told).collect()
    }

    /// Notes that somebody was told, or could not be.
    pub fn note_told(&mut self, way: &str, what: &[(Noted, Told)], delivered: bool) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        for (noted, told) in what {
            match after(noted, *told, delivered) {
                Some(told) => {
                    let state: u8 = match told.state {
                        ToldState::Nothing => 0,
                        ToldState::Stands => 1,
                        ToldState::GivenUp => 2,
                    };
                    tx.exec_drop(
                        "REPLACE INTO banbridge_told (id, way, told, tries) VALUES (?, ?, ?, ?)",
                        (&noted.id, way, state, told.tries),
                    )?;
                }
                None => {
                    tx.exec_drop("DELETE FROM banbridge_told WHERE id = ? AND way = ?", (&noted.id, way))?;
                }
            }
        }
        tx.commit()?;
        Ok(())
    }

    /// Forgets notices that are over, where nobody of these ways is still to be told.
    pub fn forget_over(&mut self, ways: &[&str]) -> Result<()> {
        let over: Vec<Noted> = self.noted()?.into_iter().filter(|noted| noted.over_at.is_some()).collect();
        if over.is_empty() {
            return Ok(());
        }
        let mut told = Vec::new();
        for way in ways {
            told.push(self.told(way)?);
        }
        for noted in over {
            let due = told.iter().any(|told| told.get(&noted.id).is_some_and(|told| is_due(&noted, *told)));
            if !due {
                self.conn.exec_drop("DELETE FROM banbridge_told WHERE id = ?", (&noted.id,))?;
                self.conn.exec_drop("DELETE FROM banbridge_notice WHERE id = ?", (&noted.id,))?;
            }
        }
        Ok(())
    }

    /// Notes that a feed refused the key.
    pub fn note_key_refused(&mut self, feed: u16, now: i64) -> Result<()> {
        let sql = "INSERT IGNORE INTO banbridge_key_refused (feed_id, since) VALUES (?, ?)";
        Ok(self.conn.exec_drop(sql, (feed, now))?)
    }

    /// Feeds that refused the key and gave no good answer since, with the time when they began to.
    pub fn keys_refused(&mut self) -> Result<BTreeMap<u16, i64>> {
        let sql = "SELECT feed_id, since FROM banbridge_key_refused";
        let rows = self.rows(&tables::KEY_REFUSED, sql, ())?;
        rows.iter().map(|row| Ok((row.get("feed_id")?, row.get("since")?))).collect()
    }
}

/// The statement that forgets that a feed refused the key, for the transaction that saves its good answer.
pub(super) const KEY_TAKEN: &str = "DELETE FROM banbridge_key_refused WHERE feed_id = ?";

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(over_at: Option<i64>) -> Noted {
        let text = String::new;
        Noted { id: text(), level: text(), title: text(), text: text(), since: 1, over_at }
    }

    #[test]
    fn one_is_told_once_that_it_stands_and_once_that_it_is_over() {
        let (stands, over) = (noted(None), noted(Some(2)));
        assert!(is_due(&stands, Told::default()));
        let told = after(&stands, Told::default(), true).unwrap();
        assert!(!is_due(&stands, told) && is_due(&over, told));
        assert_eq!(after(&over, told, true), None);
        assert!(!is_due(&over, Told::default()), "who knows nothing of it needs not hear that it is over");
    }

    #[test]
    fn what_cannot_be_delivered_is_tried_so_often_and_then_given_up() {
        let (stands, over) = (noted(None), noted(Some(2)));
        let mut told = Told::default();
        for _ in 1..TRIES {
            told = after(&stands, told, false).unwrap();
            assert!(is_due(&stands, told));
        }
        told = after(&stands, told, false).unwrap();
        assert!(!is_due(&stands, told) && !is_due(&over, told), "{told:?}");

        let mut told = after(&stands, Told { tries: 3, ..Told::default() }, true).unwrap();
        assert_eq!(told.tries, 0);
        for _ in 1..TRIES {
            told = after(&over, told, false).unwrap();
            assert!(is_due(&over, told));
        }
        assert_eq!(after(&over, told, false), None);
    }
}
