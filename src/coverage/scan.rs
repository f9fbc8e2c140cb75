//! From the text of one log to its events.

use std::io::{self, Read};

use super::asterisk_log::{self, Finding, Packet};
use super::lines::Lines;
use super::stamp::{self, StampError, Zone};
use super::{Event, Kind, fail2ban_log};

/// Dated lines that are searched for a year before a log without any is given up.
const LOOKED_AT: u64 = 1_000;
/// How much is kept of a line that is shown as an example, in bytes.
const EXAMPLE: usize = 300;

/// The program that wrote a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Asterisk.
    Asterisk,
    /// syslog or journald, for Asterisk.
    Syslog,
    /// fail2ban.
    Fail2ban,
}

/// What a log contains besides its events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Lines, without those that were too long and skipped.
    pub lines: u64,
    /// Rejections that fit more than one address.
    pub unclear: u64,
    /// Lines that look like rejections, in a form that is not known.
    pub unknown: u64,
    /// Dated lines and rejections whose time has no year.
    pub without_year: u64,
    /// Dated lines and rejections whose time has an unknown form.
    pub without_time: u64,
    /// Packets that SIP debugging wrote into the log.
    pub packets: u64,
    /// The first of those, as it stands in the log.
    pub unknown_line: Option<Vec<u8>>,
    /// The first time that was read, seconds since 1970.
    pub first: Option<i64>,
    /// The last one.
    pub last: Option<i64>,
}

/// Reads a log and returns its events.
pub struct Scanner<R> {
    lines: Lines<R>,
    zone: Zone,
    channel: u16,
    writer: Option<Writer>,
    in_packet: bool,
    /// Where the line is that began a packet whose end was not read.
    packet_at: Option<u64>,
    /// A line without its colours.
    room: Vec<u8>,
    /// The last dated line's time, not parsed yet: its length and text.
    last_stamp: (usize, [u8; 48]),
    seen: Seen,
}

impl<R: Read> Scanner<R> {
    /// A scanner over a log; its events are of channels from `channel` on.
    pub fn new(input: R, zone: Zone, channel: u16) -> Self {
        Self {
            lines: Lines::new(input),
            zone,
            channel,
            writer: None,
            in_packet: false,
            packet_at: None,
            room: Vec::new(),
            last_stamp: (0, [0; 48]),
            seen: Seen::default(),
        }
    }

    /// How many channels one log can have.
    pub const CHANNELS: u16 = 4;

    /// What was seen so far.
    pub fn seen(&mut self) -> Seen {
        if let Some(at) = self.last_time() {
            self.seen.last = Some(self.seen.last.map_or(at, |last| last.max(at)));
        }
        self.seen.clone()
    }

    /// The time of the last dated line.
    fn last_time(&mut self) -> Option<i64> {
        let (length, text) = self.last_stamp;
        stamp::read(&text[..length]).ok().and_then(|stamp| self.zone.moment(stamp))
    }

    /// How many bytes were read so that reading can go on there: all lines that were returned, but for a packet whose
    /// end was not there yet. What an attacker wrote into it would be taken for lines.
    pub fn clean(&self) -> u64 {
        self.packet_at.unwrap_or_else(|| self.lines.position())
    }

    /// Which program wrote the log, if that is known yet.
    pub fn writer(&self) -> Option<Writer> {
        self.writer
    }

