//! Random numbers, dense at the edges of words, bytes, halfwords and shift amounts.

use synth_validator::concrete::mix;

/// Words at edges. Source: the flags of DDI 0403E, A2.2.1, change there.
const EDGES: [u32; 22] = [
    0,
    1,
    2,
    31,
    32,
    33,
    63,
    64,
    127,
    128,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x0001_0000,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_8000,
    0xffff_fffe,
    0xffff_ffff,
];

/// Amounts of shifts by register: the low byte counts, 32 and up shift everything out.
const AMOUNTS: [u32; 14] = [0, 1, 2, 31, 32, 33, 63, 64, 128, 255, 256, 0x101, 0x120, 0xffff_ff1f];

/// A sequence of numbers that its seed decides.
#[derive(Clone, Debug)]
pub struct Random(u32);

impl Random {
    /// A sequence.
    pub fn new(seed: u32) -> Self {
        Random(mix(seed ^ 0x5bd1_e995))
    }
    /// The next word, all values alike.
    pub fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        mix(self.0)
    }
    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(end)) >> 32) as u32
    }
    /// True once in `n` times.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
    /// One of several.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }
    /// A word: an edge, a small number, a word with one run of ones, or any.
    pub fn value(&mut self) -> u32 {
        match self.below(8) {
            0..=3 => self.pick(&EDGES),
            4 => {
                let width = self.below(32);
                (u32::MAX >> width).rotate_left(self.below(32))
            }
            _ => self.word(),
        }
    }
    /// A shift amount in a register.
    pub fn amount(&mut self) -> u32 {
        match self.below(8) {
            0..=4 => self.pick(&AMOUNTS),
            5 | 6 => self.below(40),
            _ => self.word(),
        }
    }
}
