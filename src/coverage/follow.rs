//! What came to Asterisk's logs since they were last read.
//!
//! A place in a log is its file, by device and inode, and how many bytes of it were read. A rotated file is read to its
//! end under its new name first; one that was truncated begins again, also where it is longer than before by now: its
//! first bytes are others. Only whole lines count, and no packet that SIP debugging is still writing: reading goes on
//! where it could stop cleanly. Text in the middle of a line or a packet is the sender's, and would be taken for a line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memchr::{memchr, memrchr};

use super::Event;
use super::logs::{ASTERISK_LOGS, FileProblem, in_directory, shown};
use super::scan::{Scanner, Seen};
use super::stamp::Zone;
use crate::system::files;
use crate::system::hash::fnv1a;
use crate::system::text::one_line;

/// How much of a file's beginning tells it from another, in bytes.
const HEAD: usize = 256;
/// How much is read before it is looked at how long that took, in bytes.
const CHUNK: u64 = 4 << 20;
/// How much is searched at once for the end of a line, in bytes.
const WINDOW: u64 = 64 << 10;
/// The longest packet that is waited for, in bytes: no UDP packet, and no message that Asterisk takes, is longer.
const LONGEST_PACKET: u64 = 256 << 10;
/// Events of one reading at most; what one second has beyond is the same flood.
const MOST_EVENTS: usize = 1_000_000;

/// Where reading of a log goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's device.
    pub device: u64,
    /// The file's inode.
    pub inode: u64,
    /// Bytes that were read.
    pub offset: u64,
    /// A hash of the file's first bytes.
    pub head: u64,
    /// How many bytes that are.
    pub head_length: u16,
    /// When reading this log began, in seconds since 1970.
    pub since: i64,
    /// What was wrong with it when it was read last, fit to be shown.
    pub note: Option<String>,
}

/// The places in all logs, by path.
pub type Places = BTreeMap<PathBuf, Place>;

/// How much one reading may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes. What a log has more is passed over.
    pub bytes: u64,
    /// Time. The next reading goes on.
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 64 << 20, time: Duration::from_secs(1) }
    }
}

/// What a reading found.
#[derive(Debug, Default)]
pub struct Followed {
    /// The events of all logs, in the order of their times.
    pub events: Vec<Event>,
    /// Where the next reading goes on.
    pub places: Places,
    /// What there is to tell that was not told before, one sentence each.
    pub news: Vec<String>,
    /// Whether there was more than the time allowed.
    pub is_behind: bool,
    /// Bytes that were read.
    pub bytes: u64,
}

/// The logs that are read, in this directory.
fn paths(directory: &Path) -> impl Iterator<Item = PathBuf> {
    ASTERISK_LOGS.iter().map(|name| directory.join(name))
}

/// Whether a log has something new. Opens nothing.
pub fn has_grown(directory: &Path, places: &Places) -> bool {
    paths(directory).any(|path| match (fs::metadata(&path), places.get(&path)) {
        (Err(_), _) => false,
        (Ok(about), None) => about.is_file() && about.len() > 0,
        (Ok(about), Some(place)) => {
            (about.dev(), about.ino(), about.len()) != (place.device, place.inode, place.offset)
        }
    })
}

/// Reads what is new since `places`. A log that is not known yet is read from its beginning, or the last `bounds.bytes`.
pub fn follow(directory: &Path, places: &Places, now: i64, zone: &Zone, bounds: Bounds) -> Followed {
    let until = Instant::now() + bounds.time;
    let mut found = Followed { places: places.clone(), ..Followed::default() };
    let mut left = bounds.bytes;
    let channels = (0..).step_by(usize::from(Scanner::<io::Empty>::CHANNELS));
    let mut logs: Vec<(u64, PathBuf, u16)> = paths(directory)
        .zip(channels)
        .filter_map(|(path, channel)| Some((fs::metadata(&path).ok()?.len(), path, channel)))
        .collect();
    // The small ones first: a flood in one log leaves the others their turn.
    logs.sort();
    for (_, path, channel) in logs {
        let mut log = Reading { zone, channel, until, left: &mut left, found: &mut found };
        let mut place =
            places.get(&path).cloned().unwrap_or_else(|| Place { since: now, ..Place::default() });
        let told = place.note.take();
        let is_new = !places.contains_key(&path);
        place.note = match log.read_log(&path, &mut place, is_new, bounds.bytes) {
            Ok(note) => note,
            Err(error) => Some(FileProblem::Unreadable(error).to_string()),
        };
        if let Some(note) = place.note.as_ref().filter(|note| told.as_ref() != Some(*note)) {
            found.news.push(format!("The log {}: {}", shown(&path), one_line(note, 300)));
        }
        found.places.insert(path, place);
    }
    found.events.sort_by_key(|event| event.at);
    found
}

/// One log being read.
struct Reading<'a> {
    zone: &'a Zone,
    channel: u16,
    until: Instant,
    left: &'a mut u64,
    found: &'a mut Followed,
}

