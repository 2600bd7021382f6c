//! WebAssembly operators as the writer uses them: their bytes, and what may not be exchanged with what.
//!
//! Source: WebAssembly Core 2.0, 5.4 (binary format of instructions).

use synth_validator::domain::{BinOp, DivOp, UnOp, Width};
use synth_validator::ir::{Bin64, Cond, Type, Un64};
use synth_validator::trap::TrapKind;

/// An operator without control.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WasmOp {
    /// `i32.const`.
    Const32(u32),
    /// `i64.const`.
    Const64(u64),
    /// A numeric operator of one byte that never traps.
    Numeric(u8),
    /// A division or remainder.
    Divide(u8),
    /// `select`.
    Select,
    /// A load: opcode, alignment hint, offset.
    Load(u8, u8, u32),
    /// A store: opcode, alignment hint, offset.
    Store(u8, u8, u32),
    /// `global.get`.
    GlobalGet(u32),
    /// `global.set`.
    GlobalSet(u32),
    /// `memory.size`.
    MemorySize,
    /// `memory.grow`.
    MemoryGrow,
    /// `memory.copy`.
    MemoryCopy,
    /// `memory.fill`.
    MemoryFill,
    /// `memory.init`.
    MemoryInit(u32),
    /// `call`.
    Call(u32),
    /// `call_indirect`: type, table.
    CallIndirect(u32, u32),
    /// `if`, a sequence that traps with this kind, `end`.
    TrapIf(TrapKind),
}

/// What an operator reads, changes and may do, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    reads: u8,
    writes: u8,
    /// Bits of trap kinds.
    traps: u8,
}

const MEMORY: u8 = 1;
const GLOBALS: u8 = 2;
const SIZE: u8 = 4;
const ALL: u8 = 7;
const OUT_OF_BOUNDS: u8 = 1;
const DIVISION: u8 = 2;
const OTHER: u8 = 4;

impl Effects {
    /// Whether two operators next to each other may not change places. Traps of one kind look alike as long as nothing
    /// is written between them.
    pub fn conflict(self, other: Effects) -> bool {
        let written = |a: Effects, b: Effects| a.writes & (b.reads | b.writes) != 0 || (a.traps != 0 && b.writes != 0);
        let told_apart = self.traps != 0 && other.traps != 0 && (self.traps | other.traps).count_ones() > 1;
        written(self, other) || written(other, self) || told_apart
    }
    /// Whether the operator may be left out if its results are not used.
    pub fn is_removable(self) -> bool {
        self.writes == 0 && self.traps == 0
    }
}

