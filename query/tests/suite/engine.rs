//! The engine's cores, driven epoch by epoch as its dataflow drives them, with one worker.

use std::collections::BTreeMap;

use quorate_operators::booth::{Booth, Horizon};
use quorate_operators::clock::{Bound, Clockwork, Report};
use quorate_operators::effects::Effects;
use quorate_operators::reputation::Book;
use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::log::{PartitionRange, Position};
use quorate_schemas::place::{Origin, Place};
use quorate_schemas::retained::{Retain, RetainedRow, WeightChange};
use quorate_schemas::table::{ConservationRow, OutRow, RejectReason, RejectRow, RejectStage};
use quorate_schemas::time::Micros;

use super::scenario::{LINE_BYTES, Line, Partition, Scenario, key};

/// Everything of one checkpoint.
pub(crate) struct Checkpoint {
    pub(crate) number: u64,
    pub(crate) rows: Vec<OutRow>,
    pub(crate) kept: Vec<Retain>,
    pub(crate) ranges: Vec<PartitionRange>,
    pub(crate) positions: Vec<Position>,
    pub(crate) clock: Clock,
    pub(crate) finished: bool,
}

/// How far a partition is read.
struct Reading<'a> {
    partition: &'a Partition,
    next: usize,
    greatest: Option<Micros>,
}

impl Reading<'_> {
    fn is_done(&self) -> bool {
        self.next == self.partition.lines.len()
    }

    fn origin(&self) -> Origin {
        Origin::clone(&self.partition.origin)
    }

    fn position(&self) -> Position {
        Position {
            origin: self.origin(),
            next: self.next as u64 * LINE_BYTES,
            greatest_event_time_us: self.greatest,
            idle: false,
            join_watermark_us: None,
            done: self.is_done(),
            mark: serde_json::Value::Null,
        }
    }
}

struct Engine<'a> {
    scenario: &'a Scenario,
    readings: Vec<Reading<'a>>,
    booth: Booth,
    book: Book,
    clockwork: Clockwork,
    clock: Clock,
    horizon: Option<Horizon>,
    weights: Vec<WeightChange>,
    rows: Vec<OutRow>,
    kept: Kept,
    ranges: BTreeMap<Origin, PartitionRange>,
}

/// Runs the job; gives its checkpoints.
pub(crate) fn run(scenario: &Scenario) -> Vec<Checkpoint> {
    let policy = scenario.policy;
    let reading = |partition| Reading { partition, next: 0, greatest: None };
    let mut engine = Engine {
        scenario,
        readings: scenario.partitions.iter().map(reading).collect(),
        booth: Booth::new(policy, key(), true),
        book: Book::new(policy, key(), 0),
        clockwork: Clockwork::new(policy.eras, 1, Clock::START),
        clock: Clock::START,
        horizon: None,
        weights: Vec::new(),
        rows: Vec::new(),
        kept: Kept::default(),
        ranges: BTreeMap::new(),
    };
    let mut checkpoints = Vec::new();
    for epoch in 0.. {
        assert!(epoch < 10_000, "the job never ends");
        engine.epoch();
        let read = engine.readings.iter().all(Reading::is_done);
        let ended = read && (!scenario.to_the_end || !engine.clockwork.lags());
        if ended || (epoch + 1) % scenario.epochs_a_checkpoint == 0 {
            checkpoints.push(
                engine.seal(epoch / scenario.epochs_a_checkpoint + 1, ended && scenario.to_the_end),
            );
        }
        if ended {
            break;
        }
    }
    checkpoints
}

