//! Files of rows, JSON lines, comma-separated values or Parquet, read to their end or followed, with positions that are exact to
//! the byte.
//!
//! ```text
//! patterns ─► FileSource ── Entry ──► FileReader ── Cut ──► (inlet)
//!   known ──►  discover:    one per     stream: plain, gzip, zstd
//!  (the log)   who is who   partition   cutter: bytes into rows
//!                                       tail:   will the file grow?
//! ```
//!
//! 1. **A partition is content, not a name.** A file is recognised by its inode and the beginning of its content,
//!    wherever it was moved to; another file in an old place is another partition, `path@xxxxxxxx`.
//! 2. **A position is a byte of the decompressed content** (of Parquet, which has rows, a row), and the position to go on
//!    from is always one where a row begins, never one inside of quotes. So a compressed copy of a file goes on where the
//!    file was left.
//! 3. **Rows do not depend on how they were read**: any budget gives the same cuts at the same positions.
//! 4. **What was read stands.** A followed file whose content is not what was read of it, at its beginning or right before
//!    where its reader is, was written anew: that is another partition from its beginning on. One that was emptied and has
//!    it all again within two seconds was only saved.
//! 5. **Nothing is dropped in silence.** What can't be cut into rows is a [`Cut`] of its own, what the engine can't
//!    know of (rows lost to a truncation) is a [`Notice`].
//! 6. **A read never waits.** Without new bytes it says [`ReadStep::Waiting`], and the caller goes on.
//!
//! *Memory*: of a partition with something to read, a read buffer of 64 KiB (and as much for a decoder); of a packed
//! one its decoder's window; and the line that is not complete yet, at most `line_bytes_max`.
//! *Cost*: bytes are looked at once for line ends, and copied only where a line spans two reads.

mod cut;
mod discover;
mod expand;
mod format;
mod found;
mod head;
mod header;
mod last;
mod mark;
mod nearby;
mod notice;
mod packing;
mod parquet;
mod partition;
mod reader;
mod recognise;
mod stream;
mod tail;
mod trouble;
mod version;

pub use cut::Cut;
pub use discover::{FileSource, FileSpec, Survey};
pub use format::Format;
pub use found::{Found, Mark};
pub use mark::FileMark;
pub use notice::Notice;
pub use packing::Packing;
pub use partition::PartitionReader;
pub use reader::{FileReader, ReadStep};
pub use recognise::{Entry, Known, Reading};
pub(crate) use trouble::Trouble;
