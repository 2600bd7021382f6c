//! Trampolines in C for exported functions that take pointers to the host's structures: a trampoline has the export's name, copies members
//! into linear memory, calls the module's function with the address of the copy, and copies members back.
//!
//! A description says which members there are and where they lie in the module's structure:
//!
//! ```toml
//! struct = "struct k_sem"     # the C type that the parameter points to
//! include = ["kernel.h"]      # where it is declared
//! at = "sem_copy"             # where the copy lies: an address in linear memory, or an exported immutable i32 global that holds it
//! bytes = 24                  # its size
//!
//! [[member]]
//! name = "count"              # in C; nested members and elements as C writes them
//! offset = 4                  # in the module's structure
//! type = "u32"                # i8, u8, i16, u16, i32, u32, i64, u64
//! count = 1                   # more than 1: elements of an array
//! copy = "both"               # in, out or both
//! ```
//!
//! The null pointer stays 0, and nothing is copied. What the module does with the copy is proved as everything else is; that the trampoline
//! copies what the description says is C's matter and tested (`tests/native/trampolines.rs`). A copy is one place: a function that is entered again
//! before it returns needs descriptions with places of their own, as two parameters of one function do.

use crate::c_header;
use crate::module::{ConstExpr, ExportKind, FuncType, Module, ValType};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::str::FromStr;
use synth_validator::contract::{PAGE_BYTES, SYM_MARSHALLED, SYM_MEMORY};
use synth_validator::ir::Type;

/// What sources of trampolines begin with.
pub const FIRST_WORDS: &str = "/* Trampolines for ";

/// A parameter to be marshalled, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Name of the export.
    pub function: String,
    /// Number of the parameter.
    pub number: u32,
    /// The description's file.
    pub file: String,
}

impl FromStr for Parameter {
    type Err = String;
    fn from_str(text: &str) -> Result<Parameter, String> {
        let wrong = || format!("{text:?} is not FUNCTION:PARAMETER=FILE (parameters counted from 0)");
        let (place, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or_else(wrong)?;
        let (function, number) = place.rsplit_once(':').filter(|(f, _)| !f.is_empty()).ok_or_else(wrong)?;
        let number = number.parse().map_err(|_| wrong())?;
        Ok(Parameter { function: function.to_string(), number, file: file.to_string() })
    }
}

/// A description.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Structure {
    /// The C type.
    #[serde(rename = "struct")]
    pub name: String,
    /// Headers that declare it.
    #[serde(default)]
    pub include: Vec<String>,
    /// Where the copy lies.
    pub at: Place,
    /// Its size.
    pub bytes: u32,
    /// What is copied.
    pub member: Vec<Member>,
}

/// Where a copy lies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// At this address in linear memory.
    Address(u32),
    /// At the address that the exported global with this name holds.
    Global(String),
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// In C.
    pub name: String,
    /// In the module's structure.
    pub offset: u32,
    /// Type of it, or of its elements.
    #[serde(rename = "type")]
    pub ty: Scalar,
    /// Elements.
    #[serde(default = "one")]
    pub count: u32,
    /// Which way it is copied.
    #[serde(default)]
    pub copy: Copy,
}

fn one() -> u32 {
    1
}

/// Types of members, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "sign and bits")]
pub enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

impl Scalar {
    fn c(self) -> &'static str {
        match self {
            Scalar::I8 => "int8_t",
            Scalar::U8 => "uint8_t",
            Scalar::I16 => "int16_t",
            Scalar::U16 => "uint16_t",
            Scalar::I32 => "int32_t",
            Scalar::U32 => "uint32_t",
            Scalar::I64 => "int64_t",
            Scalar::U64 => "uint64_t",
        }
    }
    fn bytes(self) -> u32 {
        match self {
            Scalar::I8 | Scalar::U8 => 1,
            Scalar::I16 | Scalar::U16 => 2,
            Scalar::I32 | Scalar::U32 => 4,
            Scalar::I64 | Scalar::U64 => 8,
        }
    }
}

/// Which way a member is copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Copy {
    /// Before the call.
    In,
    /// After the call.
    Out,
    /// Both.
    #[default]
    Both,
}

/// A parameter with its description.
pub type Marshalled = (Parameter, Structure);

/// The symbols that exported functions get, so that trampolines can have theirs.
pub fn symbols(marshalled: &[Marshalled]) -> BTreeMap<String, String> {
    marshalled.iter().map(|(p, _)| (p.function.clone(), format!("{SYM_MARSHALLED}{}", p.function))).collect()
}

