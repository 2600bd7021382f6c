//! Where the procedure call standard puts words. Source: IHI 0042, 6.5 (base standard, integer only).

use crate::faults;
use synth_validator::ir::Type;

/// Where a word of an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// In r0 to r3.
    Reg(u8),
    /// On the stack, bytes above the stack pointer at the call.
    Stack(u32),
}

/// Places the words of arguments, in order, low words first. Result: slots, and bytes of stack (a multiple of 8).
pub fn place_arguments(params: &[Type]) -> (Vec<Slot>, u32) {
    let (mut next, mut stack, mut slots) = (0u8, 0u32, Vec::new());
    for ty in params {
        let (words, before) = (ty.words() as u8, next);
        if words == 2 && !faults::on("abi-pair-register") {
            next += next & 1;
        }
        if next + words <= 4 {
            slots.extend((0..words).map(|i| Slot::Reg(next + i)));
            next += words;
            continue;
        }
        next = if faults::on("abi-backfill") { before } else { 4 };
        if words == 2 && !faults::on("abi-pair-stack") {
            stack = (stack + 7) & !7;
        }
        slots.extend((0..u32::from(words)).map(|i| Slot::Stack(stack + 4 * i)));
        stack += 4 * u32::from(words);
    }
    (slots, (stack + 7) & !7)
}

/// Words of values.
pub fn words(types: &[Type]) -> usize {
    types.iter().map(|t| t.words()).sum()
}
