//! A source and its readers, driven as the engine drives them, on a directory of its own.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use quorate_connectors::decode::Wanted;
use quorate_connectors::error::Error;
use quorate_connectors::inlet::Limits;
use quorate_connectors::source::{
    Cut, FileSource, FileSpec, Format, Known, Mark, Notice, Packing, PartitionReader, ReadStep,
    Reading, Survey,
};
use tempfile::TempDir;

/// A line that was read: partition, position, text.
pub(crate) type Line = (String, u64, String);

/// A directory, a source over it, and what was read of it.
pub(crate) struct Rig {
    pub(crate) directory: TempDir,
    pub(crate) spec: FileSpec,
    pub(crate) source: FileSource,
    pub(crate) open: BTreeMap<String, PartitionReader>,
    /// What the log would have: partitions as they stood at the last [`Rig::commit`].
    pub(crate) log: BTreeMap<String, Known>,
    /// Partitions that were read to their end since.
    pub(crate) closed: BTreeMap<String, Known>,
    pub(crate) lines: Vec<Line>,
    /// Partition and text of every header that was given, again after each restart.
    pub(crate) headers: Vec<(String, String)>,
    committed_lines: usize,
    pub(crate) notices: Vec<Notice>,
    pub(crate) now_us: i64,
    pub(crate) budget_bytes: usize,
}

impl Rig {
    /// Over JSON lines.
    pub(crate) fn new(reading: Reading, patterns: &[&str]) -> Rig {
        Rig::of(Format::Json, reading, patterns)
    }

