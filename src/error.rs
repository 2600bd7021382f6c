//! The compiler's errors: whose fault, and where.

use std::fmt;
use synth_validator::trap::TrapKind;

/// Why a module or a function was not compiled. Offsets are in bytes from the start of the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// The input is no valid WebAssembly module.
    Malformed {
        /// Where.
        offset: u64,
        /// What is wrong.
        message: String,
    },
    /// The module is valid, and every instantiation of it traps.
    Instantiation {
        /// Where.
        offset: u64,
        /// How it traps.
        trap: TrapKind,
        /// Why.
        message: &'static str,
    },
    /// The module's own debug information, which is asked for, cannot be read.
    DebugInfo {
        /// Where.
        offset: u64,
        /// What is wrong.
        message: String,
    },
    /// The input is valid but uses something that is not supported.
    Unsupported {
        /// The function that uses it (imports first), if it is one function's matter.
        function: Option<u32>,
        /// Where.
        offset: u64,
        /// Operator, type or feature.
        what: String,
    },
    /// A function or module exceeds a limit of the compiler.
    Limit {
        /// The function (imports first), if it is one function's matter.
        function: Option<u32>,
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// What the module and the options say of the border between module and host does not go together.
    Border {
        /// The function concerned (imports first).
        function: Option<u32>,
        /// Where, if it is one place's matter.
        offset: Option<u64>,
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The options name a function that the module does not define.
    NoFunction {
        /// The name.
        name: String,
    },
    /// A defect of the compiler.
    Internal {
        /// The function that was compiled (imports first), if any.
        function: Option<u32>,
        /// What was found.
        message: String,
    },
}

/// ` in function N`, or nothing.
fn place(function: Option<u32>) -> String {
    function.map(|f| format!(" in function {f}")).unwrap_or_default()
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::Malformed { offset, message } => {
                write!(f, "the module is malformed at offset {offset:#x}: {message}")
            }
            CompileError::Instantiation { offset, message, .. } => {
                write!(f, "instantiation traps at offset {offset:#x}: {message}")
            }
            CompileError::DebugInfo { offset, message } => {
                write!(f, "the module's DWARF is malformed, section at offset {offset:#x}: {message}")
            }
            CompileError::Unsupported { function, offset, what } => {
                write!(f, "{what} is not supported (at offset {offset:#x}{})", place(*function))
            }
            CompileError::Limit { function, what, limit } => {
                write!(f, "there are too many {what}{}: the limit is {limit}", place(*function))
            }
            CompileError::Border { function, offset, what, remedy } => {
                let at = offset.map(|o| format!(" (at offset {o:#x}{})", place(*function))).unwrap_or_default();
                write!(f, "{what}{at}; {remedy}")
            }
            CompileError::NoFunction { name } => write!(f, "the module defines no function {name}"),
            CompileError::Internal { function, message } => {
                write!(f, "the compiler has a defect, found{}: {message}", place(*function))
            }
        }
    }
}

impl std::error::Error for CompileError {}

impl From<wasmparser::BinaryReaderError> for CompileError {
    fn from(e: wasmparser::BinaryReaderError) -> Self {
        CompileError::Malformed { offset: e.offset() as u64, message: e.message().to_string() }
    }
}
