//! Inputs of functions, dense in what matters: boundary words, addresses in linear memory and its data, constants of the code.

use synth_validator::contract::PAGE_BYTES;

/// A pseudo-random sequence (SplitMix64, G. L. Steele and others).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence with this number.
    pub fn new(seed: u64, number: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random.draw();
        random
    }
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    /// A number less than `bound`, or 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() >> 8) as usize % bound.max(1)
    }
    /// One of a list that is not empty.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// What inputs of a function are made of.
#[derive(Clone, Debug)]
pub struct Material {
    /// Argument words.
    pub args: usize,
    /// Initial words of the globals; those that are fixed may not change.
    pub cells: Vec<u32>,
    /// Cells that no input changes: of immutable globals.
    pub fixed: Vec<bool>,
    /// Cells that are 0 or 1: of segments that may be dropped.
    pub flags: Vec<bool>,
    /// Sizes that linear memory may have, in bytes.
    pub sizes: (u32, u32),
    /// Ranges of initial data.
    pub data: Vec<(u32, u32)>,
    /// Constants of the function.
    pub hints: Vec<u32>,
    /// Whether the initial contents of linear memory are at hand.
    pub has_image: bool,
}

/// An input: everything that a function can see at entry.
#[derive(Clone, Debug)]
pub struct Input {
    /// Argument words.
    pub args: Vec<u32>,
    /// Words of the globals.
    pub cells: Vec<u32>,
    /// Size of linear memory in bytes.
    pub memory_bytes: u32,
    /// Seed of linear memory's contents; absent for the initial ones.
    pub memory_seed: Option<u32>,
    /// Words written over these contents.
    pub words: Vec<(u32, u32)>,
    /// Seed of what the host answers.
    pub host_seed: u64,
}

const BOUNDARIES: [u32; 14] = [0, 1, 2, 3, 7, 8, 31, 32, 63, 64, u32::MAX, 1 << 31, i32::MAX as u32, 0x8000_0001];

impl Material {
    fn address(&self, random: &mut Random, size: u32) -> u32 {
        let near = match self.data.is_empty() || random.below(3) == 0 {
            true => random.below(size as usize) as u32,
            false => {
                let (start, end) = *random.pick(&self.data);
                start + random.below((end - start).max(1) as usize) as u32
            }
        };
        let mask = [0, 3, 3, 7, 15][random.below(5)];
        near & !mask
    }

    /// A word that may be a boundary, a constant of the code, an address, or anything.
    fn word(&self, random: &mut Random, size: u32) -> u32 {
        match random.below(20) {
            0..=3 => *random.pick(&BOUNDARIES),
            4 | 5 => random.below(40) as u32,
            6 => (random.below(40) as u32).wrapping_neg(),
            7 => (1u32 << random.below(32)).wrapping_sub(random.below(2) as u32),
            8..=10 if !self.hints.is_empty() => {
                random.pick(&self.hints).wrapping_add(random.below(3) as u32).wrapping_sub(1)
            }
            11 if size > 0 => size.wrapping_sub(random.below(20) as u32),
            12 if size > 0 && !self.hints.is_empty() => {
                size.wrapping_sub(*random.pick(&self.hints)).wrapping_sub(random.below(10) as u32)
            }
            13..=17 if size > 0 => self.address(random, size),
            _ => random.draw() as u32,
        }
    }

    /// The input with this number.
    pub fn input(&self, seed: u64, number: u64) -> Input {
        let mut random = Random::new(seed ^ 0x1a9_0f7, number);
        let (min, max) = self.sizes;
        let pages = ((max - min) / PAGE_BYTES) as usize;
        let grown = if random.below(3) == 0 { random.below(pages + 1) as u32 } else { 0 };
        let size = min + grown * PAGE_BYTES;
        let mut args: Vec<u32> = Vec::with_capacity(self.args);
        for i in 0..self.args {
            // Neighbours are often related: halves of a number, ends of a range, the same object.
            let word = match (number, random.below(12)) {
                (0, _) => 0,
                (_, 0) if i > 0 => args[i - 1],
                (_, 1) if i > 0 => args[i - 1].wrapping_add(random.below(9) as u32).wrapping_sub(4),
                (_, 2) if i > 0 => ((args[i - 1] as i32) >> 31) as u32,
                (_, 3) => 0,
                _ => self.word(&mut random, size),
            };
            args.push(word);
        }
        let keeps_cells = random.below(2) == 0;
        let cell = |(i, initial): (usize, &u32)| match (self.fixed[i], self.flags[i]) {
            (true, _) => *initial,
            (_, true) => random.below(2) as u32,
            _ if keeps_cells || random.below(2) == 0 => *initial,
            _ => self.word(&mut random, size),
        };
        let cells: Vec<u32> = self.cells.iter().enumerate().map(cell).collect();
        let is_image = self.has_image && random.below(3) > 0;
        let mut words = Vec::new();
        if let Some(last) = size.checked_sub(4) {
            for _ in 0..random.below(12) {
                let anchor = match random.below(3) {
                    0 => self.address(&mut random, size),
                    1 if !args.is_empty() => *random.pick(&args),
                    _ => cells.first().copied().unwrap_or(0),
                };
                let at = anchor.wrapping_add(4 * random.below(10) as u32);
                if at <= last {
                    words.push((at, self.word(&mut random, size)));
                }
            }
        }
        let memory_seed = (!is_image).then(|| random.draw() as u32);
        Input { args, cells, memory_bytes: size, memory_seed, words, host_seed: random.draw() }
    }
}
