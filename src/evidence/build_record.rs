//! The record of a build: what made the object, under which options, and what became of each optimizer pass. No part of any proof; a
//! package keeps it so that its other files can be made again.

use crate::compile::CompiledFunction;
use crate::native::Remark;
use crate::pass_report::PassOutcome;
use crate::pipeline::{Compiled, Options};
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use synth_validator::certificate::sha256;
use synth_validator::ladder::Limits;

/// What made a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// `synth`.
    pub name: String,
    /// Version.
    pub version: String,
    /// SHA-256 of the program's file; `unknown` if it could not be read.
    pub sha256: String,
    /// SHA-256 of its sources, see `release::source_parts`.
    pub source_sha256: String,
    /// Commit of its sources; `unknown` if the build did not say, as debug builds do not.
    pub commit: String,
    /// Whether the sources differed from the commit: `yes`, `no` or `unknown`.
    pub dirty: String,
    /// Whether it was built with faults that can be switched on.
    pub faults: bool,
    /// Version of the z3 library in use.
    pub z3: String,
}

impl Tool {
    /// The running program.
    pub fn this() -> Tool {
        let program = std::env::current_exe().and_then(std::fs::read);
        let unknown = |value: Option<&str>| value.unwrap_or("unknown").to_string();
        Tool {
            name: "synth".to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            sha256: program.map_or_else(|_| unknown(None), |bytes| sha256(&bytes)),
            source_sha256: super::release::SOURCE_SHA256.to_string(),
            commit: unknown(option_env!("SYNTH_COMMIT")),
            dirty: unknown(option_env!("SYNTH_DIRTY")),
            faults: cfg!(feature = "faults"),
            z3: z3::full_version().to_string(),
        }
    }
}

/// What became of an optimizer pass: see [`PassOutcome`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassEntry {
    /// The pass.
    pub pass: String,
    /// The lowest level that runs it.
    pub from: String,
    /// Why it was not run: `level` or `left-out`.
    pub not_run: Option<String>,
    /// Functions of which it made a new form.
    pub applied: Vec<u32>,
    /// Functions in which it found nothing to do.
    pub unchanged: Vec<u32>,
    /// Functions for which the validator refused it.
    pub refused: Vec<u32>,
}

impl From<&PassOutcome> for PassEntry {
    fn from(outcome: &PassOutcome) -> PassEntry {
        PassEntry {
            pass: outcome.pass.to_string(),
            from: outcome.from.to_string(),
            not_run: outcome.not_run.map(str::to_string),
            applied: outcome.applied.clone(),
            unchanged: outcome.unchanged.clone(),
            refused: outcome.refused.clone(),
        }
    }
}

/// A refused pass: see [`Refusal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusedEntry {
    /// Function index (imports first).
    pub function: u32,
    /// Its name for people.
    pub name: String,
    /// The pass.
    pub pass: String,
    /// The verdict's name.
    pub verdict: String,
    /// Cut point at which the region starts that was not proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where the form before stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// Where the new form stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
    /// What could not be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligation: Option<String>,
    /// All of it in one text.
    pub detail: String,
    /// An executed difference.
    pub counterexample: Option<String>,
}

impl From<&Refusal> for RefusedEntry {
    fn from(refusal: &Refusal) -> RefusedEntry {
        let place = refusal.place.clone();
        let of = |field: fn(&synth_validator::refinement::Place) -> &String| place.as_ref().map(|p| field(p).clone());
        RefusedEntry {
            function: refusal.function,
            name: refusal.name.clone(),
            pass: refusal.pass.to_string(),
            verdict: refusal.verdict.to_string(),
            region: of(|p| &p.region),
            left: of(|p| &p.left),
            right: of(|p| &p.right),
            obligation: of(|p| &p.obligation),
            detail: refusal.detail.clone(),
            counterexample: refusal.counterexample.clone(),
        }
    }
}

/// A remark on the module's use of host addresses: see [`Remark`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemarkEntry {
    /// Function index (imports first).
    pub function: u32,
    /// Byte offset in the module.
    pub offset: u32,
    /// What it is.
    pub text: String,
}

