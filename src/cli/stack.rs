//! `synth stack`: how much stack functions take, alone and with all that they call, read from the machine code. And the files of
//! `--stack-usage`.

use super::diagnostic::Diagnostic;
use super::proof::session;
use super::{Format, JSON_SCHEMA, Status, input, output, table};
use crate::pipeline::Compiled;
use crate::stack::{Callee, FunctionStack, StackError, usage};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use synth_validator::arm::object::read;
use synth_validator::ladder::Limits;

/// Arguments of `synth stack`.
#[derive(clap::Args)]
pub struct Args {
    /// Relocatable object, or linked image with the object in it
    object: PathBuf,
    /// Its module, binary or .wat text
    input: PathBuf,
    /// What a function of the host or a run-time helper takes; may be given several times
    #[arg(long, value_name = "SYMBOL=BYTES", value_parser = outside)]
    outside: Vec<(String, u32)>,
    /// Exit code 1 unless every export and the start-up function are known to take at most so many bytes, with all that they call
    #[arg(long, value_name = "BYTES")]
    fail_above: Option<u32>,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

fn outside(text: &str) -> Result<(String, u32), String> {
    let (name, bytes) = text.rsplit_once('=').ok_or("not of the form SYMBOL=BYTES")?;
    match bytes.parse() {
        Ok(bytes) if !name.is_empty() => Ok((name.to_string(), bytes)),
        _ => Err("not of the form SYMBOL=BYTES".to_string()),
    }
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    input: &'a Path,
    object: &'a Path,
    functions: Vec<Row<'a>>,
    /// The most that an export or the start-up function takes; nothing if that is not known of all.
    exports_bytes_max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<String>,
}

#[derive(Serialize)]
struct Row<'a> {
    index: u32,
    name: &'a str,
    exports: &'a [String],
    /// Bytes that it takes itself.
    own_bytes: u32,
    /// With all that it calls, functions in `outside` left out; nothing if there is no bound.
    bytes: Option<u64>,
    /// The deepest path.
    path: Vec<String>,
    /// Functions that call each other in a circle.
    circle: Vec<String>,
    /// Functions outside whose use is not known: bytes in use when they are called.
    outside: &'a BTreeMap<String, u64>,
    calls: Vec<CallRow>,
}

#[derive(Serialize)]
struct CallRow {
    offset: u32,
    /// Bytes of the caller's stack in use.
    depth: u32,
    /// Whether it goes through a table.
    indirect: bool,
    callees: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// Bad input; code whose stack use cannot be told.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    let module = input::module(&args.input)?;
    let object = input::object(&args.object)?;
    let session = session((&args.input, &module.bytes), (&args.object, &object), None, Limits::default())?;
    let given: BTreeMap<String, u32> = args.outside.iter().cloned().collect();
    let all = usage(session.module(), session.object(), session.claim(), &given)
        .map_err(|e| failure(&e, &args.object, &module.bytes))?;
    let called: Vec<&Callee> = all.iter().flat_map(|f| &f.calls).flat_map(|c| &c.callees).collect();
    if let Some(name) = given.keys().find(|name| !called.contains(&&Callee::Outside(name.to_string()))) {
        return Err(Diagnostic::new(format!("--outside names {name}, which no function calls"))
            .file(&args.object)
            .help("give a symbol of the host or a run-time helper, as `synth stack` lists them without this option"));
    }
    let gate = args.fail_above.and_then(|limit| above(&all, limit));
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "stack",
            input: &args.input,
            object: &args.object,
            functions: all.iter().map(|f| row(&all, f)).collect(),
            exports_bytes_max: exports_max(&all),
            gate: gate.clone(),
        }),
        Format::Text => {
            output::print(&text(&all));
            output::print(&gate.as_ref().map_or(String::new(), |why| format!("{why}\n")));
        }
    }
    Ok(if gate.is_some() { Status::NotProved } else { Status::Done })
}

/// The error for code that cannot be followed.
pub fn failure(error: &StackError, object: &Path, module: &[u8]) -> Diagnostic {
    let what = format!("stack use cannot be told: {}", error.message);
    Diagnostic::new(what)
        .file(object)
        .function(Some(error.function), module)
        .help("`synth validate` says whether the object is what the compiler makes")
}

