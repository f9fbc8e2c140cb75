//! Lines of a text, each bounded: a list without line ends must not be held in memory twice.

use std::io::{self, BufRead};

use memchr::memchr2;

/// The most bytes of one line that are looked at; the rest of it is passed over.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// One line without its end.
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    /// At most [`MAX_LINE`] of it.
    pub(super) bytes: &'a [u8],
    /// Whether it was longer.
    pub(super) is_cut: bool,
    /// Whether a line end stood behind it.
    pub(super) has_end: bool,
}

/// Reads line after line.
pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::with_capacity(512), number: 0 }
    }

    /// The next line; none at the end. A line ends with LF, with CR and LF, or with CR.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let (mut has_end, mut any) = (false, false);
        while !has_end {
            let there = self.input.fill_buf()?;
            if there.is_empty() {
                break;
            }
            any = true;
            let end = memchr2(b'\n', b'\r', there);
            let text = &there[..end.unwrap_or(there.len())];
            // One byte more than is looked at tells a longer line; its rest is passed over.
            let room = (MAX_LINE + 1).saturating_sub(self.buffer.len());
            self.buffer.extend(&text[..text.len().min(room)]);
            let ends_with_cr = end.is_some_and(|end| there[end] == b'\r');
            let read = text.len() + usize::from(end.is_some());
            self.input.consume(read);
            if ends_with_cr && self.input.fill_buf()?.first() == Some(&b'\n') {
                self.input.consume(1);
            }
            has_end = end.is_some();
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        let is_cut = self.buffer.len() > MAX_LINE;
        // Whether the end of a line came does not matter for one that is refused.
        Ok(Some(Line { number: self.number, bytes: &self.buffer, is_cut, has_end: has_end || is_cut }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_cut_and_freed_of_their_ends() {
        let text = [b"a\r\nb\r\r".as_slice(), &[b'x'; MAX_LINE + 9], b"\nlast"].concat();
        let mut lines = Lines::new(io::BufReader::with_capacity(7, text.as_slice()));
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push((line.number, line.bytes.len(), line.is_cut, line.has_end));
        }
        let long = MAX_LINE + 1;
        assert_eq!(
            seen,
            [
                (1, 1, false, true),
                (2, 1, false, true),
                (3, 0, false, true),
                (4, long, true, true),
                (5, 4, false, false)
            ]
        );
    }
}
