//! What the back end knows of a module besides the function that it compiles.

use synth_validator::contract::{
    SYM_DATA, SYM_FUNCTION, SYM_GLOBALS, SYM_MEMORY, SYM_MEMORY_BYTES, SYM_RESULTS, SYM_TABLE,
};
use synth_validator::domain::Symbol;
use synth_validator::ir::Type;

/// A function's interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Parameter types as in WebAssembly.
    pub params: Vec<Type>,
    /// Result types as in WebAssembly.
    pub results: Vec<Type>,
    /// Symbol of an imported function; `None` for a defined one.
    pub import: Option<String>,
}

/// A canonical function type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeInfo {
    /// Parameter types.
    pub params: Vec<Type>,
    /// Result types.
    pub results: Vec<Type>,
}

/// What the back end knows of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleInfo {
    /// By function index, imports first.
    pub functions: Vec<FunctionInfo>,
    /// By declared type index.
    pub types: Vec<TypeInfo>,
    /// Symbol of each imported global by global index; `None` for others.
    pub host_data: Vec<Option<String>>,
    /// Initial bytes of linear memory.
    pub memory_bytes_min: u32,
    /// Whether linear memory never changes its size.
    pub memory_is_constant: bool,
}

impl ModuleInfo {
    /// The name of a symbol in the object.
    pub fn symbol_name(&self, symbol: Symbol) -> Option<String> {
        Some(match symbol {
            Symbol::Memory => SYM_MEMORY.to_string(),
            Symbol::MemoryBytes => SYM_MEMORY_BYTES.to_string(),
            Symbol::Globals => SYM_GLOBALS.to_string(),
            Symbol::Results => SYM_RESULTS.to_string(),
            Symbol::Table(n) => format!("{SYM_TABLE}{n}"),
            Symbol::Data(n) => format!("{SYM_DATA}{n}"),
            Symbol::HostData(n) => self.host_data.get(n as usize)?.clone()?,
            Symbol::Function(n) => match &self.functions.get(n as usize)?.import {
                Some(name) => name.clone(),
                None => format!("{SYM_FUNCTION}{n}"),
            },
        })
    }
}
