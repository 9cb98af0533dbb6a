//! Publishes, hints, sweeps and trims.

use std::collections::BTreeMap;

use super::Violation;
use super::contender::{Answer, Around, Move, Stopped, Want, Who};
use super::mutation::Mutation;
use crate::epoch::ledger::{Committed, Fact, Follow, Followed, Operation, Sweep, Trim, Turn};

/// The tables, each with a destination of its own.
pub(super) const TABLES: [&str; 2] = ["rare", "votes"];

/// What the lane is at.
#[derive(Debug)]
pub(super) enum UpkeepLane {
    Resting,
    /// Publishing table by table.
    Publishing(Round, Step),
    Hinting,
    Sweeping(Sweep),
    Trimming(Trim),
}

/// A round of publishing up to a record.
#[derive(Debug)]
pub(super) struct Round {
    upto: Committed,
    /// How far each destination has come that was asked.
    progress: BTreeMap<String, u64>,
}

/// What a round is at, for the first table that it has no progress of.
#[derive(Debug)]
pub(super) enum Step {
    Asking,
    /// At this progress.
    Following(Follow, u64),
    /// This record.
    Telling(Follow, u64),
    /// A record was missing: has the destination moved?
    Missing(u64),
}

type Next = Result<Move<UpkeepLane>, Violation>;

impl UpkeepLane {
    pub(super) fn next(self, answer: Answer, who: &mut Who, around: Around<'_>) -> Next {
        let mut at = At { who, around };
        match self {
            UpkeepLane::Resting => at.decide(),
            UpkeepLane::Hinting => at.rest(),
            UpkeepLane::Publishing(round, step) => at.publish(round, step, answer),
            UpkeepLane::Sweeping(sweep) => at.sweep(sweep, answer.fact()),
            UpkeepLane::Trimming(trim) => at.trim(trim, answer.fact()),
        }
    }
}

struct At<'a> {
    who: &'a mut Who,
    around: Around<'a>,
}

