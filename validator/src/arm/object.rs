//! Reads an object: which bytes and relocations belong to which function and data object of the contract.
//!
//! The file is untrusted. Ranges may not overlap, every byte of executable sections belongs to a known function or is
//! padding, and every symbol of the contract is defined at most once. What a relocation denotes is decided by the
//! symbol's name, or for functions by its place. In a linked image other code and data lie around the object, and its
//! relocations are those that [`super::linked`] confirms. Source: ELF (TIS 1.2), IHI 0044 (ELF for the Arm Architecture).
//!
//! Requirement TOR-INPUT-OBJECT: A file that is no relocatable object or linked image for Arm, or is cut or damaged so that it cannot
//! be read, shall be refused.
//!
//! Requirement TOR-INPUT-FIELDS: An object shall be refused, or not proved, where a field of its headers, sections, symbols or
//! relocations means to a linker something else than to the validator.
//!
//! Requirement TOR-INPUT-BYTES: The verdict shall be about the bytes of the file that was given: a change of its code that changes what
//! a function does shall not be proved.

mod attributes;
mod names;
mod relocations;
mod sections;
mod segments;

use super::decode::{FunctionBytes, Relocation, Target};
use super::linked::Linkage;
use crate::contract::*;
use crate::domain::Symbol;
use crate::wasm::module::{ExportKind, Module};
use names::{contract_symbol, has_plain_type, imported};
use object::read::elf::ElfSymbol32;
use object::{Object, ObjectSymbol, SymbolKind};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

pub use attributes::*;
pub use names::{is_called_by, is_reserved};

/// Why an object cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectError {
    /// Section or symbol concerned; empty for the file.
    pub place: String,
    /// Offset there.
    pub offset: u64,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} + {:#x}: {}", self.place, self.offset, self.message)
    }
}

impl std::error::Error for ObjectError {}

fn error<T>(place: &str, offset: u64, message: impl Into<String>) -> Result<T, ObjectError> {
    Err(ObjectError { place: place.to_string(), offset, message: message.into() })
}

/// A section index and an offset in it; in a linked image an address.
pub type Location = (usize, u32);

/// A data object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataObject {
    /// Its contents up to the last byte that the file holds; the rest up to `size` is zero.
    pub bytes: Vec<u8>,
    /// Size in bytes.
    pub size: u32,
    /// Relocations by offset from its start.
    pub relocations: BTreeMap<u32, Relocation>,
    /// Whether its section is writable.
    pub writable: bool,
    /// The largest power of two, at most 65,536, that divides its address.
    pub align: u32,
}

impl DataObject {
    /// The word at an offset, without relocation; bytes past the end are zero.
    pub fn word(&self, at: usize) -> u32 {
        let byte = |i: usize| self.bytes.get(at + i).copied().unwrap_or(0);
        u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)])
    }
}

/// A function that is not a WebAssembly function of the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Extra {
    /// Symbol.
    pub name: String,
    /// Place.
    pub location: Location,
    /// Bytes.
    pub code: FunctionBytes,
}

/// An object file, taken apart.
#[derive(Clone, Debug, Default)]
pub struct ObjectFile {
    /// Defined functions by function index (symbols `__synth_fN`).
    pub functions: BTreeMap<u32, FunctionBytes>,
    /// Where they lie.
    pub places: BTreeMap<u32, Location>,
    /// Other functions: exported imports and [`SYM_INIT`].
    pub extras: Vec<Extra>,
    /// Symbols of exported functions ([`export_symbol`]) and where they point.
    pub exports: BTreeMap<String, Location>,
    /// Data objects of the contract.
    pub data: BTreeMap<Symbol, DataObject>,
    /// Contents of [`WITNESS_SECTION`].
    pub witness: Option<Vec<u8>>,
    /// Build attributes, if it has any.
    pub attributes: Option<Attributes>,
    /// Whether it is linked: functions and data that nothing needs may have been left out.
    pub is_linked: bool,
}

impl ObjectFile {
    /// The function that [`SYM_INIT`] names.
    pub fn init(&self) -> Option<&Extra> {
        self.extras.iter().find(|e| e.name == SYM_INIT)
    }
}

struct Reader<'d> {
    file: object::read::elf::ElfFile32<'d>,
    module: &'d Module,
    sections: BTreeMap<usize, Section<'d>>,
    /// Symbols defined in sections: range and meaning.
    ranges: BTreeMap<usize, Vec<(Range<u32>, String, Option<Symbol>)>>,
    /// Where the contract's data symbols lie.
    homes: BTreeMap<Symbol, Location>,
    linked: Option<Linked<'d>>,
    out: ObjectFile,
}

