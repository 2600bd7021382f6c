//! What is seen of a call and compared between machines, and the digests and host answers that all of them share.
//!
//! A line stands for one call: `r 3 = 0x0000002a | trap none | calls 2 0x1b2c3d4e | mem 65536 0x0badcafe`. Its number
//! counts calls from 1; number 0 is instantiation. A 32-bit result has 8 digits, a 64-bit result 16; `-` stands for
//! no result. Mutable globals are not part of it, because objects do not show them.

use super::vectors::{Script, ScriptError};
use std::fmt;

/// Why a call did not return. The numbers are those of the object contract's `udf #kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TrapKind {
    /// `unreachable` was executed.
    Unreachable = 1,
    /// Division or remainder by zero.
    IntegerDivideByZero = 2,
    /// Quotient, or integer made from a floating-point number, out of range.
    IntegerOverflow = 3,
    /// Access outside linear memory.
    OutOfBoundsMemory = 4,
    /// Access outside a table.
    OutOfBoundsTable = 5,
    /// Indirect call of an empty table element.
    UninitializedElement = 6,
    /// Indirect call of a function with another signature.
    IndirectCallTypeMismatch = 7,
    /// Too many nested calls.
    CallStackExhausted = 8,
    /// A floating-point number that is no number, or infinite, made an integer. Its number is this harness's own.
    InvalidConversion = 9,
    /// No trap of the module: the machine faulted.
    Fault = 255,
}

impl TrapKind {
    /// All kinds, by number.
    pub const ALL: [Self; 10] = [
        Self::Unreachable,
        Self::IntegerDivideByZero,
        Self::IntegerOverflow,
        Self::OutOfBoundsMemory,
        Self::OutOfBoundsTable,
        Self::UninitializedElement,
        Self::IndirectCallTypeMismatch,
        Self::CallStackExhausted,
        Self::InvalidConversion,
        Self::Fault,
    ];

    /// The name in scripts and observation lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::IntegerDivideByZero => "integer-divide-by-zero",
            Self::IntegerOverflow => "integer-overflow",
            Self::OutOfBoundsMemory => "out-of-bounds-memory",
            Self::OutOfBoundsTable => "out-of-bounds-table",
            Self::UninitializedElement => "uninitialized-element",
            Self::IndirectCallTypeMismatch => "indirect-call-type-mismatch",
            Self::CallStackExhausted => "call-stack-exhausted",
            Self::InvalidConversion => "invalid-conversion",
            Self::Fault => "fault",
        }
    }
}

/// A result, as bits; floating-point values too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// `i32` or `f32`.
    Word(u32),
    /// `i64` or `f64`.
    Double(u64),
}

impl Value {
    /// The bits, zero-extended.
    pub fn bits(self) -> u64 {
        match self {
            Self::Word(word) => word.into(),
            Self::Double(double) => double,
        }
    }

    /// The bytes in linear-memory order, 4 or 8.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Self::Word(word) => word.to_le_bytes().to_vec(),
            Self::Double(double) => double.to_le_bytes().to_vec(),
        }
    }
}

/// What is seen of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Calls counted from 1; 0 is instantiation.
    pub call: u32,
    /// Empty after a trap.
    pub results: Vec<Value>,
    /// How the call ended, if not by returning.
    pub trap: Option<TrapKind>,
    /// How many imports it called.
    pub import_calls: u32,
    /// FNV-1a over, for each import call: import index (among imported functions), argument bytes, and for the first
    /// `IMPORT_MEMORY_DIGESTS_MAX` of them the memory digest at that moment.
    pub import_digest: u32,
    /// Size of linear memory afterwards; 0 if instantiation failed.
    pub memory_bytes: u32,
    /// `memory_digest` of linear memory afterwards.
    pub memory_digest: u32,
}

/// How many import calls within one call see their memory digested; bounds the time of a chatty module.
pub const IMPORT_MEMORY_DIGESTS_MAX: u32 = 64;

/// The value of every imported immutable integer global, and in firmware the address of that symbol.
pub const IMPORTED_GLOBAL: u32 = 0x2000_1000;

/// The basis of FNV-1a with 32 bits, hence the digest of nothing. Source: draft-eastlake-fnv-17, section 5.
pub const FNV_BASIS: u32 = 0x811c_9dc5;

