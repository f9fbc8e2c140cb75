//! The one runner of programs: within a time, with bounded output, and ended with all that it started when it takes
//! too long.
//!
//! The system's own programs are looked for in fixed directories, never through PATH and never at a path that a file
//! names: whoever can write that file would be root. Their environment is empty but for a fixed PATH (`iptables`
//! starts `modprobe`) and the locale.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::exit::Exit;
use super::failure::Classify;

/// Where programs are looked for, in this order: Debian keeps `nft` and `iptables` in /usr/sbin, EL7 too; /sbin is
/// the same directory on a merged system.
const DIRECTORIES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
/// Where programs that do not run as root may be besides: an Asterisk that somebody built.
const LOCAL: [&str; 1] = ["/usr/local/sbin"];
/// The PATH of every program.
pub(super) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// The PATH of an administrator's own program.
const LOCAL_PATH: &str = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The longest time a program may take. `nft` takes 2 s for 100,000 elements on two slow cores.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most that a program may print: a million elements as JSON are 80 MB.
const LARGEST: u64 = 256 << 20;
/// The most of its complaints that is kept.
const LARGEST_COMPLAINT: u64 = 16 << 10;

/// How a program ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained of, cut to length.
    pub stderr: String,
}

impl Output {
    /// Whether it did what it was asked.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Its first complaint, for a message of ours. `nft` names the place in its script first and the mistake behind
    /// it, on the same line.
    pub fn complaint(&self) -> String {
        let line = self.stderr.lines().map(str::trim).find(|line| !line.is_empty());
        match (line, self.code) {
            (Some(line), _) => line.chars().take(300).collect(),
            (None, Some(code)) => format!("exit code {code}"),
            (None, None) => "a signal ended it".to_owned(),
        }
    }
}

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// None of the fixed directories holds it.
    #[error("{0} is not installed (looked in {dirs})", dirs = DIRECTORIES.join(", "))]
    Missing(String),
    /// It cannot be started, or its end cannot be awaited.
    #[error("{0} cannot be run: {1}")]
    Run(String, std::io::Error),
    /// It took too long.
    #[error("{0} took over {1} s and was ended")]
    Late(String, u64),
    /// It printed more than it may.
    #[error("{0} printed over {1} MB and was ended")]
    TooMuch(String, u64),
    /// It ended with a failure: its first complaint.
    #[error("{0}: {1}")]
    Failed(String, String),
    /// It is the administrator's own and is not run as root.
    #[error("{0} is not run as root")]
    NotAsRoot(String),
}

impl Classify for ProgramError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing(_) | Self::Run(..) | Self::Late(..) | Self::TooMuch(..) | Self::Failed(..) => {
                Exit::Unreachable
            }
            Self::NotAsRoot(_) => Exit::Denied,
        }
    }
}

/// What runs programs. The tests have one of their own that records what it is asked.
pub trait Programs {
    /// Runs a program by its bare name, feeds it `stdin` and waits for its end. A failure of the program is no error
    /// here: it stands in the [`Output`].
    fn run(&self, name: &str, args: &[&str], stdin: Vec<u8>) -> Result<Output, ProgramError>;

    /// The same, and a failure of the program is an error.
    fn demand(&self, name: &str, args: &[&str], stdin: Vec<u8>) -> Result<Output, ProgramError> {
        let output = self.run(name, args, stdin)?;
        if output.succeeded() {
            Ok(output)
        } else {
            // Some name themselves first, as the message does.
            let complaint = output.complaint();
            let complaint = complaint.strip_prefix(&format!("{name}: ")).unwrap_or(&complaint);
            Err(ProgramError::Failed(name.to_owned(), complaint.to_owned()))
        }
    }
}

/// The system's programs.
#[derive(Debug, Clone, Copy)]
pub struct System {
    /// The longest time one may take.
    pub patience: Duration,
    /// The most bytes that one may print.
    pub largest: u64,
    /// User and group to run them as; none is who we are. A program that does not run as root may be anybody's.
    pub user: Option<(u32, u32)>,
}

impl Default for System {
    fn default() -> Self {
        Self { patience: PATIENCE, largest: LARGEST, user: None }
    }
}

impl System {
    /// For programs that ask a resolver that may not answer.
    pub fn for_slow_programs() -> Self {
        Self { patience: 20 * PATIENCE, ..Self::default() }
    }
}

