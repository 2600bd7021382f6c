//! Every encoding that the decoder accepts: all 16-bit ones, and of the 32-bit ones as many as are asked for, row by row.

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::HashSet;
use synth_validator::arm::encoding;
use synth_validator::arm::insn::Op;
use synth_validator::concrete::mix;

/// An encoding: the halfword, or both with the first in the high half.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    pub code: u32,
    pub wide: bool,
    /// Number of its row in [`encoding::patterns`].
    pub row: usize,
    /// Its operation at [`AT`], outside an IT block.
    pub op: Op,
}

/// Offset of the instruction from the start of its function.
pub const AT: u32 = 0x10000;

impl Encoding {
    fn new(code: u32, wide: bool) -> Option<Encoding> {
        let row = encoding::row_of(code, wide)?;
        Some(Encoding { code, wide, row, op: encoding::decode(code, wide, AT, false)? })
    }
    /// Bytes: 2 or 4.
    pub fn size(&self) -> u8 {
        if self.wide { 4 } else { 2 }
    }
    pub fn bytes(&self) -> Vec<u8> {
        let halves = if self.wide { vec![self.code >> 16, self.code] } else { vec![self.code] };
        halves.iter().flat_map(|h| (*h as u16).to_le_bytes()).collect()
    }
    /// Its operation in an IT block, where 16-bit instructions write no flags.
    pub fn op_in_it(&self) -> Option<Op> {
        encoding::decode(self.code, self.wide, AT, true)
    }
}

/// All 16-bit encodings that the decoder accepts. Source of the bound: DDI 0403E, A5.1.
pub fn narrow() -> impl Iterator<Item = Encoding> {
    (0..0xe800).filter_map(|code| Encoding::new(code, false))
}

/// Encodings of each 32-bit row with pseudo-random fields: `count` per row that the decoder accepts, unless
/// `50 * count` tries did not give them. None comes twice.
pub fn wide(count: usize) -> impl Iterator<Item = Encoding> {
    encoding::patterns(true).enumerate().flat_map(move |(row, pattern)| {
        let bits: Vec<u8> = pattern.bytes().filter(|b| *b != b' ').collect();
        let tries = (0..50 * count as u32).filter_map(move |i| {
            let fields = mix(mix(i) ^ mix(row as u32 + 1));
            // Some have the immediate 0, at which shifts and displacements mean something else, or rd or rn = pc, by which
            // the manual tells instructions apart.
            let (zero, pc) = (i % 4 == 3, [b'd', b'n', 0, 0][i as usize / 4 % 4]);
            let digit = |(k, b): (usize, &u8)| match b {
                b'0' | b'1' => u32::from(b - b'0'),
                b'i' if zero => 0,
                b if *b == pc => 1,
                _ => fields >> (31 - k) & 1,
            };
            let code = bits.iter().enumerate().fold(0, |code, at| code << 1 | digit(at));
            Encoding::new(code, true).filter(|e| e.row == row)
        });
        let mut seen = HashSet::new();
        tries.filter(move |e| seen.insert(e.code)).take(count)
    })
}
