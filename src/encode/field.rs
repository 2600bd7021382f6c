//! Encodings of bit fields, extension and saturation.

use super::bits::{Code, fill};
use super::operand::{BitField, ByteRotation, Extension, Gpr, Saturation, ShiftAmount};
use super::rows;

/// `ubfx rd, rn, #lsb, #width` or `sbfx`.
pub fn extract(signed: bool, rd: Gpr, rn: Gpr, bits: BitField) -> Code {
    let (i, w) = bits.fields();
    let u = u32::from(!signed);
    fill(&rows::EXTRACT_W, &[(b'u', u), (b'n', rn.field()), (b'i', i), (b'd', rd.field()), (b'w', w)])
}

/// `bfi rd, rn, #lsb, #width`, or `bfc rd, #lsb, #width` without operand.
pub fn insert(rd: Gpr, rn: Option<Gpr>, bits: BitField) -> Code {
    let (i, w) = bits.fields();
    let fields = [(b'i', i), (b'd', rd.field()), (b'w', i + w)];
    match rn {
        Some(rn) => fill(&rows::INSERT_W, &[fields.as_slice(), &[(b'n', rn.field())]].concat()),
        None => fill(&rows::CLEAR_W, &fields),
    }
}

/// `uxtb rd, rm, ror #n` and its like.
pub fn extend(op: Extension, rd: Gpr, rm: Gpr, rotation: ByteRotation) -> Code {
    let fields = [(b'o', op as u32), (b'd', rd.field()), (b'r', rotation.field()), (b'm', rm.field())];
    fill(&rows::EXTEND_W, &fields)
}

/// `uxtab rd, rn, rm, ror #n` and its like: adds what is extended. Armv7E-M only.
pub fn extend_add(op: Extension, rd: Gpr, rn: Gpr, rm: Gpr, rotation: ByteRotation) -> Code {
    let fields =
        [(b'o', op as u32), (b'n', rn.field()), (b'd', rd.field()), (b'r', rotation.field()), (b'm', rm.field())];
    fill(&rows::EXTEND_ADD_W, &fields)
}

/// `ssat rd, #bits, rn, shift` or `usat`. The shift is `asr` if its first part says so, else `lsl`.
pub fn saturate(to: Saturation, rd: Gpr, rn: Gpr, shift: Option<(bool, ShiftAmount)>) -> Code {
    let (u, w) = to.fields();
    let (s, i) = shift.map_or((0, 0), |(asr, amount)| (u32::from(asr), amount.field()));
    let fields = [(b'u', u), (b's', s), (b'n', rn.field()), (b'i', i), (b'd', rd.field()), (b'w', w)];
    fill(&rows::SATURATE_W, &fields)
}
