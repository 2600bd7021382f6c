//! Machine code as a disassembler lists it, to stand in place of a function's code.
//!
//! ```text
//! function give
//!   b510        push {r4, lr}
//!   f7ff fffe   bl lock
//!   bd10        pop {r4, pc}
//!   0000 0000   .word __linear_memory_base
//! ```
//!
//! Halfwords in hexadecimal, then what the disassembler makes of them, which is compared. `bl`, `b.w` and `.word` with a name are
//! relocated: names are those of functions, imports, run-time helpers and data of the object. A word without a symbol is `.word 0x…`.

use crate::branch_relax::{Reloc, RelocKind, RelocTarget};
use crate::module::Module;
use synth_validator::arm::decode::{FunctionBytes, Helper, Relocation, RelocationKind, Target, decode};
use synth_validator::contract::{SYM_GLOBALS, SYM_MEMORY, SYM_MEMORY_BYTES, SYM_RESULTS, SYM_TABLE};
use synth_validator::domain::Symbol;

/// A function's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Index of the function.
    pub function: u32,
    /// Bytes.
    pub code: Vec<u8>,
    /// Relocations, ascending.
    pub relocations: Vec<Reloc>,
    /// Byte ranges that are words, ascending.
    pub data_ranges: Vec<(u32, u32)>,
    /// By offset of an instruction: its text.
    texts: Vec<(u32, String)>,
}

/// The function with this name.
fn function(module: &Module, name: &str) -> Option<u32> {
    (0..module.functions.len() as u32).find(|f| module.display_name(*f) == name)
}

/// What a name means.
fn target(module: &Module, name: &str) -> Option<RelocTarget> {
    if let Some(helper) = Helper::ALL.into_iter().find(|h| h.name() == name) {
        return Some(RelocTarget::Helper(helper.name()));
    }
    let table = |n: &str| Some(Symbol::Table(n.parse().ok()?));
    Some(RelocTarget::Symbol(match name {
        SYM_MEMORY => Symbol::Memory,
        SYM_MEMORY_BYTES => Symbol::MemoryBytes,
        SYM_GLOBALS => Symbol::Globals,
        SYM_RESULTS => Symbol::Results,
        _ => match name.strip_prefix(SYM_TABLE) {
            Some(number) => table(number)?,
            None => Symbol::Function(function(module, name)?),
        },
    }))
}

/// Reads listings of functions of a module.
///
/// # Errors
/// The first line that is not understood.
pub fn parse(text: &str, module: &Module) -> Result<Vec<Listing>, String> {
    let mut listings: Vec<Listing> = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        if let Some(name) = line.strip_prefix("function ") {
            let function = function(module, name.trim()).ok_or_else(|| format!("no function {name}"))?;
            let (code, relocations, data_ranges, texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            listings.push(Listing { function, code, relocations, data_ranges, texts });
            continue;
        }
        let listing = listings.last_mut().ok_or("code before the first function")?;
        listing.line(line, module).ok_or_else(|| format!("not understood: {line}"))?;
    }
    Ok(listings)
}

impl Listing {
    fn line(&mut self, line: &str, module: &Module) -> Option<()> {
        let is_half = |word: &&str| word.len() == 4 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let words: Vec<&str> = line.split_whitespace().collect();
        let halves = words.iter().take_while(|w| is_half(w)).count();
        let at = self.code.len() as u32;
        for half in &words[..halves] {
            self.code.extend(u16::from_str_radix(half, 16).ok()?.to_le_bytes());
        }
        let rest = &words[halves..];
        let [mnemonic, operands @ ..] = rest else { return None };
        let kind = match *mnemonic {
            ".word" => RelocKind::Word,
            "bl" => RelocKind::Call,
            "b.w" => RelocKind::Jump,
            _ => {
                self.texts.push((at, rest.join(" ")));
                return (halves > 0).then_some(());
            }
        };
        let [name] = operands else { return None };
        if kind == RelocKind::Word {
            match self.data_ranges.last_mut().filter(|(_, end)| *end == at) {
                Some((_, end)) => *end += 4,
                None => self.data_ranges.push((at, at + 4)),
            }
        }
        if !name.starts_with("0x") && !name.starts_with('#') {
            self.relocations.push(Reloc { offset: at, kind, target: target(module, name)? });
        }
        (halves == 2).then_some(())
    }

    /// Compares the text with the disassembler's.
    ///
    /// # Errors
    /// What cannot be decoded, or the instructions that are others.
    pub fn check(&self) -> Result<(), String> {
        let relocation = |r: &Reloc| {
            let kind = match r.kind {
                RelocKind::Call => RelocationKind::ThmCall,
                RelocKind::Jump => RelocationKind::ThmJump24,
                _ => RelocationKind::Abs32,
            };
            let target = match &r.target {
                RelocTarget::Symbol(symbol) => Target::Symbol(*symbol),
                RelocTarget::Helper(name) => Target::Helper(Helper::ALL.into_iter().find(|h| h.name() == *name)?),
            };
            Some((r.offset, Relocation { kind, target }))
        };
        let relocations = self.relocations.iter().filter_map(relocation).collect();
        let bytes = FunctionBytes { bytes: self.code.clone(), relocations, ..FunctionBytes::default() };
        let code = decode(&bytes).map_err(|e| e.0)?;
        let found = |at: &u32| code.insns.get(at).map_or("nothing", |i| i.text.as_str());
        let others = self.texts.iter().filter(|(at, text)| found(at) != text);
        let others: Vec<String> =
            others.map(|(at, text)| format!("at {at:#x} stands `{}`, not `{text}`", found(at))).collect();
        if others.is_empty() { Ok(()) } else { Err(others.join("; ")) }
    }
}
