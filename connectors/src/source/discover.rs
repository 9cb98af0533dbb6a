//! Finding a source's files: the hands of [`recognise`](super::recognise).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::expand::expand;
use super::format::Format;
use super::head::read_head;
use super::mark::Inode;
use super::nearby::lost_nearby;
use super::notice::Notice;
use super::packing::Packing;
use super::parquet::{is_parquet, read_identity};
use super::recognise::{Entry, Known, Loss, Reach, Reading, Recognised, Sighting, recognise};
use super::trouble::Trouble;
use super::version::Version;
use crate::error::Error;

/// Which files a source has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// Where relative patterns begin: the job file's directory.
    pub base: PathBuf,
    /// Paths and patterns: `*`, `?` and `[a-z]` within a name, `**` for any directories.
    pub patterns: Vec<String>,
    /// How their rows are written.
    pub format: Format,
    /// How long they are read.
    pub reading: Reading,
}

/// What a look at the files gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The partitions that have something to read, or may have, by name. Those that are open already are among them.
    pub entries: Vec<Entry>,
    /// Known partitions that are not done and whose file is nowhere, by name; never in a bounded source. Unless one
    /// is still open, nothing will come of it: it is as good as done.
    pub lost: Vec<String>,
    /// Known partitions, done or not, of which nothing is left to be seen, by name: neither their file nor a copy of it
    /// nor another file in its place. Once they are done they may be forgotten. Never in a bounded source, which keeps
    /// account of all that it has read.
    pub gone: Vec<String>,
    /// What is new to say.
    pub notices: Vec<Notice>,
}

/// The files of one source.
///
/// A survey is a function of what is known and of what lies in the directories: the first one, those that look for
/// new files later, and the one after a restart are the same.
pub struct FileSource {
    spec: FileSpec,
    /// The heads of files that have not changed since they were read.
    heads: BTreeMap<PathBuf, (Version, Vec<u8>)>,
    /// What was said and still holds.
    said: BTreeSet<Notice>,
}

impl FileSource {
    /// The files that `spec` names.
    pub fn new(spec: FileSpec) -> FileSource {
        FileSource { spec, heads: BTreeMap::new(), said: BTreeSet::new() }
    }

    /// Looks which files are there, and says which partitions they are. `known` are *all* partitions of this source:
    /// those in the log, and those that this run has opened since, as they stand now.
    ///
    /// # Errors
    /// [`Error::SourceFile`] if the source is bounded and a file is missing, unreadable or not what it was. A followed
    /// source waits for its files: what is wrong with them is a notice, said once for as long as it holds.
    pub fn survey(&mut self, known: &[Known]) -> Result<Survey, Error> {
        let mut troubles = Vec::new();
        let sightings = self.look(known, &mut troubles);
        let mut found = recognise(&self.spec.base, known, sightings, self.spec.reading);
        // What lies behind a trouble is not gone.
        let hidden = |known: &Known| {
            let home = self.spec.base.join(&known.mark.path);
            troubles.iter().any(|trouble| home.starts_with(&trouble.path))
        };
        found.gone.retain(|known| !hidden(known));
        troubles.extend(found.refused.iter().map(|path| Trouble::long_path(path)));
        match self.spec.reading {
            Reading::Bounded => {
                found.gone.clear();
                troubles.extend(found.lost.iter().map(|(known, loss)| self.missing(known, *loss)));
                match troubles.into_iter().next() {
                    Some(trouble) => Err(trouble.into_error()),
                    None => Ok(self.tell(found, Vec::new())),
                }
            }
            Reading::Followed => Ok(self.tell(found, troubles)),
        }
    }

