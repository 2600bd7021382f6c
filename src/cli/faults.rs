//! `synth faults`: switches faults of the compiler on over the corpus, to see whether the validator catches them. Only in builds with
//! the feature `faults`. The programs of the known miscompiles are always among those that are compiled.

use super::diagnostic::Diagnostic;
use super::programs::{CorpusArgs, sources};
use super::{JSON_SCHEMA, Status, input, output, table};
use crate::examination::Program;
use crate::examination::matrix::{Found, Matrix, Subject};
use crate::examination::miscompiles::{Case, cases};
use crate::faults::ALL;
use crate::pipeline::Options;
use crate::simulator::vectors;
use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;
use synth_validator::prove_all::STACK_BYTES;

/// Arguments of `synth faults`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    corpus: CorpusArgs,
    /// This module as well, with the calls of the .vec file beside it if there is one; may be given several times
    #[arg(long, value_name = "FILE")]
    module: Vec<PathBuf>,
    /// Only this fault; may be given several times
    #[arg(long, value_name = "NAME", value_parser = names())]
    fault: Vec<String>,
    /// Show what was found in each program
    #[arg(long)]
    details: bool,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Form::Text)]
    form: Form,
}

/// How the matrix is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// For machines
    Json,
    /// For docs/conformance/faults.md
    Markdown,
}

/// Accepts the names of faults.
pub fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(ALL.iter().map(|f| PossibleValue::new(f.name)))
}

/// The fault with a name that [`names`] accepted.
pub fn named(name: &str) -> &'static str {
    crate::faults::named(name).expect("invariant: arguments are names of faults").name
}

/// Runs the command.
///
/// # Errors
/// A corpus that cannot be read.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let mut programs = Vec::new();
    for source in sources(&args.corpus)? {
        let text = String::from_utf8_lossy(&input::read(&source.script)?).into_owned();
        let script = vectors::parse(&text).map_err(|e| Diagnostic::new(e.to_string()).file(&source.script))?;
        let wasm = input::module(&source.wasm)?.bytes;
        programs.push(Program { name: source.name, wasm, script, options: Options::default() });
    }
    for path in &args.module {
        let vectors = path.with_extension("vec");
        let text = if vectors.exists() { input::read(&vectors)? } else { Vec::new() };
        let script = vectors::parse(&String::from_utf8_lossy(&text));
        let script = script.map_err(|e| Diagnostic::new(e.to_string()).file(&vectors))?;
        let name = path.with_extension("").to_string_lossy().into_owned();
        programs.push(Program { name, wasm: input::module(path)?.bytes, script, options: Options::default() });
    }
    let cases = cases(&args.corpus.folder().join("miscompiles")).map_err(Diagnostic::new)?;
    programs.extend(cases.into_iter().filter_map(Case::into_program));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.unwrap_or(0)).stack_size(STACK_BYTES).build();
    let pool = pool.map_err(|e| Diagnostic::new(format!("no threads: {e}")))?;
    // Checks of the compiler that stop it are results here.
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(|_| {}));
    }
    let matrix = pool.install(|| {
        let subjects =
            programs.into_iter().map(Subject::new).collect::<Result<Vec<_>, _>>().map_err(Diagnostic::new)?;
        let wanted = |name: &str| args.fault.is_empty() || args.fault.iter().any(|f| f == name);
        let bar = output::progress(ALL.iter().filter(|f| wanted(f.name)).count() as u64, "examining");
        let done = |fault: &crate::faults::Fault| {
            bar.set_message(fault.name);
            bar.inc(1);
        };
        let matrix = Matrix::new(&subjects, |f| wanted(f.name), &done);
        bar.finish_and_clear();
        Ok::<_, Diagnostic>(matrix)
    })?;
    let failures = matrix.failures();
    match args.form {
        Form::Text => {
            output::print(&text(&matrix, args.details));
            failures.iter().for_each(|f| output::print(&format!("{f}\n")));
        }
        Form::Json => output::print_json(&report(&matrix, &failures)),
        Form::Markdown => output::print(&markdown(&matrix)),
    }
    Ok(if failures.is_empty() { Status::Done } else { Status::NotProved })
}

/// What is said of the first cell that tells most.
fn telling(found: &[Found], programs: &[String]) -> String {
    let detail = |f: &Found| match f {
        Found::Refuted(what) | Found::NotProved(what) | Found::Stopped(what) | Found::Unsound(what) => what.clone(),
        Found::Panic => "a panic, which RUST_BACKTRACE=1 shows".to_string(),
        Found::NotReached | Found::Harmless { .. } => String::new(),
    };
    let rank = |f: &Found| match f {
        Found::Unsound(_) | Found::Panic => 0,
        Found::Refuted(_) => 1,
        Found::NotProved(_) => 2,
        Found::Stopped(_) => 3,
        Found::Harmless { .. } | Found::NotReached => 4,
    };
    let first = programs.iter().zip(found).min_by_key(|(_, f)| rank(f)).filter(|(_, f)| rank(f) < 4);
    first.map_or(String::new(), |(program, f)| format!("{program}: {}", detail(f)))
}

