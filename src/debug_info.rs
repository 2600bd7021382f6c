//! DWARF for objects: lines, functions and call frames, as debuggers read them. Nothing of it is loaded on the target, and no
//! proof looks at it.
//!
//! Every function gets call frame information that holds at each of its instructions, and lines. Where the module carries
//! DWARF (`clang -g`), lines are those of its sources, and each of its compile units is one here; elsewhere, or if asked
//! for, the file is the module and a line's number is a byte offset in it. Each function lies in a section of its own, so
//! addresses are relocations against that section and go with it. DWARF version 4: all tools for this target read it.
//!
//! What is not told: variables and parameters, types, and what was inlined at several places of one function.

mod frames;
mod inlined;
mod source;
mod unit;

use crate::compile::CompiledFunction;
use crate::error::CompileError;
use crate::module::{ExportKind, Module};
use gimli::write::{Dwarf, EndianVec, FrameTable, RelocateWriter, Relocation, RelocationTarget, Sections, Writer};
use gimli::{Encoding, Format, LittleEndian, SectionId};
use inlined::Site;
use source::Source;
use std::ops::Range;
use synth_validator::claim::Claim;
use synth_validator::contract::{SYM_FUNCTION, SYM_INIT, export_symbol};
use unit::UnitWriter;

/// DWARF's numbers of registers. Source: IHI 0040 (DWARF for the Arm Architecture), table of register numbers.
const SP: gimli::Register = gimli::Register(13);
const LR: gimli::Register = gimli::Register(14);

const ENCODING: Encoding = Encoding { format: Format::Dwarf32, version: 4, address_size: 4 };

/// What lines mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// The module's sources, where it says what comes from them; else offsets.
    Source,
    /// Byte offsets in the module.
    Offsets,
}

/// What a user wants of debug information.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugOptions {
    /// What lines mean.
    pub lines: Lines,
    /// The module's path, as it is to stand in the object.
    pub path: String,
}

/// What an address in a debug section counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The section of the code with this number: functions, then exported imports.
    Code(usize),
    /// The debug section of this name.
    Section(&'static str),
}

/// A word of a debug section for the linker to fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebugReloc {
    /// Where it is.
    pub offset: u64,
    /// What it counts from.
    pub base: Base,
    /// What is added.
    pub addend: i64,
}

/// A debug section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugSection {
    /// Name.
    pub name: &'static str,
    /// Contents.
    pub bytes: Vec<u8>,
    /// Words to be filled in.
    pub relocations: Vec<DebugReloc>,
}

/// A piece of code that has a section.
struct Code<'a> {
    /// Its number.
    number: usize,
    /// What debuggers call it.
    name: String,
    is_external: bool,
    bytes: u32,
    /// The compiled function; absent for an exported import.
    function: Option<&'a CompiledFunction>,
    /// What was inlined into it.
    inlined: Vec<Site>,
}

/// Makes the debug sections of an object.
///
/// # Errors
/// `DebugInfo`, if the module's own DWARF is to be used and cannot be read.
pub fn sections(
    options: &DebugOptions,
    module: &Module,
    bytes: &[u8],
    (functions, claim): (&[CompiledFunction], &Claim),
    imports_exported: &[(String, u32)],
) -> Result<Vec<DebugSection>, CompileError> {
    let source = match options.lines {
        Lines::Source => source::read(module, bytes)?,
        Lines::Offsets => Source::default(),
    };
    let compiled = functions.iter().enumerate().map(|(number, function)| Code {
        number,
        name: source.name(function.index).unwrap_or_else(|| name(module, function.index)),
        is_external: module.exports.iter().any(|e| e.kind == ExportKind::Function && e.index == function.index),
        bytes: function.code.len() as u32,
        function: Some(function),
        inlined: inlined::sites(claim, function.index, &function.lines, function.code.len() as u32, |offset| {
            function_at(module, u64::from(offset))
        }),
    });
    let thunks = imports_exported.iter().enumerate().map(|(n, (name, bytes))| Code {
        number: functions.len() + n,
        name: name.clone(),
        is_external: true,
        bytes: *bytes,
        function: None,
        inlined: Vec::new(),
    });
    let all: Vec<Code<'_>> = compiled.chain(thunks).collect();
    let mut dwarf = Dwarf::new();
    // Code that no unit of the module's speaks of comes last.
    for unit in (0..source.units.len()).map(Some).chain([None]) {
        let of_unit = |code: &&Code<'_>| code.function.and_then(|f| source.unit_of(f.index)) == unit;
        let members: Vec<&Code<'_>> = all.iter().filter(of_unit).collect();
        if !members.is_empty() {
            let mut writer = UnitWriter::new(&mut dwarf, &source, unit, &options.path);
            members.iter().for_each(|code| writer.code(code, module));
            writer.finish();
        }
    }
    let frames = frames::table(&all);
    written(&mut dwarf, &frames)
}

