//! The exponential and the logarithm, of nothing but additions, multiplications and divisions in a fixed order.
//!
//! Those of a system's library differ in their last bits from machine to machine, and a weight must not. IEEE 754 says
//! what each basic operation yields to the last bit, and Rust neither reorders nor fuses them.

const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// e^x for x ≤ 0: within a few units of the last place; nothing below −700.
pub(crate) fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let halvings = (x * std::f64::consts::LOG2_E - 0.5) as i64;
    let by = halvings as f64;
    let rest = (x - by * LN_2_HIGH) - by * LN_2_LOW;
    // 1 + r(1 + r/2(1 + r/3(…))), from the inside.
    let series = (1..=13).rev().fold(1.0, |sum, place| 1.0 + rest / f64::from(place) * sum);
    let power = f64::from_bits(((1_023 + halvings) as u64) << 52);
    series * power
}

/// The natural logarithm of a normal x > 0: within a few units of the last place.
pub(crate) fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let mut doublings = (bits >> 52) as i64 - 1_023;
    let mut mantissa = f64::from_bits(bits & MANTISSA | 1_023 << 52);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        doublings += 1;
    }
    // ln m = 2 artanh((m − 1) / (m + 1)).
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series =
        (0..=12).rev().fold(0.0, |sum, place| sum * square + 1.0 / f64::from(2 * place + 1));
    let by = doublings as f64;
    by * LN_2_HIGH + (2.0 * ratio * series + by * LN_2_LOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_library_to_fourteen_digits() {
        for nr in 0..70_000 {
            let x = -f64::from(nr) / 100.0;
            let (got, expected) = (exp(x), x.exp());
            assert!((got - expected).abs() <= 4e-14 * expected, "e^{x}: {got} and {expected}");
        }
        for nr in 1..100_000 {
            for x in [f64::from(nr) / 1_000.0, f64::from(nr) * 1e9, 1e-9 / f64::from(nr)] {
                let (got, expected) = (ln(x), x.ln());
                let off = (got - expected).abs();
                assert!(off <= 4e-15 * expected.abs().max(1.0), "ln {x}: {got} and {expected}");
            }
        }
        assert_eq!((exp(0.0), exp(-701.0), ln(1.0)), (1.0, 0.0, 0.0));
    }
}
