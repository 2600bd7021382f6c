//! What integration tests share: test scripts for modules, and two machines that run them.
//!
//! A module and its script run in a foreign WebAssembly interpreter (`wasmi_engine`) and, compiled, in an emulated
//! Cortex-M4 (`qemu_engine`). Both give one `Observation` per call, in one form, so that a difference is a line.
//! `modules` reads signatures from the `.wasm` file, `packages` finds the published modules that are not in this
//! repository. Nothing here is used by the compiler or the validator.
#![allow(dead_code, reason = "every integration test uses its own part of this module")]

pub mod modules;
pub mod observation;
pub mod packages;
pub mod qemu_engine;
pub mod qemu_script;
pub mod vectors;
pub mod wasmi_engine;
