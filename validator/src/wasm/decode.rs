//! Which operator of the binary format is which of ours: one row per operator with a fixed signature.
//!
//! Floating-point numbers are their bits: what only moves them is what moves integers.
//! Operators whose types depend on the stack, the module or the open blocks are in [`super::code`].
//! Source: WebAssembly Core 2.0, 3.3 (types of instructions), 5.4 (binary format, decoded by `wasmparser`).

use super::code::Operator;
use super::operators::{Bin32, Numeric, Un32};
use crate::domain::{DivOp, Width};
use crate::ir::{Bin64, Cond, Type, Un64};
use wasmparser::{MemArg, Operator as Wasm};

const I: &[Type] = &[Type::I32];
const L: &[Type] = &[Type::I64];
const II: &[Type] = &[Type::I32, Type::I32];
const IL: &[Type] = &[Type::I32, Type::I64];
/// Three `i32`.
pub(super) const III: &[Type] = &[Type::I32, Type::I32, Type::I32];
const LL: &[Type] = &[Type::I64, Type::I64];

/// Operators with a fixed signature that may trap or touch memory: meaning, operand types, result types.
pub(super) fn fixed(op: &Wasm) -> Option<(Operator, &'static [Type], &'static [Type])> {
    use Type::{I32, I64};
    use Width::{Byte, Half, Word};
    // Validation limits the offset of an access to a 32-bit memory to 32 bits.
    let load = |ty: Type, width, signed, m: &MemArg| {
        (Operator::Load { ty, width, signed, offset: m.offset as u32 }, I, if ty == I32 { I } else { L })
    };
    let store = |ty: Type, width, m: &MemArg| {
        (Operator::Store { ty, width, offset: m.offset as u32 }, if ty == I32 { II } else { IL }, &[] as &[Type])
    };
    Some(match op {
        Wasm::Nop => (Operator::Nop, &[], &[]),
        Wasm::I32ReinterpretF32 | Wasm::F32ReinterpretI32 => (Operator::Nop, I, I),
        Wasm::I64ReinterpretF64 | Wasm::F64ReinterpretI64 => (Operator::Nop, L, L),
        Wasm::I32DivS => (Operator::Div32(DivOp::SQuot), II, I),
        Wasm::I32DivU => (Operator::Div32(DivOp::UQuot), II, I),
        Wasm::I32RemS => (Operator::Div32(DivOp::SRem), II, I),
        Wasm::I32RemU => (Operator::Div32(DivOp::URem), II, I),
        Wasm::I64DivS => (Operator::Div64(DivOp::SQuot), LL, L),
        Wasm::I64DivU => (Operator::Div64(DivOp::UQuot), LL, L),
        Wasm::I64RemS => (Operator::Div64(DivOp::SRem), LL, L),
        Wasm::I64RemU => (Operator::Div64(DivOp::URem), LL, L),
        Wasm::I32Load { memarg } | Wasm::F32Load { memarg } => load(I32, Word, false, memarg),
        Wasm::I32Load8S { memarg } => load(I32, Byte, true, memarg),
        Wasm::I32Load8U { memarg } => load(I32, Byte, false, memarg),
        Wasm::I32Load16S { memarg } => load(I32, Half, true, memarg),
        Wasm::I32Load16U { memarg } => load(I32, Half, false, memarg),
        Wasm::I64Load { memarg } | Wasm::F64Load { memarg } => (Operator::Load64(memarg.offset as u32), I, L),
        Wasm::I64Load8S { memarg } => load(I64, Byte, true, memarg),
        Wasm::I64Load8U { memarg } => load(I64, Byte, false, memarg),
        Wasm::I64Load16S { memarg } => load(I64, Half, true, memarg),
        Wasm::I64Load16U { memarg } => load(I64, Half, false, memarg),
        Wasm::I64Load32S { memarg } => load(I64, Word, true, memarg),
        Wasm::I64Load32U { memarg } => load(I64, Word, false, memarg),
        Wasm::I32Store { memarg } | Wasm::F32Store { memarg } => store(I32, Word, memarg),
        Wasm::I32Store8 { memarg } => store(I32, Byte, memarg),
        Wasm::I32Store16 { memarg } => store(I32, Half, memarg),
        Wasm::I64Store { memarg } | Wasm::F64Store { memarg } => (Operator::Store64(memarg.offset as u32), IL, &[]),
        Wasm::I64Store8 { memarg } => store(I64, Byte, memarg),
        Wasm::I64Store16 { memarg } => store(I64, Half, memarg),
        Wasm::I64Store32 { memarg } => store(I64, Word, memarg),
        Wasm::MemorySize { .. } => (Operator::MemorySize, &[], I),
        Wasm::MemoryGrow { .. } => (Operator::MemoryGrow, I, I),
        Wasm::MemoryCopy { .. } => (Operator::MemoryCopy, III, &[]),
        Wasm::MemoryFill { .. } => (Operator::MemoryFill, III, &[]),
        _ => return None,
    })
}

