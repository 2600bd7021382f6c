//! Writes the relocatable object (`ET_REL`, ELF for Arm, EABI 5): code, symbols, relocations, data, witness.
//! Layout and names are those of `docs/abi.md`. Addends are in the relocated words (REL).

pub mod attributes;

use crate::branch_relax::{Reloc, RelocKind, RelocTarget};
use crate::compile::{CompiledFunction, Core};
use crate::debug_info::{Base, DebugSection};
use crate::encode::branch::b_wide;
use crate::encode::operand::Offset;
use crate::error::CompileError;
use crate::faults;
use crate::module_info::ModuleInfo;
use object::elf;
use object::write::{Object, Relocation, SectionId, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, RelocationFlags, SectionFlags, SectionKind, SymbolFlags,
    SymbolKind, SymbolScope,
};
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::arm::decode::{Helper, Relocation as FieldRelocation, RelocationKind, Target};
use synth_validator::arm::linked::Site;
use synth_validator::contract::{
    SYM_DATA, SYM_FUNCTION, SYM_GLOBALS, SYM_MEMORY, SYM_MEMORY_BYTES, SYM_RESULTS, SYM_TABLE, WITNESS_SECTION,
};
use synth_validator::domain::Symbol as ModuleSymbol;

/// The section that says which import each symbol is: strings `symbol=module.field`. Not loaded on the target.
pub const IMPORTS_SECTION: &str = ".synth.imports";

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
    /// The address of a symbol plus a number.
    Address(ModuleSymbol, u32),
}

/// An entry of a table that is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// 1 + canonical type index.
    pub type_word: u32,
    /// Function index.
    pub func: u32,
}

/// How exported functions may be bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportBinding {
    /// `STB_GLOBAL`.
    #[default]
    Global,
    /// `STB_WEAK`: another definition takes the place of this one.
    Weak,
    /// `STV_HIDDEN`: seen by what is linked with the object, and by nothing after that.
    Hidden,
}

/// How an object shows its symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SymbolOptions {
    /// Binding of exported functions.
    pub exports: ExportBinding,
    /// Whether the symbols of linear memory, its size, tables, and further results that no other file has a part in are local, so that
    /// several objects fit into one image.
    pub private_data: bool,
}

/// What stands in an object besides compiled functions.
#[derive(Clone, Debug, Default)]
pub struct ObjectData {
    /// (export name, function index) of exported functions, in export order.
    pub exports: Vec<(String, u32)>,
    /// Tables that the module exports.
    pub exported_tables: BTreeSet<u32>,
    /// Linear memory, if the object owns it.
    pub memory: Option<Image>,
    /// What its address is to be a multiple of, in bytes.
    pub memory_align: u32,
    /// Words that hold addresses in linear memory: offsets in linear memory or in a segment's copy. What stands there is the distance from
    /// its start.
    pub addresses: Vec<(ModuleSymbol, u32)>,
    /// Initial value of the memory size cell, if the module has a memory.
    pub memory_bytes: Option<u32>,
    /// Words of the defined globals.
    pub cells: Vec<CellInit>,
    /// Result words after the fourth.
    pub result_words: u32,
    /// Whether others name them too: then their symbol is global.
    pub shows_results: bool,
    /// Tables by index.
    pub tables: Vec<Vec<Option<TableEntry>>>,
    /// Read-only copies of data segments: (segment index, bytes).
    pub data_segments: Vec<(u32, Vec<u8>)>,
    /// Name of the symbol before the object's local symbols.
    pub file: String,
    /// Whether floating-point numbers pass between module and host: in core registers.
    pub passes_floats: bool,
    /// Imports: (symbol, module, field).
    pub imports: Vec<[String; 3]>,
    /// Contents of the witness section.
    pub witness: Vec<u8>,
    /// Debug information.
    pub debug: Vec<DebugSection>,
    /// Symbols of compiled functions that are not `__synth_fN` (by function index), such as `__synth_instance_init`.
    pub special_names: BTreeMap<u32, String>,
}

