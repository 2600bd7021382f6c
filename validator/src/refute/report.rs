//! What a difference between two runs is, and how it reads.

use super::{End, Start, TRAIL_POINTS, Trace, Watch};
use crate::concrete::{Bytes, Concrete, MEMORY_BASE};
use crate::program::Program;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};

type Written = FxHashMap<u32, u8>;

/// Bytes of memory that a report lists.
const BYTES_LISTED: usize = 16;

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// One side returns, traps or calls, and the other does something else.
    End,
    /// Both return, different words.
    Results,
    /// Both call, different functions or arguments.
    Call,
    /// Linear memory.
    Memory,
    /// A cell of a global.
    Cell,
    /// The size of linear memory.
    MemorySize,
    /// The right side breaks a requirement, such as a callee-saved register.
    Requirement,
    /// The left side goes on to a call or an end, and the right one does not within a generous number of steps.
    Divergence,
}

/// A counterexample that was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What differs.
    pub kind: Kind,
    /// The same in words.
    pub what: String,
    /// The state at entry.
    pub start: Start,
    /// How the left side ended, or the call at which it was stopped.
    pub left_end: End,
    /// How the right side ended, or the call at which it was stopped.
    pub right_end: End,
    /// Where the left side stood at the first difference seen: the last writer of the byte or cell that differs, else
    /// the call or end.
    pub left_point: String,
    /// The same of the right side.
    pub right_point: String,
    /// Bytes of linear memory that differ: offset, left, right; ascending, the first few.
    pub bytes: Vec<(u32, u8, u8)>,
    /// Bytes of linear memory at entry that the runs read: offset, value; ascending, the first few.
    pub inputs: Vec<(u32, u8)>,
    /// Last points of the left side, oldest first.
    pub left_trail: Vec<String>,
    /// Last points of the right side, oldest first.
    pub right_trail: Vec<String>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Return(words) => write!(f, "returns {}", list(words)),
            End::Trap(kind) => write!(f, "traps: {}", kind.name()),
            End::Call(callee, args) => write!(f, "calls {callee} with {}", list(args)),
            End::Unsupported(text) => write!(f, "unsupported: {text}"),
            End::Fuel => write!(f, "does not end"),
            End::Assumption(name) => write!(f, "the assumption {name} does not hold"),
            End::Requirement(what) => write!(f, "breaks a requirement: {what}"),
        }
    }
}

fn list(words: &[u32]) -> String {
    let words: Vec<String> = words.iter().map(|w| format!("{w:#x}")).collect();
    format!("({})", words.join(", "))
}

/// What [`judge`] found.
pub(super) struct Verdict {
    kind: Kind,
    what: String,
    /// What to watch to find the point at which the sides part.
    pub(super) watch: Option<Watch>,
    bytes: Vec<(u32, u8, u8)>,
}

/// The first difference between two runs that came to an end or a call, most telling first. `seed`: of linear memory.
pub(super) fn judge<P, Q>(l: &Trace<P>, r: &Trace<Q>, seed: u32) -> Option<Verdict> {
    let plain = |kind, what: String| Some(Verdict { kind, what, watch: None, bytes: Vec::new() });
    match (&l.end, &r.end) {
        (_, End::Requirement(what)) => {
            return plain(Kind::Requirement, format!("a requirement is broken: {what}"));
        }
        (_, End::Fuel) => {
            let text = format!("the right side does not end within {} steps, the left one took {}", r.steps, l.steps);
            return plain(Kind::Divergence, text);
        }
        (End::Return(a), End::Return(b)) if a != b => {
            let word = a.iter().zip(b).position(|(x, y)| x != y);
            let text = word.map_or("the numbers of results differ".to_string(), |i| format!("result word {i} differs"));
            return plain(Kind::Results, text);
        }
        (End::Call(f, a), End::Call(g, b)) if (f, a) != (g, b) => {
            let word = a.iter().zip(b).position(|(x, y)| x != y);
            let what = match word {
                _ if f != g => "the function called differs".to_string(),
                Some(i) => format!("argument word {i} of the call differs"),
                None => "the numbers of arguments differ".to_string(),
            };
            return plain(Kind::Call, format!("{what} (call {})", l.events.len()));
        }
        (a, b) if a != b => return plain(Kind::End, format!("left {a}, right {b}")),
        _ => {}
    }
    if let Some(bytes) = differing_bytes(&l.written, &r.written, seed) {
        let at = bytes[0].0;
        let what = format!("memory differs at {}", byte_name(at));
        return Some(Verdict { kind: Kind::Memory, what, watch: Some(Watch::Byte(at)), bytes });
    }
    if l.memory_bytes != r.memory_bytes {
        let what = format!("the size of linear memory differs: {:#x}, {:#x}", l.memory_bytes, r.memory_bytes);
        return Some(Verdict { kind: Kind::MemorySize, what, watch: Some(Watch::Size), bytes: Vec::new() });
    }
    let cell = l.cells.iter().zip(&r.cells).position(|(a, b)| a != b)?;
    let what = format!("global cell {cell} differs: {:#x}, {:#x}", l.cells[cell], r.cells[cell]);
    Some(Verdict { kind: Kind::Cell, what, watch: Some(Watch::Cell(cell)), bytes: Vec::new() })
}

