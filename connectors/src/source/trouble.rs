//! What can be wrong with a source's files, and what to do about each.
//!
//! A bounded job stops with it; a followed one says it once, and waits until it has passed.

use std::io;
use std::path::Path;

use super::notice::Notice;
use crate::error::Error;

/// What is wrong with one file or pattern.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) path: String,
    pub(crate) problem: String,
    pub(crate) advice: String,
}

impl Trouble {
    fn new(path: &Path, problem: impl Into<String>, advice: impl Into<String>) -> Trouble {
        Trouble { path: path.display().to_string(), problem: problem.into(), advice: advice.into() }
    }

    pub(crate) fn no_match(path: &Path) -> Trouble {
        Trouble::new(
            path,
            "no file matches",
            "check the name; a relative path begins at the job file's directory",
        )
    }

    pub(crate) fn bad_pattern(path: &Path, why: &str) -> Trouble {
        Trouble::new(
            path,
            format!("is no pattern ({why})"),
            "use * ? [a-z] within a name, and ** for any directories",
        )
    }

    pub(crate) fn directory(path: &Path) -> Trouble {
        let files = path.join("*.jsonl").display().to_string();
        Trouble::new(path, "is a directory", format!("name its files, for example {files}"))
    }

    pub(crate) fn no_file(path: &Path) -> Trouble {
        Trouble::new(
            path,
            "is no regular file",
            "positions need one: write the pipe or device into a file and follow it",
        )
    }

    pub(crate) fn no_utf8(path: &Path) -> Trouble {
        Trouble::new(
            path,
            "its name is not UTF-8",
            "rename it: names of partitions are text in the tables",
        )
    }

    pub(crate) fn long_path(path: &Path) -> Trouble {
        Trouble::new(
            path,
            "its path is too long to be kept in the log (about 850 bytes)",
            "move it up, or name the job's files relative to the job file's directory",
        )
    }

    pub(crate) fn unreadable(path: &Path, why: &io::Error) -> Trouble {
        let advice = match why.kind() {
            io::ErrorKind::PermissionDenied => "let this user read it (chmod, chown)",
            io::ErrorKind::NotFound => "put the file that it points to in place, or leave it out",
            _ => "look at the device or the network it lies on",
        };
        Trouble::new(path, format!("cannot be read ({why})"), advice)
    }

    pub(crate) fn foreign(path: &Path, ending: &str) -> Trouble {
        Trouble::new(
            path,
            format!("{ending} cannot be read"),
            "compress it with gzip or zstd, or not at all",
        )
    }

    pub(crate) fn other_packing(path: &Path, promised: &str, found: &str) -> Trouble {
        Trouble::new(
            path,
            format!("by its name it is {promised}, by its first bytes {found}"),
            "give it the ending that it is: .gz for gzip, .zst for zstd, neither for plain text",
        )
    }

    pub(crate) fn header(path: &Path, problem: &str) -> Trouble {
        Trouble::new(
            path,
            format!("its header {problem}"),
            "mend the file's first row, or say in the source's `map` which column a field stands in, and in its `delimiter` \
             what stands between them",
        )
    }

    pub(crate) fn parquet(path: &Path, problem: &str) -> Trouble {
        Trouble::new(
            path,
            format!("is no whole file of Parquet: {problem}"),
            "write it again and rename it into place once it is whole, or leave it out",
        )
    }

    pub(crate) fn packed_parquet(path: &Path, packing: &str) -> Trouble {
        Trouble::new(
            path,
            format!("by its name it is {packing}"),
            "unpack it: Parquet is compressed inside",
        )
    }

    pub(crate) fn is_parquet(path: &Path) -> Trouble {
        Trouble::new(path, "is Parquet", "write format = \"parquet\" in its source")
    }

    /// The file lacks columns, or has some twice.
    pub(crate) fn columns(path: &Path, problem: &str) -> Trouble {
        Trouble::new(
            path,
            format!("its schema {problem}"),
            "say in the source's `map` which column a field stands in, or leave the file out",
        )
    }

    pub(crate) fn gone(path: &Path, up_to: &str) -> Trouble {
        Trouble::new(
            path,
            format!("is gone, and was read only up to {up_to}"),
            "put it back (its directory is searched for it under any name), or start a new store",
        )
    }

    pub(crate) fn replaced(path: &Path, up_to: &str) -> Trouble {
        Trouble::new(
            path,
            format!("is not the file any more that was read up to {up_to}"),
            "put that file back under any name in this directory, or start a new store",
        )
    }

    pub(crate) fn into_error(self) -> Error {
        Error::SourceFile { path: self.path, problem: self.problem, advice: self.advice }
    }

    pub(crate) fn into_notice(self) -> Notice {
        Notice::new(self.path, format!("{}: {}", self.problem, self.advice))
    }
}
