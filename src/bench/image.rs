//! A linked image: the program's functions, instructions and bytes.

use crate::simulator::observation::RunError;
use capstone::arch::arm::{ArchExtraMode, ArchMode};
use capstone::arch::{BuildsCapstone, BuildsCapstoneEndian, BuildsCapstoneExtraMode};
use capstone::{Capstone, Endian};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a program's part of an image takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Bytes {
    /// Instructions, literals, jump tables and the padding between functions.
    pub code: u32,
    /// Read-only data in sections of its own, tables of function addresses among it.
    pub constants: u32,
    /// Initial values of data that changes.
    pub data: u32,
}

impl Bytes {
    /// All that has to lie in flash.
    pub fn total(self) -> u32 {
        self.code + self.constants + self.data
    }
}

/// The section of an object with the whole of linear memory, of which only the module's data segments are counted.
const MEMORY_SECTION: &str = ".data.synth_memory";

/// Bytes of read-only data and of initial data in an object's sections, without padding between them. Of a section with the whole of
/// linear memory only `segment_bytes` count: a module's data segments, which is what a copy in flash has to hold.
///
/// # Errors
/// `RunError::Tool` if it is no ELF file.
pub fn data_bytes(object: &[u8], segment_bytes: u32) -> Result<(u32, u32), RunError> {
    let file = object::File::parse(object).map_err(tool_error)?;
    let (mut constants, mut data) = (0, 0);
    for section in file.sections() {
        let (name, size) = (section.name().map_err(tool_error)?, section.size() as u32);
        let named =
            |prefix: &str| name == prefix || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
        match name {
            MEMORY_SECTION => data += segment_bytes,
            _ if named(".rodata") => constants += size,
            _ if named(".data") => data += size,
            _ => {}
        }
    }
    Ok((constants, data))
}

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its symbol.
    pub symbol: String,
    /// Its addresses.
    pub range: Range<u32>,
}

/// An instruction.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// Bytes: 2 or 4.
    pub bytes: u32,
    /// Mnemonic, lower case, with condition and width.
    pub mnemonic: String,
    /// Operands, as capstone prints them.
    pub operands: String,
}

/// The program's part of an image.
#[derive(Clone, Debug)]
pub struct Image {
    /// Functions, ascending by address.
    pub functions: Vec<Function>,
    /// Instructions of the program, by address.
    pub program: BTreeMap<u32, Instruction>,
    /// Instructions of the run-time helpers, by address.
    pub helpers: BTreeMap<u32, Instruction>,
    /// Bytes of the program's code.
    pub code_bytes: u32,
}

fn tool_error(error: impl std::fmt::Display) -> RunError {
    RunError::Tool(format!("linked image: {error}"))
}

impl Image {
    /// Reads a linked ELF file.
    ///
    /// # Errors
    /// `RunError::Tool` if it is not as the linker script makes it.
    pub fn read(elf: &[u8]) -> Result<Image, RunError> {
        let file = object::File::parse(elf).map_err(tool_error)?;
        let place = |name: &str| {
            let symbol = file.symbols().find(|s| s.name() == Ok(name));
            symbol.map(|s| s.address() as u32).ok_or_else(|| tool_error(format!("no symbol {name}")))
        };
        let range = |name: &str| Ok(place(&format!("{name}_start"))?..place(&format!("{name}_end"))?);
        let code = range("program_code")?;
        Ok(Image {
            functions: functions(&file, &code),
            program: instructions(&file, &code)?,
            helpers: instructions(&file, &range("helper")?)?,
            code_bytes: code.len() as u32,
        })
    }

    /// The instruction at an address.
    pub fn instruction(&self, at: u32) -> Option<&Instruction> {
        self.program.get(&at).or_else(|| self.helpers.get(&at))
    }
}

/// Functions within a range; of several symbols of one function the first, and local ones first.
fn functions(file: &object::File<'_>, range: &Range<u32>) -> Vec<Function> {
    let mut found: BTreeMap<u32, Function> = BTreeMap::new();
    for symbol in file.symbols().filter(|s| s.kind() == SymbolKind::Text && s.size() > 0) {
        let start = symbol.address() as u32 & !1;
        if let (true, Ok(name)) = (range.contains(&start), symbol.name()) {
            let range = start..start + symbol.size() as u32;
            found.entry(start).or_insert(Function { symbol: name.to_string(), range });
        }
    }
    found.into_values().collect()
}

/// Places where code (`true`) or data (`false`) starts, by address. Source: IHI 0044, section 4.5.5, mapping symbols.
fn mapping(file: &object::File<'_>) -> BTreeMap<u32, bool> {
    let kind = |name: &str| match name.as_bytes() {
        [b'$', b't' | b'd'] | [b'$', b't' | b'd', b'.', ..] => Some(name.as_bytes()[1] == b't'),
        _ => None,
    };
    file.symbols().filter_map(|s| Some((s.address() as u32, kind(s.name().ok()?)?))).collect()
}

/// The instructions within a range.
fn instructions(file: &object::File<'_>, range: &Range<u32>) -> Result<BTreeMap<u32, Instruction>, RunError> {
    let mut found = BTreeMap::new();
    let capstone = Capstone::new().arm().mode(ArchMode::Thumb).extra_mode([ArchExtraMode::MClass].into_iter());
    let capstone = capstone.endian(Endian::Little).build().map_err(tool_error)?;
    let section = file.sections().find(|s| (s.address()..s.address() + s.size()).contains(&u64::from(range.start)));
    let Some(section) = section.filter(|_| !range.is_empty()) else {
        return Ok(found);
    };
    let (base, content) = (section.address() as u32, section.data().map_err(tool_error)?);
    let places: Vec<(u32, bool)> = mapping(file).range(range.clone()).map(|(at, code)| (*at, *code)).collect();
    for (index, (start, code)) in places.iter().enumerate().filter(|(_, (_, code))| *code) {
        debug_assert!(code, "invariant: only code is left");
        let end = places.get(index + 1).map_or(range.end, |(next, _)| *next);
        let part = &content[(start - base) as usize..(end - base) as usize];
        for instruction in capstone.disasm_all(part, u64::from(*start)).map_err(tool_error)?.iter() {
            found.insert(
                instruction.address() as u32,
                Instruction {
                    bytes: instruction.bytes().len() as u32,
                    mnemonic: instruction.mnemonic().unwrap_or_default().to_string(),
                    operands: instruction.op_str().unwrap_or_default().to_string(),
                },
            );
        }
    }
    Ok(found)
}
