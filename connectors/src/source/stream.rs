//! The content of a file as a stream of bytes, decompressed, that may not have all come yet.
//!
//! The decoders of gzip and Zstandard pull from [`Raw`], which answers `WouldBlock` where a followed file has no more
//! bytes *for now*: both keep their place then, also in the middle of a member or frame, and go on when called again.
//!
//! A packed file has no seek: to go on at a position its content is decoded and skipped, in steps, so that a caller
//! with a budget stays responsive.

use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::packing::Packing;

const RAW_BUFFER_BYTES: usize = 32 * 1024;

/// Content is decoded in steps of this size whatever is asked for, so that what a decoder gives before it finds a
/// stream corrupt does not depend on the budget.
const DECODED_BUFFER_BYTES: usize = 64 * 1024;

/// What a read of a stream gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Poured {
    /// So many bytes.
    Bytes(usize),
    /// None, but so many before the position to begin at were decoded and skipped.
    Skipped(usize),
    /// None for now: the file may grow.
    Nothing,
    /// None any more.
    End,
    /// None any more, since the rest can't be read.
    Damaged(String),
}

/// Where a file's bytes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// After so many bytes.
    Bytes(u64),
    /// Where it ends now.
    Now,
    /// Not yet: more may come.
    Open,
}

/// A file's content from a position on.
pub(crate) struct Stream {
    file: Arc<File>,
    packing: Packing,
    extent: Extent,
    pipe: Pipe,
}

enum Pipe {
    Plain(Raw),
    Packed(Packed),
}

struct Packed {
    decoder: Decoder,
    decoded: Vec<u8>,
    given: usize,
    /// Decoded bytes still to be skipped.
    skip: u64,
    /// The position of what comes next, for starting over after a failed read.
    position: u64,
}

enum Decoder {
    Gzip(Box<MultiGzDecoder<Raw>>),
    Zstd(Box<ZstdDecoder<'static, Raw>>),
}

impl Stream {
    pub(crate) fn open(
        file: File,
        packing: Packing,
        from: u64,
        extent: Extent,
    ) -> io::Result<Stream> {
        let file = Arc::new(file);
        let pipe = Pipe::open(&file, packing, from, extent)?;
        Ok(Stream { file, packing, extent, pipe })
    }

    /// Reads into `into`, which is not empty.
    ///
    /// # Errors
    /// If the file can't be read. Reading again then goes on at the same byte.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<Poured> {
        match &mut self.pipe {
            Pipe::Plain(raw) => {
                let bytes = raw.read_file(into)?;
                Ok(match raw.extent {
                    _ if bytes > 0 => Poured::Bytes(bytes),
                    Extent::Open => Poured::Nothing,
                    Extent::Bytes(length) if raw.offset < length => {
                        let missing = length - raw.offset;
                        Poured::Damaged(format!(
                            "the file ends {missing} bytes before its length when it was opened"
                        ))
                    }
                    Extent::Bytes(_) | Extent::Now => Poured::End,
                })
            }
            Pipe::Packed(packed) => {
                let poured = packed.read(into, self.packing);
                if poured.is_err() {
                    // A decoder may forget that its input failed: it must not be asked again.
                    self.pipe = Pipe::open(&self.file, self.packing, packed.position, self.extent)?;
                }
                poured
            }
        }
    }

    /// What is not in the file by now will never come.
    pub(crate) fn close(&mut self) {
        self.extent = Extent::Now;
        match &mut self.pipe {
            Pipe::Plain(raw) => raw.extent = Extent::Now,
            Pipe::Packed(packed) => packed.decoder.raw_mut().extent = Extent::Now,
        }
    }

    /// How many bytes of the file itself were read.
    pub(crate) fn file_offset(&self) -> u64 {
        match &self.pipe {
            Pipe::Plain(raw) => raw.offset,
            Pipe::Packed(packed) => packed.decoder.raw().offset,
        }
    }