/// What there is of a linked image besides the object.
struct Linked<'d> {
    linkage: &'d Linkage,
    /// Addresses of symbols, and whether they are functions'.
    addresses: BTreeMap<String, (u32, bool)>,
}

#[derive(Clone)]
struct Section<'d> {
    name: String,
    data: &'d [u8],
    /// What symbols count from: 0, in a linked image its address.
    base: u32,
    size: u32,
    align: u64,
    executable: bool,
    writable: bool,
    loaded: bool,
    relocations: BTreeMap<u32, (u32, object::SymbolIndex)>,
}

/// Reads an object.
///
/// # Errors
/// What makes the file malformed, or not an object of this contract.
pub fn read(bytes: &[u8], module: &Module) -> Result<ObjectFile, ObjectError> {
    read_file(bytes, module, None)
}

/// Reads an object out of a linked image.
///
/// # Errors
/// What makes the file malformed, or not an image with such an object.
pub fn read_linked(bytes: &[u8], module: &Module, linkage: &Linkage) -> Result<ObjectFile, ObjectError> {
    read_file(bytes, module, Some(linkage))
}

fn read_file(bytes: &[u8], module: &Module, linkage: Option<&Linkage>) -> Result<ObjectFile, ObjectError> {
    let file = object::read::elf::ElfFile32::parse(bytes);
    let file = file.map_err(|e| ObjectError { place: String::new(), offset: 0, message: e.to_string() })?;
    if file.architecture() != object::Architecture::Arm || !file.is_little_endian() {
        return error("", 0, "not a little-endian Arm file");
    }
    match (file.kind(), linkage) {
        (object::ObjectKind::Relocatable, None) | (object::ObjectKind::Executable, Some(_)) => {}
        (_, None) => return error("", 0, "not a relocatable object (ET_REL)"),
        (_, Some(_)) => return error("", 0, "not a linked image (ET_EXEC)"),
    }
    if linkage.is_some() {
        segments::check(&file)?;
    }
    for import in module.functions.iter().filter_map(|f| f.import.as_ref()) {
        let name = module.import_symbol(import);
        if contract_symbol(&name).is_some() || name == SYM_INIT {
            return error(&name, 0, "an import has the name of a symbol of the contract");
        }
    }
    let mut reader = Reader {
        file,
        module,
        sections: BTreeMap::new(),
        ranges: BTreeMap::new(),
        homes: BTreeMap::new(),
        linked: linkage.map(|linkage| Linked { linkage, addresses: BTreeMap::new() }),
        out: ObjectFile { is_linked: linkage.is_some(), ..ObjectFile::default() },
    };
    reader.sections()?;
    reader.addresses()?;
    reader.symbols()?;
    reader.disjoint()?;
    reader.contents()?;
    if linkage.is_some() && reader.out.functions.is_empty() {
        return error("", 0, "no function of the module is in the image; were local symbols stripped?");
    }
    Ok(reader.out)
}

impl<'d> Reader<'d> {
    /// Collects the addresses of a linked image's symbols. Hidden ones have become local: a local name counts if it has one address.
    fn addresses(&mut self) -> Result<(), ObjectError> {
        let Some(linked) = &mut self.linked else { return Ok(()) };
        let mut local: BTreeMap<&str, Option<(u32, bool)>> = BTreeMap::new();
        for s in self.file.symbols().filter(|s| s.is_definition()) {
            let name = s.name().unwrap_or_default();
            let address = (s.address() as u32, s.kind() == SymbolKind::Text);
            if !s.is_global() {
                local.entry(name).and_modify(|a| *a = a.filter(|a| *a == address)).or_insert(Some(address));
            } else if linked.addresses.insert(name.to_string(), address).is_some_and(|other| other != address) {
                return error(name, s.address(), "global symbol defined twice");
            }
        }
        for (name, address) in local.into_iter().filter_map(|(name, address)| Some((name, address?))) {
            linked.addresses.entry(name.to_string()).or_insert(address);
        }
        Ok(())
    }

    /// Whether other files see a symbol: in an image hidden ones may have become local.
    fn is_shown(&self, symbol: &ElfSymbol32<'_, '_>) -> bool {
        let is_hidden = symbol.elf_symbol().st_visibility() != object::elf::STV_DEFAULT;
        symbol.is_global() || self.linked.is_some() && is_hidden
    }