/// Why a limit may not hold.
fn above(all: &[FunctionStack], limit: u32) -> Option<String> {
    let why = |f: &FunctionStack| match (f.total.bytes, f.total.outside.keys().next()) {
        (None, _) => Some("has no bound".to_string()),
        (Some(_), Some(name)) => Some(format!("calls {name}, whose use is not known (--outside {name}=BYTES says it)")),
        (Some(bytes), None) => (bytes > u64::from(limit)).then(|| format!("takes {bytes} bytes, more than {limit}")),
    };
    let entries = all.iter().filter(|f| f.is_entry());
    entries.filter_map(|f| Some(format!("{} {}", table::tidy(&f.name), why(f)?))).next()
}

fn exports_max(all: &[FunctionStack]) -> Option<u64> {
    let entries = all.iter().filter(|f| f.is_entry());
    let known = entries.map(|f| f.total.bytes.filter(|_| f.total.outside.is_empty()));
    known.collect::<Option<Vec<u64>>>()?.into_iter().max()
}

fn name_of(all: &[FunctionStack], index: u32) -> String {
    all.iter().find(|f| f.index == index).map_or_else(|| format!("func[{index}]"), |f| f.name.clone())
}

fn row<'a>(all: &'a [FunctionStack], f: &'a FunctionStack) -> Row<'a> {
    let names = |indices: &[u32]| indices.iter().map(|i| name_of(all, *i)).collect();
    let callee = |c: &Callee| match c {
        Callee::Function(index) => name_of(all, *index),
        Callee::Outside(name) => name.clone(),
    };
    let call = |c: &crate::stack::Call| CallRow {
        offset: c.offset,
        depth: c.depth,
        indirect: c.through_table.is_some(),
        callees: c.callees.iter().map(callee).collect(),
    };
    Row {
        index: f.index,
        name: &f.name,
        exports: &f.exports,
        own_bytes: f.own_bytes,
        bytes: f.total.bytes,
        path: names(&f.total.path),
        circle: names(&f.total.circle),
        outside: &f.total.outside,
        calls: f.calls.iter().map(call).collect(),
    }
}

fn text(all: &[FunctionStack]) -> String {
    let head = ["", "function", "own", "in all", "deepest path, or why there is no bound"];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    let way = |indices: &[u32]| indices.iter().map(|i| table::tidy(&name_of(all, *i))).collect::<Vec<_>>().join(" > ");
    for f in all {
        let (most, why) = match f.total.bytes {
            Some(bytes) => (bytes.to_string(), way(&f.total.path)),
            None => ("-".to_string(), format!("recursion: {}", way(&f.total.circle))),
        };
        let most = if f.total.outside.is_empty() { most } else { format!("{most} +") };
        rows.push(vec![f.index.to_string(), table::tidy(&f.name), f.own_bytes.to_string(), most, why]);
    }
    let mut out = table::columns(&rows, &[0, 2, 3]);
    let mut outside: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for f in all {
        for (name, bytes) in &f.total.outside {
            let most = outside.entry(name).or_insert((*bytes, &f.name));
            if *bytes > most.0 {
                *most = (*bytes, &f.name);
            }
        }
    }
    if !outside.is_empty() {
        let _ = writeln!(out, "+ and what these take, called with at most so much in use:");
        let lines: Vec<Vec<String>> = outside
            .iter()
            .map(|(name, (bytes, from))| {
                vec![format!("  {name}"), bytes.to_string(), format!("from {}", table::tidy(from))]
            })
            .collect();
        out.push_str(&table::columns(&lines, &[1]));
    }
    out
}

/// The file of `--stack-usage`, in the form of GCC's and Clang's `-fstack-usage`.
///
/// # Errors
/// Code whose stack use cannot be told.
pub fn su_file(compiled: &Compiled, module: &input::Module, object: &Path) -> Result<String, Diagnostic> {
    let mut read_module = synth_validator::wasm::reader::read(&module.bytes)
        .map_err(|e| Diagnostic::new(e.message.clone()).file(&module.path))?;
    read_module.import_prefix.clone_from(&compiled.claim.contract.import_prefix);
    let file = read(&compiled.object, &read_module)
        .map_err(|e| Diagnostic::new(format!("the object is refused: {e}")).file(object))?;
    let all = usage(&read_module, &file, &compiled.claim, &BTreeMap::new())
        .map_err(|e| failure(&e, object, &module.bytes))?;
    let place = object.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let line = |f: &FunctionStack| {
        let name: String = f.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        format!("{place}:{name}\t{}\tstatic\n", f.own_bytes)
    };
    Ok(all.iter().map(line).collect())
}
