//! The problems that stand, since when, and who was notified of them. A row is written when a problem comes or goes, or says
//! something else; never otherwise.

use std::collections::BTreeMap;

use mysql::TxOpts;
use mysql::prelude::Queryable;

use super::{Ledger, tables};
use crate::ban::health::problem::Problem;
use crate::system::database::{Record, Result};

/// How often a message is tried that cannot be delivered: once in each of so many runs.
pub const TRIES: u32 = 5;

/// A problem that stands, or is over and not everybody was notified. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
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

/// What somebody was notified of a problem, by one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notified {
    /// What.
    pub state: NotifiedOf,
    /// How often it was tried in vain since the last change.
    pub tries: u32,
}

/// What somebody was notified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NotifiedOf {
    /// Nothing yet.
    #[default]
    Nothing,
    /// That it stands.
    Stands,
    /// Nothing, and nothing is tried any more.
    GivenUp,
}

/// Whether somebody who was notified this much of a problem is to be notified that it stands, or that it is over.
pub fn is_due(recorded: &Recorded, notified: Notified) -> bool {
    match recorded.over_at {
        None => notified.state == NotifiedOf::Nothing,
        Some(_) => notified.state == NotifiedOf::Stands,
    }
}

/// What is remembered after telling somebody; none: all of it is forgotten, for this way.
pub fn after(recorded: &Recorded, notified: Notified, delivered: bool) -> Option<Notified> {
    match (recorded.over_at, delivered, notified.tries + 1 >= TRIES) {
        (None, true, _) => Some(Notified { state: NotifiedOf::Stands, tries: 0 }),
        (None, false, true) => Some(Notified { state: NotifiedOf::GivenUp, tries: 0 }),
        (Some(_), true, _) | (Some(_), false, true) => None,
        (_, false, false) => Some(Notified { tries: notified.tries + 1, ..notified }),
    }
}

impl Ledger {
    /// All problems that are recorded.
    pub fn recorded(&mut self) -> Result<Vec<Recorded>> {
        let sql = "SELECT id, level, title, text, since, over_at FROM banbridge_problem ORDER BY id";
        let recorded = |row: &Record| {
            Ok(Recorded {
                id: row.get("id")?,
                level: row.get("level")?,
                title: row.get("title")?,
                text: row.get("text")?,
                since: row.get("since")?,
                over_at: row.get("over_at")?,
            })
        };
        self.rows(&tables::PROBLEM, sql, ())?.iter().map(recorded).collect()
    }

    /// Notes which problems stand now. One that comes stands since now, or since when it says.
    pub fn note(&mut self, problems: &[Problem], now: i64) -> Result<()> {
        let known: BTreeMap<String, Recorded> =
            self.recorded()?.into_iter().map(|recorded| (recorded.id.clone(), recorded)).collect();
        for problem in problems {
            let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
            let (title, text) = (cut(&problem.title, 191), cut(&problem.text, 2_000));
            let old = known.get(&problem.id);
            let same = |old: &Recorded| {
                old.over_at.is_none()
                    && (&old.title, &old.text, old.level.as_str()) == (&title, &text, problem.level.word())
            };
            if old.is_some_and(same) {
                continue;
            }
            let stands = old.filter(|old| old.over_at.is_none());
            let since = stands.map_or_else(|| problem.since.unwrap_or(now), |old| old.since);
            self.conn.exec_drop(
                "REPLACE INTO banbridge_problem (id, level, title, text, since, over_at) \
                 VALUES (?, ?, ?, ?, ?, NULL)",
                (&problem.id, problem.level.word(), title, text, since),
            )?;
        }
        for old in known.values().filter(|old| old.over_at.is_none()) {
            if !problems.iter().any(|problem| problem.id == old.id) {
                let over = "UPDATE banbridge_problem SET over_at = ? WHERE id = ?";
                self.conn.exec_drop(over, (now, &old.id))?;
                // What could not be said before is to be tried anew with what is to be said now.
                self.conn.exec_drop("UPDATE banbridge_notified SET tries = 0 WHERE id = ?", (&old.id,))?;
            }
        }
        Ok(())
    }

