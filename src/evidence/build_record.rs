//! The record of a build: what made the object, under which options, and what became of each optimizer pass. No part of any proof; a
//! package keeps it so that its other files can be made again.

use crate::compile::{CompiledFunction, Core};
use crate::native::Remark;
use crate::pass_report::PassOutcome;
use crate::pipeline::{Compiled, Options};
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::certificate::sha256;
use synth_validator::claim::{Claim, FunctionClaim};
use synth_validator::ladder::Limits;
use synth_validator::wasm::module::Module;

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
        let lines = |f: &CompiledFunction| (f.index, f.lines.clone());
        let rules = |f: &CompiledFunction| (f.index, f.rules.iter().map(|(name, n)| (name.to_string(), *n)).collect());
        let remark = |r: &Remark| RemarkEntry { function: r.function, offset: r.offset, text: r.text.clone() };
        Compilation {
            core: options.core.name().to_string(),
            level: options.level.name().to_string(),
            fault: options.fault.map(str::to_string),
            linker: None,
            passes: passes.iter().map(PassEntry::from).collect(),
            refused: refusals.iter().map(RefusedEntry::from).collect(),
            remarks: compiled.remarks.iter().map(remark).collect(),
            lines: compiled.functions.iter().map(lines).collect(),
            rules: compiled.functions.iter().map(rules).collect(),
        }
    }

    /// Stages that ran, in order: those that left a form in the claim, and those that every compilation has.
    pub fn stages(&self, claim: &Claim) -> Vec<String> {
        let forms = || claim.functions.iter().flat_map(|f| &f.stages);
        let known = ["build", "legalize", "simplify"].into_iter().chain(self.passes.iter().map(|p| p.pass.as_str()));
        let ran = known.filter(|name| forms().any(|form| form.name == *name));
        let always = ["select", "regalloc", "emit", "branch_relax", "object"];
        ["decode"].into_iter().chain(ran).chain(always).map(str::to_string).collect()
    }

    /// Whether it can be the record of a compilation with this module and claim, as far as they show it: the core, the passes that were
    /// applied, the functions that are named, and that code comes from a function's own body or from those inlined in it.
    ///
    /// # Errors
    /// The field that contradicts them, and how.
    pub fn fits(&self, module: &Module, claim: &Claim) -> Result<(), String> {
        let core = [Core::CortexM3, Core::CortexM4, Core::CortexM7].into_iter().find(|c| c.name() == self.core);
        if core.is_none_or(|core| core.has_dsp() != claim.contract.dsp) {
            return Err(format!("core: {}, for which the contract is not", self.core));
        }
        for entry in &self.passes {
            let has_form = |f: &&FunctionClaim| f.stages.iter().any(|stage| stage.name == entry.pass);
            let forms: Vec<u32> = claim.functions.iter().filter(has_form).map(|f| f.index).collect();
            if entry.applied != forms {
                return Err(format!(
                    "passes: {}: applied: not the functions of whose forms the claim has one",
                    entry.pass
                ));
            }
            if entry.not_run.is_some() && !(forms.is_empty() && entry.unchanged.is_empty() && entry.refused.is_empty())
            {
                return Err(format!("passes: {}: not_run: and yet functions are listed", entry.pass));
            }
        }
        for refused in &self.refused {
            let listed = self.passes.iter().any(|p| p.pass == refused.pass && p.refused.contains(&refused.function));
            if !listed {
                return Err(format!(
                    "refused: {} in function {}: passes do not say so",
                    refused.pass, refused.function
                ));
            }
        }
        let named = self.passes.iter().flat_map(|p| p.unchanged.iter().chain(&p.refused));
        let named = named.chain(self.lines.keys()).chain(self.rules.keys());
        if let Some(index) = named.into_iter().find(|index| claim.functions.iter().all(|f| f.index != **index)) {
            return Err(format!("function {index} is not in the claim"));
        }
        for (index, lines) in &self.lines {
            let bodies = inlined(claim, *index);
            let bodies: Vec<_> =
                bodies.iter().filter_map(|f| module.functions.get(*f as usize)).map(|f| &f.body).collect();
            let is_own = |offset: u32| offset == 0 || bodies.iter().any(|body| body.contains(&(offset as usize)));
            if let Some((code, offset)) = lines.iter().find(|(_, offset)| !is_own(*offset)) {
                return Err(format!(
                    "lines: function {index}: code offset {code:#x} comes from module offset {offset:#x}, where no body of it is"
                ));
            }
        }
        Ok(())
    }
}

/// A function and all whose bodies are inlined in it, directly or in what is inlined.
fn inlined(claim: &Claim, index: u32) -> BTreeSet<u32> {
    let (mut found, mut left) = (BTreeSet::from([index]), vec![index]);
    while let Some(index) = left.pop() {
        let forms = claim.functions.iter().filter(|f| f.index == index).flat_map(|f| &f.stages);
        left.extend(forms.flat_map(|form| &form.inlined).map(|i| i.callee).filter(|callee| found.insert(*callee)));
    }
    found
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
