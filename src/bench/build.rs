//! The ways to build a program of the corpus, each to one relocatable object.
//!
//! C sources go to WebAssembly and to machine code by the same clang, at the same level, with the same front-end options,
//! which are those of `corpus/build.sh`. The module is linked by `wasm-ld` itself, because clang's driver would run
//! `wasm-opt` behind the link.

use crate::pass::Level;
use crate::simulator::board::{Folder, read, tool};
use crate::simulator::observation::RunError;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiler that builds modules and native code.
pub const CLANG: &str = "clang-19";
/// Options for the core, after [`CLANG`], as in the budgets; the base standard of calls, as `synth` has it.
pub const NATIVE: [&str; 4] =
    ["--target=thumbv7em-none-eabi", "-mcpu=cortex-m4", "-mfloat-abi=soft", "-fomit-frame-pointer"];
/// Options of the front end, for modules and native code alike. Source: `corpus/build.sh`.
pub const FRONT_END: [&str; 2] = ["-ffreestanding", "-fno-builtin"];

/// A program of the corpus.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its C source, if it has one.
    pub c: Option<PathBuf>,
    /// Its committed module.
    pub wasm: PathBuf,
    /// Its calls.
    pub script: PathBuf,
}

/// `-O2` or `-Os`: the option of clang that stands for a level.
pub fn option(level: Level) -> &'static str {
    match level {
        Level::O0 => "-O0",
        Level::O1 => "-O1",
        Level::O2 => "-O2",
        Level::Os => "-Os",
    }
}

/// The options for the linker that a source carries.
fn link_options(source: &Path) -> Result<Vec<String>, RunError> {
    let text = String::from_utf8_lossy(&read(source)?).into_owned();
    let lines = text.lines().filter_map(|line| line.strip_prefix("// link: "));
    Ok(lines.flat_map(|line| line.split_whitespace().map(str::to_string)).collect())
}

/// A module, and where its objects are.
#[derive(Clone, Debug)]
pub struct Built {
    /// The module.
    pub wasm: Vec<u8>,
    /// Addresses in linear memory of the sections of the C object, one for each variable, ascending.
    pub places: Vec<(u32, String)>,
}

/// Sections with data and their addresses from a map of wasm-ld: lines of address, offset, size, `FILE:(SECTION)`.
fn places(map: &str) -> Vec<(u32, String)> {
    let place = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [address, _, _, input] = words[..] else {
            return None;
        };
        let (_, section) = input.strip_suffix(')')?.split_once(":(")?;
        section.starts_with('.').then(|| Some((u32::from_str_radix(address, 16).ok()?, section.to_string())))?
    };
    let mut places: Vec<(u32, String)> = map.lines().filter_map(place).collect();
    places.sort();
    places
}

/// The module of a program: from C at a level, or the committed one if it was written by hand.
///
/// # Errors
/// `RunError::Tool` if a tool is missing or fails.
pub fn module(program: &Program, level: Level, folder: &Folder) -> Result<Built, RunError> {
    let Some(source) = &program.c else {
        return Ok(Built { wasm: read(&program.wasm)?, places: Vec::new() });
    };
    let [object, wasm, map] = ["module.o", "module.wasm", "module.map"].map(|name| folder.path().join(name));
    let mut compile = Command::new(CLANG);
    compile.args(["--target=wasm32", option(level), "-nostdlib", "-mbulk-memory"]).args(FRONT_END);
    tool(compile.arg("-c").arg(source).arg("-o").arg(&object))?;
    let mut link = Command::new("wasm-ld-19");
    link.args(["--no-entry", "--stack-first", "-z", "stack-size=4096", "--initial-memory=65536"]);
    let map_option = format!("-Map={}", map.display());
    tool(link.args(link_options(source)?).arg(map_option).arg(&object).arg("-o").arg(&wasm))?;
    Ok(Built { wasm: read(&wasm)?, places: places(&String::from_utf8_lossy(&read(&map)?)) })
}

/// Native code of a C source at a level. Attributes that mean something in modules only are ignored. Every variable has a
/// section of its own, as in modules, so that it can be put at the same address. Operand `inlining`: whether functions that the
/// source marks `noinline` may be inlined all the same.
///
/// # Errors
/// `RunError::Tool` if the tool is missing or fails.
pub fn native(source: &Path, level: Level, inlining: bool, folder: &Folder) -> Result<Vec<u8>, RunError> {
    let object = folder.path().join("own.o");
    let mut compile = Command::new(CLANG);
    compile.args(NATIVE).arg(option(level)).args(FRONT_END).arg("-fdata-sections");
    compile.args(["-Wno-ignored-attributes", "-Wno-unknown-attributes", "-c"]).arg(source).arg("-o").arg(&object);
    if inlining {
        compile.arg("-Dnoinline=");
    }
    tool(&mut compile)?;
    read(&object)
}
