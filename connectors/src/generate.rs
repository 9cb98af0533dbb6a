//! Synthetic fleets: agents, tasks, votes and ticks from a seed, with the truth beside them.
//!
//! For tests, benches and a first look. Every row says that it is synthetic, and nothing is drawn from
//! anywhere but the seed.
//!
//! ```text
//! Fleet ─ check ─► Cast ──► registrations ─────────────► agents, truth_agents
//! (settings)       (who     ├► plan: task i and its votes
//!                   is who) │     └► rows: by arrival ──► tasks, gold, truth, votes (+ damaged lines)
//!                           ├► ticks ───────────────────► ticks
//!                           └► orders ──────────────────► control
//!                                                         job.toml, README.txt: last
//! ```
//!
//! 1. **A function of the settings.** The same [`Fleet`] gives the same bytes on every machine (the same
//!    contents, where they are compressed). Draws come from ChaCha8 in integers and by our own bounded
//!    method; shares are millionths. Task `i` and its votes have a stream of random numbers of their own,
//!    so they do not depend on how many tasks there are (but versions divide the whole run).
//! 2. **Cause before effect.** A vote's line comes after its task's, and neither its task's nor its
//!    agent's event time is greater than its own.
//! 3. **Known disorder.** In each file, a row's event time is at most `out_of_order_ms` below that of any
//!    row before it. The only exception are the late votes, and each of those is more than `lateness_ms`
//!    below the greatest before it.
//! 4. **Finished or not at all.** `job.toml` is written when everything else is; an existing file is never
//!    written over.
//!
//! *Memory*: per agent (and its versions and domains), and per vote still on its way: those of the tasks
//! opened within `vote_spread_ms`, the late ones within twice `lateness_ms`. Not per task.
//! *Cost*: one pass, with a heap of the votes on their way; about a million rows a second on one core in the
//! development profile, be there a thousand tasks or 20 million.

mod behaviour;
mod calendar;
mod cast;
mod chance;
mod check;
mod damage;
mod files;
mod fleet;
mod job;
mod line;
mod names;
mod order;
mod output;
mod plan;
mod readme;
mod registration;
mod rows;
mod tick;
mod window;

pub use behaviour::{Behaviour, Mix};
pub use files::{Written, write_fleet};
pub use fleet::{Compression, Fleet, Style};
pub use names::Names;
pub use plan::{Part, TaskRow, VoteRow};
pub use rows::votes;
