//! The intermediate representation: SSA with block parameters.
//!
//! Compiler and validator share these types; nothing rests on their meaning, because the same meaning
//! ([`crate::ir_semantics`]) stands on both sides of it in the chain of links.
//! Block 0 is the entry; its parameters are the function's.

use crate::domain::{BinOp, CmpOp, DivOp, Space, Symbol, UnOp, Width};
use crate::trap::TrapKind;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::BTreeSet;

/// Type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Type {
    /// 32 bits.
    I32,
    /// 64 bits; absent after legalization.
    I64,
}

impl Type {
    /// Words that a value of this type takes.
    pub fn words(self) -> usize {
        match self {
            Type::I32 => 1,
            Type::I64 => 2,
        }
    }
}

/// An SSA value, index into [`Func::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Value(pub u32);

/// Values; few need no memory of their own.
pub type Values = SmallVec<[Value; 4]>;

/// A block, index into [`Func::blocks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Block(pub u32);

/// Binary operations on `I64` values, as in WebAssembly except that division is total (see [`DivOp`]) and shift
/// amounts are `I64` values taken modulo 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Bin64 {
    /// Sum modulo 2^64.
    Add,
    /// Difference modulo 2^64.
    Sub,
    /// Product modulo 2^64.
    Mul,
    /// Quotient or remainder.
    Div(DivOp),
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Left shift.
    Shl,
    /// Logical right shift.
    ShrU,
    /// Arithmetic right shift.
    ShrS,
    /// Rotate left.
    Rotl,
    /// Rotate right.
    Rotr,
}

/// Unary operations on `I64` values; results are `I64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Un64 {
    /// Leading zeros.
    Clz,
    /// Trailing zeros.
    Ctz,
    /// One bits.
    Popcnt,
    /// Sign extension of the low 8 bits.
    Sext8,
    /// Sign extension of the low 16 bits.
    Sext16,
    /// Sign extension of the low 32 bits.
    Sext32,
}

/// Comparisons; the result is the `I32` 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cond {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less, unsigned.
    LtU,
    /// Less, signed.
    LtS,
    /// Greater, unsigned.
    GtU,
    /// Greater, signed.
    GtS,
    /// Less or equal, unsigned.
    LeU,
    /// Less or equal, signed.
    LeS,
    /// Greater or equal, unsigned.
    GeU,
    /// Greater or equal, signed.
    GeS,
}

impl Cond {
    /// How the comparison is made: operation, operands exchanged, result negated.
    pub fn parts(self) -> (CmpOp, bool, bool) {
        match self {
            Cond::Eq => (CmpOp::Eq, false, false),
            Cond::Ne => (CmpOp::Eq, false, true),
            Cond::LtU => (CmpOp::Ult, false, false),
            Cond::LtS => (CmpOp::Slt, false, false),
            Cond::GtU => (CmpOp::Ult, true, false),
            Cond::GtS => (CmpOp::Slt, true, false),
            Cond::LeU => (CmpOp::Ult, true, true),
            Cond::LeS => (CmpOp::Slt, true, true),
            Cond::GeU => (CmpOp::Ult, false, true),
            Cond::GeS => (CmpOp::Slt, false, true),
        }
    }
}

