//! Packed lists: gzip and zstd, told by their first bytes, since servers say it in three ways or not at all.
//!
//! What comes out is bounded like what goes in, so that a bomb of a few KiB ends as an error and not as a PBX
//! without memory.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::error::ListErrorKind;

/// Layers of packing that are taken off: a .gz file that its server packed once more.
const LAYERS: usize = 2;

/// The first thing that went wrong, remembered because readers above turn it into errors of their own.
type Cause = Rc<RefCell<Option<ListErrorKind>>>;

/// A text, unpacked if it was packed.
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
            let mut head = Vec::with_capacity(6);
            if let Err(error) = input.by_ref().take(6).read_to_end(&mut head) {
                return Err(cause.take().unwrap_or(error.into()));
            }
            let packing = Packing::of(&head)?;
            let whole = BufReader::new(Cursor::new(head).chain(input));
            let unpacked: Box<dyn Read + 'a> = match packing {
                Packing::Gzip => Box::new(MultiGzDecoder::new(whole)),
                Packing::Zstd => Box::new(Zstd { frame: None, rest: Some(whole) }),
                Packing::None => return Ok(Self { input: Box::new(whole), cause }),
            };
            input = layer(unpacked, true);
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

enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    fn of(head: &[u8]) -> Result<Self, ListErrorKind> {
        let other = |how: &str| Err(ListErrorKind::NotText { why: format!("it is {how}") });
        match head {
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => other("packed with xz"),
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', ..] => other("packed with bzip2"),
            [b'P', b'K', 3, 4, ..] => other("a zip file"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => other("text in UTF-16"),
            _ => Ok(Self::None),
        }
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
                let why = "the packed text ends in the middle".to_owned();
                return Err(self.note(ListErrorKind::CutOff { why }));
            }
            Err(error) => {
                let why = crate::system::text::one_line(&error.to_string(), 100).into_owned();
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

type Rest<'a> = BufReader<io::Chain<Cursor<Vec<u8>>, Box<dyn Read + 'a>>>;

/// All frames of a zstd text: the library's reader ends with the first one.
struct Zstd<'a> {
    frame: Option<StreamingDecoder<Rest<'a>, ruzstd::decoding::FrameDecoder>>,
    rest: Option<Rest<'a>>,
}

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                match frame.read(buffer)? {
                    0 => self.rest = self.frame.take().map(StreamingDecoder::into_inner),
                    length => return Ok(length),
                }
            }
            let Some(mut rest) = self.rest.take() else { return Ok(0) };
            if rest.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let frame = StreamingDecoder::new(rest).map_err(|error| {
                let cut = error.to_string().contains("failed to fill whole buffer");
                let kind = if cut { ErrorKind::UnexpectedEof } else { ErrorKind::InvalidData };
                io::Error::new(kind, error.to_string())
            })?;
            self.frame = Some(frame);
        }
    }
}
