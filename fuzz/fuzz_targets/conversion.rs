//! libFuzzer's entry to `hal_fuzz::conversion`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hal_fuzz::conversion::fuzz_one(data));