/// Operators that compute and never trap.
pub(super) fn numeric(op: &Wasm) -> Option<Numeric> {
    use Numeric::{Binary32, Binary64, Compare32, Compare64, Unary32, Unary64};
    Some(match op {
        Wasm::I32Const { value } => Numeric::Const32(*value as u32),
        Wasm::I64Const { value } => Numeric::Const64(*value as u64),
        Wasm::F32Const { value } => Numeric::Const32(value.bits()),
        Wasm::F64Const { value } => Numeric::Const64(value.bits()),
        Wasm::I32Eqz => Numeric::Eqz32,
        Wasm::I32Eq => Compare32(Cond::Eq),
        Wasm::I32Ne => Compare32(Cond::Ne),
        Wasm::I32LtS => Compare32(Cond::LtS),
        Wasm::I32LtU => Compare32(Cond::LtU),
        Wasm::I32GtS => Compare32(Cond::GtS),
        Wasm::I32GtU => Compare32(Cond::GtU),
        Wasm::I32LeS => Compare32(Cond::LeS),
        Wasm::I32LeU => Compare32(Cond::LeU),
        Wasm::I32GeS => Compare32(Cond::GeS),
        Wasm::I32GeU => Compare32(Cond::GeU),
        Wasm::I64Eqz => Numeric::Eqz64,
        Wasm::I64Eq => Compare64(Cond::Eq),
        Wasm::I64Ne => Compare64(Cond::Ne),
        Wasm::I64LtS => Compare64(Cond::LtS),
        Wasm::I64LtU => Compare64(Cond::LtU),
        Wasm::I64GtS => Compare64(Cond::GtS),
        Wasm::I64GtU => Compare64(Cond::GtU),
        Wasm::I64LeS => Compare64(Cond::LeS),
        Wasm::I64LeU => Compare64(Cond::LeU),
        Wasm::I64GeS => Compare64(Cond::GeS),
        Wasm::I64GeU => Compare64(Cond::GeU),
        Wasm::I32Clz => Unary32(Un32::Clz),
        Wasm::I32Ctz => Unary32(Un32::Ctz),
        Wasm::I32Popcnt => Unary32(Un32::Popcnt),
        Wasm::I32Extend8S => Unary32(Un32::Sext8),
        Wasm::I32Extend16S => Unary32(Un32::Sext16),
        Wasm::I64Clz => Unary64(Un64::Clz),
        Wasm::I64Ctz => Unary64(Un64::Ctz),
        Wasm::I64Popcnt => Unary64(Un64::Popcnt),
        Wasm::I64Extend8S => Unary64(Un64::Sext8),
        Wasm::I64Extend16S => Unary64(Un64::Sext16),
        Wasm::I64Extend32S => Unary64(Un64::Sext32),
        Wasm::I32Add => Binary32(Bin32::Add),
        Wasm::I32Sub => Binary32(Bin32::Sub),
        Wasm::I32Mul => Binary32(Bin32::Mul),
        Wasm::I32And => Binary32(Bin32::And),
        Wasm::I32Or => Binary32(Bin32::Or),
        Wasm::I32Xor => Binary32(Bin32::Xor),
        Wasm::I32Shl => Binary32(Bin32::Shl),
        Wasm::I32ShrS => Binary32(Bin32::ShrS),
        Wasm::I32ShrU => Binary32(Bin32::ShrU),
        Wasm::I32Rotl => Binary32(Bin32::Rotl),
        Wasm::I32Rotr => Binary32(Bin32::Rotr),
        Wasm::I64Add => Binary64(Bin64::Add),
        Wasm::I64Sub => Binary64(Bin64::Sub),
        Wasm::I64Mul => Binary64(Bin64::Mul),
        Wasm::I64And => Binary64(Bin64::And),
        Wasm::I64Or => Binary64(Bin64::Or),
        Wasm::I64Xor => Binary64(Bin64::Xor),
        Wasm::I64Shl => Binary64(Bin64::Shl),
        Wasm::I64ShrS => Binary64(Bin64::ShrS),
        Wasm::I64ShrU => Binary64(Bin64::ShrU),
        Wasm::I64Rotl => Binary64(Bin64::Rotl),
        Wasm::I64Rotr => Binary64(Bin64::Rotr),
        Wasm::I32WrapI64 => Numeric::Wrap,
        Wasm::I64ExtendI32S => Numeric::ExtendS,
        Wasm::I64ExtendI32U => Numeric::ExtendU,
        _ => return None,
    })
}
