//! Who is who in a fleet: drawn once, the same for every row.

use super::behaviour::{Behaviour, Question, Voice};
use super::chance::{Chance, Ppm, Purpose, Seed, ppm};
use super::fleet::Fleet;
use super::plan::TaskRow;
use crate::error::Error;

/// A fleet whose agents have been drawn. Its settings have been checked, so nothing here can fail.
///
/// *Memory*: per agent, and four bytes per agent, version and domain.
pub(super) struct Cast {
    pub(super) fleet: Fleet,
    pub(super) shares: Shares,
    pub(super) members: Vec<Member>,
    /// By agent, version, domain.
    accuracies: Vec<Ppm>,
    seed: Seed,
}

/// An agent.
pub(super) struct Member {
    pub(super) behaviour: Behaviour,
    /// The only label it knows, if its behaviour is to be constant.
    pub(super) constant: u32,
    pub(super) family: Option<u32>,
    pub(super) stake: Option<u64>,
    /// How long after each full tick it makes its own.
    pub(super) phase_ms: u32,
}

/// The fleet's shares as draws need them.
pub(super) struct Shares {
    pub(super) target: Ppm,
    pub(super) gold: Ppm,
    pub(super) abstain: Ppm,
    pub(super) late: Ppm,
    pub(super) duplicate: Ppm,
    pub(super) changed: Ppm,
    pub(super) empty_task: Ppm,
    pub(super) bad_rows: Ppm,
    pub(super) family_correlation: Ppm,
}

/// How far an agent's accuracy in a domain may lie from its accuracy in general, in millionths.
const DOMAIN_SWING: u32 = 150_000;

impl Cast {
    /// Draws the agents of `fleet`.
    pub(super) fn of(fleet: &Fleet) -> Result<Cast, Error> {
        fleet.check()?;
        let seed = Seed::new(fleet.seed);
        let mut chance = seed.chance(Purpose::Cast, 0);
        let mut behaviours = fleet.mix.cast(fleet.agents);
        shuffle(&mut behaviours, &mut chance);
        let mut members = Vec::with_capacity(behaviours.len());
        let mut accuracies = Vec::new();
        for (agent, behaviour) in (0u32..).zip(behaviours) {
            members.push(Member {
                behaviour,
                constant: chance.below(fleet.options),
                family: agent.checked_rem(fleet.families),
                stake: (fleet.stake_max > 0).then(|| 1 + chance.below_wide(fleet.stake_max)),
                phase_ms: chance.below(fleet.tick_ms),
            });
            draw_accuracies(fleet, &mut chance, &mut accuracies);
        }
        Ok(Cast { fleet: fleet.clone(), shares: Shares::of(fleet), members, accuracies, seed })
    }

    /// A stream of chance.
    pub(super) fn chance(&self, purpose: Purpose, index: u64) -> Chance {
        self.seed.chance(purpose, index)
    }

    /// How often `agent` is right in `domain` as of `version`, where it tries to be.
    pub(super) fn accuracy(&self, agent: u32, version: u32, domain: u32) -> Ppm {
        let [agent, version, domain] = [agent, version, domain].map(|number| number as usize);
        let (versions, domains) = (self.fleet.versions as usize, self.fleet.domains as usize);
        self.accuracies[(agent * versions + version) * domains + domain]
    }

    /// `agent` as it speaks on `task` of `domain` as of `version`.
    pub(super) fn voice(&self, agent: u32, version: u32, domain: u32, task: u64) -> Voice {
        let member = &self.members[agent as usize];
        Voice {
            behaviour: member.behaviour,
            awake: task >= self.fleet.tasks / 2,
            accuracy: self.accuracy(agent, version, domain),
            constant: member.constant,
            family: member.family.map(|family| (family, self.shares.family_correlation)),
        }
    }

