//! What claims do to the standing.

use super::sample::{self, claim, claim_after, commit};
use crate::log::{MAX_ENDINGS, Record};

fn after(mut record: Record, rounds: usize, round: impl Fn(&Record) -> Record) -> Record {
    for _ in 0..rounds {
        record = round(&record);
    }
    record
}

#[test]
fn a_crash_loop_that_commits_nothing_does_not_grow_the_record() {
    let once = claim_after(&commit(&claim()));
    let often = after(once.clone(), 1_000, claim_after);
    assert_eq!(once.standing.endings.len(), often.standing.endings.len());
    assert_eq!(often.standing.ended_at(1), Some(1));
    assert_eq!(often.standing.ended_at(1_001), Some(1));
    assert_eq!(often.standing.ended_at(1_002), None, "the present incarnation has not ended");
}

#[test]
fn endings_are_bounded_and_what_is_dropped_is_only_overstated() {
    let record = after(claim(), 200, |record| claim_after(&commit(record)));
    record.check().expect("within its bounds");
    assert_eq!(record.standing.endings.len(), MAX_ENDINGS);
    for incarnation in 1..=200 {
        let ended_at = record.standing.ended_at(incarnation).expect("ended");
        assert!(
            ended_at >= incarnation,
            "incarnation {incarnation} committed checkpoint {incarnation}"
        );
        assert!(ended_at == incarnation || incarnation <= 200 - MAX_ENDINGS as u64);
    }
}

#[test]
fn whatever_endings_a_record_may_have_a_claim_can_follow_it() {
    let mut record = sample::log()[5].clone();
    for (checkpoint, sound) in [(0, true), (3, true), (4, false), (u64::MAX, false)] {
        record.standing.endings[0].checkpoint = checkpoint;
        assert_eq!(record.check().is_ok(), sound, "{checkpoint} after {:?}", record.standing);
        assert_eq!(claim_after(&record).check().is_ok(), sound, "{checkpoint}");
    }
}

#[test]
fn an_ending_tells_where_an_incarnation_stopped() {
    let log = sample::log();
    assert_eq!(log[5].standing.endings, [sample::ending()]);
    assert_eq!(log[5].standing.ended_at(1), Some(2));
    assert_eq!(log[5].standing.ended_at(2), None);
}
