//! Thumb-2 encoder (ARMv7-M, integer). One function per instruction; each picks the shortest legal encoding.
//!
//! Functions named `…_s` may or may not set flags: they are for places where flags are free, so that 16-bit
//! flag-setting encodings may be used. Others never set flags unless their name is a flag-setting mnemonic.
//! The bits are in [`rows`], what may stand in them in [`operand`].

pub mod bits;
pub mod branch;
pub mod field;
pub mod memory;
pub mod operand;
pub mod rows;

use crate::faults;
use bits::{Code, fill};
use operand::{ByteRotation, Extension, Gpr, Imm3, Imm8, Imm12, Imm16, LongWords, Low, ModifiedImm, ShiftAmount};

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

/// A shift of the last operand; `None` is no shift.
pub type Shift = Option<(ShiftOp, ShiftAmount)>;

/// The fields of a shift: type and amount.
fn shift_fields(shift: Shift) -> (u32, u32) {
    shift.map_or((0, 0), |(op, amount)| (op as u32, amount.field()))
}

/// `op rd, rn, #imm` with a modified immediate, or a shorter form of it.
pub fn alu_imm(op: AluOp, flags: SetFlags, rd: Gpr, rn: Gpr, imm: ModifiedImm) -> Code {
    let (d, n, value) = (rd.field(), rn.field(), imm.value());
    if flags != SetFlags::No && rd.is_low() && rn.is_low() {
        let three = |i: Imm3| [(b'i', i.field()), (b'n', n), (b'd', d)];
        let eight = |i: Imm8| [(b'd', d), (b'i', i.field())];
        match (op, Imm3::new(value), Imm8::new(value)) {
            (AluOp::Add, Some(i), _) => return fill(&rows::ADD_IMM_T1, &three(i)),
            (AluOp::Sub, Some(i), _) => return fill(&rows::SUB_IMM_T1, &three(i)),
            (AluOp::Add, _, Some(i)) if d == n => return fill(&rows::ADD_IMM_T2, &eight(i)),
            (AluOp::Sub, _, Some(i)) if d == n => return fill(&rows::SUB_IMM_T2, &eight(i)),
            (AluOp::Rsb, _, _) if value == 0 => return fill(&rows::RSB_IMM_T1, &[(b'n', n), (b'd', d)]),
            _ => {}
        }
    }
    let s = u32::from(flags == SetFlags::Yes);
    fill(&rows::ALU_IMM_W, &[(b'i', imm.field()), (b'o', op.wide_field()), (b's', s), (b'n', n), (b'd', d)])
}

/// `addw rd, rn, #imm12` or `subw`; flags kept.
pub fn add_imm12(subtract: bool, rd: Gpr, rn: Gpr, imm: Imm12) -> Code {
    let s = if subtract && !faults::on("encode-subtract") { 0b11 } else { 0 };
    fill(&rows::ADD_IMM12_W, &[(b'i', imm.field()), (b's', s), (b'n', rn.field()), (b'd', rd.field())])
}

/// `op rd, rn, rm, shift`.
pub fn alu_reg(op: AluOp, flags: SetFlags, rd: Gpr, rn: Gpr, rm: Gpr, shift: Shift) -> Code {
    let (d, n, m) = (rd.field(), rn.field(), rm.field());
    let low = rd.is_low() && rn.is_low() && rm.is_low();
    if shift.is_none() && flags != SetFlags::No && low {
        match op {
            AluOp::Add => return fill(&rows::ADD_REG_T1, &[(b'm', m), (b'n', n), (b'd', d)]),
            AluOp::Sub => return fill(&rows::SUB_REG_T1, &[(b'm', m), (b'n', n), (b'd', d)]),
            AluOp::Rsb => return fill(&rows::SUB_REG_T1, &[(b'm', n), (b'n', m), (b'd', d)]),
            _ => {}
        }
        let other = if d == n {
            Some(m)
        } else if d == m && (op.commutes() || faults::on("encode-commutes")) {
            Some(n)
        } else {
            None
        };
        if let (Some(code), Some(m)) = (op.narrow_field(), other) {
            return fill(&rows::ALU_REG_T1, &[(b'o', code), (b'm', m), (b'd', d)]);
        }
    }
    if shift.is_none() && op == AluOp::Add && flags != SetFlags::Yes && (d == n || d == m) {
        let m = if d == n { m } else { n };
        return fill(&rows::ADD_REG_T2, &[(b'h', d >> 3), (b'm', m), (b'd', d & 7)]);
    }
    let (t, i) = shift_fields(shift);
    let s = u32::from(flags == SetFlags::Yes);
    let fields = [(b'o', op.wide_field()), (b's', s), (b'n', n), (b'd', d), (b'i', i), (b't', t), (b'm', m)];
    fill(&rows::ALU_REG_W, &fields)
}

/// A comparison with a modified immediate: the flags of `op rn, #imm`.
fn compare_imm(op: AluOp, rn: Gpr, imm: ModifiedImm) -> Code {
    fill(&rows::COMPARE_IMM_W, &[(b'i', imm.field()), (b'o', op.wide_field()), (b'n', rn.field())])
}

