//! The encoder and the validator's decoder against two foreign disassemblers.
//!
//! Encoder: every row over its operands reads as the text that the operands ask for, by capstone, by llvm-mc and by
//! the validator's decoder, outside and inside of IT blocks. Decoder: what the validator accepts, both disassemblers
//! read alike; where they differ the validator refuses. `docs/conformance/encoder.md` has the counts.

mod cases;
mod decoder;
mod disassembler;
mod encoder;
mod faults;
#[path = "../../validator/tests/generated/mod.rs"]
mod generated;
mod operands;
mod sample;
mod text;

use decoder::{Difference, RowReading};
use encoder::{SUBJECTS, combinations, compare, tally};
use std::fmt::Write;
use synth::encode::rows::ROWS;
use synth_validator::arm::decode::{FunctionBytes, decode};

/// A row's instruction is read so often, or over all its operands if they are fewer.
const CASES_MIN: usize = 1000;

/// Covers TOR-ARM-DECODE.
#[test]
fn table() {
    let mut body = String::new();
    encoder_table(&mut body);
    decoder_table(&mut body);
    generated::table("encoder", "Encodings against foreign disassemblers", &body);
}

/// Every row of the encoder is read as it was meant.
fn encoder_table(body: &mut String) {
    let subjects = &*SUBJECTS;
    let verdicts = compare(subjects);
    let found: Vec<&String> = verdicts.iter().flat_map(|v| &v.differences).take(20).collect();
    assert!(found.is_empty(), "{found:#?}");
    let tallies = tally(subjects, &verdicts);
    let cases: usize = tallies.values().map(|t| t.cases).sum();
    let in_it: usize = tallies.values().map(|t| t.in_it).sum();
    writeln!(
        body,
        "The encoder has {} rows. {cases} encodings were read by capstone 5, llvm-mc 19 and the validator's decoder, \
         {in_it} of them inside of an IT block too, and compared with the text that their operands ask for. An \
         instruction has at least {CASES_MIN} cases, or all its operand combinations (*all*). Illegal operands are \
         kept out by their types; `tests/encode/operands.rs` tries the values around every bound.\n\n\
         | encoding | bits | instruction | cases | in IT | capstone agrees | llvm-mc agrees | validator agrees | \
         differences |\n|---|---|---|---|---|---|---|---|---|",
        ROWS.len()
    )
    .expect("writes");
    for (number, row) in ROWS.iter().enumerate() {
        let instructions: Vec<_> = tallies.iter().filter(|((n, _), _)| *n == number).collect();
        assert!(!instructions.is_empty(), "no case reaches {row:?}");
        for ((_, instruction), t) in instructions {
            let all = combinations(row, instruction) == Some(t.cases);
            assert!(all || t.cases >= CASES_MIN, "{} cases of {instruction}, {row:?}", t.cases);
            let differences: usize = t.agree.iter().map(|n| t.cases - n).sum();
            writeln!(
                body,
                "| {} | `{}` | {} | {}{} | {} | {} | {} | {} | {differences} |",
                row.encoding(),
                row.pattern(),
                instruction.replace('|', "\\|"),
                t.cases,
                if all { ", all" } else { "" },
                t.in_it,
                t.agree[0],
                t.agree[1],
                t.agree[2]
            )
            .expect("writes");
        }
    }
}

/// What the validator accepts is read alike; where the disassemblers differ it refuses.
fn decoder_table(body: &mut String) {
    let rows: Vec<(bool, RowReading)> = [false, true]
        .into_iter()
        .flat_map(|wide| decoder::readings(wide).into_iter().map(move |r| (wide, r)))
        .collect();
    let faults: Vec<&String> = rows.iter().flat_map(|(_, r)| &r.faults).take(20).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let sum = |of: fn(&RowReading) -> usize| rows.iter().map(|(_, r)| of(r)).sum::<usize>();
    writeln!(
        body,
        "\n## Decoder\n\nThe validator's table has {} rows. All halfwords and a sample of each 32-bit row were read: \
         of \
         {} accepted encodings, and of {} inside of IT blocks, all are read alike by capstone, llvm-mc and the \
         validator. {} encodings match a row and are refused.\n\n| bits | accepted | accepted in IT | refused | \
         differences among accepted |\n|---|---|---|---|---|",
        rows.len(),
        sum(|r| r.accepted),
        sum(|r| r.accepted_in_it),
        sum(|r| r.refused)
    )
    .expect("writes");
    for (_, r) in &rows {
        let differences = r.faults.len();
        writeln!(body, "| `{}` | {} | {} | {} | {differences} |", r.pattern, r.accepted, r.accepted_in_it, r.refused)
            .expect("writes");
    }
    body.push_str(
        "\n## Where the disassemblers differ\n\nEach kind of difference among the encodings that match a row of the \
         validator's table, with the first example. *Undefined* is llvm-mc's warning of a potentially undefined \
         encoding.\n\n| bits | difference | encodings | first | readings | validator |\n|---|---|---|---|---|---|\n",
    );
    assert!(!function_is_refused(0xbf00, false), "a function that begins with `nop` is refused");
    for (wide, r) in &rows {
        for (kind, (count, code, readings)) in &r.differences {
            let kind = match kind {
                Difference::LlvmUndefined => "undefined for llvm-mc",
                Difference::LlvmNone => "no instruction for llvm-mc",
                Difference::CapstoneNone => "no instruction for capstone",
                Difference::Text => "different instructions",
            };
            assert!(function_is_refused(*code, *wide), "{code:#x} is decoded");
            writeln!(body, "| `{}` | {kind} | {count} | `{code:#x}` | {readings} | refused |", r.pattern)
                .expect("writes");
        }
    }
}

/// Whether the validator refuses a function that begins with the instruction.
fn function_is_refused(code: u32, wide: bool) -> bool {
    let halves = if wide { vec![(code >> 16) as u16, code as u16] } else { vec![code as u16] };
    let mut bytes: Vec<u8> = halves.iter().flat_map(|h| h.to_le_bytes()).collect();
    // What follows returns: `bx lr`.
    bytes.extend([0x70, 0x47]);
    bytes.resize(4096, 0);
    let refusal = decode(&FunctionBytes { bytes, ..FunctionBytes::default() }).err();
    refusal.is_some_and(|why| why.0.starts_with("offset 0x0:"))
}
