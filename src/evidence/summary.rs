//! The summary of a module's package, `evidence.json`: digests, verdicts, what was refused, what is open.

use super::assumption;
use super::build_record::{Build, RefusedEntry, Tool};
use super::obligation::Exported;
use super::page::State;
use super::trace::{FunctionTrace, Role, Trace};
use crate::stack::FunctionStack;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::certificate::{Certificate, FunctionEntry, LinkEntry, Said, Totals, sha256};
use synth_validator::claim::FunctionClaim;
use synth_validator::contract::Contract;
use synth_validator::ladder::{Limits, Rung};
use synth_validator::validate::{FunctionReport, LIMIT_REACHED, Session};
use synth_validator::wasm::module::ExportKind;

/// How many functions a sentence names.
const NAMED_MAX: usize = 5;

/// A file that the package is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Artefact {
    /// Its path in the package.
    pub file: String,
    /// SHA-256.
    pub sha256: String,
    /// Bytes.
    pub bytes: usize,
}

/// What became of the optimizer's passes for a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FunctionPasses {
    /// Made a new form.
    pub applied: Vec<String>,
    /// Found nothing to do.
    pub unchanged: Vec<String>,
    /// Were refused by the validator.
    pub refused: Vec<String>,
    /// Were not run, because of the level or because the user left them out.
    pub not_run: Vec<String>,
}

/// Stack of a function: see [`FunctionStack`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StackBound {
    /// Bytes that it takes itself.
    pub own_bytes: u32,
    /// With all that it calls, functions in `outside` left out; nothing if there is no bound.
    pub bytes: Option<u64>,
    /// Indices of the functions on the deepest path.
    pub path: Vec<u32>,
    /// Indices of functions that call each other in a circle.
    pub circle: Vec<u32>,
    /// Functions outside whose use is not known, with the bytes in use when they are called.
    pub outside: BTreeMap<String, u64>,
}

impl From<&FunctionStack> for StackBound {
    fn from(f: &FunctionStack) -> StackBound {
        StackBound {
            own_bytes: f.own_bytes,
            bytes: f.total.bytes,
            path: f.total.path.clone(),
            circle: f.total.circle.clone(),
            outside: f.total.outside.clone(),
        }
    }
}

/// A place where the code reports a trap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrapSite {
    /// Address of the `udf`.
    pub address: u32,
    /// The trap.
    pub kind: &'static str,
}

/// What a package says of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionEvidence {
    /// What the certificate says of it.
    #[serde(flatten)]
    pub certified: FunctionEntry,
    /// Names under which it is exported.
    pub exports: Vec<String>,
    /// Byte range of its body in the module.
    pub body: (u32, u32),
    /// Bytes of code.
    pub code_bytes: u32,
    /// Obligations of all links.
    pub obligations: u32,
    /// Obligations of all links by rung.
    pub rungs: BTreeMap<String, u32>,
    /// Passes; empty lists if the object was given.
    pub passes: FunctionPasses,
    /// Rules of instruction selection that made code of it, with how often; none if the object was given.
    pub rules: BTreeMap<String, u32>,
    /// Lemmas that its proof cites, in rewrites of the optimizer and in obligations that the e-graph closed, by name.
    pub lemmas: BTreeSet<String>,
    /// Stack; nothing if it cannot be told.
    pub stack: Option<StackBound>,
    /// Where it reports traps.
    pub traps: Vec<TrapSite>,
    /// Bytes of code without an operator of its own, by role.
    pub without_operator: BTreeMap<Role, u32>,
    /// An executed difference between module and code.
    pub counterexample: Option<String>,
    /// Paths of its pages in the package: HTML and JSON.
    pub pages: [String; 2],
}

/// What a foreign solver said of the exported obligations. Only there if one was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolverAgreement {
    /// The solver.
    pub solver: String,
    /// Its version, as it says.
    pub version: String,
    /// Obligations on which it agrees.
    pub agreed: u32,
    /// Obligations on which it gave no answer within its limit.
    pub unknown: u32,
    /// Obligations on which it disagrees.
    pub disagreed: u32,
    /// Obligations on which it crashed, hung or answered something else.
    pub failed: u32,
    /// Why it could not be asked at all: it is not there, or not to be believed.
    pub missing: Option<String>,
}

/// What foreign solvers said, `solvers.json`: the record of asking them, kept so that the summary can be made again. Solvers are not
/// asked again when a package is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Solvers {
    /// [`super::SCHEMA`].
    pub schema: String,
    /// `solvers`.
    pub kind: String,
    /// One entry for each solver that was asked for.
    pub solvers: Vec<SolverAgreement>,
}

