//! WebAssembly as the validator sees it: its own reader, the meaning of the operators, an interpreter.

pub mod code;
mod decode;
pub mod instance;
pub mod module;
pub mod operators;
pub mod provenance;
pub mod reach;
pub mod reader;
pub mod relocations;
pub mod semantics;
