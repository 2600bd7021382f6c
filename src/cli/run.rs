//! `synth run`: calls exports of an object on the Arm interpreter, and beside it the module's on the wasm interpreter,
//! with the same answers of the host. Results, traps, host calls, linear memory and globals must be the same.

use super::diagnostic::Diagnostic;
use super::proof::session;
use super::{Format, JSON_SCHEMA, Status, input, output};
use serde::Serialize;
use std::path::PathBuf;
use synth_validator::arm::machine::Machine;
use synth_validator::concrete::{Bytes, Concrete, MEMORY_BASE, mix};
use synth_validator::ir::Type;
use synth_validator::ladder::Limits;
use synth_validator::program::World;
use synth_validator::prove_all::with_deep_stack;
use synth_validator::wasm::instance::{Host, Instance, Stop};
use synth_validator::wasm::module::{ExportKind, ImportName, Module};

/// Arguments of `synth run`.
#[derive(clap::Args)]
pub struct Args {
    /// Object
    object: PathBuf,
    /// Its module, binary or .wat text
    input: PathBuf,
    /// EXPORT ARGS…, and more calls after the word `then`; an argument is a number, maybe 0x…, or @NAME, the value
    /// of an exported global, maybe with +N
    #[arg(required = true, allow_hyphen_values = true, trailing_var_arg = true)]
    calls: Vec<String>,
    /// Write text into linear memory before the first call
    #[arg(long, value_name = "ADDRESS=TEXT")]
    write_text: Vec<String>,
    /// Print bytes of linear memory after the last call
    #[arg(long, value_name = "ADDRESS:BYTES")]
    show: Vec<String>,
    /// Steps allowed to each side
    #[arg(long, default_value_t = 100_000_000)]
    fuel: u64,
    /// Form of the results
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// A host that answers from a hash of the import's name, the arguments and how many calls there were.
#[derive(Default)]
struct Answers {
    words: Vec<(String, usize)>,
    calls: Vec<HostCall>,
}

/// A call of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct HostCall {
    import: String,
    arguments: Vec<u32>,
    results: Vec<u32>,
}

impl Answers {
    fn new(module: &Module) -> Answers {
        let words = module.functions.iter().filter_map(|f| {
            let import = f.import.as_ref()?;
            let results = module.types[f.type_index as usize].int_results().ok()?;
            Some((format!("{}.{}", import.module, import.field), results.iter().map(|t| t.words()).sum()))
        });
        Answers { words: words.collect(), calls: Vec::new() }
    }
}

impl Host for Answers {
    fn call(
        &mut self,
        import: &ImportName,
        _: u32,
        args: &[u32],
        _: &mut World<Concrete>,
        _: &mut Bytes,
    ) -> Result<Vec<u32>, Stop> {
        let name = format!("{}.{}", import.module, import.field);
        let words = self.words.iter().find(|(n, _)| *n == name).map_or(0, |(_, w)| *w);
        let seed =
            name.bytes().map(u32::from).chain(args.iter().copied()).fold(self.calls.len() as u32, |s, x| mix(s ^ x));
        let results: Vec<u32> = (0..words as u32).map(|i| mix(seed.wrapping_add(i))).collect();
        self.calls.push(HostCall { import: name, arguments: args.to_vec(), results: results.clone() });
        Ok(results)
    }
}

/// One call and how both sides ended.
#[derive(Serialize)]
struct CallReport {
    call: String,
    machine: String,
    wasm: String,
    machine_steps: u64,
    wasm_steps: u64,
    host_calls: Vec<HostCall>,
    same: bool,
    /// Whether both sides may be called again: they returned, or trapped.
    #[serde(skip)]
    goes_on: bool,
    /// Whether the module breaks an assumption, so that nothing is said of the code.
    #[serde(skip)]
    assumed_away: bool,
}

/// A call after one that ended where nothing is said of what comes next.
fn not_run(words: &[String]) -> CallReport {
    let end = || "not run: the call before neither returned nor trapped".to_string();
    let (machine, wasm) = (end(), end());
    CallReport {
        call: words.join(" "),
        machine,
        wasm,
        machine_steps: 0,
        wasm_steps: 0,
        host_calls: Vec::new(),
        same: false,
        goes_on: false,
        assumed_away: true,
    }
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    command: &'static str,
    calls: &'a [CallReport],
    memory: &'a [(u32, String)],
    memory_same: bool,
    globals_same: bool,
}

fn usage(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(message.into()).help("for example: synth run out.o in.wasm gcd 12 18 then gcd 7 21")
}

