//! libFuzzer's entry to `hal_fuzz::expression`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hal_fuzz::expression::fuzz_one(data));
