//! A job: one TOML file, read with all its mistakes, and resolved into plain values that cannot be wrong.
//!
//! ```text
//! panel.toml ──read──▶ raw sections ──resolve──▶ Job ──passed by argument──▶ everything else
//!                        (what is said)            (what holds)
//! ```
//!
//! Each section of the file has a file of its own here: first what it resolves to, then the section as it is written,
//! whose fields' docs are the manual ([`REFERENCE`] shows every key with its default), then how one becomes the other.
//!
//! 1. Reading never panics and never stops at the first mistake: [`Refused`] lists all of them, each with file, line,
//!    column, key, reason and remedy. A key that is not known is a mistake.
//! 2. A [`Job`] comes from [`Job::parse`] alone. What it holds is consistent: nobody checks again.
//! 3. Relative paths are relative to the job file, wherever the program is started.
//! 4. [`Job::fingerprint`] changes exactly when results may change; see [`Job::canonical`].
//!
//! Cost: a job file is read once, at start. Nothing here is fast, or needs to be.

mod brokers;
mod checkpoint;
mod close;
mod consensus;
mod finding;
mod fingerprint;
mod kafka;
mod limits;
mod manual;
mod map;
mod plan;
mod publish;
mod schema;
mod section;
mod shape;
mod source;
mod store;
mod topics;
mod trial;
mod units;
mod value;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quorate_connectors::kafka::Connection;
use quorate_operators::policy::Policy;
use quorate_schemas::record::RecordKind;
use quorate_schemas::time::Micros;
use toml::Spanned;
use toml::de::DeTable;

pub use checkpoint::Checkpoint;
pub use finding::{At, Finding, Refused, Severity};
pub use limits::{Limits, RejectLimit};
pub use plan::{Flow, Part, Plan};
pub use publish::Publish;
pub use schema::schema;
pub use source::{Format, Input, Source};
pub use topics::Topics;
pub use trial::{Problem, SourceTrial, StoreContents, Trial};

use checkpoint::RawCheckpoint;
use consensus::{Consensus, RawConsensus};
use kafka::RawKafka;
use limits::RawLimits;
use publish::{RawOutputs, RawPublish};
use section::{Findings, Given, Section};
use source::{RawSource, read_sources};

/// Every key of a job file with its meaning and its default: a job that runs, and a test's subject.
pub const REFERENCE: &str = include_str!("job/reference.toml");

/// A longer file is no job file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// More threads than any machine has cores; a slip of the finger must not start them.
const MAX_WORKERS: u32 = 1_024;

/// A running pipeline, described.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Job {
    /// Its name, in every row of every table.
    pub name: String,
    /// The file that describes it.
    pub file: PathBuf,
    /// The folder of that file: sources' paths are relative to it.
    pub folder: PathBuf,
    /// Where its log and tables are: a path (no longer relative to the job file) or a URL.
    pub store: String,
    /// How many workers; `None`: as many as there are cores.
    pub workers: Option<usize>,
    /// Where its rows come from. Names are unique.
    pub sources: Vec<Source>,
    /// How votes become decisions.
    pub policy: Policy,
    /// How much older than the newest row before it in its partition a row may be, in event time.
    pub lateness: Micros,
    /// A followed partition without a row on time for so long holds the watermark up no more; `None`: it always does.
    pub idle_after: Option<Duration>,
    /// How often results become true.
    pub checkpoint: Checkpoint,
    /// What input may cost.
    pub limits: Limits,
    /// How committed rows are told to the outside.
    pub publish: Publish,
    /// How rows are told to topics, if they are.
    pub topics: Option<Topics>,
}

/// A job, and what in its file may not be meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The job.
    pub job: Job,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Finding>,
}

impl Job {
    /// Reads the job file at `path`.
    ///
    /// # Errors
    /// If it cannot be read or is not a job: every mistake in it.
    pub fn load(path: &Path) -> Result<Loaded, Refused> {
        match read(path) {
            Ok(text) => Job::parse(&text, path),
            Err((message, remedy)) => {
                Err(Refused { findings: vec![Finding::of_file(path, message, remedy)] })
            }
        }
    }

    /// Reads a job from its text; `path` is where it stands, or would.
    ///
    /// # Errors
    /// If it is not a job: every mistake in it.
    pub fn parse(text: &str, path: &Path) -> Result<Loaded, Refused> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(Refused { findings: finding::of_syntax(path, text, errors) });
        }
        let empty = DeTable::new();
        let mut found = Findings::new(path, text);
        let raw = RawJob::read(Section::root(table.get_ref(), &empty), &mut found);
        let job = raw.resolve(path, &mut found);
        let findings = found.into_list();
        match job {
            Some(job) if findings.iter().all(|finding| finding.severity == Severity::Warning) => {
                Ok(Loaded { job, warnings: findings })
            }
            _ => Err(Refused { findings }),
        }
    }

    /// The brokers that it publishes to, or else reads from; `None` if it knows of none.
    pub fn brokers(&self) -> Option<&Connection> {
        let read = self.sources.iter().filter_map(|source| match &source.input {
            Input::Topics(spec) => Some(&spec.connection),
            Input::Files(_) => None,
        });
        self.topics.iter().map(|topics| &topics.spec.connection).chain(read).next()
    }

    /// The sources of one kind.
    pub fn sources_of(&self, kind: RecordKind) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(move |source| source.kind == kind)
    }
}

