//! Chance that falls alike everywhere: ChaCha8 under the fleet's seed, and draws of our own.
//!
//! The words of ChaCha8 are fixed by its definition; how a library turns them into "a number below ten" is
//! not, so that is done here. Shares are counted in millionths, so that no draw depends on floats.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A share or a probability in millionths.
pub(super) type Ppm = u32;

/// All of something, in [`Ppm`].
pub(super) const WHOLE: Ppm = 1_000_000;

/// `share` to the nearest millionth.
pub(super) fn ppm(share: f64) -> Ppm {
    (share * f64::from(WHOLE)).round() as Ppm
}

/// What a stream of chance decides; each has numbers of its own.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Who behaves how.
    Cast = 1,
    /// One task and its votes.
    Task = 2,
    /// All ticks.
    Ticks = 3,
    /// All damaged lines.
    Damage = 4,
}

/// Where all chance comes from.
pub(super) struct Seed(ChaCha8Rng);

impl Seed {
    pub(super) fn new(seed: u64) -> Seed {
        Seed(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The stream of `purpose` for the `index`-th of its kind, below 2⁵⁶.
    pub(super) fn chance(&self, purpose: Purpose, index: u64) -> Chance {
        let mut words = self.0.clone();
        words.set_stream((purpose as u64) << 56 | index);
        Chance(words)
    }
}

/// One stream of draws.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// A number below `bound`, or 0 if that is 0.
    ///
    /// Multiply and shift (Lemire 2019) without the rejection step: the bias, below `bound` / 2³², is
    /// nothing to a fleet, and every draw costs exactly one word.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A number below `bound`, or 0 if that is 0, for bounds beyond 2³².
    pub(super) fn below_wide(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `least..=most`.
    pub(super) fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.below_wide(u64::from(most - least) + 1) as u32
    }

    /// True with this probability.
    pub(super) fn hits(&mut self, probability: Ppm) -> bool {
        self.below(WHOLE) < probability
    }
}

/// A scrambled `value`: where a draw must be a function of a number and not of an order (the finalizer of
/// SplitMix64, Steele et al. 2014).
pub(super) fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_seed_never_change() {
        let mut chance = Seed::new(7).chance(Purpose::Task, 3);
        let drawn: Vec<u32> = (0..4).map(|_| chance.below(1_000)).collect();
        assert_eq!(drawn, [136, 286, 319, 721]);
    }

    #[test]
    fn streams_of_one_seed_differ() {
        let seed = Seed::new(1);
        let words = |purpose, index| {
            let mut chance = seed.chance(purpose, index);
            [chance.below_wide(u64::MAX), chance.below_wide(u64::MAX)]
        };
        assert_eq!(words(Purpose::Task, 5), words(Purpose::Task, 5));
        assert_ne!(words(Purpose::Task, 5), words(Purpose::Task, 6));
        assert_ne!(words(Purpose::Task, 5), words(Purpose::Ticks, 5));
    }

    #[test]
    fn draws_fill_their_range_evenly_and_stay_in_it() {
        let mut chance = Seed::new(2).chance(Purpose::Cast, 0);
        let mut seen = [0u32; 10];
        for _ in 0..100_000 {
            seen[chance.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (9_500..10_500).contains(count)), "{seen:?}");
        assert_eq!((chance.below(0), chance.below(1), chance.below_wide(0)), (0, 0, 0));
        assert_eq!(chance.between(u32::MAX, u32::MAX), u32::MAX);
        assert!((0..1_000).all(|_| (3..=5).contains(&chance.between(3, 5))));
    }

    #[test]
    fn what_is_certain_happens_and_what_is_impossible_does_not() {
        let mut chance = Seed::new(3).chance(Purpose::Cast, 0);
        assert!((0..1_000).all(|_| chance.hits(ppm(1.0))));
        assert!((0..1_000).all(|_| !chance.hits(ppm(0.0))));
    }
}
