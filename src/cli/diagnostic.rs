//! Errors as a person reads them: what is wrong, where (file, function, byte offset, the bytes there), what to do.

use super::{Format, JSON_SCHEMA, output};
use crate::error::CompileError;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;
use synth_validator::validate::InputError;

/// Exit code for bad input and usage.
const INPUT: u8 = 2;
/// Bytes in the row of the module that is shown.
const ROW_BYTES: usize = 16;

/// An error, ready to be printed.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnostic {
    /// What is wrong.
    pub error: String,
    /// The file concerned.
    pub file: Option<String>,
    /// The function concerned (imports first).
    pub function: Option<u32>,
    /// Its name.
    pub function_name: Option<String>,
    /// Byte offset in the binary form of the file.
    pub offset: Option<u64>,
    /// What else is known.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
    /// Exit code.
    #[serde(skip)]
    pub exit_code: u8,
    /// Offset of the first byte shown, bytes shown.
    #[serde(skip)]
    row: Option<(usize, Vec<u8>)>,
}

impl Diagnostic {
    /// An error that concerns no file.
    pub fn new(error: impl Into<String>) -> Diagnostic {
        Diagnostic {
            error: error.into(),
            file: None,
            function: None,
            function_name: None,
            offset: None,
            notes: Vec::new(),
            help: None,
            exit_code: INPUT,
            row: None,
        }
    }
    /// Adds the file.
    pub fn file(mut self, path: &Path) -> Diagnostic {
        self.file = Some(path.display().to_string());
        self
    }
    /// Adds what to do.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }
    /// Adds a remark.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }
    /// Adds the place in the module.
    pub fn offset(mut self, offset: u64, bytes: &[u8]) -> Diagnostic {
        self.offset = Some(offset);
        let start = offset as usize / ROW_BYTES * ROW_BYTES;
        let row = bytes.get(start..bytes.len().min(start.saturating_add(ROW_BYTES)));
        self.row = row.filter(|r| !r.is_empty()).map(|r| (start, r.to_vec()));
        self
    }
    /// Adds the function, by name if the module can be read.
    pub fn function(mut self, function: Option<u32>, bytes: &[u8]) -> Diagnostic {
        self.function = function;
        let name = |index: u32| {
            let module = synth_validator::wasm::reader::read(bytes).ok()?;
            ((index as usize) < module.functions.len()).then(|| module.display_name(index))
        };
        self.function_name = function.and_then(name);
        self
    }
    /// An error of the file system.
    pub fn file_system(doing: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
        Diagnostic::new(format!("cannot {doing}: {error}")).file(path)
    }
    /// A compiler's error about a module.
    pub fn compile(error: &CompileError, path: &Path, bytes: &[u8]) -> Diagnostic {
        match error {
            CompileError::Malformed { offset, message } => {
                Diagnostic::new(format!("malformed module: {message}")).file(path).offset(*offset, bytes).help(
                    "the module does not pass WebAssembly validation; check how it was made or copied, for example with `wasm-validate`",
                )
            }
            CompileError::Instantiation { offset, message, .. } => {
                Diagnostic::new(format!("instantiation traps: {message}")).file(path).offset(*offset, bytes).help(
                    "the module is valid, and no instance of it comes to be; make its memory or table larger, or move the segment",
                )
            }
            CompileError::DebugInfo { offset, message } => {
                Diagnostic::new(format!("the module's DWARF is malformed: {message}")).file(path).offset(*offset, bytes).help(
                    "use --debug=offsets, which does without it, or leave -g out",
                )
            }
            CompileError::Unsupported { function, offset, what } => {
                let leave_out = if function.is_some() { ", or leave this function out" } else { "" };
                let help = format!(
                    "integer WebAssembly 2.0 is supported; build without floating point, SIMD, threads and reference types{leave_out}"
                );
                Diagnostic::new(format!("unsupported: {what}")).file(path).offset(*offset, bytes).function(*function, bytes).help(help)
            }
            CompileError::Limit { function, what, limit } => {
                let help = match *what {
                    "pages of linear memory" => "linear memory may have 2 GiB; give a lower number of pages",
                    _ => "split the function or the module",
                };
                Diagnostic::new(format!("too many {what}: the limit is {limit}")).file(path).function(*function, bytes).help(help)
            }
            CompileError::Border { function, offset, what, remedy } => {
                let diagnostic = Diagnostic::new(what).file(path).function(*function, bytes).help(remedy);
                match offset {
                    Some(offset) => diagnostic.offset(*offset, bytes),
                    None => diagnostic,
                }
            }
            CompileError::NoFunction { name } => {
                Diagnostic::new(format!("the module defines no function {name}")).file(path).help(
                    "functions are named by their exports or the module's name section; `synth disasm` lists them",
                )
            }
            CompileError::Internal { function, message } => {
                let defect = Diagnostic::new(format!("defect in synth: {message}")).file(path).function(*function, bytes);
                defect.help("nothing was written; please report it with the module")
            }
        }
    }
    /// The validator's error about a module and an object.
    pub fn input(error: &InputError, module: &Path, bytes: &[u8], object: &Path) -> Diagnostic {
        match error {
            InputError::Module { offset, message } => {
                Diagnostic::new(format!("the validator refuses the module: {message}")).file(module).offset(*offset as u64, bytes)
            }
            InputError::Object(message) => Diagnostic::new(format!("the validator refuses the object: {message}"))
                .file(object)
                .help("give a relocatable object as `synth compile` writes it, with the module that it was compiled from"),
            InputError::Claim(message) => Diagnostic::new(format!("the validator refuses the claim: {message}"))
                .file(object)
                .help("objects carry their claim in the section .synth.witness; if it was stripped, give the folder of a certificate with --certificate"),
        }
    }

