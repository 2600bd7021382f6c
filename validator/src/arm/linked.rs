//! Linked images: what the linker has written into code and data is read as the relocations that it resolved.
//!
//! The claim says which fields those are. It is not trusted: a field is read as the relocation again only if it holds what the
//! relocation gives, at the address that the image has for the symbol. So a proof about the relocations is one about the image's bytes.
//! Sources: ELF (TIS 1.2), IHI 0044 (ELF for the Arm Architecture), 4.6; DDI 0403E, A7.7.12, A7.7.76, A7.7.79.
//!
//! Requirement TOR-CLAUSE-RELOCATIONS: A relocation that is missing, or has another target, type, place or addend than the code needs,
//! shall not be proved.
//!
//! Requirement TOR-CLAUSE-LINKED: In a linked image every field that a linker filled in shall be compared with what its relocation
//! gives; an image in which code, data or such a field was changed shall not be proved.
//!
//! Requirement TOR-CLAUSE-VENEERS: A call through a veneer shall be followed only if the veneer has one of the known forms and leads to
//! the right function.
//!
//! Requirement TOR-CLAUSE-LEFTOUT: Functions that a linker left out of an image shall be said to be not there, and those that are there
//! proved.

use super::decode::{Relocation, RelocationKind, Target};
use super::encoding;
use super::insn::{Cond, Op};
use crate::claim::Claim;
use crate::contract::WITNESS_SECTION;
use crate::domain::Symbol;
use object::{Object, ObjectSection};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A field that a linker fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Offset in bytes from the start of the function or data object.
    pub offset: u32,
    /// The relocation.
    pub relocation: Relocation,
    /// The addend without that of the relocation's kind: branches count from 4 bytes behind them.
    pub addend: i32,
}

/// What is needed to find an object of ours in a linked image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linkage {
    /// Name of its `STT_FILE` symbol.
    pub file: String,
    /// Its fields, ascending, by the symbol of the function or data object.
    pub sites: BTreeMap<String, Vec<Site>>,
}

/// Name of the `STT_FILE` symbol of a module's object: two objects in one image have their local symbols apart.
pub fn file_name(module: &[u8]) -> String {
    let digest = Sha256::digest(module);
    digest[..8].iter().fold("synth-".to_string(), |name, byte| format!("{name}{byte:02x}"))
}

/// The claim that an object carries, or that of a module's object in a linked image.
///
/// # Errors
/// Why there is none.
pub fn claim(file: &[u8], module: &[u8]) -> Result<Claim, String> {
    let elf = object::read::elf::ElfFile32::<object::Endianness>::parse(file).map_err(|e| e.to_string())?;
    let section = elf.section_by_name(WITNESS_SECTION).ok_or_else(|| {
        format!("there is no section {WITNESS_SECTION}; was it stripped, or left out by a linker script?")
    })?;
    let bytes = section.data().map_err(|e| e.to_string())?;
    if elf.kind() == object::ObjectKind::Relocatable {
        return Claim::decode(bytes);
    }
    let name = file_name(module);
    let mut of_module = Claim::decode_all(bytes)?.into_iter().filter(|c| c.linkage.file == name);
    let claim = of_module.next().ok_or("no object in the image was compiled from this module")?;
    match of_module.next() {
        Some(_) => Err("two objects in the image were compiled from this module".to_string()),
        None => Ok(claim),
    }
}

/// Whether a file is a linked image rather than a relocatable object.
pub fn is_linked(file: &[u8]) -> bool {
    let elf = object::read::elf::ElfFile32::<object::Endianness>::parse(file);
    elf.is_ok_and(|elf| elf.kind() == object::ObjectKind::Executable)
}

/// A field with another value in it: `word` holds four bytes as they lie in memory, code as its first and second halfword.
/// Nothing if the value does not fit.
fn with_value(kind: RelocationKind, word: u32, value: u32) -> Option<u32> {
    let bits = |from: u32, count: u32| value >> from & ((1 << count) - 1);
    let (first, second) = (word & 0xffff, word >> 16);
    let (first, second) = match kind {
        RelocationKind::Abs32 => return Some(value),
        // imm16 = imm4:i:imm3:imm8.
        RelocationKind::ThmMovw | RelocationKind::ThmMovt => {
            (first & 0xfbf0 | bits(12, 4) | bits(11, 1) << 10, second & 0x8f00 | bits(8, 3) << 12 | bits(0, 8))
        }
        // imm32 = S:I1:I2:imm10:imm11:0, where I1 is not (J1 xor S).
        RelocationKind::ThmCall | RelocationKind::ThmJump24 => {
            let fits = (-(1 << 24)..1 << 24).contains(&(value as i32)) && value & 1 == 0;
            let sign = bits(24, 1);
            let (j1, j2) = (bits(23, 1) ^ 1 ^ sign, bits(22, 1) ^ 1 ^ sign);
            let first = first & 0xf800 | sign << 10 | bits(12, 10);
            (first, fits.then_some(second & 0xd000 | j1 << 13 | j2 << 11 | bits(1, 11))?)
        }
    };
    Some(second << 16 | first)
}

