//! The rules of the log: who leads, what is committed, what may be removed. Pure: no I/O, no clock, no threads.
//!
//! Every rule is an [`Operation`]: a value that says what to ask of the store next, and takes what came back. The
//! hands that do the asking know no rule; the rules know nothing of the store but the [`Fact`]s. So all of it runs
//! against a simulated store that loses, delays and lies: an hour of trouble takes milliseconds (`ledger/simulation`).
//!
//! ```text
//!                    Find ──► Claim ──► Lead ──commit(change)──► Draft ──send()──► Sent
//!                               │        ▲                                          │
//!                               │        └───────────── Lead, Committed ◄───────────┤
//!                               ▼                            │                      ▼
//!                          NotClaimed         Follow, Sweep, Trim, publish       Fenced
//! ```
//!
//! Invariants:
//!
//! 1. One record a number: creating `log/<seq>` if it is absent *is* the commit. Everything else is finding out.
//! 2. "Already exists" and no answer both mean: read it and compare the whole content. Absent → again, with the same
//!    bytes; ours → committed; another's → fenced.
//! 3. Whoever drafts holds the [`Lead`], and there is one lead a claim: a draft consumes it, a commit gives it back, a
//!    fenced process has none. The compiler sees to it.
//! 4. Publishing, sweeping and trimming want a [`Committed`], which only the log's own answer makes.
//! 5. Nothing that a record will ever name is removed, however late the remover or the record is (see [`Sweep`]).
//! 6. Safety never rests on clocks. Clocks decide only when to try: to take over from a silent owner, to look twice
//!    after a long sleep, to trim what is a week old. The one assumption: no process sleeps through the trim age by
//!    *every* clock, so `now_ms` must go on while the machine sleeps (`CLOCK_BOOTTIME`).
//!
//! What the hands owe in return:
//!
//! - A fact is the store's own word. Whatever isn't a clear answer is [`Fact::Unanswered`], which is always safe.
//! - Whoever drops an operation half-way, or is told [`Fenced`], is done: the process ends, and claims anew or not at
//!   all. A lead is never kept beside an operation that was dropped.
//! - While there is a lead there are heartbeats, also during a long recovery, or another place takes over.
//! - Objects that are staged have names that belong to their incarnation alone; they are written by [`Ask::Put`], again
//!   and again with the same bytes until it is done, and only then named in a [`Change`].
//!
//! Cost: a commit is one request; a claim about eight; an operation holds the record it writes and nothing more.
//!
//! Driving an operation takes one loop, the same for all of them:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use quorate_runtime::epoch::ledger::{
//!     Applicant, Ask, Change, Claim, Claimed, Fact, Listed, Operation, Settled, Terms, Turn,
//! };
//! use quorate_schemas::log::{Digest, Hex, Owner};
//!
//! /// The hands: here a map, elsewhere an object store.
//! fn execute(store: &mut BTreeMap<String, Vec<u8>>, ask: Ask) -> Fact {
//!     match ask {
//!         Ask::Create { path, .. } if store.contains_key(&path) => Fact::AlreadyExists,
//!         Ask::Create { path, bytes } => { store.insert(path, bytes); Fact::Created }
//!         Ask::Put { path, bytes } => { store.insert(path, bytes); Fact::Done }
//!         Ask::Read { path } => store.get(&path).map_or(Fact::Absent, |bytes| Fact::Present(bytes.clone())),
//!         Ask::Delete { path } => { store.remove(&path); Fact::Done }
//!         Ask::Wait { .. } => Fact::Waited,
//!         Ask::List { prefix, after } => {
//!             let after = after.unwrap_or_default();
//!             let paths = store.keys().filter(|path| path.starts_with(prefix) && **path > after);
//!             Fact::Listed(paths.map(|path| Listed { path: path.clone(), age_ms: 0 }).collect())
//!         }
//!     }
//! }
//!
//! fn drive<O: Operation>(mut operation: O, store: &mut BTreeMap<String, Vec<u8>>) -> O::Outcome {
//!     let mut fact = Fact::Begin;
//!     loop {
//!         let now_ms = 0; // of a clock that only goes forward
//!         match operation.next(fact, now_ms) {
//!             Turn::Done(outcome) => return outcome,
//!             Turn::Ask(next, ask) => {
//!                 operation = next;
//!                 fact = execute(store, ask);
//!             }
//!         }
//!     }
//! }
//!
//! let mut store = BTreeMap::new();
//! let applicant = Applicant {
//!     job: "panel".to_owned(),
//!     fingerprint: Digest::of(b"the resolved job"),
//!     owner: Owner {
//!         host: "node-1".to_owned(),
//!         user: "quorate".to_owned(),
//!         directory: "/srv".to_owned(),
//!         pid: 1,
//!         instance: Hex::from_u128(0x5eed), // random
//!     },
//!     log_id: Hex::from_u128(0x106), // random
//!     written_at_ms: 0,
//!     contest: Default::default(),
//!     upgrade: Default::default(),
//!     reopen: Default::default(),
//! };
//! let Claimed::Leading(lead, _) = drive(Claim::new(applicant, Terms::default()), &mut store) else {
//!     panic!("nobody else is here");
//! };
//!
//! let change = Change { checkpoint: lead.standing().checkpoint + 1, ..Change::default() };
//! let draft = lead.commit(change, 0)?;
//! let Settled::Committed(lead, committed) = drive(draft.send(), &mut store) else {
//!     panic!("nobody else is here");
//! };
//! assert_eq!((committed.record().seq, lead.standing().checkpoint), (2, 1));
//! assert!(store.contains_key("log/00000000000000000002.json"));
//! # Ok::<(), quorate_schemas::log::Breach>(())
//! ```

mod applicant;
mod ask;
mod attempt;
mod claim;
mod commit;
mod find;
mod follow;
mod lead;
mod look;
mod merge;
mod sweep;
mod terms;
mod trim;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use applicant::{Applicant, Contest, Reopen, Upgrade};
pub use ask::{Ask, Fact, Listed, Operation, Turn};
pub use claim::{Claim, Claimed, NotClaimed};
pub use commit::{Committed, Fenced, Publishable, Sent, Settled};
pub use find::{Damage, Find, Found, Latest};
pub use follow::{Follow, Followed};
pub use lead::{Change, Draft, End, Lead};
pub use merge::{MergePlan, Merged, Older};
pub use sweep::{Sweep, Swept, is_orphan};
pub use terms::Terms;
pub use trim::{Trim, Trimmed};
