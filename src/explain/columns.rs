//! Two executions side by side: at the left the module's operators, at the right what is to refine them, each with the words that it changed.

use super::Origins;
use std::collections::BTreeMap;
use std::fmt::Write;
use synth_validator::refute::{Moment, Recording};
use synth_validator::witness::Loc;

/// Rows that are shown at the beginning, and at the end, of an execution with more.
const ROWS_AT_BEGINNING: usize = 40;
const ROWS_AT_END: usize = 80;
/// Width of the left column.
const LEFT_COLUMNS: usize = 58;

/// A point and what it changed.
struct Row {
    /// Byte offset in the module, or in the function's machine code.
    offset: Option<u32>,
    text: String,
}

fn location(loc: Loc) -> String {
    match loc {
        Loc::WasmLocal(n) => format!("local{n}"),
        Loc::WasmStack(n) => format!("stack{n}"),
        Loc::Reg(14) => "lr".to_string(),
        Loc::Reg(n) => format!("r{n}"),
        other => format!("{other:?}"),
    }
}

/// The number behind `0x` in a place.
fn offset(place: &str) -> Option<u32> {
    let digits = place.split("0x").nth(1)?;
    let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
    u32::from_str_radix(&digits[..end], 16).ok()
}

/// Rows of an execution; the steps of one instruction are one row. `operators`: by byte offset in the module.
fn rows(recording: &Recording, operators: &BTreeMap<u32, String>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let moments = &recording.moments;
    let mut first = 0;
    while first < moments.len() {
        let at = offset(&moments[first].place);
        let same = |m: &Moment| at.is_some() && offset(&m.place) == at && m.place.contains("(step ");
        let next = first + 1 + moments[first + 1..].iter().take_while(|m| same(m)).count();
        let before = &moments[first].words;
        let changed = moments.get(next).map_or(Vec::new(), |m| changes(before, &m.words));
        let operator = at.and_then(|offset| Some(format!("{offset:#06x} {}", operators.get(&offset)?)));
        let place = operator.unwrap_or_else(|| moments[first].place.clone());
        rows.push(Row { offset: at, text: [vec![place], changed].concat().join("  ") });
        first = next;
    }
    rows.push(Row { offset: None, text: recording.end.to_string() });
    rows
}

fn changes(before: &[(Loc, u32)], after: &[(Loc, u32)]) -> Vec<String> {
    let is_new = |(loc, word): &&(Loc, u32)| !before.contains(&(*loc, *word));
    after.iter().filter(is_new).map(|(loc, word)| format!("{}={word:#x}", location(*loc))).collect()
}

/// Leaves out the middle of a long execution.
fn shortened(mut rows: Vec<Row>) -> Vec<Row> {
    if rows.len() > ROWS_AT_BEGINNING + ROWS_AT_END {
        let left_out = rows.len() - ROWS_AT_BEGINNING - ROWS_AT_END;
        let note = Row { offset: None, text: format!("… {left_out} more") };
        rows.splice(ROWS_AT_BEGINNING..ROWS_AT_BEGINNING + left_out, [note]);
    }
    rows
}

/// What both sides consist of.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    /// The module's operators by byte offset.
    pub left: BTreeMap<u32, String>,
    /// Those of a module at the right.
    pub right: BTreeMap<u32, String>,
    /// Where machine code at the right comes from.
    pub origins: Origins,
}

/// Both executions in two columns, a line for each row. Where the operator that an instruction comes from is known, the instruction stands
/// beside it or below.
pub fn side_by_side([left, right]: &[Recording; 2], titles: [&str; 2], sides: &Sides) -> String {
    let (left, right) = (shortened(rows(left, &sides.left)), shortened(rows(right, &sides.right)));
    let origins = &sides.origins;
    let mut text = format!("{:<LEFT_COLUMNS$}| {}\n", titles[0], titles[1]);
    let mut line = |left: &str, right: &str| {
        let _ = writeln!(text, "{}", format!("{left:<LEFT_COLUMNS$}| {right}").trim_end());
    };
    let mut done = 0;
    for (i, row) in right.iter().enumerate() {
        let is_last = i + 1 == right.len();
        let origin = row.offset.and_then(|o| origins.range(..=o).next_back()).map(|(_, origin)| *origin);
        let beside = match is_last {
            true => Some(left.len() - 1),
            false => (done..left.len() - 1).find(|l| left[*l].offset.is_some() && left[*l].offset == origin),
        };
        // Without origins, rows stand beside each other in order.
        let beside = beside.or((origins.is_empty() && done + 1 < left.len()).then_some(done));
        let Some(beside) = beside else {
            line("", &row.text);
            continue;
        };
        left[done..beside].iter().for_each(|l| line(&l.text, ""));
        line(&left[beside].text, &row.text);
        done = beside + 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use synth_validator::refute::End;

    fn recording(places: &[(&str, u32)], loc: Loc, end: u32) -> Recording {
        let moment = |(place, word): &(&str, u32)| Moment { place: (*place).to_string(), words: vec![(loc, *word)] };
        Recording { moments: places.iter().map(moment).collect(), end: End::Return(vec![end]) }
    }

    #[test]
    fn instructions_stand_beside_their_operators() {
        let left = recording(&[("wasm offset 0x20 (a)", 1), ("wasm offset 0x22 (b)", 5)], Loc::WasmStack(0), 5);
        let operators = BTreeMap::from([(0x20, "local.get 0".to_string()), (0x22, "i32.add".to_string())]);
        let sides = Sides { left: operators, origins: Origins::from([(2, 0x22)]), ..Sides::default() };
        let right = recording(
            &[("0x00000000: push {r4, lr}", 0), ("0x00000002: adds r0, r0, #1", 0), ("0x00000004: bx lr", 6)],
            Loc::Reg(0),
            6,
        );
        let text = side_by_side(&[left, right], ["module", "code"], &sides);
        let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split('|').map(str::trim).collect()).collect();
        assert_eq!(lines[1], ["", "0x00000000: push {r4, lr}"]);
        assert_eq!(lines[2], ["0x0020 local.get 0  stack0=0x5", ""]);
        assert_eq!(lines[3], ["0x0022 i32.add", "0x00000002: adds r0, r0, #1  r0=0x6"]);
        assert_eq!(lines.last().expect("an end")[..], ["returns (0x5)", "returns (0x6)"]);
    }

    #[test]
    fn long_executions_lose_their_middle() {
        let places: Vec<(&str, u32)> = (0..500).map(|n| ("0x00000002: nop", n)).collect();
        let text = side_by_side(
            &[recording(&places, Loc::WasmLocal(0), 0), recording(&places, Loc::Reg(0), 0)],
            ["a", "b"],
            &Sides::default(),
        );
        assert!(text.lines().count() < 140 && text.contains("… 381 more"), "{text}");
    }
}
