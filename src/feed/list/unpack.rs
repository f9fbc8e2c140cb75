//! Compressed lists. What comes out is bounded like what goes in, so that a bomb of a few KiB ends as an error and not
//! as a PBX without memory.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use super::error::ListErrorKind;
use crate::system::decompress::{Compression, decompress};
use crate::system::text::one_line;

/// Layers of compression that are taken off: a .gz file that its server compressed once more.
const LAYERS: usize = 2;

/// The first thing that went wrong, remembered because readers above turn it into errors of their own.
type Cause = Rc<RefCell<Option<ListErrorKind>>>;

/// A text, decompressed if it was compressed.
pub(super) struct Unpacked<'a> {
    input: Box<dyn Read + 'a>,
    cause: Cause,
}

impl<'a> Unpacked<'a> {
    pub(super) fn new(input: impl Read + 'a, limit: u64) -> Result<Self, ListErrorKind> {
        let cause = Cause::default();
        let layer = |input: Box<dyn Read + 'a>, decoder| -> Box<dyn Read + 'a> {
            Box::new(Layer { input, left: limit, limit, decoder, cause: Rc::clone(&cause) })
        };
        let mut input = layer(Box::new(input), false);
        for _ in 0..LAYERS {
            let (compression, text) =
                decompress(input).map_err(|error| cause.take().unwrap_or(error.into()))?;
            match compression {
                Compression::None => return Ok(Self { input: text, cause }),
                Compression::Gzip | Compression::Zstd => input = layer(text, true),
                Compression::Other(form) => {
                    return Err(ListErrorKind::NotText { why: format!("it is {form}") });
                }
            }
        }
        Ok(Self { input, cause })
    }

    /// What went wrong below, if anything did.
    pub(super) fn cause(&self) -> Option<ListErrorKind> {
        self.cause.take()
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

/// Bounds one layer and notes its errors.
struct Layer<'a> {
    input: Box<dyn Read + 'a>,
    left: u64,
    limit: u64,
    decoder: bool,
    cause: Cause,
}

impl Layer<'_> {
    fn note(&self, kind: ListErrorKind) -> io::Error {
        self.cause.borrow_mut().get_or_insert(kind);
        io::Error::other("see the cause")
    }
}

impl Read for Layer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match self.input.read(buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) if !self.decoder => return Err(self.note(error.into())),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                let why = "the compressed text ends in the middle".to_owned();
                return Err(self.note(ListErrorKind::CutOff { why }));
            }
            Err(error) => {
                let why = one_line(&error.to_string(), 100).into_owned();
                return Err(self.note(ListErrorKind::NotText { why }));
            }
        };
        match self.left.checked_sub(length as u64) {
            Some(left) => self.left = left,
            None => return Err(self.note(ListErrorKind::TooLarge { limit: self.limit / 1024 / 1024 })),
        }
        Ok(length)
    }
}
