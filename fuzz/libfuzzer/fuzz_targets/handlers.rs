//! See `fuzz::handlers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::handlers(data));
