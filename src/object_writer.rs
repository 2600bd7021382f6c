//! Writes the relocatable object (`ET_REL`, ELF for Arm, EABI 5): code, symbols, relocations, data, witness.
//! Layout and names are those of `docs/abi.md`. Addends are in the relocated words (REL).

mod attributes;

use crate::branch_relax::{RelocKind, RelocTarget};
use crate::compile::{CompiledFunction, Core};
use crate::encode::branch::{b_wide, nop};
use crate::encode::operand::Offset;
use crate::error::CompileError;
use crate::module_info::ModuleInfo;
use object::elf;
use object::write::{Object, Relocation, SectionId, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, RelocationFlags, SectionFlags, SectionKind, SymbolFlags,
    SymbolKind, SymbolScope,
};
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::contract::{
    SYM_DATA, SYM_FUNCTION, SYM_GLOBALS, SYM_MEMORY, SYM_MEMORY_BYTES, SYM_RESULTS, SYM_TABLE, WITNESS_SECTION,
};
use synth_validator::domain::Symbol as ModuleSymbol;

/// Bytes of a section: initialized, or a number of zero bytes that cost no flash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// These bytes.
    Bytes(Vec<u8>),
    /// As many zero bytes.
    Zero(u64),
}

/// A word of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellInit {
    /// A constant.
    Word(u32),
    /// The address of a symbol.
    Address(ModuleSymbol),
}

/// An entry of a table that is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// 1 + canonical type index.
    pub type_word: u32,
    /// Function index.
    pub func: u32,
}

/// What stands in an object besides compiled functions.
#[derive(Clone, Debug, Default)]
pub struct ObjectData {
    /// (export name, function index) of exported functions, in export order.
    pub exports: Vec<(String, u32)>,
    /// Linear memory, if the object owns it.
    pub memory: Option<Image>,
    /// Initial value of the memory size cell, if the module has a memory.
    pub memory_bytes: Option<u32>,
    /// Words of the defined globals.
    pub cells: Vec<CellInit>,
    /// Result words after the fourth.
    pub result_words: u32,
    /// Tables by index.
    pub tables: Vec<Vec<Option<TableEntry>>>,
    /// Read-only copies of data segments: (segment index, bytes).
    pub data_segments: Vec<(u32, Vec<u8>)>,
    /// Contents of the witness section.
    pub witness: Vec<u8>,
    /// Symbols of compiled functions that are not `__synth_fN` (by function index), such as `__synth_instance_init`.
    pub special_names: BTreeMap<u32, String>,
}

struct Writer<'a> {
    object: Object<'a>,
    info: &'a ModuleInfo,
    symbols: BTreeMap<String, SymbolId>,
    text: SectionId,
}

/// Writes the object.
///
/// # Errors
/// `Internal` if a reference names nothing in the module.
pub fn write_object(
    functions: &[CompiledFunction],
    info: &ModuleInfo,
    data: &ObjectData,
    core: Core,
) -> Result<Vec<u8>, CompileError> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Arm, Endianness::Little);
    object.flags = FileFlags::Elf {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_flags: elf::FileFlags(elf::EF_ARM_EABI_VER5.0 | elf::EF_ARM_ABI_FLOAT_SOFT),
    };
    let text = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
    let mut w = Writer { object, info, symbols: BTreeMap::new(), text };
    let starts = w.code(functions, data)?;
    w.data(data)?;
    for (function, start) in functions.iter().zip(&starts) {
        for reloc in &function.relocations {
            let name = match &reloc.target {
                RelocTarget::Symbol(symbol) => w.name(*symbol)?,
                RelocTarget::Helper(name) => name.to_string(),
            };
            let kind = match reloc.kind {
                RelocKind::Call => elf::R_ARM_THM_PC22,
                RelocKind::Jump => elf::R_ARM_THM_JUMP24,
                RelocKind::MovwLow => elf::R_ARM_THM_MOVW_ABS_NC,
                RelocKind::MovtHigh => elf::R_ARM_THM_MOVT_ABS,
                RelocKind::Word => elf::R_ARM_ABS32,
            };
            w.relocate(w.text, start + u64::from(reloc.offset), &name, kind)?;
        }
    }
    let witness = w.object.add_section(Vec::new(), WITNESS_SECTION.as_bytes().to_vec(), SectionKind::Other);
    w.object.set_section_data(witness, &data.witness[..], 1);
    let attributes = w.object.add_section(Vec::new(), b".ARM.attributes".to_vec(), SectionKind::Other);
    w.object.section_mut(attributes).flags =
        SectionFlags::Elf { sh_type: elf::SHT_ARM_ATTRIBUTES, sh_flags: elf::SectionFlags(0) };
    w.object.append_section_data(attributes, &attributes::build(core), 1);
    w.object.write().map_err(internal)
}

