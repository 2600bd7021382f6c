//! Encodings of loads, stores and the stack.

use super::bits::{Code, fill};
use super::operand::{Base, Gpr, Imm2, Imm5, Imm7, Imm12, Low, PopList, PushList, WordOffset};
use super::rows::{self, Row};
use crate::faults;

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
            Access::Ldrsh => (u32::from(!faults::on("encode-load-sign")), 0b011),
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
    /// The 16-bit immediate form, if there is one. Source: DDI 0403E, A5.2.4.
    fn narrow_immediate(self) -> Option<&'static Row> {
        match self {
            Access::Str | Access::Ldr => Some(&rows::WORD_IMM_T1),
            Access::Strb | Access::Ldrb => Some(&rows::BYTE_IMM_T1),
            Access::Strh | Access::Ldrh => Some(&rows::HALF_IMM_T1),
            Access::Ldrsh | Access::Ldrsb => None,
        }
    }
}

/// `access rt, [rn, #imm]`.
pub fn access_imm(access: Access, rt: Gpr, rn: Base, imm: Imm12) -> Code {
    let (t, n, value) = (rt.field(), rn.field(), imm.field());
    let bytes = access.bytes();
    let load = u32::from(access.is_load());
    if rt.is_low() && (value % bytes == 0 || faults::on("encode-offset-scale")) {
        match (rn, access.narrow_immediate(), Imm5::new(value / bytes)) {
            (Base::Reg(rn), Some(row), Some(i)) if rn.is_low() => {
                return fill(row, &[(b'l', load), (b'i', i.field()), (b'n', n), (b't', t)]);
            }
            (Base::Sp, _, _) if bytes == 4 && value <= 1020 => {
                return fill(&rows::WORD_SP_T2, &[(b'l', load), (b't', t), (b'i', value / 4)]);
            }
            _ => {}
        }
    }
    let (sign, op) = access.wide_fields();
    let fields = [(b's', sign), (b'o', op), (b'n', n), (b't', t), (b'i', value)];
    fill(&rows::ACCESS_IMM_W, &fields)
}

/// `access rt, [rn, rm, lsl #shift]`.
pub fn access_reg(access: Access, rt: Gpr, rn: Gpr, rm: Gpr, shift: Imm2) -> Code {
    let (t, n, m) = (rt.field(), rn.field(), rm.field());
    if (shift == Imm2::ZERO || faults::on("encode-index-shift")) && rt.is_low() && rn.is_low() && rm.is_low() {
        return fill(&rows::INDEX_T1, &[(b'o', access.narrow_register()), (b'm', m), (b'n', n), (b't', t)]);
    }
    let (sign, op) = access.wide_fields();
    let fields = [(b's', sign), (b'o', op), (b'n', n), (b't', t), (b'i', shift.field()), (b'm', m)];
    fill(&rows::ACCESS_REG_W, &fields)
}

/// `ldr rt, [pc, #distance]` in 16 bits; pc is the address of the instruction and 4, rounded down to a word.
pub fn ldr_literal_narrow(rt: Low, distance: WordOffset) -> Code {
    fill(&rows::LITERAL_T1, &[(b't', rt.field()), (b'i', distance.field())])
}

/// `ldr.w rt, [pc, #distance]`, as [`ldr_literal_narrow`].
pub fn ldr_literal_wide(rt: Gpr, distance: Imm12) -> Code {
    fill(&rows::LITERAL_W, &[(b't', rt.field()), (b'i', distance.field())])
}

/// `push {list}`.
pub fn push(list: PushList) -> Code {
    let l = list.field();
    if list.is_narrow() {
        return fill(&rows::PUSH_T1, &[(b'm', l >> 14), (b'l', l & 0xff)]);
    }
    fill(&rows::PUSH_W, &[(b'l', l)])
}

/// `pop {list}`.
pub fn pop(list: PopList) -> Code {
    let l = list.field();
    if list.is_narrow() {
        return fill(&rows::POP_T1, &[(b'p', l >> 15), (b'l', l & 0xff)]);
    }
    fill(&rows::POP_W, &[(b'l', l)])
}

/// `add sp, sp, #bytes` or `sub sp, sp, #bytes`; flags kept.
pub fn adjust_sp(subtract: bool, bytes: Imm12) -> Code {
    let value = bytes.field();
    match Imm7::new(value / 4 & if faults::on("encode-frame-size") { 0x7f } else { !0 }) {
        Some(i) if value % 4 == 0 => fill(&rows::SP_IMM_T1, &[(b's', u32::from(subtract)), (b'i', i.field())]),
        _ => fill(&rows::SP_IMM12_W, &[(b'i', value), (b's', if subtract { 0b11 } else { 0 })]),
    }
}

/// `add.w sp, sp, rm` or `sub.w sp, sp, rm`; flags kept.
pub fn adjust_sp_reg(subtract: bool, rm: Gpr) -> Code {
    fill(&rows::SP_REG_W, &[(b's', if subtract { 0b11 } else { 0 }), (b'm', rm.field())])
}

/// `add rdm, sp, rdm`; flags kept.
pub fn add_sp(rdm: Gpr) -> Code {
    let d = rdm.field();
    fill(&rows::ADD_SP_T1, &[(b'h', d >> 3), (b'd', d & 7)])
}
