//! How objects are named in the store.

use std::fmt;

use super::Digest;

/// Below this lie the records.
pub const LOG_PREFIX: &str = "log/";

/// Below this lie the tables' files, a folder a table.
pub const TABLES_PREFIX: &str = "tables/";

/// Below this lie the retained files.
pub const RETAINED_PREFIX: &str = "retained/";

/// Below this lie the texts of the settings that records were written under.
pub const JOB_PREFIX: &str = "job/";

/// Where the text lies whose digest is `fingerprint`: all settings that results depend on, `key = value` a line.
pub fn job_path(fingerprint: &Digest) -> String {
    format!("{JOB_PREFIX}{fingerprint}.txt")
}

/// Where the hint lies: the `seq` of some late record. It saves listing and is never believed.
pub const HINT_PATH: &str = "latest";

/// The name of an object of ours.
///
/// Names of staged objects begin with the incarnation that made them, because sweeping depends on it. Parsing is
/// exact: a text is a name only if that name is written as this text. Whatever else lies in the store (Delta's own
/// log, files that others merged) has no name here and is left alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectName {
    /// `log/<seq>.json`, the number padded to 20 digits so that listings come in order.
    Log {
        /// The record's place.
        seq: u64,
    },
    /// `tables/<table>/<incarnation>-<checkpoint>-<worker>-<nr>.parquet`
    Table {
        /// The table.
        table: String,
        /// The incarnation that staged it.
        incarnation: u64,
        /// The checkpoint it belongs to.
        checkpoint: u64,
        /// The worker that wrote it.
        worker: u32,
        /// Which of the worker's files for this table and checkpoint.
        nr: u32,
    },
    /// `retained/<incarnation>-<checkpoint>-<worker>.parquet`
    Retained {
        /// The incarnation that staged it.
        incarnation: u64,
        /// The checkpoint it belongs to.
        checkpoint: u64,
        /// The worker that wrote it.
        worker: u32,
    },
    /// `retained/<incarnation>-<checkpoint>-<worker>-m<nr>.parquet`: a merged file.
    Merged {
        /// The incarnation that merged it.
        incarnation: u64,
        /// The newest checkpoint in it.
        checkpoint: u64,
        /// The worker that wrote it.
        worker: u32,
        /// Which of the incarnation's merges.
        nr: u32,
    },
}

impl ObjectName {
    /// The name that `path` is; `None` if it is none of ours.
    pub fn parse(path: &str) -> Option<ObjectName> {
        let name = if let Some(stem) = stem_below(path, LOG_PREFIX, ".json") {
            ObjectName::Log { seq: stem.parse().ok()? }
        } else if let Some(stem) = stem_below(path, RETAINED_PREFIX, ".parquet") {
            parse_retained(stem)?
        } else {
            parse_table(stem_below(path, TABLES_PREFIX, ".parquet")?)?
        };
        // Refuses what `parse` of integers tolerates: signs, missing or superfluous zeros.
        (name.to_string() == path).then_some(name)
    }

    /// The incarnation that made the object; `None` for a record, which says so inside.
    pub fn incarnation(&self) -> Option<u64> {
        match self {
            ObjectName::Log { .. } => None,
            ObjectName::Table { incarnation, .. }
            | ObjectName::Retained { incarnation, .. }
            | ObjectName::Merged { incarnation, .. } => Some(*incarnation),
        }
    }
}

fn stem_below<'a>(path: &'a str, prefix: &str, suffix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix)?.strip_suffix(suffix)
}

fn parse_retained(stem: &str) -> Option<ObjectName> {
    let parts: Vec<&str> = stem.split('-').collect();
    match parts[..] {
        [incarnation, checkpoint, worker] => Some(ObjectName::Retained {
            incarnation: incarnation.parse().ok()?,
            checkpoint: checkpoint.parse().ok()?,
            worker: worker.parse().ok()?,
        }),
        [incarnation, checkpoint, worker, nr] => Some(ObjectName::Merged {
            incarnation: incarnation.parse().ok()?,
            checkpoint: checkpoint.parse().ok()?,
            worker: worker.parse().ok()?,
            nr: nr.strip_prefix('m')?.parse().ok()?,
        }),
        _ => None,
    }
}

fn parse_table(stem: &str) -> Option<ObjectName> {
    let (table, stem) = stem.split_once('/')?;
    let parts: Vec<&str> = stem.split('-').collect();
    match parts[..] {
        [incarnation, checkpoint, worker, nr] if is_table_name(table) => Some(ObjectName::Table {
            table: table.to_owned(),
            incarnation: incarnation.parse().ok()?,
            checkpoint: checkpoint.parse().ok()?,
            worker: worker.parse().ok()?,
            nr: nr.parse().ok()?,
        }),
        _ => None,
    }
}

fn is_table_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(plain)
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectName::Log { seq } => write!(f, "{LOG_PREFIX}{seq:020}.json"),
            ObjectName::Table { table, incarnation, checkpoint, worker, nr } => {
                write!(f, "{TABLES_PREFIX}{table}/{incarnation}-{checkpoint}-{worker}-{nr}.parquet")
            }
            ObjectName::Retained { incarnation, checkpoint, worker } => {
                write!(f, "{RETAINED_PREFIX}{incarnation}-{checkpoint}-{worker}.parquet")
            }
            ObjectName::Merged { incarnation, checkpoint, worker, nr } => {
                write!(f, "{RETAINED_PREFIX}{incarnation}-{checkpoint}-{worker}-m{nr}.parquet")
            }
        }
    }
}

/// The content of the hint: the number in decimal digits.
pub fn hint_bytes(seq: u64) -> Vec<u8> {
    seq.to_string().into_bytes()
}

/// The number in a hint; `None` for anything else, since a hint that can't be read is no hint.
pub fn parse_hint(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}