    /// Collects the ranges of the contract's symbols and all global function symbols.
    fn symbols(&mut self) -> Result<(), ObjectError> {
        let mut seen = std::collections::BTreeSet::new();
        let exported = |name: &str| {
            let mut exports = self.module.exports.iter();
            exports.any(|e| e.kind == ExportKind::Function && self.module.export_symbol(&e.name) == name)
        };
        let mut aliases = Vec::new();
        let files = self.file.symbols().filter(|s| s.kind() == SymbolKind::File);
        let is_file = |name: &str| self.linked.as_ref().is_some_and(|l| l.linkage.file == name);
        // Who strips line tables strips names of files too: then there may be one such object only.
        let mut is_ours = self.linked.is_none() || !files.into_iter().any(|s| s.name().is_ok_and(is_file));
        let has_files = !is_ours;
        for s in self.file.symbols() {
            let Ok(name) = s.name().map(str::to_string) else {
                return error("", 0, "symbol name that is not UTF-8");
            };
            // Linkers take from libraries whatever defines it.
            let is_wanted = || contract_symbol(&name).is_some() || imported(self.module, &name).is_some();
            if s.is_undefined() && !name.is_empty() && self.linked.is_none() && !is_wanted() {
                return error(&name, 0, "undefined symbol that the module does not import");
            }
            // Local symbols follow the symbol of their file.
            if has_files && s.kind() == SymbolKind::File {
                is_ours = is_file(&name);
            }
            let is_shown = self.is_shown(&s);
            if !is_ours && !is_shown {
                continue;
            }
            // Nobody else's name is defined in an object, whatever linkers made of it.
            let is_others = !s.is_undefined() && is_shown && self.linked.is_none();
            let home = s.section_index().and_then(|i| Some((i.0, self.sections.get(&i.0)?)));
            let Some((section, home)) = home.filter(|(_, home)| home.loaded) else {
                // Who calls an export by its name reaches whatever has that name in the image.
                if is_others || !s.is_undefined() && is_shown && exported(&name) {
                    return error(&name, s.address(), "symbol defined outside of all loaded sections");
                }
                continue;
            };
            let function = s.kind() == SymbolKind::Text;
            let meaning = contract_symbol(&name);
            let is_helper = matches!(meaning, Some(Target::Helper(_)));
            if self.linked.is_some() && is_helper {
                continue;
            }
            if meaning.is_none() && name != SYM_INIT && !exported(&name) {
                if is_others {
                    return error(&name, 0, "global symbol that the module does not export");
                }
                continue;
            }
            if !has_plain_type(&s) {
                return error(&name, 0, "symbol of a type that the contract has not");
            }
            if !seen.insert(name.clone()) {
                return error(&name, 0, "symbol defined twice");
            }
            // Another definition may take the place of an export, for those who call it by name.
            if s.is_weak() && (meaning.is_some() || name == SYM_INIT) {
                return error(&name, 0, "weak symbol");
            }
            let thumb = s.address() & 1 == 1;
            let start = if function { s.address() & !1 } else { s.address() };
            let (first, last) = (u64::from(home.base), u64::from(home.base) + u64::from(home.size));
            let end = start.checked_add(s.size()).filter(|e| start >= first && *e <= last);
            // A memory without pages, a table without entries and a segment without bytes are empty.
            let may_be_empty =
                matches!(meaning, Some(Target::Symbol(Symbol::Memory | Symbol::Table(_) | Symbol::Data(_))));
            let Some(end) = end.filter(|e| *e > start || may_be_empty && *e == start) else {
                return error(&name, start, "symbol without size or past its section");
            };
            let range = start as u32..end as u32;
            let is_code = matches!(meaning, None | Some(Target::Symbol(Symbol::Function(_))));
            // Linkers set bit 0 of the addresses of functions, whatever these are.
            if is_code != (function && home.executable && thumb) || is_code != function {
                return error(&name, start, "symbol type does not fit what it names");
            }
            match meaning {
                Some(Target::Helper(_)) => {
                    return error(&name, start, "run-time helper defined in the object");
                }
                // Other files name this cell too, and mean one of their own if it is local.
                Some(Target::Symbol(Symbol::Results)) if !is_shown && super::image::shows_results(self.module) => {
                    return error(
                        &name,
                        start,
                        "is local, and functions at the border have more than four words of results",
                    );
                }
                Some(Target::Symbol(symbol)) => {
                    let other = if let Symbol::Function(index) = symbol {
                        let defined = self.module.functions.get(index as usize).is_some_and(|f| f.import.is_none());
                        if !defined {
                            return error(&name, start, "the module defines no such function");
                        }
                        self.out.places.insert(index, (section, range.start))
                    } else {
                        self.homes.insert(symbol, (section, range.start))
                    };
                    if other.is_some() {
                        return error(&name, start, "another symbol denotes the same");
                    }
                    self.ranges.entry(section).or_default().push((range, name, Some(symbol)));
                }
                None => {
                    if !is_shown {
                        return error(&name, start, "export that is not global");
                    }
                    self.out.exports.insert(name.clone(), (section, range.start));
                    aliases.push((section, range, name));
                }
            }
        }
        // An export is another name of a function, or a function of its own.
        for (section, range, name) in aliases {
            let ranges = self.ranges.entry(section).or_default();
            match ranges.iter().find(|(r, ..)| r.start == range.start) {
                Some((r, ..)) if *r == range => {}
                Some(_) => {
                    return error(&name, u64::from(range.start), "size differs from that of the function");
                }
                None => ranges.push((range, name, None)),
            }
        }
        Ok(())
    }