/// Bytes of the jump that an exported import is.
const THUNK_BYTES: u32 = 4;

impl ObjectData {
    /// Exported functions that are imports, and so have code of their own: names and bytes.
    pub fn thunks(&self, functions: &[CompiledFunction]) -> Vec<(String, u32)> {
        let is_thunk = |func: &u32| functions.iter().all(|f| f.index != *func);
        let thunks = self.exports.iter().filter(|(_, func)| is_thunk(func));
        thunks.map(|(name, _)| (name.clone(), THUNK_BYTES)).collect()
    }
}

struct Writer<'a> {
    object: Object<'a>,
    info: &'a ModuleInfo,
    options: SymbolOptions,
    symbols: BTreeMap<String, SymbolId>,
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
    options: SymbolOptions,
) -> Result<Vec<u8>, CompileError> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Arm, Endianness::Little);
    object.flags = FileFlags::Elf {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_flags: elf::FileFlags(
            elf::EF_ARM_EABI_VER5.0 | if data.passes_floats { elf::EF_ARM_ABI_FLOAT_SOFT } else { 0 },
        ),
    };
    object.add_file_symbol(data.file.clone().into_bytes());
    let mut w = Writer { object, info, options, symbols: BTreeMap::new() };
    let sections = w.code(functions, data)?;
    w.data(data)?;
    for (function, &section) in functions.iter().zip(&sections) {
        for reloc in &function.relocations {
            let name = match &reloc.target {
                RelocTarget::Symbol(ModuleSymbol::Globals) if faults::on("relocation-neighbour") => {
                    SYM_MEMORY_BYTES.to_string()
                }
                RelocTarget::Symbol(symbol) => w.name(*symbol)?,
                RelocTarget::Helper(name) => name.to_string(),
            };
            let kind = match reloc.kind {
                RelocKind::Call => elf::R_ARM_THM_PC22,
                RelocKind::Jump => elf::R_ARM_THM_JUMP24,
                RelocKind::MovwLow => elf::R_ARM_THM_MOVW_ABS_NC,
                RelocKind::MovtHigh => elf::R_ARM_THM_MOVT_ABS,
                RelocKind::Word if faults::on("relocation-relative") => elf::R_ARM_REL32,
                RelocKind::Word => elf::R_ARM_ABS32,
            };
            w.relocate(section, u64::from(reloc.offset), &name, kind)?;
        }
    }
    w.debug(&data.debug, &sections)?;
    if !data.imports.is_empty() {
        let lines = data.imports.iter().map(|[symbol, module, field]| format!("{symbol}={module}.{field}\0"));
        w.section(IMPORTS_SECTION, SectionKind::Other, &Image::Bytes(lines.collect::<String>().into_bytes()), 1);
    }
    let witness = w.object.add_section(Vec::new(), WITNESS_SECTION.as_bytes().to_vec(), SectionKind::Other);
    w.object.set_section_data(witness, &data.witness[..], 1);
    let attributes = w.object.add_section(Vec::new(), b".ARM.attributes".to_vec(), SectionKind::Other);
    w.object.section_mut(attributes).flags =
        SectionFlags::Elf { sh_type: elf::SHT_ARM_ATTRIBUTES, sh_flags: elf::SectionFlags(0) };
    w.object.append_section_data(attributes, &attributes::build(core, data.passes_floats), 1);
    w.object.write().map_err(internal)
}

fn internal(e: impl std::fmt::Display) -> CompileError {
    CompileError::Internal { function: None, message: format!("object: {e}") }
}

