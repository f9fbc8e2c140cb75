//! The one confined child: this program again, as a user that is not root.
//!
//! Whatever talks to the internet and reads its answers is done by such a child: a fault in it must not be a fault of
//! root. It has no terminal, no environment but a few named variables, no way to new privileges, and limits on memory
//! and processor time; no other process of its user may look into it, and it ends with its parent. Its work comes as
//! one line of JSON on its standard input, and it answers with lines of JSON, bounded in size and time. All text in
//! them is made harmless before the parent sees it: whoever took the child over chooses it.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    DumpableBehavior, Gid, Pid, Resource, Rlimit, Signal, Uid, WaitId, WaitIdOptions, geteuid, getppid,
    set_dumpable_behavior, set_parent_process_death_signal, setrlimit, setsid, waitid,
};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::exit::Exit;
use super::failure::{Classify, Failure, Result};
use super::program::{self, Rest};
use super::text::one_line;

/// Memory that the child may take, in bytes.
const MEMORY: u64 = 1 << 30;
/// Processor time that it may take, in seconds.
const PROCESSOR: u64 = 300;
/// The longest description of work, in bytes: the attackers of a coverage are 20 MB.
const WORK: u64 = 64 << 20;
/// The most that is taken of its answers, in bytes.
const ANSWERS: u64 = 64 << 20;
/// The most characters of one text in its answers.
const TEXT: usize = 20_000;
/// The most of its standard error that is read, in bytes, and shown, in characters.
const COMPLAINT: (u64, usize) = (4 << 10, 600);
/// How long it may take to end after its last answer.
const END: Duration = Duration::from_secs(10);
/// How long it may stand still when somebody stopped it: its parent may hold what others wait for.
const STOPPED: Duration = Duration::from_secs(20);
/// How often it is looked at whether it stands still.
const LOOK: Duration = Duration::from_millis(500);

/// Signals by which somebody else ends a process: an administrator, the kernel without memory, the limits above.
const FROM_OUTSIDE: [Signal; 5] = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::XCPU];

