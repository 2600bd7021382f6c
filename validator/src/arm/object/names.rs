//! What the names and types of symbols denote.

use super::super::decode::{Helper, Target};
use crate::contract::*;
use crate::domain::Symbol;
use crate::wasm::module::Module;
use object::read::elf::ElfSymbol32;
use object::{ObjectSymbol, SymbolFlags};

/// What the contract's name for a symbol denotes, if it is one.
pub(super) fn contract_symbol(name: &str) -> Option<Target> {
    let numbered = |prefix: &str| {
        let digits = name.strip_prefix(prefix).filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
        digits.filter(|n| *n == "0" || !n.starts_with('0')).and_then(|n| n.parse().ok())
    };
    let symbol = match name {
        SYM_MEMORY => Symbol::Memory,
        SYM_MEMORY_BYTES => Symbol::MemoryBytes,
        SYM_GLOBALS => Symbol::Globals,
        SYM_RESULTS => Symbol::Results,
        _ => {
            if let Some(helper) = Helper::ALL.into_iter().find(|h| h.name() == name) {
                return Some(Target::Helper(helper));
            }
            let table = numbered(SYM_TABLE).map(Symbol::Table);
            let function = numbered(SYM_FUNCTION).map(Symbol::Function);
            table.or(function).or(numbered(SYM_DATA).map(Symbol::Data))?
        }
    };
    Some(Target::Symbol(symbol))
}

/// Whether a module may not import or export functions or data of this name.
pub fn is_reserved(name: &str) -> bool {
    contract_symbol(name).is_some() || name.starts_with("__synth_")
}

/// Whether a run-time helper may call a function of this name, so that an object which needs the helper and has another function of that
/// name would change what it does. Sources: IHI 0043, 4.3; libgcc, compiler-rt and newlib, whose `__aeabi_` functions are made of these.
pub fn is_called_by(helper: &str, name: &str) -> bool {
    let copies = [Helper::Memmove, Helper::Memset].iter().any(|h| h.name() == helper);
    match name {
        "memmove" | "memcpy" | "memset" | "memclr" => copies,
        "__udivmoddi4" | "__divmoddi4" | "__udivdi3" | "__divdi3" | "__umoddi3" | "__moddi3" | "__div0" => !copies,
        _ => name.starts_with("__aeabi_") || name.starts_with("__gnu_"),
    }
}

/// What an undefined symbol denotes.
pub(super) fn imported(module: &Module, name: &str) -> Option<Target> {
    let is = |import: &Option<_>| import.as_ref().is_some_and(|i| module.import_symbol(i) == name);
    let function = module.functions.iter().position(|f| is(&f.import)).map(|i| Symbol::Function(i as u32));
    let global = module.globals.iter().position(|g| is(&g.import)).map(|i| Symbol::HostData(i as u32));
    function.or(global).map(Target::Symbol)
}

/// Whether a symbol has no type or is an object or a function. Source: ELF, STT_NOTYPE 0, STT_OBJECT 1, STT_FUNC 2.
pub(super) fn has_plain_type(symbol: &ElfSymbol32<'_, '_>) -> bool {
    matches!(symbol.flags(), SymbolFlags::Elf { st_info, .. } if st_info.0 & 0xf <= 2)
}
