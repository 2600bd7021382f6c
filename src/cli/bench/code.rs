//! `synth bench code`: the corpus' code beside what other compilers emit for the same source.

use super::report::{self, Form};
use crate::bench::compare::{Choice, Comparison, Entry, compare};
use crate::bench::measure::{Laboratory, Measured};
use crate::bench::peer::Peer;
use crate::bench::summary::{Budgeted, METRICS, Summary, budgets, summary};
use crate::bench::{build, compare as builds, plot};
use crate::cli::compile::BoundsArg;
use crate::cli::diagnostic::Diagnostic;
use crate::cli::programs::{CorpusArgs, sources};
use crate::cli::{Format, JSON_SCHEMA, Status, input, output};
use crate::pass::Level;
use crate::simulator::observation::RunError;
use rayon::prelude::*;
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Arguments of `synth bench code`.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    programs: CorpusArgs,
    /// Optimization level of all compilers; both if left out
    #[arg(short = 'O', value_name = "LEVEL", value_enum)]
    level: Option<LevelArg>,
    /// What synth's code does on accesses outside of linear memory
    #[arg(long, value_enum, default_value_t = BoundsArg::None)]
    bounds: BoundsArg,
    /// Measure another compiler too: a shell command that makes the object $OBJECT from the module $WASM (or the C file
    /// $SOURCE) at the level $LEVEL; may be given several times
    #[arg(long, value_name = "NAME=COMMAND")]
    peer: Vec<Peer>,
    /// Print each function too
    #[arg(long)]
    functions: bool,
    /// Draw the ratios into this SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Keep modules and linked images in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Threads [default: one per processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = CodeFormat::Text)]
    format: CodeFormat,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum CodeFormat {
    /// For people
    Text,
    /// For machines
    Json,
    /// As a page
    Markdown,
}

/// Levels that compilers have in common.
#[derive(Clone, Copy, clap::ValueEnum)]
enum LevelArg {
    #[value(name = "2")]
    Two,
    #[value(name = "s")]
    Size,
}

impl Args {
    /// The form of errors.
    pub fn format(&self) -> Format {
        if self.format == CodeFormat::Json { Format::Json } else { Format::Text }
    }

    fn levels(&self) -> Vec<Level> {
        match self.level {
            None => vec![Level::O2, Level::Os],
            Some(LevelArg::Two) => vec![Level::O2],
            Some(LevelArg::Size) => vec![Level::Os],
        }
    }
}

fn failed(error: &RunError) -> Diagnostic {
    Diagnostic::new(error.to_string())
}

/// Runs the command.
///
/// # Errors
/// A corpus that cannot be read; a tool that is missing or fails.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let taken = [
        builds::SYNTH,
        builds::CHECKED,
        builds::NATIVE,
        builds::NATIVE_INLINING,
        builds::WASM2C,
        builds::WASM2C_CONSTANT,
    ];
    if let Some(peer) = args.peer.iter().find(|p| taken.contains(&p.name.as_str())) {
        return Err(
            Diagnostic::new(format!("{} is the name of another build", peer.name)).help("give the peer another name")
        );
    }
    let programs = sources(&args.programs)?;
    if let Some(folder) = &args.keep {
        std::fs::create_dir_all(folder).map_err(|e| Diagnostic::file_system("make the folder", folder, &e))?;
    }
    let lab = Laboratory::new(args.keep.clone()).map_err(|e| failed(&e))?;
    let choice = Choice { bounds: args.bounds.bounds(), peers: args.peer.clone() };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.map_or(0, NonZeroUsize::get))
        .stack_size(synth_validator::prove_all::STACK_BYTES)
        .build()
        .map_err(|e| Diagnostic::new(format!("no threads: {e}")))?;
    let mut levels = Vec::new();
    for level in args.levels() {
        let bar = output::progress(programs.len() as u64, &format!("measured at {}", build::option(level)));
        let run = |program: &build::Program| {
            let done = compare(&lab, program, level, &choice);
            bar.inc(1);
            done.map_err(|e| Diagnostic::new(format!("{}: {e}", program.name)))
        };
        let done = pool.install(|| programs.par_iter().map(run).collect::<Result<Vec<_>, _>>());
        bar.finish_and_clear();
        levels.push((level, done?));
    }
    if let Some(file) = &args.plot {
        input::write_whole(file, plot::svg(&levels).as_bytes())?;
    }
    let peers: Vec<&str> = args.peer.iter().map(|p| p.name.as_str()).collect();
    match args.format {
        CodeFormat::Text => output::print(&report::report(&levels, &peers, args.functions, Form::Text)),
        CodeFormat::Markdown => {
            output::print(report::HEADING);
            output::print(&report::report(&levels, &peers, args.functions, Form::Markdown));
        }
        CodeFormat::Json => print_json(&levels, args),
    }
    let differs = levels.iter().flat_map(|(_, c)| c).flat_map(|c| &c.entries).any(|e| !e.differences.is_empty());
    Ok(if differs { Status::NotProved } else { Status::Done })
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    bounds: String,
    levels: Vec<LevelReport<'a>>,
    budgets: Vec<Budgeted>,
}

#[derive(Serialize)]
struct LevelReport<'a> {
    level: &'static str,
    programs: Vec<ProgramReport<'a>>,
    summaries: Vec<Summary>,
}

#[derive(Serialize)]
struct ProgramReport<'a> {
    program: &'a str,
    from_c: bool,
    calls: usize,
    calls_left_out: usize,
    builds: Vec<BuildReport<'a>>,
}

#[derive(Serialize)]
struct BuildReport<'a> {
    build: &'a str,
    measured: Option<&'a Measured>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_measured: Option<&'a str>,
    differences: &'a [String],
}

fn build_report(entry: &Entry) -> BuildReport<'_> {
    BuildReport {
        build: &entry.build,
        measured: entry.result.as_ref().ok(),
        not_measured: entry.result.as_ref().err().map(String::as_str),
        differences: &entry.differences,
    }
}

fn print_json(levels: &[(Level, Vec<Comparison>)], args: &Args) {
    let reports = levels.iter().map(|(level, comparisons)| {
        let references = report::all_references(args.peer.iter().map(|p| p.name.as_str()));
        let pairs = METRICS.iter().flat_map(|m| references.iter().map(move |r| (*m, *r)));
        LevelReport {
            level: build::option(*level),
            programs: comparisons
                .iter()
                .map(|c| ProgramReport {
                    program: &c.program,
                    from_c: c.from_c,
                    calls: c.calls,
                    calls_left_out: c.trapping,
                    builds: c.entries.iter().map(build_report).collect(),
                })
                .collect(),
            summaries: pairs.filter_map(|(m, r)| summary(comparisons, m, builds::SYNTH, r)).collect(),
        }
    });
    output::print_json(&Report {
        schema: JSON_SCHEMA,
        command: "bench code",
        bounds: format!("{:?}", args.bounds).to_lowercase(),
        levels: reports.collect(),
        budgets: budgets(levels),
    });
}
