//! What a closed task shows: of the agents that voted on it, of how its domain decides, and of all who voted together.

use quorate_learning::exams::MAX_VOTES_OF_EXAM;
use quorate_schemas::id::Name;
use quorate_schemas::retained::{DomainRecord, Evidence, Exam};
use quorate_schemas::table::{VoteRow, VoteStatus};

use super::closed::Closed;
use super::tally::Tally;
use crate::effects::Effects;
use crate::reputation;
use crate::rules::Rules;
use crate::weights::ONE;

impl Closed {
    /// What the votes show of their agents, once the task has closed or its gold is known: by gold if there is
    /// one, else by what the others decided without the agent. A gold task shows how its domain decides, too.
    pub(super) fn show(&self, tally: &Tally, era: i64, rules: &Rules, effects: &mut Effects) {
        let fits = rules.policy.method.fits().is_some();
        let counted = self.votes.iter().filter(|vote| vote.status == VoteStatus::Counted);
        let leader = tally.leader();
        let chance = reputation::chance_micros(self.row.options);
        let domain = &self.row.domain;
        let hit = |right: bool| if right { ONE } else { 0 };
        for vote in counted {
            let Some(label) = vote.value().said() else { continue };
            let mut evidence = Evidence::default();
            if let Some(gold) = &self.row.gold {
                evidence.gold_seen = ONE;
                evidence.gold_right = hit(*gold == *label);
                evidence.gold_chance = chance;
            } else if !fits
                && tally.votes() > reputation::MIN_OTHERS
                && let Some(agrees) = leader.others_agree(&label, vote.weight_micros)
            {
                evidence.consensus_seen = ONE;
                evidence.consensus_right = hit(agrees);
                evidence.consensus_chance = chance;
            }
            effects.show_agent(vote.agent(), domain, era, evidence);
        }
        if let Some(gold) = self.row.gold.as_ref().filter(|_| tally.votes() > 0) {
            let record = DomainRecord {
                gold_tasks: ONE,
                gold_hits: hit(self.row.answer.as_ref() == Some(gold)),
            };
            effects.show_domain(domain, era, record);
            if fits {
                effects.exams.push(self.exam(era, gold));
            }
        }
    }

    /// What the task says of those who voted on it together, now that its answer is known.
    fn exam(&self, era: i64, answer: &Name) -> Exam {
        let mut counted: Vec<&VoteRow> =
            self.votes.iter().filter(|vote| vote.status == VoteStatus::Counted).collect();
        if counted.len() > MAX_VOTES_OF_EXAM {
            // Who came first is not for a crowd of later ones to choose.
            counted.sort_by(|a, b| {
                (a.vote.event_time, a.agent().name()).cmp(&(b.vote.event_time, b.agent().name()))
            });
            counted.truncate(MAX_VOTES_OF_EXAM);
            counted.sort_by(|a, b| a.agent().name().cmp(b.agent().name()));
        }
        let vote = |vote: &&VoteRow| {
            Some((vote.agent().name().clone(), vote.value().said()?.into_owned()))
        };
        Exam {
            era,
            known_at: self.row.event_time,
            domain: self.row.domain.name().clone(),
            task: self.row.task.name().clone(),
            answer: answer.clone(),
            votes: counted.iter().filter_map(vote).collect(),
        }
    }
}
