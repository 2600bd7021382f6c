//! Which numbers of a module are addresses in linear memory, as the linker's sections `linking` and `reloc.*` say.
//!
//! Under a contract that makes every address the host's, linear memory is a part of the host's memory, and such a number means the
//! address of [`crate::contract::SYM_MEMORY`] plus that many bytes: the constant of an `i32.const`, the constant offset of a load or store,
//! a word of a data segment, and the initial value of the stack pointer. All other numbers are what they are. Refused are sections of which
//! not everything is understood, numbers that are not what their symbols' addresses and the addends make, and modules with data or a stack
//! of which nothing is said.
//! Source: WebAssembly tool conventions, Linking.md (`linking` version 2, `reloc.*`), BasicCABI.md (`__stack_pointer`).

use super::decode::{fixed, numeric};
use super::module::{ConstExpr, Data, Mode, Module, ValType};
use super::operators::Numeric;
use super::reader::{ReadError, features, unsupported};
use crate::ir::Type;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{
    BinaryReader, FunctionBody, KnownCustom, Linking, Operator, Parser, Payload, RelocSectionReader, RelocationType,
    SymbolFlags, SymbolInfo,
};

/// The stack pointer's symbol.
const STACK_POINTER: &str = "__stack_pointer";
/// What the address of the module's stack is a multiple of, in bytes. Source: BasicCABI.md, the linear stack.
const STACK_ALIGN: u32 = 16;
/// What every linear memory is aligned to, in bytes: `ldrd` and the like may access it.
const MEMORY_ALIGN: u32 = 8;
/// Bytes of a constant that a linker fills in.
const FIELD_BYTES: usize = 5;
/// Numbers of sections. Source: WebAssembly Core 2.0, 5.5.2.
const CUSTOM: u8 = 0;
const CODE: u8 = 10;
const DATA: u8 = 11;

/// Where addresses in linear memory stand in a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relocations {
    /// Whether the contract makes linear memory a part of the host's. If it does not, nothing else is said here.
    pub in_host: bool,
    /// Byte offsets in the module of the operators whose constant is an address: `i32.const`, loads and stores.
    pub operators: BTreeSet<u32>,
    /// Byte offsets in the module of the words of data segments that are addresses; they do not overlap.
    pub words: BTreeSet<u32>,
    /// Index of the global that is the stack pointer.
    pub stack_pointer: Option<u32>,
    /// What the module counts on the address of linear memory to be a multiple of, in bytes; 0 if it does not.
    pub align: u32,
}

impl Relocations {
    /// What the address of linear memory has to be a multiple of, in bytes.
    pub fn memory_align(&self) -> u32 {
        self.align.max(MEMORY_ALIGN)
    }
    /// Offsets in a data segment of the words that are addresses.
    pub fn in_segment<'a>(&'a self, data: &'a Data) -> impl Iterator<Item = u32> + 'a {
        let (start, end) = (data.bytes.start as u32, data.bytes.end as u32);
        self.words.range(start..end).map(move |at| at - start)
    }
}

/// What a symbol of the linker is.
enum Symbol {
    /// Data at this address.
    At(u32),
    /// Data that is defined nowhere and whose address is null.
    Null,
    /// No data.
    Other,
}

/// What is read of the sections.
#[derive(Default)]
struct Sections<'a> {
    /// Number and first byte of each section.
    all: Vec<(u8, usize)>,
    symbols: Vec<Symbol>,
    relocations: Vec<RelocSectionReader<'a>>,
    /// Whether there is a section `linking`.
    are_told: bool,
    found: Relocations,
}