    /// The next event. None at the end, and in a log whose times have no year.
    ///
    /// # Errors
    /// Those of the reader. The events before that count.
    pub fn next_event(&mut self) -> io::Result<Option<Event>> {
        loop {
            let begins_at = self.lines.position();
            let Some(line) = self.lines.next_line()? else { return Ok(None) };
            self.seen.lines += 1;
            if self.in_packet {
                self.in_packet = line.trim_ascii() != asterisk_log::PACKET_END;
                self.packet_at = self.packet_at.filter(|_| self.in_packet);
                continue;
            }
            let line = asterisk_log::without_colours(line, &mut self.room);
            // Who wrote a log is known by its first line; a line of another writer's form is somebody's words.
            let dated = match self.writer {
                Some(Writer::Fail2ban) => None,
                Some(Writer::Asterisk) => of_asterisk(line),
                Some(Writer::Syslog) => of_syslog(line),
                None => of_asterisk(line).or_else(|| of_syslog(line)),
            };
            let found = if let Some((writer, stamp, message)) = dated {
                if self.seen.first.is_none() && self.writer.is_none() {
                    self.seen.read_time(stamp, &mut self.zone);
                    if self.seen.first.is_some() {
                        self.writer = Some(writer);
                    } else if self.seen.without_year + self.seen.without_time > LOOKED_AT {
                        return Ok(None);
                    } else {
                        continue;
                    }
                }
                self.last_stamp.0 = stamp.len();
                self.last_stamp.1[..stamp.len()].copy_from_slice(stamp);
                let Some(parts) = asterisk_log::split(stamp, message) else {
                    let Some(message) = asterisk_log::verbose(message) else { continue };
                    let succeeded = asterisk_log::success(message);
                    match asterisk_log::packet(message) {
                        None => {}
                        Some(Packet::Bytes(bytes)) => {
                            self.seen.packets += 1;
                            self.packet_at = (!self.lines.skip(bytes)?).then_some(begins_at);
                        }
                        Some(Packet::UntilEnd) => {
                            self.seen.packets += 1;
                            self.in_packet = true;
                            self.packet_at = Some(begins_at);
                        }
                    }
                    if let Some(address) = succeeded
                        && let Some(at) = self.last_time()
                    {
                        return Ok(Some(Event { at, address, kind: Kind::Success, channel: self.channel }));
                    }
                    continue;
                };
                match asterisk_log::find(&parts) {
                    Finding::Nothing => continue,
                    Finding::Unclear => {
                        self.seen.unclear += 1;
                        continue;
                    }
                    Finding::Unknown => {
                        self.seen.unknown += 1;
                        if self.seen.unknown_line.is_none() {
                            self.seen.unknown_line = Some(line[..line.len().min(EXAMPLE)].to_vec());
                        }
                        continue;
                    }
                    Finding::Rejected(kind, address) => {
                        (parts.stamp, kind, address, u16::from(parts.security))
                    }
                }
            } else {
                match line.first() {
                    Some(b'0'..=b'9') if matches!(self.writer, None | Some(Writer::Fail2ban)) => {
                        let Some(stamp) = fail2ban_log::stamp(line) else { continue };
                        if self.writer.is_none() {
                            self.seen.read_time(stamp, &mut self.zone);
                            self.writer = Some(Writer::Fail2ban);
                        }
                        let length = stamp.len().min(48);
                        self.last_stamp.0 = length;
                        self.last_stamp.1[..length].copy_from_slice(&stamp[..length]);
                        let Some(found) = fail2ban_log::read(line) else { continue };
                        (found.stamp, found.kind, found.address, 2 + u16::from(found.kind == Kind::Ban))
                    }
                    // The packet begins on a line of its own.
                    Some(b'<') if line.starts_with(asterisk_log::PACKET_BEGIN) => {
                        self.seen.packets += 1;
                        self.in_packet = true;
                        self.packet_at = Some(begins_at);
                        continue;
                    }
                    // It continues the line before.
                    _ => continue,
                }
            };
            let (stamp, kind, address, place) = found;
            match stamp::read(stamp).map(|stamp| self.zone.moment(stamp)) {
                Ok(Some(at)) => {
                    return Ok(Some(Event { at, address, kind, channel: self.channel + place }));
                }
                Err(StampError::NoYear) => self.seen.without_year += 1,
                Ok(None) | Err(StampError::Unknown) => self.seen.without_time += 1,
            }
        }
    }

    /// Bytes that were read.
    pub fn bytes(&self) -> u64 {
        self.lines.bytes
    }
}

/// Time and message of a line of Asterisk's own.
fn of_asterisk(line: &[u8]) -> Option<(Writer, &[u8], &[u8])> {
    asterisk_log::dated(line).map(|(stamp, message)| (Writer::Asterisk, stamp, message))
}

/// The same of a line of syslog. Asterisk's own time in it wins: it has a year more often.
fn of_syslog(line: &[u8]) -> Option<(Writer, &[u8], &[u8])> {
    let (stamp, message) = asterisk_log::of_syslog(line)?;
    let (stamp, message) = asterisk_log::dated(message).unwrap_or((stamp, message));
    Some((Writer::Syslog, stamp, message))
}

impl Seen {
    /// Adds what a later part of the same log contains.
    pub fn add(&mut self, later: &Self) {
        self.lines += later.lines;
        self.unclear += later.unclear;
        self.unknown += later.unknown;
        self.without_year += later.without_year;
        self.without_time += later.without_time;
        self.packets += later.packets;
        self.unknown_line = self.unknown_line.take().or_else(|| later.unknown_line.clone());
        self.first = self.first.or(later.first);
        self.last = self.last.max(later.last);
    }

