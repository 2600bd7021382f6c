//! The compiler: WebAssembly to Cortex-M, with witnesses from which `synth-validator` proves the output.

pub mod abi;
pub mod branch_relax;
pub mod build;
pub mod cfg;
pub mod cli;
pub mod compile;
pub mod decode;
pub mod emit;
pub mod encode;
pub mod error;
pub mod frame;
pub mod image;
pub mod ir_facts;
pub mod legalize;
pub mod liveness;
pub mod machine;
pub mod module;
pub mod module_info;
pub mod object_writer;
pub mod print;
pub mod pipeline;
pub mod prune;
pub mod regalloc;
pub mod select;
pub mod simplify;
pub mod verify;