/// A comparison of registers: the flags of `op rn, rm, shift`.
fn compare_reg(op: AluOp, rn: Gpr, rm: Gpr, shift: Shift) -> Code {
    let (t, i) = shift_fields(shift);
    let fields = [(b'o', op.wide_field()), (b'n', rn.field()), (b'i', i), (b't', t), (b'm', rm.field())];
    fill(&rows::COMPARE_REG_W, &fields)
}

/// `cmp rn, #imm`.
pub fn cmp_imm(rn: Gpr, imm: ModifiedImm) -> Code {
    match (rn.low(), Imm8::new(imm.value())) {
        (Some(rn), Some(i)) => fill(&rows::CMP_IMM_T1, &[(b'n', rn.field()), (b'i', i.field())]),
        _ => compare_imm(AluOp::Sub, rn, imm),
    }
}

/// `cmn rn, #imm`.
pub fn cmn_imm(rn: Gpr, imm: ModifiedImm) -> Code {
    compare_imm(AluOp::Add, rn, imm)
}

/// `cmp rn, rm, shift`.
pub fn cmp_reg(rn: Gpr, rm: Gpr, shift: Shift) -> Code {
    let (n, m) = (rn.field(), rm.field());
    if shift.is_some() {
        return compare_reg(AluOp::Sub, rn, rm, shift);
    }
    if rn.is_low() && rm.is_low() {
        let (m, n) = if faults::on("encode-compare-order") { (n, m) } else { (m, n) };
        return fill(&rows::CMP_REG_T1, &[(b'm', m), (b'n', n)]);
    }
    fill(&rows::CMP_REG_T2, &[(b'h', n >> 3), (b'm', m), (b'n', n & 7)])
}

/// `cmn rn, rm, shift`.
pub fn cmn_reg(rn: Gpr, rm: Gpr, shift: Shift) -> Code {
    compare_reg(AluOp::Add, rn, rm, shift)
}

/// `tst rn, #imm`.
pub fn tst_imm(rn: Gpr, imm: ModifiedImm) -> Code {
    compare_imm(AluOp::And, rn, imm)
}

/// `tst rn, rm, shift`.
pub fn tst_reg(rn: Gpr, rm: Gpr, shift: Shift) -> Code {
    if shift.is_none() && rn.is_low() && rm.is_low() {
        return fill(&rows::TST_REG_T1, &[(b'm', rm.field()), (b'n', rn.field())]);
    }
    compare_reg(AluOp::And, rn, rm, shift)
}

/// `mov rd, rm`; flags kept.
pub fn mov_reg(rd: Gpr, rm: Gpr) -> Code {
    let (d, m) = (rd.field(), rm.field());
    fill(&rows::MOV_REG_T1, &[(b'h', d >> 3), (b'm', m), (b'd', d & 7)])
}

/// `movs rd, #imm8`: sets flags outside an IT block, keeps them inside one.
pub fn movs_imm8(rd: Low, imm: Imm8) -> Code {
    fill(&rows::MOV_IMM_T1, &[(b'd', rd.field()), (b'i', imm.field())])
}

/// `mov.w rd, #imm` with a modified immediate; flags kept.
pub fn mov_modified(rd: Gpr, imm: ModifiedImm) -> Code {
    fill(&rows::MOVE_IMM_W, &[(b'i', imm.field()), (b'o', 0), (b'd', rd.field())])
}

/// `mvn.w rd, #imm` with a modified immediate; flags kept.
pub fn mvn_modified(rd: Gpr, imm: ModifiedImm) -> Code {
    fill(&rows::MOVE_IMM_W, &[(b'i', imm.field()), (b'o', 1), (b'd', rd.field())])
}

/// `mvn rd, rm, shift`; flags free.
pub fn mvn_reg_s(rd: Gpr, rm: Gpr, shift: Shift) -> Code {
    if shift.is_none() && rd.is_low() && rm.is_low() {
        return fill(&rows::MVN_REG_T1, &[(b'm', rm.field()), (b'd', rd.field())]);
    }
    let (t, i) = shift_fields(shift);
    fill(&rows::MVN_REG_W, &[(b'i', i), (b't', t), (b'm', rm.field()), (b'd', rd.field())])
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
    fill(&rows::MOV_HALF_W, &[(b'i', v & 0xfff), (b't', top), (b'j', v >> 12), (b'd', rd.field())])
}

/// `shift rd, rm, #amount`; flags free.
pub fn shift_imm_s(op: ShiftOp, rd: Gpr, rm: Gpr, amount: ShiftAmount) -> Code {
    let (d, m, i) = (rd.field(), rm.field(), amount.field());
    if rd.is_low() && rm.is_low() && op != ShiftOp::Ror {
        return fill(&rows::SHIFT_IMM_T1, &[(b'o', op as u32), (b'i', i), (b'm', m), (b'd', d)]);
    }
    fill(&rows::SHIFT_IMM_W, &[(b't', op as u32), (b'i', i), (b'm', m), (b'd', d)])
}