impl WasmOp {
    /// What it reads, changes and may do.
    pub fn effects(&self) -> Effects {
        let effects = |reads, writes, traps| Effects { reads, writes, traps };
        match self {
            WasmOp::Const32(_) | WasmOp::Const64(_) | WasmOp::Numeric(_) | WasmOp::Select => Effects::default(),
            WasmOp::Divide(_) => effects(0, 0, DIVISION | OTHER),
            WasmOp::Load(..) => effects(MEMORY | SIZE, 0, OUT_OF_BOUNDS),
            WasmOp::Store(..) => effects(SIZE, MEMORY, OUT_OF_BOUNDS),
            WasmOp::GlobalGet(_) => effects(GLOBALS, 0, 0),
            WasmOp::GlobalSet(_) => effects(0, GLOBALS, 0),
            WasmOp::MemorySize => effects(SIZE, 0, 0),
            WasmOp::MemoryGrow => effects(SIZE, SIZE, 0),
            WasmOp::MemoryCopy | WasmOp::MemoryFill | WasmOp::MemoryInit(_) => {
                effects(MEMORY | SIZE, MEMORY, OUT_OF_BOUNDS)
            }
            WasmOp::Call(_) | WasmOp::CallIndirect(..) => effects(ALL, ALL, OUT_OF_BOUNDS | DIVISION | OTHER),
            WasmOp::TrapIf(_) => effects(0, 0, OUT_OF_BOUNDS | DIVISION | OTHER),
        }
    }
    /// Whether it is a constant, which is made anew at each use.
    pub fn is_constant(&self) -> bool {
        matches!(self, WasmOp::Const32(_) | WasmOp::Const64(_))
    }
    /// The operator that takes the same operands in the other order.
    pub fn exchanged(&self) -> Option<WasmOp> {
        let WasmOp::Numeric(code) = self else { return None };
        Some(WasmOp::Numeric(match code {
            // eq, ne; add, mul, and, or, xor.
            0x46 | 0x47 | 0x51 | 0x52 | 0x6a | 0x6c | 0x71..=0x73 | 0x7c | 0x7e | 0x83..=0x85 => *code,
            0x48..=0x4f => 0x48 + exchanged_order(code - 0x48),
            0x53..=0x5a => 0x53 + exchanged_order(code - 0x53),
            _ => return None,
        }))
    }
    /// The comparison that holds exactly if this one does not.
    pub fn negated(&self) -> Option<WasmOp> {
        let WasmOp::Numeric(code) = self else { return None };
        Some(WasmOp::Numeric(match code {
            0x46 | 0x51 => code + 1,
            0x47 | 0x52 => code - 1,
            0x48..=0x4f => 0x48 + negated_order(code - 0x48),
            0x53..=0x5a => 0x53 + negated_order(code - 0x53),
            _ => return None,
        }))
    }
}

/// Of `lt_s, lt_u, gt_s, gt_u, le_s, le_u, ge_s, ge_u` the one with operands exchanged.
fn exchanged_order(n: u8) -> u8 {
    n ^ 2
}

/// Of the same the opposite.
fn negated_order(n: u8) -> u8 {
    n ^ 6
}

/// `i32.eqz` or `i64.eqz`.
pub fn eqz(ty: Type) -> WasmOp {
    WasmOp::Numeric(if ty == Type::I32 { 0x45 } else { 0x50 })
}

/// A comparison.
pub fn compare(ty: Type, cond: Cond) -> WasmOp {
    let n = match cond {
        Cond::Eq => 0,
        Cond::Ne => 1,
        Cond::LtS => 2,
        Cond::LtU => 3,
        Cond::GtS => 4,
        Cond::GtU => 5,
        Cond::LeS => 6,
        Cond::LeU => 7,
        Cond::GeS => 8,
        Cond::GeU => 9,
    };
    WasmOp::Numeric(n + if ty == Type::I32 { 0x46 } else { 0x51 })
}

/// `i32.rotl`.
pub const I32_ROTL: WasmOp = WasmOp::Numeric(0x77);
/// `i32.ctz`.
pub const I32_CTZ: WasmOp = WasmOp::Numeric(0x68);
/// `i32.wrap_i64`.
pub const I32_WRAP: WasmOp = WasmOp::Numeric(0xa7);
/// `i64.extend_i32_s`.
pub const I64_EXTEND_S: WasmOp = WasmOp::Numeric(0xac);
/// `i64.extend_i32_u`.
pub const I64_EXTEND_U: WasmOp = WasmOp::Numeric(0xad);

/// A binary operation on words; shifts with an amount below 32.
pub fn binary(op: BinOp) -> Option<WasmOp> {
    Some(match op {
        BinOp::UDiv => divide(Type::I32, DivOp::UQuot),
        BinOp::SDiv => divide(Type::I32, DivOp::SQuot),
        _ => WasmOp::Numeric(match op {
            BinOp::Add => 0x6a,
            BinOp::Sub => 0x6b,
            BinOp::Mul => 0x6c,
            BinOp::And => 0x71,
            BinOp::Or => 0x72,
            BinOp::Xor => 0x73,
            BinOp::Shl => 0x74,
            BinOp::Ashr => 0x75,
            BinOp::Lshr => 0x76,
            BinOp::Ror => 0x78,
            BinOp::UMulHi | BinOp::SMulHi | BinOp::UDiv | BinOp::SDiv => return None,
        }),
    })
}

