//! `synth compile --image`: what is asked for is checked before anything is compiled, the object is linked when it is proved, and
//! image and linker script are written last.

mod link;

use super::diagnostic::Diagnostic;
use super::input;
use crate::board::{self, BOARDS, Board};
use crate::firmware::console::Console;
use crate::firmware::layout::{self, Stacks, Use};
use crate::firmware::link::{Linker, find};
use crate::firmware::startup::{Entry, RESULT_WORDS_MAX};
use crate::firmware::symbols::{self, Input};
use crate::module::{ExportKind, Module};
use crate::pipeline::Options;
use clap::ValueEnum;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes of the stack, if nothing else is said.
const STACK_BYTES: u32 = 8192;
/// Bytes of the stack of exception handlers, if nothing else is said.
const HANDLER_STACK_BYTES: u32 = 1024;
/// A stack holds at least an exception's frame and some calls.
const STACK_BYTES_MIN: u32 = 256;
/// The name of a host's function that is the entry if none is given.
const MAIN: &str = "main";
/// Heading of the options in the help.
const HEADING: &str = "Firmware images";

/// Arguments about firmware images.
#[derive(Clone, clap::Args)]
pub struct ImageArgs {
    /// Write a firmware image that boots, and its linker script beside it (same name, .ld), instead of an object
    #[arg(long, help_heading = HEADING, requires = "board")]
    image: bool,
    /// Board: mps2-an385, mps2-an386, mps2-an500, stm32f4, or a description in a file NAME.toml
    #[arg(long, value_name = "BOARD", requires = "image", help_heading = HEADING)]
    board: Option<String>,
    /// Function to call after start-up: an export without parameters, or a function of a linked object
    /// [default: main, if a linked object defines it]
    #[arg(long, value_name = "NAME", requires = "image", help_heading = HEADING)]
    entry: Option<String>,
    /// Object or archive of the host to link; may be given several times
    #[arg(long, value_name = "FILE", requires = "image", help_heading = HEADING)]
    link: Vec<PathBuf>,
    /// Give a symbol an address, such as that of a table in flash that the module imports; may be given several times
    #[arg(long, value_name = "SYMBOL=ADDRESS", requires = "image", value_parser = definition, help_heading = HEADING)]
    define: Vec<(String, u32)>,
    /// Where text goes, and how a run ends [default: semihosting]
    #[arg(long, value_enum, requires = "image", help_heading = HEADING)]
    console: Option<ConsoleArg>,
    /// Where the stack lies [default: below]
    #[arg(long, value_enum, requires = "image", help_heading = HEADING)]
    stack: Option<StackArg>,
    /// Bytes of the stack, with K for 1024 [default: 8K]
    #[arg(long, value_name = "BYTES", requires = "image", value_parser = stack_bytes, help_heading = HEADING)]
    stack_size: Option<u32>,
    /// Bytes of the stack of exception handlers [default: 1K]
    #[arg(long, value_name = "BYTES", requires = "image", value_parser = stack_bytes, help_heading = HEADING)]
    handler_stack_size: Option<u32>,
    /// GNU ld or LLD [default: arm-none-eabi-ld, ld.lld or ld.lld-19, whichever is there]
    #[arg(long, value_name = "PROGRAM", requires = "image", help_heading = HEADING)]
    linker: Option<String>,
    /// Link with this script, such as an edited one; none is written then
    #[arg(long, value_name = "FILE", requires = "image", help_heading = HEADING)]
    linker_script: Option<PathBuf>,
}

/// Consoles.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ConsoleArg {
    /// The debugger or emulator, which also gets the exit status
    Semihosting,
    /// The board's serial port; the run ends in sleep
    Uart,
}

/// Places of the stack.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StackArg {
    /// Below the data, at the start of the memory: an overflow faults
    Below,
    /// Above the data, with all that is left: an overflow overwrites data
    Above,
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn definition(text: &str) -> Result<(String, u32), String> {
    let (name, address) = text.split_once('=').ok_or("no SYMBOL=ADDRESS")?;
    let address = number(address).ok_or_else(|| format!("{address} is no address, such as 0x40004000"))?;
    if name.is_empty() {
        return Err("the symbol is empty".to_string());
    }
    Ok((name.to_string(), address))
}