    fn disjoint(&mut self) -> Result<(), ObjectError> {
        for (index, section) in &self.sections {
            let ranges = self.ranges.entry(*index).or_default();
            ranges.sort_by_key(|(r, ..)| r.start);
            if let Some(pair) = ranges.windows(2).find(|w| w[0].0.end > w[1].0.start) {
                return error(&pair[1].1, u64::from(pair[1].0.start), format!("overlaps {}", pair[0].1));
            }
            if section.executable && section.writable && (self.linked.is_none() || !ranges.is_empty()) {
                return error(&section.name, 0, "section both writable and executable");
            }
            if !section.executable || section.size == 0 || self.linked.is_some() {
                continue;
            }
            if section.align % 4 != 0 || section.align == 0 {
                return error(&section.name, 0, "code is not aligned to 4 bytes");
            }
            let starts = ranges.iter().map(|(r, ..)| r.start).chain([section.size]);
            let ends = [0].into_iter().chain(ranges.iter().map(|(r, ..)| r.end));
            for (end, start) in ends.zip(starts) {
                let gap = &section.data[end as usize..start as usize];
                let padding = gap.chunks(2).all(|c| c == [0, 0xbf] || c.iter().all(|b| *b == 0));
                if !padding {
                    return error(&section.name, u64::from(end), "bytes that belong to no function");
                }
            }
        }
        let loaded = self.sections.values().filter(|s| s.loaded && s.size > 0 && self.linked.is_some());
        let mut places: Vec<_> = loaded.map(|s| (s.base, s.base + s.size, &s.name)).collect();
        places.sort_unstable();
        if let Some(pair) = places.windows(2).find(|w| w[0].1 > w[1].0) {
            return error(pair[1].2, u64::from(pair[1].0), format!("overlaps {}", pair[0].2));
        }
        Ok(())
    }

    fn contents(&mut self) -> Result<(), ObjectError> {
        let mut markers: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for s in self.file.symbols() {
            let is_code = s.name().is_ok_and(|n| n == "$t" || n.starts_with("$t."));
            if let (true, Some(section)) = (is_code, s.section_index()) {
                markers.entry(section.0).or_default().push(s.address() as u32);
            }
        }
        for (index, ranges) in self.ranges.clone() {
            let Some(section) = self.sections.get(&index).cloned() else {
                continue;
            };
            let owned: usize = ranges.iter().map(|(r, ..)| section.relocations.range(r.clone()).count()).sum();
            if section.loaded && owned != section.relocations.len() {
                return error(&section.name, 0, "a relocation belongs to no function or data object");
            }
            for (range, name, symbol) in ranges {
                let mut relocations = self.relocations(&section, &range)?;
                let base = section.base;
                let held = (range.start - base) as usize..((range.end - base) as usize).min(section.data.len());
                let mut bytes = section.data.get(held).unwrap_or(&[]).to_vec();
                if let Some(linked) = &self.linked {
                    for site in linked.linkage.sites.get(&name).into_iter().flatten() {
                        self.unresolve(&name, range.start, site, &mut bytes)?;
                        if relocations.insert(site.offset, site.relocation).is_some() {
                            return error(&name, u64::from(site.offset), "two relocations at one place");
                        }
                    }
                }
                let code_starts = markers.get(&index).into_iter().flatten().filter(|m| range.contains(m));
                let code_starts = code_starts.map(|m| m - range.start).collect();
                let code = FunctionBytes { address: range.start, bytes, relocations, code_starts };
                match symbol {
                    Some(Symbol::Function(f)) => {
                        self.out.functions.insert(f, code);
                    }
                    None => self.out.extras.push(Extra { name, location: (index, range.start), code }),
                    Some(symbol) => {
                        // An alignment of 0 is none. Source: ELF, sh_addralign.
                        let align = section.align.max(1).trailing_zeros();
                        let align = 1 << u64::from(range.start).trailing_zeros().min(align).min(16);
                        let size = range.end - range.start;
                        let FunctionBytes { bytes, relocations, .. } = code;
                        let data = DataObject { bytes, size, relocations, writable: section.writable, align };
                        self.out.data.insert(symbol, data);
                    }
                }
            }
        }
        Ok(())
    }
}
