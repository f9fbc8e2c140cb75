//! Which log files are read, and how: rotated files from the oldest on, compressed ones decompressed, the files of one
//! log as one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::Event;
use super::listings::Span;
use super::scan::{Scanner, Seen};
use super::stamp::Zone;
use super::tally::{Tally, merge};
use crate::system::decompress::{Compression, Foreign, decompress};
use crate::system::exit::Exit;
use crate::system::failure::Classify;
use crate::system::files;
use crate::system::text::{count, one_line};

/// Logs of Asterisk that FreePBX or Asterisk itself writes: the last with what fail2ban needs.
pub(super) const ASTERISK_LOGS: [&str; 4] = ["full", "messages", "security", "fail2ban"];
/// fail2ban's own log.
const FAIL2BAN_LOG: &str = "fail2ban.log";
/// Where it is.
const FAIL2BAN_DIRECTORY: &str = "/var/log";
/// How much of a file is searched for its first time, in bytes.
const BEGINNING: u64 = 256 * 1024;
/// The most characters of a line that is shown.
const EXAMPLE: usize = 200;
/// The name of standard input.
const STDIN: &str = "-";
/// How to set the times that are read.
const DATE_FORMAT: &str =
    "set the date format of Asterisk's logs to %F %T (FreePBX: Settings, Asterisk Logfile Settings)";

/// What compression adds to a name.
const COMPRESSED: [&str; 4] = [".gz", ".bz2", ".xz", ".zst"];

/// Is told how much of the logs was read, to show progress.
pub trait Watch {
    /// There are that many bytes.
    fn size(&self, bytes: u64);
    /// That many more were read.
    fn read(&self, bytes: u64);
    /// The end.
    fn done(&self);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn size(&self, _: u64) {}
    fn read(&self, _: u64) {}
    fn done(&self) {}
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum NoLogs {
    /// A log that was named does not exist.
    #[error("log {path:?} does not exist")]
    Missing {
        /// Its path.
        path: PathBuf,
    },
    /// A log or directory that was named cannot be looked at.
    #[error("log {path:?} cannot be read: {cause}")]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// None was named, and there are none in the usual places.
    #[error("{directory:?} contains no logs. Name them: banbridge coverage LOG")]
    None {
        /// Where Asterisk's logs should be.
        directory: PathBuf,
    },
}

impl Classify for NoLogs {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } => Exit::Usage,
            Self::Unreadable { cause, .. } => cause.exit(),
            Self::None { .. } => Exit::Unusable,
        }
    }
}

/// What is wrong with one file.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// It cannot be opened or read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is compressed and not complete.
    #[error("the compressed file ends in the middle. The lines before that count")]
    CutOff,
    /// It is compressed and damaged.
    #[error("the compressed file is damaged ({0}). The lines before that count")]
    Damaged(String),
    /// It is compressed by something that is not read here.
    #[error("compressed with {0}, which banbridge does not read. Use: {0} -dc FILE | banbridge coverage -")]
    Compressed(&'static str),
    /// Its times have no year.
    #[error("its times have no year, so it does not count. Fix: {DATE_FORMAT}")]
    NoYear,
    /// That many lines have no year.
    #[error("{} without a year, not counted. Fix: {DATE_FORMAT}", count(*.0, "line", "lines"))]
    LinesWithoutYear(u64),
    /// Its times have a form that is not known.
    #[error("its times have an unknown form, such as %m/%d/%Y, so it does not count. Fix: {DATE_FORMAT}")]
    UnknownTimes,
    /// That many lines have a time of an unknown form.
    #[error("{} with a time of an unknown form, not counted", count(*.0, "line", "lines"))]
    LinesWithUnknownTime(u64),
    /// It is not a log of Asterisk or fail2ban.
    #[error(
        "it has no line of Asterisk or fail2ban. From the journal: journalctl -u asterisk -o short-iso | banbridge coverage -"
    )]
    NotALog,
}