/// The summary.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// [`super::SCHEMA`].
    pub schema: &'static str,
    /// `module`.
    pub kind: &'static str,
    /// The first screen's answer.
    pub state: State,
    /// What made the package.
    pub tool: Tool,
    /// Name and version of the validator.
    pub validator: String,
    /// The module.
    pub module: Artefact,
    /// The object or linked image.
    pub object: Artefact,
    /// Whether it is a linked image.
    pub is_linked: bool,
    /// SHA-256 of the claim.
    pub claim_sha256: String,
    /// Contract.
    pub contract: Contract,
    /// Limits of the proofs.
    pub limits: Limits,
    /// Verdict on the initial image, the exports and the start-up function.
    pub image: Said,
    /// Sums over the functions.
    pub totals: Totals,
    /// Functions, ascending by index.
    pub functions: Vec<FunctionEvidence>,
    /// Functions that were compiled and that the file does not have.
    pub left_out: Vec<String>,
    /// Functions whose verdicts were taken from a proof cache and not proved in the run that made the package.
    pub from_cache: Vec<u32>,
    /// Refused passes.
    pub refused: Vec<RefusedEntry>,
    /// Obligations that were exported as SMT-LIB.
    pub exported: usize,
    /// What foreign solvers said of them; nothing if none was asked.
    pub solvers: Option<Vec<SolverAgreement>>,
}

/// What the summary is made from.
pub struct Parts<'a> {
    /// Session of the object.
    pub session: &'a Session<'a>,
    /// The module's bytes.
    pub module: &'a [u8],
    /// The object's bytes.
    pub object: &'a [u8],
    /// The record of the build.
    pub build: &'a Build,
    /// The certificate.
    pub certificate: &'a Certificate,
    /// The functions' reports.
    pub reports: &'a [&'a FunctionReport],
    /// The trace.
    pub trace: &'a Trace,
    /// Stack of functions; why it cannot be told.
    pub stacks: &'a Result<Vec<FunctionStack>, String>,
    /// Exported obligations.
    pub exported: &'a [Exported],
    /// What foreign solvers said.
    pub solvers: Option<&'a Solvers>,
    /// Paths of module and object in the package.
    pub paths: [&'a str; 2],
}

fn artefact(file: &str, bytes: &[u8]) -> Artefact {
    Artefact { file: file.to_string(), sha256: sha256(bytes), bytes: bytes.len() }
}

/// The number of each rung's obligations over links.
pub fn rungs(links: &[LinkEntry]) -> BTreeMap<String, u32> {
    let mut sums = BTreeMap::new();
    for (rung, n) in links.iter().flat_map(|l| &l.rungs) {
        *sums.entry(rung.clone()).or_default() += n;
    }
    sums
}

fn passes(build: &Build, index: u32) -> FunctionPasses {
    let mut passes = FunctionPasses::default();
    for entry in build.compilation.iter().flat_map(|c| &c.passes) {
        let lists = [
            (&entry.applied, &mut passes.applied),
            (&entry.unchanged, &mut passes.unchanged),
            (&entry.refused, &mut passes.refused),
        ];
        for (indices, names) in lists {
            if indices.contains(&index) {
                names.push(entry.pass.clone());
            }
        }
        if entry.not_run.is_some() {
            passes.not_run.push(entry.pass.clone());
        }
    }
    passes
}

/// The lemmas that rewrites of a function cite, once for each step.
pub fn cited(claim: &FunctionClaim) -> impl Iterator<Item = String> + '_ {
    let witnesses = claim.stages.iter().map(|s| &s.witness).chain([&claim.witness]);
    witnesses.flat_map(|w| &w.rewrites).flat_map(|r| &r.proof.steps).map(|step| step.rule.clone())
}

/// The lemmas of a function's proof: steps of the rewrites that its links cite, and of the e-graph's proofs.
fn lemmas(parts: &Parts<'_>, index: u32) -> BTreeSet<String> {
    let claim = parts.session.claim().functions.iter().find(|f| f.index == index);
    let cited = claim.into_iter().flat_map(cited);
    let closed = parts.exported.iter().filter(|o| o.function == index).flat_map(|o| o.lemmas.iter().cloned());
    cited.chain(closed).collect()
}

