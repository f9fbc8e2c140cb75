//! Which files are read, and how: rotated ones from the oldest on, packed ones unpacked, the logs of one kind as one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::coverage::Event;
use crate::coverage::scan::{Scanner, Seen};
use crate::coverage::stamp::Zone;
use crate::system::exit::Exit;
use crate::system::files;
use crate::system::text::one_line;

/// Logs of Asterisk that FreePBX or Asterisk itself writes: the last with what fail2ban needs.
const OF_ASTERISK: [&str; 4] = ["full", "messages", "security", "fail2ban"];
/// fail2ban's own.
const OF_FAIL2BAN: &str = "fail2ban.log";
/// Where fail2ban's stands.
const FAIL2BAN_DIRECTORY: &str = "/var/log";
/// How much of a file is looked at for the time at which it begins.
const BEGINNING: u64 = 256 * 1024;
/// The name of standard input.
const STDIN: &str = "-";

const PACKED: [&str; 4] = [".gz", ".bz2", ".xz", ".zst"];

/// What was found in one file.
#[derive(Debug, Clone, Serialize)]
pub struct OfFile {
    /// Which.
    pub file: String,
    /// Bytes that were read, unpacked.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Rejections whose address cannot be told.
    pub unclear: u64,
    /// Packets that SIP debugging wrote into it.
    pub packets: u64,
    /// What was wrong with it.
    pub problem: Option<String>,
    #[serde(skip)]
    pub exit: Exit,
    #[serde(skip)]
    pub span: Option<(i64, i64)>,
}

/// One log with its rotated files.
pub struct Log {
    files: VecDeque<PathBuf>,
    current: Option<(PathBuf, Scanner<Box<dyn Read>>)>,
    channel: u16,
    zone: Zone,
    bar: ProgressBar,
    /// What was found.
    pub found: Vec<OfFile>,
}

/// Paths to read: those that were named, or what is found in the usual places.
pub fn find(named: &[PathBuf], asterisk: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    if named.is_empty() {
        all.extend(in_directory(asterisk, &OF_ASTERISK).unwrap_or_default());
        all.extend(in_directory(Path::new(FAIL2BAN_DIRECTORY), &[OF_FAIL2BAN]).unwrap_or_default());
    }
    for path in named {
        if path.as_os_str() == STDIN {
            all.push(path.clone());
        } else if fs::metadata(path)?.is_dir() {
            all.extend(in_directory(path, &[OF_ASTERISK.as_slice(), &[OF_FAIL2BAN]].concat())?);
        } else {
            all.push(path.clone());
        }
    }
    let mut seen = BTreeSet::new();
    all.retain(|path| fs::metadata(path).map_or(true, |about| seen.insert((about.dev(), about.ino()))));
    Ok(all)
}

fn in_directory(directory: &Path, names: &[&str]) -> io::Result<Vec<PathBuf>> {
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

/// The name of a log without what rotation and packing add: `.1`, `-20261124`, `.gz`.
fn family(name: &str) -> &str {
    let name = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    if name[bare.len()..].starts_with(['.', '-']) { bare } else { name }
}

/// The zone in which this machine's logs are written: that of TZ, or the machine's own.
pub fn zone() -> TimeZone {
    let zoneinfo = Path::new("/usr/share/zoneinfo");
    let of_file = |path: &Path| fs::read(path).ok().and_then(|bytes| TimeZone::tzif("", &bytes).ok());
    let named = std::env::var("TZ").ok().filter(|name| !name.is_empty()).and_then(|name| {
        let path = Path::new(&name);
        let plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        let of_name = if plain { of_file(&zoneinfo.join(path)) } else { None };
        of_name.or_else(|| TimeZone::posix(&name).ok())
    });
    named.or_else(|| of_file(Path::new("/etc/localtime"))).unwrap_or(TimeZone::UTC)
}

impl Log {
    /// The logs that these files make up, and their size together. Files that ended before `since` are left out.
    pub fn all(paths: Vec<PathBuf>, zone: &Zone, since: i64, bar: &ProgressBar) -> (Vec<Self>, u64) {
        let mut families: BTreeMap<(PathBuf, String), Vec<(i64, PathBuf)>> = BTreeMap::new();
        let mut size = 0;
        for path in paths {
            let about = fs::metadata(&path).ok();
            // What was written last before then holds nothing from then on.
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
                bar: bar.clone(),
                found: Vec::new(),
            }
        };
        let channels = (0..).step_by(usize::from(Scanner::<io::Empty>::CHANNELS));
        (families.into_values().zip(channels).map(log).collect(), size)
    }

    fn end(&mut self, path: &Path, bytes: u64, seen: Seen, error: Option<&io::Error>) {
        let (problem, exit) = match error {
            Some(error) => broken(error),
            None => judged(&seen),
        };
        self.found.push(OfFile {
            file: shown(path),
            bytes,
            lines: seen.lines,
            unclear: seen.unclear,
            packets: seen.packets,
            problem,
            exit,
            span: seen.first.map(|first| (first, seen.last.unwrap_or(first))),
        });
    }
}

