//! One generated file: lines in, bytes out, compressed if asked.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;

use super::fleet::Compression;
use crate::error::Error;

/// Lines are handed on when so many bytes are together.
const BUFFER_BYTES: usize = 1 << 17;

/// A file being written. What is not finished with [`Output::finish`] lacks its end.
pub(super) struct Output {
    path: PathBuf,
    sink: Sink,
    buffer: Vec<u8>,
    rows: u64,
    bytes: u64,
}

enum Sink {
    Plain(File),
    Gz(GzEncoder<File>),
    Zst(zstd::Encoder<'static, File>),
}

/// How much a finished file holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) rows: u64,
    /// Before compression.
    pub(super) bytes: u64,
}

impl Output {
    /// A new file `name`, with what the compression adds to it, in `folder`.
    pub(super) fn create(
        folder: &Path,
        name: &str,
        compression: Compression,
    ) -> Result<Output, Error> {
        let path = folder.join(format!("{name}{}", compression.suffix()));
        match File::create_new(&path).and_then(|file| Sink::open(file, compression)) {
            Err(source) => Err(failed("create", &path, source)),
            Ok(sink) => {
                let buffer = Vec::with_capacity(2 * BUFFER_BYTES);
                Ok(Output { path, sink, buffer, rows: 0, bytes: 0 })
            }
        }
    }

    /// Adds the lines that `write` appends, `rows` of them.
    pub(super) fn add(&mut self, rows: u64, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
        let before = self.buffer.len();
        write(&mut self.buffer);
        self.rows += rows;
        self.bytes += (self.buffer.len() - before) as u64;
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.hand_on() }
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<Size, Error> {
        self.hand_on()?;
        match self.sink.close() {
            Ok(()) => Ok(Size { rows: self.rows, bytes: self.bytes }),
            Err(source) => Err(failed("write", &self.path, source)),
        }
    }

    fn hand_on(&mut self) -> Result<(), Error> {
        let written = self.sink.write(&self.buffer);
        self.buffer.clear();
        written.map_err(|source| failed("write", &self.path, source))
    }
}

impl Sink {
    fn open(file: File, compression: Compression) -> io::Result<Sink> {
        Ok(match compression {
            Compression::None => Sink::Plain(file),
            Compression::Gz => Sink::Gz(GzEncoder::new(file, flate2::Compression::fast())),
            Compression::Zst => Sink::Zst(zstd::Encoder::new(file, 0)?),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Sink::Plain(file) => file.write_all(bytes),
            Sink::Gz(encoder) => encoder.write_all(bytes),
            Sink::Zst(encoder) => encoder.write_all(bytes),
        }
    }

    fn close(self) -> io::Result<()> {
        match self {
            Sink::Plain(_) => Ok(()),
            Sink::Gz(encoder) => encoder.finish().map(drop),
            Sink::Zst(encoder) => encoder.finish().map(drop),
        }
    }
}

/// The error of a file operation.
pub(super) fn failed(doing: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Generate { doing, path: path.to_owned(), source }
}
