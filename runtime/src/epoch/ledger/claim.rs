//! Taking the lead.

use quorate_schemas::log::{
    Body, Breach, Digest, FIRST_SEQ, FORMAT, ObjectName, Owner, Record, Standing, follows,
};

use super::applicant::{Applicant, Contest, Reopen, Upgrade};
use super::ask::{Ask, Fact, Operation, Patience, Turn};
use super::attempt::{Attempt, Whose};
use super::commit::{Committed, Fenced, Sealed};
use super::find::{Damage, Find, Found, Latest, record_above};
use super::lead::Lead;
use super::look::{Above, Look};
use super::terms::Terms;

/// Takes the lead of a log, or founds it.
///
/// ```text
/// find the latest ─► may we? ─► create claim at latest + 1 ─► anything above? ─► claimed
///      ▲                │ another place leads     │ lost            └─► fenced
///      │                ▼                         │
///      │      watch for missed heartbeats         │
///      └────────────────┴─────────────────────────┘
/// ```
///
/// Fencing needs no waiting: the claim itself is what stops the one before, whose next record finds its place taken.
/// The waiting only keeps two healthy machines from unseating each other for ever.
///
/// Driven until it ends or is dropped: a claim that has landed and wasn't heard of is an incarnation without deeds.
#[derive(Debug)]
pub struct Claim {
    candidate: Candidate,
    phase: Phase,
}

#[derive(Debug)]
struct Candidate {
    applicant: Applicant,
    terms: Terms,
}

#[derive(Debug)]
enum Phase {
    Finding(Find),
    Watching(Watch),
    Attempting(Bid, Attempt),
    Looking(Bid, Look),
}

/// Another place's owner leads; we watch it from `since_ms` on, by our own clock.
#[derive(Debug)]
struct Watch {
    latest: Box<Latest>,
    since_ms: u64,
    /// When the read on its way was asked for; `None` while waiting.
    asked_ms: Option<u64>,
    patience: Patience,
}

/// Our claim, frozen.
#[derive(Debug)]
struct Bid {
    sealed: Box<Sealed>,
    since_ms: u64,
}

/// What a claim comes to.
#[derive(Debug)]
pub enum Claimed {
    /// We lead. The second part proves that the claim is committed.
    Leading(Lead, Committed),
    /// We don't.
    Not(Box<NotClaimed>),
}

/// Why a claim failed. All but `Damaged` and `Breach` are answers and no errors.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotClaimed {
    /// Another place's owner leads and lives: it wrote a record while we watched.
    Held {
        /// Who.
        by: Owner,
        /// Its record.
        seq: u64,
    },
    /// The job is finished. The proof is there for whoever has to publish what a crash after the end left over.
    Finished(Committed),
    /// The log is of another job.
    OtherJob {
        /// Of which.
        found: String,
    },
    /// The log was written under another fingerprint.
    OtherFingerprint {
        /// Under which.
        found: Digest,
    },
    /// We claimed, but somebody else has claimed since.
    Fenced(Fenced),
    /// The log can't be followed.
    Damaged(Damage),
    /// The log stands at its greatest number.
    Breach(Breach),
}

impl Claim {
    /// Begins a claim.
    pub fn new(applicant: Applicant, terms: Terms) -> Claim {
        Claim { candidate: Candidate { applicant, terms }, phase: Phase::Finding(Find::latest()) }
    }

    /// Whose heartbeats we are waiting to miss, to tell a person why nothing happens.
    pub fn watched(&self) -> Option<&Owner> {
        match &self.phase {
            Phase::Watching(watch) => Some(&watch.latest.record.owner),
            _ => None,
        }
    }
}

impl Operation for Claim {
    type Outcome = Claimed;

    fn next(self, fact: Fact, now_ms: u64) -> Turn<Claim> {
        match self.phase {
            Phase::Finding(find) => self.candidate.find(find, fact, now_ms),
            Phase::Watching(watch) => self.candidate.watch(watch, fact, now_ms),
            Phase::Attempting(bid, attempt) => self.candidate.attempt(bid, attempt, fact, now_ms),
            Phase::Looking(bid, look) => self.candidate.look(bid, look, fact, now_ms),
        }
    }
}

fn not(why: NotClaimed) -> Turn<Claim> {
    Turn::Done(Claimed::Not(Box::new(why)))
}

impl Candidate {
    fn find(self, find: Find, fact: Fact, now_ms: u64) -> Turn<Claim> {
        match find.next(fact, now_ms) {
            Turn::Ask(find, ask) => {
                Turn::Ask(Claim { candidate: self, phase: Phase::Finding(find) }, ask)
            }
            Turn::Done(Found::Damaged(damage)) => not(NotClaimed::Damaged(damage)),
            Turn::Done(Found::Empty) => self.bid(None, now_ms),
            Turn::Done(Found::Latest(latest)) => self.judge(latest, now_ms),
        }
    }

    fn find_again(self, now_ms: u64) -> Turn<Claim> {
        self.find(Find::latest(), Fact::Begin, now_ms)
    }

