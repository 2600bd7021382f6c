//! The start-up code as a relocatable object.

use super::assembler::{Reference, Word};
use super::fault::{TRAP_NAMES, trap_names};
use super::startup::{Startup, VECTORS};
use crate::compile::Core;
use crate::error::CompileError;
use crate::object_writer::attributes;
use object::write::{Object, Relocation, SectionId, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, RelocationFlags, SectionFlags, SectionKind, SymbolFlags,
    SymbolKind, SymbolScope, elf,
};
use std::collections::BTreeMap;
use synth_validator::contract::SYM_MEMORY;

/// The section of the vector table.
pub const VECTORS_SECTION: &str = ".vectors";

/// What the object holds besides start-up code.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// Bytes of linear memory to reserve, if nobody else defines it.
    pub memory_bytes: Option<u32>,
    /// Symbols with addresses that the user gives.
    pub defined: BTreeMap<String, u32>,
}

struct Writer<'a> {
    object: Object<'a>,
    symbols: BTreeMap<String, SymbolId>,
    texts: BTreeMap<String, SymbolId>,
    text_section: SectionId,
}

fn internal(e: impl std::fmt::Display) -> CompileError {
    CompileError::Internal { function: None, message: format!("start-up object: {e}") }
}

/// Writes the object.
///
/// # Errors
/// `Internal` if the object library refuses it.
pub fn write(startup: &Startup<'_>, core: Core, extra: &Extra) -> Result<Vec<u8>, CompileError> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Arm, Endianness::Little);
    object.flags = FileFlags::Elf {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_flags: elf::FileFlags(elf::EF_ARM_EABI_VER5.0 | elf::EF_ARM_ABI_FLOAT_SOFT),
    };
    let text_section = object.add_section(Vec::new(), b".rodata.synth_text".to_vec(), SectionKind::ReadOnlyData);
    let mut w = Writer { object, symbols: BTreeMap::new(), texts: BTreeMap::new(), text_section };
    w.code(startup)?;
    w.trap_names()?;
    w.vectors(startup)?;
    if let Some(bytes) = extra.memory_bytes {
        let section = w.section(".bss.synth_memory", SectionKind::UninitializedData);
        w.object.append_section_bss(section, u64::from(bytes), 8);
        w.define(SYM_MEMORY, SymbolSection::Section(section), (0, u64::from(bytes)), SymbolKind::Data);
    }
    for (name, address) in &extra.defined {
        w.define(name, SymbolSection::Absolute, (u64::from(*address), 0), SymbolKind::Data);
    }
    let section = w.section(".ARM.attributes", SectionKind::Other);
    w.object.section_mut(section).flags =
        SectionFlags::Elf { sh_type: elf::SHT_ARM_ATTRIBUTES, sh_flags: elf::SectionFlags(0) };
    w.object.append_section_data(section, &attributes::build(core, false), 1);
    w.object.write().map_err(internal)
}

