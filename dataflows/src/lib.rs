//! What a job computes, put together from operators. A dataflow is one file and one line here.

pub mod job;

pub use job::{Inputs, job};
