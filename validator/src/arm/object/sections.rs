//! The sections of a file. Linkers go by their names, types and flags: those of an object have to be such as linkers read as we do.
//! Source: ELF (TIS 1.2), section header; IHI 0044 (ELF for the Arm Architecture).

use super::{ObjectError, Reader, Section, attributes, error};
use crate::contract::*;
use object::read::elf::{ElfFile32, ElfSection32, FileHeader, SectionHeader, Sym};
use object::{Object, ObjectSection, RelocationFlags, RelocationTarget, SectionFlags};
use std::collections::{BTreeMap, BTreeSet};

/// `SHT_PROGBITS`.
const CONTENTS: u32 = 1;
/// `SHT_REL`.
const REL: u32 = 9;
/// `SHT_ARM_ATTRIBUTES`.
const ATTRIBUTES: u32 = 0x7000_0003;

/// Whether linkers may take a section of an object for something that the contract has not. They merge, drop or move what has other flags,
/// types and names, and start-up code runs some of it. They know the place of a section by its name, whether it is loaded or not; names of
/// data that they could know are left to others.
fn is_strange(name: &str, kind: u32, flags: u64, size: u64) -> bool {
    // Source: ELF, SHF_WRITE 1, SHF_ALLOC 2, SHF_EXECINSTR 4.
    let (writable, loaded, executable) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
    let named = |stem, of| name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with(of));
    let is_plain = match (executable, writable, kind) {
        _ if !loaded => [".synth.", ".debug_", ".note.", ".comment"].iter().any(|stem| name.starts_with(stem)),
        (true, _, CONTENTS) => named(".text", "."),
        (_, true, CONTENTS) => named(".data", ".synth_"),
        (_, true, 8) => named(".bss", ".synth_"),
        (_, _, kind) => kind == CONTENTS && named(".rodata", ".synth_"),
    };
    let is_placed = loaded || matches!(kind, CONTENTS | 7 | 8);
    // Linkers compile anew what has a compiler's own form of the code beside it, and know relocations of other types.
    // Source: ELF, SHT_NULL 0 to SHT_STRTAB 3, SHT_NOTE 7, SHT_NOBITS 8; SHF_EXCLUDE.
    let is_known = matches!(kind, 0..=3 | 7..=REL | ATTRIBUTES)
        && ![".gnu", ".llvm"].iter().any(|compilers| name.starts_with(compilers));
    size != 0 && !is_plain && is_placed || loaded && flags > 7 || flags >> 31 != 0 || !is_known
}

/// Whether linkers read a section of an object about other sections as we do: there is one table of symbols, one of their names and one of
/// sections' names, and relocations count in that table of symbols and are about a section with contents. GNU ld takes other ones for
/// data, which it places by name.
fn is_table(file: &ElfFile32<'_>, s: &ElfSection32<'_, '_>, name: &str, kind: u32) -> bool {
    let (endian, header, symbols) = (file.endian(), s.elf_section_header(), file.elf_symbol_table());
    match kind {
        2 => s.index() == symbols.section() && name == ".symtab" && locals_come_first(file, header.sh_info(endian)),
        3 => {
            let names = usize::from(file.elf_header().e_shstrndx(endian).0);
            s.index() == symbols.string_section() || s.index().0 == names
        }
        REL => {
            let target = file.section_by_index(object::SectionIndex(header.sh_info(endian) as usize));
            let is_its = |target: ElfSection32<'_, '_>| {
                target.elf_section_header().sh_type(endian).0 == CONTENTS
                    && target.name().ok() == name.strip_prefix(".rel")
            };
            // Source: ELF, SHF_INFO_LINK 0x40.
            let flags = u64::from(header.sh_flags(endian).0) & !0x40;
            header.link(endian) == symbols.section() && flags == 0 && target.is_ok_and(is_its)
        }
        ATTRIBUTES => name == ".ARM.attributes",
        _ => true,
    }
}