    pub(crate) fn of(format: Format, reading: Reading, patterns: &[&str]) -> Rig {
        let directory = TempDir::new().unwrap();
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let base = directory.path().to_owned();
        let spec = FileSpec { base, patterns, format, reading };
        Rig {
            directory,
            source: FileSource::new(spec.clone()),
            spec,
            open: BTreeMap::new(),
            log: BTreeMap::new(),
            closed: BTreeMap::new(),
            lines: Vec::new(),
            headers: Vec::new(),
            committed_lines: 0,
            notices: Vec::new(),
            now_us: 0,
            budget_bytes: 256 * 1024,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn append(&self, name: &str, content: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(content.as_ref()).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(crate) fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    pub(crate) fn truncate(&self, name: &str) {
        File::options().write(true).open(self.path(name)).unwrap().set_len(0).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// All partitions as they stand.
    pub(crate) fn known(&mut self) -> Vec<Known> {
        let mut known = self.log.clone();
        known.extend(self.closed.clone());
        known.extend(
            self.open.iter_mut().map(|(name, reader)| (name.clone(), known_of(name, reader))),
        );
        known.into_values().collect()
    }

    /// Looks for files, and opens those that are new.
    pub(crate) fn try_survey(&mut self) -> Result<Survey, Error> {
        let known = self.known();
        let survey = self.source.survey(&known)?;
        let names: Vec<&String> = known.iter().map(|known| &known.partition).collect();
        let read: Vec<&Known> =
            known.iter().filter(|known| self.open.contains_key(&known.partition)).collect();
        for entry in &survey.entries {
            let is_new = !names.contains(&&entry.partition);
            if is_new && read.iter().any(|known| entry.lies_where(&known.mark)) {
                continue;
            }
            if !self.open.contains_key(&entry.partition) {
                let reader = PartitionReader::of_file(entry, &Wanted::All, &Limits::default())?;
                assert_eq!(reader.next(), entry.next);
                self.open.insert(entry.partition.clone(), reader);
            }
        }
        self.notices.extend(survey.notices.iter().cloned());
        Ok(survey)
    }

    pub(crate) fn survey(&mut self) -> Survey {
        self.try_survey().unwrap()
    }

    /// Reads all open files until none has more for now.
    pub(crate) fn read(&mut self) {
        let names: Vec<String> = self.open.keys().cloned().collect();
        for name in names {
            while self.poll(&name) == ReadStep::More {}
        }
    }

    /// One read of one partition.
    pub(crate) fn poll(&mut self, name: &str) -> ReadStep {
        let reader = self.open.get_mut(name).unwrap_or_else(|| panic!("{name} is not open"));
        let (lines, headers) = (&mut self.lines, &mut self.headers);
        let step = reader
            .read(self.budget_bytes, self.now_us, &mut |cut| match cut {
                Cut::Header { header, .. } => {
                    let text = header.map_or_else(|what| what.into(), String::from_utf8_lossy);
                    headers.push((name.to_owned(), text.into_owned()));
                }
                Cut::Columns { names } => headers.push((name.to_owned(), names.join(","))),
                row => lines.push(line(name, row)),
            })
            .unwrap();
        self.notices.extend(reader.take_notices());
        assert_eq!(reader.is_done(), step == ReadStep::Done);
        if step == ReadStep::Done {
            let known = known_of(name, reader);
            self.open.remove(name);
            self.closed.insert(name.to_owned(), known);
        }
        step
    }

    pub(crate) fn tick(&mut self) {
        self.survey();
        self.read();
    }

    /// Lets so much time pass that files which lost their names are taken for complete.
    pub(crate) fn pass_time(&mut self) {
        for _ in 0..2 {
            self.read();
            self.now_us += 10_000_000;
        }
        self.read();
    }

    /// What was read so far counts, and the positions after it are in the log.
    pub(crate) fn commit(&mut self) {
        self.log = self.known().into_iter().map(|known| (known.partition.clone(), known)).collect();
        self.committed_lines = self.lines.len();
    }

    /// The process dies and starts again from the log; the log is JSON.
    pub(crate) fn restart(&mut self) {
        self.lines.truncate(self.committed_lines);
        self.open.clear();
        self.closed.clear();
        for known in self.log.values_mut() {
            let mark = serde_json::to_string(&known.mark).unwrap();
            known.mark = serde_json::from_str(&mark).unwrap();
        }
        self.source = FileSource::new(self.spec.clone());
    }

    /// The texts of all lines, sorted.
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.lines.iter().map(|(_, _, text)| text.clone()).collect();
        texts.sort();
        texts
    }

    /// The texts of one partition's lines, in order.
    pub(crate) fn texts_of(&self, partition: &str) -> Vec<&str> {
        self.lines
            .iter()
            .filter(|(name, ..)| name == partition)
            .map(|(_, _, text)| text.as_str())
            .collect()
    }

    /// How many notices have `part` in them.
    pub(crate) fn said(&self, part: &str) -> usize {
        self.notices.iter().filter(|notice| notice.to_string().contains(part)).count()
    }
}

fn known_of(name: &str, reader: &mut PartitionReader) -> Known {
    let Mark::File(mark) = reader.mark() else { panic!("{name} is a file") };
    Known { partition: name.to_owned(), next: reader.next(), mark, done: reader.is_done() }
}

fn line(partition: &str, cut: Cut<'_>) -> Line {
    let (position, text) = match cut {
        Cut::Line { position, bytes } => (position, String::from_utf8_lossy(bytes).into_owned()),
        Cut::TooLong { position, bytes_total, .. } => (position, format!("<{bytes_total} bytes>")),
        Cut::Damage { position, what, .. } | Cut::Broken { position, what, .. } => {
            (position, format!("<{what}>"))
        }
        Cut::Header { .. } | Cut::Columns { .. } => panic!("a header is no row"),
        Cut::Message { .. } => panic!("a file has no messages"),
    };
    (partition.to_owned(), position, text)
}

/// One gzip member or zstd frame.
pub(crate) fn pack(packing: Packing, content: &[u8]) -> Vec<u8> {
    match packing {
        Packing::Plain => content.to_vec(),
        Packing::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Packing::Zstd => zstd::encode_all(content, 3).unwrap(),
    }
}

/// A line that is like no other, long enough to know a file by.
pub(crate) fn row(nr: usize) -> String {
    format!("{{\"row\":{nr},\"of\":\"a file that is rotated\"}}\n")
}

/// The rows of a range, in order.
pub(crate) fn rows(range: std::ops::Range<usize>) -> String {
    range.map(row).collect()
}

/// The same as sorted texts.
pub(crate) fn texts(range: std::ops::Range<usize>) -> Vec<String> {
    let mut texts: Vec<String> = range.map(|nr| row(nr).trim_end().to_owned()).collect();
    texts.sort();
    texts
}