impl At<'_> {
    fn rest(&mut self) -> Next {
        let ms = self.around.rng.between(100, 10_000);
        Ok(Move::wait(UpkeepLane::Resting, ms))
    }

    fn decide(&mut self) -> Next {
        let Some(latest) = self.who.shared.latest.clone() else { return self.rest() };
        if let Some(committed) = self.who.shared.to_sweep.pop() {
            return self.sweep(Sweep::replaced(&committed), Fact::Begin);
        }
        // Each in its turn, mostly publishing.
        self.who.shared.rounds += 1;
        match self.who.shared.rounds % 8 {
            1 => self.sweep(Sweep::orphans(&latest), Fact::Begin),
            3 => match latest.hint(self.who.terms.hint_every) {
                Some(ask) => Ok(Move::ask(UpkeepLane::Hinting, ask)),
                None => self.rest(),
            },
            5 => {
                let trim = Trim::below(&latest, &self.who.shared.progress, &self.who.terms);
                self.trim(trim, Fact::Begin)
            }
            _ => self.ask_progress(Round { upto: latest, progress: BTreeMap::new() }),
        }
    }

    fn ask_progress(&mut self, round: Round) -> Next {
        match TABLES.iter().find(|table| !round.progress.contains_key(**table)) {
            Some(table) => {
                let want = Want::Progress((*table).to_owned());
                Ok(Move::Want(UpkeepLane::Publishing(round, Step::Asking), want))
            }
            None => self.round_ends(round),
        }
    }

    fn round_ends(&mut self, round: Round) -> Next {
        if round.upto.record().standing.finished {
            return Ok(Move::Stop(Stopped::Finished));
        }
        self.rest()
    }

    fn publish(&mut self, round: Round, step: Step, answer: Answer) -> Next {
        match (step, answer) {
            (Step::Asking, Answer::Progress(progress)) => {
                self.who.shared.progress.insert(table_of(&round).to_owned(), progress);
                let follow = Follow::from(table_of(&round), progress, &round.upto);
                self.follow(round, follow, progress, Fact::Begin)
            }
            (Step::Following(follow, progress), answer) => {
                self.follow(round, follow, progress, answer.fact())
            }
            (Step::Telling(follow, seq), Answer::Published) => {
                self.around.met.meet("publish");
                self.who.shared.progress.insert(table_of(&round).to_owned(), seq);
                self.follow(round, follow, seq, Fact::Begin)
            }
            (Step::Telling(..), Answer::NotPublished) => {
                self.around.met.meet("publishing lost a race");
                self.rest()
            }
            (Step::Missing(seq), Answer::Progress(progress)) if progress < seq => Err(format!(
                "record {seq} is gone and {} lacks it, at {progress}",
                table_of(&round)
            )),
            (Step::Missing(seq), Answer::Unanswered) => self.missing(round, seq),
            _ => self.rest(),
        }
    }

    fn follow(&mut self, mut round: Round, follow: Follow, progress: u64, fact: Fact) -> Next {
        let table = table_of(&round);
        if self.around.mutation == Some(Mutation::PublishOnAnyProgress)
            && fact == Fact::Begin
            && let Some(want) = self.whatever_is_latest(&round, progress)
        {
            let seq = round.upto.record().seq;
            return Ok(Move::Want(UpkeepLane::Publishing(round, Step::Telling(follow, seq)), want));
        }
        match follow.next(fact, self.around.now_ms) {
            Turn::Ask(follow, ask) => {
                Ok(Move::ask(UpkeepLane::Publishing(round, Step::Following(follow, progress)), ask))
            }
            Turn::Done(Followed::End) => {
                round.progress.insert(table.to_owned(), progress);
                self.ask_progress(round)
            }
            Turn::Done(Followed::Next(committed, follow)) => {
                let Some(files) = committed.files_for(table) else {
                    return Err(format!(
                        "record {} has nothing for {table}",
                        committed.record().seq
                    ));
                };
                let (after, seq) = (files.after, files.seq);
                let files = files.files.iter().map(|file| file.path.clone()).collect();
                let want = Want::Publish { table: table.to_owned(), after, seq, files };
                Ok(Move::Want(UpkeepLane::Publishing(round, Step::Telling(follow, seq)), want))
            }
            Turn::Done(Followed::Missing { seq }) => self.missing(round, seq),
            Turn::Done(other) => Err(format!("following found {other:?}")),
        }
    }

    fn whatever_is_latest(&self, round: &Round, progress: u64) -> Option<Want> {
        let table = table_of(round);
        let files = round.upto.files_for(table).filter(|files| files.seq > progress)?;
        let paths = files.files.iter().map(|file| file.path.clone()).collect();
        Some(Want::Publish {
            table: table.to_owned(),
            after: progress,
            seq: files.seq,
            files: paths,
        })
    }

    fn missing(&mut self, round: Round, seq: u64) -> Next {
        let want = Want::Progress(table_of(&round).to_owned());
        Ok(Move::Want(UpkeepLane::Publishing(round, Step::Missing(seq)), want))
    }

    fn sweep(&mut self, sweep: Sweep, fact: Fact) -> Next {
        let condemned = match self.around.mutation {
            Some(mutation) => mutation.condemns(&fact, &sweep.broom.committed),
            None => Vec::new(),
        };
        match sweep.next(fact, self.around.now_ms) {
            Turn::Ask(mut sweep, ask) => {
                sweep.broom.condemned.extend(condemned);
                Ok(Move::ask(UpkeepLane::Sweeping(sweep), ask))
            }
            Turn::Done(_) => self.rest(),
        }
    }

    fn trim(&mut self, trim: Trim, fact: Fact) -> Next {
        match trim.next(fact, self.around.now_ms) {
            Turn::Ask(mut trim, mut ask) => {
                if let Some(mutation) = self.around.mutation {
                    mutation.bend_trim(&mut trim, &mut ask);
                }
                Ok(Move::ask(UpkeepLane::Trimming(trim), ask))
            }
            Turn::Done(trimmed) => {
                self.around.met.meet_times("record trimmed", trimmed.records);
                self.rest()
            }
        }
    }
}

fn table_of(round: &Round) -> &'static str {
    TABLES
        .iter()
        .find(|table| !round.progress.contains_key(**table))
        .expect("the round ends after the last")
}
