//! Encodings of branches, IT and UDF. Offsets are from the instruction's own address; the machine counts from 4
//! bytes further. Source of all patterns: DDI 0403E, chapter A7.

use super::bits::{Code, fill};
use super::operand::{Condition, Gpr, Imm8};

/// `b` in 16 bits, if the offset in bytes is in range.
pub fn b_narrow(condition: Option<Condition>, offset: i32) -> Option<Code> {
    let o = offset - 4;
    match condition {
        None if (-2048..=2046).contains(&o) => Some(fill("11100 iiiiiiiiiii", &[(b'i', (o >> 1) as u32 & 0x7ff)])),
        Some(c) if (-256..=254).contains(&o) => {
            Some(fill("1101 cccc iiiiiiii", &[(b'c', c.field()), (b'i', (o >> 1) as u32 & 0xff)]))
        }
        _ => None,
    }
}

/// `b.w` with a condition, if the offset in bytes is in range (1 MiB).
pub fn b_cond_wide(condition: Condition, offset: i32) -> Option<Code> {
    let o = offset - 4;
    if !(-(1 << 20)..1 << 20).contains(&o) {
        return None;
    }
    let u = o as u32;
    let fields = [
        (b's', u >> 31),
        (b'c', condition.field()),
        (b'h', u >> 12 & 0x3f),
        (b'j', u >> 18 & 1),
        (b'k', u >> 19 & 1),
        (b'i', u >> 1 & 0x7ff),
    ];
    Some(fill("11110 s cccc hhhhhh 10 j 0 k iiiiiiiiiii", &fields))
}

/// `b.w`, if the offset in bytes is in range (16 MiB).
pub fn b_wide(offset: i32) -> Option<Code> {
    long(0, offset)
}

/// `bl`, if the offset in bytes is in range (16 MiB).
pub fn bl(offset: i32) -> Option<Code> {
    long(1, offset)
}

fn long(link: u32, offset: i32) -> Option<Code> {
    let o = offset - 4;
    if !(-(1 << 24)..1 << 24).contains(&o) {
        return None;
    }
    let u = o as u32;
    let s = u >> 31;
    let fields = [
        (b's', s),
        (b'h', u >> 12 & 0x3ff),
        (b'l', link),
        (b'j', (u >> 23 & 1) ^ s ^ 1),
        (b'k', (u >> 22 & 1) ^ s ^ 1),
        (b'i', u >> 1 & 0x7ff),
    ];
    Some(fill("11110 s hhhhhhhhhh 1 l j 1 k iiiiiiiiiii", &fields))
}

/// `cbz rn` or `cbnz rn`, if the offset in bytes is in range (4 to 130) and the register low.
pub fn cbz(nonzero: bool, rn: Gpr, offset: i32) -> Option<Code> {
    let o = offset - 4;
    if !rn.is_low() || !(0..=126).contains(&o) {
        return None;
    }
    let u = o as u32;
    let fields = [(b'z', u32::from(nonzero)), (b'j', u >> 6), (b'i', u >> 1 & 0x1f), (b'n', rn.field())];
    Some(fill("1011 z 0 j 1 iiiii nnn", &fields))
}

/// `bx rm`.
pub fn bx(rm: Gpr) -> Code {
    fill("010001110 mmmm 000", &[(b'm', rm.field())])
}

/// `blx rm`.
pub fn blx(rm: Gpr) -> Code {
    fill("010001111 mmmm 000", &[(b'm', rm.field())])
}

/// `tbh [pc, rm, lsl #1]`; the table of halfwords follows.
pub fn tbh(rm: Gpr) -> Code {
    fill("111010001101 1111 11110000 0001 mmmm", &[(b'm', rm.field())])
}

/// `it condition` for one instruction.
pub fn it(condition: Condition) -> Code {
    fill("10111111 cccc 1000", &[(b'c', condition.field())])
}

/// `ite condition`: the first of two instructions under the condition, the second under its negation.
pub fn ite(condition: Condition) -> Code {
    let low = condition.field() & 1;
    fill("10111111 cccc n100", &[(b'c', condition.field()), (b'n', low ^ 1)])
}

/// `udf #imm8`.
pub fn udf(imm: Imm8) -> Code {
    fill("11011110 iiiiiiii", &[(b'i', imm.field())])
}

/// `nop`.
pub fn nop() -> Code {
    fill("1011111100000000", &[])
}
