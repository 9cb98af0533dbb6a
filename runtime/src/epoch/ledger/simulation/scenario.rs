//! What a seed stands for.

use super::rng::Rng;
use super::rows::Partitions;
use super::weather::Weather;
use crate::epoch::ledger::{End, Terms};

/// All that a run is made from.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) rng: Rng,
    pub(super) terms: Terms,
    pub(super) weather: Weather,
    pub(super) partitions: Partitions,
    /// How many places contenders start in.
    pub(super) places: u64,
    pub(super) workers: u32,
    /// How long the weather lasts.
    pub(super) rough_ms: u64,
    /// Until then nothing can be published.
    pub(super) destination_opens_ms: u64,
    /// The longest wait between two commits.
    pub(super) commit_every_ms: u64,
    /// Of starts: those that don't wait for silence.
    pub(super) takeover: u64,
    /// Of starts: those beside a contender that is still at work.
    pub(super) rivals: u64,
    /// Whether the job ends when all rows are committed.
    pub(super) end: End,
}

impl Scenario {
    /// Long enough for three missed heartbeats, a claim and everything that was left over, and then for trimming.
    pub(super) const CLEAR_MS: u64 = 720_000;

    pub(super) fn of(seed: u64) -> Scenario {
        let mut rng = Rng::new(seed);
        let merge_at_files = rng.pick(&[2, 4, 8]);
        let workers = rng.between(1, 2) as u32;
        let terms = Terms {
            heartbeat_ms: 20_000,
            missed_heartbeats: 3,
            slow_commit_ms: 10_000,
            // Far longer than listings lag and requests linger, but so short that a pause can outlast it.
            trim_age_ms: 240_000,
            merge_at_files,
            most_retained_files: merge_at_files + rng.pick(&[2, 6]),
            merge_slack_rows: rng.pick(&[0, 20]),
            hint_every: rng.pick(&[1, 4, 1_000]),
        };
        let rough_ms = rng.pick(&[100_000, 400_000, 1_200_000]);
        Scenario {
            terms,
            weather: Weather::of(&mut rng),
            partitions: Partitions::of(&mut rng, rough_ms),
            places: rng.between(1, 3),
            workers,
            rough_ms,
            destination_opens_ms: rng.pick(&[0, 0, rough_ms / 2, rough_ms]),
            commit_every_ms: rng.pick(&[1_000, 10_000, 50_000]),
            takeover: rng.pick(&[0, 100]),
            rivals: rng.pick(&[0, 2, 20]),
            end: rng.pick(&[End::NotYet, End::Finished]),
            rng,
        }
    }
}
