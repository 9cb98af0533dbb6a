//! Which paths a store takes: those that mean the same on every one of them.
//!
//! A path that one store escapes, another folds and a third takes for a way out of its root is how rows get lost or
//! written elsewhere. So paths are plain: names of letters, digits and a few marks, separated by single slashes.

use super::local::TEMP_PREFIX;
use super::problem::{Failure, Operation, Problem};

/// S3 allows 1024 bytes, of which a prefix takes some.
const MAX_PATH_BYTES: usize = 900;

pub(super) fn check(operation: Operation, path: &str) -> Result<(), Failure> {
    // Only a listing may be of the whole store.
    if path.is_empty() && operation == Operation::List {
        return Ok(());
    }
    let plain = path.len() <= MAX_PATH_BYTES && path.split('/').all(plain_name);
    if plain { Ok(()) } else { Err(Problem::BadPath.into()) }
}

fn plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-=+@".contains(&byte);
    !matches!(name, "" | "." | "..")
        && name.len() <= 255
        && name.bytes().all(plain)
        && !name.starts_with(TEMP_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_out_of_the_store_and_ambiguous_names_are_refused() {
        let long = "a/".repeat(500);
        let bad = [
            "", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a b", "a\0b", "ä",
            "a%2Fb", &long,
        ];
        for path in bad {
            assert!(check(Operation::Put, path).is_err(), "{path:?} was taken");
        }
        for path in [
            "latest",
            "log/00000000000000000001.json",
            "tables/votes/_delta_log/0.json",
            "a=b/c+d@e",
        ] {
            assert!(check(Operation::Put, path).is_ok(), "{path:?} was refused");
        }
    }

    #[test]
    fn a_temporary_files_name_is_nobodys() {
        assert!(check(Operation::Put, &format!("log/{TEMP_PREFIX}1")).is_err());
    }
}
