//! The beginning of a file's content, to know it by.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::mark::HEAD_BYTES_MAX;
use super::packing::Packing;
use super::stream::{Extent, Poured, Stream};
use super::trouble::Trouble;

/// The first bytes of a file's content: 1 KiB, decompressed, or what there is.
pub(crate) fn read_head(path: &Path, packing: Packing) -> Result<Vec<u8>, Trouble> {
    let unreadable = |why: io::Error| Trouble::unreadable(path, &why);
    let file = File::open(path).map_err(unreadable)?;
    let mut magic = [0; 4];
    let bytes = fill_from(&file, 0, &mut magic).map_err(unreadable)?;
    let found = Packing::of_magic(&magic[..bytes]);
    // A name promises a packing; fewer bytes than its magic are not against it.
    if found != packing && (packing == Packing::Plain || bytes >= packing.magic_bytes()) {
        return Err(Trouble::other_packing(path, packing.word(), found.word()));
    }
    let mut stream = Stream::open(file, packing, 0, Extent::Now).map_err(unreadable)?;
    let mut head = vec![0; HEAD_BYTES_MAX];
    let mut filled = 0;
    while filled < head.len() {
        match stream.read(&mut head[filled..]).map_err(unreadable)? {
            Poured::Bytes(bytes) => filled += bytes,
            Poured::Skipped(_) => {}
            // What is damaged shows when it is read.
            Poured::Nothing | Poured::End | Poured::Damaged(_) => break,
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// The first bytes of `file` as it lies there, at most `bytes_max`.
pub(crate) fn read_start(file: &File, bytes_max: usize) -> io::Result<Vec<u8>> {
    read_up_to(file, 0, bytes_max)
}

/// The bytes of `file` from `position` on as it lies there, at most `bytes_max`.
pub(crate) fn read_up_to(file: &File, position: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut found = vec![0; bytes_max];
    let bytes = fill_from(file, position, &mut found)?;
    found.truncate(bytes);
    Ok(found)
}

/// Whether `file`, not compressed, still begins with `head`.
pub(crate) fn begins_with(file: &File, head: &[u8]) -> io::Result<bool> {
    Ok(read_start(file, head.len())? == head)
}

fn fill_from(file: &File, position: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(&mut into[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
