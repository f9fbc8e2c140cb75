//! Feeds of this PBX itself: kind `log`, who the PBX's own log says attacked, and kind `fail2ban`, whom fail2ban banned.

use serde::Serialize;

use super::Period;
use super::feed::RawFeed;
use crate::ban::strikes::Rules;

/// What stands for the address of a feed that is on this PBX.
pub(super) const LOG_PLACE: &str = "the logs of this PBX";
/// The same for fail2ban.
pub(super) const FAIL2BAN_PLACE: &str = "fail2ban on this PBX";

/// How long a ban of fail2ban stays at most after fail2ban named it: it ends them itself, or never.
pub(super) const FAIL2BAN_TTL: Period = Period::seconds(10 * 365 * 86_400);

/// What a feed that is the PBX's own log needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogConfig {
    /// So many rejected calls,
    pub calls: u32,
    /// or rejected registrations,
    pub registrations: u32,
    /// or other failed authentications,
    pub authentications: u32,
    /// within this time.
    pub within: Period,
    /// For how long: the first time, the second, and so on.
    pub ban: Vec<Period>,
    /// New addresses of an hour at most.
    pub most_new: usize,
}

impl LogConfig {
    /// The same for the decision.
    pub fn rules(&self) -> Rules {
        Rules {
            thresholds: [self.calls, self.registrations, self.authentications],
            within: self.within.as_secs(),
            ban: self.ban.iter().map(|period| period.as_secs()).collect(),
            most_new: self.most_new,
        }
    }

    /// The longest time that an address is blocked for.
    pub fn longest(&self) -> Period {
        self.ban.iter().copied().max_by_key(|period| period.as_secs()).unwrap_or(Period::seconds(3_600))
    }
}

/// What a feed that is fail2ban needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fail2banConfig {
    /// The jails whose bans are taken; none is all of them.
    pub jails: Vec<String>,
}

/// Reads the settings of a feed of kind `log`.
pub(super) fn read_log(name: &str, raw: &RawFeed) -> Result<LogConfig, String> {
    let within = raw.within.unwrap_or(Period::seconds(600));
    if !(60..=6 * 3_600).contains(&within.as_secs()) {
        return Err(format!("feed {name:?}: within must be from 1 minute to 6 hours, such as \"10m\""));
    }
    let threshold = |key: &str, given: Option<u32>, usual: u32| match given.unwrap_or(usual) {
        0 | 1 => {
            Err(format!("feed {name:?}: {key} must be at least 2: one rejection says nothing of anybody"))
        }
        number => Ok(number),
    };
    let usual = || [3_600, 86_400, 7 * 86_400].map(Period::seconds).to_vec();
    let ban = raw.ban.clone().unwrap_or_else(usual);
    if ban.is_empty() || ban.len() > 10 || ban.iter().any(|one| !(60..=90 * 86_400).contains(&one.as_secs()))
    {
        return Err(format!(
            "feed {name:?}: ban must be one to ten times from 1 minute to 90 days, such as [\"1h\", \"1d\", \"7d\"]"
        ));
    }
    let most_new = raw.most_new.unwrap_or(100);
    if !(1..=10_000).contains(&most_new) {
        return Err(format!("feed {name:?}: most_new must be from 1 to 10000 new addresses an hour"));
    }
    Ok(LogConfig {
        calls: threshold("calls", raw.calls, 5)?,
        registrations: threshold("registrations", raw.registrations, 20)?,
        authentications: threshold("authentications", raw.authentications, 10)?,
        within,
        ban,
        most_new: usize::try_from(most_new).unwrap_or(100),
    })
}

/// Reads the settings of a feed of kind `fail2ban`.
pub(super) fn read_fail2ban(name: &str, raw: &RawFeed) -> Result<Fail2banConfig, String> {
    let jails = raw.jails.clone().unwrap_or_default();
    let fits = |jail: &String| {
        (1..=64).contains(&jail.len())
            && jail.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            && !jail.starts_with('-')
    };
    match jails.iter().find(|jail| !fits(jail)) {
        Some(wrong) => {
            Err(format!("feed {name:?}: invalid jail {wrong:?}. Show them: fail2ban-client status"))
        }
        None => Ok(Fail2banConfig { jails }),
    }
}
