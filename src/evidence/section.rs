//! Loaded sections of an object or linked image, from its headers.

use object::elf::{SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS};
use object::{Object, ObjectSection, SectionFlags};
use serde::Serialize;

/// A loaded section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Number among the object's sections.
    #[serde(skip)]
    pub number: usize,
    /// Name.
    pub name: String,
    /// Address; 0 in a relocatable object.
    pub address: u32,
    /// Bytes.
    pub bytes: u32,
    /// Alignment in bytes.
    pub align: u32,
    /// `code`, `constants`, `data` (copied at start-up) or `zero` (cleared at start-up).
    pub kind: &'static str,
}

/// The kind of sections with code.
pub const CODE: &str = "code";

/// The loaded sections that are not empty, in the order of the file; none of a file that is no object.
pub fn loaded(bytes: &[u8]) -> Vec<Section> {
    let Ok(file) = object::File::parse(bytes) else { return Vec::new() };
    let is_linked = file.kind() == object::ObjectKind::Executable;
    let mut out = Vec::new();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, sh_type } = section.flags() else { continue };
        let has = |flag: object::elf::SectionFlags| sh_flags.0 & flag.0 != 0;
        if !has(SHF_ALLOC) || section.size() == 0 {
            continue;
        }
        out.push(Section {
            number: section.index().0,
            name: section.name().unwrap_or("?").to_string(),
            address: if is_linked { section.address() as u32 } else { 0 },
            bytes: section.size() as u32,
            align: section.align() as u32,
            kind: match (has(SHF_EXECINSTR), has(SHF_WRITE), sh_type == SHT_NOBITS) {
                (true, ..) => CODE,
                (false, false, _) => "constants",
                (false, true, false) => "data",
                (false, true, true) => "zero",
            },
        });
    }
    out
}
