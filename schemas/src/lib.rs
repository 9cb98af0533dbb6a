//! The words of Quorate as types: records in, rows out, ids, positions, retained rows and the commit record.
//!
//! Everything that crosses a boundary (a file, the log, a channel between machines) is defined here and nowhere
//! else, so that its stored form is decided in one place. No I/O, no clock.

pub mod clock;
pub mod id;
pub mod log;
pub mod place;
pub mod ratio;
pub mod record;
pub mod retained;
pub mod table;
pub mod time;
