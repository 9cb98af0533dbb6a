//! Gives this build a number: a digest of the sources and the dependencies that it is made of.
//!
//! Processes of a cluster compare it: two builds of one version may lay out rows otherwise. It depends on nothing but
//! content, so that the same sources have the same number on every machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What decides how rows look on their way between processes, and what becomes of them.
const MADE_OF: [&str; 7] = [
    "Cargo.lock",
    "schemas/src",
    "learning/src",
    "operators/src",
    "dataflows/src",
    "connectors/src",
    "runtime/src",
];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut number = Number(0xcbf2_9ce4_8422_2325);
    for part in MADE_OF {
        let path = root.join(part);
        println!("cargo::rerun-if-changed={}", path.display());
        for file in files(&path)? {
            let name = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().into_owned();
            number.add(name.as_bytes());
            number.add(&fs::read(&file)?);
        }
    }
    println!("cargo::rustc-env=QUORATE_BUILD={:016x}", number.0);
    Ok(())
}

/// The files at or below `path`, in order of their names.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries =
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        found.extend(files(&entry)?);
    }
    Ok(found)
}

/// FNV-1a, of 64 bits.
struct Number(u64);

impl Number {
    fn add(&mut self, bytes: &[u8]) {
        // The length first, or where one file ends and the next begins would not count.
        let length = (bytes.len() as u64).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