impl Reading<'_> {
    /// Reads a log and what is left of its rotated file. Returns what to tell of it.
    fn read_log(
        &mut self,
        path: &Path,
        place: &mut Place,
        is_new: bool,
        most: u64,
    ) -> io::Result<Option<String>> {
        let file = files::open_to_read(path)?;
        let about = file.metadata()?;
        let mut note = None;
        if !is_new && (place.device, place.inode) != (about.dev(), about.ino()) {
            match rotated(path, place) {
                Some(old) => {
                    let end = old.metadata()?.len();
                    note = self.read_file(&old, place, end, (most, false))?;
                    if place.offset < end && self.is_over() {
                        return Ok(note);
                    }
                }
                None => note = Some("it was rotated, and its last lines are gone or compressed".to_owned()),
            }
            place.offset = 0;
        } else if about.len() < place.offset || !has_head(&file, place)? {
            place.offset = 0;
        }
        (place.device, place.inode) = (about.dev(), about.ino());
        if place.offset == 0 {
            place.head_length = 0;
        }
        if usize::from(place.head_length) < HEAD {
            (place.head, place.head_length) = head(&file, HEAD)?;
        }
        let end = last_line_end(&file, place.offset, about.len())?;
        let own = self.read_file(&file, place, end, (most, is_new))?;
        Ok(own.or(note))
    }

    /// Reads a file from the place on, up to `end`. At most: so many bytes; what an unknown log has more is no loss.
    fn read_file(
        &mut self,
        file: &File,
        place: &mut Place,
        end: u64,
        (most, is_new): (u64, bool),
    ) -> io::Result<Option<String>> {
        let mut note = None;
        if end.saturating_sub(place.offset) > most {
            let passed = end - most - place.offset;
            place.offset = next_line_begin(file, end - most, end)?;
            // What is older than the first reading is no loss.
            note = (!is_new)
                .then(|| format!("{} MB of it were passed over, it grew too fast", (passed >> 20).max(1)));
        }
        let began = place.offset;
        let mut all = Seen::default();
        while place.offset < end {
            if self.is_over() {
                self.found.is_behind = true;
                break;
            }
            let size = CHUNK.min(*self.left).min(end - place.offset);
            let mut stop = place.offset + size;
            if stop < end {
                stop = last_line_end(file, place.offset, stop)?;
            }
            if stop == place.offset {
                // A line that is longer than what is read at once.
                place.offset = next_line_begin(file, place.offset + size, end)?;
                *self.left = self.left.saturating_sub(size);
                continue;
            }
            let mut input = file;
            input.seek(SeekFrom::Start(place.offset))?;
            let mut scanner = Scanner::new(input.take(stop - place.offset), self.zone.clone(), self.channel);
            while let Some(event) = scanner.next_event()? {
                if self.found.events.len() < MOST_EVENTS {
                    self.found.events.push(event);
                }
            }
            let seen = scanner.seen();
            // A log whose times cannot be read is not read to the end; its lines are of no use.
            let gave_up = seen.first.is_none() && seen.without_year + seen.without_time > 0;
            let clean = if gave_up { stop - place.offset } else { scanner.clean() };
            all.add(&seen);
            self.found.bytes += scanner.bytes();
            *self.left = self.left.saturating_sub(scanner.bytes().max(1));
            // What is left is a packet that is being written; one that never ends is not waited for.
            let waits = place.offset + clean < stop;
            place.offset = match waits && stop - place.offset - clean > LONGEST_PACKET {
                true => stop,
                false => place.offset + clean,
            };
            if waits && stop == end {
                break;
            }
        }
        let problem = FileProblem::judge(&all);
        // Lines in the middle of a log may be without a time; its first ones are not.
        let problem = problem.filter(|problem| began == 0 || !matches!(problem, FileProblem::NotALog));
        Ok(problem.map(|problem| problem.to_string()).or(note))
    }

    fn is_over(&self) -> bool {
        *self.left == 0 || Instant::now() >= self.until
    }
}

/// The file that a log was rotated to, while it is not compressed.
fn rotated(path: &Path, place: &Place) -> Option<File> {
    let name = path.file_name()?.to_str()?;
    let siblings = in_directory(path.parent()?, &[name]).ok()?;
    let is_it = |file: &File| {
        file.metadata().is_ok_and(|about| (about.dev(), about.ino()) == (place.device, place.inode))
    };
    siblings.into_iter().filter_map(|sibling| files::open_to_read(&sibling).ok()).find(is_it)
}

/// A hash of the first bytes, `most` of them, and how many there were.
fn head(file: &File, most: usize) -> io::Result<(u64, u16)> {
    let mut bytes = [0; HEAD];
    let length = file.read_at(&mut bytes[..most.min(HEAD)], 0)?;
    Ok((fnv1a(bytes[..length].iter().copied()), u16::try_from(length).unwrap_or(0)))
}

fn has_head(file: &File, place: &Place) -> io::Result<bool> {
    Ok(head(file, usize::from(place.head_length))? == (place.head, place.head_length))
}

/// The end of the last whole line between two places; `from` where there is none.
fn last_line_end(file: &File, from: u64, end: u64) -> io::Result<u64> {
    let mut buffer = vec![0; usize::try_from(WINDOW).unwrap_or(0)];
    let mut end = end;
    while end > from {
        let begin = end.saturating_sub(WINDOW).max(from);
        let window = &mut buffer[..usize::try_from(end - begin).unwrap_or(0)];
        match file.read_exact_at(window, begin) {
            Ok(()) => {}
            // It was truncated meanwhile.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(from),
            Err(error) => return Err(error),
        }
        if let Some(at) = memrchr(b'\n', window) {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(from)
}

/// Where the first line begins after a place; `end` where none does.
fn next_line_begin(file: &File, from: u64, end: u64) -> io::Result<u64> {
    let mut buffer = vec![0; usize::try_from(WINDOW).unwrap_or(0)];
    let mut from = from;
    while from < end {
        let size = usize::try_from(WINDOW.min(end - from)).unwrap_or(0);
        let read = file.read_at(&mut buffer[..size], from)?;
        if read == 0 {
            break;
        }
        if let Some(at) = memchr(b'\n', &buffer[..read]) {
            return Ok(from + at as u64 + 1);
        }
        from += read as u64;
    }
    Ok(end)
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
