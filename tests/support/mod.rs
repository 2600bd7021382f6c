//! What integration tests share: test scripts for modules, and the machines that run them.
//!
//! A module and its script run in a foreign WebAssembly interpreter (`wasmi_engine`), in the validator's own
//! (`interpreter`) and, compiled, in the validator's Arm interpreter and in an emulated Cortex-M4
//! (`qemu_engine`, which is `synth::simulator::board`). All give one `Observation` per call, in one form, so that a difference is a line.
//! `assembler` makes objects, `elf` changes them, `forms` forms for forged claims, `generator` modules, `plain_selects` writes them so that a defect of the foreign interpreter cannot act. `modules` reads signatures from the `.wasm` file, `packages` finds the published modules that are not in this
//! repository. Nothing here is used by the compiler or the validator.
#![allow(dead_code, reason = "every integration test uses its own part of this module")]

pub mod assembler;
pub mod command;
pub mod elf;
pub mod forms;
pub mod generator;
pub mod packages;
pub mod plain_selects;
pub mod proofs;
pub mod tamper;
pub mod targets;
pub mod wasmi_engine;

#[allow(unused_imports, reason = "every integration test uses its own part of this module")]
pub use synth::simulator::{board as qemu_engine, interface as modules, interpreter, observation, vectors};

/// The bytes of a module's text.
pub fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("well formed")
}
