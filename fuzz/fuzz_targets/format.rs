//! libFuzzer's entry to `hal_fuzz::format`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hal_fuzz::format::fuzz_one(data));
