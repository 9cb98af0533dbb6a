//! `[outputs]` and `[publish]`: which tables there are beyond the usual, and how the outside gets to see them.

use std::time::Duration;

use quorate_schemas::time::{Micros, SECOND};

use super::section::{Findings, Given, Section};
use super::topics::RawPublishKafka;
use super::units::{LONGEST, on_the_clock};
use super::value;

const DAY: Micros = 86_400 * SECOND;

/// How committed rows are told to the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publish {
    /// Whether tables get a Delta log.
    pub delta: bool,
    /// The least time between two versions of a Delta table, as far as the job goes on.
    pub every: Duration,
    /// A table with this many small files has them merged.
    pub merge_files: u32,
    /// How large a merged file becomes; a file of at least half of it is not small.
    pub merge_bytes: u64,
    /// How long files that a merge has replaced stay for readers of older versions.
    pub keep_removed: Duration,
}

/// `[publish]` as the file has it.
pub(super) struct RawPublish {
    /// `delta`: whether to write a Delta log beside the tables' files; default true.
    delta: Given<bool>,
    /// `every`: at most so often, from `"0s"` (each commit) to `"1h"`; default `"10s"`. Readers list fewer versions.
    every: Given<Micros>,
    /// `merge_files`: from 2 to 10,000; default 32.
    merge_files: Given<u32>,
    /// `merge_bytes`: from `"1MiB"` to `"4GiB"`; default `"32MiB"`. A merge takes a few times this much memory.
    merge_bytes: Given<u64>,
    /// `keep_removed`: at least `"7d"`, the default.
    keep_removed: Given<Micros>,
    pub(super) kafka: RawPublishKafka,
}

impl RawPublish {
    pub(super) fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawPublish {
        let raw = RawPublish {
            delta: section.take("delta", found, value::flag()),
            every: section.take("every", found, value::span(0..=3_600 * SECOND)),
            merge_files: section.take("merge_files", found, value::count(2..=10_000)),
            merge_bytes: section.take("merge_bytes", found, value::size(1 << 20..=4 << 30)),
            keep_removed: section.take("keep_removed", found, value::span(7 * DAY..=LONGEST)),
            kafka: RawPublishKafka::read(section.section("kafka", found), found),
        };
        section.close(found);
        raw
    }

    pub(super) fn resolve(&self, commits_every: Duration, found: &mut Findings<'_>) -> Publish {
        if let Some(every) = &self.every {
            let given = on_the_clock(*every.get_ref());
            if !given.is_zero() && given < commits_every {
                let message = "commits are further apart (checkpoint.every), and there is nothing to tell between them";
                let remedy = "lower checkpoint.every, or write \"0s\" for each commit";
                found.warn(Some(&every.span()), "publish.every", message, remedy);
            }
        }
        Publish {
            delta: self.delta.as_ref().is_none_or(|delta| *delta.get_ref()),
            every: on_the_clock(given(&self.every, 10 * SECOND)),
            merge_files: given(&self.merge_files, 32),
            merge_bytes: given(&self.merge_bytes, 32 << 20),
            keep_removed: on_the_clock(given(&self.keep_removed, 7 * DAY)),
        }
    }
}

fn given<T: Copy>(value: &Given<T>, default: T) -> T {
    value.as_ref().map_or(default, |value| *value.get_ref())
}

/// `[outputs]` as the file has it.
pub(super) struct RawOutputs {
    /// `decision_updates`: whether provisional outcomes are kept as a table; default false. There are many.
    pub(super) decision_updates: Given<bool>,
}

impl RawOutputs {
    pub(super) fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawOutputs {
        let raw =
            RawOutputs { decision_updates: section.take("decision_updates", found, value::flag()) };
        section.close(found);
        raw
    }
}
