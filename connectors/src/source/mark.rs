//! By what a file is known again: its inode, and the beginning of its content.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use memchr::memchr;
use quorate_schemas::log::MAX_MARK_BYTES;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cut::Cut;
use super::cut::record::{HeaderCut, RecordCutter};
use super::format::Format;

/// How much of a file's content its mark covers, at most.
pub(crate) const HEAD_BYTES_MAX: usize = 1024;

/// With less content than this in common, two different files are not taken for copies of each other.
pub(crate) const TELLING_BYTES_MIN: u32 = 32;

/// A file's place on its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Inode {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Inode {
    pub(crate) fn of(metadata: &Metadata) -> Inode {
        Inode { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// By what a partition's file is known again; the log keeps it beside the position.
///
/// An inode alone is used anew after its file is deleted, and changes when a file is restored; a head alone is
/// shared by copies. A file that only grew agrees with its mark in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// Where it was last seen, as the job's patterns name it.
    pub path: String,
    /// The device it lies on.
    pub device: u64,
    /// Its inode there.
    pub inode: u64,
    /// How much of its content, decompressed, the digest covers: 1 KiB, or what it had when it was last read. Of Parquet
    /// it covers what tells one whole file from another.
    pub head_bytes: u32,
    /// The first half of the SHA-256 of that content, in hexadecimal.
    pub head: String,
    /// Whether that is less than a row: many files begin with the same header, or the same key and the same hour.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Whether the file was cut short under its reader: what had not been read may live on in a copy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_short: bool,
}

impl FileMark {
    pub(crate) fn new(path: &str, at: Inode, head: &[u8], format: Format) -> FileMark {
        let head = &head[..head.len().min(HEAD_BYTES_MAX)];
        FileMark {
            path: path.to_owned(),
            device: at.device,
            inode: at.inode,
            head_bytes: head.len() as u32,
            head: digest(head),
            partial: is_partial(head, format),
            cut_short: false,
        }
    }

    pub(crate) fn inode(&self) -> Inode {
        Inode { device: self.device, inode: self.inode }
    }

    /// Whether a file that begins with `head` may be the marked one, grown.
    pub(crate) fn begins(&self, head: &[u8]) -> bool {
        head.get(..self.head_bytes as usize).is_some_and(|covered| digest(covered) == self.head)
    }

    /// Whether the head is long enough to tell one file from another by it alone.
    pub(crate) fn is_telling(&self) -> bool {
        self.head_bytes >= TELLING_BYTES_MIN && !self.partial
    }

    /// Whether the log has room for it, whatever becomes of its file: for its path, that is.
    pub(crate) fn fits(&self) -> bool {
        let longest = FileMark {
            device: u64::MAX,
            inode: u64::MAX,
            head_bytes: HEAD_BYTES_MAX as u32,
            partial: true,
            cut_short: true,
            ..self.clone()
        };
        serde_json::to_string(&longest).is_ok_and(|text| text.len() <= MAX_MARK_BYTES)
    }

    /// Tells partitions of one path apart: eight hexadecimal digits.
    pub(crate) fn short(&self) -> String {
        let text = format!("{} {} {} {}", self.device, self.inode, self.head_bytes, self.head);
        digest(text.as_bytes())[..8].to_owned()
    }
}

/// Whether a file's beginning has less than a row of its own.
fn is_partial(head: &[u8], format: Format) -> bool {
    let is_full = head.len() == HEAD_BYTES_MAX;
    match format {
        Format::Json => !is_full && memchr(b'\n', head).is_none(),
        // It stands for the whole file.
        Format::Parquet => false,
        Format::Csv { delimiter } => {
            let mut cutter =
                RecordCutter::new(0, delimiter, HeaderCut::Awaited, HEAD_BYTES_MAX, HEAD_BYTES_MAX);
            let mut rows = 0;
            cutter.push(head, &mut |cut| rows += u32::from(!matches!(cut, Cut::Header { .. })));
            // What follows the header, where no row fits beside it.
            let telling = cutter.end() - cutter.next() >= u64::from(TELLING_BYTES_MIN);
            let has_header = cutter.header() == HeaderCut::Given;
            rows == 0 && !(is_full && has_header && telling)
        }
    }
}

/// The first half of a SHA-256, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(head: &[u8]) -> FileMark {
        FileMark::new("votes.jsonl", Inode { device: 1, inode: 2 }, head, Format::Json)
    }

    #[test]
    fn a_mark_knows_a_file_that_grew_and_no_other() {
        let small = mark(b"{\"a\":1}\n");
        assert!(small.begins(b"{\"a\":1}\n{\"a\":2}\n"));
        assert!(!small.begins(b"{\"a\":1}") && !small.begins(b"{\"b\":1}\n"));
        assert!(mark(b"").begins(b"anything"));
        let full = mark(&[b'x'; 5000]);
        assert_eq!(full.head_bytes, 1024);
        assert!(full.begins(&[b'x'; 1024]));
    }

    #[test]
    fn a_mark_tells_copies_by_a_whole_line_or_a_full_head() {
        let telling = |head: &[u8]| mark(head).is_telling();
        assert!(!telling(b"{\"event_time\":\"2026-01-01T00:00:00Z\",\"agen"));
        assert!(telling(b"{\"event_time\":\"2026-01-01T00:00:00Z\"}\n"));
        assert!(!telling(b"{}\n") && telling(&[b'x'; 5000]));
    }

    #[test]
    fn a_header_alone_tells_no_file_from_another() {
        let telling = |head: &str| {
            let at = Inode { device: 1, inode: 2 };
            FileMark::new("v.csv", at, head.as_bytes(), Format::Csv { delimiter: b',' })
                .is_telling()
        };
        let header = "event_time,task_id,agent_id,choice\n";
        assert!(!telling("") && !telling(header) && !telling(&format!("{header}2026-01-01")));
        assert!(!telling(&format!("{header}\"2026\n-01-01\n")), "quoted lines are no rows");
        assert!(telling(&format!("{header}2026-01-01,t,a,x\n")));
        let wide = |bytes: usize| format!("{}\n", "x".repeat(bytes - 1));
        assert!(!telling(&wide(5_000)) && !telling(&format!("{}{}", wide(1_000), wide(500))));
        assert!(telling(&format!("{}{}", wide(900), wide(500))));
    }

    #[test]
    fn a_mark_fits_the_log_unless_its_path_is_too_long() {
        let of = |path: &str| FileMark::new(path, Inode { device: 1, inode: 2 }, b"", Format::Json);
        let most = |one: &str| (0..).take_while(|times| of(&one.repeat(*times)).fits()).last();
        let room = most("x").unwrap();
        assert!((840..=900).contains(&room), "{room}");
        assert_eq!(most("\u{1}"), Some(room / 6), "a control character takes six bytes");
    }

    #[test]
    fn a_mark_survives_the_log() {
        let mark = FileMark { inode: u64::MAX, cut_short: true, ..mark(b"x") };
        let text = serde_json::to_string(&mark).unwrap();
        assert_eq!(serde_json::from_str::<FileMark>(&text).unwrap(), mark);
        let plain = serde_json::to_string(&self::mark(b"")).unwrap();
        assert_eq!(
            plain,
            r#"{"path":"votes.jsonl","device":1,"inode":2,"head_bytes":0,"head":"e3b0c44298fc1c149afbf4c8996fb924","partial":true}"#
        );
    }
}
