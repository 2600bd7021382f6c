//! Changes of code: bits, fields of instructions, whole instructions, literals, branch tables.

use super::inputs::Random;
use super::layout::{Layout, Place};
use super::{Kind, Mutant};
use crate::listing::table;
use synth_validator::arm::encoding;
use synth_validator::arm::insn::{Insn, Op, Reg, render};

/// Fields tried until a change is of the kind that is wanted.
const TRIES: usize = 80;

/// A change of this kind in some function; none if there is no place for one.
pub fn change(layout: &Layout<'_>, kind: Kind, random: &mut Random) -> Option<Mutant> {
    let place = random.pick(&layout.functions);
    let mut object = layout.object.to_vec();
    let code = &mut object[place.range.clone()];
    let (kind, what) = match kind {
        Kind::Bit => bits(code, 1, random).map(|what| (kind, what)),
        Kind::TwoBits => bits(code, 2, random).map(|what| (kind, what)),
        Kind::Deleted => deleted(place, code, random).map(|what| (kind, what)),
        Kind::Duplicated => duplicated(place, code, random).map(|what| (kind, what)),
        Kind::Exchanged => exchanged(place, code, random).map(|what| (kind, what)),
        Kind::Literal => literal(place, code, random).map(|what| (kind, what)),
        Kind::TableEntry => table_entry(place, code, random).map(|what| (kind, what)),
        _ => field(place, code, kind, random),
    }?;
    Some(Mutant { kind, what: format!("{} {what}", place.name), object })
}

fn bits(code: &mut [u8], count: usize, random: &mut Random) -> Option<String> {
    let mut what = Vec::new();
    for _ in 0..count {
        let (at, bit) = (random.below(code.len()), random.below(8));
        *code.get_mut(at)? ^= 1 << bit;
        what.push(format!("{at:#x}.{bit}"));
    }
    Some(format!("bit {}", what.join(", ")))
}

fn insn<'p>(place: &'p Place<'_>, random: &mut Random) -> Option<&'p Insn> {
    let number = random.below(place.code.insns.len());
    place.code.insns.values().nth(number)
}

/// An instruction's halfwords as the decoder takes them.
fn encoded(code: &[u8], insn: &Insn) -> Option<u32> {
    let at = insn.offset as usize;
    let half = |at: usize| Some(u32::from(u16::from_le_bytes([*code.get(at)?, *code.get(at + 1)?])));
    Some(if insn.size == 4 { half(at)? << 16 | half(at + 2)? } else { half(at)? })
}

fn put(code: &mut [u8], insn: &Insn, word: u32) {
    let at = insn.offset as usize;
    if insn.size == 4 {
        code[at..at + 2].copy_from_slice(&((word >> 16) as u16).to_le_bytes());
        code[at + 2..at + 4].copy_from_slice(&(word as u16).to_le_bytes());
    } else {
        code[at..at + 2].copy_from_slice(&(word as u16).to_le_bytes());
    }
}

/// Sets fields of instructions at random until one has been changed as wanted; else as it came first.
fn field(place: &Place<'_>, code: &mut [u8], wanted: Kind, random: &mut Random) -> Option<(Kind, String)> {
    let mut first = None;
    for _ in 0..TRIES {
        let insn = insn(place, random)?;
        let old = encoded(code, insn)?;
        let bits = usize::from(insn.size) * 8;
        let new = match wanted == Kind::Operands {
            true => exchange_fields(old, bits, random),
            false => {
                let width = *random.pick(&[1, 1, 2, 3, 4, 5, 8]);
                let mask = ((1u32 << width) - 1) << random.below(bits - width + 1);
                old & !mask | random.draw() as u32 & mask
            }
        };
        let is_wide = |word: u32| if bits == 32 { word >> 27 >= 0b11101 } else { word >> 11 >= 0b11101 };
        if new == old || is_wide(new) != (bits == 32) {
            continue;
        }
        let Some(op) = encoding::decode(new, bits == 32, insn.offset, insn.in_it) else { continue };
        let Some(mut kind) = classify(&insn.op, &op) else { continue };
        if wanted == Kind::Operands && kind == Kind::Register {
            kind = wanted;
        }
        let what = format!("{:#x}: {} -> {}", insn.offset, insn.text, render(&op));
        if kind == wanted {
            put(code, insn, new);
            return Some((kind, what));
        }
        first.get_or_insert((insn, new, kind, what));
    }
    let (insn, new, kind, what) = first?;
    put(code, insn, new);
    Some((kind, what))
}

fn exchange_fields(word: u32, bits: usize, random: &mut Random) -> u32 {
    let (pairs, width): (&[(u32, u32)], u32) = match bits {
        16 => (&[(0, 3), (3, 6), (0, 6), (0, 8)], 3),
        _ => (&[(16, 0), (16, 8), (8, 0), (16, 12), (12, 0), (12, 8)], 4),
    };
    let (a, b) = *random.pick(pairs);
    let mask = (1 << width) - 1;
    let (x, y) = (word >> a & mask, word >> b & mask);
    word & !(mask << a | mask << b) | y << a | x << b
}

