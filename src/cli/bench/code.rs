//! `synth bench code`: the corpus' code beside what other compilers emit for the same source.

use crate::bench::compare::{CHECKED, Comparison, NATIVE, SYNTH, compare, functions, geometric_mean};
use crate::bench::measure::{Figures, Laboratory, Measured};
use crate::cli::compile::BoundsArg;
use crate::cli::diagnostic::Diagnostic;
use crate::cli::programs::{ProgramArgs, sources};
use crate::cli::{Format, Status, output, table};
use crate::pass::Level;
use rayon::prelude::*;
use std::num::NonZeroUsize;

/// Arguments of `synth bench code`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    programs: ProgramArgs,
    /// Optimization level of all compilers; both if left out
    #[arg(short = 'O', value_name = "LEVEL", value_enum)]
    level: Option<LevelArg>,
    /// What synth's code does on accesses outside of linear memory
    #[arg(long, value_enum, default_value_t = BoundsArg::None)]
    bounds: BoundsArg,
    /// Print each function too
    #[arg(long)]
    functions: bool,
    /// Threads [default: one per processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Levels that compilers have in common.
#[derive(Clone, Copy, clap::ValueEnum)]
enum LevelArg {
    #[value(name = "2")]
    Two,
    #[value(name = "s")]
    Size,
}

/// Runs the command.
///
/// # Errors
/// A corpus that cannot be read; a tool that is missing or fails.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let programs = sources(&args.programs)?;
    let tool = |e: crate::simulator::observation::RunError| Diagnostic::new(e.to_string());
    let lab = Laboratory::new().map_err(tool)?;
    let levels = match args.level {
        None => vec![Level::O2, Level::Os],
        Some(LevelArg::Two) => vec![Level::O2],
        Some(LevelArg::Size) => vec![Level::Os],
    };
    let threads = args.threads.map_or(0, NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(synth_validator::prove_all::STACK_BYTES)
        .build()
        .map_err(|e| Diagnostic::new(format!("no threads: {e}")))?;
    for level in levels {
        let bar = output::progress(programs.len() as u64, "measured");
        let run = |program| {
            let done = compare(&lab, program, level, args.bounds.bounds());
            bar.inc(1);
            done.map_err(|e| Diagnostic::new(format!("{}: {e}", program.name)))
        };
        let done = pool.install(|| programs.par_iter().map(run).collect::<Result<Vec<_>, _>>());
        bar.finish_and_clear();
        output::print(&text(&done?, level, args.functions));
    }
    Ok(Status::Done)
}

fn ratio(left: u64, right: u64) -> f64 {
    left as f64 / right as f64
}

/// Executed instructions and bytes of two builds and their ratios.
fn cells(name: &str, left: &Figures, right: &Figures) -> Vec<String> {
    let two = |l: u64, r: u64| [l.to_string(), r.to_string(), format!("{:.3}", ratio(l, r))];
    let mut row = vec![name.to_string()];
    row.extend(two(left.executed, right.executed));
    row.extend(two(left.bytes, right.bytes));
    row
}

fn text(comparisons: &[Comparison], level: Level, by_function: bool) -> String {
    let option = crate::bench::build::option(level);
    let mut out = format!("{option}: executed instructions and bytes, synth beside native {option}\n");
    let mut rows = vec![["", "synth", "native", "ratio", "bytes", "native", "ratio"].map(String::from).to_vec()];
    let mut pairs: Vec<(&Measured, &Measured)> = Vec::new();
    for c in comparisons {
        let (Some(synth), Some(native)) = (c.measured(SYNTH), c.measured(NATIVE)) else {
            continue;
        };
        rows.push(cells(&c.program, &synth.total, &native.total));
        pairs.push((synth, native));
        if by_function {
            for (name, [left, right]) in functions(synth, native) {
                rows.push(cells(&format!("  {name}"), left, right));
            }
        }
    }
    let mean = |of: fn(&Measured) -> u64| {
        let ratios = pairs.iter().map(|(l, r)| ratio(of(l), of(r)));
        geometric_mean(ratios).map_or("-".to_string(), |m| format!("{m:.3}"))
    };
    let blank = String::new;
    rows.push(vec![
        "geometric mean".to_string(),
        blank(),
        blank(),
        mean(|m| m.total.executed),
        blank(),
        blank(),
        mean(|m| m.total.bytes),
    ]);
    out += &table::columns(&rows, &[1, 2, 3, 4, 5, 6]);
    let checks = comparisons
        .iter()
        .filter_map(|c| Some(ratio(c.measured(CHECKED)?.total.executed, c.measured(SYNTH)?.total.executed)));
    if let Some(mean) = geometric_mean(checks) {
        out += &format!("executed instructions with software bounds checks: {mean:.3} x\n");
    }
    for reference in [NATIVE, crate::bench::compare::WASM2C, crate::bench::compare::WASM2C_CONSTANT] {
        let both: Vec<(&Measured, &Measured)> =
            comparisons.iter().filter_map(|c| c.measured(SYNTH).zip(c.measured(reference))).collect();
        let m = |of: fn(&Measured) -> u64| geometric_mean(both.iter().map(|(l, r)| ratio(of(l), of(r)))).unwrap_or(0.0);
        out += &format!(
            "{reference}: {} programs, executed {:.3}, bytes {:.3}\n",
            both.len(),
            m(|m| m.total.executed),
            m(|m| m.total.bytes)
        );
    }
    for c in comparisons {
        for entry in &c.entries {
            if let Err(reason) = &entry.result {
                out += &format!("{} {}: not measured: {reason}\n", c.program, entry.build);
            }
            for difference in entry.differences.iter().take(3) {
                out += &format!("{} {}: DIFFERS: {difference}\n", c.program, entry.build);
            }
        }
    }
    out
}
