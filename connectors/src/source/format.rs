//! How rows are written in a source's files.

/// How rows are written. Compression is no matter of the format: it shows in a file's ending and first bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// Comma-separated values, as in RFC 4180: the first record of each file is its header.
    Csv {
        /// What stands between two cells: an ASCII character that is neither a quote nor a line end.
        delimiter: u8,
    },
    /// Parquet: whole files, whose columns have names and types.
    Parquet,
}

impl Format {
    /// The word in job files.
    pub fn word(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv { .. } => "csv",
            Format::Parquet => "parquet",
        }
    }

    /// What a position counts in its files.
    pub fn position_word(self) -> &'static str {
        match self {
            Format::Json | Format::Csv { .. } => "byte",
            Format::Parquet => "row",
        }
    }
}
