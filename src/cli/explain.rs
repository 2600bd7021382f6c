//! `synth explain`: why something is not proved, on a module made as small as possible, ready to paste into a report.

use super::compile::{CodeArgs, build};
use super::diagnostic::Diagnostic;
use super::input::{self, Module};
use super::paths::Paths;
use super::proof::LimitArgs;
use super::{Format, JSON_SCHEMA, Status, output};
use crate::emit::NO_ORIGIN;
use crate::explain::columns::{Sides, side_by_side};
use crate::explain::reduce::{Effort, reduce};
use crate::explain::{Finding, Origins, Symptom, findings};
use crate::listing::operators;
use crate::simulator::board::Folder;
use serde::Serialize;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use synth_validator::refute::Recording;
use synth_validator::refute::report::Difference;
use synth_validator::wasm::reader::read;

/// Arguments of `synth explain`.
#[derive(clap::Args)]
pub struct Args {
    /// Module, binary or .wat text
    input: PathBuf,
    /// Its object, or a module that is to refine it [default: what --command or synth itself makes of the module]
    right: Option<PathBuf>,
    /// Makes $OUTPUT, an object with its claim or a module, from the module $WASM; run by sh for the module and every smaller one
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// Explain this function [default: the first one that is refuted, else the first that is not proved]
    #[arg(long, value_name = "NAME|INDEX")]
    function: Option<String>,
    /// Explain the module as it is
    #[arg(long)]
    no_reduce: bool,
    /// Mutations tried in vain before the module counts as small
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: u32,
    /// Seed of the choice of mutations
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Write the reduced module with the explanation in comments here, instead of to the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    code: CodeArgs,
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
    /// What was found; absent if everything is proved.
    #[serde(flatten)]
    explained: Option<Explained<'a>>,
}

#[derive(Serialize)]
struct Explained<'a> {
    symptom: &'a Symptom,
    /// In the reduced module.
    function: Option<u32>,
    name: &'a str,
    detail: &'a str,
    difference: Option<&'a Difference>,
    /// The module's execution and the other.
    executions: Option<&'a [Recording; 2]>,
    module_bytes: usize,
    reduced_bytes: usize,
    /// The reduced module as text.
    reduced: &'a str,
}

/// What is to refine a module, and where its code comes from.
struct Right {
    bytes: Vec<u8>,
    /// By function.
    origins: Vec<(u32, Origins)>,
}

impl Args {
    /// What synth, or the command, makes of a module.
    fn make(&self, module: &Module) -> Result<Right, Diagnostic> {
        let Some(command) = &self.command else {
            self.code.fits(module)?;
            let compiled = build(module, &self.code.options(), self.limits.threads())?;
            let known = |lines: &[(u32, u32)]| lines.iter().copied().filter(|l| l.1 != NO_ORIGIN).collect();
            let origins = compiled.functions.iter().map(|f| (f.index, known(&f.lines))).collect();
            return Ok(Right { bytes: compiled.object, origins });
        };
        let folder = Folder::new().map_err(|e| Diagnostic::new(e.to_string()))?;
        let made = folder.path().join("output");
        let wasm = folder.write("module.wasm", &module.bytes).map_err(|e| Diagnostic::new(e.to_string()))?;
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).env("WASM", &wasm).env("OUTPUT", &made).stdin(Stdio::null());
        let run = shell.output().map_err(|e| Diagnostic::new(format!("sh does not start: {e}")))?;
        match std::fs::read(&made) {
            Ok(bytes) => Ok(Right { bytes, origins: Vec::new() }),
            Err(_) => {
                let said = String::from_utf8_lossy(&run.stderr);
                let said = said.lines().next().unwrap_or("it says nothing").to_string();
                Err(Diagnostic::new(format!("the command made no $OUTPUT ({}): {said}", run.status))
                    .help("it reads the module at $WASM and writes an object or a module to $OUTPUT"))
            }
        }
    }

    fn chosen(&self, found: Vec<Finding>) -> Option<Finding> {
        let is_named = |f: &Finding| match &self.function {
            None => true,
            Some(name) => f.name == *name || f.function.is_some_and(|index| index.to_string() == *name),
        };
        let mut found: Vec<Finding> = found.into_iter().filter(is_named).collect();
        let refuted = found.iter().position(|f| f.difference.is_some());
        (!found.is_empty()).then(|| found.swap_remove(refuted.unwrap_or(0)))
    }
}

