//! Thumb-2 encoder (ARMv7-M, integer). One function per instruction; each picks the shortest legal encoding.
//!
//! Functions named `…_s` may or may not set flags: they are for places where flags are free, so that 16-bit
//! flag-setting encodings may be used. Others never set flags unless their name is a flag-setting mnemonic.
//! Source of all patterns: DDI 0403E, chapter A7.

pub mod bits;
pub mod branch;
pub mod memory;
pub mod operand;

use bits::{Code, fill};
use operand::{Gpr, Imm3, Imm5, Imm8, Imm12, Imm16, ModifiedImm, PC};

/// Two-operand operations of the data-processing encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the manual's mnemonics")]
pub enum AluOp {
    And,
    Bic,
    Orr,
    Orn,
    Eor,
    Add,
    Adc,
    Sbc,
    Sub,
    Rsb,
}

impl AluOp {
    /// The 4-bit `op` field of the 32-bit encodings. Source: DDI 0403E, A5.3.1 and A5.3.11.
    fn wide_field(self) -> u32 {
        match self {
            AluOp::And => 0,
            AluOp::Bic => 1,
            AluOp::Orr => 2,
            AluOp::Orn => 3,
            AluOp::Eor => 4,
            AluOp::Add => 8,
            AluOp::Adc => 10,
            AluOp::Sbc => 11,
            AluOp::Sub => 13,
            AluOp::Rsb => 14,
        }
    }
    /// The 4-bit `opcode` field of the 16-bit register encoding, if there is one. Source: DDI 0403E, A5.2.2.
    fn narrow_field(self) -> Option<u32> {
        match self {
            AluOp::And => Some(0),
            AluOp::Eor => Some(1),
            AluOp::Adc => Some(5),
            AluOp::Sbc => Some(6),
            AluOp::Orr => Some(12),
            AluOp::Bic => Some(14),
            AluOp::Orn | AluOp::Add | AluOp::Sub | AluOp::Rsb => None,
        }
    }
    /// Whether operands may be exchanged.
    pub fn commutes(self) -> bool {
        matches!(self, AluOp::And | AluOp::Orr | AluOp::Eor | AluOp::Add | AluOp::Adc)
    }
}

/// Shift types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the manual's mnemonics")]
pub enum ShiftOp {
    Lsl,
    Lsr,
    Asr,
    Ror,
}

/// Operations on one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the manual's mnemonics")]
pub enum UnaryOp {
    Clz,
    Rbit,
    Rev,
    Rev16,
    Sxtb,
    Sxth,
    Uxtb,
    Uxth,
}

/// Whether flags are written by a 32-bit encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetFlags {
    /// Kept; only encodings that keep them.
    No,
    /// Written.
    Yes,
    /// Free: either.
    Free,
}

/// `op rd, rn, #imm` with a modified immediate, or a shorter form of it.
pub fn alu_imm(op: AluOp, flags: SetFlags, rd: Gpr, rn: Gpr, imm: ModifiedImm, value: u32) -> Code {
    if flags != SetFlags::No && rd.is_low() && rn.is_low() {
        let (d, n) = (rd.field(), rn.field());
        match (op, Imm3::new(value), Imm8::new(value)) {
            (AluOp::Add, Some(i), _) => {
                return fill("0001110 iii nnn ddd", &[(b'i', i.field()), (b'n', n), (b'd', d)]);
            }
            (AluOp::Sub, Some(i), _) => {
                return fill("0001111 iii nnn ddd", &[(b'i', i.field()), (b'n', n), (b'd', d)]);
            }
            (AluOp::Add, _, Some(i)) if d == n => {
                return fill("00110 ddd iiiiiiii", &[(b'd', d), (b'i', i.field())]);
            }
            (AluOp::Sub, _, Some(i)) if d == n => {
                return fill("00111 ddd iiiiiiii", &[(b'd', d), (b'i', i.field())]);
            }
            (AluOp::Rsb, _, _) if value == 0 => {
                return fill("0100001001 nnn ddd", &[(b'n', n), (b'd', d)]);
            }
            _ => {}
        }
    }
    alu_imm_wide(op, flags == SetFlags::Yes, rd.field(), rn.field(), imm)
}

fn alu_imm_wide(op: AluOp, flags: bool, d: u32, n: u32, imm: ModifiedImm) -> Code {
    let fields = [(b'i', imm.field()), (b'o', op.wide_field()), (b's', u32::from(flags)), (b'n', n), (b'd', d)];
    fill("11110 i 0 oooo s nnnn 0 iii dddd iiiiiiii", &fields)
}

