//! `synth optimize`: a module to a smaller one, every change proved.

use super::diagnostic::Diagnostic;
use super::paths::Paths;
use super::proof::LimitArgs;
use super::{Format, JSON_SCHEMA, Status, input, output, table};
use crate::optimize::{Optimized, Options, optimize};
use crate::refusal::Refusal;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use synth_validator::certificate::sha256;

/// Arguments of `synth optimize`.
#[derive(clap::Args)]
pub struct Args {
    /// Module, binary or .wat text
    input: PathBuf,
    /// Module to write
    #[arg(short, long)]
    output: PathBuf,
    /// Show what became of every function, and what each pass did
    #[arg(long)]
    stats: bool,
    /// Leave calls as they are
    #[arg(long)]
    no_inline: bool,
    /// Write what the proof starts from into this file, for `synth refine --witness`
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    #[command(flatten)]
    limits: LimitArgs,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    input: &'a Path,
    output: &'a Path,
    before_sha256: String,
    after_sha256: String,
    /// Bytes of the module.
    module_bytes: [usize; 2],
    /// Bytes of all bodies.
    code_bytes: [usize; 2],
    rounds: usize,
    /// Functions to which each pass was applied, summed over the rounds.
    applied: &'a BTreeMap<&'static str, usize>,
    refused: &'a [Refusal],
    dropped_sections: &'a [String],
    functions: Vec<Function>,
}

/// What became of a function.
#[derive(Serialize)]
struct Function {
    index: u32,
    name: String,
    bytes: [usize; 2],
    inlined: usize,
    uncalled: bool,
    verdict: &'static str,
    /// Why it is not smaller still.
    kept: String,
}

/// Bytes of all bodies, before and after.
fn code_bytes(optimized: &Optimized) -> [usize; 2] {
    let sum = |bytes: fn(&crate::optimize::Outcome) -> usize| optimized.outcomes.iter().map(bytes).sum();
    [sum(|o| o.bytes_before), sum(|o| o.bytes_after)]
}

fn functions(optimized: &Optimized) -> Vec<Function> {
    let function = |o: &crate::optimize::Outcome| Function {
        index: o.index,
        name: o.name.clone(),
        bytes: [o.bytes_before, o.bytes_after],
        inlined: o.inlined,
        uncalled: o.uncalled,
        verdict: "Proved",
        kept: o.kept.to_string(),
    };
    optimized.outcomes.iter().map(function).collect()
}

/// Tables for people.
fn statistics(optimized: &Optimized) -> String {
    let mut text = String::new();
    let mut rows = vec![["function", "name", "before", "after", "inlined", "kept because"].map(String::from).to_vec()];
    for o in &optimized.outcomes {
        let kept = if o.uncalled { "uncalled".to_string() } else { o.kept.to_string() };
        let numbers = [o.bytes_before, o.bytes_after, o.inlined].map(|n| n.to_string());
        let mut row = vec![o.index.to_string(), table::tidy(&o.name)];
        row.extend(numbers);
        row.push(kept);
        rows.push(row);
    }
    text.push_str(&table::columns(&rows, &[0, 2, 3, 4]));
    for (name, count) in &optimized.applied {
        let _ = writeln!(text, "{name}: applied {count} times");
    }
    for r in &optimized.refusals {
        let _ = writeln!(text, "refused: {} in {}: {}: {}", r.pass, table::tidy(&r.name), r.verdict, r.detail);
    }
    for name in &optimized.dropped {
        let _ = writeln!(text, "section {} is left out: it speaks of code by offset", table::tidy(name));
    }
    text
}

/// Runs the command.
///
/// # Errors
/// Bad input; what cannot be written.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    Paths::new(&args.input)
        .file("the output", Some(&args.output))?
        .file("the file of --witness", args.witness.as_deref())?;
    let module = input::module(&args.input)?;
    let options = Options {
        inline: !args.no_inline,
        limits: args.limits.limits(),
        threads: args.limits.threads(),
        ..Options::default()
    };
    let optimized =
        optimize(&module.bytes, &options).map_err(|e| Diagnostic::compile(&e, &module.path, &module.bytes))?;
    if let Some(file) = &args.witness {
        input::write_whole(file, &optimized.rounds.encode())?;
    }
    input::write_whole(&args.output, &optimized.module)?;
    let [before, after] = code_bytes(&optimized);
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "optimize",
            input: &args.input,
            output: &args.output,
            before_sha256: sha256(&module.bytes),
            after_sha256: sha256(&optimized.module),
            module_bytes: [module.bytes.len(), optimized.module.len()],
            code_bytes: [before, after],
            rounds: optimized.rounds.0.len(),
            applied: &optimized.applied,
            refused: &optimized.refusals,
            dropped_sections: &optimized.dropped,
            functions: functions(&optimized),
        }),
        Format::Text => {
            if args.stats {
                output::print(&statistics(&optimized));
            }
            let changed = optimized.outcomes.iter().filter(|o| o.bytes_after != o.bytes_before).count();
            let total = optimized.outcomes.len();
            let ratio = after as f64 / before.max(1) as f64;
            output::print(&format!(
                "{}: {changed} of {total} functions changed, all proved; {before} bytes of code before, {after} after ({ratio:.3})\n",
                args.output.display(),
            ));
            output::print(&table::assumptions(optimized.reports.iter().flatten().map(|t| &t.report)));
        }
    }
    Ok(Status::Done)
}