/// Where a program is: the first file of that name in the fixed directories. To run `as_root` it must be root's and
/// nobody else may be able to write it.
fn find(name: &str, as_root: bool) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let fits = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|meta| {
            let safe = !as_root || (meta.uid() == 0 && meta.mode() & 0o022 == 0);
            meta.is_file() && safe && meta.mode() & 0o111 != 0
        })
    };
    let local = LOCAL.iter().filter(|_| !as_root);
    DIRECTORIES.iter().chain(local).map(|dir| Path::new(dir).join(name)).find(fits)
}

impl Programs for System {
    fn run(&self, name: &str, args: &[&str], stdin: Vec<u8>) -> Result<Output, ProgramError> {
        let as_root = self.user.is_none() && rustix::process::geteuid().is_root();
        let path = find(name, as_root).ok_or_else(|| ProgramError::Missing(name.to_owned()))?;
        let mut command = Command::new(&path);
        // A session of its own: it may be anybody's, and must not type into root's terminal.
        if let Some((user, group)) = self.user {
            let setsid = find("setsid", true).ok_or_else(|| ProgramError::Missing("setsid".to_owned()))?;
            command = Command::new(setsid);
            command.arg(&path).uid(user).gid(group);
        } else {
            // A process group of its own: Ctrl-C on our terminal does not end it halfway.
            command.process_group(0);
        }
        command.args(args).env_clear().env("PATH", PATH).stdout(Stdio::piped()).stderr(Stdio::piped());
        carry_out(command, name, stdin, self.patience, self.largest)
    }
}

/// Runs an administrator's own program, which is never root. What it prints is dropped.
///
/// # Errors
/// [`ProgramError`] where it did not end well.
pub fn run_theirs(path: &Path, stdin: Vec<u8>, patience: Duration) -> Result<(), ProgramError> {
    let name = path.display().to_string();
    if rustix::process::geteuid().is_root() {
        return Err(ProgramError::NotAsRoot(name));
    }
    let mut command = Command::new(path);
    command.process_group(0).env_clear().env("PATH", LOCAL_PATH).stdout(Stdio::null()).stderr(Stdio::null());
    let output = carry_out(command, &name, stdin, patience, 0)?;
    if output.succeeded() { Ok(()) } else { Err(ProgramError::Failed(name, output.complaint())) }
}

/// Starts a program, feeds it and waits for its end; ends it, with all that it started, where it takes or prints too
/// much.
fn carry_out(
    mut command: Command,
    name: &str,
    stdin: Vec<u8>,
    patience: Duration,
    largest: u64,
) -> Result<Output, ProgramError> {
    let failed = |error| ProgramError::Run(name.to_owned(), error);
    let until = Instant::now() + patience;
    let mut child =
        command.env("LC_ALL", "C").current_dir("/").stdin(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that ends without reading everything is judged by its exit code.
        thread::spawn(move || pipe.write_all(&stdin));
    }
    let stdout = collect(child.stdout.take(), largest, Rest::Left);
    let stderr = collect(child.stderr.take(), LARGEST_COMPLAINT, Rest::Dropped);
    let left = || until.saturating_duration_since(Instant::now());
    let late = || ProgramError::Late(name.to_owned(), patience.as_secs());
    let outcome = (|| {
        let (stdout, more) = stdout.recv_timeout(left()).map_err(|_| late())?;
        if more {
            return Err(ProgramError::TooMuch(name.to_owned(), largest >> 20));
        }
        let (stderr, _) = stderr.recv_timeout(left()).map_err(|_| late())?;
        let status = wait(&mut child, until).map_err(failed)?.ok_or_else(late)?;
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        Ok(Output { code: status.code(), stdout, stderr })
    })();
    if outcome.is_err() {
        kill(&mut child);
    }
    outcome
}

/// Waits for the end of a process, none when it is not there in time.
pub(super) fn wait(child: &mut Child, until: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() >= until => return Ok(None),
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Ends a process that leads a group, and all in that group, and takes its remains away; not waiting for ever if the
/// kernel holds it. Nobody may have waited for its end before: its number could be another process's by now.
pub(super) fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = wait(child, Instant::now() + Duration::from_secs(1));
}

/// What becomes of that which a pipe holds beyond what is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It stays in the pipe: whoever writes it is about to be ended.
    Left,
    /// It is read and dropped, so that the program is never blocked by it.
    Dropped,
}

