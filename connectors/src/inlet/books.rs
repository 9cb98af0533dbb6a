//! A partition's books: each row, or each member of a row that is a record of its own, is on time, late or rejected.

use quorate_schemas::place::{OriginRef, Place};
use quorate_schemas::record::{Placed, Record, RecordKind};
use quorate_schemas::table::{RejectReason, RejectRow, RejectStage};
use quorate_schemas::time::{Micros, format_rfc3339};

use super::{Counts, InletSpec, Lateness, Limits, Resume, Verdict};
use crate::decode::{Decoded, Part, Refusal};

/// What one partition has come to.
pub(super) struct Books {
    pub(super) origin: OriginRef,
    pub(super) record: RecordKind,
    pub(super) lateness: Lateness,
    pub(super) limits: Limits,
    pub(super) counts: Counts,
    taken: Counts,
}

impl Books {
    pub(super) fn new(spec: &InletSpec, origin: OriginRef, resume: Resume) -> Books {
        Books {
            origin,
            record: spec.decoder.kind(),
            lateness: Lateness::resumed(spec.lateness_us, resume.greatest, resume.floor),
            limits: spec.limits,
            counts: Counts::default(),
            taken: Counts::default(),
        }
    }

    /// The rows counted since this was last asked.
    pub(super) fn take_counts(&mut self) -> Counts {
        let since = self.counts.since(self.taken);
        self.taken = self.counts;
        since
    }

    /// Enters what was decoded of the row at `position`, which came as the bytes `original`.
    pub(super) fn judge(
        &mut self,
        position: u64,
        part: Part<'_>,
        original: &[u8],
        now_us: Micros,
    ) -> Result<Placed<Record>, RejectRow> {
        let own = part.own();
        let refusal = match part.answer() {
            Ok(Decoded { event_time, event_id, record }) => {
                match self.in_time(event_time, now_us) {
                    Ok(()) => {
                        self.counts.rows_in += 1;
                        self.counts.on_time += 1;
                        let place = Place { origin: self.origin, position };
                        return Ok(Placed { event_time, event_id, place, body: record });
                    }
                    Err(refusal) => refusal,
                }
            }
            Err(refusal) => refusal,
        };
        let bytes = own.bytes(original);
        Err(self.refuse(position, &bytes, bytes.len() as u64, refusal))
    }

    /// Refuses a record that is late or too far ahead.
    fn in_time(&mut self, event_time: Micros, now_us: Micros) -> Result<(), Refusal> {
        let refuse = |reason, detail: String| Err(Refusal::new(reason, detail).at(event_time));
        let latest = now_us.saturating_add(self.limits.future_skew_us);
        if event_time > latest {
            let (time, latest) = (format_rfc3339(event_time), format_rfc3339(latest));
            return refuse(
                RejectReason::EventTime,
                format!("{time} lies ahead of {latest}, the furthest allowed now"),
            );
        }
        match self.lateness.judge(event_time) {
            Verdict::OnTime => Ok(()),
            Verdict::Late { bound } => {
                let (time, bound) = (format_rfc3339(event_time), format_rfc3339(bound));
                refuse(
                    RejectReason::Late,
                    format!("{time} lies before {bound}, the earliest on time here"),
                )
            }
        }
    }

    /// Enters a row that cannot be used.
    pub(super) fn refuse(
        &mut self,
        position: u64,
        bytes: &[u8],
        bytes_total: u64,
        refusal: Refusal,
    ) -> RejectRow {
        self.counts.rows_in += 1;
        match refusal.reason {
            RejectReason::Late => self.counts.late += 1,
            _ => self.counts.rejected += 1,
        }
        RejectRow {
            event_time: refusal.event_time.or(self.lateness.greatest()).unwrap_or(0),
            record: self.record,
            stage: RejectStage::Inlet,
            reason: refusal.reason,
            detail: refusal.detail,
            place: Place { origin: self.origin, position },
            bytes: bytes[..bytes.len().min(self.limits.reject_bytes_max)].to_vec(),
            bytes_total,
        }
    }
}
