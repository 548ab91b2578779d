//! libFuzzer's entry to `hal_fuzz::hashed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hal_fuzz::hashed::fuzz_one(data));
