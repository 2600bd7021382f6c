//! What the DWARF of a module says: its compile units, which function each body is, and which line each byte of code
//! comes from. Addresses there count from the start of the contents of the code section.
//! Source: the WebAssembly tool conventions' page "DWARF for WebAssembly".

use super::{function_at, plain};
use crate::error::CompileError;
use crate::module::Module;
use gimli::{AttributeValue, DebuggingInformationEntry, DwLang, EndianSlice, LittleEndian, UnitOffset};
use std::collections::BTreeMap;
use std::path::Path;
use wasmparser::{Parser, Payload};

type Reader<'a> = EndianSlice<'a, LittleEndian>;
type Dwarf<'a> = gimli::Dwarf<Reader<'a>>;
type Unit<'a> = gimli::Unit<Reader<'a>>;

/// A compile unit.
#[derive(Clone, Debug)]
pub struct SourceUnit {
    /// Its primary source file.
    pub name: String,
    /// The folder that paths are relative to.
    pub folder: Option<String>,
    /// What made the module.
    pub producer: String,
    /// The source language.
    pub language: Option<DwLang>,
}

/// A function.
#[derive(Clone, Debug)]
pub struct SourceFunction {
    /// Index of its unit.
    pub unit: usize,
    /// Its name in the source.
    pub name: String,
    /// Its name for linkers, if that is another.
    pub linkage_name: Option<String>,
    /// Where it is declared.
    pub place: Option<Place>,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's folder and name; without a folder it is relative to the unit's.
    pub file: (Option<String>, String),
    /// Line, from 1 up; 0 if the code comes from no line.
    pub line: u64,
    /// Column, from 1 up; 0 if not known.
    pub column: u64,
}

/// What a module says of its sources.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Compile units that have functions.
    pub units: Vec<SourceUnit>,
    functions: BTreeMap<u32, SourceFunction>,
    /// By offset in the module, ascending: the place from there on; none where a sequence ends.
    rows: Vec<(u64, Option<Place>)>,
}

impl Source {
    /// The unit of a function of the module.
    pub fn unit_of(&self, index: u32) -> Option<usize> {
        Some(self.functions.get(&index)?.unit)
    }
    /// A function of the module.
    pub fn function(&self, index: u32) -> Option<&SourceFunction> {
        self.functions.get(&index)
    }
    /// A function's name.
    pub fn name(&self, index: u32) -> Option<String> {
        Some(self.functions.get(&index)?.name.clone())
    }
    /// The place that the operator at an offset in the module comes from.
    pub fn place(&self, offset: u64) -> Option<&Place> {
        let after = self.rows.partition_point(|(from, _)| *from <= offset);
        self.rows[..after].last()?.1.as_ref()
    }
}

/// Reads a module's DWARF. Without any, the result is empty.
///
/// # Errors
/// `DebugInfo`, with the offset of the last such section.
pub fn read(module: &Module, bytes: &[u8]) -> Result<Source, CompileError> {
    let mut sections: BTreeMap<String, &[u8]> = BTreeMap::new();
    let (mut code_start, mut at) = (0, 0);
    for payload in Parser::new(0).parse_all(bytes).filter_map(Result::ok) {
        match payload {
            Payload::CodeSectionStart { unchecked_range, .. } => code_start = unchecked_range.start,
            Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                at = section.data_offset();
                sections.insert(section.name().to_string(), section.data());
            }
            _ => {}
        }
    }
    if !sections.contains_key(".debug_info") {
        return Ok(Source::default());
    }
    let load = |id: gimli::SectionId| {
        let data = sections.get(id.name()).copied().unwrap_or(&[]);
        Ok::<_, gimli::Error>(EndianSlice::new(data, LittleEndian))
    };
    let read = Dwarf::load(load).and_then(|dwarf| Walk::over(&dwarf, module, code_start));
    read.map_err(|e| CompileError::DebugInfo { offset: at, message: e.to_string() })
}

struct Walk<'a> {
    module: &'a Module,
    code_start: u64,
    source: Source,
}

