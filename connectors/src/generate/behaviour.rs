//! How agents vote: what each kind of agent says to a question whose answer it may or may not know.

use serde::{Deserialize, Serialize};

use super::chance::{Chance, Ppm, ppm, scramble};

/// How an agent behaves, all its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Right as often as its accuracy in the task's domain says.
    Honest,
    /// Any label, right by luck alone.
    Noisy,
    /// Always the same label.
    Constant,
    /// Always a wrong label, each time any of them.
    AlwaysWrong,
    /// Honest, except on the clique's targets: there, all of the clique say the same wrong label.
    Colluding,
    /// Says one thing and another on the same task, half of the time at the very same event time.
    Equivocating,
    /// Honest for the first half of the tasks, then always wrong, and with the clique on its targets.
    Sleeping,
}

impl Behaviour {
    /// Every behaviour.
    pub const ALL: [Behaviour; 7] = [
        Behaviour::Honest,
        Behaviour::Noisy,
        Behaviour::Constant,
        Behaviour::AlwaysWrong,
        Behaviour::Colluding,
        Behaviour::Equivocating,
        Behaviour::Sleeping,
    ];

    /// The word in `truth_agents`.
    pub fn word(self) -> &'static str {
        match self {
            Behaviour::Honest => "honest",
            Behaviour::Noisy => "noisy",
            Behaviour::Constant => "constant",
            Behaviour::AlwaysWrong => "always_wrong",
            Behaviour::Colluding => "colluding",
            Behaviour::Equivocating => "equivocating",
            Behaviour::Sleeping => "sleeping",
        }
    }

    /// Whether it means harm, rather than just being of no use.
    pub fn is_hostile(self) -> bool {
        match self {
            Behaviour::AlwaysWrong
            | Behaviour::Colluding
            | Behaviour::Equivocating
            | Behaviour::Sleeping => true,
            Behaviour::Honest | Behaviour::Noisy | Behaviour::Constant => false,
        }
    }
}

/// The shares of agents that are not honest; all others are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mix {
    /// Share of agents that answer at random, 0 to 1.
    pub noisy: f64,
    /// Share of agents that always say the same label, 0 to 1.
    pub constant: f64,
    /// Share of agents that are always wrong, 0 to 1.
    pub always_wrong: f64,
    /// Share of agents in one clique that agrees on a wrong label for each of its targets, 0 to 1.
    pub colluding: f64,
    /// Share of agents that give two different answers to each task, 0 to 1.
    pub equivocating: f64,
    /// Share of agents that are honest for the first half of the tasks and always wrong then, 0 to 1.
    pub sleeping: f64,
}

impl Default for Mix {
    fn default() -> Mix {
        Mix {
            noisy: 0.1,
            constant: 0.04,
            always_wrong: 0.04,
            colluding: 0.1,
            equivocating: 0.02,
            sleeping: 0.0,
        }
    }
}

impl Mix {
    /// Honest agents only.
    pub fn honest() -> Mix {
        Mix {
            noisy: 0.0,
            constant: 0.0,
            always_wrong: 0.0,
            colluding: 0.0,
            equivocating: 0.0,
            sleeping: 0.0,
        }
    }

    /// The names and shares of the settings.
    pub(super) fn shares(&self) -> [(&'static str, Behaviour, f64); 6] {
        [
            ("mix.noisy", Behaviour::Noisy, self.noisy),
            ("mix.constant", Behaviour::Constant, self.constant),
            ("mix.always_wrong", Behaviour::AlwaysWrong, self.always_wrong),
            ("mix.colluding", Behaviour::Colluding, self.colluding),
            ("mix.equivocating", Behaviour::Equivocating, self.equivocating),
            ("mix.sleeping", Behaviour::Sleeping, self.sleeping),
        ]
    }

    /// The behaviours of `agents` agents, each share met to the nearest agent (of the shares so far, so
    /// that rounding never asks for more agents than there are).
    pub(super) fn cast(&self, agents: u32) -> Vec<Behaviour> {
        let mut cast = Vec::with_capacity(agents as usize);
        let mut share = 0.0;
        for (_, behaviour, more) in self.shares() {
            share += more;
            let upto = (u64::from(ppm(share)) * u64::from(agents) + 500_000) / 1_000_000;
            cast.resize((upto as usize).clamp(cast.len(), agents as usize), behaviour);
        }
        cast.resize(agents as usize, Behaviour::Honest);
        cast
    }
}

/// What is asked, as only the generator knows it. Labels are numbers below `options`.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The right label.
    pub(super) answer: u32,
    /// How many labels there are, at least two.
    pub(super) options: u32,
    /// The wrong label that the clique pushes, if it pushes any.
    pub(super) target: Option<u32>,
    /// What the common errors of families on this question are drawn from.
    pub(super) salt: u64,
}

impl Question {
    /// Any label but `label`.
    pub(super) fn other_than(&self, label: u32, chance: &mut Chance) -> u32 {
        (label + 1 + chance.below(self.options - 1)) % self.options
    }

    /// The wrong label that members of `family` share when they err together.
    fn error_of(&self, family: u32) -> u32 {
        let step = scramble(self.salt ^ u64::from(family)) % u64::from(self.options - 1);
        (self.answer + 1 + step as u32) % self.options
    }
}

