//! Where arguments and results lie. Source: IHI 0042 (AAPCS), 6.5 stages A to C, fundamental integer types only.
//!
//! Requirement TOR-CLAUSE-ARGUMENTS: Arguments and results shall be taken where IHI 0042 (AAPCS) places them, stack arguments and
//! 64-bit values included.

use crate::ir::Type;

/// Where a word of an argument lies at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Core register 0 to 3.
    Reg(u8),
    /// Bytes above the stack pointer.
    Stack(u32),
}

/// The slot of each argument word in order, and the bytes of stack that the arguments take.
pub fn arguments(types: &[Type]) -> (Vec<Slot>, u32) {
    let (mut slots, mut next_register, mut stack_bytes) = (Vec::new(), 0u8, 0u32);
    for ty in types {
        let words = ty.words() as u8;
        if words == 2 {
            next_register = next_register.next_multiple_of(2);
        }
        if next_register + words <= 4 {
            slots.extend((next_register..next_register + words).map(Slot::Reg));
            next_register += words;
        } else {
            next_register = 4;
            let bytes = 4 * u32::from(words);
            let start = stack_bytes.next_multiple_of(bytes);
            slots.extend((0..u32::from(words)).map(|i| Slot::Stack(start + 4 * i)));
            stack_bytes = start + bytes;
        }
    }
    (slots, stack_bytes)
}
