//! What is durable of one task, as one checkpoint changes it.
//!
//! A task's rows are written once a checkpoint, added up: what came and went within it leaves no trace, and a task
//! that lived within it was never there. Its votes, which are many, are not copied for that: each knows where it lies
//! in memory whether a file has it.

use quorate_schemas::id::Name;
use quorate_schemas::record::{Placed, Vote};
use quorate_schemas::retained::{Retain, RetainedRow};

use crate::effects::Effects;

/// A vote in memory.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) vote: Placed<Vote>,
    /// Whether a file has it.
    pub(crate) saved: bool,
}

impl Held {
    /// One that no file has.
    pub(crate) fn new(vote: Placed<Vote>) -> Held {
        Held { vote, saved: false }
    }

    /// It is not needed any more, in memory or in files.
    pub(crate) fn leave(self, effects: &mut Effects) {
        if self.saved {
            effects.drop(RetainedRow::Vote(Box::new(self.vote)));
        }
    }
}

/// Gives those of `votes` that no file has; from then on one has them.
pub(crate) fn unsaved<'v>(
    votes: impl IntoIterator<Item = &'v mut Held>,
    each: &mut dyn FnMut(&Placed<Vote>),
) {
    for held in votes {
        if !std::mem::replace(&mut held.saved, true) {
            each(&held.vote);
        }
    }
}

/// The changes of the rows of one group since the last checkpoint.
#[derive(Debug, Default)]
pub struct Group {
    /// Whether a file has rows of it, from this life of its name or an earlier one.
    saved: bool,
    buried: bool,
    /// Whether the task holds votes that no file has.
    fresh_votes: bool,
    rows: Vec<(RetainedRow, i64)>,
    /// Whether it is among those to be saved.
    listed: bool,
}

impl Group {
    /// A file has rows of it.
    pub fn restored(&mut self) {
        self.saved = true;
    }

    /// `diff` more of `row`.
    pub fn change(&mut self, row: RetainedRow, diff: i64) {
        self.rows.push((row, diff));
    }

    /// The task holds votes that no file has.
    pub(crate) fn has_fresh_votes(&mut self) {
        self.fresh_votes = true;
    }

    /// Several changes, in their order; none are left in `changes`.
    pub fn take(&mut self, changes: &mut Vec<(RetainedRow, i64)>) {
        changes.drain(..).for_each(|(row, diff)| self.change(row, diff));
    }

    /// Nothing kept before is needed any more.
    pub fn bury(&mut self) {
        // What was never written needs no burial.
        self.buried |= self.saved;
        self.rows.clear();
        self.fresh_votes = false;
    }

    /// Whether there may be something to write.
    pub fn has_changed(&self) -> bool {
        self.buried || self.fresh_votes || !self.rows.is_empty()
    }

    /// Whether there is, for the first time since the last checkpoint.
    pub fn is_new(&mut self) -> bool {
        !self.listed && self.has_changed() && {
            self.listed = true;
            true
        }
    }

    /// Writes the changes under the group's `name`: a burial before the rows that outlive it; what cancels is left
    /// out. The votes that no file has yet are what `fresh` gives.
    pub(crate) fn save(
        &mut self,
        name: &Name,
        fresh: impl FnOnce(&mut dyn FnMut(&Placed<Vote>)),
        to: &mut Vec<Retain>,
    ) {
        self.listed = false;
        let buried = std::mem::take(&mut self.buried);
        if buried {
            to.push(Retain::Bury(name.clone()));
        }
        consolidate(&mut self.rows);
        let before = to.len();
        to.extend(self.rows.drain(..).map(|(row, diff)| Retain::Row(row, diff)));
        if std::mem::take(&mut self.fresh_votes) {
            fresh(&mut |vote| {
                to.push(Retain::Row(RetainedRow::Vote(Box::new(vote.clone())), 1));
            });
        }
        self.saved = (self.saved && !buried) || to.len() > before;
    }
}

