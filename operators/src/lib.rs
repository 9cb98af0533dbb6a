//! Streaming operators over collections: pure cores, thin hands.
//!
//! A core is a plain struct of rows and rules, driven by facts and clocks, tested without a dataflow; the timely
//! operator around it ([`by_epoch`]) hands it each epoch's messages once the frontier has passed them. Operators
//! are functions of what they were given: no clock but the one in the rows, no randomness, no order of arrival.

pub mod activity;
mod agenda;
pub mod ballot;
pub mod booth;
pub mod by_epoch;
pub mod cap;
pub mod clock;
pub mod decide;
pub mod effects;
pub mod facts;
pub mod kept;
mod maps;
pub mod policy;
pub mod registry;
pub mod reputation;
pub mod retain;
pub mod rows;
pub mod rules;
pub mod split;
pub mod weights;
