//! Time, and everything that happens in it.

use std::collections::BTreeMap;

use quorate_schemas::log::{Digest, Hex, ObjectName, Owner};

use super::Violation;
use super::contender::{Answer, Around, Contender, LANES, Stopped, Want};
use super::encounters::Encounters;
use super::mutation::Mutation;
use super::oracle::Oracle;
use super::rng::Rng;
use super::scenario::Scenario;
use super::store::Store;
use super::weather::{Fate, Weather};
use crate::epoch::ledger::{Applicant, Ask, Contest, Fact, Reopen, Upgrade};

/// Whether a run says what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    Silent,
    Printed,
}

/// After the weather has cleared, when nobody but the leader may claim any more.
const SETTLING_MS: u64 = 200_000;

/// When a start in another place tries to get in after that.
const INTRUDING_MS: u64 = 250_000;

/// A place where nobody else starts.
const FAR_AWAY: u64 = 99;

/// Which contender and which of its lanes.
type Address = (u64, usize);

#[derive(Debug)]
enum Happening {
    Start(u64, Contest),
    /// A request takes effect; the answer goes back, unless it gets lost.
    Effect {
        from: Address,
        want: Want,
        fate: Fate,
    },
    Answer(Address, Answer),
    Clears,
}

/// A run.
pub(super) struct World {
    now_ms: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    happened: u64,
    contenders: BTreeMap<u64, Contender>,
    started: u64,
    store: Store,
    weather: Weather,
    scenario: Scenario,
    mutation: Option<Mutation>,
    oracle: Oracle,
    met: Encounters,
    rng: Rng,
    trace: Trace,
}

impl World {
    pub(super) fn new(scenario: Scenario, mutation: Option<Mutation>, trace: Trace) -> World {
        World {
            now_ms: 0,
            queue: BTreeMap::new(),
            happened: 0,
            contenders: BTreeMap::new(),
            started: 0,
            store: Store::default(),
            weather: scenario.weather,
            oracle: Oracle::new(scenario.terms, scenario.rough_ms + SETTLING_MS),
            met: Encounters::default(),
            rng: scenario.rng.clone(),
            mutation,
            scenario,
            trace,
        }
    }

    pub(super) fn run(mut self) -> Result<Encounters, Violation> {
        let clears_ms = self.scenario.rough_ms;
        for place in 0..self.scenario.places {
            let after_ms = self.rng.between(0, 10_000);
            self.happens_in(after_ms, Happening::Start(place, Contest::AfterSilence));
        }
        self.happens_in(clears_ms, Happening::Clears);
        self.happens_in(clears_ms + 1, Happening::Start(0, Contest::AfterSilence));
        self.happens_in(
            clears_ms + INTRUDING_MS,
            Happening::Start(FAR_AWAY, Contest::AfterSilence),
        );
        while let Some(((time_ms, _), happening)) = self.queue.pop_first() {
            if time_ms > clears_ms + Scenario::CLEAR_MS {
                break;
            }
            self.now_ms = time_ms;
            self.happens(happening)?;
        }
        self.oracle.is_done(&self.scenario.partitions, &self.store, self.now_ms)?;
        Ok(self.met)
    }

    fn happens_in(&mut self, ms: u64, happening: Happening) {
        self.happened += 1;
        self.queue.insert((self.now_ms + ms, self.happened), happening);
    }

    fn says(&self, words: impl FnOnce() -> String) {
        if self.trace == Trace::Printed {
            println!("{:>10} {}", self.now_ms, words());
        }
    }

    fn is_clear(&self) -> bool {
        self.now_ms >= self.scenario.rough_ms
    }

    fn happens(&mut self, happening: Happening) -> Result<(), Violation> {
        match happening {
            Happening::Start(place, contest) => self.start(place, contest),
            Happening::Effect { from, want, fate } => self.takes_effect(from, &want, fate),
            Happening::Answer(to, answer) => self.answer(to, answer),
            Happening::Clears => {
                self.says(|| "the weather clears".to_owned());
                self.weather = Weather::CLEAR;
                let now_ms = self.now_ms;
                self.contenders
                    .values_mut()
                    .for_each(|one| one.paused_until_ms = one.paused_until_ms.min(now_ms));
                Ok(())
            }
        }
    }

