//! A module's declarations, as the validator's own reader sees them ([`super::reader`]).

use super::provenance;
use super::reader::{ReadError, unsupported};
use super::relocations::{self, Relocations};
use crate::contract::{Contract, Native, export_symbol, is_symbol, quoted};
use crate::ir::Type;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValType {
    /// An integer.
    Int(Type),
    /// A floating-point number, of which only moves are supported: its bits, as an integer.
    Float(Type),
    /// A type that is not supported yet, with its name.
    Other(&'static str),
}

impl ValType {
    /// The integer type as wide as a number's bits; `None` for types that are no numbers.
    pub fn bits(self) -> Option<Type> {
        match self {
            ValType::Int(ty) | ValType::Float(ty) => Some(ty),
            ValType::Other(_) => None,
        }
    }
}

/// A function type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FuncType {
    /// Parameters.
    pub params: Vec<ValType>,
    /// Results.
    pub results: Vec<ValType>,
}

impl FuncType {
    /// Parameter types (floating-point numbers as their bits), or the name of the first unsupported one.
    pub fn int_params(&self) -> Result<Vec<Type>, &'static str> {
        ints(&self.params)
    }
    /// Result types (floating-point numbers as their bits), or the name of the first unsupported one.
    pub fn int_results(&self) -> Result<Vec<Type>, &'static str> {
        ints(&self.results)
    }
}

fn ints(types: &[ValType]) -> Result<Vec<Type>, &'static str> {
    types
        .iter()
        .map(|t| match t {
            ValType::Int(t) | ValType::Float(t) => Ok(*t),
            ValType::Other(name) => Err(*name),
        })
        .collect()
}

/// Module and field of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportName {
    /// Module name.
    pub module: String,
    /// Field name.
    pub field: String,
}

/// A function, imported or defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Index of its type as declared.
    pub type_index: u32,
    /// Where it is imported from.
    pub import: Option<ImportName>,
    /// Byte range of its body (locals and code) in the module; empty for imports.
    pub body: Range<usize>,
}

/// A constant expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstExpr {
    /// `i32.const`, or the bits of `f32.const`.
    I32(u32),
    /// `i64.const`, or the bits of `f64.const`.
    I64(u64),
    /// `global.get` of this global.
    Global(u32),
    /// Not supported yet (references, extended constant expressions).
    Other(&'static str),
}

/// A global.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Value type.
    pub ty: ValType,
    /// Whether it is mutable.
    pub mutable: bool,
    /// Where it is imported from.
    pub import: Option<ImportName>,
    /// Initial value (meaningless for imports).
    pub init: ConstExpr,
    /// First cell of a defined global of numeric type (see [`crate::contract::SYM_GLOBALS`]).
    pub cell: Option<u32>,
}

/// A linear memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Initial pages.
    pub min_pages: u64,
    /// Declared maximum.
    pub max_pages: Option<u64>,
    /// Where it is imported from.
    pub import: Option<ImportName>,
}

/// A table of function references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Initial entries.
    pub min: u64,
    /// Declared maximum.
    pub max: Option<u64>,
    /// Where it is imported from.
    pub import: Option<ImportName>,
}

/// When a segment takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// At instantiation, at this offset of memory or table `index`.
    Active {
        /// Memory or table.
        index: u32,
        /// Offset.
        offset: ConstExpr,
    },
    /// When an instruction uses it.
    Passive,
    /// Never (element segments that only declare).
    Declared,
}

/// An element segment; `None` is a null reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// When it takes effect.
    pub mode: Mode,
    /// Function indices.
    pub funcs: Vec<Option<u32>>,
}

/// A data segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// When it takes effect.
    pub mode: Mode,
    /// Byte range of its contents in the module.
    pub bytes: Range<usize>,
    /// Of a passive segment in a module that drops segments: the cell, after those of the globals, that is not 0 once
    /// the segment is dropped.
    pub dropped: Option<u32>,
}

/// What an export names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// A function.
    Function,
    /// A table.
    Table,
    /// A memory.
    Memory,
    /// A global.
    Global,
    /// A tag.
    Tag,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: ExportKind,
    /// Index in the index space of its kind.
    pub index: u32,
}

/// A module's declarations. All index spaces have imports first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// Types as declared.
    pub types: Vec<FuncType>,
    /// For each type, the index of the first type that equals it.
    pub canonical: Vec<u32>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Globals.
    pub globals: Vec<Global>,
    /// Words of all defined globals of numeric types, and one for each segment that may be dropped.
    pub cells: u32,
    /// Memories.
    pub memories: Vec<Memory>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Element segments.
    pub elements: Vec<Element>,
    /// Data segments.
    pub data: Vec<Data>,
    /// Exports.
    pub exports: Vec<Export>,
    /// Start function.
    pub start: Option<u32>,
    /// What the symbols of imports begin with; not in the module but in the contract.
    pub import_prefix: String,
    /// Symbols of exported functions that have others than usual; not in the module but in the contract.
    pub export_symbols: BTreeMap<String, String>,
    /// Byte offsets of the loads and stores whose addresses are the host's; not in the module but from the contract
    /// ([`super::provenance`]).
    pub host_accesses: BTreeSet<u32>,
    /// Which numbers are addresses in linear memory; not in the declarations but from the contract and the linker's sections.
    pub relocations: Relocations,
    /// Function names of the `name` section by function index.
    pub names: Vec<(u32, String)>,
    /// Whether any function body contains `memory.grow`.
    pub grows: bool,
    /// Whether any function body contains `data.drop`.
    pub drops: bool,
    /// Whether any function body changes a table.
    pub writes_tables: bool,
}

