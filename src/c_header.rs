//! A C header for an object: what the host may call, and what it has to define.
//!
//! Words of WebAssembly have no sign: `i32` is `uint32_t`, `i64` `uint64_t`. Floating-point numbers travel in core registers, which is
//! said by the attribute `pcs("aapcs")` for hosts that are built otherwise. Results of more than two words come back in r0 to r3, as a vector of 16
//! bytes does (IHI 0042, 6.4), and behind them in `__synth_results`: for exports an inline function makes a structure of them, which C
//! returns as it returns structures. The contract is in `docs/abi.md`.

use crate::image::shows_results;
use crate::module::{ExportKind, FuncType, Module};
use std::fmt::Write;
use synth_validator::contract::{
    Bounds, Contract, MASK_SPARE_BYTES, MemoryOwner, SYM_INIT, SYM_MEMORY, SYM_MEMORY_BYTES, SYM_RESULTS, SYM_TABLE,
};
use wasmparser::ValType;

/// Words that are no names of functions in C or C++.
const KEYWORDS: &str = "alignas alignof and asm auto bool break case catch char class const constexpr continue default delete do double \
    else enum explicit export extern false float for friend goto if inline int long mutable namespace new not nullptr operator or private \
    protected public register restrict return short signed sizeof static struct switch template this throw true try typedef typename union \
    unsigned using virtual void volatile while xor main";

/// The C type of the first four words of results.
const WORDS: &str = "synth_words";
/// The base standard, whatever the host is built for.
pub(crate) const BASE: &str = "__attribute__((pcs(\"aapcs\")))";

/// The header's text. `name` is that of the module for people, without folders; `is_private` says that the object keeps its data to itself.
pub fn header(module: &Module, contract: &Contract, name: &str, is_private: bool, has_init: bool) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let guard: String = format!("synth_{name}_h").chars().map(upper).collect();
    let mut out = format!("/* What {} and its host define for each other. Written by synth. */\n", comment(name));
    let _ = write!(out, "#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n");
    out.push_str("#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    if module.functions.iter().any(|f| words(&module.types[f.type_index as usize]) > 2) {
        let _ = write!(
            out,
            "\n/* The first four words of results, in r0 to r3. */\ntypedef uint32_t {WORDS} __attribute__((vector_size(16)));\n"
        );
    }
    section(&mut out, "Linear memory and start-up", own_data(module, contract, is_private, has_init));
    section(
        &mut out,
        "Tables of functions: what the module gives as the number of a function is the place of its entry",
        tables(module, is_private),
    );
    let exports = module.exports.iter().filter(|e| e.kind == ExportKind::Function);
    let exports = exports.map(|e| {
        let symbol = module.export_symbol(&e.name);
        let note = (e.name != symbol).then_some(&e.name);
        match words(module.type_of(e.index)) {
            ..=2 => prototype(module.type_of(e.index), &symbol, note),
            _ => structured(module.type_of(e.index), &symbol),
        }
    });
    section(&mut out, "Functions of the module", exports.collect());
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
    // What the host defines is its own business, however private the rest is.
    let is_extern = contract.memory == MemoryOwner::Extern;
    if module.memory.is_some() && (is_extern || !is_private) {
        let owner = if is_extern {
            format!("  /* defined by the host, {}-aligned */", module.relocations.memory_align())
        } else {
            String::new()
        };
        // Masked accesses reach behind the capacity, which the host has to know where the memory is its own.
        let spare = if is_extern && contract.bounds == Bounds::Mask { MASK_SPARE_BYTES } else { 0 };
        lines.push(format!("extern uint8_t {SYM_MEMORY}[{}u];{owner}\n", contract.capacity_bytes + spare));
    }
    if module.memory.is_some() && !is_private {
        lines.push(format!("extern uint32_t {SYM_MEMORY_BYTES};  /* its present size in bytes */\n"));
    }
    let most = module.types.iter().map(words).max().unwrap_or(0);
    if most > 4 && (!is_private || shows_results(module)) {
        lines.push(format!("extern uint32_t {SYM_RESULTS}[{}];  /* result words after the fourth */\n", most - 4));
    }
    if has_init {
        lines.push(format!("void {SYM_INIT}(void);  /* to be called once, before everything else */\n"));
    }
    lines
}

/// Exported tables.
fn tables(module: &Module, is_private: bool) -> Vec<String> {
    let exported = module.exports.iter().filter(|e| e.kind == ExportKind::Table && !is_private);
    let tables = exported.map(|e| {
        let entries = module.tables[e.index as usize].min;
        format!("extern const struct synth_entry {SYM_TABLE}{}[{entries}u];  /* {} */\n", e.index, comment(&e.name))
    });
    let tables: Vec<String> = tables.collect();
    let entry = "struct synth_entry {\n    uint32_t type;  /* 0: no function */\n    void (*function)(void);\n};\n";
    if tables.is_empty() { tables } else { [vec![entry.to_string()], tables].concat() }
}

/// Words of a type's results; 0 if it has results that C cannot have.
fn words(ty: &FuncType) -> usize {
    ty.int_results().map_or(0, |results| results.iter().map(|t| t.words()).sum())
}

