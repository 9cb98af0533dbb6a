//! Who is who: which files are the known partitions', and which are new. Pure: facts in, entries out.
//!
//! Each file is claimed by one known partition at most. In this order, partitions that are not done first:
//!
//! 1. *same inode* and the same beginning, and not shorter than what was read: the file, grown or renamed;
//! 2. *same place* and the same beginning, not shorter: the file, restored or copied over itself;
//! 3. *same content* anywhere, for a partition whose file is gone or was cut short: what rotation made of it, by
//!    copying or compressing.
//!
//! A file that nobody claims is new: a partition by its path's name, or, where the log has that name for other
//! content already, `path@xxxxxxxx`. Only when followed, one that begins exactly like a known partition elsewhere is a
//! copy of it (rotation by copying, or by compressing) and is not read a second time.
//!
//! *Cost*: n log n in the files; for each new file one digest per length of the known heads, nearly always one.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::path::{Path, PathBuf};

use super::mark::{FileMark, Inode};
use super::notice::Notice;
use super::packing::Packing;

/// How long files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// To the end that they have when they are opened.
    Bounded,
    /// For as long as they may grow.
    Followed,
}

/// A partition that the log, or this run, already has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The partition's name.
    pub partition: String,
    /// The next byte to read.
    pub next: u64,
    /// By what its file is known again.
    pub mark: FileMark,
    /// Whether it was read to its end.
    pub done: bool,
}

/// A file to read as a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The partition's name.
    pub partition: String,
    /// The file, where it lies now.
    pub path: PathBuf,
    /// Where it was when it was first seen: once it lies elsewhere, it was rotated away.
    pub home: PathBuf,
    /// How it is compressed.
    pub packing: Packing,
    /// How long it is read.
    pub reading: Reading,
    /// The next byte to read.
    pub next: u64,
    /// By what it is known again.
    pub mark: FileMark,
    /// The content that the mark covers.
    pub(crate) head: Vec<u8>,
}

/// Whether a file was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The job's patterns match it.
    Matched,
    /// They don't: it lies where a known file was lost.
    Nearby,
}

/// A file as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    /// As the job's patterns name it.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) packing: Packing,
    pub(crate) inode: Inode,
    pub(crate) file_bytes: u64,
    pub(crate) head: Vec<u8>,
    pub(crate) reach: Reach,
}

/// What became of a known partition's file that is not there as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing has its name, nor its content.
    Gone,
    /// Something else has its name or its inode.
    Replaced,
}

#[derive(Debug, Default)]
pub(crate) struct Recognised {
    /// What to read, by name of partition.
    pub(crate) entries: Vec<Entry>,
    /// Known partitions that are not done and whose file was not found.
    pub(crate) lost: Vec<(Known, Loss)>,
    pub(crate) notices: Vec<Notice>,
}

/// Says who is who among `sightings`, which come in order of their names; names are relative to `base`.
pub(crate) fn recognise(
    base: &Path,
    known: &[Known],
    sightings: Vec<Sighting>,
    reading: Reading,
) -> Recognised {
    let mut found = Recognised::default();
    let sightings = once_each(sightings, &mut found.notices);
    let claims = claims(known, &sightings);
    for (at, partition) in known.iter().enumerate() {
        match claims.of_known.get(&at) {
            Some(&file) => go_on(base, partition, &sightings[file], reading, &mut found),
            None if partition.done => {}
            None => found.lost.push((partition.clone(), loss(partition, &sightings))),
        }
    }
    let mut names: BTreeSet<String> = known.iter().map(|known| known.partition.clone()).collect();
    let mut heads = Heads::default();
    known.iter().for_each(|known| heads.add(&known.mark, &known.partition));
    for (at, file) in sightings.iter().enumerate() {
        if claims.taken.contains(&at) || file.reach == Reach::Nearby {
            continue;
        }
        let mark = FileMark::new(&file.name, file.inode, &file.head);
        if reading == Reading::Followed {
            if let Some(original) = heads.original_of(file) {
                let text = format!(
                    "begins exactly like {original} and is taken for a copy of it: it is not read"
                );
                found.notices.push(Notice::new(&file.name, text));
                continue;
            }
            // A file in an old place is told from the one before it once it has content.
            if names.contains(&file.name) && file.head.is_empty() {
                continue;
            }
        }
        let partition = new_name(&mark, &names);
        names.insert(partition.clone());
        heads.add(&mark, &partition);
        found.entries.push(entry(base, partition, file, reading, 0, mark));
    }
    found.entries.sort_by(|a, b| a.partition.cmp(&b.partition));
    found
}

/// Keeps one sighting for each inode: hard and symbolic links lead to the same rows.
fn once_each(sightings: Vec<Sighting>, notices: &mut Vec<Notice>) -> Vec<Sighting> {
    let mut first: BTreeMap<Inode, String> = BTreeMap::new();
    let mut kept = Vec::with_capacity(sightings.len());
    for file in sightings {
        match first.get(&file.inode) {
            None => {
                first.insert(file.inode, file.name.clone());
                kept.push(file);
            }
            Some(name) if *name != file.name && file.reach == Reach::Matched => {
                notices.push(Notice::new(
                    &file.name,
                    format!("is the same file as {name}: it is read once"),
                ));
            }
            Some(_) => {}
        }
    }
    kept
}

struct Claims {
    of_known: BTreeMap<usize, usize>,
    taken: BTreeSet<usize>,
}