/// The text of the file, or why there is none and what to do.
fn read(path: &Path) -> Result<String, (String, &'static str)> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "name a job file; `quorate generate` writes one to begin with"
            }
            std::io::ErrorKind::IsADirectory => "name the job file in it",
            std::io::ErrorKind::PermissionDenied => "make it readable for this user",
            _ => "",
        };
        return Err((format!("cannot be read: {error}"), remedy));
    }
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(("is longer than 1 MiB".to_owned(), "a job file is a few dozen lines of TOML"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        (format!("is not text in UTF-8 from line {line} on"), "save it as UTF-8")
    })
}

/// The file as it is written.
struct RawJob {
    /// `name`: of the job. Required.
    name: Given<String>,
    /// `store`: where log and tables go: a path, `file://…` or `s3://bucket/prefix`; default `"./quorate-data"`.
    store: Given<String>,
    /// `workers`: threads that share the work, 1 to 1,024; default one per core. No result depends on it.
    workers: Given<u32>,
    sources: Vec<RawSource>,
    kafka: RawKafka,
    consensus: RawConsensus,
    checkpoint: RawCheckpoint,
    limits: RawLimits,
    outputs: RawOutputs,
    publish: RawPublish,
}

impl RawJob {
    fn read(mut root: Section<'_>, found: &mut Findings<'_>) -> RawJob {
        let raw = RawJob {
            name: root.take("name", found, value::name()),
            store: root.take("store", found, store::reader()),
            workers: root.take("workers", found, value::count(1..=MAX_WORKERS)),
            sources: read_sources(&mut root, found),
            kafka: RawKafka::read(root.section("kafka", found), found),
            consensus: RawConsensus::read(root.section("consensus", found), found),
            checkpoint: RawCheckpoint::read(root.section("checkpoint", found), found),
            limits: RawLimits::read(root.section("limits", found), found),
            outputs: RawOutputs::read(root.section("outputs", found), found),
            publish: RawPublish::read(root.section("publish", found), found),
        };
        if !root.requires("name") {
            found.error(
                None,
                "name",
                "is missing",
                "add name = \"…\" at the top: it stands in every row of every table",
            );
        }
        // What a job can do without depends on what it has: `check_kinds` says so in words.
        let _ = root.requires("source");
        root.close(found);
        raw
    }

    /// `None` if what is missing cannot be made up.
    fn resolve(self, path: &Path, found: &mut Findings<'_>) -> Option<Job> {
        check_kinds(&self.sources, found);
        let folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let kafka = self.kafka.resolve(folder, found);
        let name = self.name.as_ref().map_or("", |name| name.get_ref().as_str());
        let sources = source::resolve(self.sources, &kafka, name, found);
        let (limits, caps) = self.limits.resolve(found);
        let updates = self.outputs.decision_updates.is_some_and(Spanned::into_inner);
        let Consensus { policy, lateness, idle_after } =
            self.consensus.resolve(&sources, caps, updates, found);
        let checkpoint = self.checkpoint.resolve(found);
        let store = store::resolve(self.store, folder, found);
        let publish = self.publish.resolve(checkpoint.every, found);
        let topics = self.publish.kafka.resolve(&kafka, name, &sources, found);
        Some(Job {
            name: self.name?.into_inner(),
            file: path.to_path_buf(),
            folder: folder.to_path_buf(),
            store,
            workers: self.workers.map(|workers| workers.into_inner() as usize),
            sources,
            policy,
            lateness,
            idle_after,
            checkpoint,
            limits,
            publish,
            topics,
        })
    }
}

/// A job has something to do: votes to decide, or ticks to count.
fn check_kinds(sources: &[RawSource], found: &mut Findings<'_>) {
    let has = |kind: RecordKind| sources.iter().any(|source| source.kind == kind);
    if has(RecordKind::Vote) {
        return;
    }
    let idle = sources.iter().find(|source| {
        matches!(source.kind, RecordKind::Task | RecordKind::Gold | RecordKind::Control)
    });
    if let Some(source) = idle {
        let message = "without a source of votes there is nothing to decide";
        found.error(
            source.span.as_ref(),
            &source.path,
            message,
            "add [source.votes] with files = \"votes.jsonl\"",
        );
    } else if !has(RecordKind::Tick) {
        let message = "there is no source of votes or ticks";
        found.error(None, "source", message, "add [source.votes] with files = \"votes.jsonl\"");
    }
}