/// A number, decimal or hexadecimal, maybe negative.
fn number(text: &str) -> Option<u64> {
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let size = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    match is_negative {
        true => (size <= 1 << 63).then_some(size.wrapping_neg()),
        false => Some(size),
    }
}

/// The two interpreters of one module.
struct Pair<'m> {
    module: &'m Module,
    machine: Machine<'m, Answers>,
    instance: Instance<'m, Answers>,
}

impl Pair<'_> {
    fn value(&self, text: &str) -> Result<u64, Diagnostic> {
        let Some(symbol) = text.strip_prefix('@') else {
            return number(text).ok_or_else(|| usage(format!("{text} is no number")));
        };
        let (name, offset) = symbol.split_once('+').unwrap_or((symbol, "0"));
        let export = self.module.exports.iter().find(|e| e.kind == ExportKind::Global && e.name == name);
        let words = export
            .and_then(|e| self.instance.global(e.index))
            .ok_or_else(|| usage(format!("no exported global {name}")))?;
        let value = words.iter().rev().fold(0u64, |value, word| value << 32 | u64::from(*word));
        let offset = number(offset).ok_or_else(|| usage(format!("{offset} is no number")))?;
        Ok(value.wrapping_add(offset))
    }

    fn address(&self, text: &str) -> Result<u32, Diagnostic> {
        u32::try_from(self.value(text)?).map_err(|_| usage(format!("{text} is no address")))
    }

    fn call(&mut self, words: &[String]) -> Result<CallReport, Diagnostic> {
        let Some((export, arguments)) = words.split_first() else {
            return Err(usage("a call without an export"));
        };
        let found = self.module.exports.iter().find(|e| e.kind == ExportKind::Function && e.name == *export);
        let Some(found) = found else {
            let names: Vec<&str> = self
                .module
                .exports
                .iter()
                .filter(|e| e.kind == ExportKind::Function)
                .map(|e| e.name.as_str())
                .collect();
            return Err(usage(format!("no exported function {export}")).note(format!("exports: {}", names.join(", "))));
        };
        let ty = self.module.type_of(found.index);
        let (Ok(params), Ok(results)) = (ty.int_params(), ty.int_results()) else {
            return Err(usage(format!("{export} has values that are no integers")));
        };
        if params.len() != arguments.len() {
            let taken = format!("{} argument{}", params.len(), if params.len() == 1 { "" } else { "s" });
            return Err(usage(format!("{export} takes {taken}, not {}", arguments.len())));
        }
        let mut args = Vec::new();
        for (ty, text) in params.iter().zip(arguments) {
            // An exported address that a call passes is where the host finds it.
            let is_exported = text.starts_with('@') && self.module.relocations.in_host;
            let value = self.value(text)?.wrapping_add(if is_exported { u64::from(MEMORY_BASE) } else { 0 });
            let signed = value as i64;
            if *ty == Type::I32 && !(i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&signed) {
                return Err(usage(format!("{text} does not fit 32 bits")));
            }
            args.push(value as u32);
            if *ty == Type::I64 {
                args.push((value >> 32) as u32);
            }
        }
        let calls_before = self.machine.host.calls.len();
        let fuel = (self.machine.fuel, self.instance.fuel);
        let machine = self.machine.invoke(export, &args);
        let wasm = self.instance.invoke(export, &args);
        let calls = &self.machine.host.calls;
        let same = machine == wasm && *calls == self.instance.host.calls;
        Ok(CallReport {
            call: words.join(" "),
            machine: outcome(&machine, &results),
            wasm: outcome(&wasm, &results),
            machine_steps: fuel.0 - self.machine.fuel,
            wasm_steps: fuel.1 - self.instance.fuel,
            host_calls: calls[calls_before..].to_vec(),
            same,
            assumed_away: matches!(wasm, Err(Stop::Assumption(_))),
            goes_on: [&machine, &wasm].iter().all(|end| matches!(end, Ok(_) | Err(Stop::Trap(_)))),
        })
    }

    fn memory_is_same(&self) -> bool {
        let bytes = self.instance.memory_bytes();
        let same = |at| self.machine.memory().get(at) == self.instance.memory().get(at);
        self.machine.memory_bytes() == bytes && (0..bytes).all(same)
    }
}

/// Results or the reason for the end, in words.
fn outcome(result: &Result<Vec<u32>, Stop>, types: &[Type]) -> String {
    let words = match result {
        Ok(words) => words,
        Err(stop) => return stop.to_string(),
    };
    let mut words = words.iter().copied();
    let mut word = || words.next().unwrap_or(0);
    let values = types.iter().map(|ty| match ty {
        Type::I32 => format!("{:#x}", word()),
        Type::I64 => {
            let low = word();
            format!("{:#x}", u64::from(word()) << 32 | u64::from(low))
        }
    });
    let values: Vec<String> = values.collect();
    if values.is_empty() { "returned".to_string() } else { values.join(" ") }
}

