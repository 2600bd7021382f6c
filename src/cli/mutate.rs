//! `synth mutate` and `synth corpus mutate`: the validator's verdicts on changed objects, beside executions.

use super::compile::CodeArgs;
use super::diagnostic::Diagnostic;
use super::programs::{ProgramArgs, hint, programs};
use super::{JSON_SCHEMA, Status, input, output};
use crate::mutate::{Execution, Kind, MutateError, Outcome, Request, of_module, of_object};
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `synth mutate`.
#[derive(clap::Args)]
pub struct Args {
    /// Module, binary or .wat text
    input: PathBuf,
    /// Its object; all of it is to be proved
    object: PathBuf,
    /// How many mutants
    #[arg(short = 'n', long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    #[command(flatten)]
    request: RequestArgs,
}

/// Arguments of `synth corpus mutate`.
#[derive(clap::Args)]
pub struct OverCorpus {
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    code: CodeArgs,
    /// How many mutants, shared among the programs
    #[arg(short = 'n', long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    #[command(flatten)]
    request: RequestArgs,
}

#[derive(clap::Args)]
struct RequestArgs {
    /// Seed: the same mutants and inputs for the same seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Inputs for each mutant that is not refuted
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    inputs: u32,
    /// Print every mutant that is proved, and how
    #[arg(long)]
    list_proved: bool,
    /// Threads; results do not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

/// Forms of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// A page of the documentation
    Document,
    /// For machines
    Json,
}

impl RequestArgs {
    fn request(&self, count: u32) -> Request {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        let threads = self.threads.map_or_else(cores, usize::from);
        Request { count, seed: self.seed, threads, inputs: self.inputs }
    }
    fn format(&self) -> super::Format {
        if self.format == Form::Json { super::Format::Json } else { super::Format::Text }
    }
}

impl Args {
    /// Form of errors.
    pub fn format(&self) -> super::Format {
        self.request.format()
    }
}

impl OverCorpus {
    /// Form of errors.
    pub fn format(&self) -> super::Format {
        self.request.format()
    }
}

/// Counts of a kind of mutants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Row {
    mutants: u32,
    /// The object is not read.
    refused: u32,
    unsupported: u32,
    refuted: u32,
    /// Not proved, and a run differs.
    unknown_differs: u32,
    /// Not proved, and no run differs.
    unknown: u32,
    /// Proved, and read as the right object is.
    same: u32,
    /// Proved, and all runs agree.
    proved: u32,
    /// Of these, executed through what was changed.
    reached: u32,
    /// Proved, and a run differs: a defect of the validator.
    wrong: u32,
}

impl Row {
    fn count(&mut self, outcome: &Outcome) {
        self.mutants += 1;
        let differs = matches!(outcome.execution, Execution::Differs(_));
        let cell = match (outcome.verdict, &outcome.execution) {
            ("Proved", Execution::Same) => &mut self.same,
            ("Proved", _) if differs => &mut self.wrong,
            ("Proved", _) => &mut self.proved,
            ("refused", _) => &mut self.refused,
            ("Unsupported", _) => &mut self.unsupported,
            ("Refuted", _) => &mut self.refuted,
            _ if differs => &mut self.unknown_differs,
            _ => &mut self.unknown,
        };
        *cell += 1;
        if let ("Proved", Execution::Agrees { reached: 1.., .. }) = (outcome.verdict, &outcome.execution) {
            self.reached += 1;
        }
    }
    fn add(&mut self, other: &Row) {
        for (a, b) in self.cells_mut().into_iter().zip(other.cells()) {
            *a += b;
        }
    }
    fn cells(&self) -> [u32; 10] {
        let mut row = *self;
        row.cells_mut().map(|c| *c)
    }
    fn cells_mut(&mut self) -> [&mut u32; 10] {
        [
            &mut self.mutants,
            &mut self.refused,
            &mut self.unsupported,
            &mut self.refuted,
            &mut self.unknown_differs,
            &mut self.unknown,
            &mut self.same,
            &mut self.proved,
            &mut self.reached,
            &mut self.wrong,
        ]
    }
}

const HEAD: [&str; 11] = [
    "changed",
    "mutants",
    "not read",
    "Unsupported",
    "Refuted",
    "Unknown, run differs",
    "Unknown, runs agree",
    "Proved: reads the same",
    "Proved: runs agree",
    "of these run through",
    "Proved: run differs",
];

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    seed: u64,
    kinds: BTreeMap<&'static str, Row>,
    total: Row,
    /// All that are proved but read differently, and all that are wrong.
    proved: Vec<&'a (String, Outcome)>,
    not_examined: &'a [String],
}

