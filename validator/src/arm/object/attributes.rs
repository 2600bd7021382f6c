//! What a file's build attributes say of its core, and of how it passes floating-point numbers: linkers refuse files that do not go
//! together, if their attributes say so. Source: IHI 0045 (Addenda to the ABI for the Arm Architecture), 3.

use object::elf::FileHeader32;
use object::read::elf::{AttributeReader, AttributesSection};
use object::{Endianness, elf};
use std::collections::BTreeMap;

/// Tags and their numbers, of those whose values are numbers.
pub type Attributes = BTreeMap<u64, u64>;

/// Tag_CPU_arch: 10 is v7, 13 is v7E-M.
pub const TAG_CPU_ARCH: u64 = 6;
/// Tag_CPU_arch_profile: the letter of the profile.
pub const TAG_CPU_ARCH_PROFILE: u64 = 7;
/// Tag_THUMB_ISA_use: 2 says that there are 32-bit instructions.
pub const TAG_THUMB_ISA_USE: u64 = 9;
/// Tag_ABI_FP_number_model: 0 says that there are no floating-point numbers.
pub const TAG_ABI_FP_NUMBER_MODEL: u64 = 23;
/// Tag_ABI_VFP_args: 0 is the base standard, in which floating-point numbers are passed in core registers.
pub const TAG_ABI_VFP_ARGS: u64 = 28;

/// The attributes of the whole file; `None` if they are damaged, of parts of the file, or said twice.
pub fn read(section: &[u8]) -> Option<Attributes> {
    let section = AttributesSection::<FileHeader32<Endianness>>::new(Endianness::Little, section).ok()?;
    let mut found = Attributes::new();
    for vendor in section.subsections().ok()? {
        let vendor = vendor.ok()?;
        if vendor.vendor() != b"aeabi" {
            continue;
        }
        for part in vendor.subsubsections() {
            let part = part.ok()?;
            let mut values = part.attributes();
            if part.tag() != elf::Tag_File {
                return None;
            }
            while let Some(tag) = values.read_tag().ok()? {
                if let Some(number) = value(&mut values, tag)?
                    && found.insert(tag, number).is_some()
                {
                    return None;
                }
            }
        }
    }
    Some(found)
}

/// The value of a tag: a number, or a text or both, which are left out. Tags from 32 on are texts if they are odd. Source: 3.2.
fn value(values: &mut AttributeReader<'_>, tag: u64) -> Option<Option<u64>> {
    match tag {
        // Tag_CPU_raw_name, Tag_CPU_name.
        4 | 5 => values.read_string().ok().map(|_| None),
        // Tag_compatibility.
        32 => values.read_integer().and_then(|_| values.read_string()).ok().map(|_| None),
        _ if tag > 32 && tag % 2 == 1 => values.read_string().ok().map(|_| None),
        _ => values.read_integer().ok().map(Some),
    }
}