/// What the compiler did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compilation {
    /// Core.
    pub core: String,
    /// Optimization level, as after `-O`.
    pub level: String,
    /// The fault that was switched on.
    pub fault: Option<String>,
    /// The linker of an image, and its version.
    pub linker: Option<String>,
    /// Stages that ran, in order.
    pub stages: Vec<String>,
    /// What became of the optimizer passes, in order.
    pub passes: Vec<PassEntry>,
    /// Passes that the validator refused.
    pub refused: Vec<RefusedEntry>,
    /// Remarks on host addresses.
    pub remarks: Vec<RemarkEntry>,
    /// By function: from which code offset on code comes from which byte offset of the module; 0 for none.
    pub lines: BTreeMap<u32, Vec<(u32, u32)>>,
    /// By function: rules of instruction selection that made code of it, with how often.
    pub rules: BTreeMap<u32, BTreeMap<String, u32>>,
}

impl Compilation {
    /// What a build did.
    pub fn new(compiled: &Compiled, options: &Options, passes: &[PassOutcome], refusals: &[Refusal]) -> Compilation {
        let mut stages = vec!["decode".to_string()];
        let forms = compiled.claim.functions.iter().flat_map(|f| &f.stages);
        let ran: Vec<&str> = forms.map(|s| s.name.as_str()).collect();
        let known = ["build", "legalize", "simplify"].into_iter().chain(passes.iter().map(|p| p.pass));
        stages.extend(known.filter(|name| ran.contains(name)).map(str::to_string));
        stages.extend(["select", "regalloc", "emit", "branch_relax", "object"].map(str::to_string));
        let lines = |f: &CompiledFunction| (f.index, f.lines.clone());
        let rules = |f: &CompiledFunction| (f.index, f.rules.iter().map(|(name, n)| (name.to_string(), *n)).collect());
        let remark = |r: &Remark| RemarkEntry { function: r.function, offset: r.offset, text: r.text.clone() };
        Compilation {
            core: options.core.name().to_string(),
            level: options.level.name().to_string(),
            fault: options.fault.map(str::to_string),
            linker: None,
            stages,
            passes: passes.iter().map(PassEntry::from).collect(),
            refused: refusals.iter().map(RefusedEntry::from).collect(),
            remarks: compiled.remarks.iter().map(remark).collect(),
            lines: compiled.functions.iter().map(lines).collect(),
            rules: compiled.functions.iter().map(rules).collect(),
        }
    }
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// [`super::SCHEMA`].
    pub schema: String,
    /// `build`.
    pub kind: String,
    /// What made the package.
    pub tool: Tool,
    /// The command line, without what has no part in any verdict: threads, form of the results, where the package goes.
    pub command: Vec<String>,
    /// The module's path as given.
    pub input: String,
    /// The object's or image's path as given.
    pub output: String,
    /// Limits of the proofs.
    pub limits: Limits,
    /// What the compiler did; nothing if the object was given.
    pub compilation: Option<Compilation>,
    /// Functions that were compiled and that the file does not have.
    pub left_out: Vec<String>,
    /// Functions whose verdicts were taken from a proof cache and not proved in the run that made the package.
    pub from_cache: Vec<u32>,
    /// Why a gate of the command stopped it although everything may be proved.
    pub gate: Option<String>,
}

/// Options that have no part in any verdict, and whether a value follows.
const WITHOUT_EFFECT: [(&str, bool); 6] = [
    ("--threads", true),
    ("--format", true),
    ("--evidence", true),
    ("--replace-evidence", false),
    ("--replace", false),
    ("--stack-usage", true),
];

/// The same of `report module`, whose output is the package.
const OUTPUT: [(&str, bool); 2] = [("--output", true), ("-o", true)];

/// A command line without what has no part in any verdict; the program's path becomes its name.
pub fn deciding(arguments: &[String]) -> Vec<String> {
    let mut kept = vec!["synth".to_string()];
    let output = if arguments.get(1).is_some_and(|a| a == "report") { &OUTPUT[..] } else { &[] };
    let without_effect = || WITHOUT_EFFECT.iter().chain(output);
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        let (name, is_whole) = match argument.split_once('=') {
            Some((name, _)) => (name, false),
            // The value of a short option may stand right behind it.
            None if argument.len() > 2 && argument.starts_with("-o") => ("-o", false),
            None => (argument.as_str(), true),
        };
        match without_effect().find(|(option, _)| *option == name) {
            Some((_, true)) if is_whole => drop(rest.next()),
            Some(_) => {}
            None => kept.push(argument.clone()),
        }
    }
    kept
}