/// Reads the sections of a module, which was read from these bytes.
///
/// # Errors
/// The first thing that is not understood, or that does not fit the module, with its offset.
pub fn read(module: &Module, bytes: &[u8]) -> Result<Relocations, ReadError> {
    let mut sections =
        Sections { found: Relocations { in_host: true, ..Relocations::default() }, ..Sections::default() };
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Some((id, range)) = payload.as_section() {
            sections.all.push((id, range.start as usize));
        }
        let Payload::CustomSection(section) = &payload else { continue };
        match section.as_known() {
            KnownCustom::Linking(linking) if !sections.are_told => {
                for part in linking.subsections() {
                    sections.linking(module, part?)?;
                }
                sections.are_told = true;
            }
            KnownCustom::Reloc(reader) => sections.relocations.push(reader),
            _ if section.name() == "linking" || section.name().starts_with("reloc.") => {
                return Err(unsupported(
                    section.data_offset() as usize,
                    &format!("a damaged or second section {}", section.name()),
                ));
            }
            _ => {}
        }
    }
    let mut fields = sections.fields(bytes)?;
    let are_told = sections.are_told;
    let mut found = sections.found;
    if let Some(data) = module.data.first().filter(|_| !are_told) {
        let what = "data, and no section linking that says which numbers are its addresses,";
        return Err(unsupported(data.bytes.start, what));
    }
    for func in module.functions.iter().filter(|f| f.import.is_none()) {
        operators(module, bytes, func.body.clone(), &mut fields, &mut found)?;
    }
    for data in &module.data {
        let within: Vec<usize> = fields.range(data.bytes.clone()).map(|(at, _)| *at).collect();
        for at in within {
            let word = bytes.get(at..at + 4).filter(|_| at + 4 <= data.bytes.end);
            let value = word.map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
            let address = fields.remove(&at).flatten();
            let overlaps = found.words.range(at.saturating_sub(3) as u32..at as u32).next().is_some();
            if value != Some(address.unwrap_or(0)) || overlaps {
                return Err(unsupported(at, "a word of data that is not what its relocation says"));
            }
            if address.is_some() {
                found.words.insert(at as u32);
            }
        }
    }
    match fields.first_key_value() {
        Some((at, _)) => {
            Err(unsupported(*at, "a relocation of something that is no constant of linear memory's address"))
        }
        None => Ok(found),
    }
}

impl Sections<'_> {
    fn linking(&mut self, module: &Module, part: Linking) -> Result<(), ReadError> {
        match part {
            Linking::SegmentInfo(segments) => {
                for segment in segments {
                    let align = 1u32.checked_shl(segment?.alignment).unwrap_or(u32::MAX);
                    self.found.align = self.found.align.max(align);
                }
            }
            Linking::SymbolTable(symbols) if !self.symbols.is_empty() => {
                return Err(unsupported(symbols.original_position() as usize, "a second symbol table"));
            }
            Linking::SymbolTable(symbols) => {
                for entry in symbols.into_iter_with_offsets() {
                    let (offset, symbol) = entry?;
                    let symbol = self.symbol(module, symbol).map_err(|what| unsupported(offset as usize, &what))?;
                    self.symbols.push(symbol);
                }
            }
            Linking::Unknown { ty, range, .. } => {
                return Err(unsupported(range.start as usize, &format!("part {ty} of section linking")));
            }
            _ => {}
        }
        Ok(())
    }

    fn symbol(&mut self, module: &Module, symbol: SymbolInfo) -> Result<Symbol, String> {
        match symbol {
            SymbolInfo::Global { index, name: Some(STACK_POINTER), .. } => {
                let global = module.globals.get(index as usize);
                if !global.is_some_and(|g| g.ty == ValType::Int(Type::I32) && matches!(g.init, ConstExpr::I32(_))) {
                    return Err(format!("{STACK_POINTER}, which is no i32 with a constant initial value,"));
                }
                if self.found.stack_pointer.replace(index).is_some_and(|other| other != index) {
                    return Err(format!("a second {STACK_POINTER}"));
                }
                self.found.align = self.found.align.max(STACK_ALIGN);
                Ok(Symbol::Other)
            }
            // What is absolute counts from the start of linear memory, not from that of a segment.
            SymbolInfo::Data { flags, symbol: Some(at), .. } if flags.contains(SymbolFlags::ABSOLUTE) => {
                Ok(Symbol::At(at.offset))
            }
            SymbolInfo::Data { symbol: Some(at), name, .. } => {
                let segment = module.data.get(at.index as usize).map(|d| d.mode);
                let Some(Mode::Active { offset: ConstExpr::I32(start), .. }) = segment else {
                    return Err(format!("{name}, which lies in no segment at a constant address,"));
                };
                Ok(Symbol::At(start.wrapping_add(at.offset)))
            }
            SymbolInfo::Data { flags, symbol: None, .. } if flags.contains(SymbolFlags::BINDING_WEAK) => {
                Ok(Symbol::Null)
            }
            SymbolInfo::Data { name, .. } => Err(format!("{name}, which is not defined,")),
            _ => Ok(Symbol::Other),
        }
    }

    /// Byte offsets of addresses in code and data, and the addresses; none for null, which is a number.
    fn fields(&self, bytes: &[u8]) -> Result<BTreeMap<usize, Option<u32>>, ReadError> {
        use RelocationType as R;
        let mut fields = BTreeMap::new();
        for section in &self.relocations {
            let at = section.range().start as usize;
            let Some((id, start)) = self.all.get(section.section_index() as usize).copied() else {
                return Err(unsupported(at, "relocations of a section that is not there"));
            };
            for entry in section.entries() {
                // Debug information and the like mean nothing here.
                if id == CUSTOM {
                    break;
                }
                let entry = entry?;
                let place = start + entry.offset as usize;
                let is_address = match (id, entry.ty) {
                    (CODE, R::MemoryAddrLeb | R::MemoryAddrSleb) | (DATA, R::MemoryAddrI32) => true,
                    (CODE, R::FunctionIndexLeb | R::TableIndexSleb | R::TypeIndexLeb) => false,
                    (CODE, R::GlobalIndexLeb | R::TableNumberLeb) | (DATA, R::TableIndexI32) => false,
                    (_, ty) => return Err(unsupported(place, &format!("a relocation of type {ty:?}"))),
                };
                if !is_address {
                    continue;
                }
                let to = match self.symbols.get(entry.index as usize) {
                    Some(Symbol::Null) if place < bytes.len() => None,
                    Some(Symbol::At(to)) if place < bytes.len() => Some(to.wrapping_add(entry.addend as u32)),
                    _ => return Err(unsupported(place, "a relocation to what is no data")),
                };
                if fields.insert(place, to).is_some() {
                    return Err(unsupported(place, "two relocations of the same constant"));
                }
            }
        }
        Ok(fields)
    }
}

