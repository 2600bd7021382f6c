//! Changes of an object's file outside of instructions: relocations, data, symbols, section headers.

use super::inputs::Random;
use super::layout::{Layout, word};
use super::{Kind, Mutant};

/// Relocation types that change something, and some that look like it. Source: IHI 0044, table 4-9.
const TYPES: [u32; 10] = [0, 2, 3, 10, 30, 38, 40, 47, 48, 51];

/// A change of this kind; none if there is no place for one.
pub fn change(layout: &Layout<'_>, kind: Kind, random: &mut Random) -> Option<Mutant> {
    let mut object = layout.object.to_vec();
    let what = match kind {
        Kind::RelocationSymbol | Kind::RelocationType | Kind::RelocationPlace | Kind::Addend => {
            relocation(layout, kind, &mut object, random)
        }
        Kind::Data => bytes_of(layout, &mut object, random, |n| n.starts_with(".data") || n.starts_with(".rodata")),
        Kind::Symbol | Kind::Mapping => return symbol(layout, kind, random),
        Kind::Attributes => bytes_of(layout, &mut object, random, |name| name == ".ARM.attributes"),
        Kind::Section => section(layout, random).map(|(at, byte, what)| {
            object[at] = byte;
            what
        }),
        _ => None,
    }?;
    Some(Mutant { kind, what, object })
}

fn set(object: &mut [u8], at: usize, value: u32) -> Option<()> {
    object.get_mut(at..at + 4)?.copy_from_slice(&value.to_le_bytes());
    Some(())
}

fn relocation(layout: &Layout<'_>, kind: Kind, object: &mut [u8], random: &mut Random) -> Option<String> {
    if layout.relocations.is_empty() {
        return None;
    }
    let (entry, place) = random.pick(&layout.relocations);
    let (offset, info) = (word(object, entry.start), word(object, entry.start + 4));
    match kind {
        Kind::RelocationSymbol => {
            let symbol = random.below(layout.symbols.len());
            set(object, entry.start + 4, info & 0xff | (symbol as u32) << 8)?;
            let name = |i: u32| layout.symbols.get(i as usize).map_or("", |s| &s.1);
            Some(format!("relocation at {offset:#x}: {} -> {}", name(info >> 8), name(symbol as u32)))
        }
        Kind::RelocationType => {
            let new = *random.pick(&TYPES);
            set(object, entry.start + 4, info & !0xff | new)?;
            Some(format!("relocation at {offset:#x}: type {} -> {new}", info & 0xff))
        }
        Kind::RelocationPlace => {
            let new =
                offset.wrapping_add(*random.pick(&[1, 2, 4, 8, u32::MAX, 0u32.wrapping_sub(2), 0u32.wrapping_sub(4)]));
            set(object, entry.start, new)?;
            Some(format!("relocation at {offset:#x} moved to {new:#x}"))
        }
        _ => {
            let bit = random.below(32);
            let old = word(object, *place);
            let new = if random.below(2) == 0 { old ^ 1 << bit } else { old.wrapping_add(4) };
            set(object, *place, new)?;
            Some(format!("relocation at {offset:#x}: field {old:#x} -> {new:#x}"))
        }
    }
}

/// A byte of some sections' contents.
fn bytes_of(layout: &Layout<'_>, object: &mut [u8], random: &mut Random, which: fn(&str) -> bool) -> Option<String> {
    let sections: Vec<_> = layout.sections.iter().filter(|s| which(&s.name) && !s.contents.is_empty()).collect();
    if sections.is_empty() {
        return None;
    }
    let section = random.pick(&sections);
    let contents = &section.contents;
    // Most of a memory is zero: half of the changes are where it is not.
    let at = (0..8).map(|_| contents.start + random.below(contents.len()));
    let all: Vec<usize> = at.collect();
    let at = all.iter().copied().find(|at| object[*at] != 0).filter(|_| random.below(2) == 0).unwrap_or(all[0]);
    let old = object[at];
    object[at] = if random.below(2) == 0 { old ^ 1 << random.below(8) } else { random.draw() as u8 };
    Some(format!("{} + {:#x}: byte {old:#x} -> {:#x}", section.name, at - contents.start, object[at]))
}

/// Symbol entries: name 0, value 4, size 8, info 12, other 13, section 14.
fn symbol(layout: &Layout<'_>, kind: Kind, random: &mut Random) -> Option<Mutant> {
    let mut object = layout.object.to_vec();
    let is_mapping = |name: &str| name.starts_with('$');
    let wanted = layout.symbols.iter().enumerate().filter(|(_, (_, n))| is_mapping(n) == (kind == Kind::Mapping));
    let wanted: Vec<_> = wanted.collect();
    let (number, (entry, name)) = *wanted.get(random.below(wanted.len()))?;
    let at = entry.start;
    let what = match random.below(8) {
        0 => {
            let value = word(&object, at + 4);
            let new =
                value.wrapping_add(*random.pick(&[1, 2, 4, u32::MAX, 0u32.wrapping_sub(2), 0u32.wrapping_sub(4)]));
            set(&mut object, at + 4, new)?;
            format!("value {value:#x} -> {new:#x}")
        }
        1 => {
            let size = word(&object, at + 8);
            let new = size.wrapping_add(*random.pick(&[1, 2, 4, u32::MAX, 0u32.wrapping_sub(2), 0u32.wrapping_sub(4)]));
            set(&mut object, at + 8, new)?;
            format!("size {size:#x} -> {new:#x}")
        }
        2 => {
            object[at + 12] ^= 1 << random.below(8);
            format!("info -> {:#x}", object[at + 12])
        }
        3 => {
            object[at + 13] ^= 1 << random.below(8);
            format!("other -> {:#x}", object[at + 13])
        }
        4 => {
            let section = random.below(layout.sections.len() + 2) as u16;
            object[at + 14..at + 16].copy_from_slice(&section.to_le_bytes());
            format!("section -> {section}")
        }
        field => {
            // Two symbols exchange their names, values or all that they are but names.
            let (other, other_name) = random.pick(&layout.symbols);
            let bytes = match field {
                5 => 0..4,
                6 => 4..8,
                _ => 4..16,
            };
            for i in bytes.clone() {
                object.swap(at + i, other.start + i);
            }
            format!("bytes {bytes:?} exchanged with {other_name}")
        }
    };
    Some(Mutant { kind, what: format!("symbol {number} {name}: {what}"), object })
}

/// A byte of a section's header.
fn section(layout: &Layout<'_>, random: &mut Random) -> Option<(usize, u8, String)> {
    let section = random.pick(&layout.sections);
    let at = section.header.start + random.below(40);
    let byte = layout.object[at] ^ 1 << random.below(8);
    Some((at, byte, format!("section {}: header byte {} -> {byte:#x}", section.name, at - section.header.start)))
}