fn claims(known: &[Known], sightings: &[Sighting]) -> Claims {
    let mut claims = Claims { of_known: BTreeMap::new(), taken: BTreeSet::new() };
    let by_inode: BTreeMap<Inode, usize> =
        sightings.iter().enumerate().map(|(at, file)| (file.inode, at)).collect();
    let by_name: BTreeMap<&str, usize> =
        sightings.iter().enumerate().map(|(at, file)| (file.name.as_str(), at)).collect();
    let mut claim = |at: usize, file: usize| {
        let free = !claims.of_known.contains_key(&at) && !claims.taken.contains(&file);
        if free && may_be(&known[at], &sightings[file]) {
            claims.of_known.insert(at, file);
            claims.taken.insert(file);
        }
    };
    // A done partition may have had the same file in an earlier life.
    let (done, open): (Vec<usize>, Vec<usize>) = (0..known.len()).partition(|&at| known[at].done);
    let order: Vec<usize> = open.into_iter().chain(done).collect();
    for &at in &order {
        by_inode.get(&known[at].mark.inode()).into_iter().for_each(|&file| claim(at, file));
    }
    for &at in &order {
        // An empty file that was read to its end says nothing of what stands in its place.
        if !known[at].done || known[at].mark.head_bytes > 0 {
            by_name.get(known[at].mark.path.as_str()).into_iter().for_each(|&file| claim(at, file));
        }
    }
    for &at in &order {
        let known = &known[at];
        if known.mark.is_telling() && (!known.done || known.mark.cut_short) {
            (0..sightings.len()).for_each(|file| claim(at, file));
        }
    }
    claims
}

fn may_be(known: &Known, file: &Sighting) -> bool {
    let long_enough = file.packing != Packing::Plain || file.file_bytes >= known.next;
    long_enough && known.mark.begins(&file.head)
}

/// What there is still to read of a known partition whose file was found.
fn go_on(base: &Path, known: &Known, file: &Sighting, reading: Reading, found: &mut Recognised) {
    let grown = file.packing == Packing::Plain && file.file_bytes > known.next;
    let elsewhere = file.inode != known.mark.inode();
    // The rest of a file that was cut short is in its copy, which does not grow.
    let in_copy = known.mark.cut_short && elsewhere;
    let reading = match reading {
        _ if !known.done => reading,
        Reading::Followed if in_copy && (grown || file.packing != Packing::Plain) => {
            Reading::Bounded
        }
        Reading::Followed if grown && !known.mark.cut_short => Reading::Followed,
        Reading::Followed => return,
        Reading::Bounded => {
            if grown {
                let text = format!(
                    "has grown since it was read to its end at byte {}: the rest is not read; to read files that grow, \
                     follow them",
                    known.next
                );
                found.notices.push(Notice::new(&known.partition, text));
            }
            return;
        }
    };
    let mark = FileMark::new(&known.mark.path, file.inode, &file.head);
    found.entries.push(entry(base, known.partition.clone(), file, reading, known.next, mark));
}

fn entry(
    base: &Path,
    partition: String,
    file: &Sighting,
    reading: Reading,
    next: u64,
    mark: FileMark,
) -> Entry {
    Entry {
        partition,
        path: file.path.clone(),
        home: base.join(&mark.path),
        packing: file.packing,
        reading,
        next,
        mark,
        head: file.head.clone(),
    }
}

fn loss(known: &Known, sightings: &[Sighting]) -> Loss {
    let replaced = sightings
        .iter()
        .any(|file| file.name == known.mark.path || file.inode == known.mark.inode());
    if replaced { Loss::Replaced } else { Loss::Gone }
}

/// The path, or where that name has another content already, the path and what tells the two apart.
fn new_name(mark: &FileMark, names: &BTreeSet<String>) -> String {
    let told_apart = format!("{}@{}", mark.path, mark.short());
    iter::once(mark.path.clone())
        .chain(iter::once(told_apart.clone()))
        .chain((2u64..).map(|nr| format!("{told_apart}-{nr}")))
        .find(|name| !names.contains(name))
        .expect("numbers do not run out")
}

/// The beginnings of known contents, for recognising copies: by length, then by digest.
#[derive(Default)]
struct Heads(BTreeMap<u32, BTreeMap<String, Vec<Original>>>);

struct Original {
    inode: Inode,
    path: String,
    partition: String,
}

impl Heads {
    fn add(&mut self, mark: &FileMark, partition: &str) {
        if mark.is_telling() {
            let original = Original {
                inode: mark.inode(),
                path: mark.path.clone(),
                partition: partition.to_owned(),
            };
            self.0
                .entry(mark.head_bytes)
                .or_default()
                .entry(mark.head.clone())
                .or_default()
                .push(original);
        }
    }

    /// The partition that `file` is a copy of: the same beginning in another place and another inode.
    fn original_of(&self, file: &Sighting) -> Option<&str> {
        self.0
            .iter()
            .take_while(|(head_bytes, _)| **head_bytes as usize <= file.head.len())
            .filter_map(|(head_bytes, digests)| {
                digests.get(&FileMark::new("", file.inode, &file.head[..*head_bytes as usize]).head)
            })
            .flatten()
            .find(|original| original.inode != file.inode && original.path != file.name)
            .map(|original| original.partition.as_str())
    }
}

#[cfg(test)]
mod tests;