impl Classify for FileProblem {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable(cause) => cause.exit(),
            Self::CutOff
            | Self::Damaged(_)
            | Self::Compressed(_)
            | Self::NoYear
            | Self::UnknownTimes
            | Self::NotALog => Exit::Unusable,
            // The other lines count.
            Self::LinesWithoutYear(_) | Self::LinesWithUnknownTime(_) => Exit::Done,
        }
    }
}

impl FileProblem {
    /// What it means that reading failed.
    fn of(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::CutOff,
            ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                Self::Damaged(one_line(&error.to_string(), 300).into_owned())
            }
            _ => Self::Unreadable(error),
        }
    }

    /// What is wrong with a file that was read to its end.
    pub(super) fn judge(seen: &Seen) -> Option<Self> {
        let useless = seen.first.is_none();
        match (seen.without_year, seen.without_time) {
            (1.., _) if useless => Some(Self::NoYear),
            (lines @ 1.., _) => Some(Self::LinesWithoutYear(lines)),
            (0, 1..) if useless => Some(Self::UnknownTimes),
            (0, lines @ 1..) => Some(Self::LinesWithUnknownTime(lines)),
            (0, 0) => (useless && seen.lines > 0).then_some(Self::NotALog),
        }
    }
}

impl Serialize for FileProblem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What was found in one file.
#[derive(Debug, Serialize)]
pub struct LogFile {
    /// Which.
    pub file: String,
    /// Bytes that were read, decompressed.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Rejections whose address is not certain.
    pub unclear: u64,
    /// Lines that look like rejections, in a form that is not known.
    pub unknown: u64,
    /// The first of those, harmless and cut.
    pub unknown_line: Option<String>,
    /// Packets that SIP debugging wrote into it.
    pub packets: u64,
    /// What is wrong with it.
    pub problem: Option<FileProblem>,
    /// The first and the last time in it.
    #[serde(skip)]
    pub span: Option<Span>,
}

impl LogFile {
    /// How the program ends because of this file alone.
    pub fn exit(&self) -> Exit {
        self.problem.as_ref().map_or(Exit::Done, Classify::exit)
    }
}

/// The time that the files cover, cut to what was asked for.
pub fn span(files: &[LogFile], asked: Span) -> Option<Span> {
    let first = files.iter().filter_map(|file| file.span).map(|span| span.0).min()?;
    let last = files.iter().filter_map(|file| file.span).map(|span| span.1).max()?;
    Some((first.max(asked.0), last.min(asked.1)))
}

/// Reads these files and counts what is in them from `since` on.
pub fn read(
    paths: Vec<PathBuf>,
    zone: &Zone,
    since: i64,
    watch: &dyn Watch,
    tally: &mut Tally<'_>,
) -> Vec<LogFile> {
    let (mut logs, size) = Log::all(paths, zone, since, watch);
    watch.size(size);
    merge(&mut logs, tally);
    watch.done();
    logs.into_iter().flat_map(|log| log.found).collect()
}

/// The files to read: those that were named, or those in the usual places.
///
/// # Errors
/// [`NoLogs`] if a named one does not exist, or there is none.
pub fn find(named: &[PathBuf], asterisk: &Path) -> Result<Vec<PathBuf>, NoLogs> {
    let mut all = Vec::new();
    if named.is_empty() {
        all.extend(in_directory(asterisk, &ASTERISK_LOGS).unwrap_or_default());
        all.extend(in_directory(Path::new(FAIL2BAN_DIRECTORY), &[FAIL2BAN_LOG]).unwrap_or_default());
    }
    for path in named {
        let failed = |cause: io::Error| match cause.kind() {
            ErrorKind::NotFound => NoLogs::Missing { path: path.clone() },
            _ => NoLogs::Unreadable { path: path.clone(), cause },
        };
        if path.as_os_str() == STDIN {
            all.push(path.clone());
        } else if fs::metadata(path).map_err(failed)?.is_dir() {
            let names = [ASTERISK_LOGS.as_slice(), &[FAIL2BAN_LOG]].concat();
            all.extend(in_directory(path, &names).map_err(failed)?);
        } else {
            all.push(path.clone());
        }
    }
    let mut seen = BTreeSet::new();
    all.retain(|path| fs::metadata(path).map_or(true, |about| seen.insert((about.dev(), about.ino()))));
    if all.is_empty() {
        return Err(NoLogs::None { directory: asterisk.to_owned() });
    }
    Ok(all)
}

