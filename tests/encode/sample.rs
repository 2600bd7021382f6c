//! Operand combinations: all of them, or a sample that is dense at the boundaries.

use synth_validator::concrete::mix;

/// Up to this many combinations all are taken.
const ALL_MAX: u64 = 6144;
/// At least so many combinations are taken otherwise.
const SAMPLE_MIN: usize = 2048;
/// Operands with no more values than this take each of them.
const VALUES_MAX: u32 = 4200;

/// A pseudo-random sequence with a fixed seed.
pub struct Sequence(u32);

impl Sequence {
    /// The sequence of a seed.
    pub fn new(seed: u32) -> Sequence {
        Sequence(mix(seed ^ 0x5eed))
    }
    /// A number below `count`.
    pub fn below(&mut self, count: u32) -> u32 {
        self.0 = mix(self.0.wrapping_add(0x9e37_79b9));
        ((u64::from(self.0) * u64::from(count)) >> 32) as u32
    }
    /// A number below `count`, every other time one at a boundary.
    pub fn dense_below(&mut self, count: u32) -> u32 {
        if self.below(2) == 0 {
            return self.below(count);
        }
        let edges = edges(count);
        edges[self.below(edges.len() as u32) as usize]
    }
}

/// Values below `count` at which encodings change: the ends, and powers of two with their neighbours.
fn edges(count: u32) -> Vec<u32> {
    let near = |v: u32| [v.wrapping_sub(1), v, v.wrapping_add(1)];
    let powers = (0..32).flat_map(|bit| near(1 << bit)).chain(near(0)).chain(near(count - 1)).chain(near(count / 2));
    let mut all: Vec<u32> = powers.filter(|v| *v < count).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Combinations of operands with so many values each: all, or every value of every operand and more than 2,000 in all.
pub fn combinations(seed: u32, counts: &[u32]) -> Vec<Vec<u32>> {
    let product = counts.iter().map(|c| u64::from(*c)).product::<u64>();
    if product <= ALL_MAX {
        return (0..product as u32).map(|n| digits(n, counts)).collect();
    }
    let mut sequence = Sequence::new(seed);
    let mut out = Vec::new();
    let mut draw = || counts.iter().map(|c| sequence.dense_below(*c)).collect::<Vec<_>>();
    for (position, &count) in counts.iter().enumerate() {
        let values = if count <= VALUES_MAX { (0..count).collect() } else { edges(count) };
        for value in values {
            let mut tuple = draw();
            tuple[position] = value;
            out.push(tuple);
        }
    }
    while out.len() < SAMPLE_MIN {
        out.push(draw());
    }
    out
}

/// The digits of `n` in the mixed base `counts`.
fn digits(mut n: u32, counts: &[u32]) -> Vec<u32> {
    let digit = |count: &u32| {
        let d = n % count;
        n /= count;
        d
    };
    counts.iter().map(digit).collect()
}
