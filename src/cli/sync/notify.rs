//! Notes which notices stand as a run ends, and has those told who asked for it.
//!
//! Telling is the work of a child of its own, which is not root: the webhook's address and the command's path stand in
//! a file that asterisk can write. It takes what is to be told from the ledger and notes there what became of it.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use super::super::exit::Exit;
use super::super::notices::{self, Circumstances};
use super::super::output::complain;
use super::super::{Global, now};
use super::child::{self, VARIABLES};
use super::report::Report;
use super::session::Session;
use crate::config::{COMMAND, Config, WEBHOOK};
use crate::fault;
use crate::feed::text::one_line;
use crate::ledger::Ledger;
use crate::ledger::notices::{Noted, Told};
use crate::notify::{self, Message, PATIENCE};

/// The hidden command that tells.
pub const COMMAND_NAME: &str = "notify";
/// How long the child may take: both ways, and what is around them.
const LONGEST: Duration = Duration::from_secs(2 * PATIENCE.as_secs() + 10);
/// The most of its complaints that is taken, in bytes.
const COMPLAINT: u64 = 4 << 10;

impl Session<'_> {
    /// Notes the notices of this moment, and has others told of what changed. That this fails is said and no more.
    pub(super) fn note_notices(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let around = Circumstances {
            last_run: Some(now()),
            running: report.firewall.running,
            over_limit: report.blacklist.over_limit,
            by_set: self.ledger.set_found()?.is_some_and(|set| set.backend.is_some()),
        };
        let stand = notices::decide(self.config, &self.picture, &mut self.ledger, &around, now())?;
        self.ledger.note(&stand, now())?;
        fault::point("notices-noted")?;
        let ways = self.config.notify.ways();
        let mut any = false;
        for way in &ways {
            any |= !self.ledger.untold(way)?.is_empty();
        }
        if any && let Err(error) = tell_by_child(self.config, &self.freepbx_conf, report) {
            report.warn(format!("nobody could be told of the notices: {error:#}"));
        }
        Ok(self.ledger.forget_over(&ways)?)
    }
}

/// Starts the child and waits for its end. What it complains of are warnings.
fn tell_by_child(config: &Config, freepbx_conf: &Path, report: &mut Report) -> anyhow::Result<()> {
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
            anyhow::bail!("it took over {} s and was ended", LONGEST.as_secs());
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
pub fn run_child(global: &Global) -> anyhow::Result<Exit> {
    child::give_up_root(&global.freepbx_conf)?;
    let config = global.load_config()?;
    let mut ledger = global.ledger()?;
    // First the administrator's own program: it may need what this process then gives up, such as to send mail.
    if let Some(program) = &config.notify.command {
        tell(&mut ledger, COMMAND, |json| notify::run(&program.0, json, PATIENCE))?;
    }
    child::limit()?;
    if let Some(webhook) = &config.notify.webhook {
        tell(&mut ledger, WEBHOOK, |json| notify::post(webhook, json))?;
    }
    Ok(Exit::Done)
}

fn tell(
    ledger: &mut Ledger,
    way: &str,
    deliver: impl FnOnce(String) -> Result<(), String>,
) -> anyhow::Result<()> {
    let due: Vec<(Noted, Told)> = ledger.untold(way)?;
    if due.is_empty() {
        return Ok(());
    }
    let message = Message::new(due.iter().map(|(noted, _)| noted), &notify::host(), now());
    let delivered = deliver(message.json());
    ledger.note_told(way, &due, delivered.is_ok())?;
    if let Err(why) = delivered {
        complain(&format!("[notify] {way}: {why}; the next run tries again"));
    }
    Ok(())
}
