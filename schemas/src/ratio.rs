//! An exact ratio, so that "more than two thirds" is decided without rounding.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `numerator / denominator`, between 0 and 1, in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

impl Ratio {
    /// Two thirds: two sets above it overlap in more than a third.
    pub const TWO_THIRDS: Ratio = Ratio { numerator: 2, denominator: 3 };
    /// One third.
    pub const ONE_THIRD: Ratio = Ratio { numerator: 1, denominator: 3 };

    /// `numerator / denominator`; `None` unless it lies in `0..=1`.
    pub fn new(numerator: u32, denominator: u32) -> Option<Ratio> {
        if denominator == 0 || numerator > denominator {
            return None;
        }
        let divisor = gcd(numerator, denominator);
        Some(Ratio { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    /// Whether `part / whole` is strictly greater than this ratio. False for an empty whole.
    pub fn exceeded_by(self, part: i64, whole: i64) -> bool {
        i128::from(part) * i128::from(self.denominator)
            > i128::from(whole) * i128::from(self.numerator)
            && whole > 0
    }

    /// This share of `whole`, rounded down.
    pub fn of(self, whole: i64) -> i64 {
        let share = i128::from(whole) * i128::from(self.numerator) / i128::from(self.denominator);
        i64::try_from(share).unwrap_or(i64::MAX)
    }

    /// The numerator in lowest terms.
    pub fn numerator(self) -> u32 {
        self.numerator
    }

    /// The denominator in lowest terms.
    pub fn denominator(self) -> u32 {
        self.denominator
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl FromStr for Ratio {
    type Err = String;

    /// Reads `2/3`, or a decimal of at most six digits (`0.5`, `1`).
    fn from_str(text: &str) -> Result<Ratio, String> {
        let wrong =
            || format!("`{text}` is not a ratio between 0 and 1: write it as \"2/3\" or \"0.5\"");
        if let Some((above, below)) = text.split_once('/') {
            let number = |part: &str| part.trim().parse::<u32>().map_err(|_| wrong());
            return Ratio::new(number(above)?, number(below)?).ok_or_else(wrong);
        }
        let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        if decimals.len() > 6
            || !format!("{whole}{decimals}").bytes().all(|b| b.is_ascii_digit())
            || whole.is_empty()
        {
            return Err(wrong());
        }
        let scale = 10u32.pow(decimals.len() as u32);
        let whole: u32 = whole.parse().map_err(|_| wrong())?;
        let part: u32 =
            if decimals.is_empty() { 0 } else { decimals.parse().map_err(|_| wrong())? };
        let numerator =
            whole.checked_mul(scale).and_then(|n| n.checked_add(part)).ok_or_else(wrong)?;
        Ratio::new(numerator, scale).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Ratio {
    type Error = String;
    fn try_from(text: String) -> Result<Ratio, String> {
        text.parse()
    }
}

impl From<Ratio> for String {
    fn from(ratio: Ratio) -> String {
        ratio.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thirds_is_exceeded_by_the_next_unit_and_not_before() {
        assert!(!Ratio::TWO_THIRDS.exceeded_by(2_000_000, 3_000_000));
        assert!(Ratio::TWO_THIRDS.exceeded_by(2_000_001, 3_000_000));
        assert!(Ratio::TWO_THIRDS.exceeded_by(i64::MAX, i64::MAX));
        assert!(!Ratio::new(0, 1).unwrap().exceeded_by(0, 0));
    }

    #[test]
    fn ratios_are_read_exactly_or_refused() {
        assert_eq!("4/6".parse(), Ok(Ratio::TWO_THIRDS));
        assert_eq!("0.5".parse(), Ok(Ratio::new(1, 2).unwrap()));
        assert_eq!("1".parse(), Ok(Ratio::new(1, 1).unwrap()));
        for wrong in ["", "3/2", "1/0", "-1/2", "2", "0.1234567", "a", "0x1", "."] {
            assert!(wrong.parse::<Ratio>().is_err(), "{wrong}");
        }
    }
}
