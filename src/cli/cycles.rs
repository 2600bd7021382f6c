//! `synth cycles`: how many cycles functions take at most, or why no bound can be told.

use super::compile::TargetArg;
use super::diagnostic::Diagnostic;
use super::proof::session;
use super::{Format, JSON_SCHEMA, Status, input, output, stack, table};
use crate::compile::Core;
use crate::listing::cut_lines;
use crate::stack::{FunctionStack, usage};
use crate::time::{Decline, FunctionTime, bounds};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use synth_validator::ladder::Limits;

/// Arguments of `synth cycles`.
#[derive(clap::Args)]
pub struct Args {
    /// Relocatable object, or linked image with the object in it
    object: PathBuf,
    /// Its module, binary or .wat text
    input: PathBuf,
    /// Core to count for
    #[arg(long, value_enum, default_value_t = TargetArg::CortexM4)]
    target: TargetArg,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    input: &'a Path,
    object: &'a Path,
    functions: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    index: u32,
    name: String,
    exports: Vec<String>,
    /// Cycles at most, functions in `outside` left out; nothing if there is no bound.
    cycles: Option<u64>,
    /// Why there is none.
    declined: Vec<String>,
    loops: Vec<LoopRow>,
    /// Functions outside: calls at most.
    outside: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct LoopRow {
    /// Offset of the header in the code.
    offset: u32,
    /// Offset of the loop in the module, if that is known.
    wasm_offset: Option<u32>,
    /// Rounds at most.
    rounds: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// Bad input; code that cannot be followed.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let module = input::module(&args.input)?;
    let object = input::object(&args.object)?;
    let session = session((&args.input, &module.bytes), (&args.object, &object), None, Limits::default())?;
    let stacks = usage(session.module(), session.object(), session.claim(), &BTreeMap::new())
        .map_err(|e| stack::failure(&e, &args.object, &module.bytes))?;
    let core: Core = args.target.core();
    let times = bounds(session.object(), session.claim(), &stacks, core);
    let places: BTreeMap<u32, Vec<(u32, u32)>> =
        session.claim().functions.iter().map(|f| (f.index, cut_lines(f))).collect();
    let rows: Vec<Row> = times.iter().map(|time| row(time, &stacks, &places)).collect();
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "cycles",
            input: &args.input,
            object: &args.object,
            functions: rows,
        }),
        Format::Text => output::print(&text(&rows)),
    }
    Ok(Status::Done)
}

fn row(time: &FunctionTime, stacks: &[FunctionStack], places: &BTreeMap<u32, Vec<(u32, u32)>>) -> Row {
    let named = |index: u32| stacks.iter().find(|f| f.index == index);
    let name = |index: u32| named(index).map_or_else(|| format!("func[{index}]"), |f| table::tidy(&f.name));
    let wasm = |offset: u32| {
        let lines = places.get(&time.index)?;
        lines.iter().find(|(at, _)| *at == offset).map(|(_, wasm)| *wasm)
    };
    let place = |offset: u32| match wasm(offset) {
        Some(wasm) => format!("the loop at wasm offset {wasm:#x} (code offset {offset:#x})"),
        None => format!("the loop at code offset {offset:#x}"),
    };
    let circle = named(time.index).map(|f| f.total.circle.iter().map(|i| name(*i)).collect::<Vec<_>>().join(" > "));
    let why = |why: &Decline| match why {
        Decline::Loop(offset) => format!("{} has no provable bound", place(*offset)),
        Decline::Irreducible(offset) => format!("{} is entered in its middle", place(*offset)),
        Decline::Recursion => format!("recursion: {}", circle.clone().unwrap_or_default()),
        Decline::Callee(index) => format!("{} has no bound", name(*index)),
        Decline::Core => "there is no table of cycles for this core".to_string(),
        Decline::Code(message) => message.clone(),
        Decline::TooLarge => "the bound does not fit 64 bits".to_string(),
    };
    let loops = time.loops.iter();
    Row {
        index: time.index,
        name: named(time.index).map_or_else(String::new, |f| f.name.clone()),
        exports: named(time.index).map_or_else(Vec::new, |f| f.exports.clone()),
        cycles: time.cycles,
        declined: time.why.iter().map(why).collect(),
        loops: loops.map(|l| LoopRow { offset: l.offset, wasm_offset: wasm(l.offset), rounds: l.rounds }).collect(),
        outside: time.outside.clone(),
    }
}

fn text(rows: &[Row]) -> String {
    let mut cells = vec![
        ["", "function", "cycles at most", "and calls outside, or why there is no bound"].map(str::to_string).to_vec(),
    ];
    for row in rows {
        let mut rest = String::new();
        for (name, times) in row.outside.iter().filter(|_| row.cycles.is_some()) {
            let _ = write!(rest, "{}{name} {times}", if rest.is_empty() { "" } else { ", " });
        }
        let rest = if row.cycles.is_some() { rest } else { row.declined.join("; ") };
        let cycles = row.cycles.map_or("-".to_string(), |cycles| cycles.to_string());
        cells.push(vec![row.index.to_string(), table::tidy(&row.name), cycles, rest]);
    }
    table::columns(&cells, &[0, 2])
}
