//! Symbols of the objects and archives that make an image: what is missing, what is there twice. A linker would say the same, but
//! not what to do about it.

use object::read::archive::ArchiveFile;
use object::{Architecture, BinaryFormat, Endianness, Object, ObjectKind, ObjectSymbol};
use std::collections::{BTreeMap, BTreeSet};

/// An object's symbols.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// For people: a path, maybe with a member's name.
    pub name: String,
    /// Defined global symbols that nobody else may define.
    pub strong: BTreeSet<String>,
    /// Defined global symbols that others may define as well: weak and common ones.
    pub weak: BTreeSet<String>,
    /// Symbols that others must define.
    pub wanted: BTreeSet<String>,
}

/// A file to link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A relocatable object.
    Object(Part),
    /// Objects of which those are taken that define what is missing.
    Archive(Vec<Part>),
}

/// Reads an object or an archive of objects.
///
/// # Errors
/// Why it cannot be linked.
pub fn read(name: &str, bytes: &[u8]) -> Result<Input, String> {
    if !bytes.starts_with(b"!<arch>\n") && !bytes.starts_with(b"!<thin>\n") {
        return part(name, bytes).map(Input::Object);
    }
    let archive = ArchiveFile::parse(bytes).map_err(|e| format!("not an archive: {e}"))?;
    if archive.is_thin() {
        return Err("a thin archive; make one with contents".to_string());
    }
    let mut parts = Vec::new();
    for member in archive.members() {
        let member = member.map_err(|e| format!("not an archive: {e}"))?;
        let data = member.data(bytes).map_err(|e| format!("not an archive: {e}"))?;
        // Archives may hold texts too; linkers pass them over.
        if data.starts_with(b"\x7fELF") {
            parts.push(part(&format!("{name}({})", String::from_utf8_lossy(member.name())), data)?);
        }
    }
    Ok(Input::Archive(parts))
}

fn part(name: &str, bytes: &[u8]) -> Result<Part, String> {
    let file = object::File::parse(bytes).map_err(|e| format!("neither object nor archive: {e}"))?;
    let is_arm = file.architecture() == Architecture::Arm && file.endianness() == Endianness::Little;
    if file.format() != BinaryFormat::Elf || !is_arm || file.kind() != ObjectKind::Relocatable {
        return Err("no relocatable ELF object for little-endian Arm".to_string());
    }
    let mut part = Part { name: name.to_string(), ..Part::default() };
    for symbol in file.symbols().filter(|s| s.is_global()) {
        let name = symbol.name().map_err(|e| format!("a symbol without a name: {e}"))?.to_string();
        match (symbol.is_undefined(), symbol.is_weak() || symbol.is_common()) {
            (true, false) => part.wanted.insert(name),
            (true, true) => continue,
            (false, false) => part.strong.insert(name),
            (false, true) => part.weak.insert(name),
        };
    }
    Ok(part)
}

/// A symbol that two define.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The symbol.
    pub symbol: String,
    /// Who defines it.
    pub by: [String; 2],
}

/// Whether linkers define a symbol themselves, where it is wanted.
fn is_linkers(symbol: &str) -> bool {
    symbol == "_GLOBAL_OFFSET_TABLE_" || symbol.starts_with("__start_") || symbol.starts_with("__stop_")
}

/// Which symbols are missing.
///
/// Result: each with the name of one part that wants it.
///
/// # Errors
/// The first symbol that two parts define.
pub fn missing(objects: &[&Part], archives: &[&[Part]]) -> Result<BTreeMap<String, String>, Clash> {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut weak: BTreeSet<&str> = BTreeSet::new();
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    let mut missing = BTreeMap::new();
    let mut taken: Vec<&Part> = objects.to_vec();
    let mut next = 0;
    loop {
        while let Some(part) = taken.get(next) {
            for symbol in &part.strong {
                if let Some(first) = owners.insert(symbol, &part.name) {
                    return Err(Clash { symbol: symbol.clone(), by: [first.to_string(), part.name.clone()] });
                }
            }
            weak.extend(part.weak.iter().map(String::as_str));
            wanted.extend(part.wanted.iter().map(|symbol| (symbol.as_str(), part.name.as_str())));
            next += 1;
        }
        // Later ones are taken first; what is missing does not depend on that.
        let Some((symbol, by)) = wanted.pop() else {
            return Ok(missing);
        };
        if owners.contains_key(symbol) || weak.contains(symbol) || is_linkers(symbol) {
            continue;
        }
        let defines = |part: &&Part| part.strong.contains(symbol) || part.weak.contains(symbol);
        match archives.iter().flat_map(|parts| parts.iter()).find(defines) {
            Some(part) => taken.push(part),
            None => {
                missing.entry(symbol.to_string()).or_insert_with(|| by.to_string());
            }
        }
    }
}
