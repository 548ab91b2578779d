//! libFuzzer's entry to `hal_fuzz::pattern`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hal_fuzz::pattern::fuzz_one(data));