impl Engine<'_> {
    fn epoch(&mut self) {
        let mut effects = Effects::default();
        for change in std::mem::take(&mut self.weights) {
            self.booth.weigh(&change);
        }
        let mut reports = vec![Report::Complete { worker: 0, complete: self.scenario.to_the_end }];
        let mut lines = Vec::new();
        for at in 0..self.readings.len() {
            lines.extend(self.read(at));
            let reading = &self.readings[at];
            let bound = match reading.is_done() && self.scenario.to_the_end {
                true => Bound::Done,
                false => {
                    Bound::At(reading.greatest.map(|greatest| greatest - self.scenario.lateness))
                }
            };
            reports.push(Report::Partition {
                origin: reading.origin(),
                bound,
                greatest: reading.greatest,
            });
        }
        // What facts rest on comes first.
        let (facts, shared): (Vec<Line>, Vec<Line>) =
            lines.into_iter().partition(|line| matches!(line, Line::Fact(_)));
        for line in shared.into_iter().chain(facts) {
            match line {
                Line::Agent(row) => self.booth.register(row, &mut effects),
                Line::Order(row) => self.booth.order(row, &mut effects),
                Line::Fact(fact) => self.booth.receive(vec![vec![fact]], &mut effects),
                Line::Garbage => {}
            }
        }
        if let Some(horizon) = self.horizon {
            self.clockwork.horizon(0, horizon);
        }
        reports.into_iter().for_each(|report| self.clockwork.report(report));
        self.clock = self.clockwork.close();
        self.booth.advance(self.clock, &mut effects);
        self.horizon = Some(self.booth.horizon());
        let mut keep = std::mem::take(&mut effects.keep);
        effects.shown.into_iter().for_each(|shown| self.book.show(shown));
        effects.exams.into_iter().for_each(|exam| self.book.examine(exam));
        self.rows.append(&mut effects.rows);
        let mut turned = self.book.advance(self.clock, &mut keep);
        self.rows.append(&mut turned.rows);
        self.weights = turned.weights;
        keep.into_iter().for_each(|change| self.kept.take(change));
    }

    /// The rows on time among the next lines of a partition; the others become rejects.
    fn read(&mut self, at: usize) -> Vec<Line> {
        let reading = &mut self.readings[at];
        let Partition { origin, record, lines } = reading.partition;
        let to = (reading.next + self.scenario.lines_an_epoch).min(lines.len());
        if to == reading.next {
            return Vec::new();
        }
        let range = self.ranges.entry(Origin::clone(origin)).or_insert_with(|| {
            let from = reading.next as u64 * LINE_BYTES;
            PartitionRange {
                origin: Origin::clone(origin),
                from,
                to: from,
                rows_in: 0,
                on_time: 0,
                late: 0,
                rejected: 0,
            }
        });
        let mut accepted = Vec::new();
        for (nr, line) in lines.iter().enumerate().take(to).skip(reading.next) {
            range.rows_in += 1;
            let bound =
                reading.greatest.unwrap_or(Micros::MIN).saturating_sub(self.scenario.lateness);
            let reason = match line.event_time() {
                None => RejectReason::InvalidJson,
                Some(at) if at < bound => RejectReason::Late,
                Some(at) => {
                    reading.greatest = reading.greatest.max(Some(at));
                    range.on_time += 1;
                    accepted.push(line.clone());
                    continue;
                }
            };
            *if reason == RejectReason::Late { &mut range.late } else { &mut range.rejected } += 1;
            self.rows.push(OutRow::Reject(Box::new(RejectRow {
                event_time: line.event_time().or(reading.greatest).unwrap_or(0),
                record: *record,
                stage: RejectStage::Inlet,
                reason,
                detail: String::new(),
                place: Place { origin: *origin, position: nr as u64 * LINE_BYTES },
                bytes: b"a line".to_vec(),
                bytes_total: 6,
            })));
        }
        reading.next = to;
        range.to = to as u64 * LINE_BYTES;
        accepted
    }

    fn seal(&mut self, number: u64, finished: bool) -> Checkpoint {
        let ranges: Vec<PartitionRange> = std::mem::take(&mut self.ranges).into_values().collect();
        for range in &ranges {
            let found =
                self.readings.iter().find(|reading| *reading.partition.origin == range.origin);
            let Some(reading) = found else { continue };
            self.rows.push(OutRow::Conservation(Box::new(ConservationRow {
                event_time: reading.greatest.unwrap_or(0),
                origin: range.origin.clone(),
                record: reading.partition.record,
                from: range.from,
                to: range.to,
                rows_in: range.rows_in,
                on_time: range.on_time,
                late: range.late,
                rejected: range.rejected,
                done: reading.is_done(),
            })));
        }
        let mut positions: Vec<Position> = self.readings.iter().map(Reading::position).collect();
        positions.sort_by(|a, b| a.origin.cmp(&b.origin));
        let finished = finished && self.clock.phase == Phase::End;
        let mut effects = Effects::default();
        self.booth.save(&mut effects);
        effects.shown.into_iter().for_each(|shown| self.book.show(shown));
        self.book.save(&mut effects.keep);
        effects.keep.into_iter().for_each(|change| self.kept.take(change));
        let (rows, kept) =
            (std::mem::take(&mut self.rows), std::mem::take(&mut self.kept).into_entries());
        Checkpoint { number, rows, kept, ranges, positions, clock: self.clock, finished }
    }
}

/// What one checkpoint's changes of durable rows come to, as the runtime writes them.
#[derive(Default)]
struct Kept {
    rows: BTreeMap<RetainedRow, i64>,
    of_tasks: Vec<Retain>,
}

impl Kept {
    fn take(&mut self, change: Retain) {
        match change {
            Retain::Row(row, diff) if row.group().is_none() => {
                *self.rows.entry(row).or_default() += diff;
            }
            of_task => self.of_tasks.push(of_task),
        }
    }

    fn into_entries(self) -> Vec<Retain> {
        let alive = self.rows.into_iter().filter(|(_, diff)| *diff != 0);
        self.of_tasks.into_iter().chain(alive.map(|(row, diff)| Retain::Row(row, diff))).collect()
    }
}
