//! libFuzzer's way into [`quorate_fuzz::row`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::row::check(bytes));