fn stack_bytes(text: &str) -> Result<u32, String> {
    let bytes = match text.strip_suffix(['K', 'k']) {
        Some(kibi) => number(kibi).and_then(|n| n.checked_mul(1024)),
        None => number(text),
    };
    match bytes {
        Some(bytes) if bytes % 8 == 0 && bytes >= STACK_BYTES_MIN => Ok(bytes),
        _ => Err(format!("a stack has a multiple of 8 bytes, at least {STACK_BYTES_MIN}, such as 4096 or 4K")),
    }
}

/// What JSON says of an image.
#[derive(Serialize)]
pub struct Report {
    board: String,
    entry: String,
    console: &'static str,
    linker: String,
    linker_version: String,
    /// Run-time libraries that were searched for what the linked files do not define.
    libraries: Vec<PathBuf>,
    script: PathBuf,
    image_sha256: String,
    stack_bytes: u32,
    regions: Vec<Use>,
}

/// A linked image, not yet written.
pub struct Image {
    /// The linked file.
    pub elf: Vec<u8>,
    /// The linker script to write.
    script: Option<String>,
    script_path: PathBuf,
    /// What to tell.
    pub report: Report,
}

impl Image {
    /// The linker and its version.
    pub fn linked_by(&self) -> String {
        format!("{} ({})", self.report.linker, self.report.linker_version)
    }
}

/// What is asked for, checked.
pub struct Plan {
    name: String,
    board: Board,
    entry: Entry,
    console: Console,
    stacks: Stacks,
    linker: Linker,
    /// Files to link and what they hold.
    files: Vec<(PathBuf, Input)>,
    defined: BTreeMap<String, u32>,
    /// A script of the user's.
    given_script: Option<String>,
    script_path: PathBuf,
    /// Whether the script is to be written: not beside a device.
    writes_script: bool,
    /// Imports: symbol, names.
    imports: BTreeMap<String, String>,
    memory_pages_min: u64,
}

