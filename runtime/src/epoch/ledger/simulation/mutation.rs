//! Rules broken on purpose, from outside: to see that the simulation would notice.

use quorate_schemas::log::{ObjectName, Record};

use super::{Trace, Violation, run};
use crate::epoch::ledger::{Ask, Committed, Fact, Terms, Trim};

/// A rule, broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    /// "Already exists" is taken for another's record, unread.
    AlreadyExistsIsLost,
    /// "Already exists" is taken for our own record, unread.
    AlreadyExistsIsOurs,
    /// No answer is taken for success.
    NoAnswerIsCommitted,
    /// Nothing found after no answer is taken for a lost race.
    NothingFoundIsLost,
    /// A retry writes the time of day anew.
    DraftChangesOnRetry,
    /// A record of our incarnation is taken for ours without comparing the rest.
    OnlyIncarnationsAreCompared,
    /// All starts of the program carry the same instance.
    InstancesLookAlike,
    /// The hinted record is taken for the latest.
    HintIsBelieved,
    /// Nobody looks above a record that was created after a long sleep.
    NoLookAfterSleep,
    /// Another place's owner is not waited for.
    ClaimWithoutWaiting,
    /// An idle leader says nothing.
    NoHeartbeats,
    /// Objects of the present incarnation are swept as well.
    SweepOfOwnIncarnation,
    /// Objects of later incarnations are swept as well.
    SweepOfNewerIncarnations,
    /// Files that the latest record doesn't name are swept, committed or not.
    SweepOfCommittedFiles,
    /// What a merge will replace is removed before the merge is committed.
    SweepBeforeCommit,
    /// Records are trimmed that were not published.
    TrimOfUnpublished,
    /// Records are trimmed as soon as they are published.
    TrimOfYoung,
    /// Of the records to trim, the newest goes first.
    TrimNewestFirst,
    /// A merge enters although its files are not all live.
    StaleMergeEnters,
    /// A record is published whatever the destination has published last.
    PublishOnAnyProgress,
}

impl Mutation {
    /// The terms of whoever breaks the rule.
    pub(super) fn terms(self, terms: Terms) -> Terms {
        match self {
            Mutation::ClaimWithoutWaiting => Terms { missed_heartbeats: 0, ..terms },
            _ => terms,
        }
    }

    /// What a sweep condemns beyond orphans, given a listing.
    pub(super) fn condemns(self, fact: &Fact, committed: &Committed) -> Vec<String> {
        let Fact::Listed(found) = fact else { return Vec::new() };
        let record = committed.record();
        let condemned = |path: &&str| match ObjectName::parse(path) {
            Some(ObjectName::Table { incarnation, checkpoint, .. }) => match self {
                Mutation::SweepOfOwnIncarnation => {
                    incarnation == record.incarnation && checkpoint > record.standing.checkpoint
                }
                Mutation::SweepOfNewerIncarnations => incarnation > record.incarnation,
                Mutation::SweepOfCommittedFiles => incarnation < record.incarnation,
                _ => false,
            },
            _ => false,
        };
        found
            .iter()
            .map(|listed| listed.path.as_str())
            .filter(condemned)
            .map(str::to_owned)
            .collect()
    }

    /// Bends a trim that is about to ask.
    pub(super) fn bend_trim(self, trim: &mut Trim, ask: &mut Ask) {
        match (self, ask) {
            (Mutation::TrimOfUnpublished, _) => trim.shears.published = u64::MAX,
            (Mutation::TrimOfYoung, _) => trim.shears.trim_age_ms = 0,
            (Mutation::TrimNewestFirst, Ask::Delete { path }) => {
                // The list of the doomed is worked off from its end.
                trim.shears.doomed.sort_unstable();
                let newest = trim.shears.doomed.last().copied().unwrap_or_default();
                *path = ObjectName::Log { seq: newest }.to_string();
            }
            _ => {}
        }
    }
}

