//! The compiler: WebAssembly to Cortex-M, with witnesses from which `synth-validator` proves the output.

pub mod build;
pub mod cfg;
pub mod decode;
pub mod error;
pub mod liveness;
pub mod module;
pub mod prune;
