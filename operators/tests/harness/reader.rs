//! Reads partitions epoch by epoch, judges lateness, and reports as the runtime does.

use quorate_operators::clock::{Bound, Report};
use quorate_schemas::place::{Origin, OriginRef};
use quorate_schemas::time::Micros;

use crate::scenario::Row;

/// The rows of `partition` that are not late: none lies more than `lateness` before the greatest one ahead of it.
pub(crate) fn on_time(partition: &[Row], lateness: Micros) -> Vec<Row> {
    let mut greatest = Micros::MIN;
    let mut accepted = Vec::new();
    for row in partition {
        if row.event_time() >= greatest.saturating_sub(lateness) {
            greatest = greatest.max(row.event_time());
            accepted.push(row.clone());
        }
    }
    accepted
}

/// All partitions, each read up to some position.
pub(crate) struct Reader<'a> {
    partitions: Vec<Partition>,
    lateness: Micros,
    cuts: std::iter::Cycle<std::slice::Iter<'a, Vec<usize>>>,
    fresh: bool,
}

struct Partition {
    origin: OriginRef,
    rows: Vec<Row>,
    position: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        partitions: &[Vec<Row>],
        lateness: Micros,
        cuts: &'a [Vec<usize>],
    ) -> Reader<'a> {
        assert!(cuts.iter().flatten().any(|rows| *rows > 0), "no cut reads anything");
        let partition = |(at, rows): (usize, &Vec<Row>)| Partition {
            origin: Origin { source: "rows".into(), partition: format!("p{at}") }.shared(),
            rows: on_time(rows, lateness),
            position: 0,
        };
        let partitions = partitions.iter().enumerate().map(partition).collect();
        Reader { partitions, lateness, cuts: cuts.iter().cycle(), fresh: true }
    }

    /// Whether everything was read and reported.
    pub(crate) fn is_done(&self) -> bool {
        !self.fresh
            && self.partitions.iter().all(|partition| partition.position == partition.rows.len())
    }

    /// The workers have started again, from the positions where they were.
    pub(crate) fn start_again(&mut self) {
        self.fresh = true;
    }

    /// The rows of one epoch, and what `workers` workers report as they seal it.
    pub(crate) fn read(&mut self, workers: usize) -> (Vec<Row>, Vec<Report>) {
        let cut = self.cuts.next().expect("cuts go on for ever");
        let (mut read, mut reports) = (Vec::new(), vec![Report::Pulse]);
        for (partition, rows) in self.partitions.iter_mut().zip(cut.iter().cycle()) {
            let to = partition.position.saturating_add(*rows).min(partition.rows.len());
            read.extend_from_slice(&partition.rows[partition.position..to]);
            if self.fresh || to > partition.position {
                partition.position = to;
                reports.push(partition.report(self.lateness));
            }
        }
        if std::mem::take(&mut self.fresh) {
            reports.extend((0..workers).map(|worker| Report::Complete { worker, complete: true }));
        }
        (read, reports)
    }
}

impl Partition {
    fn report(&self, lateness: Micros) -> Report {
        let greatest = self.rows[..self.position].iter().map(Row::event_time).max();
        let bound = match self.position == self.rows.len() {
            true => Bound::Done,
            false => Bound::At(greatest.map(|greatest| greatest - lateness)),
        };
        Report::Partition { origin: Origin::clone(&self.origin), bound, greatest }
    }
}
