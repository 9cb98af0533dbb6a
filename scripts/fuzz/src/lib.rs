//! What must hold of any bytes: a property a module, each a function that panics where it does not hold.
//!
//! ```text
//! seeds ──────────────────► check ◄── tests here: every seed, in every build
//!   └──► corpus ──libFuzzer──┘        targets/*.rs, by scripts/fuzz.sh: whatever reaches code that no input reached
//! ```
//!
//! 1. An input is what the outside would send, as far as it can be: a corpus is read, and a seed written, by people.
//! 2. A property says more than "no panic": it holds the answer against another way to find it.
//!
//! An input that breaks a property becomes a test of the crate that was wrong, named by what it shows.

pub mod job;
pub mod record;
pub mod row;
