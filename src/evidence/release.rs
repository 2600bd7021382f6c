//! Evidence about the tool itself, bound to one program, one commit and one run of the tests (`synth report release`).
//!
//! Everything is derived: requirements and what tests cover from comments and tables (`requirements.rs`, `families.rs`), results from the
//! record of the run, verdicts on lemmas by proving them anew, configuration from the files themselves. What is prose lies in
//! `plan.toml`, `objectives.toml`, `gaps.toml` and `docs/known-problems.toml`. The package is a function of these inputs; date and host of the
//! run are in a file of their own.

pub mod coverage;
pub mod data;
pub mod document;
pub mod families;
pub mod lemmas;
pub mod lines;
mod pages;
pub mod picture;
pub mod quality;
pub mod record;
pub mod requirements;
pub mod sbom;
pub mod smtlib;
pub mod source_parts;
pub mod state;
pub mod uses;

pub use state::Standing;

use crate::evidence::page::State;
use lemmas::Dossier;
use record::Record;
use requirements::{Traced, Tree};
use sbom::Part;
use serde::Serialize;
use std::collections::BTreeMap;
use uses::Uses;

/// Identifier and version of the form of all JSON files; `docs/schema/release.schema.json` describes it. The number at its end rises with
/// every change of a field's name or meaning.
pub const SCHEMA: &str = "urn:synth:release:2";
/// How that begins in every version.
pub const SCHEMA_FAMILY: &str = "urn:synth:release:";
/// The published schema of all JSON files but the bill of materials, which every package carries.
const SCHEMA_FILE: &str = "release.schema.json";
const SCHEMA_TEXT: &str = include_str!("../../docs/schema/release.schema.json");
/// The file with date and host of the run, which the manifest does not list.
pub const ENVIRONMENT: &str = "environment.json";
/// The digest of the sources that this program was built from.
pub const SOURCE_SHA256: &str = env!("SYNTH_SOURCE_SHA256");

/// A command of the interface for which the plan speaks, as the program's own help has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Command {
    /// The command line up to its options.
    pub name: String,
    /// What it does.
    pub about: String,
    /// Options and operands.
    pub options: Vec<CommandOption>,
}

/// An option or operand of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandOption {
    /// As it is written.
    pub name: String,
    /// What it is for.
    pub help: String,
    /// Values that it may have, if they are few.
    pub values: Vec<String>,
}

/// A file of the sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tracked {
    /// Path from the root.
    pub path: String,
    /// Bytes.
    pub bytes: usize,
    /// SHA-256.
    pub sha256: String,
}

/// What a package is made of.
pub struct Inputs {
    /// The commit.
    pub commit: String,
    /// SHA-256 of the program that makes the report.
    pub program_sha256: String,
    /// `debug` or `release`.
    pub profile: String,
    /// Sources and tables as text.
    pub tree: Tree,
    /// Requirements and tests.
    pub traced: Traced,
    /// The record of the tests.
    pub record: Record,
    /// Lemmas and rules.
    pub dossier: Dossier,
    /// Which functions of the corpus use them.
    pub uses: Uses,
    /// Packages that are linked in.
    pub parts: Vec<Part>,
    /// The interface for which the plan speaks.
    pub interface: Vec<Command>,
    /// All files of the commit.
    pub files: Vec<Tracked>,
    /// Tools and libraries: name, version.
    pub toolchain: Vec<(String, String)>,
    /// `docs/known-problems.toml`.
    pub known_problems: data::KnownProblems,
    /// Lines of code of the trusted part and of the compiler.
    pub lines: (usize, usize),
}

/// A package of evidence.
pub struct Package {
    /// Contents by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What its first screen answers.
    pub state: State,
}

/// A value as JSON with the schema's name in front.
fn json(kind: &str, value: serde_json::Value) -> Vec<u8> {
    let mut object = serde_json::Map::new();
    object.insert("schema".to_string(), SCHEMA.into());
    object.insert("kind".to_string(), kind.into());
    object.insert("content".to_string(), value);
    crate::evidence::json(&object).into_bytes()
}

/// Makes the package.
///
/// # Errors
/// What keeps a part of it from being made, as text: a data file that names what is not there, a bill of materials that is malformed.
pub fn package(inputs: &Inputs) -> Result<Package, String> {
    let standing = Standing::new(inputs);
    let data = data::Data::read(&inputs.traced, &inputs.known_problems)?;
    let coverage = coverage::read(&inputs.tree)?;
    let structure = coverage::Structure::new(coverage.as_deref(), &data.gaps)?;
    let quality = quality::read(&inputs.tree)?;
    let state = standing.state(inputs, &data, &structure);
    let view = pages::View {
        inputs,
        standing: &standing,
        data: &data,
        coverage: coverage.as_deref(),
        structure: &structure,
        quality: quality.as_ref(),
        state: &state,
    };
    let mut files = pages::all(&view);
    files.insert(SCHEMA_FILE.to_string(), SCHEMA_TEXT.as_bytes().to_vec());
    files.insert("sbom.cdx.json".to_string(), sbom::cyclonedx(&inputs.parts, &inputs.program_sha256)?.into_bytes());
    for (path, script) in &inputs.dossier.scripts {
        files.insert(path.clone(), script.clone().into_bytes());
    }
    let listed: Vec<serde_json::Value> = files
        .iter()
        .map(|(path, bytes)| {
            serde_json::json!({ "path": path, "bytes": bytes.len(), "sha256": synth_validator::certificate::sha256(bytes) })
        })
        .collect();
    files.insert("manifest.json".to_string(), json("manifest", listed.into()));
    // Date and host come last and are listed nowhere: nothing depends on them.
    let environment = serde_json::to_value(&inputs.record.environment).expect("invariant: strings serialize");
    files.insert(ENVIRONMENT.to_string(), json("environment", environment));
    Ok(Package { files, state })
}
