//! Domains of values: the operations that all semantics are written in.
//!
//! A word is 32 bits. 64-bit values are pairs (low, high) of words: their operations are written once, in terms of
//! words, in [`crate::pair`]. All operations are total; partial instructions trap before they use one.
//! Two domains exist: [`crate::concrete::Concrete`] computes, [`crate::term::Graph`] builds terms.
//!
//! Requirement TOR-PROOF-ONEMEANING: The symbolic meaning of every operator and instruction shall be the concrete one: the terms of a
//! step shall evaluate to the numbers of the same step.

use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// Binary operations on words. Result: 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BinOp {
    /// Sum modulo 2^32.
    Add,
    /// Difference modulo 2^32.
    Sub,
    /// Product modulo 2^32.
    Mul,
    /// High word of the unsigned 64-bit product.
    UMulHi,
    /// High word of the signed 64-bit product.
    SMulHi,
    /// Unsigned quotient; x / 0 = 0 (DDI 0403E, UDIV, with DIV_0_TRP clear).
    UDiv,
    /// Signed quotient toward zero; x / 0 = 0, MIN / -1 = MIN (DDI 0403E, SDIV).
    SDiv,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Left shift by the whole right word; 32 and more give 0.
    Shl,
    /// Logical right shift by the whole right word; 32 and more give 0.
    Lshr,
    /// Arithmetic right shift by the whole right word; 32 and more give copies of the sign.
    Ashr,
    /// Rotate right by the right word modulo 32.
    Ror,
}

/// Unary operations on words. Result: 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UnOp {
    /// Number of leading zero bits, `0..=32`.
    Clz,
    /// Bits in reverse order.
    Rbit,
    /// Bytes in reverse order.
    Rev,
    /// Bytes of each halfword in reverse order.
    Rev16,
    /// Number of one bits, `0..=32`.
    Popcnt,
    /// Sign extension of the low 8 bits.
    Sext8,
    /// Sign extension of the low 16 bits.
    Sext16,
}

/// Comparisons of words. Result: a boolean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CmpOp {
    /// Equal.
    Eq,
    /// Less, unsigned.
    Ult,
    /// Less, signed.
    Slt,
}

/// The four results of a 64-bit division.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DivOp {
    /// Unsigned quotient; x / 0 = 0.
    UQuot,
    /// Unsigned remainder; x rem 0 = x.
    URem,
    /// Signed quotient toward zero; x / 0 = 0, MIN / -1 = MIN.
    SQuot,
    /// Signed remainder with the sign of the dividend; x rem 0 = x, MIN rem -1 = 0.
    SRem,
}

/// Width of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Width {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Half,
    /// 32 bits.
    Word,
}

impl Width {
    /// Bytes accessed.
    pub fn bytes(self) -> u32 {
        match self {
            Width::Byte => 1,
            Width::Half => 2,
            Width::Word => 4,
        }
    }
    /// Bits that a zero-extended load of this width can set.
    pub fn mask(self) -> u32 {
        match self {
            Width::Byte => 0xff,
            Width::Half => 0xffff,
            Width::Word => 0xffff_ffff,
        }
    }
}

/// What the address of an access is relative to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Space {
    /// Linear memory.
    #[default]
    Linear,
    /// Nothing: it is the host's address.
    Host,
}

/// A link-time symbol whose address a program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Symbol {
    /// `__linear_memory_base`.
    Memory,
    /// `__synth_memory_bytes`.
    MemoryBytes,
    /// `__synth_globals`.
    Globals,
    /// `__synth_results`.
    Results,
    /// The table with this index.
    Table(u32),
    /// Host data named by the imported immutable global with this global index.
    HostData(u32),
    /// The function with this index (imports first).
    Function(u32),
    /// The read-only copy of the data segment with this index.
    Data(u32),
}

/// What an address denotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place<W> {
    /// Offset in bytes into the object of a symbol.
    Symbol(Symbol, W),
    /// Offset in bytes from the stack pointer at entry (concrete: from the stack anchor).
    Frame(i32),
    /// Anything else.
    Unknown,
}

/// Values and the operations on them.
///
/// `W` is a 32-bit word, `B` a boolean, `M` the contents of all memory but what [`Domain::locate`] calls otherwise: 2^32 bytes,
/// indexed by their distance from the start of linear memory. So linear memory has its own indices, and a byte of the host, or
/// of linear memory accessed at its host address, has the index that is its address minus the base's.
pub trait Domain: Clone + Debug {
    /// A 32-bit word.
    type W: Clone + PartialEq + Debug;
    /// A boolean.
    type B: Clone + PartialEq + Debug;
    /// Contents of linear memory.
    type M: Clone + Debug;

