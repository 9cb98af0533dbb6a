//! How a file is compressed: its name says it, its first bytes must agree.

use serde::{Deserialize, Serialize};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    /// Not at all.
    Plain,
    /// With gzip, in any number of members: `.gz`.
    Gzip,
    /// With Zstandard, in any number of frames: `.zst` or `.zstd`.
    Zstd,
}

/// Names of compressed files that nothing here can read.
const FOREIGN: [&str; 5] = [".bz2", ".xz", ".lz4", ".zip", ".snappy"];

impl Packing {
    /// The packing that a file's name promises.
    ///
    /// # Errors
    /// The ending, if it is one of a packing that can't be read.
    pub fn of_name(name: &str) -> Result<Packing, &'static str> {
        let name = name.to_ascii_lowercase();
        if let Some(ending) = FOREIGN.iter().find(|ending| name.ends_with(**ending)) {
            return Err(ending);
        }
        Ok(match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("gz") => Packing::Gzip,
            Some("zst" | "zstd") => Packing::Zstd,
            _ => Packing::Plain,
        })
    }

    /// The packing that a file's first bytes show, as far as they are there: `Plain` for everything unknown.
    pub(crate) fn of_magic(first: &[u8]) -> Packing {
        match first {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            // A frame, or one of the sixteen kinds of frame to be skipped.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
            _ => Packing::Plain,
        }
    }

    /// How many first bytes show the packing.
    pub(crate) fn magic_bytes(self) -> usize {
        match self {
            Packing::Plain => 0,
            Packing::Gzip => 2,
            Packing::Zstd => 4,
        }
    }

    /// The word for it in messages.
    pub fn word(self) -> &'static str {
        match self {
            Packing::Plain => "plain text",
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ending_says_how_a_file_is_packed() {
        for (name, expected) in [
            ("votes.jsonl", Ok(Packing::Plain)),
            ("votes", Ok(Packing::Plain)),
            ("votes.jsonl.GZ", Ok(Packing::Gzip)),
            ("votes.zst", Ok(Packing::Zstd)),
            ("votes.jsonl.zstd", Ok(Packing::Zstd)),
            ("votes.gz.old", Ok(Packing::Plain)),
            ("votes.jsonl.xz", Err(".xz")),
        ] {
            assert_eq!(Packing::of_name(name), expected, "{name}");
        }
    }

    #[test]
    fn first_bytes_show_the_packing() {
        assert_eq!(Packing::of_magic(b"\x1f\x8b\x08"), Packing::Gzip);
        assert_eq!(Packing::of_magic(b"\x28\xb5\x2f\xfd"), Packing::Zstd);
        assert_eq!(Packing::of_magic(b"\x50\x2a\x4d\x18"), Packing::Zstd);
        assert_eq!(Packing::of_magic(b"{\"a\""), Packing::Plain);
        assert_eq!(Packing::of_magic(b""), Packing::Plain);
    }
}
