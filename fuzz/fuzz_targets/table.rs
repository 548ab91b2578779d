//! libFuzzer's entry to `hal_fuzz::table`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hal_fuzz::table::fuzz_one(data));
