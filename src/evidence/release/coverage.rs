//! Structural coverage of the validator, from the table that `scripts/coverage.sh` writes.

use super::families::rows;
use super::requirements::Tree;
use serde::Serialize;

/// The table.
pub const TABLE: &str = "docs/conformance/coverage.md";

/// Counts of one file, or of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// The file, or `all`.
    pub file: String,
    /// Functions: all, executed.
    pub functions: (u64, u64),
    /// Regions of code.
    pub regions: (u64, u64),
    /// Lines.
    pub lines: (u64, u64),
    /// Outcomes of conditions.
    pub branches: (u64, u64),
}

/// Reads the table. Nothing, if it is not there.
///
/// # Errors
/// The table is malformed, or its sums do not fit its rows.
pub fn read(tree: &Tree) -> Result<Option<Vec<Covered>>, String> {
    let Some(text) = tree.get(TABLE) else { return Ok(None) };
    let mut found = Vec::new();
    for row in rows(text).filter(|row| row[0] != "File") {
        let number = |i: usize| row.get(i).and_then(|cell| cell.parse::<u64>().ok());
        let pair = |i: usize| number(i).zip(number(i + 1)).filter(|(all, hit)| hit <= all);
        let covered = pair(1).zip(pair(4)).zip(pair(7).zip(pair(10)));
        let ((functions, regions), (lines, branches)) =
            covered.ok_or(format!("{TABLE}: the row of {} is malformed", row[0]))?;
        found.push(Covered { file: row[0].trim_matches('*').to_string(), functions, regions, lines, branches });
    }
    let Some((all, files)) = found.split_last() else { return Err(format!("{TABLE} has no rows")) };
    let sum = |of: fn(&Covered) -> (u64, u64)| files.iter().map(of).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let parts: [fn(&Covered) -> (u64, u64); 4] = [|c| c.functions, |c| c.regions, |c| c.lines, |c| c.branches];
    if all.file != "all" || files.is_empty() || parts.iter().any(|of| sum(*of) != of(all)) {
        return Err(format!("{TABLE}: the last row is not the sum of the others"));
    }
    Ok(Some(found))
}

/// A part of a whole in per cent, with one digit.
pub fn percent((all, hit): (u64, u64)) -> String {
    if all == 0 { "-".to_string() } else { format!("{}.{}", 100 * hit / all, 1000 * hit / all % 10) }
}
