//! Runs the target `lemmas` of `tests/support/targets.rs`.
#![no_main]

#[path = "../../tests/support/targets.rs"]
#[allow(dead_code, reason = "every target uses its own part")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::lemmas(data));
