//! Compressed text, told by its first bytes, since names and servers say it in three ways or not at all.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// Bytes that are needed to tell.
const HEAD: u64 = 6;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not compressed in any way that is known.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// In a form that is not read here.
    Other(Foreign),
}

/// A form that is not read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// A zip file.
    Zip,
    /// Text in UTF-16.
    Utf16,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xz => "compressed with xz",
            Self::Bzip2 => "compressed with bzip2",
            Self::Zip => "a zip file",
            Self::Utf16 => "text in UTF-16",
        })
    }
}

impl Compression {
    /// What these first bytes say.
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Self::Other(Foreign::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', ..] => Self::Other(Foreign::Bzip2),
            [b'P', b'K', 3, 4, ..] => Self::Other(Foreign::Zip),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Self::Other(Foreign::Utf16),
            _ => Self::None,
        }
    }
}

/// Takes one layer of compression off; what is not read here comes as it is.
///
/// # Errors
/// Those of the input. A reader of a compressed text that ends in the middle fails with [`ErrorKind::UnexpectedEof`].
pub fn decompress<'a>(mut input: impl Read + 'a) -> io::Result<(Compression, Box<dyn Read + 'a>)> {
    let mut head = Vec::new();
    input.by_ref().take(HEAD).read_to_end(&mut head)?;
    let compression = Compression::of(&head);
    let whole = BufReader::with_capacity(64 * 1024, Cursor::new(head).chain(input));
    Ok((
        compression,
        match compression {
            Compression::Gzip => Box::new(Gzip { member: Some(GzDecoder::new(whole)) }),
            Compression::Zstd => Box::new(Zstd { frame: None, rest: Some(whole) }),
            Compression::None | Compression::Other(_) => Box::new(whole),
        },
    ))
}

type Rest<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// All members of a gzip file. What follows the last one and is none is no part of it, as gzip has it.
struct Gzip<R: Read> {
    member: Option<GzDecoder<Rest<R>>>,
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            match member.read(buffer)? {
                0 if !buffer.is_empty() => {}
                length => return Ok(length),
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { return Ok(0) };
            if Compression::of(rest.fill_buf()?) == Compression::Gzip {
                self.member = Some(GzDecoder::new(rest));
            }
        }
    }
}

/// All frames of a zstd text: the library's reader ends with the first one.
struct Zstd<R: Read> {
    frame: Option<StreamingDecoder<Rest<R>, FrameDecoder>>,
    rest: Option<Rest<R>>,
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                match frame.read(buffer).map_err(|error| told_apart(&error))? {
                    0 => self.rest = self.frame.take().map(StreamingDecoder::into_inner),
                    length => return Ok(length),
                }
            }
            let Some(mut rest) = self.rest.take() else { return Ok(0) };
            if rest.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.frame = Some(StreamingDecoder::new(rest).map_err(|error| told_apart(&error))?);
        }
    }
}

/// An error of the decoder; one whose cause is the end of the input is told as that.
fn told_apart(error: &(dyn Error + 'static)) -> io::Error {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    // No honest chain is this long.
    for _ in 0..16 {
        let Some(cause) = next else { break };
        let io = cause.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == ErrorKind::UnexpectedEof) {
            return io::Error::new(ErrorKind::UnexpectedEof, error.to_string());
        }
        next = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    io::Error::new(ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn read(bytes: &[u8]) -> (Compression, io::Result<Vec<u8>>) {
        let (compression, mut reader) = decompress(bytes).unwrap();
        let mut text = Vec::new();
        (compression, reader.read_to_end(&mut text).map(|_| text))
    }

    #[test]
    fn one_layer_is_taken_off_and_what_is_not_compressed_stays() {
        let text = b"one\ntwo\n".as_slice();
        let twice = [gzip(text), gzip(text)].concat();
        let frames = [zstd(text), zstd(text)].concat();
        let table = [
            (text, Compression::None, text.to_vec()),
            (b"", Compression::None, Vec::new()),
            (&gzip(text), Compression::Gzip, text.to_vec()),
            (&twice, Compression::Gzip, text.repeat(2)),
            (&[&twice, b"\0\0\0".as_slice()].concat(), Compression::Gzip, text.repeat(2)),
            (&[&twice, b"rubbish".as_slice()].concat(), Compression::Gzip, text.repeat(2)),
            (&zstd(text), Compression::Zstd, text.to_vec()),
            (&frames, Compression::Zstd, text.repeat(2)),
            (b"\xfd7zXZ\0 x", Compression::Other(Foreign::Xz), b"\xfd7zXZ\0 x".to_vec()),
            (b"BZh91AY", Compression::Other(Foreign::Bzip2), b"BZh91AY".to_vec()),
            (b"PK\x03\x04x", Compression::Other(Foreign::Zip), b"PK\x03\x04x".to_vec()),
            (b"\xff\xfex\0", Compression::Other(Foreign::Utf16), b"\xff\xfex\0".to_vec()),
        ];
        for (bytes, compression, expected) in table {
            let (found, text) = read(bytes);
            assert_eq!((found, text.unwrap()), (compression, expected));
        }
    }

    #[test]
    fn a_compressed_text_that_ends_in_the_middle_is_told_as_that() {
        for compressed in [gzip(&b"one\n".repeat(100)), zstd(&b"one\n".repeat(100))] {
            for length in HEAD as usize..compressed.len() {
                let error = read(&compressed[..length]).1.unwrap_err();
                assert_eq!(
                    error.kind(),
                    ErrorKind::UnexpectedEof,
                    "{length} of {}: {error}",
                    compressed.len()
                );
            }
        }
    }
}
