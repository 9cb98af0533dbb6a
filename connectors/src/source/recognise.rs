//! Who is who: which files are the known partitions', and which are new. Pure: facts in, entries out.
//!
//! Each file is claimed by one known partition at most. In this order, partitions that are not done first:
//!
//! 1. *same inode* and the same beginning, and not shorter than what was read, unless it was cut short: the file, grown or
//!    renamed;
//! 2. *same place* and the same beginning, not shorter: the file, restored or copied over itself;
//! 3. *same content* anywhere, for a partition whose file is gone or was cut short: what rotation made of it, by
//!    copying or compressing.
//!
//! A file that nobody claims is new: a partition by its path's name, or, where the log has that name for other
//! content already, `path@xxxxxxxx`. Only when followed, one that begins exactly like a known partition elsewhere is a
//! copy of it (rotation by copying, or by compressing) and is not read a second time.
//!
//! A known partition is *gone* if neither its file nor a copy of it is seen, and nothing has its name. What is gone may
//! be forgotten, and must not be before: whatever is left of it would be read again.
//!
//! *Cost*: n log n in the files; for each new file one digest per length of the known heads, nearly always one.

mod claims;
mod heads;

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::path::{Path, PathBuf};

use claims::claims;
use heads::Heads;

use super::format::Format;
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
pub struct Known<M = FileMark> {
    /// The partition's name.
    pub partition: String,
    /// The next byte to read, of Parquet the next row, of a topic the next offset.
    pub next: u64,
    /// By what it is known again.
    pub mark: M,
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
    /// How its rows are written.
    pub format: Format,
    /// How long it is read: of a followed source, to its end where it is what is left of a file that was cut short.
    pub reading: Reading,
    /// How long the files of its source are read.
    pub source_reading: Reading,
    /// The next byte to read, of Parquet the next row.
    pub next: u64,
    /// How many bytes the file itself had when it was seen.
    pub file_bytes: u64,
    /// By what it is known again.
    pub mark: FileMark,
    /// The content that the mark covers.
    pub(crate) head: Vec<u8>,
}

impl Entry {
    /// Whether the file may have something to read for a partition that was read from the file of `mark`, `file_bytes`
    /// of it, and has rested since.
    pub fn has_news(&self, mark: &FileMark, file_bytes: u64) -> bool {
        self.mark.inode() != mark.inode() || self.file_bytes != file_bytes
    }

    /// About how many bytes there are to read.
    pub fn bytes_left(&self) -> u64 {
        match self.format {
            Format::Json | Format::Csv { .. } => self.file_bytes.saturating_sub(self.next),
            Format::Parquet => self.file_bytes,
        }
    }

    /// Whether the file is that of `mark`, whatever it has in it by now.
    pub fn lies_where(&self, mark: &FileMark) -> bool {
        self.mark.inode() == mark.inode()
    }

    /// Whether the file begins like that of `mark`, so that it may be a copy of it.
    pub fn may_be_copy_of(&self, mark: &FileMark) -> bool {
        mark.is_telling() && mark.begins(&self.head) && self.mark.inode() != mark.inode()
    }
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
    pub(crate) format: Format,
    pub(crate) inode: Inode,
    pub(crate) file_bytes: u64,
    pub(crate) head: Vec<u8>,
    pub(crate) reach: Reach,
}

impl Sighting {
    /// Whether its positions are its own bytes, so that its length says how far they go.
    fn has_bytes_for_positions(&self) -> bool {
        self.packing == Packing::Plain && self.format != Format::Parquet
    }
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
    /// Known partitions of which nothing is left.
    pub(crate) gone: Vec<Known>,
    /// New files that cannot be partitions: the log has no room for their paths.
    pub(crate) refused: Vec<PathBuf>,
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
    let mut copied: BTreeSet<String> = BTreeSet::new();
    for (at, file) in sightings.iter().enumerate() {
        if claims.taken.contains(&at) || file.reach == Reach::Nearby {
            continue;
        }
        let mark = FileMark::new(&file.name, file.inode, &file.head, file.format);
        if reading == Reading::Followed {
            let originals = heads.originals_of(file);
            if let Some(original) = originals.first() {
                let text = format!(
                    "begins exactly like {original} and is taken for a copy of it: it is not read"
                );
                found.notices.push(Notice::new(&file.name, text));
                copied.extend(originals);
                continue;
            }
            // A file in an old place is told from the one before it once it has content.
            if names.contains(&file.name) && file.head.is_empty() {
                continue;
            }
        }
        if !mark.fits() {
            found.refused.push(file.path.clone());
            continue;
        }
        let partition = new_name(&mark, &names);
        names.insert(partition.clone());
        heads.add(&mark, &partition);
        found.entries.push(entry(base, partition, file, (reading, reading), 0, mark));
    }
    found.entries.sort_by(|a, b| a.partition.cmp(&b.partition));
    let seen = Seen::of(&sightings);
    let gone = known.iter().enumerate().filter(|(at, known)| {
        let left = claims.of_known.contains_key(at) || copied.contains(&known.partition);
        !left && seen.would_have(known)
    });
    found.gone = gone.map(|(_, known)| known.clone()).collect();
    found
}

/// What a look can and cannot tell of files that it did not find.
struct Seen<'a> {
    names: BTreeSet<&'a str>,
    devices: BTreeSet<u64>,
}

impl Seen<'_> {
    fn of(sightings: &[Sighting]) -> Seen<'_> {
        Seen {
            names: sightings.iter().map(|file| file.name.as_str()).collect(),
            devices: sightings.iter().map(|file| file.inode.device).collect(),
        }
    }

    /// Whether what is left of a partition would have been seen, and its name is free. A device of which nothing at
    /// all is seen may be away for a while; and while there is another file in the partition's place, the name tells
    /// that file's rows from this one's.
    fn would_have(&self, known: &Known) -> bool {
        let named = known.partition == known.mark.path;
        let taken = named && self.names.contains(known.mark.path.as_str());
        self.devices.contains(&known.mark.device) && !taken
    }
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

/// What there is still to read of a known partition whose file was found.
fn go_on(
    base: &Path,
    known: &Known,
    file: &Sighting,
    source_reading: Reading,
    found: &mut Recognised,
) {
    let grown = file.has_bytes_for_positions() && file.file_bytes > known.next;
    let elsewhere = file.inode != known.mark.inode();
    // The rest of a file that was cut short is in its copy, which does not grow.
    let in_copy = known.mark.cut_short && elsewhere;
    let reading = match source_reading {
        _ if !known.done => source_reading,
        Reading::Followed if in_copy && (grown || !file.has_bytes_for_positions()) => {
            Reading::Bounded
        }
        Reading::Followed if grown => Reading::Followed,
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
    let mark = FileMark::new(&known.mark.path, file.inode, &file.head, file.format);
    let readings = (reading, source_reading);
    found.entries.push(entry(base, known.partition.clone(), file, readings, known.next, mark));
}

fn entry(
    base: &Path,
    partition: String,
    file: &Sighting,
    (reading, source_reading): (Reading, Reading),
    next: u64,
    mark: FileMark,
) -> Entry {
    Entry {
        partition,
        path: file.path.clone(),
        home: base.join(&mark.path),
        packing: file.packing,
        format: file.format,
        reading,
        source_reading,
        next,
        file_bytes: file.file_bytes,
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

#[cfg(test)]
mod tests;
