//! The package of a module: all its files, as a function of the roots (module, object, claim, record of the build) and of what the
//! proofs showed.

use super::build_record::Build;
use super::integrator::{Integrator, integrator};
use super::manifest::{self, Manifest};
use super::obligation::Exported;
use super::page::State;
use super::pages;
use super::relation::{self, FunctionFile};
use super::summary::{Parts, SolverAgreement, Solvers, Summary, summary};
use super::trace::{Trace, trace};
use super::{json, junit, sarif};
use crate::stack::{self, FunctionStack};
use serde::Serialize;
use std::collections::BTreeMap;
use synth_validator::certificate::{CERTIFICATE_FILE, CLAIM_FILE, Certificate};
use synth_validator::claim::Claim;
use synth_validator::validate::{FunctionReport, InputError, Session};

/// The module's path in a package.
pub const MODULE: &str = "module.wasm";
/// The record of the build.
pub const BUILD: &str = "build.json";
/// The record of asking foreign solvers.
pub const SOLVERS: &str = "solvers.json";
/// Folder of the certificate, as `synth-check` reads it.
pub const CERTIFICATE: &str = "certificate";
/// The published schema of all JSON files, which every package carries.
pub const SCHEMA_FILE: &str = "evidence.schema.json";
const SCHEMA_TEXT: &str = include_str!("../../docs/schema/evidence.schema.json");

/// Paths that the object or linked image may have: what is not proved has a name that no linker takes for an object.
pub const OBJECTS: [&str; 4] = ["object.o", "image.elf", "object.not-proved", "image.not-proved"];

/// Path of the claim.
pub fn claim_path() -> String {
    format!("{CERTIFICATE}/{CLAIM_FILE}")
}

/// What the proofs showed.
pub struct Proofs<'a> {
    /// The claim that they started from.
    pub claim: &'a Claim,
    /// The certificate.
    pub certificate: &'a Certificate,
    /// Reports of the functions.
    pub reports: Vec<&'a FunctionReport>,
    /// Obligations as text.
    pub exported: Vec<Exported>,
    /// What foreign solvers said of them, if any was asked.
    pub solvers: Option<Solvers>,
}

/// A package that is not written yet: path and contents of each file but the record of the run.
pub struct Package {
    /// Files.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The first screen's answer.
    pub state: State,
    /// What foreign solvers said; empty if none was asked.
    pub solvers: Vec<SolverAgreement>,
}

/// All that pages show.
pub struct Contents<'a> {
    /// The summary.
    pub summary: &'a Summary,
    /// The trace.
    pub trace: &'a Trace,
    /// What the integrator has to see to.
    pub integrator: &'a Integrator,
    /// Functions' relations.
    pub functions: &'a [FunctionFile],
    /// The record of the build.
    pub build: &'a Build,
    /// Exported obligations.
    pub exported: &'a [Exported],
    /// Stack of functions.
    pub stacks: &'a [FunctionStack],
}

/// The file of passes, as `--certificate` writes it.
#[derive(Serialize)]
struct Passes<'a> {
    schema: u32,
    passes: &'a [super::build_record::PassEntry],
    refused: &'a [super::build_record::RefusedEntry],
}

/// The list of exported obligations.
#[derive(Serialize)]
struct Obligations<'a> {
    schema: &'static str,
    kind: &'static str,
    obligations: &'a [Exported],
}

/// Makes the package. Operands: bytes of the module in binary form and of the object or linked image, the build's record, what the proofs
/// showed.
///
/// # Errors
/// Module, object or claim cannot be read.
pub fn package(module: &[u8], object: &[u8], build: &Build, proofs: &Proofs<'_>) -> Result<Package, InputError> {
    let Proofs { claim, certificate, reports, exported, solvers } = proofs;
    let session = Session::new(module, object, Some((*claim).clone()), certificate.limits)?;
    let trace = trace(&session, module, object, build);
    let stacks = stack::usage(session.module(), session.object(), claim, &BTreeMap::new());
    let stacks = stacks.map_err(|e| format!("function {}: {}", e.function, e.message));
    let place = usize::from(session.object().is_linked) + if certificate.is_proved() { 0 } else { 2 };
    let summary = summary(&Parts {
        session: &session,
        module,
        object,
        build,
        certificate,
        reports,
        trace: &trace,
        stacks: &stacks,
        exported,
        solvers: solvers.as_ref(),
        paths: [MODULE, OBJECTS[place]],
    });
    let stacks = stacks.unwrap_or_default();
    let integrator = integrator(&session, object, &summary, &stacks);
    let functions: Vec<FunctionFile> =
        summary.functions.iter().map(|f| function_file(claim, f.certified.index)).collect();

    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut add = |path: &str, bytes: Vec<u8>| drop(files.insert(path.to_string(), bytes));
    add(MODULE, module.to_vec());
    add(OBJECTS[place], object.to_vec());
    add(BUILD, json(build).into_bytes());
    add(&claim_path(), claim.encode());
    add(&format!("{CERTIFICATE}/{CERTIFICATE_FILE}"), certificate.to_json().into_bytes());
    add(SCHEMA_FILE, SCHEMA_TEXT.as_bytes().to_vec());
    add("evidence.json", json(&summary).into_bytes());
    add("trace.json", json(&trace).into_bytes());
    add("assumptions.json", json(&integrator).into_bytes());
    add("findings.sarif", json(&sarif::sarif(&summary, build)).into_bytes());
    add("junit.xml", junit::junit(&summary, &build.input).into_bytes());
    if let Some(solvers) = solvers {
        add(SOLVERS, json(solvers).into_bytes());
    }
    if let Some(c) = &build.compilation {
        // The form of this file is that of `synth compile --certificate`.
        add("passes.json", json(&Passes { schema: 1, passes: &c.passes, refused: &c.refused }).into_bytes());
    }
    let listed = Obligations { schema: super::SCHEMA, kind: "obligations", obligations: exported };
    add("obligations/index.json", json(&listed).into_bytes());
    for (path, text) in exported.iter().flat_map(|o| &o.files) {
        add(path, text.clone().into_bytes());
    }
    for (evidence, file) in summary.functions.iter().zip(&functions) {
        add(&evidence.pages[1], json(file).into_bytes());
    }
    let contents = Contents {
        summary: &summary,
        trace: &trace,
        integrator: &integrator,
        functions: &functions,
        build,
        exported,
        stacks: &stacks,
    };
    for (path, page) in pages::pages(&contents) {
        add(&path, page.into_bytes());
    }
    let listed = Manifest::new(build, claim, certificate, session.object().is_linked, &files);
    files.insert(manifest::FILE.to_string(), json(&listed).into_bytes());
    Ok(Package { files, state: summary.state, solvers: summary.solvers.unwrap_or_default() })
}

fn function_file(claim: &Claim, index: u32) -> FunctionFile {
    relation::function_file(index, claim.functions.iter().find(|f| f.index == index && !f.stages.is_empty()))
}