/// A function with more than two words of results: its words, a structure, and a function that makes the one of the other.
fn structured(ty: &FuncType, symbol: &str) -> String {
    let Some([name, _]) = labelled(symbol) else { return unnameable(symbol) };
    let types = |list: &[ValType]| list.iter().map(|t| c_type(*t)).collect::<Option<Vec<_>>>();
    let (Some(params), Some(results)) = (types(&ty.params), types(&ty.results)) else {
        return format!("/* {symbol}: its type is not one that C has. */\n");
    };
    let list = |named: bool| match params.is_empty() {
        true => "void".to_string(),
        false => {
            let each = params.iter().zip(0..).map(|(t, n)| if named { format!("{t} p{n}") } else { (*t).to_string() });
            each.collect::<Vec<_>>().join(", ")
        }
    };
    let mut out =
        format!("{WORDS} {WORDS}_{name}({}) __asm__(\"{symbol}\") {BASE};\nstruct {name}_results {{\n", list(false));
    results.iter().zip(0..).for_each(|(t, n)| out.push_str(&format!("    {t} r{n};\n")));
    let args: Vec<String> = (0..params.len()).map(|n| format!("p{n}")).collect();
    let count = words(ty);
    let word = |n: usize| if n < 4 { format!("first[{n}]") } else { format!("{SYM_RESULTS}[{}]", n - 4) };
    let all: Vec<String> = (0..count).map(word).collect();
    // Its symbol is another than the export's, of which compilers would take it for the definition.
    let declared = format!("struct {name}_results {name}({})", list(true));
    let _ = write!(
        out,
        "}};\nstatic inline {declared} __asm__(\"synth_inline_{name}\");\nstatic inline {declared}\n{{\n    const {WORDS} first = {WORDS}_{name}({});\n    const uint32_t words[{count}] = {{{}}};\n    struct {name}_results r;\n",
        args.join(", "),
        all.join(", ")
    );
    let mut at = 0;
    for (ty, n) in ty.results.iter().zip(0..) {
        let _ = writeln!(out, "    __builtin_memcpy(&r.r{n}, &words[{at}], sizeof r.r{n});");
        at += if matches!(ty, ValType::I64 | ValType::F64) { 2 } else { 1 };
    }
    out.push_str("    return r;\n}\n");
    out
}

/// The C type of a parameter or result, if there is one.
pub(crate) fn c_type(ty: ValType) -> Option<&'static str> {
    match ty {
        ValType::I32 => Some("uint32_t"),
        ValType::I64 => Some("uint64_t"),
        ValType::F32 => Some("float"),
        ValType::F64 => Some("double"),
        ValType::V128 | ValType::Ref(_) => None,
    }
}

/// Whether floating-point numbers are passed.
pub(crate) fn has_floats(ty: &FuncType) -> bool {
    ty.params.iter().chain(&ty.results).any(|t| matches!(t, ValType::F32 | ValType::F64))
}

/// Whether a header can have no function of this name: keywords, what `stdint.h` defines or may define one day (C11, 7.20.4, 7.31.10), and the
/// header's own type.
fn is_taken(name: &str) -> bool {
    let number = || name.starts_with("int") || name.starts_with("uint");
    let limit = || {
        let about = ["INT", "UINT", "PTRDIFF_", "SIG_ATOMIC_", "SIZE_", "WCHAR_", "WINT_"];
        about.iter().any(|start| name.starts_with(start))
    };
    let ends = ["_MAX", "_MIN", "_WIDTH", "_C"];
    KEYWORDS.split_whitespace().any(|word| word == name)
        || name == WORDS
        || number() && name.ends_with("_t")
        || limit() && ends.iter().any(|end| name.ends_with(end))
}

/// A name in C, and the label that says which symbol it is, if it is another. Nothing for symbols that assemblers do not take.
fn labelled(symbol: &str) -> Option<[String; 2]> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !symbol.chars().all(|c| is_word(c) || c == '.') || symbol.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if symbol.chars().all(is_word) && !is_taken(symbol) {
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
    let params: Option<Vec<&str>> = ty.params.iter().map(|t| c_type(*t)).collect();
    let result = match &ty.results[..] {
        [] => Some("void"),
        [one] => c_type(*one),
        // Two words come back where a 64-bit number does.
        _ if words(ty) == 2 => Some("uint64_t"),
        _ if ty.int_results().is_ok() => Some(WORDS),
        _ => None,
    };
    let Some([name, label]) = labelled(symbol) else { return unnameable(symbol) };
    let (Some(params), Some(result)) = (params, result) else {
        return format!("/* {symbol}: its type is not one that C has. */\n");
    };
    let params = if params.is_empty() { "void".to_string() } else { params.join(", ") };
    let pcs = if has_floats(ty) || result == WORDS { format!(" {BASE}") } else { String::new() };
    let pair = match words(ty) {
        ..=2 if ty.results.len() == 2 => "  /* the first result is the low word */".to_string(),
        more if more > 4 => format!("  /* words after the fourth of its results go to {SYM_RESULTS} */"),
        _ => String::new(),
    };
    format!("{result} {name}({params}){label}{pcs};{from}{pair}\n")
}