impl Site {
    /// The field as the relocatable object has it, if `word` is the field at address `at` after relocation: `to` is the
    /// target's address, with bit 0 set for a function. `halfword` gives those of the image.
    pub fn unresolved(&self, word: u32, at: u32, to: u32, halfword: impl Fn(u32) -> Option<u16>) -> Option<u32> {
        let kind = self.relocation.kind;
        let sum = to.wrapping_add(self.addend as u32);
        let is_branch = matches!(kind, RelocationKind::ThmCall | RelocationKind::ThmJump24);
        // `blx` of an even address faults: so linkers give that of a function that its author did not mark as one.
        if matches!(self.relocation.target, Target::Symbol(Symbol::Function(_))) && !is_branch && to & 1 == 0 {
            return None;
        }
        let (resolved, addend) = match kind {
            RelocationKind::Abs32 => (sum, self.addend as u32),
            // The addend is the field's 16 bits, with sign.
            RelocationKind::ThmMovw | RelocationKind::ThmMovt if i16::try_from(self.addend).is_err() => return None,
            RelocationKind::ThmMovw => (sum & 0xffff, self.addend as u32 & 0xffff),
            RelocationKind::ThmMovt => (sum >> 16, self.addend as u32 & 0xffff),
            RelocationKind::ThmCall | RelocationKind::ThmJump24 => {
                let reached = branch_target(word, at)?;
                let through = veneer(reached, &halfword);
                let is_there = self.addend == 0 && (reached == to & !1 || through == Some(to & !1));
                (reached.wrapping_sub(at.wrapping_add(4)), is_there.then_some(-4i32 as u32)?)
            }
        };
        let holds = with_value(kind, word, resolved) == Some(word);
        with_value(kind, word, addend).filter(|_| holds)
    }
}

/// Where `bl` or `b.w` at an address leads to.
fn branch_target(word: u32, at: u32) -> Option<u32> {
    match encoding::decode(word.rotate_left(16), true, 0, false)? {
        Op::Bl { target } | Op::B { cond: Cond::Al, target } => Some(at.wrapping_add(target as u32)),
        _ => None,
    }
}

/// Where a linker's veneer leads to, if one stands at an address: a function's address into `pc`, through nothing but `r12`, which
/// belongs to veneers (IHI 0042, 5.3.1.1).
fn veneer(at: u32, halfword: &impl Fn(u32) -> Option<u16>) -> Option<u32> {
    let [first, second, third, fourth] = [0, 2, 4, 6].map(|n| halfword(at.wrapping_add(n)).map(u32::from));
    let thumb = |address: u32| (address & 1 == 1).then_some(address & !1);
    // `ldr.w pc, [pc, #0]` or `#-0`, and the word.
    if matches!(first?, 0xf8df | 0xf85f) && second? == 0xf000 && at % 4 == 0 {
        return thumb(fourth? << 16 | third?);
    }
    // `movw r12`, `movt r12`, `bx r12`.
    let immediate = |first: u32, second: u32, code: u32| {
        let value = (first & 0xf) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xff;
        (first & 0xfbf0 == code && second & 0x8f00 == 0x0c00).then_some(value)
    };
    let (low, high) = (immediate(first?, second?, 0xf240)?, immediate(third?, fourth?, 0xf2c0)?);
    let jumps = halfword(at.wrapping_add(8))? == 0x4760;
    thumb(high << 16 | low).filter(|_| jumps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodings of `bl` with offsets, from DDI 0403E, A7.7.18, by hand: `f000 f800` is 0, `f7ff fffe` is -4.
    #[test]
    fn branch_fields() {
        let call = |first: u32, second: u32| second << 16 | first;
        for (offset, word) in [
            (0i32, call(0xf000, 0xf800)),
            (-4, call(0xf7ff, 0xfffe)),
            (4096, call(0xf001, 0xf800)),
            ((1 << 24) - 2, call(0xf3ff, 0xd7ff)),
            (-(1 << 24), call(0xf400, 0xd000)),
        ] {
            let put = with_value(RelocationKind::ThmCall, call(0xf000, 0xf800), offset as u32);
            assert_eq!(put, Some(word), "{offset}");
            assert_eq!(branch_target(word, 100), Some(104u32.wrapping_add(offset as u32)), "{offset}");
        }
        assert_eq!(with_value(RelocationKind::ThmCall, call(0xf000, 0xf800), 1 << 24), None);
    }
}
