//! WebAssembly to smaller WebAssembly, every change proved: passes over the IR before `legalize`, and bodies written back.
//!
//! A round makes one module from another: every function is built, cleaned and, where that pays, has calls inlined and passes
//! applied; the form is written back if the body becomes smaller; a function that nothing can call any more gets an empty body. The validator proves the
//! round on the bytes of both modules. What it does not prove is left out and the round made again. Rounds follow until one
//! changes nothing, so that optimizing the result changes nothing either.

mod choose;

use crate::call_graph;
use crate::error::CompileError;
use crate::faults;
use crate::module::Module;
use crate::pass::{Cx, Level, Pass};
use crate::pipeline::{
    self, CARRIERS, CLEAN, DEAD_PARAMS, DEAD_STORE, FORWARD, GVN, IF_CONVERT, INLINE, MERGE, REWRITE, SCCP, checked,
    stage,
};
use crate::refusal::Refusal;
use crate::wasm_writer::{Kept, module::rewrite};
use crate::{build, decode, simplify};
use choose::Choice;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::arm::linked::Linkage;
use synth_validator::claim::{Claim, FunctionClaim, Round, Rounds, Stage};
use synth_validator::contract::Contract;
use synth_validator::ladder::Limits;
use synth_validator::prove_all::{STACK_BYTES, Timed, prove_all};
use synth_validator::validate::module::{ModuleSession, WASM, means_more};
use synth_validator::validate::{FunctionReport, Verdict};
use synth_validator::wasm::{reach, reader};

/// The passes of bodies, in order, after inlining. Each is kept where the body does not become larger. `checks` and `ranges` are not
/// among them, because operators check by themselves, nor those that make loops faster and larger.
pub const PASSES: &[Pass] = &[DEAD_PARAMS, CARRIERS, SCCP, MERGE, GVN, FORWARD, DEAD_STORE, REWRITE, IF_CONVERT];

/// The body of a function that nothing calls: no locals, `unreachable`.
const EMPTY_BODY: &[u8] = &[0, 0, 0x0b];

/// What a user chooses.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether calls are inlined.
    pub inline: bool,
    /// Limits of proofs.
    pub limits: Limits,
    /// Threads that write and prove; nothing depends on how many.
    pub threads: usize,
    /// The fault that is switched on; without effect in a release build.
    pub fault: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Options { inline: true, limits: Limits::default(), threads: 2, fault: None }
    }
}

/// What became of a function over all rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Function index (imports first).
    pub index: u32,
    /// Name for people.
    pub name: String,
    /// Bytes of its body at first.
    pub bytes_before: usize,
    /// Bytes of its body at last.
    pub bytes_after: usize,
    /// Calls inlined into it.
    pub inlined: usize,
    /// Whether it was given the empty body because nothing calls it.
    pub uncalled: bool,
    /// Why the last round left it alone.
    pub kept: Kept,
}

/// An optimized module.
#[derive(Clone, Debug)]
pub struct Optimized {
    /// Its bytes.
    pub module: Vec<u8>,
    /// The proof's claim.
    pub rounds: Rounds,
    /// The verdicts, by round; empty if nothing changed.
    pub reports: Vec<Vec<Timed>>,
    /// The functions, ascending by index.
    pub outcomes: Vec<Outcome>,
    /// What the validator refused.
    pub refusals: Vec<Refusal>,
    /// Functions to which each pass was applied, summed over the rounds.
    pub applied: BTreeMap<&'static str, usize>,
    /// Custom sections left out because they speak of code by offset.
    pub dropped: Vec<String>,
}

/// What is not to be done, because the validator did not prove it.
#[derive(Clone, Debug, Default)]
struct Refused {
    passes: BTreeSet<(u32, &'static str)>,
    body: BTreeMap<u32, String>,
}

/// A round that was made and not yet proved.
struct Attempt {
    round: Round,
    dropped: Vec<String>,
    choices: Vec<Choice>,
}

/// Optimizes a module and proves it.
///
/// # Errors
/// What is malformed, or not supported in declarations; a defect.
pub fn optimize(bytes: &[u8], options: &Options) -> Result<Optimized, CompileError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).stack_size(STACK_BYTES).build();
    let pool = pool.map_err(|e| internal(format!("no threads: {e}")))?;
    let module = decode::decode(bytes)?;
    let declared = reader::read(bytes)
        .map_err(|e| CompileError::Malformed { offset: e.offset as u64, message: e.message.clone() })?;
    if let Some(what) = means_more(&declared, bytes) {
        return Err(CompileError::Border {
            function: None,
            offset: None,
            what,
            remedy: "compile it as it is: `synth compile` makes the same optimizations".to_string(),
        });
    }
    let mut done = Optimized {
        module: bytes.to_vec(),
        rounds: Rounds::default(),
        reports: Vec::new(),
        outcomes: outcomes(&module),
        refusals: Vec::new(),
        applied: BTreeMap::new(),
        dropped: Vec::new(),
    };
    while round(&mut done, options, &pool)? {}
    Ok(done)
}