/// Adds up equal rows, and drops what cancels.
fn consolidate<R: Ord>(rows: &mut Vec<(R, i64)>) {
    rows.sort();
    rows.dedup_by(|(row, diff), (kept, sum)| {
        let equal = row == kept;
        if equal {
            *sum += *diff;
        }
        equal
    });
    rows.retain(|(_, diff)| *diff != 0);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use proptest::test_runner::Config;
    use quorate_schemas::id::IdKey;
    use quorate_schemas::place::{Origin, Place};
    use quorate_schemas::record::Value;

    use super::*;

    fn tombstone(closed_at: i64) -> RetainedRow {
        RetainedRow::Tombstone { task: IdKey::new([1; 16]).id("a"), closed_at, forget_at: 0 }
    }

    /// A row of either sort, of which there are few.
    fn row(nr: i64) -> RetainedRow {
        if nr % 2 == 0 {
            return tombstone(nr);
        }
        let key = IdKey::new([1; 16]);
        let body = Vote { task: key.id("a"), agent: key.id("agent"), value: Value::Abstain };
        let origin = Origin { source: String::new(), partition: String::new() }.shared();
        let place = Place { origin, position: 0 };
        let vote = Placed { event_time: nr, event_id: Name::default(), place, body };
        RetainedRow::Vote(Box::new(vote))
    }

    #[derive(Clone, Debug)]
    enum Step {
        Keep(i64),
        Drop(prop::sample::Index),
        Bury,
        Checkpoint,
        /// The task is gone, and with it what this process knows of it; its name may come back.
        Restart,
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..6i64).prop_map(Step::Keep),
            3 => any::<prop::sample::Index>().prop_map(Step::Drop),
            2 => Just(Step::Bury),
            2 => Just(Step::Checkpoint),
            1 => Just(Step::Restart),
        ]
    }

    /// Files read in their order.
    #[derive(Default)]
    struct Files(BTreeMap<RetainedRow, i64>);

    impl Files {
        fn write(&mut self, group: &mut Group) {
            let mut entries = Vec::new();
            group.save(&"a".into(), |_| {}, &mut entries);
            for entry in entries {
                match entry {
                    Retain::Bury(_) => self.0.clear(),
                    Retain::Row(row, diff) => *self.0.entry(row).or_default() += diff,
                }
            }
            self.0.retain(|_, diff| *diff != 0);
        }
    }

    #[test]
    fn a_task_that_lived_within_a_checkpoint_leaves_no_trace() {
        let (mut group, mut entries) = (Group::default(), Vec::new());
        group.change(tombstone(1), 1);
        group.bury();
        group.save(&"a".into(), |_| {}, &mut entries);
        assert_eq!((entries, group.has_changed()), (vec![], false));
    }

    #[test]
    fn a_burial_stands_before_what_outlives_it() {
        let (mut group, mut entries) = (Group::default(), Vec::new());
        group.restored();
        group.change(tombstone(1), -1);
        group.change(tombstone(2), 1);
        group.bury();
        group.change(tombstone(3), 1);
        group.save(&"a".into(), |_| {}, &mut entries);
        assert_eq!(entries, [Retain::Bury("a".into()), Retain::Row(tombstone(3), 1)]);
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

        /// One name and its lives, whatever checkpoint each step falls into.
        #[test]
        fn files_hold_what_was_kept_wherever_checkpoints_are_cut(steps in prop::collection::vec(any_step(), 0..40)) {
            let (mut group, mut files) = (Group::default(), Files::default());
            let mut alive: Vec<i64> = Vec::new();
            for step in steps.into_iter().chain([Step::Checkpoint]) {
                match step {
                    Step::Keep(at) => {
                        alive.push(at);
                        group.change(row(at), 1);
                    }
                    Step::Drop(index) if !alive.is_empty() => {
                        let at = alive.remove(index.index(alive.len()));
                        group.change(row(at), -1);
                    }
                    Step::Drop(_) => {}
                    Step::Bury => {
                        alive.clear();
                        group.bury();
                    }
                    Step::Checkpoint => files.write(&mut group),
                    Step::Restart => {
                        files.write(&mut group);
                        group = Group::default();
                        if !files.0.is_empty() {
                            group.restored();
                        }
                    }
                }
            }
            let mut expected: BTreeMap<RetainedRow, i64> = BTreeMap::new();
            alive.iter().for_each(|at| *expected.entry(row(*at)).or_default() += 1);
            prop_assert_eq!(files.0, expected);
        }
    }
}