/// The trampolines' source and their header. `name` is the module's for people, `header` that of the header's file.
///
/// # Errors
/// What does not fit the module: functions, parameters, places, members.
pub fn source(
    module: &Module,
    marshalled: &[Marshalled],
    name: &str,
    header: &str,
) -> Result<(String, String), String> {
    let mut functions: BTreeMap<&str, BTreeMap<u32, &Structure>> = BTreeMap::new();
    for (parameter, structure) in marshalled {
        let of_function = functions.entry(&parameter.function).or_default();
        if of_function.insert(parameter.number, structure).is_some() {
            return Err(format!("parameter {} of {} is described twice", parameter.number, parameter.function));
        }
    }
    let includes: BTreeSet<&String> = marshalled.iter().flat_map(|(_, s)| &s.include).collect();
    let mut declared = format!("{FIRST_WORDS}{name}. Written by synth. */\n#pragma once\n\n#include <stdint.h>\n");
    declared.extend(includes.iter().map(|file| format!("#include \"{file}\"\n")));
    declared.push_str("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    let mut source = format!("{FIRST_WORDS}{name}. Written by synth. */\n#include \"{header}\"\n\n");
    let _ = writeln!(source, "extern uint8_t {SYM_MEMORY}[];\n");
    for (function, structures) in functions {
        let trampoline = Trampoline::new(module, function, structures)?;
        let _ = writeln!(declared, "{};", trampoline.prototype(true));
        source.push_str(&trampoline.definition());
    }
    declared.push_str("\n#ifdef __cplusplus\n}\n#endif\n");
    Ok((source, declared))
}

/// One trampoline.
struct Trampoline<'a> {
    function: &'a str,
    /// C types.
    params: Vec<&'static str>,
    result: &'static str,
    /// Stands behind declarations: the base standard if there are floating-point numbers.
    convention: String,
    /// By number of the parameter: the structure and the address of its copy.
    structures: BTreeMap<u32, (&'a Structure, u32)>,
}

impl<'a> Trampoline<'a> {
    fn new(module: &Module, function: &'a str, structures: BTreeMap<u32, &'a Structure>) -> Result<Self, String> {
        let mut exports = module.exports.iter().filter(|e| e.kind == ExportKind::Function);
        let export = exports.find(|e| e.name == function);
        let export = export.ok_or_else(|| format!("the module exports no function {function}"))?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !function.chars().all(is_word) {
            return Err(format!("{function} is no name of a C function"));
        }
        let ty: &FuncType = module.type_of(export.index);
        let params: Option<Vec<_>> = ty.params.iter().map(|ty| c_header::c_type(*ty)).collect();
        let result = match &ty.results[..] {
            [] => Some("void"),
            [one] => c_header::c_type(*one),
            _ => None,
        };
        let (Some(params), Some(result)) = (params, result) else {
            return Err(format!("{function} has a type that trampolines are not made for"));
        };
        let convention = if c_header::has_floats(ty) { format!(" {}", c_header::BASE) } else { String::new() };
        let mut placed: BTreeMap<u32, (&Structure, u32)> = BTreeMap::new();
        for (number, structure) in structures {
            if ty.params.get(number as usize) != Some(&wasmparser::ValType::I32) {
                return Err(format!("{function} has no parameter {number} that is an i32"));
            }
            let at = place(module, structure)?;
            check(module, structure, at).map_err(|e| format!("parameter {number} of {function}: {e}"))?;
            let end = |structure: &Structure, at: u32| u64::from(at) + u64::from(structure.bytes);
            let is_shared = |other: &Structure, start: u32| {
                u64::from(at) < end(other, start) && u64::from(start) < end(structure, at)
            };
            if let Some((other, _)) = placed.iter().find(|(_, (other, start))| is_shared(other, *start)) {
                let error = "need places of their own: both may be in use in one call";
                return Err(format!("the copies for parameters {other} and {number} of {function} {error}"));
            }
            placed.insert(number, (structure, at));
        }
        Ok(Trampoline { function, params, result, convention, structures: placed })
    }

    /// The C name is one of its own, and the symbol the export's: headers may declare that with other types.
    fn prototype(&self, is_label: bool) -> String {
        let params = self.params.iter().zip(0..).map(|(ty, n)| match self.structures.get(&n) {
            Some((structure, _)) => format!("{} *p{n}", structure.name),
            None => format!("{ty} p{n}"),
        });
        let params = params.collect::<Vec<_>>().join(", ");
        let label = match is_label {
            true => format!(" __asm__(\"{}\"){}", self.function, self.convention),
            false => String::new(),
        };
        format!("{} synth_marshal_{}({params}){label}", self.result, self.function)
    }

    fn definition(&self) -> String {
        let (function, types) = (self.function, self.params.join(", "));
        let mut out = format!(
            "{} {SYM_MARSHALLED}{function}({types}){};\n\n{}\n{{\n",
            self.result,
            self.convention,
            self.prototype(false)
        );
        for (n, (structure, at)) in &self.structures {
            let _ = writeln!(out, "    uint8_t *const m{n} = {SYM_MEMORY} + {at}u;");
            let _ = writeln!(out, "    if (p{n}) {{");
            structure.member.iter().filter(|m| m.copy != Copy::Out).for_each(|m| out.push_str(&m.copied(*n, true)));
            out.push_str("    }\n");
        }
        let args = (0..self.params.len() as u32).map(|n| match self.structures.get(&n) {
            Some((_, at)) => format!("p{n} ? {at}u : 0u"),
            None => format!("p{n}"),
        });
        let args: Vec<String> = args.collect();
        let call = format!("{SYM_MARSHALLED}{function}({})", args.join(", "));
        let is_kept = self.result != "void";
        let kept = if is_kept { format!("const {} result = ", self.result) } else { String::new() };
        let _ = writeln!(out, "    {kept}{call};");
        for (n, (structure, _)) in &self.structures {
            let _ = writeln!(out, "    if (p{n}) {{");
            structure.member.iter().filter(|m| m.copy != Copy::In).for_each(|m| out.push_str(&m.copied(*n, false)));
            out.push_str("    }\n");
        }
        if is_kept {
            out.push_str("    return result;\n");
        }
        out.push_str("}\n\n");
        out
    }
}

impl Member {
    /// C that copies the member of parameter `n`, by way of a variable of the member's own type, so that the compiler converts.
    fn copied(&self, n: u32, is_in: bool) -> String {
        let Member { name, offset, ty, count, .. } = self;
        let (c, bytes) = (ty.c(), ty.bytes());
        let (start, index, at) = match count {
            1 => (String::new(), String::new(), format!("{offset}u")),
            _ => (
                format!("for (uint32_t i = 0; i < {count}u; i++) "),
                "[i]".to_string(),
                format!("{offset}u + {bytes}u * i"),
            ),
        };
        let body = match is_in {
            true => format!("{c} v = ({c})p{n}->{name}{index}; __builtin_memcpy(m{n} + {at}, &v, {bytes});"),
            false => format!(
                "{c} v; __builtin_memcpy(&v, m{n} + {at}, {bytes}); p{n}->{name}{index} = (__typeof__(p{n}->{name}{index}))v;"
            ),
        };
        format!("        {start}{{ {body} }}\n")
    }
}

/// The address of the copy.
fn place(module: &Module, structure: &Structure) -> Result<u32, String> {
    let name = match &structure.at {
        Place::Address(at) => return Ok(*at),
        Place::Global(name) => name,
    };
    let export = module.exports.iter().find(|e| e.kind == ExportKind::Global && e.name == *name);
    let global = export.and_then(|e| module.globals.get(e.index as usize));
    match global.map(|g| (g.mutable, g.ty, g.init)) {
        Some((false, ValType::Int(Type::I32), ConstExpr::I32(at))) => Ok(at),
        _ => {
            Err(format!("{}: the module exports no immutable i32 global {name} with a constant value", structure.name))
        }
    }
}

/// Members lie in the copy, the copy in linear memory; those copied back do not overlap.
fn check(module: &Module, structure: &Structure, at: u32) -> Result<(), String> {
    if at == 0 {
        return Err("a copy at address 0 is the null pointer to the module".to_string());
    }
    let memory = module.memory.as_ref().map_or(0, |m| m.min_pages * u64::from(PAGE_BYTES));
    if u64::from(at) + u64::from(structure.bytes) > memory {
        return Err(format!("{} bytes at {at:#x} do not fit into linear memory of {memory} bytes", structure.bytes));
    }
    let mut ranges: Vec<(u64, u64, &str)> = Vec::new();
    for Member { name, offset, ty, count, .. } in &structure.member {
        let start = u64::from(*offset);
        let end = start + u64::from(ty.bytes()) * u64::from(*count);
        if *count == 0 || end > structure.bytes.into() {
            return Err(format!("member {name} does not fit into {} bytes", structure.bytes));
        }
        ranges.push((start, end, name));
    }
    ranges.sort_unstable();
    match ranges.windows(2).find(|w| w[1].0 < w[0].1) {
        Some(w) => Err(format!("members {} and {} overlap", w[0].2, w[1].2)),
        None => Ok(()),
    }
}
