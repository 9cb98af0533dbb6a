//! A file as the library for Parquet wants to read it: any part of it, at any time.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A file with the length that it had when it was opened. Its readers share no place in it.
#[derive(Clone)]
pub(super) struct Chunks {
    file: Arc<File>,
    bytes: u64,
}

impl Chunks {
    pub(super) fn new(file: File, bytes: u64) -> Chunks {
        Chunks { file: Arc::new(file), bytes }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<Stretch>;

    fn get_read(&self, start: u64) -> Result<BufReader<Stretch>> {
        Ok(BufReader::new(Stretch { file: Arc::clone(&self.file), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.checked_add(length as u64);
        // What a file says of itself may be anything: it is not believed before memory is taken for it.
        if end.is_none_or(|end| end > self.bytes) {
            return Err(ParquetError::EOF(format!("{length} bytes from {start} on, and has not")));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// A file from a place on.
pub(super) struct Stretch {
    file: Arc<File>,
    at: u64,
}

impl Read for Stretch {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file.read_at(into, self.at)?;
        self.at += bytes as u64;
        Ok(bytes)
    }
}
