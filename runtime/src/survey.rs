//! Looks for files, and hands what there is to read to those who read it.
//!
//! At the start of a run for all sources, then for followed ones again and again: a look is a function of what the
//! [roster](crate::roster) knows and of what lies in the directories.

use std::sync::Arc;

use quorate_connectors::decode::Decoder;
use quorate_connectors::inlet::InletSpec;
use quorate_connectors::source::{Entry, FileSource, Known, Reading, Survey};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::RecordKind;

use crate::assign::Assignments;
use crate::error::Error;
use crate::job::{Job, Source};
use crate::observe::Observer;
use crate::partitions::{Assigned, Errand, Start};
use crate::roster::Roster;

/// The sources of a job.
pub(crate) struct Surveyor {
    sources: Vec<Surveyed>,
    roster: Arc<Roster>,
    assignments: Arc<Assignments>,
}

struct Surveyed {
    spec: Arc<InletSpec>,
    record: RecordKind,
    reading: Reading,
    files: FileSource,
}

impl Surveyor {
    /// Surveys the sources of `job`.
    ///
    /// # Errors
    /// If a source's map is none.
    pub(crate) fn new(
        job: &Job,
        key: IdKey,
        roster: Arc<Roster>,
        assignments: Arc<Assignments>,
    ) -> Result<Surveyor, Error> {
        let open = |source: &Source| {
            let spec = InletSpec {
                source: source.name.clone(),
                decoder: Arc::new(Decoder::of(source.format, source.kind, &source.map, key)?),
                lateness_us: job.lateness,
                limits: job.limits.rows,
            };
            let files = source.spec(&job.folder);
            Ok(Surveyed {
                spec: Arc::new(spec),
                record: source.kind,
                reading: files.reading,
                files: FileSource::new(files),
            })
        };
        let sources = job.sources.iter().map(open).collect::<Result<_, Error>>()?;
        Ok(Surveyor { sources, roster, assignments })
    }

    /// Looks for files, and hands out those that have something to read and are not read yet. Bounded sources are
    /// looked through once, with the run's start.
    ///
    /// # Errors
    /// If a bounded source's files are not there as they should be.
    pub(crate) fn survey(&mut self, start: Start, observer: &dyn Observer) -> Result<(), Error> {
        for source in &mut self.sources {
            if start == Start::Joining && source.reading == Reading::Bounded {
                continue;
            }
            let name = source.spec.source.clone();
            let known = self.roster.known(&name);
            let Survey { entries, gone, notices, .. } = source.files.survey(&known)?;
            notices.iter().for_each(|notice| observer.note(&notice.to_string()));
            let fresh = self.roster.fresher_than(&name, &known);
            for entry in entries {
                let is_new = of(&known, &entry).is_none();
                if is_new && fresh.iter().any(|mark| entry.may_be_copy_of(mark)) {
                    continue;
                }
                if let Some(offer) = self.roster.offer(&name, &entry, of(&known, &entry)) {
                    let (owner, spec) = (offer.owner, Arc::clone(&source.spec));
                    let (record, reading) = (source.record, source.reading);
                    let assigned = Assigned { spec, record, reading, entry, offer, start };
                    self.assignments.hand(owner, Errand::Read(assigned));
                }
            }
            if source.reading == Reading::Followed {
                for missing in self.roster.missing(&name, &gone) {
                    let (owner, spec) = (missing.offer.owner, Arc::clone(&source.spec));
                    self.assignments.hand(owner, Errand::End(spec, source.record, missing));
                }
            }
        }
        Ok(())
    }
}

/// What a survey took the partition of `entry` for.
fn of<'a>(known: &'a [Known], entry: &Entry) -> Option<&'a Known> {
    let found = known.binary_search_by(|known| known.partition.cmp(&entry.partition));
    found.ok().map(|at| &known[at])
}
