//! Conformance of the Arm semantics with an emulated Cortex-M4.
//!
//! [`encodings`] lists what the decoder accepts; [`single`] and [`groups`], with [`operands`], make a [`case::Case`] of it: code, registers,
//! flags and memory; [`model`] runs the case by the semantics over the concrete domain, [`board`] runs it in QEMU, and
//! [`compare`] holds the two ends against each other. [`plan`] does so for all encodings.

pub mod board;
pub mod case;
pub mod compare;
pub mod encodings;
pub mod groups;
pub mod model;
pub mod operands;
pub mod plan;
pub mod single;
pub mod values;
