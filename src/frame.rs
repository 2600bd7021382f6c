//! The stack frame.
//!
//! From the stack pointer after the prologue upward: outgoing stack arguments, spill slots, padding, pushed registers.
//! The stack pointer does not move between prologue and epilogue, and is 8-aligned in functions that call.

use crate::faults;
use crate::machine::Inst;
use crate::regalloc::{Allocated, Place, Step};

/// Largest offset that a load or store addresses by an immediate.
pub const OFFSET_MAX: u32 = 4095;
/// Bit of lr in a register list.
pub const LR_BIT: u16 = 1 << 14;

/// A function's frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Pushed registers: bit `n` is register `n`.
    pub saved: u16,
    /// Registers pushed below them only to make room, whose words are not wanted back.
    pub filler: u16,
    /// Bytes below the pushed registers, fillers included.
    pub local_bytes: u32,
    /// Bytes of outgoing stack arguments, at the bottom.
    pub outgoing_bytes: u32,
}

/// Registers below r4 to push for so many words, none of which holds one of so many results; none if that is not possible.
fn filler(words: u32, results: usize) -> u16 {
    let first = 4u32.saturating_sub(words);
    if first as usize >= results.max(1) || faults::on("frame-filler-result") { (1 << 4) - (1 << first) } else { 0 }
}

impl Frame {
    /// Lays out the frame of an allocated function.
    pub fn new(allocated: &Allocated, outgoing_bytes: u32) -> Frame {
        let (mut saved, mut calls, mut results) = (0u16, false, 0);
        let mut touch = |n: u32| {
            if (4..=11).contains(&n) && !(n == 5 && faults::on("frame-saved")) {
                saved |= 1 << n;
            }
            if n == 14 {
                saved |= LR_BIT;
            }
        };
        for step in allocated.blocks.iter().flatten() {
            match step {
                Step::Inst(inst, _) => {
                    calls |= inst.is_call();
                    if let Inst::Return { results: words } = inst {
                        results = results.max(words.len());
                    }
                    inst.clone().operands(&mut |r, _| touch(r.0));
                }
                Step::Move(_, Place::Reg(n)) => touch(u32::from(*n)),
                Step::Move(_, Place::Slot(_)) => {}
            }
        }
        let slots = allocated.slots.saturating_sub(faults::on("frame-overlap").into());
        let mut local_bytes = outgoing_bytes + 4 * slots;
        // Beyond the reach of immediates, lr computes addresses (see `crate::emit`).
        if calls && !faults::on("frame-link") || local_bytes + 64 > OFFSET_MAX {
            saved |= LR_BIT;
        }
        // `pop {…, pc}` in place of `pop` and `bx`.
        if saved != 0 {
            saved |= LR_BIT;
        }
        let needs_wide = saved & !(0xff | LR_BIT) != 0;
        if needs_wide && saved.count_ones() == 1 {
            saved |= 1 << 4;
        }
        if calls && !faults::on("frame-alignment") && (local_bytes + 4 * saved.count_ones()) % 8 != 0 {
            // One more word: a pushed low register costs no instruction if there is no other local.
            let last = if needs_wide { 11 } else { 7 };
            let free = (4..=last).find(|n| saved >> n & 1 == 0);
            if let (Some(n), 0) = (free, local_bytes) {
                saved |= 1 << n;
            } else {
                local_bytes += 4;
            }
        }
        let filler = if saved == 0 { 0 } else { filler(local_bytes / 4, results) };
        Frame { saved, filler, local_bytes, outgoing_bytes }
    }
    /// All bytes of the frame.
    pub fn bytes(&self) -> u32 {
        self.local_bytes + 4 * self.saved.count_ones()
    }
    /// Offset of a spill slot from the stack pointer after the prologue.
    pub fn slot_offset(&self, slot: u32) -> u32 {
        if faults::on("frame-outgoing") { 4 * slot } else { self.outgoing_bytes + 4 * slot }
    }
    /// Offset of a spill slot from the stack pointer at entry.
    pub fn slot_from_entry(&self, slot: u32) -> i32 {
        self.slot_offset(slot) as i32 - self.bytes() as i32
    }
    /// Pushed registers with their offsets from the stack pointer at entry.
    pub fn saved_from_entry(&self) -> Vec<(u8, i32)> {
        let bottom = -4 * self.saved.count_ones() as i32;
        (0..15).filter(|n| self.saved >> n & 1 == 1).zip((0..).map(|i| bottom + 4 * i)).collect()
    }
}
