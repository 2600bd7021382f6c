//! Encodings of branches, IT and UDF. Offsets are from the instruction's own address; the machine counts from 4
//! bytes further.

use super::bits::{Code, fill};
use super::operand::{Condition, ForwardOffset, Gpr, ItRest, Low, Offset, TrapNumber};
use super::rows;
use crate::faults;

/// `b` in 16 bits.
pub fn b_narrow(offset: Offset<12>) -> Code {
    fill(&rows::B_T2, &[(b'i', offset.bits(1, 11))])
}

/// `b` in 16 bits with a condition.
pub fn b_cond_narrow(condition: Condition, offset: Offset<9>) -> Code {
    fill(&rows::B_T1, &[(b'c', condition.field()), (b'i', offset.bits(1, 8))])
}

/// `b.w` with a condition.
pub fn b_cond_wide(condition: Condition, offset: Offset<21>) -> Code {
    let fields = [
        (b's', offset.bits(20, 1)),
        (b'c', condition.field()),
        (b'h', offset.bits(12, 6)),
        (b'j', offset.bits(18, 1)),
        (b'k', offset.bits(19, 1)),
        (b'i', offset.bits(1, 11)),
    ];
    fill(&rows::B_T3, &fields)
}

/// `b.w`.
pub fn b_wide(offset: Offset<25>) -> Code {
    fill(&rows::B_T4, &long(offset))
}

/// `bl`.
pub fn bl(offset: Offset<25>) -> Code {
    fill(&rows::BL_T1, &long(offset))
}

/// The fields of the long forms: bits 23 and 22 stand as `J1 = NOT(I1 EOR S)` and `J2`.
fn long(offset: Offset<25>) -> [(u8, u32); 5] {
    let s = offset.bits(24, 1);
    let flipped = |bit| offset.bits(bit, 1) ^ s ^ 1;
    [(b's', s), (b'h', offset.bits(12, 10)), (b'j', flipped(23)), (b'k', flipped(22)), (b'i', offset.bits(1, 11))]
}

/// `cbz rn` or `cbnz rn`.
pub fn cbz(nonzero: bool, rn: Low, offset: ForwardOffset) -> Code {
    let bytes = offset.field();
    let fields = [(b'z', u32::from(nonzero)), (b'j', bytes >> 6), (b'i', bytes >> 1 & 0x1f), (b'n', rn.field())];
    fill(&rows::CBZ_T1, &fields)
}

/// `bx rm`.
pub fn bx(rm: Gpr) -> Code {
    fill(&rows::BX_T1, &[(b'm', rm.field())])
}

/// `blx rm`.
pub fn blx(rm: Gpr) -> Code {
    fill(&rows::BLX_T1, &[(b'm', rm.field())])
}

/// `tbh [pc, rm, lsl #1]`; the table of halfwords follows.
pub fn tbh(rm: Gpr) -> Code {
    fill(&rows::TBH_W, &[(b'm', rm.field())])
}

/// `it condition` for one instruction.
pub fn it(condition: Condition) -> Code {
    it_block(condition, ItRest::NONE)
}

/// `ite condition`: the first of two instructions under the condition, the second under its negation.
pub fn ite(condition: Condition) -> Code {
    it_block(condition, ItRest::ELSE)
}

/// `it` with up to three more letters: the first instruction under the condition, the others as `rest` says.
pub fn it_block(condition: Condition, rest: ItRest) -> Code {
    fill(&rows::IT_T1, &[(b'c', condition.field()), (b'm', rest.mask(condition))])
}

/// `udf #number`.
pub fn udf(number: TrapNumber) -> Code {
    fill(&rows::UDF_T1, &[(b'i', number.field() + u32::from(faults::on("encode-trap-number")))])
}

/// `nop`.
pub fn nop() -> Code {
    fill(&rows::NOP_T1, &[])
}
