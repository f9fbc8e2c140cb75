//! Notes which notices stand as a run ends, and has those told who asked for it.
//!
//! Telling is the work of a child of its own, which is not root: the webhook's address and the command's path stand in
//! a file that asterisk can write. It takes what is to be told from the ledger and notes there what became of it.

use crate::system::failure::Result;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use super::child::{self, VARIABLES};
use super::report::Report;
use super::session::Session;
use crate::config::{COMMAND, Config, WEBHOOK};
use crate::ledger::Ledger;
use crate::ledger::notices::{Noted, Told};
use crate::run::Environment;
use crate::run::delivery::{self, Message, PATIENCE};
use crate::run::problems::{self, Circumstances};
use crate::system::exit::Exit;
use crate::system::failure::Failure;
use crate::system::fault;
use crate::system::machine;
use crate::system::text::one_line;

/// The hidden command that tells.
pub const COMMAND_NAME: &str = "notify";
/// How long the child may take: both ways, and what is around them.
const LONGEST: Duration = Duration::from_secs(2 * PATIENCE.as_secs() + 10);
/// The most of its complaints that is taken, in bytes.
const COMPLAINT: u64 = 4 << 10;

impl Session {
    /// Notes the notices of this moment, and has others told of what changed. That this fails is said and no more.
    pub(super) fn note_notices(&mut self, report: &mut Report) -> Result<()> {
        let around = Circumstances {
            last_run: Some(self.clock.now()),
            running: report.firewall.running,
            over_limit: report.blacklist.over_limit,
            by_set: self.ledger.set_found()?.is_some_and(|set| set.backend.is_some()),
            doubt: self.clock.doubt().map(str::to_owned),
        };
        let stand =
            problems::decide(&self.config, &self.picture, &mut self.ledger, &around, self.clock.now())?;
        self.ledger.note(&stand, self.clock.now())?;
        fault::point("notices-noted")?;
        let ways = self.config.notify.ways();
        let mut any = false;
        for way in &ways {
            any |= !self.ledger.untold(way)?.is_empty();
        }
        if any && let Err(error) = tell_by_child(&self.config, &self.environment.freepbx_conf, report) {
            report.warn(format!("nobody could be told of the notices: {error:#}"));
        }
        Ok(self.ledger.forget_over(&ways)?)
    }
}

/// Starts the child and waits for its end. What it complains of are warnings.
fn tell_by_child(config: &Config, freepbx_conf: &Path, report: &mut Report) -> Result<()> {
    let mut command = Command::new(env::current_exe()?);
    command.env_clear().current_dir("/");
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
        .envs(VARIABLES.iter().chain(fault::VARIABLES).filter_map(|name| Some((*name, env::var_os(name)?))));
    if let Some(file) = &config.path {
        command.arg("--config").arg(fs::canonicalize(file).unwrap_or_else(|_| file.clone()));
    }
    command.arg("--freepbx-conf").arg(freepbx_conf).arg(COMMAND_NAME);
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let stderr = process.stderr.take();
    let complaints = thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stderr) = stderr {
            // The rest is read and dropped, so that the child never blocks on it.
            let _ = stderr.by_ref().take(COMPLAINT).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut stderr, &mut std::io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let until = Instant::now() + LONGEST;
    while process.try_wait()?.is_none() {
        if Instant::now() > until {
            let _ = process.kill();
            let _ = process.wait();
            return Err(Failure::new(
                Exit::TryAgain,
                format!("it took over {} s and was ended", LONGEST.as_secs()),
            ));
        }
        thread::sleep(Duration::from_millis(2));
    }
    // Its own words; it runs as another user, so they are made harmless.
    for line in complaints.join().unwrap_or_default().lines().take(4) {
        report.warn(one_line(line.trim_start_matches("banbridge: "), 400).into_owned());
    }
    Ok(())
}

/// The child: tells each way what is to be told, and notes what became of it. Not for people.
pub fn run_child(environment: &Environment) -> Result<Vec<String>> {
    child::give_up_root(&environment.freepbx_conf)?;
    let config = environment.config()?;
    let (mut ledger, clock) = environment.ledger()?;
    let now = clock.now();
    let mut complaints = Vec::new();
    // First the administrator's own program: it may need what this process then gives up, such as to send mail.
    if let Some(program) = &config.notify.command {
        complaints.extend(tell(&mut ledger, COMMAND, now, |json| delivery::run(&program.0, json, PATIENCE))?);
    }
    child::limit()?;
    if let Some(webhook) = &config.notify.webhook {
        complaints.extend(tell(&mut ledger, WEBHOOK, now, |json| delivery::post(webhook, json))?);
    }
    Ok(complaints)
}

fn tell(
    ledger: &mut Ledger,
    way: &str,
    now: i64,
    deliver: impl FnOnce(String) -> Result<(), String>,
) -> Result<Option<String>> {
    let due: Vec<(Noted, Told)> = ledger.untold(way)?;
    if due.is_empty() {
        return Ok(None);
    }
    let message = Message::new(due.iter().map(|(noted, _)| noted), &machine::host_name(), now);
    let delivered = deliver(message.json());
    ledger.note_told(way, &due, delivered.is_ok())?;
    Ok(delivered.err().map(|why| format!("[notify] {way}: {why}; the next run tries again")))
}
