//! What is known of a word: whether it is a host address, from where, and what becomes of it where words are added and ways meet.

use std::fmt;

/// What is known of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing yet: no call has returned it.
    Never,
    /// The constant zero: a number, or the null pointer.
    Zero,
    /// A number, or an address in linear memory.
    Number,
    /// Computed from a mutable global, as addresses of the module's stack are.
    Global,
    /// Computed from a mutable global by other means than adding a number, as aligned addresses of the module's stack are, and counters.
    Derived,
    /// A host address.
    Host(Source),
    /// Computed from a host address by other means than adding a number, at this offset.
    Computed(Source, u32),
    /// A host address on some ways to this offset, and something else on others.
    Mixed(Source, Other, u32),
    /// The sum of a host address and another address, at this offset.
    Sum(Source, Other, u32),
}

impl Origin {
    /// The host address that it has to do with.
    pub fn source(self) -> Option<Source> {
        match self {
            Origin::Never | Origin::Zero | Origin::Number | Origin::Global | Origin::Derived => None,
            Origin::Host(s) | Origin::Computed(s, _) | Origin::Mixed(s, ..) | Origin::Sum(s, ..) => Some(s),
        }
    }
    /// What is known of a word that is one or the other, where ways meet at an offset.
    pub(super) fn or(self, other: Origin, at: u32) -> Origin {
        use Origin::{Computed, Derived, Global, Host, Mixed, Never, Number, Sum, Zero};
        match (self, other) {
            (Never, o) | (o, Never) => o,
            (o @ (Computed(..) | Mixed(..) | Sum(..)), _) | (_, o @ (Computed(..) | Mixed(..) | Sum(..))) => o,
            (Host(s), Host(_) | Zero) | (Zero, Host(s)) => Host(s),
            (Host(s), Global | Derived) | (Global | Derived, Host(s)) => Mixed(s, Other::Global, at),
            (Host(s), Number) | (Number, Host(s)) => Mixed(s, Other::Number, at),
            (Global, _) | (_, Global) => Global,
            (Derived, _) | (_, Derived) => Derived,
            (Zero, Zero) => Zero,
            (Zero | Number, Zero | Number) => Number,
        }
    }
    /// The sum, computed at an offset.
    pub(super) fn plus(self, other: Origin, at: u32) -> Origin {
        use Origin::{Derived, Global, Host, Never, Number, Sum, Zero};
        match (self, other) {
            (Never, _) | (_, Never) => Never,
            (Host(s), Host(other)) => Sum(s, Other::Host(other), at),
            (Host(s), Global) | (Global, Host(s)) => Sum(s, Other::Global, at),
            (Zero | Number, Zero | Number) => Number,
            (o, Zero | Number) | (Zero | Number, o) => o,
            (o @ (Host(_) | Global), Derived) | (Derived, o @ (Host(_) | Global)) => o,
            (Global, Global) => Global,
            _ => Origin::computed(&[self, other], at),
        }
    }
    /// The difference, computed at an offset. That of two addresses is a number.
    pub(super) fn minus(self, other: Origin, at: u32) -> Origin {
        use Origin::{Derived, Global, Host, Never, Number, Zero};
        match (self, other) {
            (Never, _) | (_, Never) => Never,
            (Host(_) | Global, Host(_) | Global) => Number,
            (Host(_) | Global, Zero | Number | Derived) => self,
            (Zero | Number, Zero | Number) => Number,
            _ => Origin::computed(&[self, other], at),
        }
    }
    /// Something else computed from these words at an offset.
    pub(super) fn computed(words: &[Origin], at: u32) -> Origin {
        match words.iter().find_map(|w| w.source()) {
            Some(source) => Origin::Computed(source, at),
            None if words.contains(&Origin::Never) => Origin::Never,
            None if words.iter().any(|w| matches!(w, Origin::Global | Origin::Derived)) => Origin::Derived,
            None => Origin::Number,
        }
    }
}

/// Where a host address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The parameter of the function with this number.
    Param(u32),
    /// The imported global with this index.
    Global(u32),
    /// The result of the call at this offset.
    Call(u32),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Param(n) => write!(f, "parameter {n}"),
            Source::Global(global) => write!(f, "imported global {global}"),
            Source::Call(offset) => write!(f, "the result of the call at {offset:#x}"),
        }
    }
}

/// What meets a host address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// A number, or an address in linear memory.
    Number,
    /// An address computed from a mutable global.
    Global,
    /// Another host address.
    Host(Source),
    /// What a function returns that is a host address on some of its ways only.
    Returned,
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Other::Number => write!(f, "a number or an address in linear memory"),
            Other::Global => write!(f, "an address computed from a mutable global, as those of the module's stack are"),
            Other::Host(source) => write!(f, "the host address {source}"),
            Other::Returned => write!(f, "something else that the function called returns"),
        }
    }
}
