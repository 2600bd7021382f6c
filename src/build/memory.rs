//! Loads and stores, with the checks of the bounds mode.

use super::Builder;
use crate::faults;
use synth_validator::contract::Bounds;
use synth_validator::domain::{BinOp, Space, Symbol, Width};
use synth_validator::ir::{Op, Terminator, Type, Value};
use synth_validator::trap::TrapKind;
use wasmparser::{MemArg, Operator};

/// What a load reads: type, width (`None`: 64 bits), whether it extends the sign.
fn load(operator: &Operator<'_>) -> Option<(MemArg, Type, Option<Width>, bool)> {
    use Operator as O;
    Some(match *operator {
        O::I32Load { memarg } | O::F32Load { memarg } => (memarg, Type::I32, Some(Width::Word), false),
        O::I32Load8U { memarg } => (memarg, Type::I32, Some(Width::Byte), false),
        O::I32Load8S { memarg } => (memarg, Type::I32, Some(Width::Byte), true),
        O::I32Load16U { memarg } => (memarg, Type::I32, Some(Width::Half), false),
        O::I32Load16S { memarg } => (memarg, Type::I32, Some(Width::Half), true),
        O::I64Load { memarg } | O::F64Load { memarg } => (memarg, Type::I64, None, false),
        O::I64Load8U { memarg } => (memarg, Type::I64, Some(Width::Byte), false),
        O::I64Load8S { memarg } => (memarg, Type::I64, Some(Width::Byte), true),
        O::I64Load16U { memarg } => (memarg, Type::I64, Some(Width::Half), false),
        O::I64Load16S { memarg } => (memarg, Type::I64, Some(Width::Half), true),
        O::I64Load32U { memarg } => (memarg, Type::I64, Some(Width::Word), false),
        O::I64Load32S { memarg } => (memarg, Type::I64, Some(Width::Word), true),
        _ => return None,
    })
}

/// What a store writes: width (`None`: 64 bits), whether the operand is an `i64` of which low bits are stored.
fn store(operator: &Operator<'_>) -> Option<(MemArg, Option<Width>, bool)> {
    use Operator as O;
    Some(match *operator {
        O::I32Store { memarg } | O::F32Store { memarg } => (memarg, Some(Width::Word), false),
        O::I32Store8 { memarg } => (memarg, Some(Width::Byte), false),
        O::I32Store16 { memarg } => (memarg, Some(Width::Half), false),
        O::I64Store { memarg } | O::F64Store { memarg } => (memarg, None, false),
        O::I64Store8 { memarg } => (memarg, Some(Width::Byte), true),
        O::I64Store16 { memarg } => (memarg, Some(Width::Half), true),
        O::I64Store32 { memarg } => (memarg, Some(Width::Word), true),
        _ => return None,
    })
}

impl Builder<'_> {
    /// Translates a load or store; false if it is none.
    pub(super) fn access(&mut self, operator: &Operator<'_>) -> bool {
        if let Some((memarg, ty, width, signed)) = load(operator) {
            let (index, space) = (self.pop(), self.space());
            if let Some((index, offset)) = self.index(space, index, memarg, bytes(width)) {
                let v = match width {
                    None => self.long(Op::Load64 { space, offset }, &[index]),
                    Some(width) => {
                        // A word has no bits to extend into another word of its own.
                        let op = Op::Load { space, width, signed: signed && width != Width::Word, offset };
                        let low = self.word(op, &[index]);
                        match (ty, signed && !faults::on("build-load-sign")) {
                            (Type::I32, _) => low,
                            (Type::I64, false) => self.zero_extend(low),
                            (Type::I64, true) => self.sign_extend(low),
                        }
                    }
                };
                self.push(v);
            }
            return true;
        }
        let Some((memarg, width, narrow)) = store(operator) else {
            return false;
        };
        let (value, index, space) = (self.pop(), self.pop(), self.space());
        if let Some((index, offset)) = self.index(space, index, memarg, bytes(width)) {
            let value = if narrow { self.emit(Op::Split, &[value], &[Type::I32, Type::I32])[0] } else { value };
            let op = match width {
                None => Op::Store64 { space, offset },
                Some(width) => Op::Store { space, width, offset },
            };
            self.emit(op, &[index, value], &[]);
        }
        true
    }

    /// Whose address the current load or store has.
    fn space(&self) -> Space {
        if self.module.host_accesses.contains(&self.origin) { Space::Host } else { Space::Linear }
    }

    /// A summand of the current operator's constant, or the constant: plus the address of linear memory, if the constant is an address
    /// there.
    pub(super) fn relocated(&mut self, word: Value) -> Value {
        if !self.module.relocations.operators.contains(&self.origin) {
            return word;
        }
        let base = self.word(Op::Address(Symbol::Memory), &[]);
        self.bin(BinOp::Add, base, word)
    }

    /// Checks or masks an access to linear memory; the index and constant offset to use, or `None` if it always traps.
    fn index(&mut self, space: Space, index: Value, memarg: MemArg, bytes: u32) -> Option<(Value, u32)> {
        let offset = memarg.offset as u32;
        match self.contract.bounds {
            _ if space == Space::Host => Some((self.relocated(index), offset)),
            Bounds::None | Bounds::Mpu => Some((index, offset)),
            Bounds::Software => {
                if memarg.offset + u64::from(bytes) > u64::from(self.contract.capacity_bytes) {
                    self.end(Terminator::Trap(TrapKind::OutOfBoundsMemory));
                    return None;
                }
                let bytes = if faults::on("build-access-width") { 1 } else { bytes };
                self.emit(Op::BoundsCheck { offset, bytes }, &[index], &[]);
                Some((index, offset))
            }
            Bounds::Mask => {
                let sum = if offset == 0 { index } else { self.bin_k(BinOp::Add, index, offset) };
                let mask = self.contract.capacity_bytes.wrapping_sub(1);
                Some((self.bin_k(BinOp::And, sum, mask), 0))
            }
        }
    }
}

/// Bytes of an access.
fn bytes(width: Option<Width>) -> u32 {
    width.map_or(8, Width::bytes)
}
