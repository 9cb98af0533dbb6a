//! The header of a file that is read on in its middle.

use std::fs::File;
use std::io;

use super::cut::Cut;
use super::cut::record::{HeaderCut, RecordCutter};
use super::packing::Packing;
use super::stream::{Extent, Poured, Stream};
use crate::inlet::Limits;

const READ_BYTES: usize = 16 * 1024;

/// A header, or why it is none.
pub(crate) type Header = Result<Vec<u8>, String>;

/// The header of `file`, if it stands before `position`. It is read from the file's beginning, whatever its packing:
/// the log keeps positions, not what stands before them.
///
/// # Errors
/// If the file can't be read.
pub(crate) fn header_before(
    position: u64,
    delimiter: u8,
    file: &File,
    packing: Packing,
    limits: &Limits,
) -> io::Result<Option<Header>> {
    let mut cutter = RecordCutter::new(
        0,
        delimiter,
        HeaderCut::Awaited,
        limits.line_bytes_max,
        limits.reject_bytes_max,
    );
    let mut stream = Stream::open(file.try_clone()?, packing, 0, Extent::Now)?;
    let mut buffer = vec![0; READ_BYTES];
    let mut found = None;
    let mut take = |cut: Cut<'_>| {
        if let Cut::Header { position: at, header } = cut
            && at < position
        {
            found = Some(header.map(<[u8]>::to_vec).map_err(str::to_owned));
        }
    };
    while cutter.header() == HeaderCut::Awaited && cutter.next() < position {
        match stream.read(&mut buffer)? {
            Poured::Bytes(bytes) => cutter.push(&buffer[..bytes], &mut take),
            Poured::Skipped(_) => {}
            // What is damaged shows when it is read.
            Poured::Nothing | Poured::End | Poured::Damaged(_) => {
                cutter.finish(&mut take);
                break;
            }
        }
    }
    Ok(found)
}