/// Who answers.
pub(super) struct Voice {
    pub(super) behaviour: Behaviour,
    /// Whether one that sleeps has woken.
    pub(super) awake: bool,
    /// How often it is right where it tries to be.
    pub(super) accuracy: Ppm,
    /// Its only label, where it has but one.
    pub(super) constant: u32,
    /// Its family, and how often its errors are the family's.
    pub(super) family: Option<(u32, Ppm)>,
}

impl Voice {
    /// The label it says.
    pub(super) fn say(&self, question: &Question, chance: &mut Chance) -> u32 {
        match (self.behaviour, question.target) {
            (Behaviour::Colluding, Some(target)) => target,
            (Behaviour::Sleeping, Some(target)) if self.awake => target,
            (Behaviour::Sleeping, None) if self.awake => {
                question.other_than(question.answer, chance)
            }
            (
                Behaviour::Honest
                | Behaviour::Colluding
                | Behaviour::Equivocating
                | Behaviour::Sleeping,
                _,
            ) => self.try_to_be_right(question, chance),
            (Behaviour::Noisy, _) => chance.below(question.options),
            (Behaviour::Constant, _) => self.constant,
            (Behaviour::AlwaysWrong, _) => question.other_than(question.answer, chance),
        }
    }

    fn try_to_be_right(&self, question: &Question, chance: &mut Chance) -> u32 {
        if chance.hits(self.accuracy) {
            return question.answer;
        }
        match self.family {
            Some((family, together)) if chance.hits(together) => question.error_of(family),
            _ => question.other_than(question.answer, chance),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::chance::{Purpose, Seed};

    fn said(behaviour: Behaviour, target: Option<u32>, family: Option<(u32, Ppm)>) -> [u32; 4] {
        said_by(Voice { behaviour, awake: false, accuracy: 700_000, constant: 2, family }, target)
    }

    fn said_by(voice: Voice, target: Option<u32>) -> [u32; 4] {
        let question = Question { answer: 1, options: 4, target, salt: 99 };
        let mut chance = Seed::new(4).chance(Purpose::Cast, 0);
        let mut counts = [0; 4];
        for _ in 0..10_000 {
            counts[voice.say(&question, &mut chance) as usize] += 1;
        }
        counts
    }

    #[test]
    fn each_behaviour_says_what_it_is_known_for() {
        let near = |count: u32, expected: u32| count.abs_diff(expected) < 300;
        let honest = said(Behaviour::Honest, Some(3), None);
        assert!(near(honest[1], 7_000) && near(honest[3], 1_000), "{honest:?}");
        let noisy = said(Behaviour::Noisy, None, None);
        assert!(noisy.iter().all(|count| near(*count, 2_500)), "{noisy:?}");
        assert_eq!(said(Behaviour::Constant, None, None), [0, 0, 10_000, 0]);
        let wrong = said(Behaviour::AlwaysWrong, None, None);
        assert!(wrong[1] == 0 && near(wrong[0], 3_333), "{wrong:?}");
        assert_eq!(said(Behaviour::Colluding, Some(3), None), [0, 0, 0, 10_000]);
        let camouflaged = said(Behaviour::Colluding, None, None);
        assert!(near(camouflaged[1], 7_000), "{camouflaged:?}");
    }

    #[test]
    fn one_that_sleeps_is_honest_until_it_wakes() {
        let asleep = said(Behaviour::Sleeping, Some(3), None);
        assert!(asleep[1].abs_diff(7_000) < 300, "{asleep:?}");
        let awake = |target| {
            let behaviour = Behaviour::Sleeping;
            let voice =
                Voice { behaviour, awake: true, accuracy: 700_000, constant: 2, family: None };
            said_by(voice, target)
        };
        assert_eq!(awake(Some(3)), [0, 0, 0, 10_000]);
        assert_eq!(awake(None)[1], 0);
    }

    #[test]
    fn a_family_errs_alike_and_no_more_often() {
        let alike = said(Behaviour::Honest, None, Some((5, 1_000_000)));
        assert_eq!(alike.iter().filter(|count| **count > 0).count(), 2, "{alike:?}");
        assert!(alike[1].abs_diff(7_000) < 300, "{alike:?}");
    }

    #[test]
    fn shares_are_met_to_the_nearest_agent_and_never_exceed_the_fleet() {
        let check = |mix: Mix, agents: u32, expected: [usize; 7]| {
            let cast = mix.cast(agents);
            let count = |behaviour| cast.iter().filter(|one| **one == behaviour).count();
            assert_eq!(Behaviour::ALL.map(count), expected, "{mix:?} of {agents}");
        };
        check(Mix::default(), 100, [70, 10, 4, 4, 10, 2, 0]);
        check(Mix { colluding: 0.333333, ..Mix::honest() }, 3, [2, 0, 0, 0, 1, 0, 0]);
        let all = Mix { noisy: 0.5, constant: 0.5, ..Mix::honest() };
        check(all, 3, [0, 2, 1, 0, 0, 0, 0]);
        check(Mix::default(), 0, [0; 7]);
    }
}