/// `addw rd, rn, #imm12` or `subw`.
pub fn add_imm12(subtract: bool, rd: Gpr, rn: Gpr, imm: Imm12) -> Code {
    let op = if subtract { 0b1010 } else { 0 };
    let fields = [(b'i', imm.field()), (b'o', op), (b'n', rn.field()), (b'd', rd.field())];
    fill("11110 i 1 0 oooo nnnn 0 iii dddd iiiiiiii", &fields)
}

/// `op rd, rn, rm, shift #amount`; amount 0 with `Lsl` is no shift, other shifts take `1..=31`.
pub fn alu_reg(op: AluOp, flags: SetFlags, rd: Gpr, rn: Gpr, rm: Gpr, shift: (ShiftOp, Imm5)) -> Code {
    let (d, n, m) = (rd.field(), rn.field(), rm.field());
    let plain = shift.1.field() == 0;
    let low = rd.is_low() && rn.is_low() && rm.is_low();
    if plain && flags != SetFlags::No && low {
        match op {
            AluOp::Add => return fill("0001100 mmm nnn ddd", &[(b'm', m), (b'n', n), (b'd', d)]),
            AluOp::Sub => return fill("0001101 mmm nnn ddd", &[(b'm', m), (b'n', n), (b'd', d)]),
            AluOp::Rsb => return fill("0001101 mmm nnn ddd", &[(b'm', n), (b'n', m), (b'd', d)]),
            _ => {}
        }
        let other = if d == n {
            Some(m)
        } else if d == m && op.commutes() {
            Some(n)
        } else {
            None
        };
        if let (Some(code), Some(m)) = (op.narrow_field(), other) {
            return fill("010000 oooo mmm ddd", &[(b'o', code), (b'm', m), (b'd', d)]);
        }
    }
    if plain && op == AluOp::Add && flags != SetFlags::Yes && (d == n || d == m) && d != 13 && n != 13 && m != 13 {
        let m = if d == n { m } else { n };
        return fill("01000100 h mmmm ddd", &[(b'h', d >> 3), (b'm', m), (b'd', d & 7)]);
    }
    alu_reg_wide(op, flags == SetFlags::Yes, d, n, m, shift)
}

fn alu_reg_wide(op: AluOp, flags: bool, d: u32, n: u32, m: u32, shift: (ShiftOp, Imm5)) -> Code {
    let fields = [
        (b'o', op.wide_field()),
        (b's', u32::from(flags)),
        (b'n', n),
        (b'd', d),
        (b'i', shift.1.field()),
        (b't', shift.0 as u32),
        (b'm', m),
    ];
    fill("11101 01 oooo s nnnn 0 iii dddd ii tt mmmm", &fields)
}

/// `cmp rn, #imm`.
pub fn cmp_imm(rn: Gpr, imm: ModifiedImm, value: u32) -> Code {
    match Imm8::new(value) {
        Some(i) if rn.is_low() => fill("00101 nnn iiiiiiii", &[(b'n', rn.field()), (b'i', i.field())]),
        _ => alu_imm_wide(AluOp::Sub, true, 15, rn.field(), imm),
    }
}

/// `cmn rn, #imm`.
pub fn cmn_imm(rn: Gpr, imm: ModifiedImm) -> Code {
    alu_imm_wide(AluOp::Add, true, 15, rn.field(), imm)
}

/// `cmp rn, rm, shift #amount`.
pub fn cmp_reg(rn: Gpr, rm: Gpr, shift: (ShiftOp, Imm5)) -> Code {
    let (n, m) = (rn.field(), rm.field());
    if shift.1.field() != 0 {
        return alu_reg_wide(AluOp::Sub, true, 15, n, m, shift);
    }
    if rn.is_low() && rm.is_low() {
        return fill("0100001010 mmm nnn", &[(b'm', m), (b'n', n)]);
    }
    fill("01000101 h mmmm nnn", &[(b'h', n >> 3), (b'm', m), (b'n', n & 7)])
}

/// `tst rn, #imm`.
pub fn tst_imm(rn: Gpr, imm: ModifiedImm) -> Code {
    alu_imm_wide(AluOp::And, true, 15, rn.field(), imm)
}