/// Runs the command.
///
/// # Errors
/// Bad input, calls that do not fit the module.
pub fn execute(args: &Args) -> Result<Status, Diagnostic> {
    with_deep_stack(|| simulate(args))
}

fn simulate(args: &Args) -> Result<Status, Diagnostic> {
    let input = input::module(&args.input)?;
    let object = input::object(&args.object)?;
    let session = session((&args.input, &input.bytes), (&args.object, &object), None, Limits::default())?;
    let module = session.module();
    let stopped = |what: &str, stop: Stop| Diagnostic::new(format!("{what} does not start: {stop}"));
    let machine = Machine::new(module, session.object(), session.contract().clone(), Answers::new(module), args.fuel);
    let machine = machine.map_err(|e| stopped("the object", e).file(&args.object))?;
    let instance = Instance::new(module, &input.bytes, session.contract().clone(), Answers::new(module), args.fuel);
    let instance = instance.map_err(|e| stopped("the module", e).file(&args.input))?;
    let mut pair = Pair { module, machine, instance };
    for text in &args.write_text {
        let (address, text) = text.split_once('=').ok_or_else(|| usage(format!("{text}: expected ADDRESS=TEXT")))?;
        let address = pair.address(address)?;
        let end = u64::from(address) + text.len() as u64;
        if end > u64::from(pair.instance.memory_bytes()) || end > u64::from(pair.machine.memory_bytes()) {
            return Err(usage("the text does not fit linear memory"));
        }
        for (at, byte) in (address..).zip(text.bytes()) {
            pair.machine.memory_mut().set(at, byte);
            pair.instance.memory_mut().set(at, byte);
        }
    }
    let mut calls: Vec<CallReport> = Vec::new();
    for words in args.calls.split(|word| word == "then") {
        let goes_on = calls.last().is_none_or(|call| call.goes_on);
        calls.push(if goes_on { pair.call(words)? } else { not_run(words) });
    }
    let mut shown = Vec::new();
    for range in &args.show {
        let (address, bytes) =
            range.split_once(':').ok_or_else(|| usage(format!("{range}: expected ADDRESS:BYTES")))?;
        let (address, bytes) = (pair.address(address)?, pair.address(bytes)?);
        let end = address.checked_add(bytes).filter(|end| *end <= pair.machine.memory_bytes());
        let end = end.ok_or_else(|| usage(format!("{range} lies outside of linear memory")))?;
        shown.push((address, (address..end).map(|at| format!("{:02x}", pair.machine.memory().get(at))).collect()));
    }
    let (memory_same, globals_same) = (pair.memory_is_same(), pair.machine.cells() == pair.instance.cells());
    match args.format {
        Format::Json => output::print_json(&Report {
            schema: JSON_SCHEMA,
            command: "run",
            calls: &calls,
            memory: &shown,
            memory_same,
            globals_same,
        }),
        Format::Text => output::print(&text(&calls, &shown, memory_same, globals_same)),
    }
    let same = memory_same && globals_same && calls.iter().all(|c| c.same);
    Ok(if same { Status::Done } else { Status::NotProved })
}

fn text(calls: &[CallReport], shown: &[(u32, String)], memory_same: bool, globals_same: bool) -> String {
    let mut out = String::new();
    for c in calls {
        out += &format!("{}\n", c.call);
        for h in &c.host_calls {
            let hex = |words: &[u32]| words.iter().map(|w| format!("{w:#x}")).collect::<Vec<_>>().join(" ");
            out += &format!("  host: {} ({}) -> ({})\n", h.import, hex(&h.arguments), hex(&h.results));
        }
        out += &format!("  Arm:  {}  ({} steps)\n", c.machine, c.machine_steps);
        let compared = match (c.same, c.assumed_away) {
            (true, _) => "",
            (false, true) => "  NOTHING IS SAID of the code",
            (false, false) => "  DIFFERS",
        };
        out += &format!("  wasm: {}  ({} steps){compared}\n", c.wasm, c.wasm_steps);
    }
    for (address, bytes) in shown {
        out += &format!("memory {address:#x}: {bytes}\n");
    }
    let word = |same: bool| if same { "the same" } else { "DIFFERENT" };
    out + &format!("linear memory: {}; globals: {}\n", word(memory_same), word(globals_same))
}
