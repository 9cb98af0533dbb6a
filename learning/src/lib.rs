//! What is fitted to evidence: pure functions from what is known to what votes are worth.
//!
//! Floats live here and nowhere else inside the engine. They are of basic operations in a fixed order, whose results IEEE
//! 754 gives to the last bit, so that a fit is the same on every machine; what leaves is quantised to integers.

pub mod auto;
mod elementary;
pub mod exams;
mod fit;
pub mod label;
mod sitting;
pub mod stacked;
pub mod weights;
