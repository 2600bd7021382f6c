//! The corpus' code beside native code, from the document that `synth bench code` writes.

use super::families::{rows, section};
use super::requirements::Tree;
use serde::Serialize;

/// The document.
pub const DOCUMENT: &str = "docs/code-quality.md";
/// Its section with a row for each program: what is compared, at the level for speed.
const SECTION: &str = "synth -O2 beside clang -O2, by program";
/// The row of means.
const MEANS: &str = "geometric mean";
/// How a column is headed that has the ratio of the one before it to native code.
const TO_NATIVE: &str = "/ native";

/// A program's code beside that of clang from the same source, as ratios; nothing where there is no such code.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// The program.
    pub program: String,
    /// Bytes of code and data.
    pub bytes: Option<f64>,
    /// Modelled cycles of a Cortex-M4.
    pub cycles: Option<f64>,
}

/// What the document says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Programs in the order of the document.
    pub programs: Vec<Compared>,
    /// Geometric means over them.
    pub means: Compared,
}

/// Reads the document. Nothing, if it is not there.
///
/// # Errors
/// It has no such section, columns or row.
pub fn read(tree: &Tree) -> Result<Option<Quality>, String> {
    let Some(text) = tree.get(DOCUMENT) else { return Ok(None) };
    let missing = |what: &str| format!("{DOCUMENT} has no {what}");
    let mut all = rows(section(text, SECTION).ok_or_else(|| missing(SECTION))?);
    let head = all.next().ok_or_else(|| missing("table of programs"))?;
    let ratio_of = |name: &str| {
        let at = head.iter().position(|cell| *cell == name)?;
        let behind = head[at..].iter().position(|cell| *cell == TO_NATIVE)?;
        Some(at + behind)
    };
    let [bytes, cycles] = ["bytes", "cycles M4"].map(|name| ratio_of(name).ok_or_else(|| missing(name)));
    let (bytes, cycles) = (bytes?, cycles?);
    let number = |row: &[&str], at: usize| row.get(at).and_then(|cell| cell.parse().ok());
    let compared = |row: Vec<&str>| Compared {
        program: row[0].to_string(),
        bytes: number(&row, bytes),
        cycles: number(&row, cycles),
    };
    let mut programs: Vec<Compared> = all.map(compared).collect();
    match programs.pop() {
        Some(means) if means.program == MEANS && means.bytes.is_some() && means.cycles.is_some() => {
            Ok(Some(Quality { programs, means }))
        }
        _ => Err(missing("row of means")),
    }
}
