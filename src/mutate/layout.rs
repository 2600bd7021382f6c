//! Where in an object's file the things lie that mutants change. Read by hand: what is changed is the file, not a reading of it.

use super::inputs::Random;
use super::{Kind, Mutant, fields, instructions};
use std::ops::Range;
use synth_validator::arm::decode::Code;
use synth_validator::contract::SYM_FUNCTION;
use synth_validator::validate::Session;

/// A function's code.
pub struct Place<'a> {
    /// Its name for people.
    pub name: String,
    /// Its bytes in the file.
    pub range: Range<usize>,
    /// What they are.
    pub code: &'a Code,
}

/// A section's header and contents.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its header in the file.
    pub header: Range<usize>,
    /// `sh_type`.
    pub kind: usize,
    /// Its contents in the file; empty if it has none there.
    pub contents: Range<usize>,
    /// For relocations: the section that they change.
    pub info: usize,
}

/// The places of an object.
pub struct Layout<'a> {
    /// The file.
    pub object: &'a [u8],
    /// Functions that are decoded.
    pub functions: Vec<Place<'a>>,
    /// Sections by number.
    pub sections: Vec<Section>,
    /// Entries of the symbol table and their names.
    pub symbols: Vec<(Range<usize>, String)>,
    /// Entries of relocations, each with the place in the file that it changes.
    pub relocations: Vec<(Range<usize>, usize)>,
}

/// A little-endian word of a file; 0 past its end.
pub fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn half(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 2).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])))
}

fn text(bytes: &[u8], at: usize) -> String {
    let rest = bytes.get(at..).unwrap_or(&[]);
    String::from_utf8_lossy(rest.split(|b| *b == 0).next().unwrap_or(&[])).into_owned()
}

/// Source: ELF, SHT_SYMTAB, SHT_REL, SHT_NOBITS.
const SYMBOLS: usize = 2;
const RELOCATIONS: usize = 9;
const NOBITS: usize = 8;

impl<'a> Layout<'a> {
    /// Reads an object that was found good.
    ///
    /// # Errors
    /// If it has nothing to change.
    pub fn new(object: &'a [u8], session: &Session<'_>, codes: &'a [Option<Code>]) -> Result<Layout<'a>, String> {
        let at = |i: usize| word(object, i) as usize;
        let (table, count, names) = (at(0x20), half(object, 0x30), half(object, 0x32));
        let names = at(table + 40 * names + 16);
        let section = |i: usize| {
            let header = table + 40 * i;
            let (kind, start, size) = (at(header + 4), at(header + 16), at(header + 20));
            let size = if kind == NOBITS { 0 } else { size };
            let name = text(object, names + at(header));
            Section { name, header: header..header + 40, kind, contents: start..start + size, info: at(header + 28) }
        };
        let sections: Vec<Section> = (0..count).map(section).collect();
        let mut layout =
            Layout { object, functions: Vec::new(), sections, symbols: Vec::new(), relocations: Vec::new() };
        let table = layout.sections.iter().find(|s| s.kind == SYMBOLS).ok_or("no symbol table")?;
        let link = at(table.header.start + 24);
        let strings = layout.sections.get(link).ok_or("no string table")?.contents.start;
        let entries = table.contents.clone().step_by(16);
        layout.symbols = entries.map(|e| (e..e + 16, text(object, strings + at(e)))).collect();
        for section in layout.sections.iter().filter(|s| s.kind == RELOCATIONS) {
            let Some(changed) = layout.sections.get(section.info) else { continue };
            let entries = section.contents.clone().step_by(8);
            layout.relocations.extend(entries.map(|e| (e..e + 8, changed.contents.start + at(e))));
        }
        for (entry, name) in &layout.symbols {
            let index = name.strip_prefix(SYM_FUNCTION).and_then(|n| n.parse::<u32>().ok());
            let code = index.and_then(|f| codes.get(f as usize)?.as_ref());
            let section = layout.sections.get(half(object, entry.start + 14));
            let (Some(index), Some(code), Some(section)) = (index, code, section) else { continue };
            let start = section.contents.start + (at(entry.start + 4) & !1);
            let range = start..start + at(entry.start + 8);
            let name = session.module().display_name(index);
            layout.functions.push(Place { name, range, code });
        }
        match layout.functions.is_empty() {
            true => Err("no function".to_string()),
            false => Ok(layout),
        }
    }

    /// A random change. None where the object has nothing of the kind that was drawn, however often.
    pub fn mutant(&self, random: &mut Random) -> Option<Mutant> {
        for _ in 0..20 {
            let kind = *random.pick(&WEIGHTED);
            let made = match kind {
                Kind::RelocationSymbol
                | Kind::RelocationType
                | Kind::RelocationPlace
                | Kind::Addend
                | Kind::Data
                | Kind::Symbol
                | Kind::Mapping
                | Kind::Section
                | Kind::Attributes => fields::change(self, kind, random),
                _ => instructions::change(self, kind, random),
            };
            if let Some(mutant) = made.filter(|m| m.object != self.object) {
                return Some(mutant);
            }
        }
        None
    }
}

/// Kinds, each as often as it is to be drawn: code most of all.
#[rustfmt::skip]
const WEIGHTED: [Kind; 46] = [
    Kind::Bit, Kind::Bit, Kind::Bit, Kind::TwoBits, Kind::Register, Kind::Register, Kind::Register, Kind::Register, Kind::Operands,
    Kind::Operands, Kind::Immediate, Kind::Immediate, Kind::Immediate, Kind::Immediate, Kind::Condition, Kind::Condition,
    Kind::Condition, Kind::Flags, Kind::Flags, Kind::Operation, Kind::Operation, Kind::Operation, Kind::Target, Kind::Target,
    Kind::Stack, Kind::Stack, Kind::Stack, Kind::Deleted, Kind::Deleted, Kind::Duplicated, Kind::Duplicated, Kind::Exchanged,
    Kind::Exchanged, Kind::Exchanged, Kind::Literal, Kind::Literal, Kind::TableEntry, Kind::RelocationSymbol, Kind::RelocationType,
    Kind::RelocationPlace, Kind::Addend, Kind::Data, Kind::Symbol, Kind::Mapping, Kind::Section, Kind::Attributes,
];