    /// What there is to tell by one way, with what was notified before.
    pub fn to_notify(&mut self, way: &str) -> Result<Vec<(Recorded, Notified)>> {
        let notified = self.notified(way)?;
        let all = self.recorded()?.into_iter().map(|recorded| {
            let notified = notified.get(&recorded.id).copied().unwrap_or_default();
            (recorded, notified)
        });
        Ok(all.filter(|(recorded, notified)| is_due(recorded, *notified)).collect())
    }

    fn notified(&mut self, way: &str) -> Result<BTreeMap<String, Notified>> {
        let sql = "SELECT id, state, tries FROM banbridge_notified WHERE way = ?";
        let notified = |row: &Record| {
            let state = match row.get("state")? {
                1u8 => NotifiedOf::Stands,
                2 => NotifiedOf::GivenUp,
                _ => NotifiedOf::Nothing,
            };
            Ok((row.get("id")?, Notified { state, tries: row.get("tries")? }))
        };
        self.rows(&tables::NOTIFIED, sql, (way,))?.iter().map(notified).collect()
    }

    /// Notes that somebody was notified, or could not be.
    pub fn record_notified(
        &mut self,
        way: &str,
        what: &[(Recorded, Notified)],
        delivered: bool,
    ) -> Result<()> {
        let mut tx = self.conn.start_transaction(TxOpts::default())?;
        for (recorded, notified) in what {
            match after(recorded, *notified, delivered) {
                Some(notified) => {
                    let state: u8 = match notified.state {
                        NotifiedOf::Nothing => 0,
                        NotifiedOf::Stands => 1,
                        NotifiedOf::GivenUp => 2,
                    };
                    tx.exec_drop(
                        "REPLACE INTO banbridge_notified (id, way, state, tries) VALUES (?, ?, ?, ?)",
                        (&recorded.id, way, state, notified.tries),
                    )?;
                }
                None => {
                    tx.exec_drop(
                        "DELETE FROM banbridge_notified WHERE id = ? AND way = ?",
                        (&recorded.id, way),
                    )?;
                }
            }
        }
        tx.commit()?;
        Ok(())
    }

    /// Forgets problems that are over, where nobody of these ways is still to be notified.
    pub fn forget_over(&mut self, ways: &[&str]) -> Result<()> {
        let over: Vec<Recorded> =
            self.recorded()?.into_iter().filter(|recorded| recorded.over_at.is_some()).collect();
        if over.is_empty() {
            return Ok(());
        }
        let mut notified = Vec::new();
        for way in ways {
            notified.push(self.notified(way)?);
        }
        for recorded in over {
            let due = notified.iter().any(|notified| {
                notified.get(&recorded.id).is_some_and(|notified| is_due(&recorded, *notified))
            });
            if !due {
                self.conn.exec_drop("DELETE FROM banbridge_notified WHERE id = ?", (&recorded.id,))?;
                self.conn.exec_drop("DELETE FROM banbridge_problem WHERE id = ?", (&recorded.id,))?;
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

    fn recorded(over_at: Option<i64>) -> Recorded {
        let text = String::new;
        Recorded { id: text(), level: text(), title: text(), text: text(), since: 1, over_at }
    }

    #[test]
    fn one_is_told_once_that_it_stands_and_once_that_it_is_over() {
        let (stands, over) = (recorded(None), recorded(Some(2)));
        assert!(is_due(&stands, Notified::default()));
        let notified = after(&stands, Notified::default(), true).unwrap();
        assert!(!is_due(&stands, notified) && is_due(&over, notified));
        assert_eq!(after(&over, notified, true), None);
        assert!(
            !is_due(&over, Notified::default()),
            "who knows nothing of it needs not hear that it is over"
        );
    }

    #[test]
    fn what_cannot_be_delivered_is_tried_so_often_and_then_given_up() {
        let (stands, over) = (recorded(None), recorded(Some(2)));
        let mut notified = Notified::default();
        for _ in 1..TRIES {
            notified = after(&stands, notified, false).unwrap();
            assert!(is_due(&stands, notified));
        }
        notified = after(&stands, notified, false).unwrap();
        assert!(!is_due(&stands, notified) && !is_due(&over, notified), "{notified:?}");

        let mut notified = after(&stands, Notified { tries: 3, ..Notified::default() }, true).unwrap();
        assert_eq!(notified.tries, 0);
        for _ in 1..TRIES {
            notified = after(&over, notified, false).unwrap();
            assert!(is_due(&over, notified));
        }
        assert_eq!(after(&over, notified, false), None);
    }
}
