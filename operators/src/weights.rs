//! What every agent's votes count in every domain, as of any era that an open task may still ask about.
//!
//! Where weights are fitted to all domains together, a vote counts what the domain that stands for all of them says, and so
//! much more or less as its own does.
//!
//! State: per agent and domain the changes since the oldest era that is still needed, and the last one before it.

#![expect(
    clippy::iter_over_hash_type,
    reason = "each entry is dealt with by itself: no order reaches an output"
)]

use quorate_schemas::id::Id;
use quorate_schemas::retained::WeightChange;

use crate::maps::{IdMap, PairMap};

/// The weight of a vote without evidence, and of every vote under `majority`: one, in millionths.
pub const ONE: i64 = 1_000_000;

#[derive(Clone, Copy)]
struct Since {
    era: i64,
    weight_micros: i64,
    voted: bool,
}

impl Since {
    fn told(&self, agent: &Id, domain: &Id) -> WeightChange {
        WeightChange {
            agent: agent.clone(),
            domain: domain.clone(),
            era: self.era,
            weight_micros: self.weight_micros,
            voted: self.voted,
        }
    }
}

/// The weights of a job, by era.
pub struct Weights {
    newcomer_micros: i64,
    everywhere: Option<Id>,
    of: PairMap<Vec<Since>>,
    voters: IdMap<Vec<Id>>,
}

impl Weights {
    /// Weights where a newcomer's vote counts `newcomer_micros`; `everywhere` stands for all domains, if what a
    /// domain says is a difference from that.
    pub fn new(newcomer_micros: i64, everywhere: Option<Id>) -> Weights {
        Weights { newcomer_micros, everywhere, of: PairMap::default(), voters: IdMap::default() }
    }

    /// Takes a change; the same one again changes nothing.
    pub fn change(&mut self, change: &WeightChange) {
        let history =
            self.of.entry((change.agent.clone(), change.domain.clone())).or_insert_with(|| {
                self.voters.entry(change.domain.clone()).or_default().push(change.agent.clone());
                Vec::with_capacity(1)
            });
        let since =
            Since { era: change.era, weight_micros: change.weight_micros, voted: change.voted };
        match history.binary_search_by_key(&change.era, |since| since.era) {
            Ok(at) => history[at] = since,
            Err(at) => history.insert(at, since),
        }
    }

    /// What a vote of `agent` in `domain` counts in `era`, in millionths.
    pub fn at(&self, agent: &Id, domain: &Id, era: i64) -> i64 {
        let said = |domain: &Id| {
            let history = self.of.get(&(agent.clone(), domain.clone()));
            let known = history.and_then(|all| all.iter().rev().find(|since| since.era <= era));
            known.map(|since| since.weight_micros)
        };
        match &self.everywhere {
            None => said(domain).unwrap_or(self.newcomer_micros),
            Some(everywhere) => {
                said(everywhere).unwrap_or(self.newcomer_micros) + said(domain).unwrap_or(0)
            }
        }
    }

    /// The agents that voted in `domain` in one of the two eras before `era`, by name.
    pub fn voters(&self, domain: &Id, era: i64) -> Vec<Id> {
        let Some(agents) = self.voters.get(domain) else { return Vec::new() };
        let recent = |agent: &&Id| {
            let history = self.of.get(&((*agent).clone(), domain.clone()));
            history.is_some_and(|history| {
                history.iter().any(|since| since.voted && (era - 1..=era).contains(&since.era))
            })
        };
        let mut found: Vec<Id> = agents.iter().filter(recent).cloned().collect();
        found.sort_by(|a, b| a.name().cmp(b.name()));
        found
    }

    /// Takes back what was said of the eras after `era`, which have not begun; returns the changes that went.
    pub fn take_back_after(&mut self, era: i64) -> Vec<WeightChange> {
        let mut gone = Vec::new();
        for ((agent, domain), history) in &mut self.of {
            let holds = history.partition_point(|since| since.era <= era);
            gone.extend(history.drain(holds..).map(|since| since.told(agent, domain)));
        }
        self.drop_empty();
        gone
    }

    /// Forgets what no era from `oldest` on can ask about; returns the changes that went.
    pub fn forget_before(&mut self, oldest: i64) -> Vec<WeightChange> {
        let mut gone = Vec::new();
        let mut emptied = false;
        let Weights { newcomer_micros, everywhere, .. } = &*self;
        let (newcomer_micros, everywhere) = (*newcomer_micros, everywhere.clone());
        for ((agent, domain), history) in &mut self.of {
            // The last change before `oldest` still says what holds there; and whether the agent voted in the
            // two eras before it is asked too.
            let before =
                history.iter().filter(|since| since.era < oldest.saturating_sub(1)).count();
            // What is said of who is not heard of.
            let nothing = match &everywhere {
                Some(everywhere) if everywhere != domain => 0,
                _ => newcomer_micros,
            };
            let idle_as_newcomer = before == history.len()
                && history.last().is_some_and(|since| since.weight_micros == nothing);
            let drop = if idle_as_newcomer { before } else { before.saturating_sub(1) };
            gone.extend(history.drain(..drop).map(|since| since.told(agent, domain)));
            emptied |= history.is_empty();
        }
        if emptied {
            self.drop_empty();
        }
        gone
    }