pub(super) fn in_directory(directory: &Path, names: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if names.contains(&family(&name.to_string_lossy())) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The name of a log without what rotation and compression add: `.1`, `-20261124`, `.gz`.
fn family(name: &str) -> &str {
    let name = COMPRESSED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    if name[bare.len()..].starts_with(['.', '-']) { bare } else { name }
}

/// One log with its rotated files.
struct Log<'w> {
    files: VecDeque<PathBuf>,
    current: Option<(PathBuf, Scanner<Box<dyn Read + 'w>>)>,
    channel: u16,
    zone: Zone,
    watch: &'w dyn Watch,
    found: Vec<LogFile>,
}

impl<'w> Log<'w> {
    /// The logs that these files make up, and their size together. Files that ended before `since` are left out.
    fn all(paths: Vec<PathBuf>, zone: &Zone, since: i64, watch: &'w dyn Watch) -> (Vec<Self>, u64) {
        let mut families: BTreeMap<(PathBuf, String), Vec<(i64, PathBuf)>> = BTreeMap::new();
        let mut size = 0;
        for path in paths {
            let about = fs::metadata(&path).ok();
            // A file that was last written before then has nothing from then on.
            if about.as_ref().is_some_and(|about| about.mtime() < since) {
                continue;
            }
            size += about.map_or(0, |about| about.len());
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let key = (path.parent().unwrap_or(Path::new("")).to_owned(), family(&name).to_owned());
            families.entry(key).or_default().push((begins(&path, zone).unwrap_or(i64::MAX), path));
        }
        let log = |(mut files, channel): (Vec<(i64, PathBuf)>, u16)| {
            files.sort();
            Self {
                files: files.into_iter().map(|(_, path)| path).collect(),
                current: None,
                channel,
                zone: zone.clone(),
                watch,
                found: Vec::new(),
            }
        };
        let channels = (0..).step_by(usize::from(Scanner::<io::Empty>::CHANNELS));
        (families.into_values().zip(channels).map(log).collect(), size)
    }

    fn end(&mut self, path: &Path, bytes: u64, seen: Seen, problem: Option<FileProblem>) {
        self.found.push(LogFile {
            file: shown(path),
            bytes,
            lines: seen.lines,
            unclear: seen.unclear,
            unknown: seen.unknown,
            unknown_line: seen
                .unknown_line
                .as_ref()
                .map(|line| one_line(&String::from_utf8_lossy(line), EXAMPLE).into_owned()),
            packets: seen.packets,
            problem: problem.or_else(|| FileProblem::judge(&seen)),
            span: seen.first.map(|first| (first, seen.last.unwrap_or(first))),
        });
    }
}

impl Iterator for Log<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((_, scanner)) = &mut self.current {
                let ended = match scanner.next_event() {
                    Ok(Some(event)) => return Some(event),
                    Ok(None) => None,
                    Err(error) => Some(FileProblem::of(error)),
                };
                let (path, mut scanner) = self.current.take()?;
                self.end(&path, scanner.bytes(), scanner.seen(), ended);
            }
            let path = self.files.pop_front()?;
            match open(&path, self.watch) {
                Ok(input) => {
                    self.current = Some((path, Scanner::new(input, self.zone.clone(), self.channel)));
                }
                Err(problem) => self.end(&path, 0, Seen::default(), Some(problem)),
            }
        }
    }
}

pub(super) fn shown(path: &Path) -> String {
    match path.to_string_lossy() {
        name if name == STDIN => "standard input".to_owned(),
        name => one_line(&name, 200).into_owned(),
    }
}

