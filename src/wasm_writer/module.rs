//! A module with other function bodies: every section is copied but code, and custom sections that speak of code by offset.
//!
//! Function indices stay, so names and everything else stay true.

use super::encode::unsigned;
use crate::error::CompileError;
use wasmparser::{Parser, Payload};

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
pub fn rewrite(bytes: &[u8], bodies: &[&[u8]]) -> Result<Rewritten, CompileError> {
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
        let is_code = matches!(payload, Payload::CodeSectionStart { .. });
        let Some((id, range)) = payload.as_section() else { continue };
        let code = is_code.then(|| code_section(bodies));
        let contents = code.as_deref().unwrap_or(&bytes[range.start as usize..range.end as usize]);
        out.push(id);
        unsigned(contents.len() as u64, &mut out);
        out.extend_from_slice(contents);
    }
    Ok(Rewritten { bytes: out, dropped })
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
