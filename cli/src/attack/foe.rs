//! How attackers behave.

use clap::ValueEnum;
use quorate_connectors::generate::Mix;

/// A kind of attacker, one of those that the literature on crowds and Byzantine voters names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Foe {
    /// Answer at random
    Random,
    /// Always say the same
    Constant,
    /// Are always wrong, each in its own way
    Opposite,
    /// Agree on a wrong answer to every question
    Clique,
    /// Agree on a wrong answer to a tenth of the questions, and are honest on the rest
    Camouflage,
    /// Are honest for half of the time, and then always wrong
    Sleeper,
    /// Say one thing and another on the same question
    Equivocator,
}

/// Of a camouflaged clique, the share of questions on which it lies.
const CAMOUFLAGED: f64 = 0.1;

impl Foe {
    pub(crate) const ALL: [Foe; 7] = [
        Foe::Random,
        Foe::Constant,
        Foe::Opposite,
        Foe::Clique,
        Foe::Camouflage,
        Foe::Sleeper,
        Foe::Equivocator,
    ];

    /// The word on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Foe::Random => "random",
            Foe::Constant => "constant",
            Foe::Opposite => "opposite",
            Foe::Clique => "clique",
            Foe::Camouflage => "camouflage",
            Foe::Sleeper => "sleeper",
            Foe::Equivocator => "equivocator",
        }
    }

    /// The share of questions to which somebody pushes a lie.
    pub(crate) fn targets(self) -> f64 {
        match self {
            Foe::Clique => 1.0,
            Foe::Camouflage | Foe::Sleeper => CAMOUFLAGED,
            Foe::Random | Foe::Constant | Foe::Opposite | Foe::Equivocator => 0.0,
        }
    }

    /// A fleet of which `share` are of this kind.
    pub(crate) fn mix(self, share: f64) -> Mix {
        let honest = Mix::honest();
        match self {
            Foe::Random => Mix { noisy: share, ..honest },
            Foe::Constant => Mix { constant: share, ..honest },
            Foe::Opposite => Mix { always_wrong: share, ..honest },
            Foe::Clique | Foe::Camouflage => Mix { colluding: share, ..honest },
            Foe::Sleeper => Mix { sleeping: share, ..honest },
            Foe::Equivocator => Mix { equivocating: share, ..honest },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_command_line() {
        for foe in Foe::ALL {
            let said = foe.to_possible_value().map(|value| value.get_name().to_owned());
            assert_eq!(said.as_deref(), Some(foe.word()));
        }
        assert_eq!(Foe::value_variants().len(), Foe::ALL.len());
    }
}
