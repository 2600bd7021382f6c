//! The official specification suite, read once and executed four ways.
//!
//! `script` reads the files into directives and modules, `features` says what a module uses. `interpreted` runs
//! directives in the validator's two interpreters, `firmware` in an emulated Cortex-M4, `proved` proves the modules,
//! `refused` feeds what must be refused. All give one `Answer` per directive, which `outcome` judges and `report` counts.

pub mod features;
pub mod firmware;
pub mod interpreted;
pub mod outcome;
pub mod proved;
pub mod reach;
pub mod refused;
pub mod report;
pub mod script;