/// The record's bytes with another time of day.
pub(super) fn redrafted(bytes: &[u8]) -> Vec<u8> {
    let mut record = Record::from_bytes(bytes).expect("a draft");
    record.written_at_ms += 1;
    record.to_bytes()
}

/// Runs seeds until one catches the mutation, and the violation says so in these words.
fn check(mutation: Mutation, words: &str) {
    let caught: Option<(u64, Violation)> =
        (0..3_000).find_map(|seed| Some((seed, run(seed, Some(mutation), Trace::Silent).err()?)));
    let (seed, violation) = caught.unwrap_or_else(|| panic!("{mutation:?} is not caught"));
    println!("{mutation:?}: seed {seed}: {violation}");
    assert!(violation.contains(words), "{mutation:?} is caught for another reason: {violation}");
}

#[test]
fn the_simulation_catches_already_exists_taken_for_lost() {
    check(Mutation::AlreadyExistsIsLost, "takes itself for fenced, and leads");
}

#[test]
fn the_simulation_catches_already_exists_taken_for_ours() {
    check(Mutation::AlreadyExistsIsOurs, "for committed, which it isn't");
}

#[test]
fn the_simulation_catches_no_answer_taken_for_committed() {
    check(Mutation::NoAnswerIsCommitted, "for committed, which it isn't");
}

#[test]
fn the_simulation_catches_nothing_found_taken_for_lost() {
    check(Mutation::NothingFoundIsLost, "takes itself for fenced, and leads");
}

#[test]
fn the_simulation_catches_a_draft_that_changes() {
    check(Mutation::DraftChangesOnRetry, "for committed, which it isn't");
}

#[test]
fn the_simulation_catches_comparing_incarnations_only() {
    check(Mutation::OnlyIncarnationsAreCompared, "for committed, which it isn't");
}

#[test]
fn the_simulation_catches_instances_that_look_alike() {
    check(Mutation::InstancesLookAlike, "for its own, which is of #");
}

#[test]
fn the_simulation_catches_belief_in_the_hint() {
    check(Mutation::HintIsBelieved, "Damaged");
}

#[test]
fn the_simulation_catches_a_sleeper_that_does_not_look() {
    check(Mutation::NoLookAfterSleep, "for committed, which it isn't");
}

#[test]
fn the_simulation_catches_a_claim_that_does_not_wait() {
    check(Mutation::ClaimWithoutWaiting, "ms of silence");
}

#[test]
fn the_simulation_catches_a_leader_without_heartbeats() {
    check(Mutation::NoHeartbeats, "unseated a healthy leader");
}

#[test]
fn the_simulation_catches_a_sweep_of_the_own_incarnation() {
    check(Mutation::SweepOfOwnIncarnation, "tables/");
}

#[test]
fn the_simulation_catches_a_sweep_of_newer_incarnations() {
    check(Mutation::SweepOfNewerIncarnations, "tables/");
}

#[test]
fn the_simulation_catches_a_sweep_of_committed_files() {
    check(Mutation::SweepOfCommittedFiles, "which is committed");
}

#[test]
fn the_simulation_catches_a_sweep_before_the_commit() {
    check(Mutation::SweepBeforeCommit, "which is live");
}

#[test]
fn the_simulation_catches_trimming_what_is_not_published() {
    check(Mutation::TrimOfUnpublished, "was trimmed unpublished");
}

#[test]
fn the_simulation_catches_trimming_what_is_young() {
    check(Mutation::TrimOfYoung, "for committed, which it isn't");
}

#[test]
fn the_simulation_catches_trimming_the_newest_first() {
    check(Mutation::TrimNewestFirst, "off the chain");
}

#[test]
fn the_simulation_catches_a_stale_merge() {
    check(Mutation::StaleMergeEnters, "more rows than went in");
}

#[test]
fn the_simulation_catches_publishing_on_any_progress() {
    check(Mutation::PublishOnAnyProgress, "and skips");
}