/// `shift rd, rn, rm`; flags free.
pub fn shift_reg_s(op: ShiftOp, rd: Gpr, rn: Gpr, rm: Gpr) -> Code {
    if rd == rn && rd.is_low() && rm.is_low() {
        let code = [2, 3, 4, 7][op as usize];
        return fill(&rows::ALU_REG_T1, &[(b'o', code), (b'm', rm.field()), (b'd', rd.field())]);
    }
    let fields = [(b'o', op as u32), (b'n', rn.field()), (b'd', rd.field()), (b'm', rm.field())];
    fill(&rows::SHIFT_REG_W, &fields)
}

/// `op rd, rm`.
pub fn unary(op: UnaryOp, rd: Gpr, rm: Gpr) -> Code {
    let (d, m) = (rd.field(), rm.field());
    let low = rd.is_low() && rm.is_low();
    // The manual wants the operand in both register fields of the reversing encodings.
    let plain = |row, code| fill(row, &[(b'o', code), (b'm', m), (b'd', d)]);
    let twice = |row, code| fill(row, &[(b'o', code), (b'n', m), (b'm', m), (b'd', d)]);
    match op {
        UnaryOp::Sxth if low => plain(&rows::EXTEND_T1, 0),
        UnaryOp::Sxtb if low => plain(&rows::EXTEND_T1, if faults::on("encode-extension") { 3 } else { 1 }),
        UnaryOp::Uxth if low => plain(&rows::EXTEND_T1, 2),
        UnaryOp::Uxtb if low => plain(&rows::EXTEND_T1, 3),
        UnaryOp::Sxth => field::extend(Extension::Sxth, rd, rm, ByteRotation::NONE),
        UnaryOp::Uxth => field::extend(Extension::Uxth, rd, rm, ByteRotation::NONE),
        UnaryOp::Sxtb => field::extend(Extension::Sxtb, rd, rm, ByteRotation::NONE),
        UnaryOp::Uxtb => field::extend(Extension::Uxtb, rd, rm, ByteRotation::NONE),
        UnaryOp::Rev if low => plain(&rows::REV_T1, 0),
        UnaryOp::Rev16 if low => plain(&rows::REV_T1, 1),
        UnaryOp::Rev => twice(&rows::REVERSE_W, 0),
        UnaryOp::Rev16 => twice(&rows::REVERSE_W, 1),
        UnaryOp::Rbit => twice(&rows::REVERSE_W, 2),
        UnaryOp::Clz => fill(&rows::CLZ_W, &[(b'n', m), (b'm', m), (b'd', d)]),
    }
}

/// `mul rd, rn, rm`; flags free.
pub fn mul_s(rd: Gpr, rn: Gpr, rm: Gpr) -> Code {
    let (d, n, m) = (rd.field(), rn.field(), rm.field());
    let low = rd.is_low() && rn.is_low() && rm.is_low();
    if low && (rd == rm || rd == rn) {
        return fill(&rows::MUL_T1, &[(b'n', if rd == rm { n } else { m }), (b'd', d)]);
    }
    fill(&rows::MUL_W, &[(b'n', n), (b'd', d), (b'm', m)])
}

/// `mla rd, rn, rm, ra`: `rd = ra + rn * rm`.
pub fn mla(rd: Gpr, rn: Gpr, rm: Gpr, ra: Gpr) -> Code {
    fill(&rows::MLA_W, &[(b'n', rn.field()), (b'a', ra.field()), (b'd', rd.field()), (b'm', rm.field())])
}

/// `mls rd, rn, rm, ra`: `rd = ra - rn * rm`.
pub fn mls(rd: Gpr, rn: Gpr, rm: Gpr, ra: Gpr) -> Code {
    fill(&rows::MLS_W, &[(b'n', rn.field()), (b'a', ra.field()), (b'd', rd.field()), (b'm', rm.field())])
}

/// `umull lo, hi, rn, rm` or `smull`.
pub fn mul_long(signed: bool, words: LongWords, rn: Gpr, rm: Gpr) -> Code {
    let (lo, hi) = words.fields();
    let u = u32::from(!signed);
    fill(&rows::LONG_W, &[(b'u', u), (b'n', rn.field()), (b'l', lo), (b'h', hi), (b'm', rm.field())])
}

/// `umlal lo, hi, rn, rm` or `smlal`: adds the product to `lo` and `hi`.
pub fn mul_add_long(signed: bool, words: LongWords, rn: Gpr, rm: Gpr) -> Code {
    let (lo, hi) = words.fields();
    let u = u32::from(!signed);
    fill(&rows::LONG_ADD_W, &[(b'u', u), (b'n', rn.field()), (b'l', lo), (b'h', hi), (b'm', rm.field())])
}

/// `udiv rd, rn, rm` or `sdiv`.
pub fn div(signed: bool, rd: Gpr, rn: Gpr, rm: Gpr) -> Code {
    let u = u32::from(!signed);
    fill(&rows::DIV_W, &[(b'u', u), (b'n', rn.field()), (b'd', rd.field()), (b'm', rm.field())])
}
