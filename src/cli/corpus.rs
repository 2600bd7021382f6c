//! `synth corpus run`: compiles the programs of the corpus and the fetched modules, and proves them.

use super::compile::{BoundsArg, CodeArgs, build};
use super::diagnostic::Diagnostic;
use super::evidence::{Destination, Subject};
use super::miscompiles;
use super::programs::{Program, ProgramArgs, hint, milliseconds, percentile, programs};
use super::proof::{CacheArgs, LimitArgs, Proof, Scope, compile_and_prove};
use super::{Format, JSON_SCHEMA, Status, mutate, output, table};
use crate::evidence::build_record::Compilation;
use crate::evidence::summary::SolverAgreement;
use crate::partition::Partition;
use crate::pass_report;
use crate::pipeline::Compiled;
use clap::Subcommand;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use synth_validator::certificate::sha256;
use synth_validator::evidence::solver::Foreign;

/// Arguments of `synth corpus`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Compile every program, and prove it with --validate
    Run(RunArgs),
    /// Examine the validator: mutants of every program's object, verdicts beside executions
    Mutate(mutate::OverCorpus),
}

#[derive(clap::Args)]
struct RunArgs {
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    code: CodeArgs,
    /// All bounds modes, one after the other
    #[arg(long, conflicts_with = "bounds")]
    all_bounds: bool,
    /// Prove every function and image
    #[arg(long)]
    validate: bool,
    /// Prove only this share of the functions, one of N
    #[arg(long, value_name = "hash:K/N", requires = "validate")]
    partition: Option<Partition>,
    #[command(flatten)]
    cache: CacheArgs,
    /// Write evidence of each program into a folder of its name in this one (with --validate), in place of evidence that is there
    #[arg(long, value_name = "DIR", requires = "validate", conflicts_with_all = ["all_bounds", "partition", "check_deterministic"])]
    evidence: Option<PathBuf>,
    /// Ask z3, cvc5 or bitwuzla about the exported obligations as well (with --evidence); may be given several times
    #[arg(long, value_name = "NAME[=PROGRAM]", requires = "evidence")]
    solver: Vec<Foreign>,
    /// Examine the known miscompiles: right programs must be proved, the wrong artefacts beside them refuted
    #[arg(long, conflicts_with_all = ["all_bounds", "validate", "check_deterministic", "proof_cache"])]
    miscompiles: bool,
    /// Do everything twice, on one thread and on two, and compare bytes and verdicts
    #[arg(long, conflicts_with = "proof_cache")]
    check_deterministic: bool,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    limits: LimitArgs,
}

impl Args {
    /// Form of the results.
    pub fn format(&self) -> Format {
        match &self.action {
            Action::Run(args) => args.format,
            Action::Mutate(args) => args.format(),
        }
    }
}

/// What stands for the path of an object that is not written.
const NO_OBJECT: &str = "(compiled)";

/// What came of one program in one bounds mode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Row {
    program: String,
    bounds: String,
    functions: u32,
    code_bytes: usize,
    object_sha256: String,
    /// Why it was not compiled or read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Passes that the validator refused, with function and obligation.
    refused: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proved>,
    /// The package that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Written>,
}

/// A package of evidence that was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Written {
    folder: PathBuf,
    files: usize,
    bytes: usize,
    /// What its first screen says is open.
    open: Vec<String>,
    /// What foreign solvers said of its obligations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    solvers: Vec<SolverAgreement>,
    /// How long it took to make and write it, once everything was proved.
    #[serde(skip)]
    time: Duration,
}