/// When a file begins, as far as its first lines say it.
fn begins(path: &Path, zone: &Zone) -> Option<i64> {
    if path.as_os_str() == STDIN {
        return None;
    }
    let input = open(path, &Unwatched).ok()?.take(BEGINNING);
    let mut scanner = Scanner::new(input, zone.clone(), 0);
    while scanner.seen().first.is_none() && scanner.next_event().ok()?.is_some() {}
    scanner.seen().first
}

/// Tells the watch how much was read.
struct Watched<'w, R> {
    input: R,
    watch: &'w dyn Watch,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.watch.read(length as u64);
        Ok(length)
    }
}

fn open<'w>(path: &Path, watch: &'w dyn Watch) -> Result<Box<dyn Read + 'w>, FileProblem> {
    if path.as_os_str() == STDIN {
        return decompressed(Watched { input: io::stdin(), watch });
    }
    let input = files::open_to_read(path).map_err(FileProblem::Unreadable)?;
    decompressed(Watched { input, watch })
}

fn decompressed<'w>(input: impl Read + 'w) -> Result<Box<dyn Read + 'w>, FileProblem> {
    match decompress(input).map_err(FileProblem::Unreadable)? {
        (Compression::Other(Foreign::Xz), _) => Err(FileProblem::Compressed("xz")),
        (Compression::Other(Foreign::Bzip2), _) => Err(FileProblem::Compressed("bzip2")),
        (_, text) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_log_is_known_by_its_name_however_it_was_rotated_and_compressed() {
        let table = [
            ("full", "full"),
            ("full.1", "full"),
            ("full.12.gz", "full"),
            ("full-20261124", "full"),
            ("full-20261124.gz", "full"),
            ("full-2026-11-24.1.xz", "full"),
            ("fail2ban", "fail2ban"),
            ("fail2ban-20261124", "fail2ban"),
            ("fail2ban.log.2.gz", "fail2ban.log"),
            ("full_pbx2", "full_pbx2"),
            ("fullness", "fullness"),
            ("2026", "2026"),
            ("", ""),
        ];
        for (name, expected) in table {
            assert_eq!(family(name), expected, "{name}");
        }
    }

    #[test]
    fn rotated_files_are_one_log_from_the_oldest_on() {
        let dir = tempfile::tempdir().unwrap();
        let line = |day: u32| {
            format!(
                "[2026-11-{day} 06:58:30] NOTICE[1] manager.c: 203.0.113.{day} failed to authenticate as 'x'\n"
            )
        };
        let gz = |text: String| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut packer, text.as_bytes()).unwrap();
            packer.finish().unwrap()
        };
        for (name, text) in [
            ("full", line(24).into_bytes()),
            ("full.1", line(23).into_bytes()),
            ("full-20261122.gz", gz(line(22))),
            ("full.9.gz", gz(line(21) + &line(21))[..40].to_vec()),
            ("full.old", line(20).into_bytes()),
            ("full.7.xz", b"\xfd7zXZ\0".to_vec()),
            ("security", Vec::new()),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let paths = find(&[dir.path().to_owned()], Path::new("/nowhere")).unwrap();
        assert_eq!(paths.len(), 6);
        let zone = Zone::new(TimeZone::UTC);
        let (mut logs, size) = Log::all(paths, &zone, i64::MIN, &Unwatched);
        assert!(size > 200 && logs.len() == 2);
        let hosts: Vec<String> = logs[0].by_ref().map(|event| event.address.to_string()).collect();
        assert_eq!(hosts, ["203.0.113.22", "203.0.113.23", "203.0.113.24"]);
        assert_eq!(logs[1].by_ref().count(), 0);
        let problems: Vec<String> =
            logs[0].found.iter().filter_map(|file| Some(file.problem.as_ref()?.to_string())).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().any(|text| text.contains("ends in the middle")), "{problems:?}");
        assert!(problems.iter().any(|text| text.contains("xz -dc FILE")), "{problems:?}");
        assert!(logs[1].found[0].problem.is_none(), "an empty log is not a problem");
    }
}