/// `tst rn, rm, shift #amount`.
pub fn tst_reg(rn: Gpr, rm: Gpr, shift: (ShiftOp, Imm5)) -> Code {
    if shift.1.field() == 0 && rn.is_low() && rm.is_low() {
        return fill("0100001000 mmm nnn", &[(b'm', rm.field()), (b'n', rn.field())]);
    }
    alu_reg_wide(AluOp::And, true, 15, rn.field(), rm.field(), shift)
}

/// `mov rd, rm`; flags kept.
pub fn mov_reg(rd: Gpr, rm: Gpr) -> Code {
    let (d, m) = (rd.field(), rm.field());
    fill("01000110 h mmmm ddd", &[(b'h', d >> 3), (b'm', m), (b'd', d & 7)])
}

/// `movs rd, #imm8`: sets flags outside an IT block, keeps them inside one.
pub fn movs_imm8(rd: Gpr, imm: Imm8) -> Option<Code> {
    rd.is_low().then(|| fill("00100 ddd iiiiiiii", &[(b'd', rd.field()), (b'i', imm.field())]))
}

/// `mov.w rd, #imm` with a modified immediate; flags kept.
pub fn mov_modified(rd: Gpr, imm: ModifiedImm) -> Code {
    alu_imm_wide(AluOp::Orr, false, rd.field(), 15, imm)
}

/// `mvn.w rd, #imm` with a modified immediate; flags kept.
pub fn mvn_modified(rd: Gpr, imm: ModifiedImm) -> Code {
    alu_imm_wide(AluOp::Orn, false, rd.field(), 15, imm)
}

/// `mvn rd, rm`; flags free.
pub fn mvn_reg_s(rd: Gpr, rm: Gpr) -> Code {
    if rd.is_low() && rm.is_low() {
        return fill("0100001111 mmm ddd", &[(b'm', rm.field()), (b'd', rd.field())]);
    }
    alu_reg_wide(AluOp::Orn, false, rd.field(), 15, rm.field(), NO_SHIFT)
}

/// No shift.
pub const NO_SHIFT: (ShiftOp, Imm5) = (ShiftOp::Lsl, Imm5::ZERO);

impl Imm5 {
    /// 0.
    pub const ZERO: Imm5 = Imm5::from_low_bits(0);
}

/// `movw rd, #imm16`.
pub fn movw(rd: Gpr, imm: Imm16) -> Code {
    mov_half(0, rd, imm)
}

/// `movt rd, #imm16`.
pub fn movt(rd: Gpr, imm: Imm16) -> Code {
    mov_half(1, rd, imm)
}

fn mov_half(top: u32, rd: Gpr, imm: Imm16) -> Code {
    let v = imm.field();
    let fields = [(b'i', v & 0xfff), (b't', top), (b'j', v >> 12), (b'd', rd.field())];
    fill("11110 i 10 t 100 jjjj 0 iii dddd iiiiiiii", &fields)
}

/// `shift rd, rm, #amount`, amount `1..=31`; flags free.
pub fn shift_imm_s(op: ShiftOp, rd: Gpr, rm: Gpr, amount: Imm5) -> Code {
    if rd.is_low() && rm.is_low() && op != ShiftOp::Ror {
        let fields = [(b'o', op as u32), (b'i', amount.field()), (b'm', rm.field()), (b'd', rd.field())];
        return fill("000 oo iiiii mmm ddd", &fields);
    }
    alu_reg_wide(AluOp::Orr, false, rd.field(), 15, rm.field(), (op, amount))
}

/// `shift rd, rn, rm`; flags free.
pub fn shift_reg_s(op: ShiftOp, rd: Gpr, rn: Gpr, rm: Gpr) -> Code {
    if rd == rn && rd.is_low() && rm.is_low() {
        let code = [2, 3, 4, 7][op as usize];
        return fill("010000 oooo mmm ddd", &[(b'o', code), (b'm', rm.field()), (b'd', rd.field())]);
    }
    let fields = [(b'o', op as u32), (b'n', rn.field()), (b'd', rd.field()), (b'm', rm.field())];
    fill("11111010 0 oo 0 nnnn 1111 dddd 0000 mmmm", &fields)
}

