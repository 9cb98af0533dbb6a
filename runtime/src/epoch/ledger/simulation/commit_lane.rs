//! Claims, loads, and then reads, stages and commits until it is fenced or the job is finished.

use super::Violation;
use super::contender::{Around, Move, Stopped, Who};
use super::mutation::Mutation;
use super::rows::{self, Partitions, RetainedRows, TableRows, Upload};
use crate::epoch::ledger::{
    Applicant, Ask, Change, Claim, Claimed, Committed, End, Fact, Lead, NotClaimed, Operation,
    Sent, Settled, Terms, Turn,
};

/// What the lane is at.
#[derive(Debug)]
pub(super) enum CommitLane {
    Claiming(Claim),
    /// Reading the retained files: so many are read, these are their rows.
    Loading(Lead, usize, RetainedRows),
    Idle(Lead),
    Staging(Lead, Box<Change>, Vec<Upload>),
    Sending(Sent),
    /// The job is finished.
    Over,
}

type Next = Result<Move<CommitLane>, Violation>;

impl CommitLane {
    pub(super) fn new(applicant: Applicant, terms: Terms) -> CommitLane {
        CommitLane::Claiming(Claim::new(applicant, terms))
    }

    pub(super) fn next(self, fact: Fact, who: &mut Who, around: Around<'_>) -> Next {
        let mut at = At { who, around };
        match self {
            CommitLane::Claiming(claim) => match claim.next(fact, at.around.now_ms) {
                Turn::Ask(claim, ask) => Ok(Move::ask(CommitLane::Claiming(claim), ask)),
                Turn::Done(claimed) => at.claimed(claimed),
            },
            CommitLane::Loading(lead, loaded, rows) => at.loaded(lead, loaded, rows, fact),
            CommitLane::Idle(lead) => at.decide(lead),
            CommitLane::Staging(lead, change, mut uploads) => {
                // A plain write is repeated until it is done; its name is ours alone.
                if fact == Fact::Done {
                    uploads.pop();
                }
                at.stage(lead, change, uploads)
            }
            CommitLane::Sending(sent) => at.send(sent, fact),
            CommitLane::Over => Ok(Move::wait(CommitLane::Over, 3_600_000)),
        }
    }
}

struct At<'a> {
    who: &'a mut Who,
    around: Around<'a>,
}

