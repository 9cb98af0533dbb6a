//! Looking for a lost file under another name, in the directory where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::mark::Inode;
use super::recognise::Known;

/// Files, by inode, that are known and not done, are not among `seen`, and lie in the directory where they were seen
/// first. A directory that can't be listed has none.
pub(crate) fn lost_nearby(base: &Path, known: &[Known], seen: &BTreeSet<Inode>) -> Vec<PathBuf> {
    let mut wanted: BTreeMap<PathBuf, BTreeSet<Inode>> = BTreeMap::new();
    for known in known.iter().filter(|known| !known.done && !seen.contains(&known.mark.inode())) {
        if let Some(directory) = base.join(&known.mark.path).parent() {
            wanted.entry(directory.to_owned()).or_default().insert(known.mark.inode());
        }
    }
    let mut found = Vec::new();
    for (directory, inodes) in wanted {
        let Ok(listing) = fs::read_dir(&directory) else { continue };
        for item in listing.flatten() {
            if item
                .metadata()
                .is_ok_and(|metadata| metadata.is_file() && inodes.contains(&Inode::of(&metadata)))
            {
                found.push(item.path());
            }
        }
    }
    found.sort();
    found
}
