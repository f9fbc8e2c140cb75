//! The parts of this program that are not root: what a confined child can be asked for, and how it is started.
//!
//! See [`system::child`](crate::system::child) for what it may not do. It runs as the owner of freepbx.conf, which is
//! the asterisk user. The child that asks the feeds writes the ledger; it tells its parent when to look there, and at
//! the end its report, which the parent prints and does not act on. After each change it waits until the parent has
//! put it in force: what came is blocked before more is asked for.

use std::ffi::OsString;
use std::time::Duration;
use std::{env, fs};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::report::Report;
use crate::config::KEY_VARIABLE;
use crate::coverage::suggest::Suspect;
use crate::pbx::ssh;
use crate::run::{Environment, SyncRequest, delivery};
use crate::system::child::{Child, Start, give_up_root, limit, say, wait_for_parent, work};
use crate::system::failure::Result;
use crate::system::fault;

/// The hidden command that is the child.
pub const COMMAND: &str = "child";
/// Variables that the child gets: the key, how to reach the internet, and whose certificates to trust.
const VARIABLES: [&str; 7] =
    [KEY_VARIABLE, "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];
/// How long it may take besides the waiting that was allowed.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// How long it may wait where nobody said how long: a first load of a very long list.
const UNBOUNDED: Duration = Duration::from_secs(6 * 3600);

const SECOND: Duration = Duration::from_secs(1);

/// What a child can be asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "snake_case")]
pub enum Work {
    /// A run's asking of the feeds.
    Sync(SyncRequest),
    /// Sending what changed among the notices.
    Notify,
    /// One request a feed, to see whether it answers.
    AskFeeds {
        /// Their names.
        feeds: Vec<String>,
        /// The text of a configuration that is not written yet.
        config: Option<String>,
    },
    /// What other lists would have caught of these attackers.
    CompareLists {
        /// The lists; none is all that are fit.
        lists: Vec<String>,
        /// The attackers.
        suspects: Vec<Suspect>,
    },
    /// What apiban and CrowdSec say of one address.
    AskAbout {
        /// Which.
        address: String,
    },
    /// What these lists hold, for a permit list that is not there yet.
    FetchLists {
        /// Their names, with their lines in the configuration.
        feeds: Vec<(String, String)>,
    },
    /// What a feed would do.
    TryFeed {
        /// Its name.
        feed: String,
        /// Its lines, where the configuration does not have it.
        #[serde(default)]
        lines: Option<String>,
    },
}

impl Work {
    /// What it is, what to know when it was cut off, and how long it may take.
    fn bounds(&self) -> (&'static str, &'static str, Duration) {
        let saved = "What arrived is saved; the next run continues from there.";
        match self {
            Self::Sync(request) => ("asking the feeds", saved, patience(request)),
            Self::Notify => {
                ("sending notifications", "The next run tries again.", 2 * delivery::PATIENCE + 10 * SECOND)
            }
            Self::AskFeeds { .. } => ("asking the feeds", "Try again later.", 180 * SECOND),
            Self::CompareLists { .. } => ("asking the lists", "Try again later.", LONGEST),
            Self::AskAbout { .. } => ("asking the feeds", "Try again later.", 180 * SECOND),
            Self::FetchLists { .. } => ("fetching the lists", "Nothing was changed.", LONGEST),
            Self::TryFeed { .. } => ("testing the feed", "Nothing was changed.", LONGEST),
        }
    }
}

/// What the child of a run tells, one JSON object a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// The ledger changed: look there.
    Changed,
    /// It is known who is protected, and nothing of that changed.
    Known,
    /// It waits for a rate limit.
    Waiting {
        /// For people.
        text: String,
    },
    /// It goes on.
    Progress {
        /// For people.
        text: String,
    },
    /// The end.
    Report {
        /// What became of the feeds.
        report: Box<Report>,
        /// Its exit code.
        exit: u8,
    },
}

/// How long asking the feeds may take.
pub fn patience(request: &SyncRequest) -> Duration {
    request.wait.unwrap_or(UNBOUNDED).saturating_add(LONGEST)
}

/// The request as a child gets it: nobody waits for ever for a process that nobody sees.
pub fn bounded(request: &SyncRequest) -> SyncRequest {
    SyncRequest { wait: request.wait.or(Some(UNBOUNDED)), ..request.clone() }
}

/// Tells the parent of a run.
pub fn tell(event: &Event) {
    say(event);
}

/// Tells the parent that the ledger changed and waits until it has put that in force.
pub fn tell_and_wait() -> Result<()> {
    fault::point("about-to-tell")?;
    tell(&Event::Changed);
    wait_for_parent()?;
    fault::point("in-force")?;
    Ok(())
}

/// Starts a child, which becomes the owner of freepbx.conf.
pub fn start(environment: &Environment, work: &Work) -> Result<Child> {
    // Whom the child is to become must be known before it starts.
    environment.owner()?;
    let mut arguments: Vec<OsString> = Vec::new();
    if let Some(file) = &environment.config_file {
        arguments.push("--config".into());
        arguments.push(fs::canonicalize(file).unwrap_or_else(|_| file.clone()).into());
    }
    arguments.extend(["--freepbx-conf".into(), environment.freepbx_conf.clone().into(), COMMAND.into()]);
    let names = VARIABLES.iter().chain(fault::VARIABLES);
    let mut variables: Vec<(&str, OsString)> =
        names.filter_map(|name| Some((*name, env::var_os(name)?))).collect();
    if let Work::Sync(_) = work {
        // Whose session it is: the administrator must stay protected. The child may not look for it itself.
        variables.extend(ssh::find().map(|client| ("SSH_CONNECTION", client.to_string().into())));
    }
    let (part, then, patience) = work.bounds();
    Ok(Child::start(Start { arguments, variables, part, then, patience }, work)?)
}

/// All answers of a child.
pub fn ask<T: DeserializeOwned>(environment: &Environment, work: &Work) -> Result<Vec<T>> {
    let mut child = start(environment, work)?;
    let mut answers = Vec::new();
    while let Some(answer) = child.answer()? {
        answers.push(answer);
    }
    child.finish()?;
    Ok(answers)
}

/// The child's side: gives up what it does not need, and then reads what it is to do. An administrator's own program
/// may need what [`limit`] takes, such as to send mail; so whoever sends notifications calls that later.
pub fn begin(environment: &Environment) -> Result<Work> {
    give_up_root(|| environment.owner())?;
    let work = work()?;
    if !matches!(work, Work::Notify) {
        limit()?;
    }
    Ok(work)
}