    /// What was read last, so many bytes of a file that is not compressed, is read once more.
    pub(crate) fn go_back(&mut self, bytes: usize) {
        if let Pipe::Plain(raw) = &mut self.pipe {
            raw.offset -= bytes as u64;
        }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

impl Pipe {
    fn open(file: &Arc<File>, packing: Packing, from: u64, extent: Extent) -> io::Result<Pipe> {
        let raw = |offset, buffer_bytes| Raw {
            file: Arc::clone(file),
            offset,
            extent,
            buffer: vec![0; buffer_bytes],
            at: 0,
            filled: 0,
        };
        let decoder = match packing {
            Packing::Plain => return Ok(Pipe::Plain(raw(from, 0))),
            Packing::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(raw(0, RAW_BUFFER_BYTES)))),
            Packing::Zstd => {
                Decoder::Zstd(Box::new(ZstdDecoder::with_buffer(raw(0, RAW_BUFFER_BYTES))?))
            }
        };
        Ok(Pipe::Packed(Packed {
            decoder,
            decoded: Vec::new(),
            given: 0,
            skip: from,
            position: from,
        }))
    }
}

impl Packed {
    fn read(&mut self, into: &mut [u8], packing: Packing) -> io::Result<Poured> {
        if self.given == self.decoded.len() {
            match self.decode(packing)? {
                Poured::Bytes(_) => {}
                other => return Ok(other),
            }
        }
        let here = &self.decoded[self.given..];
        if self.skip > 0 {
            let skipped = here.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            self.skip -= skipped as u64;
            self.given += skipped;
            return Ok(Poured::Skipped(skipped));
        }
        let bytes = here.len().min(into.len());
        into[..bytes].copy_from_slice(&here[..bytes]);
        self.given += bytes;
        self.position += bytes as u64;
        Ok(Poured::Bytes(bytes))
    }

    fn decode(&mut self, packing: Packing) -> io::Result<Poured> {
        self.given = 0;
        self.decoded.resize(DECODED_BUFFER_BYTES, 0);
        let read = loop {
            let read = match &mut self.decoder {
                Decoder::Gzip(decoder) => decoder.read(&mut self.decoded),
                Decoder::Zstd(decoder) => decoder.read(&mut self.decoded),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.decoded.truncate(*read.as_ref().unwrap_or(&0));
        let word = packing.word();
        match read {
            Ok(0) if self.skip > 0 => Ok(Poured::Damaged(format!(
                "the {word} stream ends {} bytes before the position to go on from",
                self.skip
            ))),
            Ok(0) => Ok(Poured::End),
            Ok(bytes) => Ok(Poured::Bytes(bytes)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.decoded = Vec::new();
                Ok(Poured::Nothing)
            }
            // The decoders' own errors carry no number of the operating system's.
            Err(error) if error.raw_os_error().is_some() => Err(error),
            // An empty file is no truncated one.
            Err(_) if self.decoder.raw().offset == 0 && self.skip == 0 => Ok(Poured::End),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Ok(Poured::Damaged(format!("truncated {word} stream")))
            }
            Err(error) => Ok(Poured::Damaged(format!("corrupt {word} stream: {error}"))),
        }
    }
}

impl Decoder {
    fn raw(&self) -> &Raw {
        match self {
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref(),
        }
    }

    fn raw_mut(&mut self) -> &mut Raw {
        match self {
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.get_mut(),
        }
    }
}

/// The file as it lies there.
struct Raw {
    file: Arc<File>,
    /// The next byte to read from the file.
    offset: u64,
    extent: Extent,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
}

impl Raw {
    /// Reads the file at the offset; 0 at its end, be it for now or for ever.
    fn read_file(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = match self.extent {
            Extent::Bytes(length) => {
                usize::try_from(length.saturating_sub(self.offset)).unwrap_or(usize::MAX)
            }
            Extent::Now | Extent::Open => usize::MAX,
        };
        let room = room.min(into.len());
        let into = &mut into[..room];
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            match self.file.read_at(into, self.offset) {
                Ok(bytes) => {
                    self.offset += bytes as u64;
                    return Ok(bytes);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl BufRead for Raw {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.filled {
            let mut buffer = std::mem::take(&mut self.buffer);
            let read = self.read_file(&mut buffer);
            self.buffer = buffer;
            (self.at, self.filled) = (0, read?);
            if self.filled == 0 && self.extent == Extent::Open {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
        Ok(&self.buffer[self.at..self.filled])
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let here = self.fill_buf()?;
        let bytes = here.len().min(into.len());
        into[..bytes].copy_from_slice(&here[..bytes]);
        self.consume(bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
