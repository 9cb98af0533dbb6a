//! The end of a file of Parquet, which says what is in it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use sha2::{Digest, Sha256};

use super::chunks::Chunks;
use crate::source::head::read_start;
use crate::source::packing::Packing;
use crate::source::trouble::Trouble;

/// A file begins and ends with this.
const MAGIC: &[u8] = b"PAR1";

/// One with this footer is encrypted.
const MAGIC_ENCRYPTED: &[u8] = b"PARE";

/// The length of the footer, and the magic.
const TAIL_BYTES: u64 = 8;

/// So much of a file's beginning tells it from others, too.
const START_BYTES: usize = 64 << 10;

/// The longest footer that is read.
const FOOTER_BYTES_MAX: u64 = 256 << 20;

/// How deep its columns may be nested.
const DEPTH_MAX: usize = 32;

/// Whether a file that begins so is Parquet.
pub(crate) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// What a file is known by, or what is wrong with it. One that is still being written is not whole.
pub(crate) fn read_identity(path: &Path, packing: Packing) -> Result<Vec<u8>, Trouble> {
    if packing != Packing::Plain {
        return Err(Trouble::packed_parquet(path, packing.word()));
    }
    let unreadable = |why: io::Error| Trouble::unreadable(path, &why);
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let identity = identity_of(&file, bytes).map_err(unreadable)?;
    identity.map_err(|what| Trouble::parquet(path, &what))
}

/// The same of an open file of so many bytes.
///
/// # Errors
/// If it can't be read; inside, why it is no file of Parquet.
pub(super) fn identity_of(file: &File, bytes: u64) -> io::Result<Result<Vec<u8>, String>> {
    let start = read_start(file, START_BYTES)?;
    if bytes < TAIL_BYTES + MAGIC.len() as u64 || !is_parquet(&start) {
        return Ok(Err("it does not begin as one".to_owned()));
    }
    let mut tail = [0; TAIL_BYTES as usize];
    if file.read_exact_at(&mut tail, bytes - TAIL_BYTES).is_err() {
        return Ok(Err("it is being written".to_owned()));
    }
    let (length, magic) = tail.split_at(4);
    if magic == MAGIC_ENCRYPTED {
        return Ok(Err("it is encrypted".to_owned()));
    }
    let length = u64::from(u32::from_le_bytes([length[0], length[1], length[2], length[3]]));
    let room = bytes - TAIL_BYTES - MAGIC.len() as u64;
    if magic != MAGIC || length > room || length > FOOTER_BYTES_MAX {
        return Ok(Err("it has no end: it is cut short, or is still being written".to_owned()));
    }
    let mut footer = vec![0; usize::try_from(length).unwrap_or_default()];
    if file.read_exact_at(&mut footer, bytes - TAIL_BYTES - length).is_err() {
        return Ok(Err("it is being written".to_owned()));
    }
    let digest = Sha256::new().chain_update(&start).chain_update(&footer).finalize();
    Ok(Ok([digest.as_slice(), &bytes.to_be_bytes()].concat()))
}

/// What a file says of itself.
pub(super) fn load(chunks: &Chunks) -> Result<ArrowReaderMetadata, String> {
    // Parquet's own schema says it all: texts are texts however their writer held them.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    ArrowReaderMetadata::load(chunks, options).map_err(|error| error.to_string())
}

/// How many rows it has, if what it says of them agrees.
pub(super) fn check(metadata: &ArrowReaderMetadata) -> Result<u64, String> {
    let count = |rows: i64| u64::try_from(rows).map_err(|_| format!("it says of {rows} rows"));
    let total = count(metadata.metadata().file_metadata().num_rows())?;
    let mut sum = 0u64;
    for group in metadata.metadata().row_groups() {
        sum = sum.saturating_add(count(group.num_rows())?);
    }
    if sum != total {
        return Err(format!("it says that it has {total} rows, and {sum} in its groups"));
    }
    let columns = metadata.parquet_schema().columns();
    match columns.iter().map(|column| column.path().parts().len()).max() {
        Some(depth) if depth > DEPTH_MAX => {
            Err(format!("its columns are nested deeper than {DEPTH_MAX}"))
        }
        _ => Ok(total),
    }
}

/// The group that a row lies in, and the group's first row.
pub(super) fn group_of(metadata: &ArrowReaderMetadata, row: u64) -> Option<(usize, u64)> {
    let mut begins = 0;
    for (at, group) in metadata.metadata().row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        if row < begins + rows {
            return Some((at, begins));
        }
        begins += rows;
    }
    None
}