/// Makes and writes the evidence of a program.
fn write_evidence(
    folder: &Path,
    program: &Program,
    (compiled, proof, compilation): (&Compiled, &Proof, Compilation),
    args: &RunArgs,
) -> Result<Written, Diagnostic> {
    let started = Instant::now();
    let folder = folder.join(&program.name);
    let to = Destination::new(&folder, (true, "--evidence"), &args.solver)?;
    let module = (program.module.path.as_path(), &program.module.bytes[..]);
    let object = (Path::new(NO_OBJECT), &compiled.object[..]);
    let subject = Subject { module, object, proof, compilation: Some(compilation), gate: None };
    let evidence = to.package(subject, &args.limits)?;
    evidence.write()?;
    let (files, bytes) = evidence.size();
    let (open, solvers) = (evidence.state().reasons.clone(), evidence.solvers().to_vec());
    Ok(Written { files, bytes, open, solvers, time: started.elapsed(), folder: folder.clone() })
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Proved {
    image: String,
    proved: u32,
    not_proved: u32,
    obligations: u32,
    cuts: u32,
    rungs: BTreeMap<String, u32>,
    /// Functions whose verdicts were taken from the proof cache.
    taken: u32,
    /// Functions about which the proof cache is wrong.
    contradicted: u32,
    /// Function index, name, verdict.
    open: Vec<(u32, String, String)>,
    #[serde(skip)]
    text: String,
    /// Digest of all verdicts.
    verdicts_sha256: String,
}

impl Proved {
    fn new(proof: &Proof) -> Proved {
        let certificate = &proof.certificate;
        let totals = &certificate.totals;
        let open = certificate.functions.iter().filter(|f| !f.said.is_proved());
        Proved {
            image: certificate.image.verdict.clone(),
            proved: totals.proved,
            not_proved: totals.functions - totals.proved,
            obligations: totals.obligations,
            cuts: totals.cuts,
            rungs: totals.rungs.clone(),
            taken: proof.uses().map_or(0, |uses| uses.hits.len() as u32),
            contradicted: proof.uses().map_or(0, |uses| uses.contradicted.len() as u32),
            open: open.map(|f| (f.index, f.name.clone(), f.said.verdict.clone())).collect(),
            text: table::failures(certificate),
            verdicts_sha256: sha256(certificate.to_json().as_bytes()),
        }
    }
}

#[derive(Serialize)]
struct Totals {
    programs: usize,
    functions: u32,
    proved: u32,
    /// Functions and images that are not proved, and programs that were not compiled.
    failures: u32,
    obligations: u32,
    rungs: BTreeMap<String, u32>,
    code_bytes: usize,
    /// Functions whose verdicts were taken from the proof cache.
    taken: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    deterministic: Option<bool>,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    validated: bool,
    /// The share of the functions that was proved, if not all were to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<String>,
    programs: &'a [Row],
    totals: &'a Totals,
    not_fetched: &'a [&'static str],
}

fn run_program(
    program: &Program,
    bounds: BoundsArg,
    args: &RunArgs,
    limits: &LimitArgs,
    scope: Scope<'_>,
) -> (Row, Vec<Duration>) {
    let mut row = Row { program: program.name.clone(), bounds: format!("{bounds:?}").to_lowercase(), ..Row::default() };
    let mut code = args.code.clone();
    code.bounds = bounds;
    let place = |d: &Diagnostic| d.offset.map(|o| format!(" at {o:#x}")).unwrap_or_default();
    let failed = |d: Diagnostic, row: &mut Row| row.error = Some(format!("{}{}", d.error, place(&d)));
    let attempt = match args.validate {
        false => build(&program.module, &code.options(), limits.threads()).map(|compiled| (compiled, None)),
        true => compile_and_prove(&program.module, Path::new(NO_OBJECT), code.options(), limits, scope)
            .map(|(compiled, proof, refusals)| (compiled, Some((proof, refusals)))),
    };
    let (compiled, proof) = match attempt {
        Ok(done) => done,
        Err(d) => {
            failed(d, &mut row);
            return (row, Vec::new());
        }
    };
    row.functions = compiled.functions.len() as u32;
    row.code_bytes = compiled.functions.iter().map(|f| f.code.len()).sum();
    row.object_sha256 = sha256(&compiled.object);
    let Some((proof, refusals)) = proof else {
        return (row, Vec::new());
    };
    row.functions = proof.certificate.totals.functions;
    if let Some(folder) = &args.evidence {
        let options = code.options();
        let passes = pass_report::outcomes(&compiled.claim, &options, &refusals);
        let compilation = Compilation::new(&compiled, &options, &passes, &refusals);
        match write_evidence(folder, program, (&compiled, &proof, compilation), args) {
            Ok(written) => row.evidence = Some(written),
            Err(d) => failed(d, &mut row),
        }
    }
    row.refused = refusals.into_iter().map(|r| format!("{} in {}: {}", r.pass, r.name, r.detail)).collect();
    row.proof = Some(Proved::new(&proof));
    proof.warn();
    (row, proof.times().collect())
}

