//! The consensus core against an oracle that recomputes everything: small inputs in which everything collides, run in
//! every way that must not matter.

mod harness;
mod hostile;
mod oracle;
mod properties;
mod scenario;
mod view;