/// A division.
pub fn divide(ty: Type, op: DivOp) -> WasmOp {
    let n = match op {
        DivOp::SQuot => 0,
        DivOp::UQuot => 1,
        DivOp::SRem => 2,
        DivOp::URem => 3,
    };
    WasmOp::Divide(n + if ty == Type::I32 { 0x6d } else { 0x7f })
}

/// A binary operation on `I64` values.
pub fn binary64(op: Bin64) -> WasmOp {
    WasmOp::Numeric(match op {
        Bin64::Div(op) => return divide(Type::I64, op),
        Bin64::Add => 0x7c,
        Bin64::Sub => 0x7d,
        Bin64::Mul => 0x7e,
        Bin64::And => 0x83,
        Bin64::Or => 0x84,
        Bin64::Xor => 0x85,
        Bin64::Shl => 0x86,
        Bin64::ShrS => 0x87,
        Bin64::ShrU => 0x88,
        Bin64::Rotl => 0x89,
        Bin64::Rotr => 0x8a,
    })
}

/// A unary operation on words.
pub fn unary(op: UnOp) -> Option<WasmOp> {
    Some(WasmOp::Numeric(match op {
        UnOp::Clz => 0x67,
        UnOp::Popcnt => 0x69,
        UnOp::Sext8 => 0xc0,
        UnOp::Sext16 => 0xc1,
        UnOp::Rbit | UnOp::Rev | UnOp::Rev16 => return None,
    }))
}

/// A unary operation on `I64` values.
pub fn unary64(op: Un64) -> WasmOp {
    WasmOp::Numeric(match op {
        Un64::Clz => 0x79,
        Un64::Ctz => 0x7a,
        Un64::Popcnt => 0x7b,
        Un64::Sext8 => 0xc2,
        Un64::Sext16 => 0xc3,
        Un64::Sext32 => 0xc4,
    })
}

/// Opcode of a load of this width (`None`: 64 bits) into a value of this type, and its natural alignment.
pub fn load(ty: Type, width: Option<Width>, signed: bool) -> (u8, u8) {
    let sign = u8::from(!signed);
    match (ty, width) {
        (Type::I32, Some(Width::Word)) => (0x28, 2),
        (Type::I32, Some(Width::Byte)) => (0x2c + sign, 0),
        (Type::I32, Some(Width::Half)) => (0x2e + sign, 1),
        (Type::I64, Some(Width::Byte)) => (0x30 + sign, 0),
        (Type::I64, Some(Width::Half)) => (0x32 + sign, 1),
        (Type::I64, Some(Width::Word)) => (0x34 + sign, 2),
        (_, None) => (0x29, 3),
    }
}

/// Opcode of a store of this width (`None`: 64 bits) from a value of this type, and its natural alignment.
pub fn store(ty: Type, width: Option<Width>) -> (u8, u8) {
    match (ty, width) {
        (Type::I32, Some(Width::Word)) => (0x36, 2),
        (Type::I32, Some(Width::Byte)) => (0x3a, 0),
        (Type::I32, Some(Width::Half)) => (0x3b, 1),
        (Type::I64, Some(Width::Byte)) => (0x3c, 0),
        (Type::I64, Some(Width::Half)) => (0x3d, 1),
        (Type::I64, Some(Width::Word)) => (0x3e, 2),
        (_, None) => (0x37, 3),
    }
}

/// The alignment hint of the access that stands at an offset of the module, if one stands there.
pub fn alignment_at(bytes: &[u8], offset: u32) -> Option<u8> {
    let code = *bytes.get(offset as usize)?;
    let align = *bytes.get(offset as usize + 1)?;
    (0x28..=0x3e).contains(&code).then_some(align).filter(|a| *a <= 3)
}
