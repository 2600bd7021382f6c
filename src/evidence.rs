//! Evidence: what was proved, under what, of which bytes, in files that an engineer can file and another tool can check again.
//!
//! A package is a function of its roots: module, object, claim, the record of the build. [`module`] makes it, [`verify`] makes it again
//! from the roots of a folder and compares every byte. Times and facts about the host stand in one file of their own ([`run_record`]).

pub mod assumption;
pub mod build_record;
pub mod folder;
pub mod foreign;
pub mod integrator;
pub mod junit;
pub mod manifest;
pub mod module;
pub mod obligation;
pub mod page;
pub mod pages;
pub mod plot;
pub mod relation;
pub mod release;
pub mod run_record;
pub mod sarif;
pub mod section;
pub mod summary;
pub mod trace;
pub mod verify;

use serde::Serialize;

/// Identifier and version of the form of all JSON files of a package; `docs/schema/evidence.schema.json` describes it. The number at
/// its end rises with every change of a field's name or meaning.
pub const SCHEMA: &str = "urn:synth:evidence:3";
/// How that begins in every version.
pub const SCHEMA_FAMILY: &str = "urn:synth:evidence:";

/// A value as the text of a JSON file.
///
/// # Panics
/// Never: serialization to memory does not fail.
pub fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("invariant: serialization to memory does not fail");
    text.push('\n');
    text
}
