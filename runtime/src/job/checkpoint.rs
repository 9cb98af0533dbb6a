//! `[checkpoint]`: how often results become true. It changes when they do, never what they are.

use std::time::Duration;

use quorate_schemas::time::Micros;
use toml::Spanned;

use super::section::{Findings, Given, Section};
use super::units::{Span, on_the_clock};
use super::value;

/// How often input is cut and committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The longest a checkpoint takes in rows before it is committed.
    pub every: Duration,
    /// The length of an epoch: provisional decisions are at most about this old.
    pub epoch: Duration,
    /// A checkpoint that has taken in this many bytes of input is committed at once.
    pub bytes: u64,
}

/// `[checkpoint]` as the file has it.
pub(super) struct RawCheckpoint {
    /// `every`: from `"10ms"` to `"1h"`; default `"5s"`. Each costs a handful of requests to the store.
    every: Given<Micros>,
    /// `epoch`: from `"1ms"` to `"10s"`, no longer than `every`; default `"50ms"`.
    epoch: Given<Micros>,
    /// `bytes`: from `"64KiB"` to `"16GiB"`; default `"64MiB"`. Bounds the memory that a checkpoint takes.
    bytes: Given<u64>,
}

const MILLISECOND: Micros = 1_000;

impl RawCheckpoint {
    pub(super) fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawCheckpoint {
        let raw = RawCheckpoint {
            every: section.take(
                "every",
                found,
                value::span(10 * MILLISECOND..=3_600_000 * MILLISECOND),
            ),
            epoch: section.take("epoch", found, value::span(MILLISECOND..=10_000 * MILLISECOND)),
            bytes: section.take("bytes", found, value::size(64 << 10..=16 << 30)),
        };
        section.close(found);
        raw
    }

    pub(super) fn resolve(self, found: &mut Findings<'_>) -> Checkpoint {
        let every = self.every.as_ref().map_or(5_000 * MILLISECOND, |every| *every.get_ref());
        // A checkpoint holds at least one epoch.
        let default = every.min(50 * MILLISECOND);
        let epoch = self.epoch.as_ref().map_or(default, |epoch| *epoch.get_ref());
        if let Some(given) = self.epoch.filter(|_| epoch > every) {
            let message = format!(
                "an epoch of {} is longer than a checkpoint of {}",
                Span(epoch),
                Span(every)
            );
            found.error(
                Some(&given.span()),
                "checkpoint.epoch",
                message,
                "make it shorter, or raise checkpoint.every",
            );
        }
        Checkpoint {
            every: on_the_clock(every),
            epoch: on_the_clock(epoch),
            bytes: self.bytes.map_or(64 << 20, Spanned::into_inner),
        }
    }
}
