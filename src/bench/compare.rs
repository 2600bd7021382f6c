//! All builds of one program at one level, run with the same calls.

use super::build::{self, Program};
use super::measure::{Candidate, Laboratory, Measured, differences, without_traps};
use super::peer::{self, Peer};
use super::wasm2c;
use crate::pass::Level;
use crate::pipeline::{Options, compile};
use crate::simulator::board::{Folder, read};
use crate::simulator::interface::interface;
use crate::simulator::observation::RunError;
use crate::simulator::vectors::{Script, parse};
use std::collections::BTreeMap;
use std::path::Path;
use synth_validator::contract::{Bounds, SYM_FUNCTION};
use synth_validator::wasm::module::{Mode, Module};
use synth_validator::wasm::reader;

/// How a build is called that `synth` makes without bounds checks, or as the user asks.
pub const SYNTH: &str = "synth";
/// The same with software bounds checks.
pub const CHECKED: &str = "synth-software";
/// Native code of clang.
pub const NATIVE: &str = "native";

/// The same, without regard to `noinline` in the source, which modules do not carry.
pub const NATIVE_INLINING: &str = "native-inlining";
/// C of wasm2c, as generated, compiled by clang.
pub const WASM2C: &str = "wasm2c";
/// The same with memory and globals at constant addresses.
pub const WASM2C_CONSTANT: &str = "wasm2c-constant";

/// A build, measured.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is called.
    pub build: String,
    /// What was measured, or why nothing was.
    pub result: Result<Measured, String>,
    /// What it did differently from the module; its figures then mean nothing.
    pub differences: Vec<String>,
}

/// A program at a level.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The program.
    pub program: String,
    /// Whether it has C source, so that there is native code.
    pub from_c: bool,
    /// The level.
    pub level: Level,
    /// Calls measured.
    pub calls: usize,
    /// Calls left out, because they trap.
    pub trapping: usize,
    /// The builds.
    pub entries: Vec<Entry>,
}

impl Comparison {
    /// The figures of a build, if they count.
    pub fn measured(&self, build: &str) -> Option<&Measured> {
        let entry = self.entries.iter().find(|e| e.build == build)?;
        entry.result.as_ref().ok().filter(|_| entry.differences.is_empty())
    }
}

/// A build by `synth`.
///
/// # Errors
/// `RunError::Module` with what the compiler says.
fn synth(wasm: &[u8], module: &Module, level: Level, bounds: Bounds) -> Result<Candidate, RunError> {
    let options = Options { bounds, level, ..Options::default() };
    let compiled = compile(wasm, &options).map_err(|e| RunError::Module(e.to_string()))?;
    let names =
        (0..module.functions.len() as u32).map(|i| (format!("{SYM_FUNCTION}{i}"), Some(module.display_name(i))));
    Ok(Candidate { object: compiled.object, names: names.collect(), ..Candidate::default() })
}

/// Bytes of a module's active data segments.
fn segment_bytes(module: &Module) -> u32 {
    let active = module.data.iter().filter(|d| matches!(d.mode, Mode::Active { .. }));
    active.map(|d| d.bytes.len() as u32).sum()
}

/// Native code: see [`build::native`].
fn native(
    source: &Path,
    level: Level,
    inlining: bool,
    places: &[(u32, String)],
    folder: &Folder,
) -> Result<Candidate, RunError> {
    let object = build::native(source, level, inlining, folder)?;
    Ok(Candidate { object, native: true, places: places.to_vec(), ..Candidate::default() })
}

/// What is built beside `synth`'s own.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The bounds mode of the build called [`SYNTH`].
    pub bounds: Bounds,
    /// Compilers of the user.
    pub peers: Vec<Peer>,
}

/// Builds and measures a program at a level.
///
/// # Errors
/// `RunError` if there is no module, or it cannot be run with software bounds checks.
pub fn compare(lab: &Laboratory, program: &Program, level: Level, choice: &Choice) -> Result<Comparison, RunError> {
    let folder = Folder::new()?;
    let text = String::from_utf8_lossy(&read(&program.script)?).into_owned();
    let whole = parse(&text).map_err(RunError::Script)?;
    let build::Built { wasm, places } = build::module(program, level, &folder)?;
    let name = |build: &str| format!("{}{}-{build}", program.name, build::option(level));
    lab.keep(&format!("{}{}.wasm", program.name, build::option(level)), &wasm)?;
    let interface = interface(&wasm)?;
    let module = reader::read(&wasm).map_err(|e| RunError::Module(format!("{e:?}")))?;
    let segments = segment_bytes(&module);
    let checked = synth(&wasm, &module, level, Bounds::Software)?;
    let checked = Candidate { segment_bytes: segments, ..checked };
    let mut script = whole.clone();
    let mut reference = lab.measure(&name(CHECKED), &checked, &interface, &script)?;
    while reference.run.observations.iter().any(|o| o.trap.is_some()) {
        script = without_traps(&script, &reference.run);
        reference = lab.measure(&name(CHECKED), &checked, &interface, &script)?;
    }
    let calls = |script: &Script| (1..).take_while(|n| script.call(*n).is_some()).count();
    let mut entries = Vec::new();
    let mut add = |build: &str, candidate: Result<Candidate, RunError>| {
        let one_module = candidate.as_ref().is_ok_and(|c| !c.native);
        let result = candidate.map(|c| Candidate { segment_bytes: segments, ..c });
        let result = result.and_then(|c| lab.measure(&name(build), &c, &interface, &script)).map_err(|e| e.to_string());
        let differences = match &result {
            Ok(measured) => differences(&script, &reference.run, &measured.run, one_module),
            Err(_) => Vec::new(),
        };
        entries.push(Entry { build: build.to_string(), result, differences });
    };
    add(SYNTH, synth(&wasm, &module, level, choice.bounds));
    for (build, inlining) in [(NATIVE, false), (NATIVE_INLINING, true)] {
        if let Some(source) = &program.c {
            add(build, native(source, level, inlining, &places, &folder));
        }
    }
    for (build, constant) in [(WASM2C, false), (WASM2C_CONSTANT, true)] {
        add(build, wasm2c::build(&wasm, &interface, level, constant));
    }
    for peer in &choice.peers {
        add(&peer.name, peer::build(peer, program, &wasm, level));
    }
    entries.insert(1, Entry { build: CHECKED.to_string(), result: Ok(reference), differences: Vec::new() });
    Ok(Comparison {
        program: program.name.clone(),
        from_c: program.c.is_some(),
        level,
        calls: calls(&script),
        trapping: calls(&whole) - calls(&script),
        entries,
    })
}

/// The geometric mean; nothing of nothing.
pub fn geometric_mean(ratios: impl IntoIterator<Item = f64>) -> Option<f64> {
    let logarithms: Vec<f64> = ratios.into_iter().map(f64::ln).collect();
    (!logarithms.is_empty()).then(|| (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
}

/// Figures of both builds of each function that both have, by name.
pub fn functions<'m>(left: &'m Measured, right: &'m Measured) -> BTreeMap<&'m str, [&'m super::measure::Figures; 2]> {
    let both = |(name, figures): (&'m String, _)| Some((name.as_str(), [figures, right.functions.get(name)?]));
    left.functions.iter().filter_map(both).collect()
}