impl Module {
    /// The type of a function.
    pub fn type_of(&self, func: u32) -> &FuncType {
        &self.types[self.functions[func as usize].type_index as usize]
    }
    /// The function that a call of this one reaches: an import that repeats name and type of an earlier one is that.
    pub fn callee(&self, func: u32) -> u32 {
        let Some(import) = &self.functions[func as usize].import else {
            return func;
        };
        let canonical = |f: &Function| self.canonical[f.type_index as usize];
        let ty = canonical(&self.functions[func as usize]);
        let same = |f: &Function| f.import.as_ref() == Some(import) && canonical(f) == ty;
        self.functions.iter().position(same).map_or(func, |first| first as u32)
    }
    /// The global that this one is: an import that repeats name and type of an earlier one is that.
    pub fn same_global(&self, global: u32) -> u32 {
        let own = &self.globals[global as usize];
        let same =
            |g: &Global| g.import.is_some() && (&g.import, g.ty, g.mutable) == (&own.import, own.ty, own.mutable);
        self.globals.iter().position(same).map_or(global, |first| first as u32)
    }
    /// Notes what a contract says of the module, which was read from these bytes.
    ///
    /// # Errors
    /// An access of which it cannot be said whether its address is the host's; a number of which it cannot be said whether it is an
    /// address in linear memory.
    pub fn put_under(&mut self, contract: &Contract, bytes: &[u8]) -> Result<(), ReadError> {
        self.import_prefix.clone_from(&contract.import_prefix);
        self.export_symbols.clone_from(&contract.export_symbols);
        let found = provenance::host_accesses(self, bytes, &contract.native);
        self.host_accesses =
            found.map_err(|e| unsupported(e.offset as usize, &format!("{}: {e}", self.display_name(e.func))))?;
        if contract.native.contains(&Native::Everything) {
            self.relocations = relocations::read(self, bytes)?;
        }
        Ok(())
    }
    /// Whether any load or store has an address of the host's.
    pub fn has_host_accesses(&self) -> bool {
        !self.host_accesses.is_empty()
    }
    /// Whether anybody may change the size of linear memory: the module, who defines it, or whom it is exported to.
    pub fn resizes(&self) -> bool {
        let exported = self.exports.iter().any(|e| e.kind == ExportKind::Memory);
        self.grows || exported || self.memories.iter().any(|m| m.import.is_some())
    }
    /// The symbol of the exported function with this name.
    pub fn export_symbol<'a>(&'a self, name: &'a str) -> Cow<'a, str> {
        match self.export_symbols.get(name) {
            Some(symbol) => Cow::Borrowed(symbol),
            None => export_symbol(name),
        }
    }
    /// Number of imported functions.
    pub fn imported_functions(&self) -> u32 {
        self.functions.iter().filter(|f| f.import.is_some()).count() as u32
    }
    /// A function's name for people: its `name` section entry, else its export name, else `func[N]`.
    pub fn display_name(&self, func: u32) -> String {
        if let Some((_, name)) = self.names.iter().find(|(i, _)| *i == func) {
            return name.clone();
        }
        let exported = |e: &&Export| e.kind == ExportKind::Function && e.index == func;
        match self.exports.iter().find(exported) {
            Some(e) => e.name.clone(),
            None => format!("func[{func}]"),
        }
    }
    /// A function's name that no other function has: that of its first export, else of its import, else `func[N]`.
    pub fn border_name(&self, func: u32) -> String {
        let exported = |e: &&Export| e.kind == ExportKind::Function && e.index == func;
        match (self.exports.iter().find(exported), &self.functions[func as usize].import) {
            (Some(export), _) => quoted(&export.name).into_owned(),
            (None, Some(import)) => format!("{}.{}", quoted(&import.module), quoted(&import.field)),
            (None, None) => format!("func[{func}]"),
        }
    }
    /// The symbol of each imported function or global: after the prefix its field name, or `module_field` if two imports share it, a
    /// function is exported under it or no symbol can have that name.
    pub fn import_symbol(&self, name: &ImportName) -> String {
        let all = self.functions.iter().filter_map(|f| f.import.as_ref());
        let all = all.chain(self.globals.iter().filter_map(|g| g.import.as_ref()));
        let shared = all.clone().any(|o| o.field == name.field && o.module != name.module);
        let exported = self.exports.iter().any(|e| e.kind == ExportKind::Function && e.name == name.field);
        let prefix = &self.import_prefix;
        let plain = format!("{prefix}{}", name.field);
        if !shared && !exported && is_symbol(&plain) {
            return plain;
        }
        let joined = format!("{prefix}{}_{}", name.module, name.field);
        joined.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    }
}
