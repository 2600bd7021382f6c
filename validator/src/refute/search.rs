//! The search for a difference: starts dense in boundary cases, the same for the same seed.

use super::{Comparison, Difference, Setting, Start, compare};
use crate::concrete::{Concrete, mix};
use crate::contract::PAGE_BYTES;
use crate::program::Program;

/// Comparisons that may be spent on making a counterexample smaller.
const SHRINKING: u32 = 64;

/// How hard to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Starts that are to agree; at most twice as many are tried.
    pub starts: u32,
    /// Seed of the starts.
    pub seed: u32,
    /// Steps of the left side from each start.
    pub fuel: u64,
}

impl Plan {
    /// The quick pass before every proof.
    pub const QUICK: Plan = Plan { starts: 24, seed: 1, fuel: 3_000 };
    /// For what a proof could not decide.
    pub const THOROUGH: Plan = Plan { starts: 400, seed: 2, fuel: 30_000 };
}

/// What a search came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The first difference, made smaller.
    pub difference: Option<Box<Difference>>,
    /// Starts on which both sides agreed.
    pub agreed: u32,
    /// Starts that showed nothing.
    pub inconclusive: u32,
    /// Why the first of them did not.
    pub reason: Option<String>,
}

/// A pseudo-random sequence.
#[derive(Clone, Debug)]
pub struct Random(
    /// State.
    pub u32,
);

impl Random {
    /// The next word.
    pub fn draw(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        mix(self.0)
    }
    /// A word less than `bound`, or 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.draw() % bound.max(1)
    }
    /// A word that is likely to matter where linear memory has `memory_bytes` bytes.
    pub fn word(&mut self, memory_bytes: u32, hints: &[u32]) -> u32 {
        match self.below(26) {
            0 => 0,
            1 => 1,
            2 => 2,
            3 => u32::MAX,
            4 => 1 << 31,
            5 => i32::MAX as u32,
            6 => self.below(70),
            7 => 31 + self.below(3) + 32 * self.below(2), // Shift counts.
            8 => self.below(70).wrapping_neg(),
            9 => (1u32 << self.below(32)).wrapping_add(self.below(3)).wrapping_sub(1),
            10 | 11 if memory_bytes != 0 => self.below(memory_bytes) & !3,
            12 if memory_bytes != 0 => self.below(memory_bytes),
            13 if memory_bytes != 0 => self.below(memory_bytes.min(4096)) & !3,
            14 | 15 if memory_bytes != 0 => memory_bytes.wrapping_sub(self.below(16)),
            16 if memory_bytes != 0 => memory_bytes.wrapping_sub(self.below(1024)),
            17 if memory_bytes != 0 => memory_bytes.wrapping_add(self.below(256)),
            18 | 19 => self.below(12),
            20..=22 if !hints.is_empty() => {
                let hint = hints[self.below(hints.len() as u32) as usize];
                hint.wrapping_add(self.below(3)).wrapping_sub(1)
            }
            23 if !hints.is_empty() => {
                // A hint may be the offset of an access.
                let hint = hints[self.below(hints.len() as u32) as usize];
                memory_bytes.wrapping_sub(hint).wrapping_sub(self.below(9))
            }
            _ => self.draw(),
        }
    }
}

/// Distances from the end of linear memory that accesses of 1, 2, 4 and 8 bytes make matter.
const ENDS: [u32; 6] = [4, 8, 1, 2, 16, 5];

/// The start with this number.
pub fn start(setting: &Setting, number: u32, seed: u32) -> Start {
    let mut random = Random(mix(seed ^ number.wrapping_mul(0x85eb_ca6b)));
    let shape = &setting.shape;
    let pages = (shape.memory_bytes_max.saturating_sub(shape.memory_bytes_min)) / PAGE_BYTES;
    let grown = match random.below(4) {
        0 => pages,
        1 => random.below(pages.saturating_add(1)),
        2 => pages.min(1),
        _ => 0,
    };
    let memory_bytes = shape.memory_bytes.unwrap_or(shape.memory_bytes_min + grown * PAGE_BYTES);
    let mut args: Vec<u32> = Vec::with_capacity(shape.args as usize);
    for i in 0..shape.args as usize {
        // Related words: halves of 64-bit values, overlapping ranges, equal operands.
        let word = match (number, random.below(10), i.checked_sub(1).map(|p| args[p])) {
            (0, ..) => 0,
            (1, ..) => 1,
            (2, ..) => u32::MAX,
            (_, 0, Some(previous)) => previous,
            (_, 1, Some(previous)) => previous.wrapping_add(random.below(8)).wrapping_sub(4),
            (_, 2, Some(previous)) => ((previous as i32) >> 31) as u32,
            _ => random.word(memory_bytes, &setting.hints),
        };
        args.push(word);
    }
    let end = number.checked_sub(3).and_then(|n| ENDS.get(n as usize));
    if let (Some(end), false) = (end, args.is_empty()) {
        let i = (number as usize - 3) % args.len();
        args[i] = memory_bytes.wrapping_sub(*end);
    }
    let mut cells: Vec<u32> = (0..shape.cells)
        .map(|_| match random.below(3) {
            // Like a stack pointer: 16-aligned, with room below.
            0 | 1 if memory_bytes != 0 => random.below(memory_bytes) & !15,
            _ => random.word(memory_bytes, &setting.hints),
        })
        .collect();
    super::setting::fix_cells(&mut cells, setting);
    let (memory_seed, answers_seed) = (random.draw(), random.draw());
    Start { args, cells, memory_bytes, memory_seed, answers_seed, ..Start::default() }
}

/// Compares both sides from many starts and stops at the first difference.
pub fn search<L, R>(left: &L, right: &R, setting: &Setting, plan: &Plan) -> Found
where
    L: Program<Concrete>,
    R: Program<Concrete>,
{
    let mut found = Found::default();
    for number in 0..2 * plan.starts {
        if found.agreed == plan.starts {
            break;
        }
        match compare(left, right, &start(setting, number, plan.seed), setting, plan.fuel) {
            Comparison::Agree => found.agreed += 1,
            Comparison::Inconclusive(reason) => {
                found.inconclusive += 1;
                found.reason.get_or_insert(reason);
            }
            Comparison::Differ(difference) => {
                found.difference = Some(shrink(left, right, setting, plan.fuel, difference));
                return found;
            }
        }
    }
    found
}

/// Makes argument words and cells smaller as long as the difference stays one of the same kind.
fn shrink<L, R>(left: &L, right: &R, setting: &Setting, fuel: u64, mut best: Box<Difference>) -> Box<Difference>
where
    L: Program<Concrete>,
    R: Program<Concrete>,
{
    let args = best.start.args.len();
    let mut budget = SHRINKING;
    for i in 0..args + best.start.cells.len() {
        let word = |start: &Start| {
            if i < args { start.args[i] } else { start.cells[i - args] }
        };
        let old = word(&best.start);
        for smaller in [0, 1, old & 0xff, old & 0xffff] {
            if smaller >= word(&best.start) || budget == 0 {
                continue;
            }
            budget -= 1;
            let mut start = best.start.clone();
            match i < args {
                true => start.args[i] = smaller,
                false => start.cells[i - args] = smaller,
            }
            super::setting::fix_cells(&mut start.cells, setting);
            if let Comparison::Differ(difference) = compare(left, right, &start, setting, fuel)
                && difference.kind == best.kind
            {
                best = difference;
            }
        }
    }
    best
}