    fn drop_empty(&mut self) {
        self.of.retain(|_, history| !history.is_empty());
        let of = &self.of;
        for (domain, agents) in &mut self.voters {
            agents.retain(|agent| of.contains_key(&(agent.clone(), domain.clone())));
        }
        self.voters.retain(|_, agents| !agents.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use quorate_schemas::id::IdKey;

    use super::*;

    fn change(agent: &Id, domain: &Id, era: i64, weight_micros: i64, voted: bool) -> WeightChange {
        WeightChange { agent: agent.clone(), domain: domain.clone(), era, weight_micros, voted }
    }

    #[test]
    fn a_weight_holds_from_its_era_until_the_next_change_whatever_is_forgotten() {
        let key = IdKey::new([7; 16]);
        let (agent, domain) = (key.id("a"), key.id("d"));
        let mut weights = Weights::new(ONE, None);
        for (era, weight) in [(3, 30), (5, 50), (9, 90)] {
            weights.change(&change(&agent, &domain, era, weight, true));
        }
        let read = |weights: &Weights| {
            (6..12).map(|era| weights.at(&agent, &domain, era)).collect::<Vec<_>>()
        };
        let before = read(&weights);
        assert_eq!(before, [50, 50, 50, 90, 90, 90]);
        assert_eq!(weights.at(&agent, &domain, 2), ONE);
        let gone = weights.forget_before(7);
        assert_eq!(gone, [change(&agent, &domain, 3, 30, true)]);
        assert_eq!(read(&weights), before);
    }

    #[test]
    fn what_was_said_of_eras_that_have_not_begun_is_taken_back_and_nothing_else() {
        let key = IdKey::new([7; 16]);
        let (a, b, domain) = (key.id("a"), key.id("b"), key.id("d"));
        let mut weights = Weights::new(ONE, None);
        let [held, ahead] = [change(&a, &domain, 3, 30, true), change(&a, &domain, 4, 40, true)];
        let only_ahead = change(&b, &domain, 5, 50, true);
        [&held, &ahead, &only_ahead].into_iter().for_each(|change| weights.change(change));
        let mut gone = weights.take_back_after(3);
        gone.sort();
        let mut expected = [ahead, only_ahead];
        expected.sort();
        assert_eq!(gone, expected);
        assert_eq!([&a, &b].map(|agent| weights.at(agent, &domain, 9)), [30, ONE]);
        assert_eq!(weights.voters(&domain, 4), std::slice::from_ref(&a));
        assert_eq!(weights.take_back_after(3), []);
    }

    #[test]
    fn a_domain_may_say_how_much_more_or_less_than_everywhere() {
        let key = IdKey::new([7; 16]);
        let (a, d, everywhere) = (key.id("a"), key.id("d"), key.everywhere());
        let mut weights = Weights::new(ONE, Some(everywhere.clone()));
        weights.change(&change(&a, &d, 3, 0, true));
        assert_eq!(weights.at(&a, &d, 4), ONE);
        weights.change(&change(&a, &everywhere, 4, 70, false));
        weights.change(&change(&a, &d, 5, -20, false));
        let elsewhere = key.id("e");
        assert_eq!([&d, &elsewhere].map(|domain| weights.at(&a, domain, 4)), [70, 70]);
        assert_eq!([&d, &elsewhere].map(|domain| weights.at(&a, domain, 5)), [50, 70]);
        assert_eq!(weights.voters(&d, 4), std::slice::from_ref(&a));
        // Nothing is kept of a domain that says nothing more.
        weights.change(&change(&a, &d, 6, 0, false));
        assert_eq!(weights.forget_before(9).len(), 3);
        assert_eq!(weights.at(&a, &d, 9), 70);
    }

    #[test]
    fn voters_are_those_of_the_two_eras_before() {
        let key = IdKey::new([7; 16]);
        let (a, b, domain) = (key.id("a"), key.id("b"), key.id("d"));
        let mut weights = Weights::new(ONE, None);
        weights.change(&change(&b, &domain, 4, 1, true));
        weights.change(&change(&a, &domain, 5, 1, true));
        weights.change(&change(&b, &domain, 6, 2, false));
        assert_eq!(weights.voters(&domain, 5), [a.clone(), b.clone()]);
        assert_eq!(weights.voters(&domain, 6), std::slice::from_ref(&a));
        assert_eq!(weights.voters(&domain, 7), []);
    }
}