/// What a child is started with.
#[derive(Debug, Clone)]
pub struct Start {
    /// The words of its command line.
    pub arguments: Vec<OsString>,
    /// All of its environment but for PATH.
    pub variables: Vec<(&'static str, OsString)>,
    /// What it does, as errors name it: "asking the feeds".
    pub part: &'static str,
    /// What an administrator should know when it was cut off, as a sentence.
    pub then: &'static str,
    /// How long it may take.
    pub patience: Duration,
}

/// Why a child gave no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It cannot be started.
    #[error("{0} cannot be started: {1}")]
    Start(&'static str, io::Error),
    /// It took too long.
    #[error("{part} took over {} s and was ended. {then}", patience.as_secs())]
    Late {
        /// What it did.
        part: &'static str,
        /// How long it was given.
        patience: Duration,
        /// What to know.
        then: &'static str,
    },
    /// Somebody ended it.
    #[error("{part} was ended from outside ({status}). {then}")]
    Ended {
        /// What it did.
        part: &'static str,
        /// By what.
        status: ExitStatus,
        /// What to know.
        then: &'static str,
    },
    /// Somebody stopped it, and it did not go on.
    #[error("{part} was stopped from outside for {} s and was ended. {then}", STOPPED.as_secs())]
    Stopped {
        /// What it did.
        part: &'static str,
        /// What to know.
        then: &'static str,
    },
    /// It failed, and said why.
    #[error("{part}: {why}")]
    Failed {
        /// What it did.
        part: &'static str,
        /// Its words.
        why: String,
        /// Its exit code.
        exit: Exit,
    },
    /// It ended and said nothing.
    #[error("{0} ended without an answer ({1})")]
    Silent(&'static str, ExitStatus),
    /// Its answer is none.
    #[error("{0} gave an answer that cannot be read: {1}")]
    Unreadable(&'static str, String),
}

impl Classify for ChildError {
    fn exit(&self) -> Exit {
        match self {
            Self::Start(..) => Exit::Io,
            Self::Late { .. } | Self::Ended { .. } | Self::Stopped { .. } => Exit::TryAgain,
            Self::Failed { exit, .. } => *exit,
            Self::Silent(..) | Self::Unreadable(..) => Exit::Bug,
        }
    }
}

/// A child at work, from its parent's side.
pub struct Child {
    process: std::process::Child,
    /// Whether its end was seen.
    ended: bool,
    /// Since when it stands still.
    stopped: Option<Instant>,
    words: Option<Sender<Vec<u8>>>,
    answers: Receiver<io::Result<Vec<u8>>>,
    complaint: Receiver<(Vec<u8>, bool)>,
    start: Start,
    until: Instant,
}

impl Child {
    /// Starts this program with these words, and hands it its work.
    ///
    /// # Errors
    /// [`ChildError::Start`].
    pub fn start(start: Start, work: &impl Serialize) -> Result<Self, ChildError> {
        let failed = |error| ChildError::Start(start.part, error);
        let mut line = serde_json::to_vec(work).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args(&start.arguments).current_dir("/").env_clear().env("PATH", program::PATH);
        // glibc's own rule keeps freed blocks of up to 32 MiB, which are many where a list has a million entries.
        command.env("MALLOC_MMAP_THRESHOLD_", "1048576");
        command.envs(start.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(failed)?;
        let (words, all_words) = channel::<Vec<u8>>();
        if let Some(mut stdin) = process.stdin.take() {
            // When it is gone, its end says why.
            thread::spawn(move || all_words.iter().try_for_each(|words| stdin.write_all(&words)));
        }
        let _ = words.send(line);
        let answers = lines(process.stdout.take());
        let complaint = program::collect(process.stderr.take(), COMPLAINT.0, Rest::Dropped);
        let until = Instant::now() + start.patience;
        Ok(Self {
            process,
            ended: false,
            stopped: None,
            words: Some(words),
            answers,
            complaint,
            start,
            until,
        })
    }

    /// The next thing that it says; none when it says no more.
    ///
    /// # Errors
    /// [`ChildError`] where it says nothing in time, or what is no answer.
    pub fn answer<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ChildError> {
        let part = self.start.part;
        let unreadable = |error: String| ChildError::Unreadable(part, error);
        let line = loop {
            let left = self.until.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left.min(LOOK)) {
                Ok(line) => break line.map_err(|error| unreadable(error.to_string()))?,
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(self.late()),
                Err(RecvTimeoutError::Timeout) => self.look()?,
            }
        };
        let mut value: Value =
            serde_json::from_slice(&line).map_err(|error| unreadable(error.to_string()))?;
        make_harmless(&mut value);
        serde_json::from_value(value).map(Some).map_err(|error| unreadable(error.to_string()))
    }

    /// Tells it to go on.
    pub fn go_on(&mut self) {
        // When it is gone, its end says why.
        let _ = self.words.as_ref().map(|words| words.send(b"\n".to_vec()));
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`ChildError`] where it did not end well.
    pub fn finish(mut self) -> Result<(), ChildError> {
        self.words = None;
        let part = self.start.part;
        let until = self.until.max(Instant::now() + END);
        let status = loop {
            let next = until.min(Instant::now() + LOOK);
            let status =
                program::wait(&mut self.process, next).map_err(|error| ChildError::Start(part, error))?;
            match status {
                Some(status) => break status,
                None if next == until => return Err(self.late()),
                None => self.look()?,
            }
        };
        self.ended = true;
        if status.success() {
            return Ok(());
        }
        let signal = status.signal().and_then(Signal::from_named_raw);
        if signal.is_some_and(|signal| FROM_OUTSIDE.contains(&signal)) {
            return Err(ChildError::Ended { part, status, then: self.start.then });
        }
        let (complaint, _) = self.complaint.recv_timeout(END).unwrap_or_default();
        let complaint = String::from_utf8_lossy(&complaint);
        let why = complaint.trim().trim_start_matches("banbridge: ");
        match status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(code) if !why.is_empty() => {
                let why = one_line(why, COMPLAINT.1).into_owned();
                Err(ChildError::Failed { part, why, exit: Exit::from_code(code) })
            }
            _ => Err(ChildError::Silent(part, status)),
        }
    }

    /// Whether it stands still for too long.
    fn look(&mut self) -> Result<(), ChildError> {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let state = pid.and_then(|pid| waitid(WaitId::Pid(pid), options).ok().flatten());
        if !state.is_some_and(|state| state.stopped()) {
            self.stopped = None;
            return Ok(());
        }
        match self.stopped.get_or_insert_with(Instant::now).elapsed() < STOPPED {
            true => Ok(()),
            false => Err(ChildError::Stopped { part: self.start.part, then: self.start.then }),
        }
    }

    fn late(&self) -> ChildError {
        let Start { part, then, patience, .. } = self.start;
        ChildError::Late { part, patience, then }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Its parent gave up: it must not go on alone.
        if !self.ended {
            program::kill(&mut self.process);
        }
    }
}

/// Reads lines in a thread of its own. After the last one the receiver is told nothing more.
fn lines(stdout: Option<impl Read + Send + 'static>) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout.into_iter().next()?.take(ANSWERS));
        loop {
            let mut line = Vec::new();
            let read = match reader.read_until(b'\n', &mut line) {
                Ok(0) => return Some(()),
                Ok(_) if reader.get_ref().limit() == 0 => {
                    Err(io::Error::other(format!("it is longer than {} MB", ANSWERS >> 20)))
                }
                read => read.map(|_| line),
            };
            let last = read.is_err();
            if sender.send(read).is_err() || last {
                return Some(());
            }
        }
    });
    receiver
}

