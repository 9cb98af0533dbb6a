//! A record as bytes and back.

use serde::Deserialize;

use super::{Breach, Digest, FORMAT, Record};

/// Why bytes are not a record that this build can read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Written by a newer build.
    #[error(
        "the record has format {found}, this build reads up to {FORMAT}: use the newer build that wrote it"
    )]
    NewerFormat {
        /// The record's format.
        found: u32,
    },
    /// Not JSON, or JSON of another shape.
    #[error("not a log record: {0}")]
    Shape(serde_json::Error),
    /// Readable, but not the bytes that this value is written as.
    #[error(
        "the record is not in canonical form: from byte {at} on it differs from how it is written"
    )]
    NotCanonical {
        /// The first byte that differs.
        at: usize,
    },
    /// Readable, but contradicts itself.
    #[error("the record contradicts itself: {0}")]
    Unsound(Breach),
}

/// Only what must be known before anything else may be judged.
#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

impl Record {
    /// The canonical bytes: JSON in the order of the fields, without a byte that could be otherwise.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record has only string keys and no foreign Serialize")
    }

    /// The record that `bytes` are.
    ///
    /// # Errors
    /// [`Unreadable`], naming what is wrong, for anything but the canonical bytes of a record that [`Record::check`]
    /// finds sound. A newer format is recognised before anything else, so that it is never called damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Record, Unreadable> {
        let Versioned { format } = serde_json::from_slice(bytes).map_err(Unreadable::Shape)?;
        if format > FORMAT {
            return Err(Unreadable::NewerFormat { found: format });
        }
        let record: Record = serde_json::from_slice(bytes).map_err(Unreadable::Shape)?;
        let canonical = record.to_bytes();
        if canonical != bytes {
            let at =
                canonical.iter().zip(bytes).take_while(|(ours, theirs)| ours == theirs).count();
            return Err(Unreadable::NotCanonical { at });
        }
        record.check().map_err(Unreadable::Unsound)?;
        Ok(record)
    }

    /// The SHA-256 of the canonical bytes: what the next record's `previous` must be.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}