    fn start(&mut self, place: u64, contest: Contest) -> Result<(), Violation> {
        self.started += 1;
        let id = self.started;
        let instance =
            if self.mutation == Some(Mutation::InstancesLookAlike) { 0 } else { u128::from(id) };
        let owner = Owner {
            host: format!("host-{place}"),
            user: "quorate".to_owned(),
            directory: "/srv".to_owned(),
            pid: 1,
            instance: Hex::from_u128(instance),
        };
        self.says(|| format!("#{id} starts on host-{place}, {contest:?}"));
        self.oracle.starts(id, contest);
        let applicant = Applicant {
            job: "panel".to_owned(),
            fingerprint: Digest::ZERO,
            owner,
            // As random as the instance.
            log_id: Hex::from_u128(instance),
            written_at_ms: 0,
            contest,
            upgrade: Upgrade::Refuse,
            reopen: Reopen::No,
        };
        let contender = Contender::new(id, applicant, &self.scenario, self.mutation);
        self.contenders.insert(id, contender);
        for lane in 0..LANES {
            self.step((id, lane), Answer::Store(Fact::Begin))?;
        }
        Ok(())
    }

    /// After a crash a supervisor starts the job again; after an end by itself somebody does, if nobody is at work.
    fn start_later(&mut self) {
        let place = self.rng.between(0, self.scenario.places - 1);
        let (after_ms, contest) = (self.rng.between(10, 20_000), self.contest());
        self.happens_in(after_ms, Happening::Start(place, contest));
    }

    fn contest(&mut self) -> Contest {
        let is_takeover = !self.is_clear() && self.rng.chance(self.scenario.takeover);
        if is_takeover { Contest::TakeOver } else { Contest::AfterSilence }
    }

    fn answer(&mut self, to: Address, answer: Answer) -> Result<(), Violation> {
        let (id, lane) = to;
        let Some(contender) = self.contenders.get_mut(&id) else { return Ok(()) };
        if contender.paused_until_ms > self.now_ms {
            let ms = contender.paused_until_ms - self.now_ms;
            self.happens_in(ms, Happening::Answer(to, answer));
            return Ok(());
        }
        if self.rng.chance(self.weather.crash) {
            self.met.meet("crash");
            if contender.is_sending() {
                self.met.meet("crash with a record on its way");
            }
            self.contenders.remove(&id);
            self.says(|| format!("#{id} crashes"));
            self.start_later();
            return Ok(());
        }
        if self.rng.chance(self.weather.pause) {
            let ms = self.rng.between(1_000, self.weather.pause_ms);
            contender.paused_until_ms = self.now_ms + ms;
            for (bound_ms, what) in [
                (self.scenario.terms.silence_ms(), "pause longer than the silence"),
                (self.scenario.terms.trim_age_ms, "pause longer than the trim age"),
            ] {
                if ms > bound_ms {
                    self.met.meet(what);
                }
            }
            self.says(|| format!("#{id} sleeps for {ms} ms"));
            self.happens_in(ms, Happening::Answer(to, answer));
            return Ok(());
        }
        if !self.is_clear() && self.rng.chance(self.scenario.rivals) && self.contenders.len() < 5 {
            self.start_later();
        }
        self.says(|| format!("#{id}.{lane} <- {}", short(&answer)));
        self.step(to, answer)
    }

    fn step(&mut self, at: Address, answer: Answer) -> Result<(), Violation> {
        let (id, lane) = at;
        let Some(contender) = self.contenders.get_mut(&id) else { return Ok(()) };
        let around = Around {
            now_ms: self.now_ms,
            scenario: &self.scenario,
            mutation: self.mutation,
            oracle: &mut self.oracle,
            met: &mut self.met,
            rng: &mut self.rng,
        };
        match contender.step(lane, answer, around)? {
            Ok(want) => self.ask(at, want),
            Err(stopped) => {
                self.says(|| format!("#{id} stops: {stopped:?}"));
                self.contenders.remove(&id);
                if self.contenders.is_empty() && stopped != Stopped::Finished {
                    self.start_later();
                }
            }
        }
        Ok(())
    }

