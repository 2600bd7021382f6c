//! Thumb-2 as the validator sees it: decoding, the meaning of the instructions, objects, an interpreter.
//!
//! Written from the ARMv7-M Architecture Reference Manual (DDI 0403E) and independent of the compiler's encoder.
//! Every instruction is decoded twice, by the tables of [`encoding`] and by capstone, and refused unless both agree.

pub mod abi;
mod branch;
mod data;
pub mod decode;
pub mod encoding;
pub mod image;
mod init;
pub mod insn;
pub mod linked;
mod load_store;
pub mod machine;
mod multiply;
pub mod object;
pub mod semantics;
