//! libFuzzer's entry to `hal_fuzz::query`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hal_fuzz::query::fuzz_one(data));
