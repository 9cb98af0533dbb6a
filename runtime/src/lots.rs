//! The only place that draws lots: names that must differ from run to run. No result depends on them.

use quorate_schemas::log::{Hex, RandomId};

#[expect(
    clippy::disallowed_methods,
    reason = "identities must differ between runs; no result depends on them"
)]
pub(crate) fn random() -> RandomId {
    Hex::from_u128(rand::random())
}