    /// Prints it: as text on the standard error, as JSON on the standard output.
    pub fn print(&self, format: Format) {
        match format {
            Format::Text => output::print_error(&self.render()),
            Format::Json => {
                #[derive(Serialize)]
                struct Failure<'a> {
                    schema: u32,
                    #[serde(flatten)]
                    diagnostic: &'a Diagnostic,
                }
                output::print_json(&Failure { schema: JSON_SCHEMA, diagnostic: self });
            }
        }
    }

    fn place(&self) -> String {
        let name = self.function_name.as_ref().map(|n| format!(" ({n})")).unwrap_or_default();
        let function = self.function.map(|f| format!("in function {f}{name}"));
        let offset = self.offset.map(|o| format!("at byte offset {o:#x}"));
        function.into_iter().chain(offset).collect::<Vec<_>>().join(", ")
    }

    fn render(&self) -> String {
        let place = self.place();
        let file = self.file.clone().unwrap_or_default();
        let mut group = Level::ERROR.primary_title(self.error.as_str()).elements(Vec::<Origin<'_>>::new());
        let row = self.row.as_ref().zip(self.offset).map(|((start, bytes), offset)| {
            let text = bytes.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x} ");
                text
            });
            // An offset at the end of the module points behind the last byte.
            let at = (3 * (offset as usize - start)).min(text.len() - 1);
            (text.trim_end().to_string(), at, *start)
        });
        if let Some((text, at, start)) = &row {
            let span = (*at).min(text.len())..(at + 2).min(text.len());
            let annotation = AnnotationKind::Primary.span(span).label(place.as_str());
            group = group.element(Snippet::source(text.clone()).line_numbering(false).annotation(annotation));
            let row = format!("{file}, the bytes from {start:#x}");
            group = group.element(Level::NOTE.with_name("file").message(row));
        } else if self.file.is_some() {
            let path = if place.is_empty() { file } else { format!("{file}, {place}") };
            group = group.element(Origin::path(path));
        }
        for note in &self.notes {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if output::error_is_terminal() { Renderer::styled() } else { Renderer::plain() };
        format!("{}\n", renderer.render(&[group]))
    }
}