/// What kind of change leads from one operation to another; none if they are the same.
fn classify(old: &Op, new: &Op) -> Option<Kind> {
    if old == new {
        return None;
    }
    match (old, new) {
        (Op::B { cond: a, target: t }, Op::B { cond: b, target: u }) => {
            return Some(if t == u && a != b { Kind::Condition } else { Kind::Target });
        }
        (Op::Cbz { nonzero: a, .. }, Op::Cbz { nonzero: b, .. }) if a != b => return Some(Kind::Condition),
        (Op::Cbz { target: t, .. }, Op::Cbz { target: u, .. }) if t != u => return Some(Kind::Target),
        (Op::Bl { .. }, Op::Bl { .. }) => return Some(Kind::Target),
        (Op::It { .. }, Op::It { .. }) => return Some(Kind::Condition),
        (Op::Multiple { .. }, Op::Multiple { .. }) => return Some(Kind::Stack),
        _ => {}
    }
    let (a, b) = (render(old), render(new));
    let split = |text: &str| -> (String, String) {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        (name.to_string(), rest.to_string())
    };
    let ((name, rest), (new_name, new_rest)) = (split(&a), split(&b));
    if name != new_name {
        let is_flags = rest == new_rest && (format!("{name}s") == new_name || format!("{new_name}s") == name);
        return Some(if is_flags { Kind::Flags } else { Kind::Operation });
    }
    let sp = Reg::SP.to_string();
    if rest.contains(&sp) || new_rest.contains(&sp) {
        return Some(Kind::Stack);
    }
    let registers = |rest: &str| {
        let parts = rest.split([' ', ',', '[', ']', '!']).filter(|p| !p.is_empty() && !p.starts_with('#'));
        parts.map(str::to_string).collect::<Vec<_>>()
    };
    Some(if registers(&rest) == registers(&new_rest) { Kind::Immediate } else { Kind::Register })
}

const NOP: u16 = 0xbf00;
const NOP_W: u32 = 0xf3af_8000;

fn deleted(place: &Place<'_>, code: &mut [u8], random: &mut Random) -> Option<String> {
    let insn = insn(place, random)?;
    put(code, insn, if insn.size == 4 { NOP_W } else { u32::from(NOP) });
    Some(format!("{:#x}: {} -> nop", insn.offset, insn.text))
}

/// Whether an instruction means the same elsewhere.
fn is_movable(insn: &Insn) -> bool {
    insn.relocation.is_none()
        && !insn.text.contains("pc")
        && !matches!(
            insn.op,
            Op::B { .. } | Op::Bl { .. } | Op::Cbz { .. } | Op::It { .. } | Op::TableBranch { .. } | Op::Adr { .. }
        )
}

/// Instructions that follow an instruction in the file and may be moved, itself the first.
fn run<'p>(place: &'p Place<'_>, from: &Insn) -> Vec<&'p Insn> {
    let mut end = from.offset;
    let following = place.code.insns.range(from.offset..).map(|(_, i)| i);
    let contiguous = following.take_while(|i| {
        let fits = i.offset == end && is_movable(i) && i.in_it == from.in_it;
        end = i.end();
        fits
    });
    contiguous.take(7).collect()
}

/// Does an instruction twice and leaves out a later one of the same size.
fn duplicated(place: &Place<'_>, code: &mut [u8], random: &mut Random) -> Option<String> {
    let first = insn(place, random)?;
    let run = run(place, first);
    let others: Vec<&&Insn> = run.iter().skip(1).filter(|i| i.size == first.size).collect();
    if others.is_empty() {
        return None;
    }
    let lost = *random.pick(&others);
    let (start, size) = (first.offset as usize, usize::from(first.size));
    code.copy_within(start..lost.offset as usize, start + size);
    Some(format!("{:#x}: {} twice, without {:#x}: {}", first.offset, first.text, lost.offset, lost.text))
}

fn exchanged(place: &Place<'_>, code: &mut [u8], random: &mut Random) -> Option<String> {
    let first = insn(place, random)?;
    let run = run(place, first);
    let second = run.get(1)?;
    let (start, middle, end) = (first.offset as usize, second.offset as usize, second.end() as usize);
    code[start..end].rotate_left(middle - start);
    Some(format!("{:#x}: {} after {}", first.offset, first.text, second.text))
}

fn literal(place: &Place<'_>, code: &mut [u8], random: &mut Random) -> Option<String> {
    let literals: Vec<u32> = place.code.literals.keys().copied().collect();
    if literals.is_empty() {
        return None;
    }
    let at = *random.pick(&literals) as usize;
    let word = |code: &[u8], at: usize| u32::from_le_bytes([code[at], code[at + 1], code[at + 2], code[at + 3]]);
    let old = word(code, at);
    let new = match random.below(5) {
        0 => old.wrapping_add(*random.pick(&[1, 2, 4, u32::MAX, 0u32.wrapping_sub(4)])),
        1 => old ^ 1 << random.below(32),
        2 => word(code, *random.pick(&literals) as usize),
        3 => old.swap_bytes(),
        _ => random.draw() as u32,
    };
    code[at..at + 4].copy_from_slice(&new.to_le_bytes());
    Some(format!("{at:#x}: word {old:#x} -> {new:#x}"))
}

fn table_entry(place: &Place<'_>, code: &mut [u8], random: &mut Random) -> Option<String> {
    let tables: Vec<(u32, usize)> = place.code.tables.iter().map(|(at, targets)| (*at, targets.len())).collect();
    if tables.is_empty() {
        return None;
    }
    let (branch, entries) = *random.pick(&tables);
    let insn = place.code.insns.get(&branch)?;
    let range = table(place.code, insn);
    let at = range.start as usize + range.len() / entries.max(1) * random.below(entries + 1);
    let byte = code.get_mut(at)?;
    let old = *byte;
    *byte = match random.below(3) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        _ => random.draw() as u8,
    };
    Some(format!("{at:#x}: table entry {old:#x} -> {:#x}", *byte))
}
