//! A function's bytes in pieces for people: instructions, literals, tables, padding; and the module's operators that they come from.

use crate::operator_name;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;
use synth_validator::arm::decode::{Code, FunctionBytes, Target};
use synth_validator::arm::insn::{Insn, Op};
use synth_validator::check_command::printable;
use synth_validator::claim::FunctionClaim;
use synth_validator::wasm::module::Module;
use wasmparser::{BinaryReader, FunctionBody};

/// Longest name of a function that is shown whole.
const NAME_CHARS: usize = 32;

/// A name that cannot break a table or a terminal.
pub fn tidy(name: &str) -> String {
    let mut tidy = printable(name);
    if tidy.chars().count() > NAME_CHARS {
        tidy = tidy.chars().take(NAME_CHARS - 1).chain(['…']).collect();
    }
    tidy
}

/// (code offset, module offset) where the cut points of all links of a function join up.
pub fn cut_lines(claim: &FunctionClaim) -> Vec<(u32, u32)> {
    let mut lines: Vec<(u32, u32)> = Vec::new();
    for cut in &claim.witness.cuts {
        let mut at = Some(cut.left);
        for stage in claim.stages.iter().rev() {
            at = at.and_then(|at| stage.witness.cuts.iter().find(|c| c.right == at)).map(|c| c.left);
        }
        if let Some(offset) = at {
            lines.push((cut.right as u32, offset as u32));
        }
    }
    lines.sort_unstable();
    lines
}

/// The operators of a function by byte offset in the module.
pub fn operators(module: &Module, bytes: &[u8], index: u32) -> BTreeMap<u32, String> {
    let range = module.functions.get(index as usize).map_or(0..0, |f| f.body.clone());
    let Some(code) = bytes.get(range.clone()).filter(|c| !c.is_empty()) else {
        return BTreeMap::new();
    };
    let body = FunctionBody::new(BinaryReader::new(code, range.start as _));
    let Ok(reader) = body.get_operators_reader() else {
        return BTreeMap::new();
    };
    let pairs = reader.into_iter_with_offsets().filter_map(Result::ok);
    pairs.map(|(operator, offset)| (offset as u32, operator_name::text(&operator))).collect()
}

/// What a piece of a function's bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An instruction.
    Instruction,
    /// A word that an instruction loads.
    Literal,
    /// Bytes of a branch table.
    Table,
    /// Bytes that nothing reads.
    Padding,
}

/// An instruction, a literal, or a few bytes of a table or of padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Offset from the start of the function.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// What it is.
    pub kind: Kind,
    /// As assembly.
    pub text: String,
}

/// All bytes of a function in pieces, ascending, without gap.
pub fn pieces(module: &Module, function: &FunctionBytes, code: &Code) -> Vec<Piece> {
    let (mut pieces, mut offset, length) = (Vec::new(), 0, function.bytes.len() as u32);
    while offset < length {
        let (size, kind, text) = piece(module, function, code, offset);
        let size = size.clamp(1, length - offset);
        pieces.push(Piece { offset, size, kind, text });
        offset += size;
    }
    pieces
}

/// The offsets of an instruction's branch table, which follows it; empty if it has none.
pub fn table(code: &Code, insn: &Insn) -> Range<u32> {
    let entry_bytes = if matches!(insn.op, Op::TableBranch { half: true, .. }) { 2 } else { 1 };
    let entries = code.tables.get(&insn.offset).map_or(0, |targets| targets.len() as u32);
    insn.end()..insn.end() + entry_bytes * entries
}

/// Whether an offset lies in a branch table.
fn in_table(code: &Code, at: u32) -> bool {
    code.tables.keys().filter_map(|offset| code.insns.get(offset)).any(|insn| table(code, insn).contains(&at))
}

fn piece(module: &Module, function: &FunctionBytes, code: &Code, at: u32) -> (u32, Kind, String) {
    if let Some(insn) = code.insns.get(&at) {
        return (u32::from(insn.size), Kind::Instruction, instruction(module, function, insn));
    }
    if let Some(literal) = code.literals.get(&at) {
        let symbol = function.relocations.get(&at).map(|r| format!("  <{}>", target_name(module, r.target)));
        return (4, Kind::Literal, format!(".word {:#010x}{}", literal.word, symbol.unwrap_or_default()));
    }
    let kind = if in_table(code, at) { Kind::Table } else { Kind::Padding };
    let next = code.insns.keys().chain(code.literals.keys()).copied().filter(|next| *next > at).min();
    let end = next.unwrap_or(function.bytes.len() as u32);
    let byte = function.bytes[at as usize];
    match (end - at) % 2 {
        0 => (2, kind, format!(".short {:#06x}", u16::from_le_bytes([byte, function.bytes[at as usize + 1]]))),
        _ => (1, kind, format!(".byte {byte:#04x}")),
    }
}

/// An instruction's text, with branch targets as they are numbered here, or as symbols.
fn instruction(module: &Module, function: &FunctionBytes, insn: &Insn) -> String {
    let symbol = insn.relocation.map(|r| format!("<{}>", target_name(module, r.target)));
    let target = match insn.op {
        Op::B { target, .. } | Op::Bl { target } | Op::Cbz { target, .. } => Some(target),
        _ => None,
    };
    match (target, symbol, insn.text.rsplit_once('#')) {
        (Some(_), Some(symbol), Some((before, _))) => format!("{before}{symbol}"),
        (Some(target), None, Some((before, _))) => {
            format!("{before}{:#x}", i64::from(function.address) + target)
        }
        (_, Some(symbol), _) => format!("{}  {symbol}", insn.text),
        _ => insn.text.clone(),
    }
}

/// What a relocation points at, by name.
pub fn target_name(module: &Module, target: Target) -> String {
    use synth_validator::contract::{SYM_DATA, SYM_GLOBALS, SYM_MEMORY, SYM_MEMORY_BYTES, SYM_RESULTS, SYM_TABLE};
    use synth_validator::domain::Symbol;
    match target {
        Target::Helper(helper) => helper.name().to_string(),
        Target::Symbol(Symbol::Memory) => SYM_MEMORY.to_string(),
        Target::Symbol(Symbol::MemoryBytes) => SYM_MEMORY_BYTES.to_string(),
        Target::Symbol(Symbol::Globals) => SYM_GLOBALS.to_string(),
        Target::Symbol(Symbol::Results) => SYM_RESULTS.to_string(),
        Target::Symbol(Symbol::Table(n)) => format!("{SYM_TABLE}{n}"),
        Target::Symbol(Symbol::Data(n)) => format!("{SYM_DATA}{n}"),
        Target::Symbol(Symbol::HostData(n)) => {
            let import = module.globals.get(n as usize).and_then(|g| g.import.as_ref());
            import.map_or_else(|| format!("global {n}"), |i| module.import_symbol(i))
        }
        Target::Symbol(Symbol::Function(n)) => match module.functions.get(n as usize).and_then(|f| f.import.as_ref()) {
            Some(import) => module.import_symbol(import),
            None => tidy(&module.display_name(n)),
        },
    }
}
