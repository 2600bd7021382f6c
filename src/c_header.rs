//! A C header for an object: what the host may call, and what it has to define.
//!
//! Words of WebAssembly have no sign: `i32` is `uint32_t`, `i64` `uint64_t`. Floating-point numbers travel in core registers, which is
//! said by the attribute `pcs("aapcs")` for hosts that are built otherwise. The contract is in `docs/abi.md`.

use crate::module::{ExportKind, FuncType, Module};
use std::fmt::Write;
use synth_validator::contract::{Contract, MemoryOwner, SYM_INIT, SYM_MEMORY, SYM_MEMORY_BYTES, SYM_RESULTS};
use wasmparser::ValType;

/// Words that are no names of functions in C or C++.
const KEYWORDS: &str = "alignas alignof and asm auto bool break case catch char class const constexpr continue default delete do double \
    else enum explicit export extern false float for friend goto if inline int long mutable namespace new not nullptr operator or private \
    protected public register restrict return short signed sizeof static struct switch template this throw true try typedef typename union \
    unsigned using virtual void volatile while xor main";

/// The header's text. `name` is that of the module for people, without folders; `is_private` says that the object keeps its data to itself.
pub fn header(module: &Module, contract: &Contract, name: &str, is_private: bool, has_init: bool) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let guard: String = format!("synth_{name}_h").chars().map(upper).collect();
    let mut out = format!("/* What {} and its host define for each other. Written by synth. */\n", comment(name));
    let _ = write!(out, "#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n");
    out.push_str("#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    let exports = module.exports.iter().filter(|e| e.kind == ExportKind::Function);
    let exports: Vec<String> = exports
        .map(|e| {
            prototype(
                module.type_of(e.index),
                &module.export_symbol(&e.name),
                (e.name != module.export_symbol(&e.name)).then_some(&e.name),
            )
        })
        .collect();
    section(&mut out, "Functions of the module", exports);
    let mut seen = Vec::new();
    let mut imports = Vec::new();
    for (index, function) in (0..).zip(&module.functions) {
        let Some(import) = &function.import else { continue };
        let symbol = module.import_symbol(import);
        if !seen.contains(&symbol) {
            imports.push(prototype(
                module.type_of(index),
                &symbol,
                Some(&format!("{}.{}", import.module, import.field)),
            ));
            seen.push(symbol);
        }
    }
    section(&mut out, "Functions that the host defines", imports);
    let data = module.globals.iter().filter_map(|g| g.import.as_ref());
    let data = data.map(|import| {
        let (symbol, from) = (module.import_symbol(import), format!("{}.{}", import.module, import.field));
        match labelled(&symbol) {
            Some([name, label]) => format!("extern unsigned char {name}[]{label};  /* {} */\n", comment(&from)),
            None => unnameable(&symbol),
        }
    });
    section(&mut out, "Data that the host defines: the module has its address", data.collect());
    section(&mut out, "Linear memory and start-up", own_data(module, contract, is_private, has_init));
    out.push_str("\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    out
}

fn section(out: &mut String, title: &str, lines: Vec<String>) {
    if !lines.is_empty() {
        let _ = write!(out, "\n/* {title}. */\n");
        lines.iter().for_each(|line| out.push_str(line));
    }
}

fn own_data(module: &Module, contract: &Contract, is_private: bool, has_init: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if module.memory.is_some() && !is_private {
        let owner = match contract.memory {
            MemoryOwner::Own => "",
            MemoryOwner::Extern => "  /* defined by the host, 8-aligned */",
        };
        lines.push(format!("extern uint8_t {SYM_MEMORY}[{}u];{owner}\n", contract.capacity_bytes));
        lines.push(format!("extern uint32_t {SYM_MEMORY_BYTES};  /* its present size in bytes */\n"));
    }
    let words = |t: &FuncType| t.int_results().map_or(0, |r| r.iter().map(|t| t.words()).sum());
    let most: usize = module.types.iter().map(words).max().unwrap_or(0);
    if most > 4 && !is_private {
        lines.push(format!("extern uint32_t {SYM_RESULTS}[{}];  /* result words after the fourth */\n", most - 4));
    }
    if has_init {
        lines.push(format!("void {SYM_INIT}(void);  /* to be called once, before everything else */\n"));
    }
    lines
}

fn c_type(ty: ValType) -> Option<&'static str> {
    match ty {
        ValType::I32 => Some("uint32_t"),
        ValType::I64 => Some("uint64_t"),
        ValType::F32 => Some("float"),
        ValType::F64 => Some("double"),
        ValType::V128 | ValType::Ref(_) => None,
    }
}

/// A name in C, and the label that says which symbol it is, if it is another. Nothing for symbols that assemblers do not take.
fn labelled(symbol: &str) -> Option<[String; 2]> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !symbol.chars().all(|c| is_word(c) || c == '.') || symbol.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if symbol.chars().all(is_word) && KEYWORDS.split_whitespace().all(|word| word != symbol) {
        return Some([symbol.to_string(), String::new()]);
    }
    let name = format!("synth_{}", symbol.replace('.', "_"));
    Some([name, format!(" __asm__(\"{symbol}\")")])
}

/// Text that ends no comment.
fn comment(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(shown).collect::<String>().replace("*/", "* /").replace("/*", "/ *")
}

/// What stands in the place of a declaration.
fn unnameable(symbol: &str) -> String {
    format!(
        "/* \"{}\" is no name that C compilers and assemblers take: objcopy --redefine-sym gives it one. */\n",
        comment(symbol)
    )
}

/// A declaration and what stands behind it; a comment alone if C has no such function.
fn prototype(ty: &FuncType, symbol: &str, note: Option<&String>) -> String {
    let from = note.map(|note| format!("  /* {} */", comment(note))).unwrap_or_default();
    let floats = ty.params.iter().chain(&ty.results).any(|t| matches!(t, ValType::F32 | ValType::F64));
    let params: Option<Vec<&str>> = ty.params.iter().map(|t| c_type(*t)).collect();
    let words = ty.int_results().map_or(usize::MAX, |r| r.iter().map(|t| t.words()).sum());
    let result = match &ty.results[..] {
        [] => Some("void"),
        [one] => c_type(*one),
        // Two words come back where a 64-bit number does.
        _ if words == 2 => Some("uint64_t"),
        _ => None,
    };
    let Some([name, label]) = labelled(symbol) else { return unnameable(symbol) };
    let (Some(params), Some(result)) = (params, result) else {
        return format!("/* {symbol}: more results than C can take; docs/abi.md says where they are. */\n");
    };
    let params = if params.is_empty() { "void".to_string() } else { params.join(", ") };
    let pcs = if floats { " __attribute__((pcs(\"aapcs\")))" } else { "" };
    let pair = if ty.results.len() == 2 { "  /* the first result is the low word */" } else { "" };
    format!("{result} {name}({params}){label}{pcs};{from}{pair}\n")
}
