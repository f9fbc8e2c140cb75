//! A week in plain words: what was blocked, who attacked, what got through, and what each feed did for it.

use serde::Serialize;

use super::Environment;
use super::coverage::lists::Suggested;
use super::coverage::{Coverage, CoverageRequest, coverage};
use crate::coverage::logs::Unwatched;
use crate::ledger::Ledger;
use crate::ledger::attacks::AttackSum;
use crate::ledger::history::{DAY, HOUR, begin};
use crate::system::database;
use crate::system::failure::Result;
use crate::system::text::{count, number};
use crate::system::time::Time;

/// A week, in seconds.
pub const WEEK: i64 = 7 * DAY;

/// What happened in the last seven days.
#[derive(Debug, Serialize)]
pub struct Week {
    /// From when on.
    pub from: Time,
    /// Until now.
    pub until: Time,
    /// Since when runs read the logs; none: they did not yet.
    pub saved_since: Option<Time>,
    /// Packets that the kernel set blocked.
    pub packets: u64,
    /// Who attacked.
    #[serde(flatten)]
    pub sum: AttackSum,
    /// What each feed would have stopped.
    pub feeds: Vec<FeedWeek>,
    /// Lists of the catalog, by what they would have stopped besides; none where they were not asked.
    pub suggest: Option<Vec<Suggested>>,
}

/// What a feed did in a week.
#[derive(Debug, Serialize)]
pub struct FeedWeek {
    /// The feed.
    pub feed: String,
    /// Attempts that reached Asterisk while it listed the attacker.
    pub stopped: u64,
    /// Of them: while no other feed did.
    pub alone: u64,
}

/// The short form, for `status`.
#[derive(Debug, Serialize)]
pub struct WeekSum {
    /// Since when runs read the logs; none: they did not yet.
    pub saved_since: Option<Time>,
    /// Packets that the kernel set blocked.
    pub packets: u64,
    /// Who attacked.
    #[serde(flatten)]
    pub sum: AttackSum,
}

impl WeekSum {
    /// From the saved state.
    pub fn load(ledger: &mut Ledger, now: i64) -> database::Result<Self> {
        let from = now - WEEK;
        let hours = ledger.hours(begin(from, HOUR))?;
        Ok(Self {
            saved_since: super::attacks::followed_since(ledger)?.map(Time),
            packets: hours.iter().fold(0, |sum, hour| sum.saturating_add(hour.packets)),
            sum: ledger.attack_sum(from)?,
        })
    }
}

/// The week until now. `suggest`: the lists of the catalog are asked too.
pub fn week(environment: &Environment, suggest: bool) -> Result<Week> {
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let short = WeekSum::load(&mut ledger, now)?;
    drop(ledger);
    let from = now - WEEK;
    let of_logs: Option<Coverage> = match short.saved_since {
        Some(_) => {
            let since = format!("{}", jiff::Timestamp::from_second(from).unwrap_or_default());
            let request = CoverageRequest {
                since: since.parse().ok(),
                suggest: suggest.then(Vec::new),
                ..CoverageRequest::default()
            };
            Some(coverage(environment, &request, &Unwatched)?)
        }
        None => None,
    };
    let feeds = of_logs.iter().flat_map(|coverage| &coverage.report.feeds);
    Ok(Week {
        from: Time(from),
        until: Time(now),
        saved_since: short.saved_since,
        packets: short.packets,
        sum: short.sum,
        feeds: feeds
            .map(|feed| FeedWeek {
                feed: feed.feed.clone(),
                stopped: feed.stopped,
                alone: feed.stopped_alone,
            })
            .collect(),
        suggest: of_logs.and_then(|coverage| coverage.suggested),
    })
}

impl Week {
    /// In plain words, some sentences.
    pub fn text(&self) -> String {
        let mut text = format!("The week until {}:\n", self.until);
        text += &format!("The kernel set rejected {}.\n", count(self.packets, "packet", "packets"));
        let Some(since) = self.saved_since else {
            return text + "The logs of Asterisk were not read yet: the next run does it.\n";
        };
        if since.0 > self.from.0 {
            text += &format!("The logs are read since {since}.\n");
        }
        let sum = &self.sum;
        text += &match sum.attackers {
            0 => "Nobody who attacked reached Asterisk.\n".to_owned(),
            attackers => format!(
                "{} reached Asterisk, with {}. Listed by no feed when they tried: {}, with {}.\n",
                count(attackers, "attacker", "attackers"),
                count(sum.attempts, "attempt", "attempts"),
                count(sum.attackers_unlisted, "attacker", "attackers"),
                count(sum.unlisted, "attempt", "attempts"),
            ),
        };
        if sum.leaked > 0 {
            text += &format!(
                "{} came from addresses that are blocked. See: banbridge status\n",
                count(sum.leaked, "attempt", "attempts")
            );
        }
        for feed in self.feeds.iter().filter(|feed| feed.stopped > 0) {
            text += &format!(
                "{} listed the attacker in {} of the attempts that arrived, {} of them alone.\n",
                feed.feed,
                number(feed.stopped),
                number(feed.alone)
            );
        }
        match &self.suggest {
            None if sum.unlisted > 0 => {
                text += "Which list of the catalog would have helped: banbridge coverage --week --suggest\n";
            }
            None => {}
            Some(lists) => {
                let best = lists.iter().find_map(|list| Some((list, list.caught?)));
                text += &match best.filter(|(_, caught)| caught.new_attempts > 0) {
                    Some((list, caught)) => format!(
                        "The list {} would have stopped {} more, of {}. To add it: banbridge feed add {0}\n",
                        list.list,
                        count(caught.new_attempts, "attempt", "attempts"),
                        count(caught.new_attackers, "attacker", "attackers"),
                    ),
                    None => "No list of the catalog would have stopped more.\n".to_owned(),
                };
            }
        }
        text
    }
}
