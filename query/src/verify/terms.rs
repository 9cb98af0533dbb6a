//! The terms on which each commit's tasks were decided.

use std::collections::BTreeMap;

use quorate_connectors::store::Store;
use quorate_schemas::log::{Digest, job_path};
use quorate_schemas::time::Micros;

use super::decision::Known;
use super::finding::{Check, Finding, Findings};
use super::log::Log;
use super::openings::Openings;
use crate::error::Result;
use crate::terms::{self, Terms};

/// Terms by the fingerprint of the job that had them, and which held when.
#[derive(Clone, Debug, Default)]
pub(super) struct AllTerms {
    known: BTreeMap<Digest, Terms>,
    /// The last commit under each fingerprint, in order; the last one holds on.
    until: Vec<(u64, Digest)>,
    /// The greatest event time of the input as of each record, by the last commit it covers.
    greatest: Vec<(u64, Micros)>,
    horizon: u64,
    /// How often the job was reopened, and when.
    pub(super) openings: Openings,
}

impl AllTerms {
    /// The terms of rows of this commit.
    pub(super) fn at(&self, commit: i64) -> Option<&Terms> {
        let commit = u64::try_from(commit).unwrap_or(0);
        let found = self.until.iter().find(|(until, _)| commit <= *until).or(self.until.last());
        self.known.get(&found?.1)
    }

    /// The terms of rows of this commit, and how far its input was; the latter is not known of commits whose record
    /// was trimmed.
    pub(super) fn known_at(&self, commit: i64) -> Known<'_> {
        let number = u64::try_from(commit).unwrap_or(0);
        let after = self.greatest.partition_point(|(until, _)| *until < number);
        let greatest = self.greatest.get(after).filter(|_| number > self.horizon);
        Known { terms: self.at(commit), greatest: greatest.map(|(_, at)| *at) }
    }

    /// The terms that hold now.
    pub(super) fn now(&self) -> Option<&Terms> {
        self.at(i64::MAX)
    }

    /// The terms, if the same have held all the time.
    pub(super) fn only(&self) -> Option<&Terms> {
        let mut all = self.until.iter().map(|(_, fingerprint)| self.known.get(fingerprint));
        let first = all.next()??;
        all.all(|terms| terms == Some(first)).then_some(first)
    }
}

pub(super) async fn load(store: &Store, log: &Log, findings: &mut Findings) -> Result<AllTerms> {
    let mut all =
        AllTerms { horizon: log.horizon(), openings: Openings::of(log), ..AllTerms::default() };
    for record in &log.records {
        let checkpoint = record.standing.checkpoint;
        all.greatest.push((checkpoint, record.standing.clock.greatest));
        match all.until.last_mut() {
            Some((until, last)) if *last == record.fingerprint => *until = checkpoint,
            _ => all.until.push((checkpoint, record.fingerprint)),
        }
    }
    let fingerprints: BTreeMap<Digest, u64> =
        log.records.iter().rev().map(|record| (record.fingerprint, record.seq)).collect();
    for (fingerprint, seq) in fingerprints {
        match terms::read(store, &fingerprint).await? {
            Ok(found) => {
                all.known.insert(fingerprint, found);
            }
            Err(what) => {
                findings.add(
                    Finding::new(Check::Job, what).in_record(seq).in_file(&job_path(&fingerprint)),
                );
            }
        }
    }
    Ok(all)
}
