mod damage;
mod retained;
mod rows;
mod tables;

use bytes::Bytes;
use quorate_schemas::log::{Digest, RandomId};

use super::{Checked, Provenance};

fn provenance() -> Provenance {
    Provenance { job: "panel".into(), log_id: RandomId::from_u128(7), incarnation: 3 }
}

/// These bytes, taken for what they are.
fn trusted(file: &str, bytes: Bytes) -> Checked {
    let sha256 = Digest::of(&bytes);
    Checked::new(file, bytes, &sha256).unwrap()
}
