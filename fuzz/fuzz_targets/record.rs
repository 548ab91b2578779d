//! libFuzzer's entry to `hal_fuzz::record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hal_fuzz::record::fuzz_one(data));