    /// The word with this value.
    fn word(&mut self, value: u32) -> Self::W;
    /// The value of a word if it is known.
    fn as_word(&self, w: &Self::W) -> Option<u32>;
    /// The boolean with this value.
    fn bool(&mut self, value: bool) -> Self::B;
    /// The value of a boolean if it is known.
    fn as_bool(&self, b: &Self::B) -> Option<bool>;
    /// Applies a binary operation.
    fn bin(&mut self, op: BinOp, a: &Self::W, b: &Self::W) -> Self::W;
    /// Applies a unary operation.
    fn un(&mut self, op: UnOp, a: &Self::W) -> Self::W;
    /// One word (low or high) of a 64-bit division of `a` by `b`, each (low, high).
    fn div64(&mut self, op: DivOp, high: bool, a: [&Self::W; 2], b: [&Self::W; 2]) -> Self::W;
    /// Compares.
    fn cmp(&mut self, op: CmpOp, a: &Self::W, b: &Self::W) -> Self::B;
    /// Signed overflow of `a + b + carry`.
    fn add_overflow(&mut self, a: &Self::W, b: &Self::W, carry: &Self::B) -> Self::B;
    /// Signed overflow of `a - b - !carry`.
    fn sub_overflow(&mut self, a: &Self::W, b: &Self::W, carry: &Self::B) -> Self::B;
    /// Negation.
    fn not(&mut self, a: &Self::B) -> Self::B;
    /// Conjunction.
    fn and(&mut self, a: &Self::B, b: &Self::B) -> Self::B;
    /// Exclusive or.
    fn xor(&mut self, a: &Self::B, b: &Self::B) -> Self::B;
    /// `a` if `c`, else `b`.
    fn ite(&mut self, c: &Self::B, a: &Self::W, b: &Self::W) -> Self::W;
    /// Boolean `a` if `c`, else `b`.
    fn ite_bool(&mut self, c: &Self::B, a: &Self::B, b: &Self::B) -> Self::B;
    /// Little-endian load at offset `index`, zero-extended; the offset of each byte is taken modulo 2^32.
    fn load(&mut self, m: &Self::M, width: Width, index: &Self::W) -> Self::W;
    /// Little-endian store of the low bits of `value` at offset `index`.
    fn store(&mut self, m: &Self::M, width: Width, index: &Self::W, value: &Self::W) -> Self::M;
    /// Memory after filling `len` bytes at `dst` with the low byte of `value`.
    fn fill(&mut self, m: &Self::M, dst: &Self::W, value: &Self::W, len: &Self::W) -> Self::M;
    /// Memory after copying `len` bytes from `src` to `dst` as if through a temporary.
    fn copy(&mut self, m: &Self::M, dst: &Self::W, src: &Self::W, len: &Self::W) -> Self::M;
    /// Memory after copying `len` bytes of data segment `segment` from offset `src` to `dst`.
    fn init(&mut self, m: &Self::M, segment: u32, dst: &Self::W, src: &Self::W, len: &Self::W) -> Self::M;
    /// The type word (0 for null, else 1 + canonical type index) of table entry `index`, which is in range.
    fn table_type(&mut self, table: u32, index: &Self::W) -> Self::W;
    /// The function word of table entry `index`, which is in range and not null: the address of its code.
    fn table_function(&mut self, table: u32, index: &Self::W) -> Self::W;
    /// The address of a symbol.
    fn symbol(&mut self, symbol: Symbol) -> Self::W;
    /// The word that core register `n` (4 to 11, 13 sp, 14 lr) held at entry.
    fn entry_register(&mut self, n: u8) -> Self::W;
    /// A word that nobody knows.
    fn havoc(&mut self) -> Self::W;
    /// What an address denotes.
    fn locate(&mut self, address: &Self::W) -> Place<Self::W>;

    /// Whether all of `bytes` bytes (1, 2 or 4) from an index on may be read, or written, as the host's. What holds of them does not change
    /// but by calls, and `memory` tells since which call it is.
    fn is_host(&mut self, memory: &Self::M, index: &Self::W, bytes: u32, writes: bool) -> Self::B;

    /// `(i, r)` with `offset = stride · i + r` modulo 2^32 and constant `r < stride`, if it is known. Where `i` is known to be
    /// less than `2^32 / stride`, it is the quotient.
    fn split_stride(&mut self, offset: &Self::W, stride: u32) -> Option<(Self::W, u32)>;

    /// The index of the byte at a host address.
    fn host_index(&mut self, address: &Self::W) -> Self::W {
        let base = self.symbol(Symbol::Memory);
        self.bin(BinOp::Sub, address, &base)
    }
    /// Disjunction.
    fn or(&mut self, a: &Self::B, b: &Self::B) -> Self::B {
        let (na, nb) = (self.not(a), self.not(b));
        let n = self.and(&na, &nb);
        self.not(&n)
    }
    /// Carry out of `a + b + carry` (33-bit unsigned sum).
    fn add_carry(&mut self, a: &Self::W, b: &Self::W, carry: &Self::B) -> Self::B {
        let sum = self.bin(BinOp::Add, a, b);
        let wrapped = self.cmp(CmpOp::Ult, &sum, a);
        let ones = self.word(u32::MAX);
        let full = self.cmp(CmpOp::Eq, &sum, &ones);
        let ripple = self.and(&full, carry);
        self.or(&wrapped, &ripple)
    }
    /// Carry out of `a - b - !carry`: true if there is no borrow.
    fn sub_carry(&mut self, a: &Self::W, b: &Self::W, carry: &Self::B) -> Self::B {
        if self.as_bool(carry) == Some(true) {
            let borrow = self.cmp(CmpOp::Ult, a, b);
            return self.not(&borrow);
        }
        let less = self.cmp(CmpOp::Ult, b, a);
        let equal = self.cmp(CmpOp::Eq, a, b);
        let equal = self.and(&equal, carry);
        self.or(&less, &equal)
    }
    /// 1 if `b`, else 0.
    fn bit(&mut self, b: &Self::B) -> Self::W {
        let (one, zero) = (self.word(1), self.word(0));
        self.ite(b, &one, &zero)
    }
    /// Whether `a` is not zero.
    fn nonzero(&mut self, a: &Self::W) -> Self::B {
        let zero = self.word(0);
        let z = self.cmp(CmpOp::Eq, a, &zero);
        self.not(&z)
    }
    /// Applies a binary operation to a word and a constant.
    fn bin_const(&mut self, op: BinOp, a: &Self::W, b: u32) -> Self::W {
        let b = self.word(b);
        self.bin(op, a, &b)
    }
    /// Compares a word with a constant.
    fn cmp_const(&mut self, op: CmpOp, a: &Self::W, b: u32) -> Self::B {
        let b = self.word(b);
        self.cmp(op, a, &b)
    }
}