fn internal(message: String) -> CompileError {
    CompileError::Internal { function: None, message }
}

fn outcomes(module: &Module) -> Vec<Outcome> {
    let defined = module.imported_functions()..module.functions.len() as u32;
    let outcome = |index: u32| {
        let bytes = module.functions[index as usize].body.len();
        Outcome {
            index,
            name: module.display_name(index),
            bytes_before: bytes,
            bytes_after: bytes,
            inlined: 0,
            uncalled: false,
            kept: Kept::NotSmaller(bytes),
        }
    };
    defined.map(outcome).collect()
}

/// Makes and proves the next round. Result: whether it changed anything.
fn round(done: &mut Optimized, options: &Options, pool: &rayon::ThreadPool) -> Result<bool, CompileError> {
    let mut refused = Refused::default();
    loop {
        let attempt = pool.install(|| attempt(&done.module, options, &refused))?;
        if attempt.round.module == done.module {
            finish(done, attempt, Vec::new());
            return Ok(false);
        }
        let session =
            ModuleSession::new(&done.module, &attempt.round.module, attempt.round.claim.clone(), options.limits);
        let session = session.map_err(|e| internal(e.to_string()))?;
        let declared = session.declarations();
        if declared != Verdict::Proved {
            return Err(internal(format!("declarations: {}", declared.detail())));
        }
        let reports = prove_all(&session, options.threads, &|_| {});
        let new: Vec<Refusal> = reports.iter().filter_map(|t| refuse(&t.report, &mut refused)).collect();
        if new.is_empty() {
            finish(done, attempt, reports);
            return Ok(true);
        }
        done.refusals.extend(new);
    }
}

/// Notes what is not to be done again for a function that is not proved.
fn refuse(report: &FunctionReport, refused: &mut Refused) -> Option<Refusal> {
    if report.verdict == Verdict::Proved {
        return None;
    }
    let link = report.links.iter().find(|l| l.verdict != Verdict::Proved);
    let verdict = link.map_or(&report.verdict, |l| &l.verdict);
    let is_link = |pass: &&Pass| link.is_some_and(|l| l.name == pass.name);
    let pass = match [INLINE, CLEAN].iter().chain(PASSES).find(is_link) {
        // Cleaning belongs to inlining.
        Some(pass) if pass.name == CLEAN.name => INLINE.name,
        Some(pass) => pass.name,
        None => WASM,
    };
    match pass {
        WASM => drop(refused.body.insert(report.index, verdict.name().to_string())),
        pass => drop(refused.passes.insert((report.index, pass))),
    }
    Some(Refusal::new(report, pass))
}

/// Takes in a round that is proved, or one that changed nothing.
fn finish(done: &mut Optimized, attempt: Attempt, reports: Vec<Timed>) {
    for (outcome, choice) in done.outcomes.iter_mut().zip(attempt.choices) {
        match choice.kept {
            Some(kept) => outcome.kept = kept,
            None => {
                outcome.bytes_after = choice.body.len();
                outcome.inlined += choice.inlined;
                outcome.uncalled |= choice.uncalled;
                for name in choice.passes {
                    *done.applied.entry(name).or_default() += 1;
                }
            }
        }
    }
    if !reports.is_empty() {
        done.module = attempt.round.module.clone();
        done.rounds.0.push(attempt.round);
        done.reports.push(reports);
        done.dropped.extend(attempt.dropped);
    }
}

