//! Asks Asterisk's console, within bounds: time, output, and what the started program may see.
//!
//! The program is looked for in fixed directories, never in PATH; it gets an empty environment, no input, and as root
//! the rights of asterisk's user. It only speaks to the running Asterisk over its socket (`asterisk -rx COMMAND`).

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

const DIRECTORIES: [&str; 5] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin"];
/// Longest time for all questions together.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of one answer. Ten thousand contacts take one.
const MOST: u64 = 4 << 20;

/// Why Asterisk did not answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsteriskError {
    /// It is not there.
    #[error("there is no program asterisk in /usr/sbin and the like")]
    Missing,
    /// It cannot be started.
    #[error("asterisk cannot be asked: {0}")]
    Start(String),
    /// It does not run.
    #[error("Asterisk does not run or does not let its console in ({0})")]
    Down(String),
    /// It took too long.
    #[error("Asterisk did not answer within {} s", PATIENCE.as_secs())]
    Slow,
    /// It said too much.
    #[error("Asterisk's answer has no end")]
    Endless,
}

/// A console to ask questions of.
#[derive(Debug)]
pub struct Console {
    program: PathBuf,
    user: Option<(u32, u32)>,
    until: Instant,
}

impl Console {
    /// Finds the program. `user` is whom it is to run as, with his group; only root can choose.
    pub fn find(user: Option<(u32, u32)>) -> Result<Self, AsteriskError> {
        let program = DIRECTORIES
            .iter()
            .map(|directory| Path::new(directory).join("asterisk"))
            .find(|path| path.is_file())
            .ok_or(AsteriskError::Missing)?;
        Ok(Self { program, user, until: Instant::now() + PATIENCE })
    }

    /// What a command prints. None when this Asterisk does not know the command: a module is not loaded.
    pub fn ask(&self, command: &str) -> Result<Option<String>, AsteriskError> {
        let mut asked = Command::new(&self.program);
        match self.user {
            None => {
                asked.process_group(0);
            }
            // A session of its own besides: it must not type into root's terminal.
            Some((user, group)) => {
                asked = Command::new("/usr/bin/setsid");
                asked.arg(&self.program).uid(user).gid(group);
            }
        }
        asked
            .args(["-rx", command])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let child = asked.spawn().map_err(|error| AsteriskError::Start(error.to_string()))?;
        let (text, good) = finish(child, self.until)?;
        judge(&text, good)
    }
}

/// Everything that a child prints until it ends, and whether it ended well. It never outlives this.
fn finish(mut child: Child, until: Instant) -> Result<(String, bool), AsteriskError> {
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = output.take(MOST + 1).read_to_end(&mut bytes);
            // Nobody listens any more when the time was over.
            let _ = sender.send(read.map(|_| bytes));
        });
    }
    let read = receiver.recv_timeout(until.saturating_duration_since(Instant::now()));
    // Whatever happened, nothing of it stays: its whole group is ended.
    let wait_until =
        if matches!(&read, Ok(Ok(bytes)) if bytes.len() as u64 <= MOST) { until } else { Instant::now() };
    let status = wait(&mut child, wait_until);
    match (read, status) {
        (Ok(Ok(bytes)), _) if bytes.len() as u64 > MOST => Err(AsteriskError::Endless),
        (Ok(Ok(bytes)), Some(good)) => Ok((String::from_utf8_lossy(&bytes).into_owned(), good)),
        (Ok(Err(error)), _) => Err(AsteriskError::Start(error.to_string())),
        _ => Err(AsteriskError::Slow),
    }
}

/// Waits for the end of a child, and ends it with all that it started when the time is over.
fn wait(child: &mut Child, until: Instant) -> Option<bool> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.success());
        }
        if Instant::now() >= until {
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// What an answer means.
fn judge(text: &str, good: bool) -> Result<Option<String>, AsteriskError> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    if !good || first.starts_with("Unable to connect") {
        let why = if first.is_empty() { "it said nothing" } else { first };
        return Err(AsteriskError::Down(crate::system::text::one_line(why, 100).into_owned()));
    }
    Ok((!first.starts_with("No such command")).then(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, patience: Duration) -> Result<(String, bool), AsteriskError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdout(Stdio::piped()).process_group(0);
        finish(command.spawn().unwrap(), Instant::now() + patience)
    }

    #[test]
    fn what_a_program_prints_is_read_and_its_end_is_known() {
        let long = Duration::from_secs(10);
        assert_eq!(run("echo hello", long), Ok(("hello\n".into(), true)));
        assert_eq!(run("echo no; exit 3", long), Ok(("no\n".into(), false)));
    }

    #[test]
    fn a_program_that_hangs_or_never_stops_talking_is_ended_with_all_it_started() {
        let started = Instant::now();
        assert_eq!(run("sleep 60 & sleep 60", Duration::from_millis(200)), Err(AsteriskError::Slow));
        assert_eq!(run("exec >&-; sleep 60", Duration::from_millis(200)), Err(AsteriskError::Slow));
        assert_eq!(run("yes", Duration::from_secs(20)), Err(AsteriskError::Endless));
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn an_answer_is_text_an_unknown_command_or_no_asterisk() {
        assert_eq!(judge("\nx\n", true), Ok(Some("\nx\n".into())));
        assert_eq!(judge("", true), Ok(Some(String::new())));
        assert_eq!(judge("No such command 'sip show peers' (type ...)\n", true), Ok(None));
        for (text, good) in [("Unable to connect to remote asterisk", true), ("x", false), ("", false)] {
            assert!(matches!(judge(text, good), Err(AsteriskError::Down(_))), "{text}");
        }
    }
}
