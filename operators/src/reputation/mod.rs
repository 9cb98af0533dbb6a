//! From what agents have shown to what their votes count.
//!
//! **Agreement is not truth**, so reputation comes from known answers first. A weight is the log-odds of being
//! right over the log-odds of guessing right in the task's domain, in sixteenths of a nat between 0 and 2. It rests
//! on a pool of tasks: a newcomer's four imaginary ones, the agent's gold in the domain in full, its gold elsewhere
//! (at most eight tasks, and only where rates elsewhere proved to predict this domain's gold), and its agreement
//! with the others (an eighth of a task each, at most eight tasks, times how much better than a coin this domain's
//! decisions proved to be on its gold). Without gold in a domain nothing is learnt there: `weighted` is `majority`.
//!
//! Under `stacked` weights rest on the same gold, but are fitted together ([`quorate_learning::stacked`]).
//!
//! Everything here is integer arithmetic that rounds down, so that a weight is the same on every machine.

mod book;
mod hall;
mod rule;

pub use book::Book;
pub use rule::{MIN_OTHERS, Pool, chance_micros, prior_micros, transfers, trust_micros};
