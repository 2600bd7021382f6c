//! The table of counts: what of each file holds in each way, and why the rest was not executed.

use super::outcome::Outcome;
use super::proved::Modules;
use super::script::File;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A file with the outcomes of the four ways by directive.
pub struct Row<'a> {
    /// The file.
    pub file: &'a File,
    /// By way and directive.
    pub outcomes: [Vec<Outcome>; 4],
    /// Its modules after way 4.
    pub modules: &'a Modules,
}

/// Counts of a file or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    directives: usize,
    passed: [usize; 4],
    skipped: [usize; 4],
    proved: usize,
    functions: usize,
}

impl Counts {
    fn of(row: &Row<'_>) -> Counts {
        let count =
            |what: fn(&Outcome) -> bool| [0, 1, 2, 3].map(|w| row.outcomes[w].iter().filter(|o| what(o)).count());
        let modules = || row.modules.iter().flatten();
        Counts {
            directives: row.file.directives.len(),
            passed: count(|outcome| *outcome == Outcome::Passed),
            skipped: count(|outcome| matches!(outcome, Outcome::Skipped(_))),
            proved: modules().map(|module| module.proved).sum(),
            functions: modules().map(|module| module.functions).sum(),
        }
    }

    fn add(&mut self, other: &Counts) {
        self.directives += other.directives;
        self.proved += other.proved;
        self.functions += other.functions;
        for way in 0..4 {
            self.passed[way] += other.passed[way];
            self.skipped[way] += other.skipped[way];
        }
    }

    fn cells(&self) -> String {
        let [one, two, three, four] = self.passed;
        let skipped = match self.skipped {
            [0, 0, 0, 0] => "0".to_string(),
            [a, b, c, d] => format!("{a} / {b} / {c} / {d}"),
        };
        let proved = format!("{} of {}", self.proved, self.functions);
        format!("{} | {one} | {two} | {three} | {four} | {proved} | {skipped} |", self.directives)
    }
}

const INTRODUCTION: &str = "\
Every directive of the official suite, 1.0 and 2.0 without SIMD, in four ways: in the validator's WebAssembly
interpreter (1), compiled in its Arm interpreter (2), compiled and linked as firmware of an emulated Cortex-M4 (3), and,
for the modules, with every function and the initial image proved (4). Files that are the same in both versions stand
once. Modules that are the same, to the byte, are proved once and counted wherever they occur. Functions that the
optimizer leaves out of an object, because nothing calls them any more, are proved in an object made without it.

A number is of directives that hold. What is neither held nor skipped has no meaning in that way: calls in way 4,
modules to be refused in way 3, and `assert_unlinkable` in all, because imports are checked by whoever links.
`assert_exhaustion` has no meaning in way 3: enough stack is assumption A-STACK. A segment that does not fit is found
by the compiler, so that there is nothing to be run in way 3 and to be proved in way 4. Text that is to be refused is
refused by the tool's text reader before ways 1, 2 and 4 part. Memory gets as many pages as way 1 came to need; where
the board has less, addresses are reserved, and an access to what is not there would fault.

In ways 2 to 4 a module that computes with floating point is compiled without the functions that do: their bodies are
replaced by `unreachable`, no call is made that may reach one, and none of them counts as proved.

Skips are given by way. In a file marked `int` modules use integers only: no floating point, no SIMD, no references, no
operators on table entries, and no memory, table or mutable global of another module.";

/// The text of the table.
pub fn text(rows: &[Row<'_>]) -> String {
    let mut text = format!("{INTRODUCTION}\n\n");
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes it");
    line("| File | | Directives | 1 | 2 | 3 | 4 | Functions proved | Skipped 1 / 2 / 3 / 4 |".to_string());
    line("|---|---|--:|--:|--:|--:|--:|--:|--:|".to_string());
    let (mut total, mut integer) = (Counts::default(), Counts::default());
    for row in rows {
        let counts = Counts::of(row);
        total.add(&counts);
        if row.file.is_integer() {
            integer.add(&counts);
        }
        let mark = if row.file.is_integer() { "int" } else { "" };
        line(format!("| {} | {mark} | {}", row.file.name, counts.cells()));
    }
    line(format!("| **files marked int** | | {}", integer.cells()));
    line(format!("| **all** | | {}", total.cells()));
    line("\n| Reason of skips | 1 | 2 | 3 | 4 |\n|---|--:|--:|--:|--:|".to_string());
    for (reason, [one, two, three, four]) in reasons(rows) {
        line(format!("| {reason} | {one} | {two} | {three} | {four} |"));
    }
    text
}

/// Skips by reason and way.
fn reasons<'a>(rows: &'a [Row<'_>]) -> BTreeMap<&'a str, [usize; 4]> {
    let mut reasons: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for row in rows {
        for (way, outcomes) in row.outcomes.iter().enumerate() {
            for outcome in outcomes {
                if let Outcome::Skipped(reason) = outcome {
                    reasons.entry(reason).or_default()[way] += 1;
                }
            }
        }
    }
    reasons
}

/// What may not be: directives that do not hold, and skips in integer files.
pub fn faults(rows: &[Row<'_>]) -> Vec<String> {
    let mut faults = Vec::new();
    for row in rows {
        for (way, outcomes) in row.outcomes.iter().enumerate() {
            for (directive, outcome) in row.file.directives.iter().zip(outcomes) {
                let place = format!("{}:{}, way {}", row.file.name, directive.line, way + 1);
                match outcome {
                    Outcome::Failed(text) => faults.push(format!("{place}: {text}")),
                    Outcome::Skipped(reason) if row.file.is_integer() => {
                        faults.push(format!("{place}: skipped in an integer file: {reason}"));
                    }
                    _ => {}
                }
            }
        }
    }
    faults
}