/// Reads a pipe in a thread of its own: up to `largest` bytes, and whether there were more.
pub(super) fn collect(
    pipe: Option<impl Read + Send + 'static>,
    largest: u64,
    rest: Rest,
) -> mpsc::Receiver<(Vec<u8>, bool)> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut more = false;
        if let Some(mut pipe) = pipe {
            let _ = (&mut pipe).take(largest).read_to_end(&mut bytes);
            let mut over = [0; 4096];
            more = matches!(pipe.read(&mut over), Ok(1..));
            if more && rest == Rest::Dropped {
                while matches!(pipe.read(&mut over), Ok(1..)) {}
            }
        }
        // Nobody listens any more when the time was over.
        let _ = sender.send((bytes, more));
    });
    receiver
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;

    /// A way to run programs that follows a script and records what it was asked.
    pub(crate) struct Scripted<F> {
        answer: F,
        /// Program and arguments in one line, and standard input.
        pub(crate) asked: RefCell<Vec<(String, String)>>,
    }

    impl<F: Fn(&str, &str) -> Output> Scripted<F> {
        /// `answer` is told the command line and the standard input.
        pub(crate) fn new(answer: F) -> Self {
            Self { answer, asked: RefCell::default() }
        }
    }

    impl<F: Fn(&str, &str) -> Output> Programs for Scripted<F> {
        fn run(&self, name: &str, args: &[&str], stdin: Vec<u8>) -> Result<Output, ProgramError> {
            let line = [&[name], args].concat().join(" ");
            let stdin = String::from_utf8(stdin).unwrap();
            let output = (self.answer)(&line, &stdin);
            self.asked.borrow_mut().push((line, stdin));
            if output.code == Some(127) { Err(ProgramError::Missing(name.to_owned())) } else { Ok(output) }
        }
    }

    /// What a program printed that did well.
    pub(crate) fn printed(text: &str) -> Output {
        Output { code: Some(0), stdout: text.into(), stderr: String::new() }
    }

    /// A program that failed with a complaint.
    pub(crate) fn complained(text: &str) -> Output {
        Output { code: Some(1), stdout: Vec::new(), stderr: text.to_owned() }
    }

    fn run(script: &str, system: System) -> Result<Output, ProgramError> {
        system.run("sh", &["-c", script], b"given".to_vec())
    }

    #[test]
    fn a_program_gets_its_input_and_an_environment_of_ours() {
        let output = run("cat; env | sort; pwd; echo oh >&2; exit 3", System::default()).unwrap();
        assert_eq!(output.code, Some(3));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text, "givenLC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/\n/\n");
        assert_eq!(output.stderr, "oh\n");
    }

    #[test]
    fn a_program_is_not_found_by_a_path_or_outside_of_the_systems_directories() {
        for name in ["/bin/sh", "../bin/sh", "", "no-such-program"] {
            assert!(
                matches!(System::default().run(name, &[], vec![]), Err(ProgramError::Missing(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn one_that_does_not_end_is_killed_with_all_that_it_started() {
        let system = System { patience: Duration::from_millis(200), ..System::default() };
        let start = Instant::now();
        let error = run("sleep 60 & sleep 60", system).unwrap_err();
        assert!(matches!(error, ProgramError::Late(..)), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn what_outlives_a_program_and_holds_its_output_is_ended_too() {
        let dir = tempfile::tempdir().unwrap();
        let system = System { patience: Duration::from_millis(200), ..System::default() };
        for script in ["(sleep 0.7; touch FILE) & exit 0", "exec >&- 2>&-; sleep 0.7; touch FILE"] {
            let file = dir.path().join("file");
            let error = run(&script.replace("FILE", &file.display().to_string()), system).unwrap_err();
            assert!(matches!(error, ProgramError::Late(..)), "{error}");
            thread::sleep(Duration::from_millis(900));
            assert!(!file.exists(), "{script}");
        }
    }

    #[test]
    fn one_that_prints_too_much_is_killed_and_complaints_are_cut() {
        let system = System { largest: 1 << 20, ..System::default() };
        let error = run("yes", system).unwrap_err();
        assert!(matches!(error, ProgramError::TooMuch(..)), "{error}");
        let output = run("yes | head -c 1000000 >&2", System::default()).unwrap();
        assert_eq!(output.stderr.len() as u64, LARGEST_COMPLAINT);
    }

    #[test]
    fn a_large_input_that_is_not_read_does_no_harm() {
        let output = System::default().run("true", &[], vec![b'x'; 10 << 20]).unwrap();
        assert!(output.succeeded());
    }

    #[test]
    fn a_failure_is_told_by_its_first_complaint() {
        let error =
            System::default().demand("sh", &["-c", "echo; echo sh: bad >&2; exit 1"], vec![]).unwrap_err();
        assert_eq!(error.to_string(), "sh: bad");
        assert_eq!(Output { code: Some(4), ..Output::default() }.complaint(), "exit code 4");
    }
}
