//! Firmware images: a module's object, linked with start-up code of our own and the host's objects to an ELF file that boots.
//!
//! `startup` (from reset to the end), `fault` (traps and other exceptions) and `console` (text, exit) are the start-up code, written with
//! `assembler`; `object` makes an object of it. `symbols` finds what is missing or there twice, `layout` places sections in a board's
//! memories and writes the linker script, `link` runs a linker.
//! The start-up code is no part of any proof; what it does is described in docs/abi.md.

pub mod assembler;
pub mod console;
pub mod fault;
pub mod layout;
pub mod link;
pub mod object;
pub mod startup;
pub mod symbols;
