//! Writing packages of evidence for `synth compile --evidence` and `synth report module`.

use super::diagnostic::Diagnostic;
use super::proof::{LimitArgs, Proof};
use super::{Status, output, table};
use crate::evidence::build_record::{Build, Compilation, Tool};
use crate::evidence::folder::{self, There};
use crate::evidence::foreign::agreements;
use crate::evidence::module::{Package, Proofs, package};
use crate::evidence::page::State;
use crate::evidence::run_record::{self, Run, command_lines};
use crate::evidence::summary::SolverAgreement;
use crate::evidence::{self, obligation};
use std::fmt::Write;
use std::path::Path;
use std::time::SystemTime;
use synth_validator::evidence::solver::Foreign;

/// Where a package goes.
pub struct Destination<'a> {
    folder: &'a Path,
    replace: bool,
    /// The option that lets another package be replaced.
    option: &'static str,
    /// Solvers that are asked about its obligations.
    solvers: &'a [Foreign],
    started: SystemTime,
}

/// A build to make a package of.
pub struct Subject<'a> {
    /// The module's path, and its binary form.
    pub module: (&'a Path, &'a [u8]),
    /// Path and bytes of the object or linked image.
    pub object: (&'a Path, &'a [u8]),
    /// What was proved.
    pub proof: &'a Proof,
    /// What the compiler did.
    pub compilation: Option<Compilation>,
    /// What a gate says.
    pub gate: Option<String>,
}

/// Whether a package is at a path, and nothing else.
fn there(folder: &Path) -> Result<bool, Diagnostic> {
    let there = folder::there(folder, evidence::SCHEMA_FAMILY, run_record::FILE)
        .map_err(|e| Diagnostic::file_system("look at the folder", folder, &e))?;
    let error = match there {
        There::Nothing => return Ok(false),
        There::Package => return Ok(true),
        There::Other => "the folder of the evidence is there already and holds something else".to_string(),
        There::Foreign(files) => {
            let files: Vec<String> = files.iter().map(|file| table::tidy(file)).collect();
            format!("the folder of the evidence holds files that are none of the package's: {}", files.join(", "))
        }
    };
    let help = "give a folder that is not there, or one with a package of evidence and nothing else";
    Err(Diagnostic::new(error).file(folder).help(help))
}

impl<'a> Destination<'a> {
    /// Looks whether a package may go there, before anything takes time.
    ///
    /// # Errors
    /// There is something that is no package, or is none of a package's files.
    pub fn new(
        folder: &'a Path,
        (replace, option): (bool, &'static str),
        solvers: &'a [Foreign],
    ) -> Result<Destination<'a>, Diagnostic> {
        there(folder)?;
        Ok(Destination { folder, replace, option, solvers, started: SystemTime::now() })
    }

    /// Makes the package and checks that it may be written.
    ///
    /// # Errors
    /// Another package is there, and nobody allowed to replace it.
    pub fn package(&self, subject: Subject<'_>, limits: &LimitArgs) -> Result<Evidence<'_>, Diagnostic> {
        let Subject { module, object, proof, compilation, gate } = subject;
        let is_contradicted = proof.certificate.is_proved() && proof.status() == Status::NotProved;
        let gate = gate.or_else(|| is_contradicted.then(|| "the proof cache is wrong about a function".to_string()));
        let (exact, deciding) = command_lines();
        let build = Build {
            schema: evidence::SCHEMA.to_string(),
            kind: "build".to_string(),
            tool: Tool::this(),
            command: deciding,
            input: module.0.to_string_lossy().into_owned(),
            output: object.0.to_string_lossy().into_owned(),
            limits: limits.limits(),
            compilation,
            from_cache: proof.uses().map_or(Vec::new(), |uses| uses.hits.clone()),
            gate,
        };
        let refused = |why: String| Diagnostic::new(format!("no evidence can be made: {why}")).file(object.0);
        let exported = obligation::exported(module.1, object.1, &proof.claim, limits.limits(), limits.threads());
        let exported = exported.map_err(|e| refused(e.to_string()))?;
        let reports = proof.reports.iter().map(|t| &t.report).collect();
        let solvers = agreements(self.solvers, &exported);
        let proofs = Proofs { claim: &proof.claim, certificate: &proof.certificate, reports, exported, solvers };
        let mut package = package(module.1, object.1, &build, &proofs).map_err(|e| refused(e.to_string()))?;
        self.may_be_written(&package)?;
        let times = proof.reports.iter().map(|t| (t.report.index, t.time));
        let run = Run::new(self.started, limits.threads(), times, exact);
        package.files.insert(run_record::FILE.to_string(), evidence::json(&run).into_bytes());
        Ok(Evidence { folder: self.folder, package })
    }

    fn may_be_written(&self, package: &Package) -> Result<(), Diagnostic> {
        if !there(self.folder)? || self.replace {
            return Ok(());
        }
        let stored = folder::read(self.folder);
        let mut stored = stored.map_err(|e| Diagnostic::file_system("read the evidence", self.folder, &e))?;
        stored.remove(run_record::FILE);
        match stored == package.files {
            true => Ok(()),
            false => Err(Diagnostic::new("the folder holds other evidence")
                .file(self.folder)
                .help(format!("give another folder, or {} to replace it", self.option))),
        }
    }
}

/// A package that may be written.
pub struct Evidence<'a> {
    folder: &'a Path,
    package: Package,
}

impl Evidence<'_> {
    /// The first screen's answer.
    pub fn state(&self) -> &State {
        &self.package.state
    }
    /// Writes it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self) -> Result<(), Diagnostic> {
        let written = folder::write(self.folder, &self.package.files);
        written.map_err(|e| Diagnostic::file_system("write the evidence", self.folder, &e))
    }
    /// What foreign solvers said; empty if none was asked.
    pub fn solvers(&self) -> &[SolverAgreement] {
        &self.package.solvers
    }
    /// How many files it has, and bytes of all of them.
    pub fn size(&self) -> (usize, usize) {
        let files = &self.package.files;
        (files.len(), files.values().map(Vec::len).sum())
    }
    /// Prints where it is and what it says.
    pub fn print(&self) {
        let state = self.state();
        let mut text = format!("{}: {}\n", self.folder.join("index.html").display(), state.headline);
        for reason in &state.reasons {
            let _ = writeln!(text, "  open: {reason}");
        }
        output::print(&text);
    }
}