impl Walk<'_> {
    fn over(dwarf: &Dwarf<'_>, module: &Module, code_start: u64) -> Result<Source, gimli::Error> {
        let mut walk = Walk { module, code_start, source: Source::default() };
        let mut headers = dwarf.units();
        while let Some(header) = headers.next()? {
            walk.unit(dwarf, &dwarf.unit(header)?)?;
        }
        walk.source.rows.sort_by_key(|(offset, place)| (*offset, place.is_some()));
        Ok(walk.source)
    }

    /// The function whose body is at an address of the module's DWARF. Those of functions that the linker left out are no body's.
    fn function_at(&self, address: u64) -> Option<u32> {
        function_at(self.module, address.checked_add(self.code_start)?)
    }

    fn unit(&mut self, dwarf: &Dwarf<'_>, unit: &Unit<'_>) -> Result<(), gimli::Error> {
        let number = self.source.units.len();
        let mut entries = unit.entries();
        let mut found = false;
        while let Some(entry) = entries.next_dfs()? {
            if entry.tag() != gimli::DW_TAG_subprogram {
                continue;
            }
            let low = entry.attr_value(gimli::DW_AT_low_pc);
            let Some(low) = low.map(|low| dwarf.attr_address(unit, low)).transpose()?.flatten() else { continue };
            let Some(index) = self.function_at(low) else { continue };
            let name = attribute(dwarf, unit, entry, gimli::DW_AT_name)?;
            let linkage_name = attribute(dwarf, unit, entry, gimli::DW_AT_linkage_name)?;
            let Some(name) = name.or(linkage_name.clone()) else { continue };
            let place = declared(dwarf, unit, entry)?;
            self.source.functions.insert(index, SourceFunction { unit: number, name, linkage_name, place });
            found = true;
        }
        if found {
            self.source.units.push(described(dwarf, unit)?);
        }
        self.lines(dwarf, unit)
    }

    fn lines(&mut self, dwarf: &Dwarf<'_>, unit: &Unit<'_>) -> Result<(), gimli::Error> {
        let Some(program) = unit.line_program.clone() else { return Ok(()) };
        let mut rows = program.rows();
        let mut is_live = None;
        while let Some((header, row)) = rows.next_row()? {
            // The first row of a sequence says whether its code is still there.
            if !*is_live.get_or_insert_with(|| self.function_at(row.address()).is_some()) {
                is_live = if row.end_sequence() { None } else { is_live };
                continue;
            }
            let offset = row.address() + self.code_start;
            if row.end_sequence() {
                is_live = None;
                self.source.rows.push((offset, None));
                continue;
            }
            let column = match row.column() {
                gimli::ColumnType::LeftEdge => 0,
                gimli::ColumnType::Column(column) => column.get(),
            };
            let line = row.line().map_or(0, |line| line.get());
            let file = row.file(header).map(|file| path(dwarf, unit, header, file)).transpose()?;
            self.source.rows.push((offset, file.map(|file| Place { file, line, column })));
        }
        Ok(())
    }
}

fn described(dwarf: &Dwarf<'_>, unit: &Unit<'_>) -> Result<SourceUnit, gimli::Error> {
    let root = unit.entry(UnitOffset(unit.header.size_of_header()))?;
    let text = |name| attribute(dwarf, unit, &root, name);
    let language = match root.attr_value(gimli::DW_AT_language) {
        Some(AttributeValue::Language(language)) => Some(language),
        _ => None,
    };
    Ok(SourceUnit {
        name: text(gimli::DW_AT_name)?.unwrap_or_else(|| "?".to_string()),
        folder: text(gimli::DW_AT_comp_dir)?,
        producer: text(gimli::DW_AT_producer)?.unwrap_or_default(),
        language,
    })
}

/// An attribute of an entry, or of the entry that it is an instance of.
fn inherited<'a>(
    unit: &Unit<'a>,
    entry: &DebuggingInformationEntry<Reader<'a>>,
    name: gimli::DwAt,
) -> Result<Option<AttributeValue<Reader<'a>>>, gimli::Error> {
    // An instance of a declaration is two steps away; malformed entries may go round.
    const STEPS_MAX: usize = 4;
    let mut entry = entry.clone();
    for _ in 0..STEPS_MAX {
        if let Some(value) = entry.attr_value(name) {
            return Ok(Some(value));
        }
        let of = entry.attr_value(gimli::DW_AT_abstract_origin).or(entry.attr_value(gimli::DW_AT_specification));
        let Some(AttributeValue::UnitRef(offset)) = of else { break };
        entry = unit.entry(offset)?;
    }
    Ok(None)
}

fn attribute<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<'a>,
    entry: &DebuggingInformationEntry<Reader<'a>>,
    name: gimli::DwAt,
) -> Result<Option<String>, gimli::Error> {
    match inherited(unit, entry, name)? {
        Some(value) => Ok(Some(plain(&dwarf.attr_string(unit, value)?.to_string_lossy()))),
        None => Ok(None),
    }
}

fn declared<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<'a>,
    entry: &DebuggingInformationEntry<Reader<'a>>,
) -> Result<Option<Place>, gimli::Error> {
    let Some(AttributeValue::FileIndex(file)) = inherited(unit, entry, gimli::DW_AT_decl_file)? else {
        return Ok(None);
    };
    let line = inherited(unit, entry, gimli::DW_AT_decl_line)?.and_then(|line| line.udata_value());
    let header = unit.line_program.as_ref().map(|program| program.header());
    let Some((header, file)) = header.and_then(|header| Some((header, header.file(file)?))) else {
        return Ok(None);
    };
    Ok(Some(Place { file: path(dwarf, unit, header, file)?, line: line.unwrap_or(0), column: 0 }))
}

/// A file's folder and name. The folder is absent if it is that of the unit.
fn path<'a>(
    dwarf: &Dwarf<'a>,
    unit: &Unit<'a>,
    header: &gimli::LineProgramHeader<Reader<'a>>,
    file: &gimli::FileEntry<Reader<'a>>,
) -> Result<(Option<String>, String), gimli::Error> {
    let text = |value: AttributeValue<Reader<'a>>| {
        Ok::<_, gimli::Error>(plain(&dwarf.attr_string(unit, value)?.to_string_lossy()))
    };
    let name = text(file.path_name())?;
    if file.directory_index() == 0 {
        return Ok((None, name));
    }
    let folder = file.directory(header).map(text).transpose()?;
    // Relative to the unit's folder, which is not that of another unit that has inlined code from here.
    let base = unit.comp_dir.map(|base| base.to_string_lossy().into_owned());
    Ok((folder.map(|folder| Path::new(&base.unwrap_or_default()).join(folder).to_string_lossy().into_owned()), name))
}
