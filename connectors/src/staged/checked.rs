use bytes::Bytes;
use quorate_schemas::log::Digest;

use super::read::damaged;
use crate::error::Result;

/// The bytes of a stored file that are those that were written: the only ones that are decoded here.
///
/// Whoever decodes Parquet from damaged bytes may panic, or read other rows than were written. The digest excludes
/// both.
#[derive(Clone, Debug)]
pub struct Checked {
    file: String,
    bytes: Bytes,
}

impl Checked {
    /// The bytes of `file`, which is for messages, if `sha256` is theirs.
    ///
    /// # Errors
    /// If it is not.
    pub fn new(file: &str, bytes: Bytes, sha256: &Digest) -> Result<Checked> {
        let found = Digest::of(&bytes);
        if found != *sha256 {
            let reason = format!(
                "its {} bytes have the digest {found}, but {sha256} was written: restore it from a copy",
                bytes.len()
            );
            return Err(damaged(file, reason));
        }
        Ok(Checked { file: file.to_owned(), bytes })
    }

    pub(super) fn into_parts(self) -> (String, Bytes) {
        (self.file, self.bytes)
    }
}