impl At<'_> {
    fn claimed(&mut self, claimed: Claimed) -> Next {
        let why = match claimed {
            Claimed::Leading(lead, committed) => {
                self.around.oracle.is_committed(self.who.id, &committed)?;
                self.who.shared.latest = Some(committed);
                return self.load(lead, 0, RetainedRows::new());
            }
            Claimed::Not(why) => *why,
        };
        match why {
            NotClaimed::Held { .. } => {
                self.around.met.meet("held by another");
                Ok(Move::Stop(Stopped::Held))
            }
            NotClaimed::Finished(committed) => {
                self.around.met.meet("finished job found");
                self.who.shared.latest = Some(committed);
                Ok(Move::wait(CommitLane::Over, 3_600_000))
            }
            NotClaimed::Fenced(_) => self.fenced(),
            other => Err(format!("a claim found {other:?}")),
        }
    }

    fn fenced(&mut self) -> Next {
        self.around.met.meet("fenced");
        self.around.oracle.is_fenced(self.who.id)?;
        Ok(Move::Stop(Stopped::Fenced))
    }

    fn load(&mut self, lead: Lead, loaded: usize, rows: RetainedRows) -> Next {
        match lead.standing().retained.get(loaded) {
            Some(file) => {
                let path = file.path.clone();
                Ok(Move::ask(CommitLane::Loading(lead, loaded, rows), Ask::Read { path }))
            }
            None => {
                let expected = Partitions::retained(lead.standing());
                let found = rows::consolidate(&rows);
                if found != expected {
                    return Err(format!(
                        "recovery found the retained rows {found:?} instead of {expected:?}"
                    ));
                }
                self.rest(lead)
            }
        }
    }

    fn loaded(&mut self, lead: Lead, loaded: usize, mut rows: RetainedRows, fact: Fact) -> Next {
        match fact {
            Fact::Present(bytes) => {
                rows.extend(rows::decode_retained(&bytes));
                self.load(lead, loaded + 1, rows)
            }
            // Whoever leads since may have merged it away.
            Fact::Absent if !self.around.oracle.leads(self.who.id) => {
                Ok(Move::Stop(Stopped::Outdated))
            }
            Fact::Absent => {
                Err(format!("recovery misses {}", lead.standing().retained[loaded].path))
            }
            _ => self.load(lead, loaded, rows),
        }
    }

    fn rest(&mut self, lead: Lead) -> Next {
        let heartbeat_ms = lead.heartbeat_due_in_ms(self.around.now_ms).max(1);
        let ms = self.around.rng.between(1, self.around.scenario.commit_every_ms).min(heartbeat_ms);
        Ok(Move::wait(CommitLane::Idle(lead), ms))
    }

    fn decide(&mut self, lead: Lead) -> Next {
        let (now_ms, scenario) = (self.around.now_ms, self.around.scenario);
        let ranges = scenario.partitions.some(lead.standing(), now_ms, self.around.rng);
        let has_room =
            lead.room_for_retained_files(&self.who.shared.merged) >= scenario.workers as usize;
        if !ranges.is_empty() && has_room {
            return self.read(lead, &ranges);
        }
        if !has_room && !self.who.shared.merged.is_empty() {
            // Merges that make room, or don't fit any more, enter with a commit of their own.
            let change = self.change(&lead, &TableRows::new());
            return self.stage(lead, Box::new(change), Vec::new());
        }
        if scenario.end == End::Finished && scenario.partitions.all_read(lead.standing()) {
            let change = self.change(&lead, &TableRows::new());
            return self.stage(lead, Box::new(Change { end: End::Finished, ..change }), Vec::new());
        }
        let is_due = lead.heartbeat_due_in_ms(now_ms) == 0;
        if is_due && self.around.mutation != Some(Mutation::NoHeartbeats) {
            self.around.met.meet("heartbeat");
            return self.send(lead.heartbeat(now_ms).send(), Fact::Begin);
        }
        self.rest(lead)
    }

    /// A checkpoint without rows; `ranges` only says where positions move to.
    fn change(&self, lead: &Lead, ranges: &TableRows) -> Change {
        Change {
            checkpoint: lead.standing().checkpoint + 1,
            positions: rows::positions_after(lead.standing(), ranges),
            ..Change::default()
        }
    }

    fn read(&mut self, lead: Lead, ranges: &TableRows) -> Next {
        let mut change = self.change(&lead, ranges);
        let mut uploads = Vec::new();
        for worker in 0..self.around.scenario.workers {
            let is_mine =
                |partition: usize| partition as u32 % self.around.scenario.workers == worker;
            let share: TableRows =
                ranges.iter().copied().filter(|range| is_mine(range.0)).collect();
            if share.is_empty() {
                continue;
            }
            let (files, retained, staged) =
                rows::stage(lead.incarnation(), change.checkpoint, worker, &share);
            change.ranges.extend(share.iter().map(rows::range_of));
            change.files.extend(files);
            change.retained.push(retained);
            uploads.extend(staged);
        }
        self.stage(lead, Box::new(change), uploads)
    }

    fn stage(&mut self, lead: Lead, mut change: Box<Change>, uploads: Vec<Upload>) -> Next {
        if let Some((path, bytes)) = uploads.last().cloned() {
            return Ok(Move::ask(
                CommitLane::Staging(lead, change, uploads),
                Ask::Put { path, bytes },
            ));
        }
        change.merges = std::mem::take(&mut self.who.shared.merged);
        if self.around.mutation == Some(Mutation::StaleMergeEnters) {
            let live = &lead.standing().retained;
            change
                .merges
                .iter_mut()
                .for_each(|merged| merged.files.retain(|file| live.contains(file)));
            change.merges.retain(|merged| !merged.files.is_empty());
        }
        let merges = change.merges.len();
        let drafted = lead.commit(*change, self.around.now_ms);
        let draft = drafted.map_err(|breach| format!("the draft breaks a rule: {breach}"))?;
        let entered = draft.record().commit().map_or(0, |commit| commit.merges.len());
        self.around.met.meet_times("merge dropped", (merges - entered) as u64);
        self.send(draft.send(), Fact::Begin)
    }

    fn send(&mut self, sent: Sent, fact: Fact) -> Next {
        match sent.next(fact, self.around.now_ms) {
            Turn::Ask(sent, ask) => Ok(Move::ask(CommitLane::Sending(sent), ask)),
            Turn::Done(Settled::Fenced(_)) => self.fenced(),
            Turn::Done(Settled::Committed(lead, committed)) => self.committed(lead, committed),
        }
    }

    fn committed(&mut self, lead: Lead, committed: Committed) -> Next {
        self.around.oracle.is_committed(self.who.id, &committed)?;
        if !committed.garbage().is_empty() {
            self.who.shared.to_sweep.push(committed.clone());
        }
        self.who.shared.latest = Some(committed);
        if lead.standing().finished {
            return Ok(Move::wait(CommitLane::Over, 3_600_000));
        }
        self.rest(lead)
    }
}