    /// Sends a request on its way, whatever becomes of it.
    fn ask(&mut self, from: Address, want: Want) {
        let ask = match &want {
            Want::Store(Ask::Wait { ms }) => {
                let ms = *ms;
                return self.happens_in(ms, Happening::Answer(from, Answer::Store(Fact::Waited)));
            }
            Want::Store(ask) => ask,
            // As good or bad as a read.
            Want::Progress(_) | Want::Publish { .. } => &Ask::Read { path: String::new() },
        };
        let fate = self.weather.fate(ask, &mut self.rng);
        self.says(|| format!("#{}.{} -> {}{}", from.0, from.1, show(&want), note(fate)));
        let (there_ms, timeout_ms) = (self.weather.latency(&mut self.rng), self.weather.timeout_ms);
        let unanswered = match want {
            Want::Store(_) => Answer::Store(Fact::Unanswered),
            _ => Answer::Unanswered,
        };
        match fate {
            Fate::Plain | Fate::OwnExists => {
                self.happens_in(there_ms, Happening::Effect { from, want, fate })
            }
            Fate::HollowConflict => {
                self.met_in_log("nothing found behind already exists", &want);
                self.happens_in(
                    there_ms,
                    Happening::Answer(from, Answer::Store(Fact::AlreadyExists)),
                );
            }
            Fate::Refused => {
                let answer = if matches!(want, Want::Store(_)) {
                    Answer::Store(Fact::Refused)
                } else {
                    unanswered
                };
                self.happens_in(there_ms, Happening::Answer(from, answer));
            }
            Fate::LostRequest => self.happens_in(timeout_ms, Happening::Answer(from, unanswered)),
            Fate::LostAnswer => {
                self.happens_in(there_ms.min(timeout_ms), Happening::Effect { from, want, fate });
                self.happens_in(timeout_ms, Happening::Answer(from, unanswered));
            }
            Fate::Late => {
                let late_ms = timeout_ms + self.rng.between(1, self.weather.late_ms.max(1));
                self.happens_in(late_ms, Happening::Effect { from, want, fate });
                self.happens_in(timeout_ms, Happening::Answer(from, unanswered));
            }
        }
    }

    fn met_in_log(&mut self, what: &'static str, want: &Want) {
        if let Want::Store(Ask::Create { .. }) = want {
            self.met.meet(what);
        }
    }

    fn takes_effect(&mut self, from: Address, want: &Want, fate: Fate) -> Result<(), Violation> {
        let answer = match want {
            Want::Store(ask) => Answer::Store(self.store_takes_effect(from, ask, fate)?),
            Want::Progress(table) => Answer::Progress(self.oracle.progress(table)),
            Want::Publish { .. } if self.now_ms < self.scenario.destination_opens_ms => {
                Answer::Unanswered
            }
            Want::Publish { table, after, seq, files } if self.oracle.progress(table) == *after => {
                self.oracle.publishes(table, *seq, files, &self.store)?;
                Answer::Published
            }
            Want::Publish { .. } => Answer::NotPublished,
        };
        if matches!(fate, Fate::LostAnswer | Fate::Late) {
            return Ok(());
        }
        let answer = match (fate, answer) {
            (Fate::OwnExists, Answer::Store(Fact::Created)) => {
                self.met_in_log("own record found behind already exists", want);
                Answer::Store(Fact::AlreadyExists)
            }
            (_, answer) => answer,
        };
        let back_ms = self.weather.latency(&mut self.rng);
        self.happens_in(back_ms, Happening::Answer(from, answer));
        Ok(())
    }

    fn store_takes_effect(
        &mut self,
        from: Address,
        ask: &Ask,
        fate: Fate,
    ) -> Result<Fact, Violation> {
        if let Ask::Delete { path } = ask
            && self.store.get(path).is_some()
        {
            self.says(|| format!("{path} is removed"));
            self.oracle.removes(path, &self.store)?;
            self.met_removal(from, path);
        }
        let lag_ms = self.weather.listing_lag_ms;
        let fact = self.store.take_effect(ask, self.now_ms, lag_ms, &mut self.rng);
        if let (Ask::Create { path, bytes }, Fact::Created) = (ask, &fact)
            && let Some(ObjectName::Log { seq }) = ObjectName::parse(path)
        {
            self.says(|| format!("record {seq} of #{} lands", from.0));
            if fate == Fate::Late {
                self.met.meet("record landed late");
            }
            if !self.contenders.contains_key(&from.0) {
                self.met.meet("record landed after its writer was gone");
            }
            self.oracle.record_created(
                from.0,
                seq,
                bytes,
                &self.store,
                self.now_ms,
                &mut self.met,
            )?;
        }
        Ok(fact)
    }

    fn met_removal(&mut self, from: Address, path: &str) {
        let by =
            self.contenders.get(&from.0).and_then(|contender| contender.who.shared.latest.as_ref());
        let Some(incarnation) = ObjectName::parse(path).and_then(|name| name.incarnation()) else {
            return;
        };
        let is_own = by.is_some_and(|by| by.record().incarnation == incarnation);
        self.met.meet(if is_own { "replaced file swept" } else { "orphan swept" });
    }
}

fn note(fate: Fate) -> String {
    if fate == Fate::Plain { String::new() } else { format!(" ({fate:?})") }
}

fn show(want: &Want) -> String {
    match want {
        Want::Store(Ask::Create { path, .. }) => format!("create {path}"),
        Want::Store(Ask::Put { path, .. }) => format!("put {path}"),
        other => format!("{other:?}"),
    }
}

fn short(answer: &Answer) -> String {
    match answer {
        Answer::Store(Fact::Present(bytes)) => format!("Present({} bytes)", bytes.len()),
        other => format!("{other:?}"),
    }
}
