//! Bit patterns: instructions written as the Arm manual prints them.
//!
//! A pattern is one or two halfwords, most significant bit first; `0` and `1` are fixed, a letter is a field whose
//! bits are taken from its value from the most significant occurrence down. Spaces separate groups for the reader.

use super::rows::Row;

/// An encoded instruction: one or two halfwords, in memory order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    halves: [u16; 2],
    wide: bool,
    row: &'static Row,
}

impl Code {
    /// Size in bytes, 2 or 4.
    pub fn bytes(self) -> u32 {
        if self.wide { 4 } else { 2 }
    }
    /// The encoding that was chosen.
    pub fn row(self) -> &'static Row {
        self.row
    }
    /// Appends the instruction: first halfword first, each little-endian.
    pub fn append_to(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.halves[0].to_le_bytes());
        if self.wide {
            out.extend_from_slice(&self.halves[1].to_le_bytes());
        }
    }
}

/// Fills the pattern of an encoding. Every letter of the pattern is among `fields` and every value fits its letter's
/// bits; operand types guarantee the second.
pub(super) fn fill(row: &'static Row, fields: &[(u8, u32)]) -> Code {
    let pattern = row.pattern();
    let mut left = [0u32; 26];
    for &(name, value) in fields {
        debug_assert!(pattern.contains(name as char), "{pattern}: no field {}", name as char);
        left[usize::from(name - b'a')] = value;
    }
    // The last bit first: each field gives its lowest bit and keeps those above.
    let (mut word, mut bits) = (0u32, 0u32);
    for &c in pattern.as_bytes().iter().rev() {
        let bit = match c {
            b' ' => continue,
            b'0' => 0,
            b'1' => 1,
            c => {
                let field = &mut left[usize::from(c - b'a')];
                let bit = *field & 1;
                *field >>= 1;
                bit
            }
        };
        word |= bit << bits;
        bits += 1;
    }
    debug_assert!(left == [0; 26], "{pattern}: a field of {fields:?} does not fit");
    debug_assert!(bits == 16 || bits == 32, "{pattern}");
    if bits == 16 {
        Code { halves: [word as u16, 0], wide: false, row }
    } else {
        Code { halves: [(word >> 16) as u16, word as u16], wide: true, row }
    }
}
