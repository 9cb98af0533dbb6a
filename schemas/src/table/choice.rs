use serde::{Deserialize, Serialize};

use super::CellKind::{Flag, Int, Real, Word};
use super::{Cells, Column, TableRow};
use crate::id::Name;
use crate::time::Micros;

/// How a rule did in a domain on known answers that it had not seen, and whether votes are weighed by it from an era on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChoiceRow {
    /// When the era begins.
    pub event_time: Micros,
    /// The era.
    pub era: i64,
    /// How often the job had been reopened when this was told.
    pub revision: i64,
    /// The domain; `None` stands for all together, which is what holds where nothing is known.
    pub domain: Option<Name>,
    /// The rule.
    pub method: Name,
    /// Why it was chosen, if it was.
    pub reason: Option<Name>,
    /// Known answers that it was tried on.
    pub gold_tasks: i64,
    /// The mean logarithm of how likely it held them, in millionths of a nat.
    pub likelihood_micros: i64,
    /// By how much that is more than under the rule that stands where none is better.
    pub advantage_micros: i64,
    /// The standard error of this difference.
    pub error_micros: i64,
}

impl TableRow for ChoiceRow {
    const COLUMNS: &'static [Column] = &[
        Column::nullable("domain", Word),
        Column::new("era", Int),
        Column::new("method", Word),
        Column::new("chosen", Flag),
        Column::nullable("reason", Word),
        Column::new("gold_tasks", Int),
        Column::new("log_likelihood", Real),
        Column::new("advantage", Real),
        Column::new("advantage_error", Real),
    ];

    fn revision(&self) -> i64 {
        self.revision
    }

    fn event_time(&self) -> Micros {
        self.event_time
    }

    fn cells(&self, to: &mut impl Cells) {
        let real = |micros: i64| Some(micros as f64 / 1e6);
        to.text(self.domain.as_deref());
        to.int(Some(self.era));
        to.text(Some(&self.method));
        to.flag(Some(self.reason.is_some()));
        to.text(self.reason.as_deref());
        to.int(Some(self.gold_tasks));
        to.real(real(self.likelihood_micros));
        to.real(real(self.advantage_micros));
        to.real(real(self.error_micros));
    }
}
