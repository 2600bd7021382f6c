//! A module with other function bodies: every section is copied but code, and custom sections that speak of code by offset.
//!
//! Function indices stay, so names and everything else stay true; of functions with another body the name section keeps the
//! names of parameters, and loses those of other locals and of labels.

use super::encode::unsigned;
use crate::error::CompileError;
use crate::module::{Function, Module};
use wasmparser::{BinaryReader, CustomSectionReader, IndirectNameMap, Naming, Parser, Payload};

/// Subsections of the name section. Source: extended name section proposal.
const LOCALS: u8 = 2;
const LABELS: u8 = 3;

/// Whether a custom section's contents depend on where code stands.
fn speaks_of_code(name: &str) -> bool {
    let exactly = ["sourceMappingURL", "external_debug_info", "build_id"];
    name.starts_with(".debug_") || name.starts_with("metadata.code.") || exactly.contains(&name)
}

/// A module with new bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Names of the custom sections left out.
    pub dropped: Vec<String>,
}

/// The module with these bodies (locals and code, without their sizes), by number of the function among the defined ones.
///
/// # Errors
/// A module for a linker, whose relocations name places in code.
pub fn rewrite(bytes: &[u8], module: &Module, bodies: &[&[u8]]) -> Result<Rewritten, CompileError> {
    let mut out = bytes.get(..8).unwrap_or_default().to_vec();
    let mut dropped = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if let Payload::CustomSection(section) = &payload {
            let name = section.name();
            if name == "linking" || name.starts_with("reloc.") {
                return Err(CompileError::Unsupported {
                    function: None,
                    offset: section.range().start,
                    what: format!("a module for a linker (section {name})"),
                });
            }
            if speaks_of_code(name) {
                dropped.push(name.to_string());
                continue;
            }
        }
        let Some((id, range)) = payload.as_section() else { continue };
        let contents = &bytes[range.start as usize..range.end as usize];
        let instead = match &payload {
            Payload::CodeSectionStart { .. } => Some(code_section(bodies)),
            Payload::CustomSection(section) if section.name() == "name" => {
                let first = module.imported_functions() as usize;
                let own = |f: &Function| &bytes[f.body.clone()];
                let kept: Vec<bool> = module.functions[first..].iter().zip(bodies).map(|(f, b)| own(f) == *b).collect();
                let params = |f: u32| {
                    let is_kept = (f as usize).checked_sub(first).and_then(|i| kept.get(i).copied()).unwrap_or(true);
                    (!is_kept).then(|| module.type_of(f).params.len() as u32)
                };
                names(section, &params)
            }
            _ => None,
        };
        let contents = instead.as_deref().unwrap_or(contents);
        out.push(id);
        unsigned(contents.len() as u64, &mut out);
        out.extend_from_slice(contents);
    }
    Ok(Rewritten { bytes: out, dropped })
}

/// The contents of a name section in which functions of which `params` gives the number of parameters have no other names
/// of locals, and none of labels. None if the section cannot be read, which is no fault of a module.
fn names(section: &CustomSectionReader<'_>, params: &dyn Fn(u32) -> Option<u32>) -> Option<Vec<u8>> {
    let mut reader = BinaryReader::new(section.data(), section.data_offset());
    let mut out = Vec::new();
    text("name", &mut out);
    while !reader.eof() {
        let id = reader.read_u8().ok()?;
        let size = reader.read_var_u32().ok()? as usize;
        let contents = reader.read_bytes(size).ok()?;
        let map = || IndirectNameMap::new(BinaryReader::new(contents, 0)).ok();
        let contents = match id {
            LOCALS => indirect_names(map()?, params)?,
            LABELS => indirect_names(map()?, &|f| params(f).map(|_| 0))?,
            _ => contents.to_vec(),
        };
        out.push(id);
        unsigned(contents.len() as u64, &mut out);
        out.extend(contents);
    }
    Some(out)
}

fn text(name: &str, out: &mut Vec<u8>) {
    unsigned(name.len() as u64, out);
    out.extend(name.as_bytes());
}

fn write_map(entries: &[Naming<'_>], out: &mut Vec<u8>) {
    unsigned(entries.len() as u64, out);
    for entry in entries {
        unsigned(u64::from(entry.index), out);
        text(entry.name, out);
    }
}

/// Names by function, cut off at the index that `end` gives, if it gives one.
fn indirect_names(functions: IndirectNameMap<'_>, end: &dyn Fn(u32) -> Option<u32>) -> Option<Vec<u8>> {
    let mut kept: Vec<(u32, Vec<Naming<'_>>)> = Vec::new();
    for function in functions {
        let function = function.ok()?;
        let entries: Vec<Naming<'_>> = function.names.into_iter().collect::<Result<_, _>>().ok()?;
        let within = |n: &Naming<'_>| end(function.index).is_none_or(|end| n.index < end);
        let entries: Vec<Naming<'_>> = entries.into_iter().filter(within).collect();
        if !entries.is_empty() {
            kept.push((function.index, entries));
        }
    }
    let mut out = Vec::new();
    unsigned(kept.len() as u64, &mut out);
    for (function, entries) in kept {
        unsigned(u64::from(function), &mut out);
        write_map(&entries, &mut out);
    }
    Some(out)
}

fn code_section(bodies: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    unsigned(bodies.len() as u64, &mut out);
    for body in bodies {
        unsigned(body.len() as u64, &mut out);
        out.extend_from_slice(body);
    }
    out
}
