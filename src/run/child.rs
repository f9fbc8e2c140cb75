//! The part of a root's run that is not root.
//!
//! What talks to the internet and reads its answers runs as the owner of freepbx.conf (asterisk): a fault in it must
//! not be a fault of root. The child has no terminal, no environment but a few named variables, no way to new
//! privileges, and limits on memory and processor time; nobody else of its user may look into it. It writes the
//! ledger; on a pipe it tells its parent when to look there, and at the end its report, which the parent prints and
//! does not act on. After each change it waits until the parent has put it in force: what came is blocked before more
//! is asked for.

use crate::system::failure::{Classify, Failure, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use rustix::process::{
    DumpableBehavior, Gid, Resource, Rlimit, Signal, Uid, geteuid, getppid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit, setsid,
};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde::{Deserialize, Serialize};

use super::report::Report;
use crate::config::KEY_VARIABLE;
use crate::pbx::freepbx_conf;
use crate::pbx::ssh;
use crate::run::{Environment, SyncRequest};
use crate::system::exit::Exit;
use crate::system::fault;
use crate::system::text::one_line;

/// Variables that the child gets: the key, how to reach the internet, and whose certificates to trust.
pub const VARIABLES: [&str; 7] =
    [KEY_VARIABLE, "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];
/// Memory that the child may take, in bytes.
const MEMORY: u64 = 1 << 30;
/// Processor time that it may take, in seconds.
const PROCESSOR: u64 = 300;
/// How long it may take besides the waiting that was allowed.
const WORK: Duration = Duration::from_secs(15 * 60);
/// How long it may wait where nobody said how long: a first load of a very long list.
const UNBOUNDED: Duration = Duration::from_secs(6 * 3600);
/// The longest line that is taken from it, in bytes.
const LINE: u64 = 64 << 20;
/// The most of its standard error that is shown, in characters.
const COMPLAINT: usize = 600;

/// Signals by which somebody else ends a process: an administrator, the kernel without memory, the limits above.
const ENDED_FROM_OUTSIDE: [Signal; 5] = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::XCPU];

/// What the child tells, one JSON object a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// The ledger changed: look there.
    Changed,
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

/// Writes one event to the parent. When nobody reads any more, the parent is gone and so will we be.
pub fn tell(event: &Event) {
    if let Ok(line) = serde_json::to_string(event) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Tells the parent that the ledger changed and waits until it has put that in force.
pub fn tell_and_wait() -> Result<()> {
    fault::point("about-to-tell")?;
    tell(&Event::Changed);
    let mut answer = String::new();
    if std::io::stdin().lock().read_line(&mut answer)? == 0 {
        return Err(Failure::new(Exit::TryAgain, "the run ended"));
    }
    fault::point("in-force")?;
    Ok(())
}

/// The child's first act: gives up what it will not need. Called before anything is read, and before any thread.
///
/// It is started as root and becomes the owner of freepbx.conf here, not before it starts: a process of asterisk can
/// be looked into by any other, until it says no, and has root's terminal until it leaves it. One that was root never
/// could and has left it already.
pub fn confine(freepbx_conf: &Path) -> Result<()> {
    give_up_root(freepbx_conf)?;
    limit()
}

/// The first half: becomes asterisk, away from every terminal, and is not to be looked into.
pub(super) fn give_up_root(freepbx_conf: &Path) -> Result<()> {
    // Away from the administrator's terminal, so that nothing can be typed into it. Fails only for the leader of a
    // session, which has none.
    let _ = setsid();
    if geteuid().is_root() {
        let (user, group) = freepbx_conf::owner(freepbx_conf)?;
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        if geteuid().is_root() || getppid().is_none() {
            return Err(Failure::bug("root was not given up"));
        }
    }
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// The second half: no way to new privileges, and limits.
pub(super) fn limit() -> Result<()> {
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    rustix::thread::set_no_new_privs(true)?;
    setrlimit(Resource::As, limit(MEMORY))?;
    setrlimit(Resource::Cpu, limit(PROCESSOR))?;
    setrlimit(Resource::Core, limit(0))?;
    Ok(())
}

/// A child at work.
pub struct Child {
    process: std::process::Child,
    lines: Receiver<std::io::Result<String>>,
    answers: Option<ChildStdin>,
    complaint: thread::JoinHandle<String>,
    until: Instant,
}

impl Child {
    /// Starts the child as the owner of freepbx.conf. `wait` bounds its waiting for rate limits.
    pub(super) fn start(environment: &Environment, request: &SyncRequest) -> Result<Self> {
        // Whom the child is to become must be known before it starts.
        freepbx_conf::owner(&environment.freepbx_conf)?;
        let mut command = Command::new(env::current_exe()?);
        command.env_clear().current_dir("/");
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs(
            VARIABLES.iter().chain(fault::VARIABLES).filter_map(|name| Some((*name, env::var_os(name)?))),
        );
        // Whose session it is: the administrator must not lock himself out. The child may not look for him itself.
        command.envs(ssh::find().map(|client| ("SSH_CONNECTION", client.to_string())));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(file) = &environment.config_file {
            command.arg("--config").arg(fs::canonicalize(file).unwrap_or_else(|_| file.clone()));
        }
        command.arg("--freepbx-conf").arg(&environment.freepbx_conf).arg("fetch");
        command.args(request.feed.iter().flat_map(|name| ["--feed", name]));
        command
            .args(request.full.then_some("--full"))
            .args(request.accept.then_some("--accept"))
            .args(request.dry_run.then_some("--dry-run"));
        let most = request.wait.unwrap_or(UNBOUNDED);
        command.arg("--wait").arg(most.as_secs().to_string());
        let mut process = command.spawn()?;
        let (answers, stdout, stderr) = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout.into_iter().next()?);
            loop {
                let mut line = String::new();
                let read = reader.by_ref().take(LINE).read_line(&mut line);
                let last = read.is_err();
                // At the end the sender is dropped, which is what the end looks like to the receiver.
                if matches!(read, Ok(0)) || sender.send(read.map(|_| line)).is_err() || last {
                    return Some(());
                }
            }
        });
        let complaint = thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stderr) = stderr {
                // The rest is read and dropped, so that the child never blocks on it.
                let _ = stderr.by_ref().take(4096).read_to_end(&mut bytes);
                let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            }
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Ok(Self { process, lines, answers, complaint, until: Instant::now() + most + WORK })
    }

    /// The next thing it tells, none when it has ended.
    pub fn next_event(&mut self) -> Result<Option<Event>> {
        match self.lines.recv_timeout(self.until.saturating_duration_since(Instant::now())) {
            Ok(line) => Ok(Some(serde_json::from_str(&line?)?)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                let what =
                    "asking the feeds took longer than it may; it was ended, the next run goes on from there";
                Err(Failure::new(Exit::TryAgain, what))
            }
        }
    }

    /// Tells it that what it changed is in force.
    pub fn go_on(&mut self) {
        // When it is gone, its end says why.
        if let Some(answers) = &mut self.answers {
            let _ = answers.write_all(b"\n");
        }
    }

    /// Waits for its end. `told` is whether its report came: without it, its last words and its end are the error.
    pub fn finish(mut self, told: bool) -> Result<()> {
        let status = self.process.wait()?;
        if told {
            return Ok(());
        }
        let Ok(complaint) = std::mem::replace(&mut self.complaint, thread::spawn(String::new)).join() else {
            return Err(Failure::bug(format!(
                "the process that asks the feeds ended unexpectedly ({status})"
            )));
        };
        let text = complaint.trim().trim_start_matches("banbridge: ");
        let ended_by = status.signal().and_then(Signal::from_named_raw);
        if ended_by.is_some_and(|signal| ENDED_FROM_OUTSIDE.contains(&signal)) {
            let text = format!(
                "the process that asks the feeds was ended ({status}); what came stays, the next run goes on from there"
            );
            let exit = Exit::TryAgain;
            return Err(Failed::new(text, status, exit).into());
        }
        let exit = Exit::from_code(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX));
        Err(Failed::new(one_line(text, COMPLAINT).into_owned(), status, exit).into())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Already gone after finish; otherwise this run is over and it must not go on alone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The child ended without a report.
#[derive(Debug, thiserror::Error)]
#[error("{}", if text.is_empty() { status } else { text })]
pub struct Failed {
    text: String,
    status: String,
    /// What its exit code means.
    pub exit: Exit,
}

impl Classify for Failed {
    fn exit(&self) -> Exit {
        self.exit
    }
}

impl Failed {
    /// `text` are its last words.
    pub fn new(text: String, status: std::process::ExitStatus, exit: Exit) -> Self {
        Self { text, status: status.to_string(), exit }
    }
}