/// Makes a round.
fn attempt(bytes: &[u8], options: &Options, refused: &Refused) -> Result<Attempt, CompileError> {
    let module = decode::decode(bytes)?;
    let contract = contract(&module)?;
    let first = module.imported_functions();
    let defined: Vec<u32> = (first..module.functions.len() as u32).collect();
    let (roots, unhinted) = (call_graph::roots(&module), BTreeSet::new());
    let (none, nothing) = (FxHashMap::default(), FxHashMap::default());
    let cx = Cx {
        module: &module,
        contract: &contract,
        level: Level::Os,
        forms: &[],
        calls: &none,
        unused: &nothing,
        roots: &roots,
        hinted: &unhinted,
    };
    let built: Vec<Result<Vec<Stage>, Kept>> =
        defined.par_iter().map(|f| faults::with(options.fault, || forms(bytes, *f, &cx))).collect();
    let forms: Vec<Vec<Stage>> = built.iter().map(|b| b.clone().unwrap_or_default()).collect();
    let (calls, unused) = (call_graph::counts(&forms), call_graph::unused_params(&forms));
    let cx = Cx { forms: &forms, calls: &calls, unused: &unused, ..cx };
    let callable = |bytes: &[u8]| reach::callable(bytes).map_err(|e| internal(e.to_string()));
    let chooser = choose::Chooser::new(bytes, &cx, callable(bytes)?);
    let mut choices: Vec<Choice> = defined
        .par_iter()
        .zip(&built)
        .map(|(index, stages)| {
            let stages = match stages {
                Err(kept) => return Ok(Choice::keep(&module, bytes, *index, kept.clone())),
                Ok(stages) => stages,
            };
            if let Some(why) = refused.body.get(index) {
                return Ok(Choice::keep(&module, bytes, *index, Kept::NotProved(why.clone())));
            }
            let is_refused = |pass: &str| {
                let left_out = pass == INLINE.name && !options.inline;
                left_out || refused.passes.iter().any(|(f, name)| f == index && *name == pass)
            };
            faults::with(options.fault, || chooser.choose(*index, stages, &is_refused))
        })
        .collect::<Result<_, CompileError>>()?;
    let bodies =
        |choices: &[Choice]| rewrite(bytes, &module, &choices.iter().map(|c| c.body.as_slice()).collect::<Vec<_>>());
    let called = callable(&bodies(&choices)?.bytes)?;
    for (index, choice) in defined.iter().zip(&mut choices) {
        if !called[*index as usize] && choice.body.len() > EMPTY_BODY.len() {
            *choice = Choice::uncalled();
        }
    }
    let bytes_after: usize = choices.iter().map(|c| c.body.len()).sum();
    let bytes_before: usize = defined.iter().map(|f| module.functions[*f as usize].body.len()).sum();
    if bytes_after > bytes_before && options.inline {
        // What inlining was to save is not saved after all.
        return self::attempt(bytes, &Options { inline: false, ..options.clone() }, refused);
    }
    let changed = choices.iter().any(|c| c.kept.is_none());
    let rewritten = bodies(&choices)?;
    if !changed {
        let round = Round {
            module: bytes.to_vec(),
            claim: Claim { contract, functions: Vec::new(), linkage: Linkage::default() },
        };
        return Ok(Attempt { round, dropped: Vec::new(), choices });
    }
    let claim = claim(&rewritten.bytes, &defined, &forms, &choices, contract)?;
    Ok(Attempt { round: Round { module: rewritten.bytes, claim }, dropped: rewritten.dropped, choices })
}

/// Accesses are checked; memory may grow to its declared maximum, and to half the address space at most.
fn contract(module: &Module) -> Result<Contract, CompileError> {
    let memory_pages_max = module.resizes().then_some(1 << 15);
    pipeline::contract(module, &pipeline::Options { memory_pages_max, ..pipeline::Options::default() })
}

/// The forms of a function that others inline.
fn forms(bytes: &[u8], index: u32, cx: &Cx<'_>) -> Result<Vec<Stage>, Kept> {
    let unsupported = |e: CompileError| match e {
        CompileError::Unsupported { what, .. } => Kept::Unsupported(what),
        e => Kept::Unsupported(e.to_string()),
    };
    let built = build::build(bytes, cx.module, cx.contract, index).map_err(unsupported)?;
    checked("build", &built.func, cx.module).map_err(unsupported)?;
    let simple = simplify::simplify(&built.func);
    checked("simplify", &simple.0, cx.module).map_err(unsupported)?;
    Ok(vec![stage("build", (built.func, built.witness).into()), stage("simplify", simple.into())])
}

/// The claim for a round: changed functions, and those that they inline or whose parameters they know to be unused.
fn claim(
    after: &[u8],
    defined: &[u32],
    forms: &[Vec<Stage>],
    choices: &[Choice],
    contract: Contract,
) -> Result<Claim, CompileError> {
    let placed = decode::decode(after)?;
    let stages = || choices.iter().flat_map(|c| &c.stages);
    let inlined = stages().flat_map(|s| &s.inlined).map(|i| i.callee);
    let looked_into: BTreeSet<u32> = inlined.chain(stages().flat_map(|s| &s.ignoring).map(|i| i.callee)).collect();
    let mut functions = Vec::new();
    for (i, index) in defined.iter().enumerate() {
        let (stages, witness) = match (&choices[i].written, looked_into.contains(index)) {
            (Some(written), _) => {
                let start = placed.functions[*index as usize].body.start;
                (choices[i].stages.clone(), written.witness_at(start))
            }
            (None, true) => (forms[i].clone(), Default::default()),
            (None, false) => continue,
        };
        functions.push(FunctionClaim { index: *index, stages, witness, indirect_types: BTreeMap::new() });
    }
    Ok(Claim { contract, functions, linkage: Linkage::default() })
}