    fn tell(&mut self, found: Recognised, troubles: Vec<Trouble>) -> Survey {
        let mut now: BTreeSet<Notice> = troubles.into_iter().map(Trouble::into_notice).collect();
        now.extend(found.notices);
        for (known, loss) in &found.lost {
            let what = match loss {
                Loss::Gone => "is gone",
                Loss::Replaced => "was cut short or replaced",
            };
            // The position moves; the notice must not, or it would be said again and again.
            let text = format!(
                "{what}: rows that it had and that were not read are lost, unless it comes back"
            );
            now.insert(Notice::new(&known.partition, text));
        }
        let notices = now.difference(&self.said).cloned().collect();
        self.said = now;
        let mut lost: Vec<String> =
            found.lost.into_iter().map(|(known, _)| known.partition).collect();
        lost.sort();
        let mut gone: Vec<String> = found.gone.into_iter().map(|known| known.partition).collect();
        gone.sort();
        Survey { entries: found.entries, lost, gone, notices }
    }

    fn missing(&self, known: &Known, loss: Loss) -> Trouble {
        let path = self.spec.base.join(&known.mark.path);
        let up_to = format!("{} {}", self.spec.format.position_word(), known.next);
        match loss {
            Loss::Gone => Trouble::gone(&path, &up_to),
            Loss::Replaced => Trouble::replaced(&path, &up_to),
        }
    }

    /// Everything that may be a partition, in order of names.
    fn look(&mut self, known: &[Known], troubles: &mut Vec<Trouble>) -> Vec<Sighting> {
        let mut paths: BTreeMap<PathBuf, Reach> = BTreeMap::new();
        for pattern in &self.spec.patterns {
            let matched = expand(&self.spec.base, pattern, troubles);
            paths.extend(matched.into_iter().map(|path| (path, Reach::Matched)));
        }
        let seen: BTreeSet<Inode> = paths
            .keys()
            .filter_map(|path| fs::metadata(path).ok())
            .map(|metadata| Inode::of(&metadata))
            .collect();
        for path in lost_nearby(&self.spec.base, known, &seen) {
            paths.entry(path).or_insert(Reach::Nearby);
        }
        let heads = std::mem::take(&mut self.heads);
        let mut sightings = Vec::with_capacity(paths.len());
        for (path, reach) in paths {
            match self.sight(&path, reach, &heads) {
                Ok(sighting) => sightings.push(sighting),
                // What was not asked for is not missed.
                Err(trouble) if reach == Reach::Matched => troubles.push(trouble),
                Err(_) => {}
            }
        }
        sightings.sort_by(|a, b| a.name.cmp(&b.name));
        sightings
    }

    fn sight(
        &mut self,
        path: &Path,
        reach: Reach,
        heads: &BTreeMap<PathBuf, (Version, Vec<u8>)>,
    ) -> Result<Sighting, Trouble> {
        let name = self.name(path).ok_or_else(|| Trouble::no_utf8(path))?;
        let metadata =
            fs::metadata(path).map_err(|why: io::Error| Trouble::unreadable(path, &why))?;
        if !metadata.is_file() {
            return Err(Trouble::no_file(path));
        }
        let packing = Packing::of_name(&name).map_err(|ending| Trouble::foreign(path, ending))?;
        let version = Version::of(&metadata);
        let head = match heads.get(path) {
            Some((before, head)) if *before == version => head.clone(),
            _ if self.spec.format == Format::Parquet => read_identity(path, packing)?,
            _ => match read_head(path, packing)? {
                head if is_parquet(&head) => return Err(Trouble::is_parquet(path)),
                head => head,
            },
        };
        self.heads.insert(path.to_owned(), (version, head.clone()));
        let Version { inode, bytes: file_bytes, .. } = version;
        let (path, format) = (path.to_owned(), self.spec.format);
        Ok(Sighting { name, path, packing, format, inode, file_bytes, head, reach })
    }

    /// A path as the job's patterns name it: relative to the base where it lies below it.
    fn name(&self, path: &Path) -> Option<String> {
        let name = path.strip_prefix(&self.spec.base).unwrap_or(path);
        let plain: PathBuf = name.components().filter(|part| *part != Component::CurDir).collect();
        plain.to_str().map(str::to_owned)
    }
}
