//! Everything a job computes.

use quorate_operators::activity::activity;
use quorate_operators::clock::Report;
use quorate_operators::decide::{self, Hooks, Setup, ToOutlet, decide};
use quorate_operators::rows::Feed;
use quorate_operators::split::{Split, split};
use quorate_schemas::record::{Placed, Record};
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::{OutRow, RejectRow};

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
    let Split { facts, agents, orders, ticks } = split(inputs.records);
    let (reports, restored) = (inputs.reports, inputs.restored);
    let deciding = decide::Inputs { facts, agents, orders, reports, restored: restored.clone() };
    let (decided, clocks) = decide(deciding, setup, hooks);
    let rejects = inputs.rejects.map(|row| ToOutlet::Row(OutRow::Reject(Box::new(row))));
    decided.merge(activity(ticks, restored, clocks)).merge(rejects)
}