/// Whether symbols are local up to this number and others from it on: linkers go by the number.
fn locals_come_first(file: &ElfFile32<'_>, first: u32) -> bool {
    file.elf_symbol_table().enumerate().all(|(index, symbol)| symbol.is_local() == (index.0 < first as usize))
}

impl<'d> Reader<'d> {
    /// Reads all sections.
    pub(super) fn sections(&mut self) -> Result<(), ObjectError> {
        let (file, is_linked) = (&self.file, self.linked.is_some());
        let mut relocated = BTreeSet::new();
        for s in file.sections() {
            let name = s.name().unwrap_or("?").to_string();
            let fail = |e: object::Error| ObjectError { place: name.clone(), offset: 0, message: e.to_string() };
            let SectionFlags::Elf { sh_type, sh_flags } = s.flags() else {
                continue;
            };
            let (kind, flags) = (sh_type.0, u64::from(sh_flags.0));
            let (writable, loaded, executable) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
            // Linkers leave out all but one of the tables of relocations that are about one section.
            let is_second = kind == REL && !relocated.insert(s.elf_section_header().sh_info(file.endian()));
            if !is_linked && (is_strange(&name, kind, flags, s.size()) || is_second || !is_table(file, &s, &name, kind))
            {
                return error(&name, 0, "section with a name, type or flags that the contract has not");
            }
            let data = s.data().map_err(fail)?;
            let Ok(size) = u32::try_from(s.size()) else {
                return error(&name, 0, "section larger than 4 GiB");
            };
            if !data.is_empty() && data.len() != size as usize {
                return error(&name, 0, "section size does not fit its contents");
            }
            if executable && data.len() != size as usize {
                return error(&name, 0, "executable section without contents");
            }
            let Some(base) = u32::try_from(s.address()).ok().filter(|a| a.checked_add(size).is_some()) else {
                return error(&name, 0, "section past the end of memory");
            };
            if base != 0 && !is_linked {
                return error(&name, 0, "section with an address");
            }
            if kind == ATTRIBUTES {
                let said = attributes::read(data).filter(|_| self.out.attributes.is_none());
                if said.is_none() {
                    return error(&name, 0, "build attributes that cannot be read, or are there twice");
                }
                self.out.attributes = said;
            }
            if name == WITNESS_SECTION && self.out.witness.replace(data.to_vec()).is_some() {
                return error(&name, 0, "two witness sections");
            }
            // Those of debug information are nobody's but linkers', which write where they say in what is compressed here.
            let whole = s.compressed_file_range().map_or(u64::from(size), |range| range.uncompressed_size);
            let relocations = if is_linked { BTreeMap::new() } else { relocations(&s, &name, whole)? };
            let align = s.align();
            let section = Section { name, data, base, size, align, executable, writable, loaded, relocations };
            self.sections.insert(s.index().0, section);
        }
        Ok(())
    }
}

/// The relocations of a section by place: types and symbols.
fn relocations(
    s: &ElfSection32<'_, '_>,
    name: &str,
    size: u64,
) -> Result<BTreeMap<u32, (u32, object::SymbolIndex)>, ObjectError> {
    let mut relocations = BTreeMap::new();
    for (at, r) in s.relocations() {
        let RelocationFlags::Elf { r_type } = r.flags() else {
            return error(name, at, "relocation type");
        };
        let RelocationTarget::Symbol(symbol) = r.target() else {
            return error(name, at, "relocation target");
        };
        let place = u32::try_from(at).ok().filter(|p| u64::from(*p) + 4 <= size);
        let Some(place) = place else {
            return error(name, at, "relocation outside its section");
        };
        if !r.has_implicit_addend() {
            return error(name, at, "relocation with explicit addend (RELA)");
        }
        if relocations.insert(place, (u32::from(r_type.0), symbol)).is_some() {
            return error(name, at, "two relocations at one place");
        }
    }
    Ok(relocations)
}