fn function(parts: &Parts<'_>, entry: &FunctionEntry) -> FunctionEvidence {
    let module = parts.session.module();
    let index = entry.index;
    let trace: Option<&FunctionTrace> = parts.trace.functions.iter().find(|f| f.index == index);
    let code = trace.map_or(&[][..], |t| &t.code);
    let mut without_operator: BTreeMap<Role, u32> = BTreeMap::new();
    for piece in code {
        if let Some(role) = piece.role {
            *without_operator.entry(role).or_default() += piece.size();
        }
    }
    let is_trap = |piece: &&super::trace::Entry| piece.role == Some(Role::Trap);
    let traps = code.iter().filter(is_trap).filter_map(|p| Some(TrapSite { address: p.address, kind: p.trap? }));
    let stack = parts.stacks.as_ref().ok().and_then(|all| all.iter().find(|f| f.index == index));
    let report = parts.reports.iter().find(|r| r.index == index);
    let exported = module.exports.iter().filter(|e| e.kind == ExportKind::Function && e.index == index);
    let body = module.functions.get(index as usize).map_or(0..0, |f| f.body.clone());
    let rungs = rungs(&entry.links);
    FunctionEvidence {
        exports: exported.map(|e| e.name.clone()).collect(),
        body: (body.start as u32, body.end as u32),
        code_bytes: entry.end.unwrap_or(0).saturating_sub(entry.start.unwrap_or(0)),
        obligations: rungs.values().sum(),
        rungs,
        passes: passes(parts.build, index),
        rules: parts.build.compilation.as_ref().and_then(|c| c.rules.get(&index)).cloned().unwrap_or_default(),
        lemmas: lemmas(parts, index),
        stack: stack.map(StackBound::from),
        traps: traps.collect(),
        without_operator,
        counterexample: report.and_then(|r| r.counterexample.as_ref()).map(|d| d.render()),
        pages: [format!("functions/{index}.html"), format!("functions/{index}.json")],
        certified: entry.clone(),
    }
}

/// Names, the first few.
fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(NAMED_MAX);
    let mut text = names[..names.len() - more].join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// What stands against a package, one sentence each.
fn reasons(parts: &Parts<'_>) -> Vec<String> {
    let Parts { certificate, build, .. } = parts;
    let mut reasons = Vec::new();
    if !certificate.image.is_proved() {
        reasons.push(format!("The initial image is {}: {}", certificate.image.verdict, certificate.image.detail));
    }
    let mut by_verdict: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for f in certificate.functions.iter().filter(|f| !f.said.is_proved()) {
        by_verdict.entry(&f.said.verdict).or_default().push(&f.name);
    }
    for (verdict, names) in by_verdict {
        let (count, plural) = (names.len(), if names.len() == 1 { "function is" } else { "functions are" });
        reasons.push(format!("{count} {plural} {verdict}: {}.", named(names.into_iter())));
    }
    let exhausted = |f: &&FunctionEntry| {
        let details = f.links.iter().map(|l| &l.said.detail).chain([&f.said.detail]);
        details.into_iter().any(|d| d.starts_with(LIMIT_REACHED))
    };
    let limited: Vec<&str> = certificate.functions.iter().filter(exhausted).map(|f| f.name.as_str()).collect();
    if !limited.is_empty() {
        reasons.push(format!(
            "A limit of the proof was reached in {}; a larger limit may prove it.",
            named(limited.into_iter())
        ));
    }
    if let Some(compilation) = &build.compilation {
        let passes: BTreeSet<&str> = compilation.refused.iter().map(|r| r.pass.as_str()).collect();
        let functions: BTreeSet<&str> = compilation.refused.iter().map(|r| r.name.as_str()).collect();
        if !passes.is_empty() {
            let what = if passes.len() == 1 { "the pass" } else { "the passes" };
            let (passes, functions) = (named(passes.into_iter()), named(functions.into_iter()));
            reasons.push(format!("The validator refused {what} {passes} in {functions}; the code was made without."));
        }
        if let Some(fault) = &compilation.fault {
            reasons
                .push(format!("The fault {fault} of the compiler was switched on: an examination, nothing to ship."));
        }
    }
    if build.tool.faults {
        reasons.push(
            "Made by a build with faults: that program is for examining the validator, not for releases.".to_string(),
        );
    }
    if let Some(gate) = &build.gate {
        reasons.push(format!("A gate stopped the build: {gate}."));
    }
    // Start-up function and thunks are no functions of the certificate: they belong to the image.
    let proved = |index: &u32| match certificate.functions.iter().find(|f| f.index == *index) {
        Some(f) => f.said.is_proved(),
        None => certificate.image.is_proved(),
    };
    let uncovered = parts.trace.uncovered.iter().filter(|(index, _)| proved(index)).count();
    if uncovered > 0 {
        reasons.push(format!("{uncovered} pieces of code are covered by no obligation; the trace names them."));
    }
    let module = parts.session.module();
    if certificate.functions.is_empty() && module.functions.len() as u32 > module.imported_functions() {
        reasons.push("The file has no function of the module: nothing is proved of any.".to_string());
    }
    for f in certificate.functions.iter().filter(|f| f.said.is_proved()) {
        let beyond = Rung::ALL.iter().filter(|rung| **rung >= Rung::Egraph);
        let of_rung = |rung: &Rung| f.links.iter().filter_map(|l| l.rungs.get(rung.name())).sum::<u32>();
        let closed: u32 = beyond.map(of_rung).sum();
        let written = parts.exported.iter().filter(|o| o.function == f.index && o.counts).count();
        if written != closed as usize {
            reasons.push(format!("{written} of {closed} obligations of {} were exported.", f.name));
        }
    }
    for name in certificate.totals.assumptions.iter().filter(|name| assumption::named(name).is_none()) {
        reasons.push(format!("The assumption {name} has no text, which is a defect of the tool."));
    }
    for solver in parts.solvers.iter().flat_map(|s| &s.solvers) {
        let SolverAgreement { solver: name, agreed, disagreed, failed, unknown, missing, .. } = solver;
        let told = agreed + disagreed + failed + unknown;
        if missing.is_none() && told as usize != parts.exported.len() {
            reasons.push(format!("The solver {name} was asked about {told} of {} obligations.", parts.exported.len()));
        }
        if let Some(why) = missing {
            reasons.push(format!("The solver {name} cannot be asked: {why}."));
        }
        if *disagreed > 0 {
            reasons.push(format!("The solver {name} disagrees on {disagreed} obligations."));
        }
        if failed + unknown > 0 {
            reasons.push(format!("The solver {name} gave no answer on {} obligations.", failed + unknown));
        }
    }
    reasons
}