impl Writer<'_> {
    fn name(&self, symbol: ModuleSymbol) -> Result<String, CompileError> {
        self.info.symbol_name(symbol).ok_or_else(|| internal(format!("nothing is named {symbol:?}")))
    }
    /// Writes all functions, each in a section of its own, and their symbols. Result: the section of each function, then
    /// those of the exported imports.
    fn code(&mut self, functions: &[CompiledFunction], data: &ObjectData) -> Result<Vec<SectionId>, CompileError> {
        let mut sections = Vec::new();
        let mut places = BTreeMap::new();
        for function in functions {
            let name = function_symbol(function.index, data);
            let is_special = data.special_names.contains_key(&function.index);
            let scope = if is_special { SymbolScope::Dynamic } else { SymbolScope::Compilation };
            let exported = data.exports.iter().find(|(_, index)| *index == function.index);
            let section = self.text(exported.map_or(&name, |(export, _)| export), &function.code);
            for (from, to) in &function.data_ranges {
                self.mapping(section, "$d", u64::from(*from));
                // What follows a function says itself what it is.
                if (*to as usize) < function.code.len() {
                    self.mapping(section, "$t", u64::from(*to));
                }
            }
            let size = function.code.len() as u64;
            places.insert(function.index, (section, size));
            self.function(&name, section, size, scope);
            sections.push(section);
        }
        for (name, func) in &data.exports {
            if let Some((section, size)) = places.get(func) {
                self.export(name, *section, *size);
                continue;
            }
            let import = self.name(ModuleSymbol::Function(*func))?;
            let mut bytes = Vec::new();
            b_wide(Offset::ZERO).append_to(&mut bytes);
            let section = self.text(name, &bytes);
            self.export(name, section, bytes.len() as u64);
            self.relocate(section, 0, &import, elf::R_ARM_THM_JUMP24)?;
            sections.push(section);
        }
        Ok(sections)
    }
    /// Writes code into a section of its own: linkers leave out whole sections.
    fn text(&mut self, name: &str, code: &[u8]) -> SectionId {
        let section = self.object.add_section(Vec::new(), format!(".text.{name}").into_bytes(), SectionKind::Text);
        self.object.append_section_data(section, code, 4);
        self.mapping(section, "$t", 0);
        section
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
    fn mapping(&mut self, section: SectionId, name: &str, at: u64) {
        let section = SymbolSection::Section(section);
        let id = self.add(name, at, 0, SymbolKind::Label, SymbolScope::Compilation, section);
        self.object.symbol_mut(id).flags = SymbolFlags::Elf {
            st_info: elf::SymbolInfo::new(elf::STB_LOCAL, elf::STT_NOTYPE),
            st_other: elf::SymbolOther(0),
        };
    }
    fn function(&mut self, name: &str, section: SectionId, size: u64, scope: SymbolScope) -> SymbolId {
        // Bit 0 says that it is Thumb code.
        let thumb = u64::from(!faults::on("relocation-thumb-bit"));
        let id = self.add(name, thumb, size, SymbolKind::Text, scope, SymbolSection::Section(section));
        self.symbols.insert(name.to_string(), id);
        id
    }
    fn export(&mut self, name: &str, section: SectionId, size: u64) {
        let scope = match self.options.exports {
            ExportBinding::Hidden => SymbolScope::Linkage,
            ExportBinding::Global | ExportBinding::Weak => SymbolScope::Dynamic,
        };
        let id = self.function(name, section, size, scope);
        self.object.symbol_mut(id).weak = self.options.exports == ExportBinding::Weak;
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
    /// Writes debug sections. Addresses count from sections: a function's symbol would set bit 0.
    fn debug(&mut self, debug: &[DebugSection], code: &[SectionId]) -> Result<(), CompileError> {
        let kind = |name: &str| if name == ".debug_str" { SectionKind::DebugString } else { SectionKind::Debug };
        let mut sections = BTreeMap::new();
        for d in debug {
            let align = if d.name == ".debug_frame" { 4 } else { 1 };
            let id = self.section(d.name, kind(d.name), &Image::Bytes(d.bytes.clone()), align).0;
            sections.insert(d.name, id);
        }
        for (d, r) in debug.iter().flat_map(|d| d.relocations.iter().map(move |r| (d, r))) {
            let base = match r.base {
                Base::Code(number) => code.get(number),
                Base::Section(name) => sections.get(name),
            };
            let base = *base.ok_or_else(|| internal("debug information of nothing"))?;
            let symbol = self.object.section_symbol(base);
            let flags = RelocationFlags::Elf { r_type: elf::R_ARM_ABS32 };
            let relocation = Relocation { offset: r.offset, symbol, addend: r.addend, flags };
            self.object.add_relocation(sections[d.name], relocation).map_err(internal)?;
        }
        Ok(())
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
        let local = SymbolScope::Compilation;
        let global = if self.options.private_data { local } else { SymbolScope::Dynamic };
        if let Some(image) = &data.memory {
            let (name, kind) = match image {
                Image::Bytes(_) => (".data.synth_memory", SectionKind::Data),
                Image::Zero(_) => (".bss.synth_memory", SectionKind::UninitializedData),
            };
            let section = self.section(name, kind, image, u64::from(data.memory_align));
            self.object_symbol(SYM_MEMORY, section, global);
            self.addresses(data, ModuleSymbol::Memory, section.0)?;
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
            self.addresses(data, ModuleSymbol::Data(*segment), section.0)?;
        }
        if data.result_words > 0 {
            let image = Image::Zero(4 * u64::from(data.result_words));
            let section = self.section(".bss.synth_results", SectionKind::UninitializedData, &image, 4);
            let scope = if data.shows_results { SymbolScope::Dynamic } else { global };
            self.object_symbol(SYM_RESULTS, section, scope);
        }
        self.globals(data)?;
        self.tables(data)
    }
    /// Relocates the addresses that a section holds.
    fn addresses(&mut self, data: &ObjectData, of: ModuleSymbol, section: SectionId) -> Result<(), CompileError> {
        for (_, at) in data.addresses.iter().filter(|(symbol, _)| *symbol == of) {
            self.relocate(section, u64::from(*at), SYM_MEMORY, elf::R_ARM_ABS32)?;
        }
        Ok(())
    }
    fn globals(&mut self, data: &ObjectData) -> Result<(), CompileError> {
        if data.cells.is_empty() {
            return Ok(());
        }
        let word = |cell: &CellInit| match cell {
            CellInit::Word(w) | CellInit::Address(_, w) => *w,
        };
        let image = Image::Bytes(data.cells.iter().flat_map(|c| word(c).to_le_bytes()).collect());
        let section = self.section(".data.synth_globals", SectionKind::Data, &image, 4);
        self.object_symbol(SYM_GLOBALS, section, SymbolScope::Compilation);
        for (n, cell) in data.cells.iter().enumerate() {
            if let CellInit::Address(symbol, _) = cell {
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
            let is_shown = data.exported_tables.contains(&(n as u32)) && !self.options.private_data;
            let scope = if is_shown { SymbolScope::Dynamic } else { SymbolScope::Compilation };
            self.object_symbol(&format!("{SYM_TABLE}{n}"), section, scope);
            for (i, entry) in table.iter().enumerate() {
                if let Some(entry) = entry {
                    let name = self.name(ModuleSymbol::Function(entry.func))?;
                    let word = if faults::on("relocation-entry") { 0 } else { 4 };
                    self.relocate(section.0, 8 * i as u64 + word, &name, elf::R_ARM_ABS32)?;
                }
            }
        }
        Ok(())
    }
}

/// The fields of an object that a linker fills in, by the symbol of what they lie in.
pub fn sites(functions: &[CompiledFunction], data: &ObjectData) -> BTreeMap<String, Vec<Site>> {
    let mut sites: BTreeMap<String, Vec<Site>> = BTreeMap::new();
    for function in functions.iter().filter(|f| !f.relocations.is_empty()) {
        let site = |r: &Reloc| {
            let target = match &r.target {
                RelocTarget::Symbol(symbol) => Target::Symbol(*symbol),
                RelocTarget::Helper(name) => Target::Helper(Helper::ALL.into_iter().find(|h| h.name() == *name)?),
            };
            let (kind, addend) = match r.kind {
                RelocKind::Call => (RelocationKind::ThmCall, 0),
                RelocKind::Jump => (RelocationKind::ThmJump24, 0),
                RelocKind::MovwLow => (RelocationKind::ThmMovw, immediate(&function.code, r.offset)),
                RelocKind::MovtHigh => (RelocationKind::ThmMovt, immediate(&function.code, r.offset)),
                RelocKind::Word => (RelocationKind::Abs32, word_at(&function.code, r.offset) as i32),
            };
            Some(Site { offset: r.offset, relocation: FieldRelocation { kind, target }, addend })
        };
        let all = function.relocations.iter().filter_map(site).collect();
        sites.insert(function_symbol(function.index, data), all);
    }
    let word = |offset: usize, symbol, addend: u32| {
        let relocation = FieldRelocation { kind: RelocationKind::Abs32, target: Target::Symbol(symbol) };
        Site { offset: offset as u32, relocation, addend: addend as i32 }
    };
    let cells = data.cells.iter().enumerate().filter_map(|(n, cell)| match cell {
        CellInit::Address(symbol, addend) => Some(word(4 * n, *symbol, *addend)),
        CellInit::Word(_) => None,
    });
    sites.insert(SYM_GLOBALS.to_string(), cells.collect());
    for (n, table) in data.tables.iter().enumerate() {
        let entries = table.iter().enumerate();
        let entries = entries.filter_map(|(i, e)| Some(word(8 * i + 4, ModuleSymbol::Function(e.as_ref()?.func), 0)));
        sites.insert(format!("{SYM_TABLE}{n}"), entries.collect());
    }
    for (name, func) in data.exports.iter().filter(|(_, func)| functions.iter().all(|f| f.index != *func)) {
        let relocation =
            FieldRelocation { kind: RelocationKind::ThmJump24, target: Target::Symbol(ModuleSymbol::Function(*func)) };
        sites.insert(name.clone(), vec![Site { offset: 0, relocation, addend: 0 }]);
    }
    for (symbol, at) in &data.addresses {
        let copy = |k: u32| data.data_segments.iter().find(|(segment, _)| *segment == k);
        let (name, held) = match (symbol, &data.memory) {
            (ModuleSymbol::Data(k), _) => (format!("{SYM_DATA}{k}"), copy(*k).map(|(_, bytes)| bytes)),
            (_, Some(Image::Bytes(bytes))) => (SYM_MEMORY.to_string(), Some(bytes)),
            _ => continue,
        };
        let addend = held.map_or(0, |bytes| word_at(bytes, *at));
        sites.entry(name).or_default().push(word(*at as usize, ModuleSymbol::Memory, addend));
    }
    sites.retain(|_, all| !all.is_empty());
    sites
}

/// The symbol that every compiled function has, exported or not.
fn function_symbol(index: u32, data: &ObjectData) -> String {
    data.special_names.get(&index).cloned().unwrap_or_else(|| format!("{SYM_FUNCTION}{index}"))
}

fn halfword(code: &[u8], at: u32) -> u16 {
    u16::from_le_bytes([code[at as usize], code[at as usize + 1]])
}

fn word_at(bytes: &[u8], at: u32) -> u32 {
    u32::from(halfword(bytes, at + 2)) << 16 | u32::from(halfword(bytes, at))
}

/// The immediate of `movw` or `movt`, with sign. Source: DDI 0403E, A7.7.76, encoding T3; IHI 0044, 4.6.1.1.
fn immediate(code: &[u8], at: u32) -> i32 {
    let (first, second) = (halfword(code, at), halfword(code, at + 2));
    let value = (first & 0xf) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xff;
    i32::from(value as i16)
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