impl Iterator for Log {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((_, scanner)) = &mut self.current {
                let ended = match scanner.next_event() {
                    Ok(Some(event)) => return Some(event),
                    Ok(None) => None,
                    Err(error) => Some(error),
                };
                let (path, mut scanner) = self.current.take()?;
                self.end(&path, scanner.bytes(), scanner.seen(), ended.as_ref());
            }
            let path = self.files.pop_front()?;
            match open(&path, &self.bar) {
                Ok(input) => {
                    self.current = Some((path, Scanner::new(input, self.zone.clone(), self.channel)))
                }
                Err(error) => self.end(&path, 0, Seen::default(), Some(&error)),
            }
        }
    }
}

fn shown(path: &Path) -> String {
    match path.to_string_lossy() {
        name if name == STDIN => "standard input".to_owned(),
        name => one_line(&name, 200).into_owned(),
    }
}

/// What is wrong with a file that cannot be read, or not to its end.
fn broken(error: &io::Error) -> (Option<String>, Exit) {
    match error.kind() {
        ErrorKind::PermissionDenied => (Some(format!("it may not be read ({error})")), Exit::Denied),
        ErrorKind::UnexpectedEof => {
            (Some("it is packed and ends in the middle; what came before counts".to_owned()), Exit::Unusable)
        }
        _ => (Some(one_line(&error.to_string(), 300).into_owned()), Exit::Unusable),
    }
}

/// What is wrong with a file that was read.
fn judged(seen: &Seen) -> (Option<String>, Exit) {
    let refused = seen.first.is_none();
    let problem = if seen.without_year > 0 {
        let mend =
            "set the date format of Asterisk's logs to %F %T (FreePBX: Settings, Asterisk Logfile Settings)";
        match refused {
            true => format!("its times say no year, so it is of no use; {mend}"),
            false => format!("{} lines of it say no year and do not count; {mend}", seen.without_year),
        }
    } else if seen.without_time > 0 {
        match refused {
            true => "its times are in a form that is not known here, such as %m/%d/%Y; %F %T is".to_owned(),
            false => format!("{} lines of it have a time that cannot be read", seen.without_time),
        }
    } else if refused && seen.lines > 0 {
        "no line of it is of Asterisk's or fail2ban's log".to_owned()
    } else {
        return (None, Exit::Done);
    };
    (Some(problem), if refused { Exit::Unusable } else { Exit::Done })
}

/// When a file begins, as far as its first lines say it.
fn begins(path: &Path, zone: &Zone) -> Option<i64> {
    if path.as_os_str() == STDIN {
        return None;
    }
    let input = open(path, &ProgressBar::hidden()).ok()?.take(BEGINNING);
    let mut scanner = Scanner::new(input, zone.clone(), 0);
    while scanner.seen().first.is_none() && scanner.next_event().ok()?.is_some() {}
    scanner.seen().first
}

/// Tells the bar how far the file was read.
struct Counted<R> {
    input: R,
    bar: ProgressBar,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.bar.inc(length as u64);
        Ok(length)
    }
}

fn open(path: &Path, bar: &ProgressBar) -> io::Result<Box<dyn Read>> {
    let bar = bar.clone();
    if path.as_os_str() == STDIN {
        return unpacked(Counted { input: io::stdin(), bar });
    }
    unpacked(Counted { input: files::open_to_read(path)?, bar })
}

fn unpacked(mut input: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut head = Vec::with_capacity(6);
    input.by_ref().take(6).read_to_end(&mut head)?;
    let other = |how: &str, tool: &str| {
        let text = format!(
            "it is packed with {how}, which is not read here; {tool} -dc FILE | banbridge coverage -"
        );
        Err(io::Error::new(ErrorKind::Unsupported, text))
    };
    match head.as_slice() {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return other("xz", "xz"),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', ..] => return other("bzip2", "bzip2"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return other("zstd", "zstd"),
        _ => {}
    }
    let gzip = head.starts_with(&[0x1f, 0x8b]);
    let whole = Cursor::new(head).chain(input);
    Ok(match gzip {
        true => Box::new(MultiGzDecoder::new(BufReader::with_capacity(256 * 1024, whole))),
        false => Box::new(whole),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_known_by_its_name_however_it_was_rotated_and_packed() {
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
        let (mut logs, size) = Log::all(paths, &zone, i64::MIN, &ProgressBar::hidden());
        assert!(size > 200 && logs.len() == 2);
        let hosts: Vec<String> = logs[0].by_ref().map(|event| event.address.to_string()).collect();
        assert_eq!(hosts, ["203.0.113.22", "203.0.113.23", "203.0.113.24"]);
        assert_eq!(logs[1].by_ref().count(), 0);
        let problems: Vec<String> = logs[0].found.iter().filter_map(|of| of.problem.clone()).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().any(|text| text.contains("ends in the middle")), "{problems:?}");
        assert!(problems.iter().any(|text| text.contains("xz -dc FILE")), "{problems:?}");
        assert!(logs[1].found[0].problem.is_none(), "an empty log is nothing wrong");
    }
}
