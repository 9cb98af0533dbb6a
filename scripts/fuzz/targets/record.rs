//! libFuzzer's way into [`quorate_fuzz::record`].

#![no_main]

use libfuzzer_sys::fuzzer_mutate;
use quorate_fuzz::record::{check, with_another_number};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check(bytes));

libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], length: usize, max_length: usize, seed: u32| {
    let changed =
        if seed % 2 == 0 { with_another_number(&bytes[..length], seed / 2) } else { None };
    match changed.filter(|changed| changed.len() <= max_length) {
        Some(changed) => {
            bytes[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => fuzzer_mutate(bytes, length, max_length),
    }
});
