//! The manifest of a package, `manifest.json`: every file by digest, what made it, the stages that ran.

use super::build_record::{Build, Tool};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use synth_validator::certificate::{Certificate, sha256};
use synth_validator::claim::Claim;

/// The file's name.
pub const FILE: &str = "manifest.json";

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Path in the package.
    pub path: String,
    /// Bytes.
    pub bytes: usize,
    /// SHA-256.
    pub sha256: String,
}

/// The manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`super::SCHEMA`].
    pub schema: String,
    /// `manifest`.
    pub kind: String,
    /// What made the package.
    pub tool: Tool,
    /// Name and version of the validator.
    pub validator: String,
    /// The command line, without what has no part in any verdict.
    pub command: Vec<String>,
    /// Stages that ran, in order.
    pub stages: Vec<String>,
    /// SHA-256 of the module in binary form.
    pub module_sha256: String,
    /// SHA-256 of the object or linked image.
    pub object_sha256: String,
    /// SHA-256 of the claim.
    pub claim_sha256: String,
    /// All files but this one and the record of the run, ascending by path.
    pub files: Vec<Listed>,
}

impl Manifest {
    /// Lists files.
    pub fn new(
        build: &Build,
        claim: &Claim,
        certificate: &Certificate,
        is_linked: bool,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Manifest {
        let compiled = build.compilation.iter().flat_map(|c| c.stages(claim));
        let linked = is_linked.then(|| "link".to_string());
        let proved = ["prove", "stack", "trace"].map(str::to_string);
        let listed = |(path, bytes): (&String, &Vec<u8>)| Listed {
            path: path.clone(),
            bytes: bytes.len(),
            sha256: sha256(bytes),
        };
        Manifest {
            schema: super::SCHEMA.to_string(),
            kind: "manifest".to_string(),
            tool: build.tool.clone(),
            validator: certificate.tool.clone(),
            command: build.command.clone(),
            stages: compiled.chain(linked).chain(proved).collect(),
            module_sha256: certificate.module_sha256.clone(),
            object_sha256: certificate.object_sha256.clone(),
            claim_sha256: certificate.claim_sha256.clone(),
            files: files.iter().map(listed).collect(),
        }
    }
}
