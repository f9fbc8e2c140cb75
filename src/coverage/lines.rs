//! Lines of a log of any size, in bounded memory.

use std::io::{self, ErrorKind, Read};

use memchr::memchr;

/// How much is read at once; a longer line is skipped.
const BUFFER: usize = 256 * 1024;

/// The lines of a reader, without their ends.
pub struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// In the middle of a line that is longer than the buffer.
    skipping: bool,
    ended: bool,
    /// Bytes that were read.
    pub bytes: u64,
}

impl<R: Read> Lines<R> {
    /// The lines of a reader.
    pub fn new(input: R) -> Self {
        let buffer = vec![0; BUFFER];
        Self { input, buffer, start: 0, end: 0, skipping: false, ended: false, bytes: 0 }
    }

    /// The next line. The last line of a log that is still being written may be incomplete.
    ///
    /// # Errors
    /// Those of the reader; the lines before that were returned.
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        // The part of the buffer that was searched already.
        let mut searched = 0;
        loop {
            if let Some(length) = memchr(b'\n', &self.buffer[self.start + searched..self.end]) {
                let line = self.start..self.start + searched + length;
                self.start = line.end + 1;
                if std::mem::take(&mut self.skipping) {
                    searched = 0;
                    continue;
                }
                return Ok(Some(without_nulls(&self.buffer[line])));
            }
            if self.ended {
                let line = std::mem::replace(&mut self.start, self.end)..self.end;
                let whole = !line.is_empty() && !self.skipping;
                return Ok(whole.then(|| without_nulls(&self.buffer[line])));
            }
            // Copied and truncated while it is written, a log begins with as many NULs as it was long.
            let nulls = self.buffer[self.start..self.end].iter().take_while(|byte| **byte == 0).count();
            if !self.skipping {
                self.start += nulls;
            }
            searched = self.end - self.start;
            if searched == self.buffer.len() {
                (self.start, self.end, self.skipping, searched) = (0, 0, true, 0);
            } else if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, searched);
            }
            self.fill()?;
        }
    }

    /// How many bytes of the log the lines that were returned, and what was skipped, are.
    pub fn position(&self) -> u64 {
        self.bytes - (self.end - self.start) as u64
    }

    /// Skips that many bytes. Returns whether there were as many.
    pub fn skip(&mut self, mut bytes: u64) -> io::Result<bool> {
        loop {
            let there = (self.end - self.start) as u64;
            let step = bytes.min(there);
            self.start += usize::try_from(step).unwrap_or(0);
            bytes -= step;
            if bytes == 0 || self.ended {
                return Ok(bytes == 0);
            }
            (self.start, self.end) = (0, 0);
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(length) => {
                    self.end += length;
                    self.bytes += length as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
            return Ok(());
        }
    }
}

fn without_nulls(line: &[u8]) -> &[u8] {
    let nulls = line.iter().take_while(|byte| **byte == 0).count();
    &line[nulls..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns that many bytes at a time.
    struct Bits<'a>(&'a [u8], usize);

    impl Read for Bits<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(self.1).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn lines(text: &[u8], at_once: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(Bits(text, at_once));
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push(line.to_vec());
        }
        assert_eq!(lines.bytes, text.len() as u64);
        all
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_passed_over_and_its_neighbours_are_not() {
        for length in [BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER + 7] {
            let mut text = b"one\n".to_vec();
            text.extend(vec![b'x'; length]);
            text.extend(b"\ntwo\n");
            let all = lines(&text, 10_000);
            assert_eq!((&all[0], all.last().unwrap()), (&b"one".to_vec(), &b"two".to_vec()));
            assert_eq!(all.len(), if length < BUFFER { 3 } else { 2 }, "{length}");
            text.truncate(4 + length);
            assert_eq!(lines(&text, 10_000).len(), if length < BUFFER { 2 } else { 1 }, "{length}");
        }
    }

    #[test]
    fn the_nulls_of_a_log_that_was_truncated_are_no_part_of_its_first_line() {
        for nulls in [1, 100, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER + 7] {
            for at_once in [1_000, 100_000] {
                let text = [&vec![0; nulls][..], b"one\ntwo\n"].concat();
                assert_eq!(lines(&text, at_once), [b"one".to_vec(), b"two".to_vec()], "{nulls}");
            }
        }
    }

    #[test]
    fn bytes_are_passed_over_across_what_is_read_at_once() {
        for at_once in [1, 3, 100] {
            let mut lines = Lines::new(Bits(b"head\n12345\n789\ntail\n", at_once));
            assert_eq!(lines.next_line().unwrap(), Some(b"head".as_slice()));
            lines.skip(10).unwrap();
            assert_eq!(lines.next_line().unwrap(), Some(b"tail".as_slice()));
            lines.skip(u64::MAX).unwrap();
            assert_eq!(lines.next_line().unwrap(), None);
        }
    }

    proptest! {
        #[test]
        fn all_lines_come_whole_however_they_are_read(
            all in prop::collection::vec("[a-z]{0,9}", 0..20), at_once in 1usize..40
        ) {
            let text: String = all.iter().map(|line| format!("{line}\n")).collect();
            let expected: Vec<Vec<u8>> = all.iter().map(|line| line.clone().into_bytes()).collect();
            prop_assert_eq!(lines(text.as_bytes(), at_once), expected);
        }
    }
}