/// What an instruction does. `args` and `results` stand in [`Inst`]; their number and types are given here as
/// `(arguments) -> (results)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Op {
    /// `() -> (I32)` constant.
    Const(u32),
    /// `() -> (I64)` constant.
    Const64(u64),
    /// `() -> (I32)` address of a symbol.
    Address(Symbol),
    /// `(I32, I32) -> (I32)`; the shifts take the low byte of the amount (as Arm's register shifts do), `Ror` the
    /// amount modulo 32.
    Bin(BinOp),
    /// `(I32) -> (I32)`.
    Un(UnOp),
    /// `(I32, I32) -> (I32)`.
    Cmp(Cond),
    /// `(I32 condition, T, T) -> (T)`: the first if the condition is not zero.
    Select,
    /// `(I64, I64) -> (I64)`.
    Bin64(Bin64),
    /// `(I64) -> (I64)`.
    Un64(Un64),
    /// `(I64, I64) -> (I32)`.
    Cmp64(Cond),
    /// `(I32 low, I32 high) -> (I64)`.
    Join,
    /// `(I64) -> (I32 low, I32 high)`.
    Split,
    /// `(al, ah, bl, bh) -> (low, high)`: 64-bit sum of pairs.
    AddPair,
    /// `(al, ah, bl, bh) -> (low, high)`: 64-bit difference of pairs.
    SubPair,
    /// `(a, b) -> (low, high)`: unsigned 32 x 32 product.
    MulWide,
    /// `(al, ah, bl, bh) -> (low, high)`: 64-bit division of pairs.
    DivPair(DivOp),
    /// `(al, ah, bl, bh) -> (I32)`: comparison of pairs.
    CmpPair(Cond),
    /// `(I32 index) -> ()`: traps unless `index + offset + bytes` (no wrap) is within linear memory.
    /// In [`crate::contract::Bounds::None`] and `Mpu` the instruction is not emitted by the compiler.
    BoundsCheck {
        /// Constant added to the index.
        offset: u32,
        /// Bytes accessed, 1, 2, 4 or 8.
        bytes: u32,
    },
    /// `(I32 address) -> (I32)`: loads at `address + offset`, no check.
    Load {
        /// Whose address.
        space: Space,
        /// Bits.
        width: Width,
        /// Whether to sign-extend.
        signed: bool,
        /// Constant added to the address, modulo 2^32.
        offset: u32,
    },
    /// `(I32 address, I32 value) -> ()`: stores the low bits at `address + offset`, no check.
    Store {
        /// Whose address.
        space: Space,
        /// Bits.
        width: Width,
        /// Constant added to the address, modulo 2^32.
        offset: u32,
    },
    /// `(I32 address) -> (I64)`: loads 8 bytes, no check.
    Load64 {
        /// Whose address.
        space: Space,
        /// Constant added to the address, modulo 2^32.
        offset: u32,
    },
    /// `(I32 address, I64 value) -> ()`: stores 8 bytes, no check.
    Store64 {
        /// Whose address.
        space: Space,
        /// Constant added to the address, modulo 2^32.
        offset: u32,
    },
    /// `(I32 condition) -> ()`: traps if the condition is not zero.
    TrapIf(TrapKind),
    /// `() -> (T)`: reads a global; `cell` is its first word.
    GlobalGet {
        /// First cell.
        cell: u32,
    },
    /// `(T) -> ()`: writes a global; `cell` is its first word.
    GlobalSet {
        /// First cell.
        cell: u32,
    },
    /// `() -> (I32)`: size of linear memory in bytes.
    MemoryBytes,
    /// `(I32) -> ()`: sets the size of linear memory in bytes.
    SetMemoryBytes,
    /// `(I32 dst, I32 src, I32 len) -> ()`: copies within linear memory, no check.
    MemoryCopy,
    /// `(I32 dst, I32 value, I32 len) -> ()`: fills linear memory, no check.
    MemoryFill,
    /// `(I32 dst, I32 src, I32 len) -> ()`: copies from a data segment, no check.
    MemoryInit {
        /// Data segment index.
        segment: u32,
    },
    /// `(I32 index) -> (I32)`: type word of a table entry, no check.
    TableType {
        /// Table index.
        table: u32,
    },
    /// `(I32 index) -> (I32)`: function word of a table entry, no check.
    TableFunction {
        /// Table index.
        table: u32,
    },
    /// `(arguments) -> (results)`: calls a function of the module (imports first).
    Call {
        /// Function index.
        func: u32,
    },
    /// `(I32 function word, arguments) -> (results)`: calls through a function word.
    CallIndirect {
        /// Canonical type index.
        type_index: u32,
    },
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// Operands.
    pub args: Values,
    /// Results.
    pub results: Values,
    /// Offset in the module of the WebAssembly instruction it comes from.
    pub origin: u32,
}