fn internal(e: impl std::fmt::Display) -> CompileError {
    CompileError::Internal { function: None, message: format!("object: {e}") }
}

impl Writer<'_> {
    fn name(&self, symbol: ModuleSymbol) -> Result<String, CompileError> {
        self.info.symbol_name(symbol).ok_or_else(|| internal(format!("nothing is named {symbol:?}")))
    }
    /// Writes all functions and their symbols. Result: the section offset of each function.
    fn code(&mut self, functions: &[CompiledFunction], data: &ObjectData) -> Result<Vec<u64>, CompileError> {
        let mut starts = Vec::new();
        let mut sizes = BTreeMap::new();
        for function in functions {
            let start = self.aligned();
            self.object.append_section_data(self.text, &function.code, 1);
            self.mapping("$t", start);
            for (from, to) in &function.data_ranges {
                self.mapping("$d", start + u64::from(*from));
                // What follows a function says itself what it is.
                if (*to as usize) < function.code.len() {
                    self.mapping("$t", start + u64::from(*to));
                }
            }
            starts.push(start);
            sizes.insert(function.index, (start, function.code.len() as u64));
            let special = data.special_names.get(&function.index);
            let name = special.cloned().unwrap_or_else(|| format!("{SYM_FUNCTION}{}", function.index));
            let scope = if special.is_some() { SymbolScope::Dynamic } else { SymbolScope::Compilation };
            self.function(&name, start, function.code.len() as u64, scope);
        }
        for (name, func) in &data.exports {
            if let Some((start, size)) = sizes.get(func) {
                self.function(name, *start, *size, SymbolScope::Dynamic);
                continue;
            }
            let import = self.name(ModuleSymbol::Function(*func))?;
            let start = self.aligned();
            let mut bytes = Vec::new();
            b_wide(Offset::ZERO).append_to(&mut bytes);
            self.object.append_section_data(self.text, &bytes, 1);
            self.mapping("$t", start);
            self.function(name, start, 4, SymbolScope::Dynamic);
            self.relocate(self.text, start, &import, elf::R_ARM_THM_JUMP24)?;
        }
        Ok(starts)
    }
    /// Pads code to 4 bytes. Result: the offset of what follows.
    fn aligned(&mut self) -> u64 {
        let mut padding = Vec::new();
        if self.object.section(self.text).data().len() % 4 != 0 {
            nop().append_to(&mut padding);
        }
        self.object.append_section_data(self.text, &padding, 1);
        self.object.append_section_data(self.text, &[], 4)
    }
    fn add(
        &mut self,
        name: &str,
        value: u64,
        size: u64,
        kind: SymbolKind,
        scope: SymbolScope,
        section: SymbolSection,
    ) -> SymbolId {
        let symbol = Symbol {
            name: name.as_bytes().to_vec(),
            value,
            size,
            kind,
            scope,
            weak: false,
            section,
            flags: SymbolFlags::None,
        };
        self.object.add_symbol(symbol)
    }
    fn mapping(&mut self, name: &str, at: u64) {
        let section = SymbolSection::Section(self.text);
        let id = self.add(name, at, 0, SymbolKind::Label, SymbolScope::Compilation, section);
        self.object.symbol_mut(id).flags = SymbolFlags::Elf {
            st_info: elf::SymbolInfo::new(elf::STB_LOCAL, elf::STT_NOTYPE),
            st_other: elf::SymbolOther(0),
        };
    }
    fn function(&mut self, name: &str, start: u64, size: u64, scope: SymbolScope) {
        let section = SymbolSection::Section(self.text);
        let id = self.add(name, start | 1, size, SymbolKind::Text, scope, section);
        self.symbols.insert(name.to_string(), id);
    }
    fn relocate(
        &mut self,
        section: SectionId,
        offset: u64,
        name: &str,
        r_type: elf::RelocationType,
    ) -> Result<(), CompileError> {
        let symbol = match self.symbols.get(name) {
            Some(&id) => id,
            None => {
                let id = self.add(name, 0, 0, SymbolKind::Unknown, SymbolScope::Unknown, SymbolSection::Undefined);
                self.symbols.insert(name.to_string(), id);
                id
            }
        };
        let flags = RelocationFlags::Elf { r_type };
        self.object.add_relocation(section, Relocation { offset, symbol, addend: 0, flags }).map_err(internal)
    }
    fn section(&mut self, name: &str, kind: SectionKind, image: &Image, align: u64) -> (SectionId, u64) {
        let section = self.object.add_section(Vec::new(), name.as_bytes().to_vec(), kind);
        match image {
            Image::Bytes(bytes) => {
                self.object.append_section_data(section, bytes, align);
                (section, bytes.len() as u64)
            }
            Image::Zero(bytes) => {
                self.object.append_section_bss(section, *bytes, align);
                (section, *bytes)
            }
        }
    }
    fn object_symbol(&mut self, name: &str, (section, size): (SectionId, u64), scope: SymbolScope) {
        let id = self.add(name, 0, size, SymbolKind::Data, scope, SymbolSection::Section(section));
        self.symbols.insert(name.to_string(), id);
    }
    fn data(&mut self, data: &ObjectData) -> Result<(), CompileError> {
        // Host-visible: the memory, its size, and results that registers do not hold. The rest is the module's own.
        let (local, global) = (SymbolScope::Compilation, SymbolScope::Dynamic);
        if let Some(image) = &data.memory {
            let (name, kind) = match image {
                Image::Bytes(_) => (".data.synth_memory", SectionKind::Data),
                Image::Zero(_) => (".bss.synth_memory", SectionKind::UninitializedData),
            };
            let section = self.section(name, kind, image, 8);
            self.object_symbol(SYM_MEMORY, section, global);
        }
        if let Some(bytes) = data.memory_bytes {
            let image = Image::Bytes(bytes.to_le_bytes().to_vec());
            let section = self.section(".data.synth_memory_bytes", SectionKind::Data, &image, 4);
            self.object_symbol(SYM_MEMORY_BYTES, section, global);
        }
        for (segment, bytes) in &data.data_segments {
            let image = Image::Bytes(bytes.clone());
            let section = self.section(&format!(".rodata.synth_data{segment}"), SectionKind::ReadOnlyData, &image, 1);
            self.object_symbol(&format!("{SYM_DATA}{segment}"), section, local);
        }
        if data.result_words > 0 {
            let image = Image::Zero(4 * u64::from(data.result_words));
            let section = self.section(".bss.synth_results", SectionKind::UninitializedData, &image, 4);
            self.object_symbol(SYM_RESULTS, section, global);
        }
        self.globals(data)?;
        self.tables(data)
    }
    fn globals(&mut self, data: &ObjectData) -> Result<(), CompileError> {
        if data.cells.is_empty() {
            return Ok(());
        }
        let word = |cell: &CellInit| if let CellInit::Word(w) = cell { *w } else { 0 };
        let image = Image::Bytes(data.cells.iter().flat_map(|c| word(c).to_le_bytes()).collect());
        let section = self.section(".data.synth_globals", SectionKind::Data, &image, 4);
        self.object_symbol(SYM_GLOBALS, section, SymbolScope::Compilation);
        for (n, cell) in data.cells.iter().enumerate() {
            if let CellInit::Address(symbol) = cell {
                let name = self.name(*symbol)?;
                self.relocate(section.0, 4 * n as u64, &name, elf::R_ARM_ABS32)?;
            }
        }
        Ok(())
    }
    fn tables(&mut self, data: &ObjectData) -> Result<(), CompileError> {
        for (n, table) in data.tables.iter().enumerate() {
            let type_word = |e: &Option<TableEntry>| e.map_or(0, |e| e.type_word);
            let words = table.iter().flat_map(|e| [type_word(e), 0]);
            let image = Image::Bytes(words.flat_map(u32::to_le_bytes).collect());
            let section = self.section(&format!(".rodata.synth_table{n}"), SectionKind::ReadOnlyData, &image, 4);
            self.object_symbol(&format!("{SYM_TABLE}{n}"), section, SymbolScope::Compilation);
            for (i, entry) in table.iter().enumerate() {
                if let Some(entry) = entry {
                    let name = self.name(ModuleSymbol::Function(entry.func))?;
                    self.relocate(section.0, 8 * i as u64 + 4, &name, elf::R_ARM_ABS32)?;
                }
            }
        }
        Ok(())
    }
}

/// Names of undefined symbols that an object with these functions refers to, apart from the module's own: imports
/// and helpers.
pub fn outside_names(functions: &[CompiledFunction], info: &ModuleInfo) -> BTreeSet<String> {
    let targets = functions.iter().flat_map(|f| &f.relocations).map(|r| &r.target);
    let name = |target: &RelocTarget| match target {
        RelocTarget::Helper(name) => Some(name.to_string()),
        RelocTarget::Symbol(ModuleSymbol::Function(n)) => info.functions.get(*n as usize)?.import.clone(),
        RelocTarget::Symbol(ModuleSymbol::HostData(n)) => info.host_data.get(*n as usize)?.clone(),
        RelocTarget::Symbol(_) => None,
    };
    targets.filter_map(name).collect()
}
