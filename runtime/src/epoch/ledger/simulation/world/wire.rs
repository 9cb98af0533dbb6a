//! Requests on their way to the store and the destinations, and answers on their way back.

use quorate_schemas::log::ObjectName;

use super::{Address, Happening, World};
use crate::epoch::ledger::simulation::Violation;
use crate::epoch::ledger::simulation::contender::{Answer, Want};
use crate::epoch::ledger::simulation::weather::Fate;
use crate::epoch::ledger::{Ask, Fact};

impl World {
    /// Sends a request on its way, whatever becomes of it.
    pub(super) fn ask(&mut self, from: Address, want: Want) {
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

    pub(super) fn takes_effect(
        &mut self,
        from: Address,
        want: &Want,
        fate: Fate,
    ) -> Result<(), Violation> {
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
