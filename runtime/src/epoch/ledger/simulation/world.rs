//! Time, and everything that happens in it.

mod wire;

use std::collections::BTreeMap;

use quorate_schemas::log::{Digest, Hex, Owner};

use super::Violation;
use super::contender::{Answer, Around, Contender, LANES, Stopped, Want};
use super::encounters::Encounters;
use super::mutation::Mutation;
use super::oracle::Oracle;
use super::rng::Rng;
use super::scenario::Scenario;
use super::store::Store;
use super::weather::{Fate, Weather};
use crate::epoch::ledger::{Applicant, Contest, Fact, Reopen, Upgrade};

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
                self.clears();
                Ok(())
            }
        }
    }

    /// From here on nothing goes wrong, and whoever sleeps wakes up.
    fn clears(&mut self) {
        self.says(|| "the weather clears".to_owned());
        self.weather = Weather::CLEAR;
        let mut answers = Vec::new();
        for (id, contender) in &mut self.contenders {
            if contender.paused_until_ms > self.now_ms {
                contender.paused_until_ms = self.now_ms;
                let is_its = |happening: &Happening| matches!(happening, Happening::Answer((to, _), _) if to == id);
                answers.extend(self.queue.extract_if(.., |_, happening| is_its(happening)));
            }
        }
        for (_, happening) in answers {
            self.happens_in(0, happening);
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

    fn ends(&mut self, id: u64) {
        self.contenders.remove(&id);
        self.oracle.ends(id);
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
            self.ends(id);
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
                self.ends(id);
                if self.contenders.is_empty() && stopped != Stopped::Finished {
                    self.start_later();
                }
            }
        }
        Ok(())
    }
}

fn short(answer: &Answer) -> String {
    match answer {
        Answer::Store(Fact::Present(bytes)) => format!("Present({} bytes)", bytes.len()),
        other => format!("{other:?}"),
    }
}