    /// There is a log: may we claim it, and when?
    fn judge(self, latest: Box<Latest>, now_ms: u64) -> Turn<Claim> {
        let (record, ours) = (&latest.record, &self.applicant);
        if record.job != ours.job {
            return not(NotClaimed::OtherJob { found: record.job.clone() });
        }
        if record.fingerprint != ours.fingerprint && ours.upgrade == Upgrade::Refuse {
            return not(NotClaimed::OtherFingerprint { found: record.fingerprint });
        }
        // A finished job under another fingerprint is claimed once, so that the log carries the new one.
        let adopts = record.fingerprint != ours.fingerprint;
        if record.standing.finished && ours.reopen == Reopen::No && !adopts {
            return not(NotClaimed::Finished(Committed::read(*latest)));
        }
        // A finished job has nobody at work who would write a heartbeat.
        let at_once = record.standing.finished
            || record.owner.same_place(&ours.owner)
            || ours.contest == Contest::TakeOver;
        if at_once {
            return self.bid(Some(latest), now_ms);
        }
        let watch =
            Watch { latest, since_ms: now_ms, asked_ms: None, patience: Patience::default() };
        self.wait(watch)
    }

    fn wait(self, mut watch: Watch) -> Turn<Claim> {
        watch.asked_ms = None;
        // Often enough to hear the first sign of life soon, at little cost.
        let ms = (self.terms.heartbeat_ms / 4).max(1);
        Turn::Ask(Claim { candidate: self, phase: Phase::Watching(watch) }, Ask::Wait { ms })
    }

    fn watch(self, mut watch: Watch, fact: Fact, now_ms: u64) -> Turn<Claim> {
        let Some(asked_ms) = watch.asked_ms else {
            watch.asked_ms = Some(now_ms);
            let path = ObjectName::Log { seq: watch.latest.record.seq + 1 }.to_string();
            return Turn::Ask(
                Claim { candidate: self, phase: Phase::Watching(watch) },
                Ask::Read { path },
            );
        };
        match fact {
            Fact::Present(bytes) => match record_above(&watch.latest.record, &bytes) {
                // Damage, or the log has gone on without us for very long: finding tells.
                Err(_) => self.find_again(now_ms),
                Ok(latest) => self.sign_of_life(&latest.record, now_ms),
            },
            // It was silent from when we found its record until we asked: whatever we slept through in between.
            Fact::Absent if asked_ms.saturating_sub(watch.since_ms) >= self.terms.silence_ms() => {
                self.bid(Some(watch.latest), now_ms)
            }
            Fact::Absent => self.wait(watch),
            _ => {
                watch.asked_ms = None;
                let ask = watch.patience.wait();
                Turn::Ask(Claim { candidate: self, phase: Phase::Watching(watch) }, ask)
            }
        }
    }

    fn sign_of_life(self, record: &Record, now_ms: u64) -> Turn<Claim> {
        if record.standing.finished || record.owner.same_place(&self.applicant.owner) {
            return self.find_again(now_ms);
        }
        not(NotClaimed::Held { by: record.owner.clone(), seq: record.seq })
    }

    fn bid(self, latest: Option<Box<Latest>>, now_ms: u64) -> Turn<Claim> {
        let record = match &latest {
            None => self.founding_record(),
            Some(latest) => self.claiming_record(latest),
        };
        let sound = record
            .check()
            .and_then(|()| latest.map_or(Ok(()), |latest| follows(&latest.record, &record)));
        if let Err(breach) = sound {
            return not(NotClaimed::Breach(breach));
        }
        let (sealed, attempt) = Sealed::new(record, Vec::new());
        self.attempt(Bid { sealed, since_ms: now_ms }, attempt, Fact::Begin, now_ms)
    }

    fn founding_record(&self) -> Record {
        let ours = &self.applicant;
        Record {
            format: FORMAT,
            seq: FIRST_SEQ,
            previous: Digest::ZERO,
            log_id: ours.log_id,
            job: ours.job.clone(),
            fingerprint: ours.fingerprint,
            incarnation: 1,
            owner: ours.owner.clone(),
            written_at_ms: ours.written_at_ms,
            standing: Standing::default(),
            body: Body::Claim {},
        }
    }

    fn claiming_record(&self, latest: &Latest) -> Record {
        let last = &latest.record;
        let mut standing = Standing::claimed_after(last);
        if let Reopen::From(clock) = self.applicant.reopen
            && standing.finished
        {
            standing.finished = false;
            standing.clock = clock;
            standing.reopened = standing.reopened.saturating_add(1);
        }
        Record {
            seq: last.seq.saturating_add(1),
            previous: latest.digest,
            log_id: last.log_id,
            incarnation: last.incarnation.saturating_add(1),
            standing,
            ..self.founding_record()
        }
    }

    fn attempt(self, bid: Bid, attempt: Attempt, fact: Fact, now_ms: u64) -> Turn<Claim> {
        match attempt.next(fact, now_ms) {
            Turn::Ask(attempt, ask) => {
                Turn::Ask(Claim { candidate: self, phase: Phase::Attempting(bid, attempt) }, ask)
            }
            Turn::Done(Whose::Theirs(_)) => self.find_again(now_ms),
            Turn::Done(Whose::Ours) => {
                let look = Look::above(bid.sealed.record.seq);
                self.look(bid, look, Fact::Begin, now_ms)
            }
        }
    }

    fn look(self, bid: Bid, look: Look, fact: Fact, now_ms: u64) -> Turn<Claim> {
        match look.next(fact, now_ms) {
            Turn::Ask(look, ask) => {
                Turn::Ask(Claim { candidate: self, phase: Phase::Looking(bid, look) }, ask)
            }
            Turn::Done(Above::Record(seq, bytes)) => {
                not(NotClaimed::Fenced(Fenced::by_record(seq, bytes.as_deref())))
            }
            Turn::Done(Above::Nothing) => {
                let committed = Committed::proven(bid.sealed);
                let lead =
                    Lead { last: committed.clone(), terms: self.terms, since_ms: bid.since_ms };
                Turn::Done(Claimed::Leading(lead, committed))
            }
        }
    }
}