fn notes(parts: &Parts<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if parts.build.compilation.is_none() {
        notes.push(
            "The object was given: what the compiler did to it is not recorded, and the trace has origins at cut points only.".to_string(),
        );
    }
    if parts.session.object().is_linked {
        notes.push("A linked image: code and data besides the module's are not looked at.".to_string());
    }
    let left_out = parts.session.left_out();
    if !left_out.is_empty() {
        let names = named(left_out.values().map(String::as_str));
        notes.push(format!("Compiled, but not found in the image, so that nothing is said of them: {names}. A linker left them out, or their symbols were stripped."));
    }
    let from_cache = parts.certificate.functions.iter().filter(|f| parts.build.from_cache.contains(&f.index));
    let from_cache: Vec<&str> = from_cache.map(|f| f.name.as_str()).collect();
    if !from_cache.is_empty() {
        notes.push(format!(
            "Taken from a proof cache and not proved in this run: {} of {} verdicts ({}). Verifying the package proves them.",
            from_cache.len(),
            parts.certificate.functions.len(),
            named(from_cache.into_iter())
        ));
    }
    if let Err(why) = parts.stacks {
        notes.push(format!("Stack use cannot be told: {why}."));
    }
    if parts.solvers.is_none_or(|s| s.solvers.is_empty()) {
        notes.push("No foreign solver was asked about the exported obligations.".to_string());
    }
    notes
}

fn state(parts: &Parts<'_>) -> State {
    let certificate = parts.certificate;
    let (reasons, totals) = (reasons(parts), &certificate.totals);
    let ok = certificate.is_proved() && reasons.is_empty();
    let count = format!("{} of {} functions", totals.proved, totals.functions);
    let headline = match (certificate.is_proved(), ok) {
        (true, true) => format!("Everything is proved: {count} and the initial image"),
        (true, false) => format!("Everything is proved ({count}, the initial image), but something is open"),
        (false, _) => format!("Not everything is proved: {count}, image {}", certificate.image.verdict),
    };
    State { ok, headline, reasons, notes: notes(parts) }
}

/// Makes the summary.
pub fn summary(parts: &Parts<'_>) -> Summary {
    let certificate = parts.certificate;
    let [module, object] = parts.paths;
    Summary {
        schema: super::SCHEMA,
        kind: "module",
        state: state(parts),
        tool: parts.build.tool.clone(),
        validator: certificate.tool.clone(),
        module: artefact(module, parts.module),
        object: artefact(object, parts.object),
        is_linked: parts.session.object().is_linked,
        claim_sha256: certificate.claim_sha256.clone(),
        contract: certificate.contract.clone(),
        limits: certificate.limits,
        image: certificate.image.clone(),
        totals: certificate.totals.clone(),
        functions: certificate.functions.iter().map(|f| function(parts, f)).collect(),
        left_out: parts.session.left_out().into_values().collect(),
        from_cache: parts.build.from_cache.clone(),
        refused: parts.build.compilation.as_ref().map_or(Vec::new(), |c| c.refused.clone()),
        exported: parts.exported.len(),
        solvers: parts.solvers.map(|s| s.solvers.clone()),
    }
}