/// Runs `synth mutate`.
///
/// # Errors
/// Bad input.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let module = input::module(&args.input)?;
    let object = input::object(&args.object)?;
    let outcomes = of_object(&module.bytes, &object, &args.request.request(args.count));
    let outcomes = outcomes.map_err(|e| match e {
        MutateError::Input(text) => Diagnostic::new(text).file(&args.object),
        MutateError::NotProved(text) => {
            let mut diagnostic = Diagnostic::new(format!("the object itself is not proved: {text}")).file(&args.object);
            diagnostic.exit_code = 1;
            diagnostic.help("synth validate says why")
        }
    })?;
    let name = args.input.file_stem().map_or(String::new(), |n| n.to_string_lossy().into_owned());
    let all: Vec<(String, Outcome)> = outcomes.into_iter().map(|o| (name.clone(), o)).collect();
    Ok(report("mutate", &all, &[], &args.request))
}

/// Runs `synth corpus mutate`.
///
/// # Errors
/// A corpus that cannot be read.
pub fn corpus(args: &OverCorpus) -> Result<Status, Diagnostic> {
    let (programs, missing) = programs(&args.programs)?;
    output::print_error(&hint(&missing));
    let share = args.count.div_ceil(programs.len().max(1) as u32);
    let bar = output::progress(programs.len() as u64, "mutants");
    let (mut all, mut not) = (Vec::new(), Vec::new());
    for program in &programs {
        bar.set_message(program.name.clone());
        match of_module(&program.module.bytes, &args.code.options(), &args.request.request(share)) {
            Ok(outcomes) => all.extend(outcomes.into_iter().map(|o| (program.name.clone(), o))),
            Err(MutateError::Input(text) | MutateError::NotProved(text)) => {
                not.push(format!("{}: {text}", program.name));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(report("corpus mutate", &all, &not, &args.request))
}

fn report(command: &'static str, all: &[(String, Outcome)], not: &[String], args: &RequestArgs) -> Status {
    let mut kinds: BTreeMap<Kind, Row> = BTreeMap::new();
    let mut total = Row::default();
    for (_, outcome) in all {
        kinds.entry(outcome.kind).or_default().count(outcome);
    }
    kinds.values().for_each(|row| total.add(row));
    let is_telling = |o: &Outcome| o.is_unsound() || o.verdict == "Proved" && o.execution != Execution::Same;
    match args.format {
        Form::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command,
            seed: args.seed,
            kinds: kinds.iter().map(|(k, row)| (k.name(), *row)).collect(),
            total,
            proved: all.iter().filter(|(_, o)| is_telling(o)).collect(),
            not_examined: not,
        }),
        Form::Text | Form::Document => {
            if args.format == Form::Document {
                output::print(&format!(
                    "<!-- Generated by `make mutants`. -->\n# Mutants\n\n{} mutants, seed {}, {} inputs for each that is not refuted; {} \
                     are proved and do something else.\n\n",
                    total.mutants, args.seed, args.inputs, total.wrong
                ));
            }
            output::print(&table(&kinds, &total, args.format == Form::Document));
            let listed = |o: &Outcome| o.is_unsound() || args.list_proved && is_telling(o);
            for (program, outcome) in all.iter().filter(|(_, o)| listed(o)) {
                let runs = match &outcome.execution {
                    Execution::Differs(text) => format!("WRONG: {text}"),
                    Execution::Agrees { inputs, reached } => format!("{inputs} inputs agree, {reached} run through it"),
                    Execution::Same => String::new(),
                    Execution::NotRun(text) => format!("not run: {text}"),
                };
                output::print(&format!("proved: {program}: {}: {}: {runs}\n", outcome.kind.name(), outcome.what));
            }
        }
    }
    not.iter().for_each(|text| output::print_error(&format!("not examined: {text}\n")));
    let panicked = all.iter().any(|(_, o)| o.detail.contains("panicked"));
    match total.wrong == 0 && not.is_empty() && !panicked && total.mutants > 0 {
        true => Status::Done,
        false => Status::NotProved,
    }
}

fn table(kinds: &BTreeMap<Kind, Row>, total: &Row, is_markdown: bool) -> String {
    let cells = |name: &str, row: &Row| {
        std::iter::once(name.to_string()).chain(row.cells().map(|n| n.to_string())).collect::<Vec<_>>()
    };
    let mut lines: Vec<Vec<String>> = vec![HEAD.map(String::from).to_vec()];
    lines.extend(kinds.iter().map(|(kind, row)| cells(kind.name(), row)));
    lines.push(cells("all", total));
    if !is_markdown {
        return super::table::columns(&lines, &(1..HEAD.len()).collect::<Vec<_>>());
    }
    let mut text = String::new();
    for (i, line) in lines.iter().enumerate() {
        let _ = writeln!(text, "| {} |", line.join(" | "));
        if i == 0 {
            let _ = writeln!(text, "|---{}|", "|---:".repeat(HEAD.len() - 1));
        }
    }
    text
}
