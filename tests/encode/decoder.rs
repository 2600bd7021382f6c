//! The validator's table of encodings against the foreign disassemblers.

use super::disassembler::{Probe, Reading, UNDEFINED, capstone, llvm};
use super::sample::{Sequence, combinations};
use super::text::{Voice, canonical};
use std::collections::{BTreeMap, BTreeSet};
use synth_validator::arm::encoding;
use synth_validator::arm::insn::{Alu, Cond, Op, Reg, Shift, Source, render};

/// So many accepted encodings of a 32-bit row are read, if it has them.
const ACCEPTED_MIN: usize = 2048;
/// Random encodings drawn per row in search of accepted ones.
const DRAWS_MAX: usize = 1 << 17;

/// How two disassemblers differ on an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// capstone reads an instruction that llvm-mc calls undefined.
    LlvmUndefined,
    /// capstone reads an instruction, llvm-mc none.
    LlvmNone,
    /// llvm-mc reads an instruction, capstone none.
    CapstoneNone,
    /// They read different instructions.
    Text,
}

/// A row of the validator's table and what was read of it.
#[derive(Default)]
pub struct RowReading {
    /// Its pattern.
    pub pattern: &'static str,
    /// Encodings that the validator accepts outside of IT blocks.
    pub accepted: usize,
    /// Encodings that it accepts inside.
    pub accepted_in_it: usize,
    /// Where it accepts and three readings are not one.
    pub faults: Vec<String>,
    /// Encodings that the validator refuses.
    pub refused: usize,
    /// Of those: how often the disassemblers differ with each other, and the first example.
    pub differences: BTreeMap<Difference, (usize, u32, String)>,
}

/// The encodings of a 32-bit row: boundary-dense, and random ones until enough are accepted.
fn wide_codes(number: usize, pattern: &str) -> BTreeSet<u32> {
    let bits: Vec<u8> = pattern.bytes().filter(|b| *b != b' ').map(|b| b.to_ascii_lowercase()).collect();
    let mut letters: Vec<u8> = bits.iter().copied().filter(u8::is_ascii_alphabetic).collect();
    letters.sort_unstable();
    letters.dedup();
    let width = |letter: &u8| bits.iter().filter(|b| *b == letter).count();
    let counts: Vec<u32> = letters.iter().map(|l| 1 << width(l)).collect();
    let compose = |values: &[u32]| {
        let mut left: Vec<usize> = letters.iter().map(width).collect();
        bits.iter().fold(0u32, |code, bit| {
            let digit = match letters.iter().position(|l| l == bit) {
                None => u32::from(*bit == b'1'),
                Some(n) => {
                    left[n] -= 1;
                    values[n] >> left[n] & 1
                }
            };
            code << 1 | digit
        })
    };
    // A code belongs to the first row that it matches.
    let own = |code: &u32| encoding::row_of(*code, true) == Some(number);
    let mut codes: BTreeSet<u32> =
        combinations(number as u32, &counts).iter().map(|v| compose(v)).filter(own).collect();
    let accepted = |codes: &BTreeSet<u32>| codes.iter().filter(|c| decoded(**c, true, false).is_some()).count();
    let mut found = accepted(&codes);
    let mut sequence = Sequence::new(number as u32);
    for _ in 0..DRAWS_MAX {
        if found >= ACCEPTED_MIN {
            break;
        }
        let values: Vec<u32> = counts.iter().map(|c| sequence.dense_below(*c)).collect();
        let code = compose(&values);
        if own(&code) && codes.insert(code) {
            found += usize::from(decoded(code, true, false).is_some());
        }
    }
    codes
}

/// The validator's reading.
pub fn decoded(code: u32, wide: bool, in_it: bool) -> Option<Op> {
    encoding::decode(code, wide, 0, in_it)
}

