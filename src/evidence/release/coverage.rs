//! Structural coverage of the validator, from the table that `scripts/coverage.sh` writes.

use super::data::Gap;
use super::families::rows;
use super::requirements::Tree;
use serde::Serialize;
use std::fmt;

/// The table.
pub const TABLE: &str = "docs/conformance/coverage.md";

/// What the row of sums says in place of a file.
const ALL: &str = "all";

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

impl Covered {
    /// Whether something of it was not executed.
    fn has_gap(&self) -> bool {
        [self.functions, self.regions, self.lines, self.branches].iter().any(|(all, hit)| hit < all)
    }
}

/// How far structural coverage has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Structure {
    /// There is no table.
    NotMeasured,
    /// There is one; the files with gaps that no class of gaps names.
    Measured(Vec<String>),
}

impl Structure {
    /// Joins the table with the classes of gaps.
    ///
    /// # Errors
    /// A class names a file that the table does not have, or that has no gap.
    pub fn new(table: Option<&[Covered]>, gaps: &[Gap]) -> Result<Structure, String> {
        let Some(files) = table else { return Ok(Structure::NotMeasured) };
        let with_gap = || files.iter().filter(|f| f.file != ALL && f.has_gap()).map(|f| &f.file);
        let is_named = |file: &String| gaps.iter().any(|gap| gap.files.contains(file));
        match gaps.iter().flat_map(|gap| &gap.files).find(|named| !with_gap().any(|f| f == *named)) {
            Some(named) => Err(format!("gaps.toml names {named}, which {TABLE} does not have, or not with a gap")),
            None => Ok(Structure::Measured(with_gap().filter(|f| !is_named(f)).cloned().collect())),
        }
    }
    /// Files with gaps for which no reason is given.
    pub fn without_reason(&self) -> &[String] {
        match self {
            Structure::NotMeasured => &[],
            Structure::Measured(files) => files,
        }
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Structure::NotMeasured => f.write_str("Structural coverage of the validator: not done."),
            Structure::Measured(files) if files.is_empty() => {
                f.write_str("Structural coverage of the validator is measured; every file with gaps has a reason.")
            }
            Structure::Measured(files) => {
                let count = files.len();
                write!(f, "Structural coverage of the validator is measured; {count} files have gaps without a reason.")
            }
        }
    }
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
    if all.file != ALL || files.is_empty() || parts.iter().any(|of| sum(*of) != of(all)) {
        return Err(format!("{TABLE}: the last row is not the sum of the others"));
    }
    Ok(Some(found))
}

/// A part of a whole in per cent, with one digit.
pub fn percent((all, hit): (u64, u64)) -> String {
    if all == 0 { "-".to_string() } else { format!("{}.{}", 100 * hit / all, 1000 * hit / all % 10) }
}