impl Writer<'_> {
    fn section(&mut self, name: &str, kind: SectionKind) -> SectionId {
        self.object.add_section(Vec::new(), name.as_bytes().to_vec(), kind)
    }

    /// A global symbol, of value and size.
    fn define(&mut self, name: &str, section: SymbolSection, (value, size): (u64, u64), kind: SymbolKind) {
        let id = self.add(name, section, (value, size), kind, false);
        self.symbols.insert(name.to_string(), id);
    }

    fn add(
        &mut self,
        name: &str,
        section: SymbolSection,
        (value, size): (u64, u64),
        kind: SymbolKind,
        weak: bool,
    ) -> SymbolId {
        let symbol = Symbol {
            name: name.as_bytes().to_vec(),
            value,
            size,
            kind,
            scope: SymbolScope::Dynamic,
            weak,
            section,
            flags: SymbolFlags::None,
        };
        self.object.add_symbol(symbol)
    }

    fn mapping(&mut self, name: &str, section: SectionId, at: u64) {
        let id = self.add(name, SymbolSection::Section(section), (at, 0), SymbolKind::Label, false);
        self.object.symbol_mut(id).scope = SymbolScope::Compilation;
        self.object.symbol_mut(id).flags = SymbolFlags::Elf {
            st_info: elf::SymbolInfo::new(elf::STB_LOCAL, elf::STT_NOTYPE),
            st_other: elf::SymbolOther(0),
        };
    }

    fn refer(&mut self, section: SectionId, offset: u64, name: &str, kind: Reference) -> Result<(), CompileError> {
        let symbol = match self.symbols.get(name) {
            Some(id) => *id,
            None => {
                let id = self.add(name, SymbolSection::Undefined, (0, 0), SymbolKind::Unknown, false);
                self.symbols.insert(name.to_string(), id);
                id
            }
        };
        let r_type = match kind {
            Reference::Call => elf::R_ARM_THM_PC22,
            Reference::Word => elf::R_ARM_ABS32,
        };
        self.relocate(section, offset, symbol, r_type)
    }

    fn relocate(
        &mut self,
        section: SectionId,
        offset: u64,
        symbol: SymbolId,
        r_type: elf::RelocationType,
    ) -> Result<(), CompileError> {
        let flags = RelocationFlags::Elf { r_type };
        self.object.add_relocation(section, Relocation { offset, symbol, addend: 0, flags }).map_err(internal)
    }

    /// The local symbol of a text.
    fn text(&mut self, text: &str) -> SymbolId {
        if let Some(id) = self.texts.get(text) {
            return *id;
        }
        let bytes: Vec<u8> = text.bytes().chain([0]).collect();
        let at = self.object.append_section_data(self.text_section, &bytes, 1);
        let name = format!("__synth_text{}", self.texts.len());
        let place = (at, bytes.len() as u64);
        let id = self.add(&name, SymbolSection::Section(self.text_section), place, SymbolKind::Data, false);
        self.object.symbol_mut(id).scope = SymbolScope::Compilation;
        self.texts.insert(text.to_string(), id);
        id
    }

    fn code(&mut self, startup: &Startup<'_>) -> Result<(), CompileError> {
        let section = self.section(".text.synth_start", SectionKind::Text);
        let routines = startup.routines();
        // All symbols first, so that routines find each other.
        let mut starts = Vec::new();
        for routine in &routines {
            let start = self.object.append_section_data(section, &routine.code, 4);
            starts.push(start);
            self.mapping("$t", section, start);
            if (routine.literals_at as usize) < routine.code.len() {
                self.mapping("$d", section, start + u64::from(routine.literals_at));
            }
            let place = (start | 1, routine.code.len() as u64);
            self.define(&routine.name, SymbolSection::Section(section), place, SymbolKind::Text);
            for name in &routine.weak {
                let id = self.add(name, SymbolSection::Section(section), place, SymbolKind::Text, true);
                self.symbols.insert(name.clone(), id);
            }
        }
        for (routine, start) in routines.iter().zip(starts) {
            for (offset, kind, symbol) in &routine.references {
                self.refer(section, start + u64::from(*offset), symbol, *kind)?;
            }
            for (offset, text) in &routine.texts {
                let symbol = self.text(text);
                self.relocate(section, start + u64::from(*offset), symbol, elf::R_ARM_ABS32)?;
            }
        }
        Ok(())
    }

    fn trap_names(&mut self) -> Result<(), CompileError> {
        let section = self.section(".rodata.synth_trap_names", SectionKind::ReadOnlyData);
        let names = trap_names();
        self.object.append_section_data(section, &vec![0; 4 * names.len()], 4);
        self.define(TRAP_NAMES, SymbolSection::Section(section), (0, 4 * names.len() as u64), SymbolKind::Data);
        for (n, name) in names.iter().enumerate() {
            if let Word::Text(text) = name {
                let symbol = self.text(text);
                self.relocate(section, 4 * n as u64, symbol, elf::R_ARM_ABS32)?;
            }
        }
        Ok(())
    }

    fn vectors(&mut self, startup: &Startup<'_>) -> Result<(), CompileError> {
        let section = self.section(VECTORS_SECTION, SectionKind::ReadOnlyData);
        let vectors = startup.vectors();
        let bytes = vec![0; startup.board.vector_bytes() as usize];
        self.object.append_section_data(section, &bytes, 4);
        self.define(VECTORS, SymbolSection::Section(section), (0, bytes.len() as u64), SymbolKind::Data);
        for (n, symbol) in vectors.iter().enumerate().filter(|(_, symbol)| !symbol.is_empty()) {
            self.refer(section, 4 * n as u64, symbol, Reference::Word)?;
        }
        Ok(())
    }
}
