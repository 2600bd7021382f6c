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
const FRONT_END: [&str; 2] = ["-ffreestanding", "-fno-builtin"];

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

/// The module of a program: from C at a level, or the committed one if it was written by hand.
///
/// # Errors
/// `RunError::Tool` if a tool is missing or fails.
pub fn module(program: &Program, level: Level, folder: &Folder) -> Result<Vec<u8>, RunError> {
    let Some(source) = &program.c else {
        return read(&program.wasm);
    };
    let (object, wasm) = (folder.path().join("module.o"), folder.path().join("module.wasm"));
    let mut compile = Command::new(CLANG);
    compile.args(["--target=wasm32", option(level), "-nostdlib", "-mbulk-memory"]).args(FRONT_END);
    tool(compile.arg("-c").arg(source).arg("-o").arg(&object))?;
    let mut link = Command::new("wasm-ld-19");
    link.args(["--no-entry", "--stack-first", "-z", "stack-size=4096", "--initial-memory=65536"]);
    tool(link.args(link_options(source)?).arg(&object).arg("-o").arg(&wasm))?;
    read(&wasm)
}

/// Native code of a C source at a level. Attributes that mean something in modules only are ignored.
///
/// # Errors
/// `RunError::Tool` if the tool is missing or fails.
pub fn native(source: &Path, level: Level, folder: &Folder) -> Result<Vec<u8>, RunError> {
    let object = folder.path().join("own.o");
    let mut compile = Command::new(CLANG);
    compile.args(NATIVE).arg(option(level)).args(FRONT_END).arg("-Wno-ignored-attributes");
    compile.args(["-Wno-unknown-attributes", "-c"]).arg(source).arg("-o").arg(&object);
    tool(&mut compile)?;
    read(&object)
}