/// Makes all text of a value fit to be shown.
fn make_harmless(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(harmless) = one_line(text, TEXT) {
                *text = harmless;
            }
        }
        Value::Array(all) => all.iter_mut().for_each(make_harmless),
        Value::Object(all) => {
            for (name, mut value) in std::mem::take(all) {
                make_harmless(&mut value);
                all.insert(one_line(&name, TEXT).into_owned(), value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The child's first act, before it reads anything and before any thread: becomes `owner`, away from every terminal,
/// and is not to be looked into.
///
/// It is started as root and becomes that user here, not before it starts: a process of that user can be looked into
/// by any other, until it says no, and has root's terminal until it leaves it. One that was root never could and has
/// left it already.
pub fn give_up_root(owner: impl FnOnce() -> Result<(u32, u32)>) -> Result<()> {
    // Away from the administrator's terminal, so that nothing can be typed into it. Fails only for the leader of a
    // session, which has none.
    let _ = setsid();
    if geteuid().is_root() {
        let (user, group) = owner()?;
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

/// The second act: no way to new privileges, and limits.
pub fn limit() -> Result<()> {
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    rustix::thread::set_no_new_privs(true)?;
    setrlimit(Resource::As, limit(MEMORY))?;
    setrlimit(Resource::Cpu, limit(PROCESSOR))?;
    setrlimit(Resource::Core, limit(0))?;
    Ok(())
}

/// The child's work, from its standard input.
///
/// # Errors
/// What came is no description of work.
pub fn work<T: DeserializeOwned>() -> Result<T> {
    let mut line = Vec::new();
    io::stdin().lock().take(WORK).read_until(b'\n', &mut line)?;
    serde_json::from_slice(&line).map_err(|_| {
        Failure::new(Exit::Usage, "this command is a part of banbridge and is started by it alone")
    })
}

/// Says something to the parent. When nobody reads any more, the parent is gone and so will we be.
pub fn say(answer: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(answer) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Waits until the parent says to go on.
///
/// # Errors
/// The parent is gone.
pub fn wait_for_parent() -> Result<()> {
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer)? {
        0 => Err(Failure::new(Exit::TryAgain, "the run ended")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_text_of_an_answer_is_harmless() {
        let mut value = serde_json::json!({ "a\u{1b}": ["b\u{202e}c", 7, null, { "d": "e\nf" }] });
        make_harmless(&mut value);
        assert_eq!(value, serde_json::json!({ "a\\u{1b}": ["b\\u{202e}c", 7, null, { "d": "e\\nf" }] }));
    }

    #[test]
    fn answers_are_read_line_by_line_within_a_bound() {
        let all: Vec<_> = lines(Some(&b"1\n22\n3"[..])).iter().map(io::Result::unwrap).collect();
        assert_eq!(all, [&b"1\n"[..], b"22\n", b"3"]);
        let endless = lines(Some(io::repeat(b'x')));
        assert!(endless.recv().unwrap().is_err_and(|error| error.to_string().contains("longer")));
        assert!(endless.recv().is_err());
    }

    #[test]
    fn how_a_child_ended_decides_the_exit_code() {
        let status = |raw| ExitStatus::from_raw(raw);
        let table = [
            (ChildError::Late { part: "x", patience: END, then: "y." }, Exit::TryAgain),
            (ChildError::Ended { part: "x", status: status(9), then: "y." }, Exit::TryAgain),
            (ChildError::Stopped { part: "x", then: "y." }, Exit::TryAgain),
            (ChildError::Failed { part: "x", why: "z".into(), exit: Exit::Config }, Exit::Config),
            (ChildError::Silent("x", status(11)), Exit::Bug),
        ];
        for (error, exit) in table {
            assert_eq!(error.exit(), exit, "{error}");
            assert!(error.to_string().starts_with('x'), "{error}");
        }
    }
}
