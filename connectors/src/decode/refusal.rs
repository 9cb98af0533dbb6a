use quorate_schemas::table::RejectReason;
use quorate_schemas::time::Micros;

/// Why a row is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, one of few.
    pub reason: RejectReason,
    /// Which field, what was expected, what stood there.
    pub detail: String,
    /// The row's event time, where it could be read.
    pub event_time: Option<Micros>,
}

impl Refusal {
    pub(crate) fn new(reason: RejectReason, detail: impl Into<String>) -> Refusal {
        Refusal { reason, detail: detail.into(), event_time: None }
    }

    pub(crate) fn at(self, event_time: Micros) -> Refusal {
        Refusal { event_time: Some(event_time), ..self }
    }
}