    /// The `task`-th task, what it asks, and the chance that goes on to decide its votes.
    pub(super) fn task(&self, task: u64) -> (TaskRow, Question, Chance) {
        let fleet = &self.fleet;
        let mut chance = self.chance(Purpose::Task, task);
        let domain = chance.below(fleet.domains);
        let answer = chance.below(fleet.options);
        let gold = chance.hits(self.shares.gold);
        let attacked = chance.hits(self.shares.target) && fleet.mix.colluding > 0.0;
        let salt = chance.below_wide(u64::MAX);
        let mut question = Question { answer, options: fleet.options, target: None, salt };
        // Drawn in any case, so that a clique changes what it attacks and nothing else.
        let pushed = question.other_than(answer, &mut chance);
        question.target = attacked.then_some(pushed);
        let event_time_ms = fleet.start_ms + task * fleet.task_spacing_ms;
        let row = TaskRow { task, domain, answer, target: question.target, gold, event_time_ms };
        (row, question, chance)
    }
}

impl Shares {
    fn of(fleet: &Fleet) -> Shares {
        Shares {
            target: ppm(fleet.target_share),
            gold: ppm(fleet.gold_share),
            abstain: ppm(fleet.abstain_share),
            late: ppm(fleet.late_share),
            duplicate: ppm(fleet.duplicate_share),
            changed: ppm(fleet.changed_share),
            empty_task: ppm(fleet.empty_task_share),
            bad_rows: ppm(fleet.bad_rows_share),
            family_correlation: ppm(fleet.family_correlation),
        }
    }
}

/// The accuracies of one agent: one in general for each version, and around it one for each domain.
fn draw_accuracies(fleet: &Fleet, chance: &mut Chance, into: &mut Vec<Ppm>) {
    let (least, most) = (ppm(fleet.accuracy_min), ppm(fleet.accuracy_max));
    for _ in 0..fleet.versions {
        let general = chance.between(least, most);
        for _ in 0..fleet.domains {
            let swung = general + chance.between(0, 2 * DOMAIN_SWING);
            into.push(swung.saturating_sub(DOMAIN_SWING).clamp(least, most));
        }
    }
}

/// Fisher and Yates, so that a number says nothing of its agent's behaviour.
fn shuffle<T>(items: &mut [T], chance: &mut Chance) {
    for last in (1..items.len()).rev() {
        items.swap(last, chance.between(0, last as u32) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Mix;

    #[test]
    fn accuracies_stay_in_their_range_and_differ_by_agent_version_and_domain() {
        let fleet = Fleet { versions: 2, ..Fleet::default() };
        let cast = Cast::of(&fleet).unwrap();
        assert!(cast.accuracies.iter().all(|ppm| (600_000..=950_000).contains(ppm)));
        assert_eq!(cast.accuracies.len(), 50 * 2 * 4);
        let of = |agent, version, domain| cast.accuracy(agent, version, domain);
        assert!((0..50).any(|agent| of(agent, 0, 0) != of(agent, 1, 0)));
        assert!((0..50).any(|agent| of(agent, 0, 0) != of(agent, 0, 1)));
        assert!((1..50).any(|agent| of(agent, 0, 0) != of(0, 0, 0)));
    }

    #[test]
    fn behaviours_are_spread_over_the_numbers_of_agents() {
        let mix = Mix { colluding: 0.5, ..Mix::honest() };
        let cast = Cast::of(&Fleet { agents: 1_000, mix, ..Fleet::default() }).unwrap();
        let half = cast.members[..500].iter();
        let hostile = half.filter(|member| member.behaviour.is_hostile()).count();
        assert!((200..300).contains(&hostile), "{hostile}");
    }

    #[test]
    fn a_task_does_not_depend_on_how_many_there_are() {
        let task = |tasks| {
            let (row, ..) = Cast::of(&Fleet { tasks, ..Fleet::default() }).unwrap().task(77);
            row
        };
        assert_eq!(task(100), task(1_000_000));
    }
}
