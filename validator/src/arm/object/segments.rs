//! What loaders copy: the segments of a linked image, which have to hold its sections and nothing in their place. Source: ELF (TIS
//! 1.2), program header.

use super::{ObjectError, error};
use object::elf::PT_LOAD;
use object::read::elf::{ElfFile32, ProgramHeader};
use object::{Object, ObjectSection, SectionFlags};

/// Checks that each loaded section with contents lies in a segment at its own address, that segments put nothing but zeros where a
/// section without contents is, and that they lie in memory and do not overlap, neither where they are used nor where they are stored.
///
/// # Errors
/// The section of which that is not so, or the address of the segment.
pub fn check(file: &ElfFile32<'_>) -> Result<(), ObjectError> {
    let endian = file.endian();
    let segments = file.elf_program_headers().iter().filter(|p| p.p_type(endian) == PT_LOAD);
    let (mut stored, mut used, mut copies) = (Vec::new(), Vec::new(), Vec::new());
    // Bytes of the file, by the address at which they are stored, and by the one at which they are used.
    let mut contents: Vec<(u64, &[u8])> = Vec::new();
    for p in segments {
        let [offset, length, size] = [p.p_offset(endian), p.p_filesz(endian), p.p_memsz(endian)].map(u64::from);
        let [virtual_address, physical_address] = [p.p_vaddr(endian), p.p_paddr(endian)].map(u64::from);
        let is_in_memory = [virtual_address, physical_address].iter().all(|address| address + size <= 1 << 32);
        // Where nothing is in the file its offset says nothing.
        let bytes = if length == 0 { Ok(&[][..]) } else { p.data(endian, file.data()) };
        let Some(bytes) = bytes.ok().filter(|_| length <= size && is_in_memory) else {
            return error("", virtual_address, "a segment of the image lies past the end of the file or of memory");
        };
        contents.extend([(virtual_address, bytes), (physical_address, bytes)]);
        copies.push((offset, length, virtual_address));
        used.push((virtual_address, size));
        stored.push((physical_address, length));
    }
    for mut places in [used, stored] {
        places.retain(|(_, size)| *size > 0);
        places.sort_unstable();
        if let Some(pair) = places.windows(2).find(|w| w[0].0 + w[0].1 > w[1].0) {
            return error("", pair[1].0, "two segments of the image overlap");
        }
    }
    for s in file.sections() {
        // Source: ELF, SHF_ALLOC 2.
        let is_loaded = matches!(s.flags(), SectionFlags::Elf { sh_flags, .. } if u64::from(sh_flags.0) & 2 != 0);
        let Some((at, length)) = s.file_range().filter(|(_, length)| is_loaded && *length > 0) else {
            let is_covered = |(address, bytes): &(u64, &[u8])| {
                let inside = |end: u64| end.saturating_sub(*address).min(bytes.len() as u64) as usize;
                bytes[inside(s.address())..inside(s.address() + s.size())].iter().any(|byte| *byte != 0)
            };
            if is_loaded && contents.iter().any(is_covered) {
                return error(
                    s.name().unwrap_or("?"),
                    s.address(),
                    "a segment of the image puts other bytes than zeros there",
                );
            }
            continue;
        };
        let holds = |(offset, held, address): &(u64, u64, u64)| {
            let inside = at.checked_sub(*offset).filter(|inside| inside + length <= *held);
            inside.is_some_and(|inside| address + inside == s.address())
        };
        if !copies.iter().any(holds) {
            return error(s.name().unwrap_or("?"), s.address(), "no segment of the image puts the section there");
        }
    }
    Ok(())
}
