//! Everything a job computes.

use quorate_operators::activity::activity;
use quorate_operators::clock::Report;
use quorate_operators::decide::{Hooks, Setup, ToOutlet};
use quorate_operators::rows::Feed;
use quorate_schemas::record::{Placed, Record};
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::{OutRow, RejectRow};

use crate::consensus::consensus;

/// What a job reads.
pub struct Inputs<'s> {
    /// Records on time.
    pub records: Feed<'s, Placed<Record>>,
    /// Rows refused at the door.
    pub rejects: Feed<'s, RejectRow>,
    /// What workers say as they seal epochs.
    pub reports: Feed<'s, Report>,
    /// Rows retained before a restart.
    pub restored: Feed<'s, RetainedRow>,
}

/// What goes to the outlets.
pub fn job<'s>(inputs: Inputs<'s>, setup: Setup, hooks: Hooks) -> Feed<'s, ToOutlet> {
    let ticks = inputs.records.clone().filter_map(|row| match row.body {
        Record::Tick(tick) => Some(Placed {
            event_time: row.event_time,
            event_id: row.event_id,
            place: row.place,
            body: tick,
        }),
        _ => None,
    });
    let restored = inputs.restored;
    let (decided, clocks) =
        consensus(inputs.records, inputs.reports, restored.clone(), setup, hooks);
    let rejects = inputs.rejects.map(|row| ToOutlet::Row(OutRow::Reject(Box::new(row))));
    decided.merge(activity(ticks, restored, clocks)).merge(rejects)
}
