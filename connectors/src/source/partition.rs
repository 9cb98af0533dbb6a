//! A partition's reader, whatever its file is.

use quorate_schemas::time::Micros;

use super::cut::Cut;
use super::format::Format;
use super::found::{Found, Mark};
use super::notice::Notice;
use super::parquet::ParquetReader;
use super::reader::{FileReader, ReadStep};
use super::recognise::Entry;
use crate::decode::Wanted;
use crate::error::Error;
use crate::inlet::Limits;
use crate::kafka::TopicReader;

/// Reads one partition.
pub enum PartitionReader {
    /// Bytes, cut into rows.
    Bytes {
        /// What reads them.
        reader: Box<FileReader>,
        /// Up to where its bytes were asked for.
        told: u64,
    },
    /// Rows of columns.
    Parquet(Box<ParquetReader>),
    /// Messages of a topic.
    Topic(Box<TopicReader>),
}

impl PartitionReader {
    /// Opens what was found, to be read from its position on by a worker; only columns that are `wanted` are read where
    /// there are columns.
    ///
    /// # Errors
    /// As [`PartitionReader::of_file`], or [`Error::Kafka`] if the client of the brokers does not take it.
    pub fn open(
        found: &Found,
        worker: usize,
        wanted: &Wanted,
        limits: &Limits,
    ) -> Result<PartitionReader, Error> {
        match found {
            Found::File(entry) => PartitionReader::of_file(entry, wanted, limits),
            Found::Topic(entry) => Ok(PartitionReader::Topic(Box::new(TopicReader::open(
                entry, worker, wanted, limits,
            )?))),
        }
    }

    /// Opens an entry's file.
    ///
    /// # Errors
    /// [`Error::Reading`] if it can't be opened, or is not the file any more that the entry was made of;
    /// [`Error::SourceFile`] if it is not what its format promises.
    pub fn of_file(
        entry: &Entry,
        wanted: &Wanted,
        limits: &Limits,
    ) -> Result<PartitionReader, Error> {
        Ok(match entry.format {
            Format::Json | Format::Csv { .. } => PartitionReader::Bytes {
                reader: Box::new(FileReader::open(entry, limits)?),
                told: entry.next,
            },
            Format::Parquet => {
                PartitionReader::Parquet(Box::new(ParquetReader::open(entry, wanted, limits)?))
            }
        })
    }

    /// Where to go on.
    pub fn next(&self) -> u64 {
        match self {
            PartitionReader::Bytes { reader, .. } => reader.next(),
            PartitionReader::Parquet(reader) => reader.next(),
            PartitionReader::Topic(reader) => reader.next(),
        }
    }

    /// How many bytes were read since this was last asked, of rows that are whole.
    pub fn take_bytes(&mut self) -> u64 {
        match self {
            PartitionReader::Bytes { reader, told } => {
                let next = reader.next();
                next - std::mem::replace(told, next)
            }
            PartitionReader::Parquet(reader) => reader.take_bytes(),
            PartitionReader::Topic(reader) => reader.take_bytes(),
        }
    }

    /// How much of it was seen, bytes of the file itself or offsets of the topic: while it has no more, there is nothing
    /// to read.
    pub fn seen(&self) -> u64 {
        match self {
            PartitionReader::Bytes { reader, .. } => reader.file_bytes(),
            PartitionReader::Parquet(reader) => reader.file_bytes(),
            PartitionReader::Topic(reader) => reader.seen_end(),
        }
    }

    /// By what it is known again, as it is now.
    pub fn mark(&mut self) -> Mark {
        match self {
            PartitionReader::Bytes { reader, .. } => Mark::File(reader.mark().clone()),
            PartitionReader::Parquet(reader) => Mark::File(reader.mark().clone()),
            PartitionReader::Topic(reader) => Mark::Topic(reader.mark().clone()),
        }
    }

    /// Whether there is nothing to read because nobody wrote anything.
    pub fn is_caught_up(&self) -> bool {
        match self {
            PartitionReader::Bytes { .. } | PartitionReader::Parquet(_) => true,
            PartitionReader::Topic(reader) => reader.is_caught_up(),
        }
    }

    /// Whether it was read to its end.
    pub fn is_done(&self) -> bool {
        match self {
            PartitionReader::Bytes { reader, .. } => reader.is_done(),
            PartitionReader::Parquet(reader) => reader.is_done(),
            PartitionReader::Topic(reader) => reader.is_done(),
        }
    }

    /// What is new to say about the file.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        match self {
            PartitionReader::Bytes { reader, .. } => reader.take_notices(),
            PartitionReader::Parquet(reader) => reader.take_notices(),
            PartitionReader::Topic(reader) => reader.take_notices(),
        }
    }

    /// Reads about `budget_bytes`, and gives the rows in them. Never waits.
    ///
    /// # Errors
    /// [`Error::Reading`] if the file can't be read. What was given before stands; reading again goes on after it.
    pub fn read(
        &mut self,
        budget_bytes: usize,
        now_us: Micros,
        take: &mut dyn FnMut(Cut<'_>),
    ) -> Result<ReadStep, Error> {
        match self {
            PartitionReader::Bytes { reader, .. } => reader.read(budget_bytes, now_us, take),
            PartitionReader::Parquet(reader) => reader.read(budget_bytes, now_us, take),
            PartitionReader::Topic(reader) => reader.read(budget_bytes, now_us, take),
        }
    }
}
