//! A case: code at an address, and the state it starts in.
//!
//! Code always ends at a `udf` with a trap's number, at the caller's address or at that of another function; all other
//! code memory holds `udf #0`.

use std::collections::BTreeMap;
use synth_validator::arm::decode::{Relocation, RelocationKind, Target};
use synth_validator::concrete::Concrete;
use synth_validator::domain::Symbol;

/// `udf #1`: the end of the straight line.
pub const END: u16 = 0xde01;
/// `udf #2`: the target of a branch.
pub const TARGET: u16 = 0xde02;
/// `udf #0`: never reached.
pub const FILLER: u16 = 0xde00;
/// Functions other than the case's own; function `k` lies at `Concrete::function_word(k)`.
pub const FUNCTIONS: u32 = 64;

/// Code and start state.
#[derive(Clone, Debug)]
pub struct Case {
    /// Address of the code.
    pub address: u32,
    /// The code as an object holds it, calls not yet resolved.
    pub bytes: Vec<u8>,
    /// Relocations by offset.
    pub relocations: BTreeMap<u32, Relocation>,
    /// Types of indirect calls by offset.
    pub indirect_types: BTreeMap<u32, u32>,
    /// r0 to r12, sp, lr.
    pub regs: [u32; 15],
    /// N, Z, C, V as bits 3 to 0.
    pub nzcv: u32,
    /// Words of memory by address; the other ones are 0.
    pub memory: BTreeMap<u32, u32>,
    /// Whether the instruction under test stands in an IT block.
    pub in_it: bool,
    /// What is tested, for the report.
    pub text: String,
}

impl Case {
    /// Appends a halfword. Result: its offset.
    pub fn half(&mut self, half: u16) -> u32 {
        let at = self.end();
        self.bytes.extend(half.to_le_bytes());
        at
    }
    /// Appends an instruction. Result: its offset.
    pub fn insn(&mut self, code: u32, wide: bool) -> u32 {
        let at = self.end();
        if wide {
            self.half((code >> 16) as u16);
        }
        self.half(code as u16);
        at
    }
    /// Bytes of code.
    pub fn end(&self) -> u32 {
        self.bytes.len() as u32
    }
    /// Overwrites a halfword, growing the code by fillers; `None` if something stands there.
    pub fn put(&mut self, at: u32, half: u16) -> Option<()> {
        while self.end() < at + 2 {
            self.half(FILLER);
        }
        let place = self.bytes.get_mut(at as usize..at as usize + 2)?;
        let free = place == FILLER.to_le_bytes();
        place.copy_from_slice(&half.to_le_bytes());
        free.then_some(())
    }
    /// Appends `bl` of function `k`, which lies where its address says, as an object has it: a branch to itself.
    pub fn call(&mut self, k: u32, tail: bool) -> u32 {
        let at = self.insn(branch_wide(-4, !tail), true);
        let kind = if tail { RelocationKind::ThmJump24 } else { RelocationKind::ThmCall };
        self.relocations.insert(at, Relocation { kind, target: Target::Symbol(Symbol::Function(k)) });
        at
    }
    /// The code with calls resolved, as the board has it.
    pub fn linked(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for (at, relocation) in &self.relocations {
            let Target::Symbol(Symbol::Function(k)) = relocation.target else { continue };
            let target = Concrete::function_word(k) & !1;
            let code = branch_wide(
                target.wrapping_sub(self.address + at + 4) as i32,
                relocation.kind == RelocationKind::ThmCall,
            );
            let halves = [(code >> 16) as u16, code as u16];
            for (i, half) in halves.into_iter().enumerate() {
                let start = *at as usize + 2 * i;
                bytes[start..start + 2].copy_from_slice(&half.to_le_bytes());
            }
        }
        bytes
    }
    /// Memory as windows: address and words.
    pub fn windows(&self) -> Vec<(u32, Vec<u32>)> {
        let mut windows: Vec<(u32, Vec<u32>)> = Vec::new();
        for (address, word) in &self.memory {
            match windows.last_mut() {
                Some((start, words)) if *start + 4 * words.len() as u32 == *address => words.push(*word),
                _ => windows.push((*address, vec![*word])),
            }
        }
        windows
    }
}

/// `b.w` or `bl` by an offset from pc. Source: DDI 0403E, B T4 and BL T1.
pub fn branch_wide(offset: i32, link: bool) -> u32 {
    let field = (offset >> 1) as u32;
    let s = field >> 23 & 1;
    let j = |i: u32| 1 ^ (field >> i & 1) ^ s;
    let head = if link { 0xf000_d000 } else { 0xf000_9000 };
    head | s << 26 | (field >> 11 & 0x3ff) << 16 | j(22) << 13 | j(21) << 11 | field & 0x7ff
}

/// `b<cond>.w` by an offset from pc. Source: DDI 0403E, B T3.
pub fn branch_conditional(offset: i32, cond: u32) -> u32 {
    let field = (offset >> 1) as u32;
    let bit = |i: u32| field >> i & 1;
    0xf000_8000
        | bit(19) << 26
        | cond << 22
        | (field >> 11 & 0x3f) << 16
        | bit(17) << 13
        | bit(18) << 11
        | field & 0x7ff
}

/// `movw rd, #low` and `movt rd, #high`. Source: DDI 0403E, MOV (immediate) T3, MOVT T1.
pub fn load_constant(rd: u8, value: u32) -> [u32; 2] {
    let half = |head: u32, imm: u32| {
        head | (imm >> 12) << 16 | (imm >> 11 & 1) << 26 | (imm >> 8 & 7) << 12 | u32::from(rd) << 8 | imm & 0xff
    };
    [half(0xf240_0000, value & 0xffff), half(0xf2c0_0000, value >> 16)]
}
