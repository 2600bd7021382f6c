//! Modules on a simulated Cortex-M4: scripts of calls, the firmware that makes them, and the emulator that runs it.
//!
//! `vectors` parses a script of calls, `interface` reads from a module what can be called, `script` turns both into tables for the
//! firmware in `firmware/`, `board` builds the firmware with an object and boots it, `observation` is what is seen of a call,
//! and `interpreter` runs a script without all that, in the validator's interpreters.
//! The compiler and the validator use nothing of this; tests and `synth bench` do.

pub mod board;
pub mod interface;
pub mod interpreter;
pub mod observation;
pub mod script;
pub mod vectors;