fn counts(found: &[Found]) -> [usize; 5] {
    let count = |letter: char| found.iter().filter(|f| f.letter() == letter).count();
    ['R', 'n', 's', 'h', '.'].map(count)
}

const HEAD: [&str; 5] = ["refuted", "not proved", "stopped", "harmless", "not reached"];

fn text(matrix: &Matrix, details: bool) -> String {
    let mut rows = vec![["fault"].iter().chain(&HEAD).chain(&["first"]).map(|c| c.to_string()).collect::<Vec<_>>()];
    let mut more = String::new();
    for (fault, found) in &matrix.rows {
        let mut row = vec![fault.name.to_string()];
        row.extend(counts(found).map(|n| n.to_string()));
        row.push(telling(found, &matrix.programs));
        rows.push(row);
        for (program, found) in matrix.programs.iter().zip(found).filter(|(_, f)| details && **f != Found::NotReached) {
            let _ = writeln!(more, "{} in {program}: {found:?}", fault.name);
        }
    }
    more + &table::columns(&rows, &[1, 2, 3, 4, 5])
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    programs: &'a [String],
    faults: Vec<Row>,
    failures: &'a [String],
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    stage: String,
    file: &'static str,
    what: &'static str,
    /// A letter for each program: R refuted, n not proved, s stopped, h harmless, . not reached, ! proved and wrong, p
    /// the validator panics.
    programs: String,
}

fn report<'a>(matrix: &'a Matrix, failures: &'a [String]) -> Report<'a> {
    let row = |(fault, found): &(&'static crate::faults::Fault, Vec<Found>)| Row {
        name: fault.name,
        stage: fault.stage.to_string(),
        file: fault.file,
        what: fault.what,
        programs: found.iter().map(Found::letter).collect(),
    };
    let faults = matrix.rows.iter().map(row).collect();
    Report { schema: JSON_SCHEMA, command: "faults", programs: &matrix.programs, faults, failures }
}

fn markdown(matrix: &Matrix) -> String {
    let caught = matrix.rows.iter().filter(|(_, found)| found.iter().any(Found::is_caught)).count();
    let calls: usize = matrix
        .rows
        .iter()
        .flat_map(|(_, found)| found)
        .map(|f| match f {
            Found::Harmless { calls } => *calls,
            _ => 0,
        })
        .sum();
    let total = |letter: char| matrix.count(|f| f.letter() == letter);
    let mut out = format!(
        "<!-- Generated by `make faults`. -->\n# Faults\n\n\
         Each fault of `src/faults.rs`, switched on alone, over {} programs: {caught} of {} faults are caught by the validator.\n\
         {} objects are refuted by an execution that differs or by their image (R), {} are not proved (n), {} never come to be because a\n\
         check of the compiler stops it (s). {} differ from the right ones and are as right (h): they are proved, and {calls} calls of their\n\
         vectors agree between the interpreters of WebAssembly and of Arm, in results, traps, calls of imports, memory and globals.\n\
         {} are the same bytes (.). {} are proved and wrong (!), the validator panics at {} (p).\n\n\
         | Part | Fault | What is done wrong | R | n | s | h | . | For example |\n|---|---|---|---:|---:|---:|---:|---:|---|\n",
        matrix.programs.len(),
        matrix.rows.len(),
        total('R'),
        total('n'),
        total('s'),
        total('h'),
        total('.'),
        total('!'),
        total('p'),
    );
    for (fault, found) in &matrix.rows {
        let numbers = counts(found).map(|n| n.to_string()).join(" | ");
        let first = telling(found, &matrix.programs).replace('|', "\\|");
        let _ = writeln!(out, "| {} | `{}` | {} | {numbers} | {first} |", fault.stage, fault.name, fault.what);
    }
    let width = matrix.rows.iter().map(|(f, _)| f.name.len()).max().unwrap_or(0);
    out += "\n## By program\n\nA column for each program, in this order:\n\n";
    out += &format!("{}.\n\n```text\n", matrix.programs.join(", "));
    for (fault, found) in &matrix.rows {
        let letters: String = found.iter().map(Found::letter).collect();
        let _ = writeln!(out, "{:width$}  {letters}", fault.name);
    }
    out + "```\n"
}