fn cells(row: &Row, times: &[Duration]) -> Vec<String> {
    let mut cells = vec![row.program.clone(), row.bounds.clone(), row.functions.to_string()];
    if let Some(proof) = &row.proof {
        let image = if proof.image == "Proved" { "" } else { " (image not)" };
        cells.push(format!("{}{image}", proof.proved));
        cells.push(proof.not_proved.to_string());
        cells.push(row.refused.len().to_string());
        cells.push(proof.obligations.to_string());
        cells.push(table::rungs(&proof.rungs));
        cells.push(milliseconds(percentile(times, 50)));
        cells.push(milliseconds(percentile(times, 95)));
    }
    cells.push(row.code_bytes.to_string());
    if let Some(error) = &row.error {
        cells.push(format!("error: {error}"));
    }
    cells
}

fn totals(rows: &[Row], deterministic: Option<bool>) -> Totals {
    let mut totals = Totals {
        programs: rows.len(),
        functions: 0,
        proved: 0,
        failures: 0,
        obligations: 0,
        rungs: BTreeMap::new(),
        code_bytes: 0,
        taken: 0,
        deterministic,
    };
    for row in rows {
        totals.functions += row.functions;
        totals.code_bytes += row.code_bytes;
        totals.failures += u32::from(row.error.is_some());
        let Some(proof) = &row.proof else { continue };
        totals.proved += proof.proved;
        totals.failures += proof.not_proved + proof.contradicted + u32::from(proof.image != "Proved");
        totals.taken += proof.taken;
        totals.obligations += proof.obligations;
        for (rung, n) in &proof.rungs {
            *totals.rungs.entry(rung.clone()).or_default() += n;
        }
    }
    totals
}

/// Runs the command.
///
/// # Errors
/// A corpus that cannot be read.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    match &args.action {
        Action::Run(args) => run(args),
        Action::Mutate(args) => mutate::corpus(args),
    }
}

