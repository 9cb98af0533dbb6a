use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::id::{Id, Name};

/// A finite number, totally ordered; `-0` is `0`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Number(f64);

impl Number {
    /// `value` if it is finite.
    pub fn new(value: f64) -> Option<Number> {
        // Adding zero turns -0 into 0, so that equal numbers have one representation.
        value.is_finite().then_some(Number(value + 0.0))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Its bytes, for another process.
    pub fn to_le_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// The number that these bytes are of, if it is one.
    pub fn from_le_bytes(bytes: [u8; 8]) -> Option<Number> {
        Number::new(f64::from_le_bytes(bytes))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, into: &mut H) {
        into.write_u64(self.0.to_bits());
    }
}

/// What a vote says. Small, since there are many: what is rare and large is boxed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// Nothing: a null or a non-answer. It competes as a version, so it withdraws an earlier vote.
    Abstain,
    /// A label.
    Choice(Name),
    /// A number.
    Number(Number),
    /// The first is better than the second.
    Ranking(Box<(Name, Name)>),
    /// This response deserves this score.
    Score(Box<(Name, Number)>),
}

impl Value {
    /// The label under which this value is tallied; `None` for an abstention.
    pub fn label(&self) -> Option<Name> {
        self.said().map(Cow::into_owned)
    }

    /// The same, borrowed where it stands in the value as it is.
    pub fn said(&self) -> Option<Cow<'_, Name>> {
        let made = match self {
            Value::Abstain => return None,
            Value::Choice(label) => return Some(Cow::Borrowed(label)),
            Value::Number(number) => compact_str::format_compact!("{}", number.get()),
            Value::Ranking(ranked) => {
                let (better, worse) = ranked.as_ref();
                compact_str::format_compact!("{better}>{worse}")
            }
            Value::Score(scored) => {
                let (response, score) = scored.as_ref();
                compact_str::format_compact!("{response}={}", score.get())
            }
        };
        Some(Cow::Owned(made))
    }

    /// Whether it is an answer at all.
    pub fn is_answer(&self) -> bool {
        *self != Value::Abstain
    }
}

/// An agent's choice on a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// The task voted on.
    pub task: Id,
    /// Who votes.
    pub agent: Id,
    /// What it says.
    pub value: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_no_larger_than_a_label() {
        assert_eq!(size_of::<Value>(), size_of::<Name>());
    }

    #[test]
    fn numbers_are_finite_and_zero_is_one_number() {
        assert!(Number::new(f64::NAN).is_none() && Number::new(f64::INFINITY).is_none());
        assert_eq!(Number::new(-0.0), Number::new(0.0));
        assert_eq!(Value::Number(Number::new(-0.0).unwrap()).label().unwrap(), "0");
        assert_eq!(Value::Number(Number::new(1e308).unwrap()).label().unwrap().len(), 309);
    }
}
