//! What other lists would have caught: they are asked by a process of its own that is not root, which gets the
//! attackers on its standard input and answers with one JSON object a list.

use crate::system::failure::Result;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::super::{Global, feed};
use crate::ban::snapshot::Validators;
use crate::config::{Config, FeedConfig, Kind};
use crate::coverage::suggest::{Caught, Suspect, caught};
use crate::coverage::tally::MOST_ATTACKERS;
use crate::feed::catalog::{self, KNOWN};
use crate::feed::http::Download;
use crate::feed::snapshot;
use crate::ledger::{Ledger, StateKey};
use crate::run::child;
use crate::system::exit::Exit;
use crate::system::text::one_line;
use crate::system::time::Time;

/// Name of the hidden command.
pub const COMMAND: &str = "coverage-lists";
/// The most that is taken from the child, in bytes.
const ANSWER: u64 = 1 << 20;
/// The longest error that is shown, in characters.
const COMPLAINT: usize = 400;

/// What the hidden command takes.
#[derive(Debug, Args)]
pub struct ListsArgs {
    /// Ask these; none is all that are fit
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// What one list would have caught.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggested {
    /// Its name.
    pub list: String,
    /// Entries that it has.
    pub entries: usize,
    /// What it would have caught; null where it could not be asked.
    pub caught: Option<Caught>,
    /// Why it could not be asked.
    pub error: Option<String>,
}

/// Has the lists asked.
pub fn ask(global: &Global, names: &[String], suspects: &[Suspect]) -> Result<Vec<Suggested>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env_clear().current_dir("/").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.envs(child::VARIABLES.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
    if let Some(file) = &global.config {
        command.arg("--config").arg(std::fs::canonicalize(file).unwrap_or_else(|_| file.clone()));
    }
    command.arg("--freepbx-conf").arg(&global.freepbx_conf).arg(COMMAND).arg("--").args(names);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn()?;
    if let Some(mut input) = process.stdin.take() {
        let text: String = suspects.iter().map(|suspect| format!("{suspect}\n")).collect();
        // When it is gone already, its end says why.
        let _ = input.write_all(text.as_bytes());
    }
    let (mut answer, mut complaint) = (Vec::new(), Vec::new());
    if let Some(output) = process.stdout.take() {
        output.take(ANSWER).read_to_end(&mut answer)?;
    }
    if let Some(output) = process.stderr.take() {
        output.take(4_096).read_to_end(&mut complaint)?;
    }
    let status = process.wait()?;
    if !status.success() {
        let text = String::from_utf8_lossy(&complaint);
        let text = one_line(text.trim().trim_start_matches("banbridge: "), COMPLAINT).into_owned();
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        return Err(child::Failed::new(text, status, Exit::from_code(code.unwrap_or(u8::MAX))).into());
    }
    let mut all = Vec::new();
    for line in answer.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        all.push(serde_json::from_slice::<Suggested>(line)?);
    }
    let gain = |one: &Suggested| one.caught.map_or((0, 0), |caught| (caught.new_attempts, caught.attempts));
    all.sort_by_key(|one| std::cmp::Reverse(gain(one)));
    Ok(all)
}

/// The child: asks the lists.
pub fn run(global: &Global, args: &ListsArgs) -> Result<Exit> {
    child::confine(&global.freepbx_conf)?;
    let config = global.environment().config()?;
    let (mut ledger, clock) = global.ledger()?;
    let mut suspects: Vec<Suspect> = Vec::new();
    for line in BufReader::new(std::io::stdin()).lines().take(MOST_ATTACKERS) {
        suspects.extend(line?.parse::<Suspect>().ok());
    }
    for feed in chosen(&config, &args.names)? {
        let suggested = one(&mut ledger, &feed, &suspects, clock.now())?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&suggested)?)?;
        out.flush()?;
    }
    Ok(Exit::Done)
}

/// The lists of these names. Without names all that are not in force: those of the catalog, but not one for each
/// country, and those that are switched off.
fn chosen(config: &Config, names: &[String]) -> Result<Vec<FeedConfig>> {
    if !names.is_empty() {
        return names.iter().map(|name| feed::find(config, name)).collect();
    }
    let off = config.feed.iter().filter(|feed| !feed.enabled && feed.kind == Kind::List);
    let mut all: Vec<FeedConfig> = off.cloned().collect();
    for known in KNOWN.iter().filter(|known| !known.name.ends_with("-CC")) {
        let there = |feed: &FeedConfig| feed.name == known.name || feed.url == known.url;
        if !config.feed.iter().any(there) {
            all.push(feed::find(config, known.name)?);
        }
    }
    Ok(all)
}

fn one(ledger: &mut Ledger, feed: &FeedConfig, suspects: &[Suspect], now: i64) -> Result<Suggested> {
    let mut suggested = Suggested { list: feed.name.clone(), ..Suggested::default() };
    let Some(list) = &feed.list else {
        suggested.error = Some("it is no list".to_owned());
        return Ok(suggested);
    };
    // The publisher's shortest distance holds for this request too, and lasts beyond this process.
    let noted = StateKey::AskedFor(list.fingerprint());
    let as_feed = ledger.feeds()?.get(&feed.name).and_then(|state| state.last_attempt);
    let next = ledger.state(noted)?.max(as_feed).map_or(0, |last| last + list.minimum.as_secs());
    if (now + 1..=now + list.minimum.as_secs()).contains(&next) {
        suggested.error =
            Some(format!("it was asked lately and may not be asked again before {}", Time(next)));
        return Ok(suggested);
    }
    let counts = ledger.is_present() && catalog::minimum(&feed.url) > 0;
    if counts {
        // Before it is asked: a request that is not noted could be made too often.
        ledger.set_state(noted, now)?;
    }
    let timeout = feed.timeout.duration();
    match snapshot::fetch(&feed.name, &list.place, timeout, &list.settings, &Validators::default())? {
        Ok(Download::List { parsed, .. }) => {
            suggested.entries = parsed.prefixes.len();
            suggested.caught = Some(caught(&parsed.prefixes, suspects));
        }
        Ok(_) => suggested.error = Some("it sent no list".to_owned()),
        Err(error) => {
            suggested.error = Some(one_line(&error.to_string(), COMPLAINT).into_owned());
            if counts && error.never_came() {
                ledger.clear_state(noted)?;
            }
        }
    }
    Ok(suggested)
}
