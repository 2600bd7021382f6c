//! The compiler: WebAssembly to Cortex-M, with witnesses from which `synth-validator` proves the output.

pub mod build;
pub mod cfg;
pub mod decode;
pub mod error;
pub mod legalize;
pub mod liveness;
pub mod module;
pub mod print;
pub mod prune;
pub mod simplify;
pub mod verify;