/// What debuggers call a function of which the module's DWARF says nothing.
fn name(module: &Module, index: u32) -> String {
    if index as usize >= module.functions.len() {
        return SYM_INIT.to_string();
    }
    let named = module.names.iter().find(|(function, _)| *function == index).map(|(_, name)| name.clone());
    let exported = module.exports.iter().find(|e| e.kind == ExportKind::Function && e.index == index);
    let exported = exported.map(|e| export_symbol(&e.name).into_owned());
    let name = named.or(exported).unwrap_or_else(|| format!("{SYM_FUNCTION}{index}"));
    plain(&name)
}

/// A text as DWARF can hold it.
fn plain(text: &str) -> String {
    let text = text.replace('\0', "?");
    if text.is_empty() { "?".to_string() } else { text }
}

/// Byte range of a function's body; empty for the start-up function.
fn body(module: &Module, index: u32) -> Range<u64> {
    let range = module.functions.get(index as usize).map_or(0..0, |f| f.body.clone());
    range.start as u64..range.end as u64
}

/// The function whose body is at an offset in the module.
fn function_at(module: &Module, offset: u64) -> Option<u32> {
    let after = module.functions.partition_point(|f| f.import.is_some() || f.body.start as u64 <= offset);
    let index = (after as u32).checked_sub(1)?;
    body(module, index).contains(&offset).then_some(index)
}

/// A section that is being written, with its relocations.
#[derive(Clone)]
struct Section {
    bytes: EndianVec<LittleEndian>,
    relocations: Vec<Relocation>,
}

impl RelocateWriter for Section {
    type Writer = EndianVec<LittleEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.bytes
    }
    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.bytes
    }
    fn relocate(&mut self, relocation: Relocation) {
        self.relocations.push(relocation);
    }
}

fn internal(e: impl std::fmt::Display) -> CompileError {
    CompileError::Internal { function: None, message: format!("debug information: {e}") }
}

fn written(dwarf: &mut Dwarf, frames: &FrameTable) -> Result<Vec<DebugSection>, CompileError> {
    let mut sections = Sections::new(Section { bytes: EndianVec::new(LittleEndian), relocations: Vec::new() });
    dwarf.write(&mut sections).map_err(internal)?;
    frames.write_debug_frame(&mut sections.debug_frame).map_err(internal)?;
    let mut out = Vec::new();
    sections.for_each(|id, section| {
        if section.bytes.len() > 0 {
            out.push(finished(id, section)?);
        }
        Ok::<(), CompileError>(())
    })?;
    Ok(out)
}

fn finished(id: SectionId, section: &Section) -> Result<DebugSection, CompileError> {
    let relocation = |r: &Relocation| {
        let base = match (r.size, r.target) {
            (4, RelocationTarget::Symbol(number)) => Base::Code(number),
            (4, RelocationTarget::Section(to)) => Base::Section(to.name()),
            _ => return Err(internal("a relocation that is no word")),
        };
        Ok(DebugReloc { offset: r.offset as u64, base, addend: r.addend })
    };
    let relocations = section.relocations.iter().map(relocation).collect::<Result<_, _>>()?;
    Ok(DebugSection { name: id.name(), bytes: section.bytes.slice().to_vec(), relocations })
}
