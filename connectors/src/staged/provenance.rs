use parquet::file::metadata::{FileMetaData, KeyValue};
use quorate_schemas::log::RandomId;

use crate::error::{Error, Result};

/// The form of staged files that this build writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

const FORMAT_KEY: &str = "quorate.format";
const HOLDS_KEY: &str = "quorate.holds";

/// Who staged a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The job.
    pub job: String,
    /// Its log.
    pub log_id: RandomId,
    /// The incarnation that wrote the file.
    pub incarnation: u64,
}

impl Provenance {
    /// What goes into the metadata of a file that holds `holds`.
    pub(super) fn key_values(&self, holds: &str) -> Vec<KeyValue> {
        let pairs = [
            (FORMAT_KEY, FORMAT.to_string()),
            (HOLDS_KEY, holds.to_owned()),
            ("quorate.job", self.job.clone()),
            ("quorate.log", self.log_id.to_string()),
            ("quorate.incarnation", self.incarnation.to_string()),
        ];
        pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
    }
}

/// What the file `file` holds, if this build can read it.
pub(super) fn check_format(file: &str, metadata: &FileMetaData) -> Result<String> {
    let value = |key: &str| {
        let pairs = metadata.key_value_metadata().into_iter().flatten();
        pairs.filter(|pair| pair.key == key).find_map(|pair| pair.value.clone())
    };
    let foreign = || Error::Damaged {
        file: file.to_owned(),
        reason: "not a file of this program".to_owned(),
    };
    let found: u32 =
        value(FORMAT_KEY).and_then(|format| format.parse().ok()).ok_or_else(foreign)?;
    if found > FORMAT {
        return Err(Error::NewerFormat { file: file.to_owned(), found, known: FORMAT });
    }
    value(HOLDS_KEY).ok_or_else(foreign)
}