/// Continues an FNV-1a digest over `bytes`.
pub fn fnv1a(digest: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(digest, |digest, byte| (digest ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Digest of linear memory, by little-endian words: FNV-1a with a rotation before each word. The plain form by words
/// would let two changed sign bits cancel. Each step is a bijection of the digest, so one changed word always shows.
pub fn memory_digest(memory: &[u8]) -> u32 {
    memory.chunks_exact(4).fold(FNV_BASIS, |digest, word| {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        (digest.rotate_left(5) ^ word).wrapping_mul(0x0100_0193)
    })
}

/// What a host function answers: FNV-1a over field name, counter and arguments, and for a 64-bit answer a second
/// word, the digest continued over the byte 0xA5, as the high one.
/// Operands: `field`, the import's field name; `counter`, import calls of this instance before this one.
pub fn host_answer(field: &str, counter: u32, arguments: &[Value]) -> u64 {
    let mut low = fnv1a(fnv1a(FNV_BASIS, field.as_bytes()), &counter.to_le_bytes());
    for argument in arguments {
        low = fnv1a(low, &argument.bytes());
    }
    u64::from(low) | u64::from(fnv1a(low, &[0xa5])) << 32
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r {} =", self.call)?;
        for result in &self.results {
            match result {
                Value::Word(word) => write!(f, " 0x{word:08x}")?,
                Value::Double(double) => write!(f, " 0x{double:016x}")?,
            }
        }
        let none = if self.results.is_empty() { " -" } else { "" };
        let trap = self.trap.map_or("none", TrapKind::name);
        write!(f, "{none} | trap {trap} | calls {} 0x{:08x}", self.import_calls, self.import_digest)?;
        write!(f, " | mem {} 0x{:08x}", self.memory_bytes, self.memory_digest)
    }
}

impl Observation {
    /// Reads back a line written by `Display` or by the firmware; `None` if it is no such line.
    pub fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.trim().split(" | ").collect();
        let [results, trap, calls, memory] = fields[..] else {
            return None;
        };
        let (call, results) = results.strip_prefix("r ")?.split_once(" =")?;
        let results = match results.trim() {
            "-" => Vec::new(),
            list => list.split(' ').map(parse_value).collect::<Option<_>>()?,
        };
        let trap = match trap.strip_prefix("trap ")? {
            "none" => None,
            name => Some(TrapKind::ALL.into_iter().find(|kind| kind.name() == name)?),
        };
        let (import_calls, import_digest) = calls.strip_prefix("calls ")?.split_once(" 0x")?;
        let (memory_bytes, memory_digest) = memory.strip_prefix("mem ")?.split_once(" 0x")?;
        Some(Self {
            call: call.parse().ok()?,
            results,
            trap,
            import_calls: import_calls.parse().ok()?,
            import_digest: u32::from_str_radix(import_digest, 16).ok()?,
            memory_bytes: memory_bytes.parse().ok()?,
            memory_digest: u32::from_str_radix(memory_digest, 16).ok()?,
        })
    }
}

fn parse_value(text: &str) -> Option<Value> {
    let digits = text.strip_prefix("0x")?;
    match digits.len() {
        8 => u32::from_str_radix(digits, 16).ok().map(Value::Word),
        16 => u64::from_str_radix(digits, 16).ok().map(Value::Double),
        _ => None,
    }
}

/// The first call that the two machines see differently, as two lines; `None` if there is none.
pub fn first_difference(left: &[Observation], right: &[Observation]) -> Option<String> {
    let line = |side: &[Observation], at: usize| side.get(at).map_or("nothing".to_string(), ToString::to_string);
    (0..left.len().max(right.len()))
        .find(|at| left.get(*at) != right.get(*at))
        .map(|at| format!("left:  {}\nright: {}", line(left, at), line(right, at)))
}

/// All that speaks against two runs of one script being equal and right: failures of either, and the first call seen
/// differently, under its line in the script. Empty if nothing does.
pub fn disagreements(script: &Script, left: &Run, right: &Run) -> Vec<String> {
    let failures =
        |side: &str, run: &Run| run.failures.iter().map(|failure| format!("{side}: {failure}")).collect::<Vec<_>>();
    let mut found = [failures("left", left), failures("right", right)].concat();
    if let Some(difference) = first_difference(&left.observations, &right.observations) {
        let pairs = left.observations.iter().zip(&right.observations);
        let call = pairs.take_while(|(left, right)| left == right).count();
        let place = match script.call(call) {
            Some((line, export)) => format!("line {line}, call {export}"),
            None => "instantiation".to_string(),
        };
        found.push(format!("{place}:\n{difference}"));
    }
    found
}

/// A finished run of a script: what was seen, and what was not as the script, or the calling convention, wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// One per call, instantiation first. Only the first if instantiation trapped.
    pub observations: Vec<Observation>,
    /// In order of occurrence, each starting with the script's line. Empty: all expectations hold.
    pub failures: Vec<String>,
    /// Stack below the caller's sp that call `[i]` used, in bytes; empty if the machine does not measure it.
    pub stack_bytes: Vec<u32>,
    /// Words of the defined globals at the end; empty if the machine does not show them.
    pub cells: Vec<u32>,
}

/// Why there is no run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// The module is malformed or needs what no machine here offers.
    Module(String),
    /// The script does not fit the module.
    Script(ScriptError),
    /// A program of the toolchain is missing or failed; with its output.
    Tool(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(reason) => write!(f, "module: {reason}"),
            Self::Script(error) => write!(f, "script: {error}"),
            Self::Tool(reason) => write!(f, "tool: {reason}"),
        }
    }
}