/// `op rd, rm`.
pub fn unary(op: UnaryOp, rd: Gpr, rm: Gpr) -> Code {
    let (d, m) = (rd.field(), rm.field());
    let low = rd.is_low() && rm.is_low();
    let narrow = |code| fill("10110010 oo mmm ddd", &[(b'o', code), (b'm', m), (b'd', d)]);
    let extend = |code| fill("111110100 ooo 1111 1111 dddd 1000 mmmm", &[(b'o', code), (b'd', d), (b'm', m)]);
    let reverse = |code| {
        let fields = [(b'o', code), (b'n', m), (b'd', d), (b'm', m)];
        fill("11111010 10 o 1 nnnn 1111 dddd 10 00 mmmm", &fields)
    };
    match op {
        UnaryOp::Sxth if low => narrow(0),
        UnaryOp::Sxtb if low => narrow(1),
        UnaryOp::Uxth if low => narrow(2),
        UnaryOp::Uxtb if low => narrow(3),
        UnaryOp::Sxth => extend(0),
        UnaryOp::Uxth => extend(1),
        UnaryOp::Sxtb => extend(4),
        UnaryOp::Uxtb => extend(5),
        UnaryOp::Rev if low => fill("1011101000 mmm ddd", &[(b'm', m), (b'd', d)]),
        UnaryOp::Rev16 if low => fill("1011101001 mmm ddd", &[(b'm', m), (b'd', d)]),
        UnaryOp::Clz => reverse(1),
        UnaryOp::Rev => fill("11111010 1001 nnnn 1111 dddd 1000 mmmm", &[(b'n', m), (b'd', d), (b'm', m)]),
        UnaryOp::Rev16 => fill("11111010 1001 nnnn 1111 dddd 1001 mmmm", &[(b'n', m), (b'd', d), (b'm', m)]),
        UnaryOp::Rbit => fill("11111010 1001 nnnn 1111 dddd 1010 mmmm", &[(b'n', m), (b'd', d), (b'm', m)]),
    }
}

/// `mul rd, rn, rm`; flags free.
pub fn mul_s(rd: Gpr, rn: Gpr, rm: Gpr) -> Code {
    let low = rd.is_low() && rn.is_low() && rm.is_low();
    if low && (rd == rm || rd == rn) {
        let other = if rd == rm { rn } else { rm };
        return fill("0100001101 nnn ddd", &[(b'n', other.field()), (b'd', rd.field())]);
    }
    multiply(0b000, 0, rd, rn, rm, PC)
}

/// `mla rd, rn, rm, ra`: `rd = ra + rn * rm`.
pub fn mla(rd: Gpr, rn: Gpr, rm: Gpr, ra: Gpr) -> Code {
    multiply(0b000, 0, rd, rn, rm, ra)
}

/// `mls rd, rn, rm, ra`: `rd = ra - rn * rm`.
pub fn mls(rd: Gpr, rn: Gpr, rm: Gpr, ra: Gpr) -> Code {
    multiply(0b000, 1, rd, rn, rm, ra)
}

/// `umull lo, hi, rn, rm` or `smull`. `lo` and `hi` differ.
pub fn mul_long(signed: bool, lo: Gpr, hi: Gpr, rn: Gpr, rm: Gpr) -> Code {
    let fields =
        [(b'u', u32::from(!signed)), (b'n', rn.field()), (b'l', lo.field()), (b'h', hi.field()), (b'm', rm.field())];
    fill("111110111 0 u 0 nnnn llll hhhh 0000 mmmm", &fields)
}

/// `udiv rd, rn, rm` or `sdiv`.
pub fn div(signed: bool, rd: Gpr, rn: Gpr, rm: Gpr) -> Code {
    let fields = [(b'u', u32::from(!signed)), (b'n', rn.field()), (b'd', rd.field()), (b'm', rm.field())];
    fill("111110111 0 u 1 nnnn 1111 dddd 1111 mmmm", &fields)
}

fn multiply(op: u32, op2: u32, rd: Gpr, rn: Gpr, rm: Gpr, ra: Gpr) -> Code {
    let fields =
        [(b'o', op), (b'p', op2), (b'n', rn.field()), (b'a', ra.field()), (b'd', rd.field()), (b'm', rm.field())];
    fill("111110110 ooo nnnn aaaa dddd 000 p mmmm", &fields)
}

/// `ubfx rd, rn, #lsb, #width`, width `1..=32 - lsb`.
pub fn ubfx(rd: Gpr, rn: Gpr, lsb: Imm5, width_minus_1: Imm5) -> Code {
    let fields = [(b'n', rn.field()), (b'i', lsb.field()), (b'd', rd.field()), (b'w', width_minus_1.field())];
    fill("11110 0 11 1100 nnnn 0 iii dddd ii 0 wwwww", &fields)
}