/// A jump to a block with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Target.
    pub block: Block,
    /// One value per parameter of the target.
    pub args: Values,
}

/// How a block ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Terminator {
    /// Jumps.
    Jump(Edge),
    /// To the first edge if the `I32` condition is not zero, else to the second.
    Branch(Value, Edge, Edge),
    /// To the edge with the index's number, else to the default.
    Switch(Value, Vec<Edge>, Edge),
    /// Returns.
    Return(Values),
    /// Traps.
    Trap(TrapKind),
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockData {
    /// Parameters.
    pub params: Values,
    /// Instructions in order.
    pub insts: Vec<Inst>,
    /// The end.
    pub end: Terminator,
    /// Offset in the module of the WebAssembly instruction that ends it.
    pub end_origin: u32,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Func {
    /// Index in the module's function index space (imports first).
    pub index: u32,
    /// Types of the results.
    pub results: Vec<Type>,
    /// Type of each value.
    pub values: Vec<Type>,
    /// Blocks; 0 is the entry.
    pub blocks: Vec<BlockData>,
}

impl Func {
    /// The type of a value.
    pub fn type_of(&self, v: Value) -> Type {
        self.values[v.0 as usize]
    }
    /// Whether there is an entry block and every value named exists; IR from outside is refused otherwise.
    pub fn is_closed(&self) -> bool {
        let exists = |values: &[Value]| values.iter().all(|v| (v.0 as usize) < self.values.len());
        let edge = |e: &Edge| exists(&e.args) && (e.block.0 as usize) < self.blocks.len();
        let ends = |end: &Terminator| match end {
            Terminator::Jump(e) => edge(e),
            Terminator::Branch(c, yes, no) => exists(&[*c]) && edge(yes) && edge(no),
            Terminator::Switch(index, targets, default) => {
                exists(&[*index]) && targets.iter().all(edge) && edge(default)
            }
            Terminator::Return(values) => exists(values),
            Terminator::Trap(_) => true,
        };
        let inst = |i: &Inst| exists(&i.args) && exists(&i.results);
        let block = |b: &BlockData| exists(&b.params) && b.insts.iter().all(inst) && ends(&b.end);
        !self.blocks.is_empty() && self.blocks.iter().all(block)
    }
    /// Argument words of the function whose parameter no instruction, edge or terminator uses, reachable or not. Nothing that the
    /// function does depends on them: execution reads values by these uses only.
    pub fn unread_words(&self) -> Vec<u32> {
        let mut used: BTreeSet<Value> = BTreeSet::new();
        for block in &self.blocks {
            used.extend(block.insts.iter().flat_map(|i| &i.args));
            match &block.end {
                Terminator::Jump(edge) => used.extend(&edge.args),
                Terminator::Branch(c, yes, no) => used.extend([*c].iter().chain(&yes.args).chain(&no.args)),
                Terminator::Switch(index, targets, default) => {
                    used.insert(*index);
                    used.extend(targets.iter().chain([default]).flat_map(|e| &e.args));
                }
                Terminator::Return(values) => used.extend(values),
                Terminator::Trap(_) => {}
            }
        }
        let mut words = 0..;
        let mut unread = Vec::new();
        for param in self.blocks.first().iter().flat_map(|b| &b.params) {
            let own = words.by_ref().take(self.type_of(*param).words());
            unread.extend(own.filter(|_| !used.contains(param)));
        }
        unread
    }
    /// Adds a value.
    pub fn value(&mut self, ty: Type) -> Value {
        self.values.push(ty);
        Value(self.values.len() as u32 - 1)
    }
}
