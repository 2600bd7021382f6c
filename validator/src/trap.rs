//! Trap kinds: the reasons for which a WebAssembly function stops, and their numbers in `udf #kind`.
//! Source: WebAssembly Core 2.0, 4.4 (execution of instructions); DDI 0403E, UDF T1 (imm8).
//!
//! Requirement TOR-CLAUSE-TRAPS: Code that traps where the module does not, does not trap where the module does, or traps with another
//! kind, shall not be proved.
//!
//! Requirement TOR-CLAUSE-TRAPSTATE: What the module stored before a trap shall be there at the trap, and a store that traps shall
//! write nothing.

use serde::{Deserialize, Serialize};

/// Why execution trapped. The number is the immediate of the `udf` instruction that reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum TrapKind {
    /// The `unreachable` instruction was executed.
    Unreachable = 1,
    /// Integer division or remainder by zero.
    IntegerDivideByZero = 2,
    /// Signed division of the most negative value by -1.
    IntegerOverflow = 3,
    /// A linear memory access outside the memory.
    OutOfBoundsMemory = 4,
    /// A table index outside the table.
    OutOfBoundsTable = 5,
    /// `call_indirect` met a null table element.
    UninitializedElement = 6,
    /// `call_indirect` met a function of another type.
    IndirectCallTypeMismatch = 7,
    /// The call stack is exhausted (interpreters only; on the machine this is assumption `A-STACK`).
    CallStackExhausted = 8,
}

impl TrapKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [TrapKind; 8] = [
        TrapKind::Unreachable,
        TrapKind::IntegerDivideByZero,
        TrapKind::IntegerOverflow,
        TrapKind::OutOfBoundsMemory,
        TrapKind::OutOfBoundsTable,
        TrapKind::UninitializedElement,
        TrapKind::IndirectCallTypeMismatch,
        TrapKind::CallStackExhausted,
    ];

    /// The kind with this `udf` immediate, if there is one.
    pub fn from_code(code: u8) -> Option<TrapKind> {
        Self::ALL.into_iter().find(|k| *k as u8 == code)
    }

    /// The kind's name in reports and test vectors.
    pub fn name(self) -> &'static str {
        match self {
            TrapKind::Unreachable => "unreachable",
            TrapKind::IntegerDivideByZero => "integer-divide-by-zero",
            TrapKind::IntegerOverflow => "integer-overflow",
            TrapKind::OutOfBoundsMemory => "out-of-bounds-memory",
            TrapKind::OutOfBoundsTable => "out-of-bounds-table",
            TrapKind::UninitializedElement => "uninitialized-element",
            TrapKind::IndirectCallTypeMismatch => "indirect-call-type-mismatch",
            TrapKind::CallStackExhausted => "call-stack-exhausted",
        }
    }
}
