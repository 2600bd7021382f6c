//! WebAssembly as the validator sees it: its own reader, the meaning of the operators, an interpreter.

pub mod module;
pub mod reader;
