//! libFuzzer's way into [`quorate_fuzz::job`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::job::check(bytes));