/// Runs the command.
///
/// # Errors
/// Bad input, or a command that makes nothing.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let right = args.right.as_deref();
    Paths::new(&args.input).inputs(right.into_iter()).file("the output", args.output.as_deref())?;
    let module = input::module(&args.input)?;
    if let Some(name) = &args.function {
        let declared = read(&module.bytes).map_err(|e| Diagnostic::new(e.to_string()).file(&module.path))?;
        let mut functions = 0..declared.functions.len() as u32;
        if !functions.any(|index| declared.display_name(index) == *name || index.to_string() == *name) {
            return Err(Diagnostic::new(format!("no function {name}"))
                .file(&module.path)
                .help("a name as `synth disasm` shows it, or an index"));
        }
    }
    let limits = args.limits.limits();
    let examine = |module: &[u8], right: &[u8]| {
        findings(module, right, &limits)
            .map_err(|e| Diagnostic::new(e).file(args.right.as_ref().unwrap_or(&args.input)))
    };
    let given = args.right.as_ref().map(|path| input::read(path)).transpose()?;
    // A given right side can be made again from smaller modules only by what made it.
    let is_own = match &given {
        Some(bytes) if args.command.is_none() => args.make(&module).is_ok_and(|made| made.bytes == *bytes),
        _ => true,
    };
    let right = match given {
        Some(bytes) if !is_own || args.command.is_some() => Right { bytes, origins: Vec::new() },
        _ => args.make(&module)?,
    };
    let Some(found) = args.chosen(examine(&module.bytes, &right.bytes)?) else {
        return Ok(nothing(args));
    };
    let reduces = !args.no_reduce && is_own;
    if !args.no_reduce && !is_own {
        output::print_error(
            "note: synth does not make this object from the module, so that the module cannot be made smaller; --command says what does\n",
        );
    }
    let (small, right, found) = match reduces {
        false => (module.bytes.clone(), right, found),
        true => reduced(args, &module, found, &examine)?,
    };
    let text =
        wasmprinter::print_bytes(&small).map_err(|e| Diagnostic::new(format!("the module cannot be printed: {e}")))?;
    if args.format == Format::Json {
        output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "explain",
            input: &args.input,
            explained: Some(Explained {
                symptom: &found.symptom,
                function: found.function,
                name: &found.name,
                detail: &found.detail,
                difference: found.difference.as_deref(),
                executions: found.recordings.as_ref(),
                module_bytes: module.bytes.len(),
                reduced_bytes: small.len(),
                reduced: &text,
            }),
        });
    }
    let whole = format!("{}{text}", explanation(&found, &right, module.bytes.len(), &small));
    match &args.output {
        Some(path) => {
            input::write_whole(path, whole.as_bytes())?;
            if args.format == Format::Text {
                let (name, verdict) = (&found.name, found.symptom.verdict);
                let path = path.display();
                output::print(&format!("{path}: {verdict}: {name}, module of {} bytes\n", small.len()));
            }
        }
        None if args.format == Format::Text => output::print(&whole),
        None => {}
    }
    Ok(Status::NotProved)
}

fn nothing(args: &Args) -> Status {
    match args.format {
        Format::Json => {
            output::print_json(&Report {
                schema: JSON_SCHEMA,
                command: "explain",
                input: &args.input,
                explained: None,
            });
        }
        Format::Text => match &args.function {
            None => output::print("everything is proved: there is nothing to explain\n"),
            Some(name) => output::print(&format!("nothing is open about {name}\n")),
        },
    }
    Status::Done
}

/// A smaller module with the same symptom, what is to refine it, and what is found there.
fn reduced(
    args: &Args,
    module: &Module,
    found: Finding,
    examine: &dyn Fn(&[u8], &[u8]) -> Result<Vec<Finding>, Diagnostic>,
) -> Result<(Vec<u8>, Right, Finding), Diagnostic> {
    let again = |bytes: &[u8]| {
        let candidate = Module { path: module.path.clone(), bytes: bytes.to_vec() };
        let right = args.make(&candidate).ok()?;
        let same = examine(bytes, &right.bytes).ok()?.into_iter().find(|f| f.symptom == found.symptom)?;
        Some((right, same))
    };
    if again(&module.bytes).is_none() {
        return Err(Diagnostic::new("the command does not make what is explained from the module").file(&module.path));
    }
    let bar = output::progress(0, "bytes");
    // Where no bar is seen, a line says what takes so long, and one each time that a tenth is gone.
    let told = Cell::new(module.bytes.len());
    let tell = |line: String| {
        if !output::error_is_terminal() {
            output::print_error(&line);
        }
    };
    let attempts = args.attempts;
    tell(format!(
        "making the module smaller, until {attempts} mutations in a row are in vain; each is compiled and proved again (--attempts, --no-reduce)\n"
    ));
    let smaller = |bytes: usize| {
        bar.set_message(format!("{bytes}"));
        if bytes * 10 <= told.get() * 9 {
            told.set(bytes);
            tell(format!("{bytes} bytes\n"));
        }
    };
    let effort = Effort { attempts: args.attempts, seed: args.seed };
    let small = reduce(&module.bytes, effort, &|bytes| again(bytes).is_some(), &smaller);
    bar.finish_and_clear();
    let small = small.map_err(|e| Diagnostic::new(e).file(&module.path))?;
    let (right, found) = again(&small).expect("invariant: what was kept shows the symptom");
    Ok((small, right, found))
}

/// An argument as a shell reads it.
fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !argument.is_empty() && argument.chars().all(is_plain) {
        true => argument.to_string(),
        false => format!("'{}'", argument.replace('\'', "'\\''")),
    }
}

/// The explanation, as comments of the text format.
fn explanation(found: &Finding, right: &Right, before: usize, small: &[u8]) -> String {
    let mut text = format!("{}: {}", found.symptom.verdict, found.name);
    if let Some(index) = found.function {
        let _ = write!(text, " (function {index})");
    }
    let invocation: Vec<String> = std::env::args().skip(1).map(|a| quoted(&a)).collect();
    let _ = write!(text, "\nsynth {}\nmodule: {before} bytes", invocation.join(" "));
    if small.len() < before {
        let _ = write!(text, ", reduced to {}", small.len());
    }
    let _ = write!(text, "\n\n{}\n", found.detail.trim_end());
    if let (Some(recordings), Some(function)) = (&found.recordings, found.function) {
        let is_module = right.bytes.starts_with(b"\0asm");
        let other = if is_module { "what is to refine it" } else { "machine code" };
        let listed = |bytes: &[u8]| read(bytes).map_or(BTreeMap::new(), |m| operators(&m, bytes, function));
        let origins = right.origins.iter().find(|(index, _)| *index == function).map(|(_, origins)| origins.clone());
        let right = if is_module { listed(&right.bytes) } else { BTreeMap::new() };
        let sides = Sides { left: listed(small), right, origins: origins.unwrap_or_default() };
        let _ = write!(text, "\n{}", side_by_side(recordings, ["module", other], &sides));
    }
    text.lines().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{}", format!(";; {line}").trim_end());
        all
    })
}
