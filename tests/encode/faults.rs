//! Faults planted in encoded instructions: each is reported by the same comparison.

use super::decoder::RowReading;
use super::disassembler::{Probe, UNDEFINED};
use super::encoder::{SUBJECTS, Subject, compare};
use synth::encode::rows::{ROWS, Row};

/// Cases of each row that are spoilt.
const CASES: usize = 5;

/// Cases of a row that ask for one text, if there are such: they tell most faults.
fn subjects(row: &Row) -> Vec<Subject> {
    let mut of_row: Vec<Subject> = SUBJECTS.iter().filter(|s| s.row == row).cloned().collect();
    let strict = of_row.iter().any(|s| s.outside.len() == 1);
    of_row.retain(|s| !strict || s.outside.len() == 1);
    let step = (of_row.len() / CASES).max(1);
    of_row.into_iter().skip(step / 2).step_by(step).take(CASES).collect()
}

/// The pattern's letters and digits, most significant bit first.
fn bits(row: &Row) -> Vec<u8> {
    row.pattern().bytes().filter(|b| *b != b' ').collect()
}

/// The encoding with the bits of two letters of equally many bits exchanged.
fn exchanged(subject: &Subject, first: u8, second: u8) -> Subject {
    let pattern = bits(subject.row);
    let last = pattern.len() - 1;
    let places = |letter| pattern.iter().enumerate().filter(move |(_, b)| **b == letter).map(move |(i, _)| last - i);
    let code = places(first).zip(places(second)).fold(subject.code, |code, (a, b)| {
        let differ = (code >> a ^ code >> b) & 1;
        code ^ (differ << a | differ << b)
    });
    Subject { code, ..subject.clone() }
}

/// The subjects that pass although they were spoilt.
fn unreported(spoilt: &[Subject]) -> Vec<&Subject> {
    let verdicts = compare(spoilt);
    spoilt.iter().zip(&verdicts).filter(|(_, v)| v.differences.is_empty()).map(|(s, _)| s).collect()
}

#[test]
fn exchanged_fields_are_reported() {
    let (mut spoilt, mut rows) = (Vec::new(), 0);
    for row in ROWS {
        let mut letters: Vec<u8> = bits(row).into_iter().filter(u8::is_ascii_alphabetic).collect();
        letters.sort_unstable();
        letters.dedup();
        let before = spoilt.len();
        for (n, &a) in letters.iter().enumerate() {
            for &b in &letters[n + 1..] {
                let of_row = subjects(row);
                let changed = |s: &Subject| Some(exchanged(s, a, b)).filter(|new| new.code != s.code);
                spoilt.extend(of_row.iter().filter_map(changed));
            }
        }
        rows += usize::from(spoilt.len() > before);
    }
    // The other rows have one field.
    assert!(spoilt.len() > 900 && rows > 50, "{} faults in {rows} rows", spoilt.len());
    assert!(unreported(&spoilt).is_empty(), "{:#?}", unreported(&spoilt));
}

#[test]
fn wrong_bits_are_reported() {
    let mut spoilt = Vec::new();
    for row in ROWS {
        for subject in subjects(row) {
            spoilt.extend((0..bits(row).len()).map(|bit| Subject { code: subject.code ^ 1 << bit, ..subject.clone() }));
        }
    }
    assert!(spoilt.len() > 7000, "{} faults", spoilt.len());
    assert!(unreported(&spoilt).is_empty(), "{:#?}", unreported(&spoilt));
}

#[test]
fn a_decoder_that_stands_alone_is_reported() {
    let faults = |code, capstone: &str, llvm: Result<&str, &'static str>| {
        let mut row = RowReading::default();
        let probe = Probe { code, wide: true, in_it: false };
        row.add(probe, &Ok(capstone.to_string()), &llvm.map(str::to_string));
        row.faults.len()
    };
    let (text, other) = ("umull r1, r2, r3, r4", "umull r2, r1, r3, r4");
    assert_eq!(faults(0xfba3_1204, text, Ok(text)), 0);
    assert_eq!(faults(0xfba3_1204, other, Ok(text)), 1);
    assert_eq!(faults(0xfba3_1204, text, Ok(other)), 1);
    assert_eq!(faults(0xfba3_1204, text, Err(UNDEFINED)), 1);
    assert_eq!(faults(0xfba3_1204, other, Ok(other)), 1);
}
