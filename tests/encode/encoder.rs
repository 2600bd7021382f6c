//! The encoder's cases against the disassemblers and the validator's decoder.

use super::cases::{Case, Cases};
use super::decoder::{decoded, validator_text};
use super::disassembler::{Probe, Reading, capstone, llvm};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use synth::encode::bits::Code;
use synth::encode::rows::{ROWS, Row};

/// Code with what it must read: what the encoder gave, or a fault planted in it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The encoding that the encoder chose.
    pub row: &'static Row,
    /// The halfword, or both with the first in the high half.
    pub code: u32,
    /// Texts outside of an IT block.
    pub outside: Vec<String>,
    /// Texts inside; none if it does not stand there.
    pub inside: Vec<String>,
}

/// Readings of an encoding.
pub struct Verdict {
    /// The instruction, by its mnemonic.
    pub instruction: String,
    /// Whether it was read inside of an IT block too.
    pub in_it: bool,
    /// Whether capstone, llvm-mc and the validator read what was to be encoded, each in all places.
    pub agree: [bool; 3],
    /// What differs.
    pub differences: Vec<String>,
}

/// Counts of a row's instruction.
#[derive(Default)]
pub struct Tally {
    /// Different encodings.
    pub cases: usize,
    /// Those read inside of an IT block too.
    pub in_it: usize,
    /// Those that capstone, llvm-mc and the validator read as they were meant.
    pub agree: [usize; 3],
}

/// The number of a row in the encoder's table.
pub fn row_number(row: &Row) -> usize {
    ROWS.iter().position(|r| *r == row).expect("the row is in the table")
}

/// The value of code: the halfword, or both with the first in the high half.
pub fn value(code: Code) -> u32 {
    let mut bytes = Vec::new();
    code.append_to(&mut bytes);
    bytes.chunks(2).fold(0, |v, half| v << 16 | u32::from(u16::from_le_bytes([half[0], half[1]])))
}

impl Subject {
    /// What the encoder gave.
    pub fn new(case: &Case) -> Subject {
        let Case { code, outside, inside } = case.clone();
        Subject { row: code.row(), code: value(code), outside, inside }
    }
    fn wide(&self) -> bool {
        self.row.pattern().bytes().filter(|b| *b != b' ').count() == 32
    }
    fn probe(&self, in_it: bool) -> Probe {
        Probe { code: self.code, wide: self.wide(), in_it }
    }
    /// The instruction's name in the table; conditions are not told apart.
    fn instruction(&self, reading: &Reading) -> String {
        if self.row.syntax().starts_with("b<c>") {
            return "b<c>".to_string();
        }
        let text = reading.as_ref().ok().filter(|t| self.outside.contains(t)).unwrap_or(&self.outside[0]);
        text.split(' ').next().unwrap_or("").to_string()
    }
}

/// Reads subjects; one verdict for each.
pub fn compare(subjects: &[Subject]) -> Vec<Verdict> {
    let mut probes: Vec<Probe> = subjects.iter().map(|s| s.probe(false)).collect();
    probes.extend(subjects.iter().filter(|s| !s.inside.is_empty()).map(|s| s.probe(true)));
    probes.sort_unstable();
    probes.dedup();
    let readings: BTreeMap<Probe, [Reading; 2]> = {
        let both = capstone(&probes).into_iter().zip(llvm(&probes)).map(|(a, b)| [a, b]);
        probes.iter().copied().zip(both).collect()
    };
    let verdict = |subject: &Subject| {
        let places = [(false, &subject.outside), (true, &subject.inside)];
        let (mut agree, mut differences) = ([true; 3], Vec::new());
        for (in_it, texts) in places.into_iter().filter(|(_, texts)| !texts.is_empty()) {
            let probe = subject.probe(in_it);
            let [a, b] = &readings[&probe];
            let own = decoded(probe.code, probe.wide, in_it).map(|op| validator_text(&op)).ok_or("not decoded");
            for (n, (who, reading)) in [("capstone", a), ("llvm-mc", b), ("validator", &own)].into_iter().enumerate() {
                if !reading.as_ref().is_ok_and(|text| texts.contains(text)) {
                    agree[n] = false;
                    differences.push(format!("{:#x}: {who} reads {reading:?}, not one of {texts:?}", probe.code));
                }
            }
            if a != b {
                differences.push(format!("{:#x}: capstone reads {a:?}, llvm-mc {b:?}", probe.code));
            }
        }
        let instruction = subject.instruction(&readings[&subject.probe(false)][0]);
        Verdict { instruction, in_it: !subject.inside.is_empty(), agree, differences }
    };
    subjects.iter().map(verdict).collect()
}

/// Counts different encodings by row number and instruction. An encoding counts as read well if it was in every case.
pub fn tally(subjects: &[Subject], verdicts: &[Verdict]) -> BTreeMap<(usize, String), Tally> {
    let mut encodings: BTreeMap<(usize, String, u32), (bool, [bool; 3])> = BTreeMap::new();
    for (subject, verdict) in subjects.iter().zip(verdicts) {
        let key = (row_number(subject.row), verdict.instruction.clone(), subject.code);
        let (in_it, agree) = encodings.entry(key).or_insert((false, [true; 3]));
        *in_it |= verdict.in_it;
        agree.iter_mut().zip(verdict.agree).for_each(|(all, one)| *all &= one);
    }
    let mut tallies: BTreeMap<(usize, String), Tally> = BTreeMap::new();
    for ((row, instruction, _), (in_it, agree)) in encodings {
        let tally = tallies.entry((row, instruction)).or_default();
        tally.cases += 1;
        tally.in_it += usize::from(in_it);
        tally.agree.iter_mut().zip(agree).for_each(|(n, one)| *n += usize::from(one));
    }
    tallies
}

/// All cases of the encoder.
pub static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| Cases::new().all.iter().map(Subject::new).collect());

/// Legal operand combinations of an instruction of a row, where they are fewer than 1,000.
pub fn combinations(row: &Row, instruction: &str) -> Option<usize> {
    // Registers: 8 low ones, 14 in all. An encoding with high registers leaves pairs of low ones to a shorter one.
    let (low, any) = (8, 14);
    let high_pairs = any * any - low * low;
    Some(match row.encoding() {
        "ADD (immediate) T1" | "SUB (immediate) T1" => low * low * 8,
        "ADD (register) T1" | "SUB (register) T1" | "T1 of A5.2.4" => low * low * low,
        "RSB (immediate) T1" | "TST (register) T1" | "CMP (register) T1" | "MVN (register) T1" => low * low,
        "MUL T1" | "T1 of A5.2.2" | "extend T1" | "REV, REV16 T1" => low * low,
        "ADD (register) T2" | "MOV (register) T1" | "CLZ T1" => any * any,
        "CMP (register) T2" => high_pairs,
        "extend T2" => any * any * 4,
        "REV, REV16 T2, RBIT T1" if instruction == "rbit" => any * any,
        "REV, REV16 T2, RBIT T1" => high_pairs,
        "ADD (SP plus register) T1" | "ADD, SUB (SP, reg) T3, T1" => any,
        "BX T1" | "BLX (register) T1" | "TBH T1" => any,
        // Some of eight registers and lr or pc, at least one.
        "PUSH T1" | "POP T1" => (1 << 9) - 1,
        "ADD, SUB (SP, imm) T2, T1" => 128,
        "CBNZ, CBZ T1" => low * 64,
        "IT T1" => 10,
        "UDF T1" => 240,
        "NOP T1" => 1,
        _ => return None,
    })
}
