//! Lines of a text, each bounded: a list without line ends must not be held in memory twice.

use std::io::{self, BufRead, Read};

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

    /// The next line; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let most = MAX_LINE as u64 + 1;
        if self.input.by_ref().take(most).read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut has_end = self.buffer.pop_if(|byte| *byte == b'\n').is_some();
        let is_cut = !has_end && self.buffer.len() > MAX_LINE;
        if is_cut {
            // The whole rest, up to its end; whether that came does not matter for a line that is refused.
            self.input.skip_until(b'\n')?;
            has_end = true;
        }
        self.buffer.pop_if(|byte| *byte == b'\r');
        Ok(Some(Line { number: self.number, bytes: &self.buffer, is_cut, has_end }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_cut_and_freed_of_their_ends() {
        let text = [b"a\r\nb\n\n".as_slice(), &[b'x'; MAX_LINE + 9], b"\nlast"].concat();
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