/// Takes the fields that are constants of a function's operators.
fn operators(
    module: &Module,
    bytes: &[u8],
    body: std::ops::Range<usize>,
    fields: &mut BTreeMap<usize, Option<u32>>,
    found: &mut Relocations,
) -> Result<(), ReadError> {
    use super::code::Operator as Of;
    let code = BinaryReader::new_features(&bytes[body.clone()], body.start as u64, features());
    let mut ops = FunctionBody::new(code).get_operators_reader()?;
    while !ops.eof() {
        let (op, offset) = ops.read_with_offset()?;
        let (offset, end) = (offset as usize, ops.original_position() as usize);
        if let Operator::GlobalGet { global_index } = op {
            let global = &module.globals[global_index as usize];
            let starts_at_zero = global.mutable && global.init == ConstExpr::I32(0);
            let is_plain = global.import.is_some() || global.ty != ValType::Int(Type::I32) || starts_at_zero;
            if !is_plain && found.stack_pointer != Some(global_index) {
                let what =
                    "which may begin with an address, such as that of the module's stack, and no symbol says so,";
                return Err(unsupported(offset, &format!("global {global_index}, {what}")));
            }
        }
        // The constant is the operator's last part, and as long as constants are.
        let field = end - FIELD_BYTES.min(end);
        let is_whole = field > offset && bytes[field..end - 1].iter().all(|byte| byte & 0x80 != 0);
        let Some(address) = fields.get(&field).copied().filter(|_| is_whole) else { continue };
        let constant = match (numeric(&op), fixed(&op)) {
            (Some(Numeric::Const32(k)), _) => Some(k),
            (_, Some((Of::Load { offset, .. } | Of::Load64(offset), ..))) => Some(offset),
            (_, Some((Of::Store { offset, .. } | Of::Store64(offset), ..))) => Some(offset),
            _ => None,
        };
        if constant != Some(address.unwrap_or(0)) {
            return Err(unsupported(
                offset,
                "a constant that is not what its relocation says, or not one of i32.const, a load or a store,",
            ));
        }
        fields.remove(&field);
        if address.is_some() {
            found.operators.insert(offset as u32);
        }
    }
    Ok(())
}