/// The first bytes that differ between two memories over the same seed, if any.
fn differing_bytes(l: &Written, r: &Written, seed: u32) -> Option<Vec<(u32, u8, u8)>> {
    if l == r {
        return None;
    }
    let mut offsets: Vec<u32> = l.keys().chain(r.keys()).copied().filter(|at| l.get(at) != r.get(at)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    offsets.truncate(BYTES_LISTED);
    let seeded = Bytes::Sparse { seed, written: Written::default() };
    let byte = |written: &Written, at: u32| written.get(&at).copied().unwrap_or_else(|| seeded.get(at));
    Some(offsets.into_iter().map(|at| (at, byte(l, at), byte(r, at))).collect())
}

/// The byte with an index: its offset in linear memory, or its address if it lies below.
fn byte_name(at: u32) -> String {
    match at.checked_add(MEMORY_BASE) {
        Some(_) => format!("{at:#x}"),
        None => format!("host {:#x}", at.wrapping_add(MEMORY_BASE)),
    }
}

/// Puts a difference into words.
pub(super) fn difference<L: Program<Concrete>, R: Program<Concrete>>(
    (left, l): (&L, &Trace<L::Point>),
    (right, r): (&R, &Trace<R::Point>),
    verdict: Verdict,
    writers: Option<(Option<L::Point>, Option<R::Point>)>,
    start: &Start,
    memory: &Bytes,
) -> Difference {
    let place = |writer: Option<Option<String>>, end: String| match writer {
        None => end,
        Some(Some(writer)) => writer,
        Some(None) => format!("{end}, without having changed it"),
    };
    let left_writer = writers.map(|w| w.0.map(|p| left.describe(p)));
    let right_writer = writers.map(|w| w.1.map(|p| right.describe(p)));
    let inputs = l.loaded.union(&r.loaded).take(BYTES_LISTED);
    Difference {
        kind: verdict.kind,
        what: verdict.what,
        start: start.clone(),
        left_end: l.end.clone(),
        right_end: r.end.clone(),
        left_point: place(left_writer, left.describe(l.at)),
        right_point: place(right_writer, right.describe(r.at)),
        bytes: verdict.bytes,
        inputs: inputs.map(|at| (*at, memory.get(*at))).collect(),
        left_trail: l.trail.iter().map(|p| left.describe(*p)).collect(),
        right_trail: r.trail.iter().map(|p| right.describe(*p)).collect(),
    }
}

impl Difference {
    /// The difference as text of several lines, each ended by a line break.
    pub fn render(&self) -> String {
        let mut text = format!("refuted by execution: {}\n", self.what);
        let mut line = |name: &str, value: String| {
            writeln!(text, "  {name:<14} {value}").expect("invariant: writing to a string does not fail");
        };
        line("arguments", list(&self.start.args));
        if !self.start.cells.is_empty() {
            line("globals", list(&self.start.cells));
        }
        if self.start.memory_bytes != 0 {
            line("memory", format!("{:#x} bytes, seed {:#x}", self.start.memory_bytes, self.start.memory_seed));
        }
        if !self.inputs.is_empty() {
            let bytes: Vec<String> =
                self.inputs.iter().map(|(at, b)| format!("[{}]={b:#04x}", byte_name(*at))).collect();
            line("bytes read", bytes.join(" "));
        }
        line("left", self.left_end.to_string());
        line("right", self.right_end.to_string());
        if !self.bytes.is_empty() {
            let bytes = self.bytes.iter().map(|(at, l, r)| format!("[{}]={l:#04x}|{r:#04x}", byte_name(*at)));
            line("left|right", bytes.collect::<Vec<_>>().join(" "));
        }
        line("left at", self.left_point.clone());
        line("right at", self.right_point.clone());
        for (name, trail) in [("left steps", &self.left_trail), ("right steps", &self.right_trail)] {
            let shown = trail.len().saturating_sub(TRAIL_POINTS / 4);
            line(name, trail[shown..].join("; "));
        }
        text
    }
}