/// The validator's text. It writes `add rd, sp, rd` in the order of other sums.
pub fn validator_text(op: &Op) -> String {
    let text = canonical(&render(op), Voice::Address(0), None).unwrap_or_default();
    match *op {
        Op::Alu { op: Alu::Add, s: false, rd, rn, src: Source::Reg(Reg::SP, Shift::Lsl(0)) } if rd == rn => {
            format!("add r{0}, r13, r{0}", rd.0)
        }
        _ => text,
    }
}

/// Whether the instruction takes the condition of an IT block. `udf` takes none, a conditional branch has its own.
fn conditional_in_it(op: &Op) -> bool {
    !matches!(op, Op::Udf(_)) && !matches!(op, Op::B { cond, .. } if *cond != Cond::Al)
}

fn say(reading: &Reading) -> String {
    match reading {
        Ok(text) => format!("`{text}`"),
        Err(why) => why.to_string(),
    }
}

/// How two readings of the disassemblers differ.
fn difference(capstone: &Reading, llvm: &Reading) -> Option<Difference> {
    match (capstone, llvm) {
        (Ok(a), Ok(b)) => (a != b).then_some(Difference::Text),
        (Ok(_), Err(UNDEFINED)) => Some(Difference::LlvmUndefined),
        (Ok(_), Err(_)) => Some(Difference::LlvmNone),
        (Err(_), Ok(_)) => Some(Difference::CapstoneNone),
        (Err(_), Err(_)) => None,
    }
}

/// The encodings to read, with their rows: all halfwords, or those of the 32-bit rows.
fn codes(wide: bool) -> Vec<(usize, u32)> {
    if wide {
        let rows = encoding::patterns(true).enumerate();
        return rows.flat_map(|(row, pattern)| wide_codes(row, pattern).into_iter().map(move |c| (row, c))).collect();
    }
    // Source: DDI 0403E, A5.1: from 0xe800 on, a halfword is the first of two.
    (0..0xe800).filter_map(|c| Some((encoding::row_of(c, false)?, c))).collect()
}

/// Reads all halfwords, or the encodings of all 32-bit rows, by the validator and the disassemblers.
pub fn readings(wide: bool) -> Vec<RowReading> {
    let mut rows: Vec<RowReading> =
        encoding::patterns(wide).map(|pattern| RowReading { pattern, ..RowReading::default() }).collect();
    let codes = codes(wide);
    for in_it in [false, true] {
        // What the validator refuses need not be read twice.
        let taken = |code: u32| decoded(code, wide, true).is_some_and(|op| conditional_in_it(&op));
        let codes: Vec<(usize, u32)> = codes.iter().copied().filter(|(_, c)| !in_it || taken(*c)).collect();
        let probes: Vec<Probe> = codes.iter().map(|(_, code)| Probe { code: *code, wide, in_it }).collect();
        for (((number, code), a), b) in codes.iter().zip(capstone(&probes)).zip(llvm(&probes)) {
            rows[*number].add(Probe { code: *code, wide, in_it }, &a, &b);
        }
    }
    rows
}

impl RowReading {
    /// Enters what two disassemblers read of an encoding of the row.
    pub fn add(&mut self, probe: Probe, capstone: &Reading, llvm: &Reading) {
        let Probe { code, wide, in_it } = probe;
        let text = format!("capstone: {}; llvm-mc: {}", say(capstone), say(llvm));
        if let Some(op) = decoded(code, wide, in_it) {
            *(if in_it { &mut self.accepted_in_it } else { &mut self.accepted }) += 1;
            let own = validator_text(&op);
            if capstone.as_ref() != Ok(&own) || llvm.as_ref() != Ok(&own) {
                self.faults.push(format!("{code:#x}: {text}; validator: `{own}`"));
            }
            return;
        }
        self.refused += 1;
        if let Some(kind) = difference(capstone, llvm) {
            // Inside of an IT block it must not be taken either.
            if decoded(code, wide, true).is_some() {
                self.faults.push(format!("{code:#x}: {text}; the validator takes it in an IT block"));
            }
            self.differences.entry(kind).or_insert((0, code, text)).0 += 1;
        }
    }
}
