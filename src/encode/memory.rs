//! Encodings of loads, stores and the stack. Source of all patterns: DDI 0403E, chapter A7.

use super::bits::{Code, fill};
use super::operand::{Gpr, Imm5, Imm12, SP};

/// What a load or store moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the manual's mnemonics")]
pub enum Access {
    Str,
    Strh,
    Strb,
    Ldr,
    Ldrh,
    Ldrb,
    Ldrsh,
    Ldrsb,
}

impl Access {
    /// Whether the register is written.
    pub fn is_load(self) -> bool {
        !matches!(self, Access::Str | Access::Strh | Access::Strb)
    }
    /// Bytes moved.
    pub fn bytes(self) -> u32 {
        match self {
            Access::Str | Access::Ldr => 4,
            Access::Strh | Access::Ldrh | Access::Ldrsh => 2,
            Access::Strb | Access::Ldrb | Access::Ldrsb => 1,
        }
    }
    /// Sign bit, size and load bits of the 32-bit encodings: `s`, `zzl`. Source: DDI 0403E, A5.3.7 to A5.3.10.
    fn wide_fields(self) -> (u32, u32) {
        match self {
            Access::Strb => (0, 0b000),
            Access::Ldrb => (0, 0b001),
            Access::Strh => (0, 0b010),
            Access::Ldrh => (0, 0b011),
            Access::Str => (0, 0b100),
            Access::Ldr => (0, 0b101),
            Access::Ldrsb => (1, 0b001),
            Access::Ldrsh => (1, 0b011),
        }
    }
    /// Opcode of the 16-bit register form. Source: DDI 0403E, A5.2.4.
    fn narrow_register(self) -> u32 {
        match self {
            Access::Str => 0,
            Access::Strh => 1,
            Access::Strb => 2,
            Access::Ldrsb => 3,
            Access::Ldr => 4,
            Access::Ldrh => 5,
            Access::Ldrb => 6,
            Access::Ldrsh => 7,
        }
    }
    /// Opcode of the 16-bit immediate form, if there is one. Source: DDI 0403E, A5.2.4.
    fn narrow_immediate(self) -> Option<u32> {
        match self {
            Access::Str => Some(0b01100),
            Access::Ldr => Some(0b01101),
            Access::Strb => Some(0b01110),
            Access::Ldrb => Some(0b01111),
            Access::Strh => Some(0b10000),
            Access::Ldrh => Some(0b10001),
            Access::Ldrsh | Access::Ldrsb => None,
        }
    }
}

/// `access rt, [rn, #imm]`.
pub fn access_imm(access: Access, rt: Gpr, rn: Gpr, imm: Imm12) -> Code {
    let (t, n, value) = (rt.field(), rn.field(), imm.field());
    let bytes = access.bytes();
    if rt.is_low() && value % bytes == 0 {
        if let (true, Some(op), Some(i)) = (rn.is_low(), access.narrow_immediate(), Imm5::new(value / bytes)) {
            return fill("ooooo iiiii nnn ttt", &[(b'o', op), (b'i', i.field()), (b'n', n), (b't', t)]);
        }
        if rn == SP && bytes == 4 && value <= 1020 {
            let load = u32::from(access.is_load());
            return fill("1001 l ttt iiiiiiii", &[(b'l', load), (b't', t), (b'i', value / 4)]);
        }
    }
    let (sign, op) = access.wide_fields();
    let fields = [(b's', sign), (b'o', op), (b'n', n), (b't', t), (b'i', value)];
    fill("1111100 s 1 ooo nnnn tttt iiiiiiiiiiii", &fields)
}

/// `access rt, [rn, rm, lsl #shift]`, shift `0..=3`.
pub fn access_reg(access: Access, rt: Gpr, rn: Gpr, rm: Gpr, shift: u32) -> Code {
    let (t, n, m) = (rt.field(), rn.field(), rm.field());
    if shift == 0 && rt.is_low() && rn.is_low() && rm.is_low() {
        return fill("0101 ooo mmm nnn ttt", &[(b'o', access.narrow_register()), (b'm', m), (b'n', n), (b't', t)]);
    }
    let (sign, op) = access.wide_fields();
    let fields = [(b's', sign), (b'o', op), (b'n', n), (b't', t), (b'i', shift), (b'm', m)];
    fill("1111100 s 0 ooo nnnn tttt 000000 ii mmmm", &fields)
}

/// `push {list}`: bit `n` is register `n`; r0 to r12 and lr. A 32-bit encoding needs two registers.
pub fn push(list: u16) -> Code {
    if list & !0x40ff == 0 {
        return fill("1011010 m llllllll", &[(b'm', u32::from(list >> 14)), (b'l', u32::from(list & 0xff))]);
    }
    debug_assert!(list.count_ones() >= 2 && list & 0xa000 == 0);
    fill("1110100100101101 llllllllllllllll", &[(b'l', u32::from(list))])
}

/// `pop {list}`: bit `n` is register `n`; r0 to r12, lr and pc, not both. A 32-bit encoding needs two registers.
pub fn pop(list: u16) -> Code {
    if list & !0x80ff == 0 {
        return fill("1011110 p llllllll", &[(b'p', u32::from(list >> 15)), (b'l', u32::from(list & 0xff))]);
    }
    debug_assert!(list.count_ones() >= 2 && list & 0x2000 == 0);
    fill("1110100010111101 llllllllllllllll", &[(b'l', u32::from(list))])
}

/// `add sp, #bytes` or `sub sp, #bytes` in 16 bits: a multiple of 4 up to 508.
pub fn adjust_sp(subtract: bool, bytes: u32) -> Option<Code> {
    (bytes % 4 == 0 && bytes <= 508)
        .then(|| fill("10110000 s iiiiiii", &[(b's', u32::from(subtract)), (b'i', bytes / 4)]))
}
