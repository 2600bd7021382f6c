//! Code as a list of operators and control, and its bytes.
//!
//! Source: WebAssembly Core 2.0, 5.2 (values), 5.4 (instructions).

use super::op::WasmOp;
use synth_validator::ir::{Block, Type};
use synth_validator::trap::TrapKind;

/// The type of a block: nothing, or what a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockType {
    /// Neither parameters nor results.
    Empty,
    /// One result.
    Value(Type),
    /// This type of the module.
    Type(u32),
}

/// One piece of code. Locals are numbered as in the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// An operator.
    Op(WasmOp),
    /// `local.get`.
    Get(u32),
    /// `local.set`.
    Set(u32),
    /// `local.tee`.
    Tee(u32),
    /// `drop`.
    Drop,
    /// `block`.
    Block(BlockType),
    /// `loop`.
    Loop(BlockType),
    /// `if`.
    If(BlockType),
    /// `else`.
    Else,
    /// `end`.
    End,
    /// `br`.
    Br(u32),
    /// `br_if`.
    BrIf(u32),
    /// `br_table` with its default last.
    BrTable(Vec<u32>),
    /// `return`.
    Return,
    /// A sequence that traps.
    Trap(TrapKind),
    /// No code: an IR block begins here.
    Point(Block),
}

/// Appends an unsigned number. Source: 5.2.2.
pub fn unsigned(mut n: u64, out: &mut Vec<u8>) {
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        if n == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// Appends a signed number. Source: 5.2.2.
pub fn signed(mut n: i64, out: &mut Vec<u8>) {
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        if (n == 0 && byte & 0x40 == 0) || (n == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// The byte of a value type.
pub fn type_byte(ty: Type) -> u8 {
    match ty {
        Type::I32 => 0x7f,
        Type::I64 => 0x7e,
    }
}

fn block_type(ty: BlockType, out: &mut Vec<u8>) {
    match ty {
        BlockType::Empty => out.push(0x40),
        BlockType::Value(ty) => out.push(type_byte(ty)),
        BlockType::Type(index) => signed(i64::from(index), out),
    }
}

fn indexed(opcode: u8, index: u32, out: &mut Vec<u8>) {
    out.push(opcode);
    unsigned(u64::from(index), out);
}

/// Whether there is a sequence that traps with this kind.
pub fn can_trap(kind: TrapKind) -> bool {
    use TrapKind as K;
    matches!(kind, K::Unreachable | K::OutOfBoundsMemory | K::IntegerDivideByZero | K::IntegerOverflow)
}

/// A sequence that traps with this kind; what follows it cannot be reached.
fn trap(kind: TrapKind, out: &mut Vec<u8>) {
    match kind {
        // i32.const -1; i32.load8_u offset=2^32-1: past the end of every memory.
        TrapKind::OutOfBoundsMemory => out.extend([0x41, 0x7f, 0x2d, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        TrapKind::IntegerDivideByZero => out.extend([0x41, 0, 0x41, 0, 0x6e]),
        TrapKind::IntegerOverflow => out.extend([0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x41, 0x7f, 0x6d]),
        _ => {}
    }
    out.push(0);
}

fn operator(op: &WasmOp, out: &mut Vec<u8>) {
    match op {
        WasmOp::Const32(k) => {
            out.push(0x41);
            signed(i64::from(*k as i32), out);
        }
        WasmOp::Const64(k) => {
            out.push(0x42);
            signed(*k as i64, out);
        }
        WasmOp::Numeric(code) | WasmOp::Divide(code) => out.push(*code),
        WasmOp::Select => out.push(0x1b),
        WasmOp::Load(code, align, offset) | WasmOp::Store(code, align, offset) => {
            out.extend([*code, *align]);
            unsigned(u64::from(*offset), out);
        }
        WasmOp::GlobalGet(global) => indexed(0x23, *global, out),
        WasmOp::GlobalSet(global) => indexed(0x24, *global, out),
        WasmOp::MemorySize => out.extend([0x3f, 0]),
        WasmOp::MemoryGrow => out.extend([0x40, 0]),
        WasmOp::MemoryCopy => out.extend([0xfc, 10, 0, 0]),
        WasmOp::MemoryFill => out.extend([0xfc, 11, 0]),
        WasmOp::MemoryInit(segment) => {
            out.push(0xfc);
            indexed(8, *segment, out);
            out.push(0);
        }
        WasmOp::Call(func) => indexed(0x10, *func, out),
        WasmOp::CallIndirect(ty, table) => {
            indexed(0x11, *ty, out);
            unsigned(u64::from(*table), out);
        }
        WasmOp::TrapIf(kind) => {
            out.extend([0x04, 0x40]);
            trap(*kind, out);
            out.push(0x0b);
        }
    }
}

/// How many bytes an operator takes.
pub fn operator_bytes(op: &WasmOp) -> usize {
    let mut out = Vec::new();
    operator(op, &mut out);
    out.len()
}

/// The bytes of a function: its locals past the parameters by their types, and its code without the last `end`, which is
/// added. `point` is told where blocks begin, in bytes from the start of the result.
pub fn function(locals: &[Type], code: &[Code], mut point: impl FnMut(Block, u32)) -> Vec<u8> {
    let mut out = Vec::new();
    let groups: Vec<&[Type]> = locals.chunk_by(|a, b| a == b).collect();
    unsigned(groups.len() as u64, &mut out);
    for group in groups {
        unsigned(group.len() as u64, &mut out);
        out.push(type_byte(group[0]));
    }
    for piece in code {
        match piece {
            Code::Op(op) => operator(op, &mut out),
            Code::Get(local) => indexed(0x20, *local, &mut out),
            Code::Set(local) => indexed(0x21, *local, &mut out),
            Code::Tee(local) => indexed(0x22, *local, &mut out),
            Code::Drop => out.push(0x1a),
            Code::Block(ty) => {
                out.push(0x02);
                block_type(*ty, &mut out);
            }
            Code::Loop(ty) => {
                out.push(0x03);
                block_type(*ty, &mut out);
            }
            Code::If(ty) => {
                out.push(0x04);
                block_type(*ty, &mut out);
            }
            Code::Else => out.push(0x05),
            Code::End => out.push(0x0b),
            Code::Br(depth) => indexed(0x0c, *depth, &mut out),
            Code::BrIf(depth) => indexed(0x0d, *depth, &mut out),
            Code::BrTable(depths) => {
                out.push(0x0e);
                unsigned(depths.len() as u64 - 1, &mut out);
                depths.iter().for_each(|d| unsigned(u64::from(*d), &mut out));
            }
            Code::Return => out.push(0x0f),
            Code::Trap(kind) => trap(*kind, &mut out),
            Code::Point(block) => point(*block, out.len() as u32),
        }
    }
    out.push(0x0b);
    out
}
