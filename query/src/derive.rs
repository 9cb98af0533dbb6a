//! The rules of the engine once more, as arithmetic over plain rows: slower, simpler, and by other code.
//!
//! ```text
//!   votes as of a revision ──► Outcome          what the decision must say
//!            │
//!            └──► Shown ──era by era──► Book    what agents' votes must count later
//! ```
//!
//! 1. Everything is a function of its arguments; nothing is kept from call to call and nothing is incremental.
//! 2. Sums of weight are 128-bit integers of millionths: they neither round nor wrap.
//! 3. Weights are taken as the votes' rows give them, so that one wrong weight does not make every later decision
//!    wrong as well.

mod book;
mod outcome;
mod rule;
mod shown;

pub(crate) use book::{Book, Row as BookRow};
pub(crate) use outcome::Outcome;
pub(crate) use shown::{Showing, Shown, fits};
