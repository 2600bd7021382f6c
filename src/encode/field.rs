//! Encodings of bit fields and saturation.

use super::bits::{Code, fill};
use super::operand::{BitField, Gpr, Saturation, ShiftAmount};
use super::rows;

/// `ubfx rd, rn, #lsb, #width` or `sbfx`.
pub fn extract(signed: bool, rd: Gpr, rn: Gpr, bits: BitField) -> Code {
    let (i, w) = bits.fields();
    let u = u32::from(!signed);
    fill(&rows::EXTRACT_W, &[(b'u', u), (b'n', rn.field()), (b'i', i), (b'd', rd.field()), (b'w', w)])
}

/// `ssat rd, #bits, rn, shift` or `usat`. The shift is `asr` if its first part says so, else `lsl`.
pub fn saturate(to: Saturation, rd: Gpr, rn: Gpr, shift: Option<(bool, ShiftAmount)>) -> Code {
    let (u, w) = to.fields();
    let (s, i) = shift.map_or((0, 0), |(asr, amount)| (u32::from(asr), amount.field()));
    let fields = [(b'u', u), (b's', s), (b'n', rn.field()), (b'i', i), (b'd', rd.field()), (b'w', w)];
    fill(&rows::SATURATE_W, &fields)
}