    /// Reads the time of a dated line.
    fn read_time(&mut self, text: &[u8], zone: &mut Zone) {
        match stamp::read(text).map(|stamp| zone.moment(stamp)) {
            Ok(Some(at)) => self.first = Some(at),
            Err(StampError::NoYear) => self.without_year += 1,
            Ok(None) | Err(StampError::Unknown) => self.without_time += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn scan(text: &str) -> (Vec<String>, Seen) {
        let mut scanner = Scanner::new(text.as_bytes(), Zone::new(TimeZone::UTC), 8);
        let mut events = Vec::new();
        while let Some(event) = scanner.next_event().unwrap() {
            events.push(format!("{} {:?} {} {}", event.address, event.kind, event.at, event.channel));
        }
        (events, scanner.seen())
    }

    const AT: i64 = 1_795_503_510;

    #[test]
    fn events_come_with_their_time_and_channel_and_the_log_with_its_span() {
        let (events, seen) = scan(
            "Asterisk 20 started\n\
             [2026-11-24 06:58:00] VERBOSE[1] x.c: hello\n\
             [2026-11-24 06:58:30] NOTICE[1] manager.c: 203.0.113.7 failed to authenticate as 'admin'\n\
             [2026-11-24 06:58:31] SECURITY[1] res_security_log.c: SecurityEvent=\"InvalidAccountID\",RemoteAddress=\"IPV4/UDP/203.0.113.7/5060\"\n\
             [2026-11-24 06:59:00] VERBOSE[1] x.c: bye",
        );
        assert_eq!(
            events,
            [
                format!("203.0.113.7 Authentication {AT} 8"),
                format!("203.0.113.7 Authentication {} 9", AT + 1)
            ]
        );
        assert_eq!((seen.lines, seen.first, seen.last), (5, Some(AT - 30), Some(AT + 30)));
        let (events, seen) = scan(
            "2026-11-24 06:58:31,000 fail2ban.filter [9]: INFO [asterisk] Found 203.0.113.7 - 2026-11-24 06:58:30\n\
             2026-11-24 06:58:32,000 fail2ban.actions [9]: NOTICE [asterisk] Ban 203.0.113.7\n",
        );
        assert_eq!(events, [format!("203.0.113.7 Found {AT} 10"), format!("203.0.113.7 Ban {} 11", AT + 2)]);
        assert_eq!((seen.first, seen.last), (Some(AT + 1), Some(AT + 2)));
    }

    #[test]
    fn a_log_whose_times_have_no_year_has_no_events_and_says_so() {
        let line = "[Nov 24 06:58:30] NOTICE[1] manager.c: 203.0.113.7 failed to authenticate as 'admin'\n";
        let (events, seen) = scan(&line.repeat(3));
        assert_eq!((events.len(), seen.without_year, seen.first), (0, 3, None));
        let (events, seen) = scan(&line.repeat(5_000));
        assert_eq!((events.len(), seen.lines), (0, LOOKED_AT + 1), "given up early");
        let (events, seen) = scan(&line.replace("Nov 24", "11/24").repeat(3));
        assert_eq!((events.len(), seen.without_time, seen.first), (0, 3, None));
        // A log whose format was changed has both.
        let (events, seen) = scan(&format!("{line}{line}{}", line.replace("Nov 24", "2026-11-24")));
        assert_eq!((events.len(), seen.without_year, seen.first), (1, 2, Some(AT)));
        let (events, seen) = scan(&format!("{}{line}", line.replace("Nov 24", "2026-11-24")));
        assert_eq!((events.len(), seen.without_year), (1, 1));
    }

    #[test]
    fn colours_nulls_syslog_and_the_journal_do_not_hide_a_rejection() {
        let rejected = "203.0.113.7 failed to authenticate as 'admin'";
        let found = [format!("203.0.113.7 Authentication {AT} 8")];
        for line in [
            format!(
                "[2026-11-24 06:58:30] \x1b[1;33mNOTICE\x1b[0m[1234]: \x1b[1;37mmanager.c\x1b[0m:\x1b[1;37m28926\x1b[0m \x1b[1;37mauth\x1b[0m: {rejected}"
            ),
            format!("[2026-11-24 06:58:30] #033[1;33mNOTICE#033[0m[1234]: manager.c: {rejected}"),
            format!("\0\0\0[2026-11-24 06:58:30] NOTICE[1]: manager.c: {rejected}"),
            format!(
                "2026-11-24T06:58:30.123456+00:00 pbx asterisk[2210]: NOTICE[2211]: manager.c:12 in auth: {rejected}"
            ),
            format!(
                "2026-11-24T06:58:30+0000 pbx asterisk[2210]: NOTICE[2211][C-0000001a]: manager.c:12 in auth: {rejected}"
            ),
            format!(
                "2026-11-24T06:58:30+0000 pbx asterisk[2210]: [2026-11-24 06:58:30] NOTICE[2211] manager.c: {rejected}"
            ),
            format!(
                "Nov 24 06:58:30 pbx asterisk[2210]: [2026-11-24 06:58:30] NOTICE[2211] manager.c: {rejected}"
            ),
        ] {
            let (events, seen) = scan(&format!("{line}\n"));
            assert_eq!((events.as_slice(), seen.unknown), (found.as_slice(), 0), "{line}");
        }
        // The year stands nowhere.
        let (events, seen) = scan(&format!(
            "Nov 24 06:58:30 pbx asterisk[2210]: NOTICE[2211]: manager.c:12 in auth: {rejected}\n"
        ));
        assert_eq!((events.len(), seen.without_year), (0, 1));
        // Of another program.
        let (events, seen) =
            scan(&format!("2026-11-24T06:58:30+0000 pbx sshd[2210]: NOTICE[2211]: manager.c: {rejected}\n"));
        assert_eq!((events.len(), seen.first), (0, None));
        // In a log of Asterisk's own a line of syslog is somebody's words.
        let own = format!("[2026-11-24 06:58:30] NOTICE[1]: manager.c: {rejected}\n");
        let fake = own
            .replace("[2026-11-24 06:58:30] ", "2026-11-24T06:58:30+0000 pbx asterisk[2210]: ")
            .replace("203.0.113.7", "198.51.100.9");
        assert_eq!(scan(&format!("{own}{fake}")).0, found);
    }

    #[test]
    fn a_rejection_in_a_form_that_is_not_known_is_counted_and_shown() {
        let line = "[2026-11-24 06:58:30] NOTICE[1] chan_new.c: Registration of 1@x failed for '203.0.113.7' - Because";
        let (events, seen) =
            scan(&format!("{line}\n{line}\n[2026-11-24 06:58:31] NOTICE[1] x.c: Peer is now Reachable\n"));
        assert_eq!((events.len(), seen.unknown), (0, 2));
        assert_eq!(seen.unknown_line.as_deref(), Some(line.as_bytes()));
    }

    #[test]
    fn packets_in_the_log_are_not_read_as_lines_of_it() {
        let fake =
            "[2026-11-24 06:58:30] NOTICE[1] manager.c: 198.51.100.9 failed to authenticate as 'admin'\n";
        let real = fake.replace("198.51.100.9", "203.0.113.7");
        let packet = format!("INVITE sip:1@x SIP/2.0\r\n\r\n{fake}{fake}");
        let pjsip = format!(
            "[2026-11-24 06:58:29] VERBOSE[1] res_pjsip_logger.c: <--- Received SIP request ({} bytes) from UDP:203.0.113.7:5060 --->\n{packet}\n",
            packet.len()
        );
        let chan_sip = format!(
            "[2026-11-24 06:58:29] VERBOSE[1] chan_sip.c: <--- SIP read from UDP:203.0.113.7:5060 --->\n{packet}\n<------------->\n"
        );
        let older = chan_sip.replace("chan_sip.c: <", "chan_sip.c: \n<");
        for text in [pjsip, chan_sip, older] {
            let (events, seen) = scan(&format!("{text}{real}"));
            assert_eq!(events, [format!("203.0.113.7 Authentication {AT} 8")], "{text}");
            assert_eq!(seen.packets, 1);
        }
        // Nor are lines that look like the other program's.
        let other = "2026-11-24 06:58:30,000 fail2ban.filter [9]: INFO [asterisk] Found 198.51.100.9\n";
        assert_eq!(scan(&format!("{real}{other}")).0.len(), 1);
        assert_eq!(scan(&format!("{other}{real}")).0.len(), 1);
    }
}
