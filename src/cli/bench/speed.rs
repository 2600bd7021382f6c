//! `synth bench speed`: compile and proof speed over the corpus, beside the budgets. It writes nothing, and no clock decides
//! its exit code.

use crate::cli::compile::{CodeArgs, build_on, start_threads};
use crate::cli::diagnostic::Diagnostic;
use crate::cli::programs::{Program, ProgramArgs, hint, percentile, programs};
use crate::cli::proof::{LimitArgs, Scope, compile_and_prove};
use crate::cli::{Format, JSON_SCHEMA, Status, output, table};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Arguments of `synth bench speed`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    code: CodeArgs,
    /// Compile the corpus this many times
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    #[command(flatten)]
    limits: LimitArgs,
}

/// A measured value beside its budget.
#[derive(Serialize)]
struct Measured {
    name: &'static str,
    value: f64,
    unit: &'static str,
    budget: f64,
    /// Value by budget.
    ratio: f64,
    /// Whether more is better.
    at_least: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    threads: usize,
    programs: usize,
    functions: usize,
    proved: u32,
    not_compiled: &'a [String],
    obligations: u32,
    obligations_per_rung: &'a BTreeMap<String, u32>,
    measured: &'a [Measured],
}

fn measured(name: &'static str, value: f64, unit: &'static str, budget: f64, at_least: bool) -> Measured {
    Measured { name, value, unit, budget, ratio: value / budget, at_least }
}

/// The greatest resident memory of this process so far, in bytes, where the system tells.
fn memory_bytes_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Compiles all programs, one after the other; bytes of wasm per second.
///
/// # Errors
/// The system has no more threads.
fn compile_speed(programs: &[Program], args: &Args) -> Result<f64, Diagnostic> {
    let threads = start_threads(args.limits.threads())?;
    let start = Instant::now();
    let mut bytes = 0;
    for _ in 0..args.rounds {
        for program in programs {
            if build_on(&threads, &program.module, &args.code.options()).is_ok() {
                bytes += program.module.bytes.len();
            }
        }
    }
    Ok(bytes as f64 / start.elapsed().as_secs_f64())
}

/// Runs the command.
///
/// # Errors
/// A corpus that cannot be read.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let (programs, missing) = programs(&args.programs)?;
    let speed = compile_speed(&programs, args)?;
    let (mut times, mut rungs, mut failed) = (Vec::new(), BTreeMap::new(), Vec::new());
    let (mut obligations, mut proved) = (0, 0);
    let start = Instant::now();
    for program in &programs {
        let options = args.code.options();
        let path = Path::new("(compiled)");
        let attempt = compile_and_prove(&program.module, path, options, &args.limits, Scope::default());
        let Ok((_, proof, _)) = attempt else {
            failed.push(program.name.clone());
            continue;
        };
        times.extend(proof.times());
        proved += proof.certificate.totals.proved;
        obligations += proof.certificate.totals.obligations;
        for (rung, n) in proof.certificate.totals.rungs {
            *rungs.entry(rung).or_default() += n;
        }
    }
    let wall = start.elapsed();
    // Source of the budgets: docs, "Budgets".
    let ms = |t: Duration| t.as_secs_f64() * 1e3;
    let mut values = vec![
        measured("compile without proofs", speed / 1e6, "MB/s of wasm", 1.0, true),
        measured("proof per function, median", ms(percentile(&times, 50)), "ms", 5.0, false),
        measured("proof per function, 95 %", ms(percentile(&times, 95)), "ms", 100.0, false),
        measured("compile and prove all", wall.as_secs_f64(), "s", 60.0, false),
    ];
    if let Some(bytes) = memory_bytes_peak() {
        values.push(measured("peak memory", bytes as f64 / f64::from(1 << 20), "MiB", 1024.0, false));
    }
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "bench speed",
            threads: args.limits.threads(),
            programs: programs.len(),
            functions: times.len(),
            proved,
            not_compiled: &failed,
            obligations,
            obligations_per_rung: &rungs,
            measured: &values,
        }),
        Format::Text => {
            let mut rows = vec![["", "measured", "budget", "ratio"].map(String::from).to_vec()];
            rows.extend(values.iter().map(|m| {
                let sign = if m.at_least { ">=" } else { "<=" };
                vec![
                    m.name.to_string(),
                    format!("{:.2} {}", m.value, m.unit),
                    format!("{sign} {} {}", m.budget, m.unit),
                    format!("{:.3}", m.ratio),
                ]
            }));
            output::print(&table::columns(&rows, &[3]));
            let threads = args.limits.threads();
            output::print(&format!(
                "{} programs, {proved} of {} functions proved, {threads} threads; {obligations} obligations ({})\n",
                programs.len(),
                times.len(),
                table::rungs(&rungs)
            ));
            if cfg!(debug_assertions) {
                output::print("this is a development build; budgets are for `cargo build --release`\n");
            }
            if !failed.is_empty() {
                output::print(&format!("not compiled: {}\n", failed.join(", ")));
            }
            output::print_error(&hint(&missing));
        }
    }
    Ok(Status::Done)
}