fn run(args: &RunArgs) -> Result<Status, Diagnostic> {
    if args.miscompiles {
        let (folder, only) = args.programs.corpus();
        return miscompiles::execute(folder, only, args.limits.threads(), args.format);
    }
    let store = args.cache.open(args.validate)?;
    let scope = args.cache.scope(store.as_ref(), args.partition);
    let (programs, missing) = programs(&args.programs)?;
    let modes = match args.all_bounds {
        true => vec![BoundsArg::Software, BoundsArg::Mpu, BoundsArg::Mask, BoundsArg::None],
        false => vec![args.code.bounds],
    };
    let text = args.format == Format::Text;
    let (mut rows, mut times, mut differing) = (Vec::new(), Vec::new(), Vec::new());
    let head: &[&str] = match args.validate {
        true => &[
            "program",
            "bounds",
            "functions",
            "proved",
            "not",
            "refused",
            "obligations",
            "rungs",
            "median",
            "p95",
            "bytes",
        ],
        false => &["program", "bounds", "functions", "bytes"],
    };
    let mut lines = vec![head.iter().map(|c| c.to_string()).collect::<Vec<_>>()];
    for (program, bounds) in modes.iter().flat_map(|b| programs.iter().map(move |p| (p, *b))) {
        let on = |threads| LimitArgs { threads, ..args.limits };
        let first = if args.check_deterministic { Some(1) } else { args.limits.threads };
        let (row, mut taken) = run_program(program, bounds, args, &on(first), scope);
        if args.check_deterministic && run_program(program, bounds, args, &on(Some(2)), scope).0 != row {
            differing.push(format!("{} ({})", row.program, row.bounds));
        }
        if text {
            lines.push(cells(&row, &taken));
            // Refusals and failures are told as they come, the table at the end.
            for refused in &row.refused {
                output::print(&format!("{} ({}): refused: {refused}\n", row.program, row.bounds));
            }
            if let Some(proof) = row.proof.as_ref().filter(|p| !p.text.is_empty()) {
                output::print(&format!("{} ({}):\n{}", row.program, row.bounds, proof.text));
            }
        }
        rows.push(row);
        times.append(&mut taken);
    }
    let totals = totals(&rows, args.check_deterministic.then_some(differing.is_empty()));
    if text {
        let right: &[usize] = if args.validate { &[2, 3, 4, 5, 6, 8, 9, 10] } else { &[2, 3] };
        output::print(&table::columns(&lines, right));
        output::print(&summary(&totals, args.validate, &times));
        if let Some(partition) = args.partition {
            output::print(&format!("{partition}: nothing is said of the other functions\n"));
        }
        if let Some(folder) = &args.evidence {
            output::print(&packages(folder, &rows));
        }
        if let Some(store) = &store {
            let (taken, folder) = (totals.taken, store.folder().display());
            output::print(&format!("proof cache: {taken} functions taken from {folder}; they rest on it\n"));
        }
        if args.check_deterministic {
            let what = if args.validate { "bytes and verdicts" } else { "bytes" };
            output::print(&match differing.is_empty() {
                true => format!("twice the same {what}, on one thread and on two\n"),
                false => format!("not the same {what} twice: {}\n", differing.join(", ")),
            });
        }
        output::print_error(&hint(&missing));
    } else {
        let validated = args.validate;
        output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "corpus run",
            validated,
            partition: args.partition.map(|p| p.to_string()),
            programs: &rows,
            totals: &totals,
            not_fetched: &missing,
        });
    }
    let is_open = |row: &Row| row.evidence.as_ref().is_some_and(|e| !e.open.is_empty());
    let fine = totals.failures == 0 && differing.is_empty() && !rows.iter().any(is_open);
    Ok(if fine { Status::Done } else { Status::NotProved })
}

/// What was written as evidence, how long that took beside the proofs, and what is open.
fn packages(folder: &Path, rows: &[Row]) -> String {
    let written: Vec<&Written> = rows.iter().filter_map(|row| row.evidence.as_ref()).collect();
    let sum = |of: fn(&Written) -> usize| written.iter().map(|w| of(w)).sum::<usize>();
    let mut text = format!(
        "evidence: {} packages in {}, {} files, {:.1} MB, made in {:.2} s beyond the proofs\n",
        written.len(),
        folder.display(),
        sum(|w| w.files),
        sum(|w| w.bytes) as f64 / 1e6,
        written.iter().map(|w| w.time).sum::<Duration>().as_secs_f64()
    );
    for (number, solver) in written.first().map_or(&[][..], |w| &w.solvers).iter().enumerate() {
        let sum = |of: fn(&SolverAgreement) -> u32| written.iter().map(|w| of(&w.solvers[number])).sum::<u32>();
        text += &format!(
            "{} {}: {} agreed, {} unknown, {} disagreed, {} failed\n",
            solver.solver,
            solver.version,
            sum(|s| s.agreed),
            sum(|s| s.unknown),
            sum(|s| s.disagreed),
            sum(|s| s.failed)
        );
    }
    for (w, why) in written.iter().flat_map(|w| w.open.iter().map(move |why| (w, why))) {
        text += &format!("  open in {}: {why}\n", w.folder.display());
    }
    text
}

fn summary(totals: &Totals, validated: bool, times: &[Duration]) -> String {
    let Totals { programs, functions, code_bytes, failures, .. } = totals;
    if !validated {
        return format!(
            "{programs} programs, {functions} functions, {code_bytes} bytes of code, {failures} not compiled\n"
        );
    }
    format!(
        "{programs} programs, {} of {functions} functions proved, {failures} failures, {code_bytes} bytes of code\n\
         {} obligations ({})\nproof time per function: median {}, 95 % at most {}, total {:.2} s\n",
        totals.proved,
        totals.obligations,
        table::rungs(&totals.rungs),
        milliseconds(percentile(times, 50)),
        milliseconds(percentile(times, 95)),
        times.iter().sum::<Duration>().as_secs_f64()
    )
}