impl ImageArgs {
    /// Checks what is asked for; nothing without `--image`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn plan(&self, module: &input::Module, output: &Path, options: &Options) -> Result<Option<Plan>, Diagnostic> {
        let Some(name) = self.board.as_ref().filter(|_| self.image) else {
            return Ok(None);
        };
        let board = read_board(name)?;
        let console = match (self.console, &board.uart) {
            (None | Some(ConsoleArg::Semihosting), _) => Console::Semihosting,
            (Some(ConsoleArg::Uart), Some(uart)) => Console::Uart(uart.clone()),
            (Some(ConsoleArg::Uart), None) => {
                let error = Diagnostic::new(format!("the board {name} has no serial port"));
                return Err(error.help("describe one in the board's file, [uart], or take --console semihosting"));
            }
        };
        let (script_path, given_script) = self.script(output)?;
        let mut files = Vec::new();
        for path in &self.link {
            let read = symbols::read(&path.display().to_string(), &input::read(path)?);
            let input = read.map_err(|why| Diagnostic::new(format!("cannot link the file: {why}")).file(path))?;
            files.push((path.clone(), input));
        }
        let decoded = crate::decode::decode(&module.bytes);
        let mut decoded = decoded.map_err(|e| Diagnostic::compile(&e, &module.path, &module.bytes))?;
        decoded.import_prefix.clone_from(&options.import_prefix);
        decoded.export_symbols.clone_from(&options.export_symbols);
        let entry = self.choose_entry(&decoded, &files)?;
        let linker = find(self.linker.as_deref()).map_err(link::failure)?;
        Ok(Some(Plan {
            name: name.clone(),
            entry,
            console,
            stacks: Stacks {
                below: self.stack != Some(StackArg::Above),
                bytes: self.stack_size.unwrap_or(STACK_BYTES),
                handler_bytes: self.handler_stack_size.unwrap_or(HANDLER_STACK_BYTES),
            },
            board,
            linker,
            files,
            defined: self.define.iter().cloned().collect(),
            given_script,
            script_path,
            writes_script: !std::fs::metadata(output).is_ok_and(|m| !m.is_file()),
            imports: imports(&decoded),
            memory_pages_min: decoded.memory.as_ref().map_or(0, |m| m.min_pages),
        }))
    }

    /// Where the script is or will be, and a given one's text.
    fn script(&self, output: &Path) -> Result<(PathBuf, Option<String>), Diagnostic> {
        if let Some(path) = &self.linker_script {
            let text = String::from_utf8(input::read(path)?);
            let text = text.map_err(|_| Diagnostic::new("the linker script is no text").file(path))?;
            return Ok((path.clone(), Some(text)));
        }
        let path = output.with_extension("ld");
        if path == output {
            let error = Diagnostic::new("the image would have the name of its linker script").file(output);
            return Err(error.help("give the image another name with -o, such as fw.elf"));
        }
        let there = std::fs::read(&path).ok();
        if there.is_some_and(|bytes| !layout::is_untouched(&String::from_utf8_lossy(&bytes))) {
            let error = Diagnostic::new(
                "the linker script would overwrite a file that synth did not write, or that was edited",
            );
            return Err(error.file(&path).help(format!(
                "to link with it, give it with --linker-script {}; to have a new one, move it away",
                path.display()
            )));
        }
        Ok((path, None))
    }

    fn choose_entry(&self, module: &Module, files: &[(PathBuf, Input)]) -> Result<Entry, Diagnostic> {
        let hosts = |name: &str| {
            files.iter().any(|(_, input)| match input {
                Input::Object(part) => part.strong.contains(name) || part.weak.contains(name),
                Input::Archive(parts) => parts.iter().any(|p| p.strong.contains(name) || p.weak.contains(name)),
            })
        };
        let exported = |name: &str| module.exports.iter().find(|e| e.kind == ExportKind::Function && e.name == name);
        let free = |export: &&crate::module::Export| {
            export.kind == ExportKind::Function && module.type_of(export.index).params.is_empty()
        };
        let names: Vec<&str> = module.exports.iter().filter(free).map(|e| e.name.as_str()).collect();
        let choices = match names.is_empty() {
            true => "the module exports no function without parameters; write a main in C, say, that calls its exports, and give \
                     the object with --link"
                .to_string(),
            false => format!("the module exports these without parameters: {}", names.join(", ")),
        };
        let Some(name) = &self.entry else {
            return match hosts(MAIN) {
                true => Ok(Entry::Host { symbol: MAIN.to_string() }),
                false => Err(Diagnostic::new(
                    "the image has no entry: no linked object defines main, and --entry is not given",
                )
                .help(choices)),
            };
        };
        let Some(export) = exported(name) else {
            return match hosts(name) {
                true => Ok(Entry::Host { symbol: name.clone() }),
                false => {
                    let error = format!(
                        "no function {name} for the entry: the module exports none, and no linked object defines it"
                    );
                    Err(Diagnostic::new(error).help(choices))
                }
            };
        };
        let ty = module.type_of(export.index);
        let wrong = |what: String| Diagnostic::new(format!("the export {name} cannot be the entry: {what}"));
        if !ty.params.is_empty() {
            let params: Vec<String> = ty.params.iter().map(|t| t.to_string()).collect();
            return Err(wrong(format!("it has parameters ({})", params.join(", "))).help(choices));
        }
        let results = ty.int_results().map_err(|ty| wrong(format!("its results have {ty}")))?;
        if results.iter().map(|t| t.words()).sum::<usize>() > RESULT_WORDS_MAX {
            return Err(wrong(format!("its results take more than {RESULT_WORDS_MAX} words")));
        }
        Ok(Entry::Export { symbol: module.export_symbol(name).into_owned(), results })
    }
}

/// Symbols of imports with their names.
fn imports(module: &Module) -> BTreeMap<String, String> {
    let functions = module.functions.iter().filter_map(|f| f.import.as_ref());
    let all = functions.chain(module.globals.iter().filter_map(|g| g.import.as_ref()));
    all.map(|i| (module.import_symbol(i), format!("{}.{}", i.module, i.field))).collect()
}

fn read_board(name: &str) -> Result<Board, Diagnostic> {
    if let Some(board) = board::named(name) {
        return Ok(board);
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|e| e != "toml") {
        let names: Vec<&str> = BOARDS.iter().map(|(name, _)| *name).collect();
        let error = Diagnostic::new(format!("no board is named {name}"));
        return Err(
            error.help(format!("boards: {}; or describe one in a file NAME.toml (docs/abi.md)", names.join(", ")))
        );
    }
    let text = String::from_utf8(input::read(path)?);
    let text = text.map_err(|_| Diagnostic::new("the board's description is no text").file(path))?;
    board::parse(&text).map_err(|e| {
        let error = Diagnostic::new(format!("the board's description is wrong: {e}")).file(path);
        error.help("docs/abi.md, Boards, has an example and the meaning of every key")
    })
}
