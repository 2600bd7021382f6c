//! Size and growth of linear memory, bulk copies and fills.

use super::Builder;
use synth_validator::contract::{Bounds, PAGE_BYTES};
use synth_validator::domain::BinOp;
use synth_validator::ir::{Cond, Op, Type, Value};
use synth_validator::trap::TrapKind;
use wasmparser::Operator;

impl Builder<'_> {
    /// Translates an operator on the whole of memory; false if it is none.
    pub(super) fn bulk(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::MemorySize { .. } => {
                let pages = self.pages();
                self.push(pages);
            }
            Operator::MemoryGrow { .. } => self.grow(),
            Operator::MemoryCopy { .. } => {
                let (len, src, dst) = (self.pop(), self.pop(), self.pop());
                self.check_ranges(&[dst, src], len);
                self.emit(Op::MemoryCopy, &[dst, src, len], &[]);
            }
            Operator::MemoryFill { .. } => {
                let (len, value, dst) = (self.pop(), self.pop(), self.pop());
                self.check_ranges(&[dst], len);
                self.emit(Op::MemoryFill, &[dst, value, len], &[]);
            }
            _ => return false,
        }
        true
    }

    /// Pages of linear memory: a constant if nobody can change them.
    fn pages(&mut self) -> Value {
        match &self.module.memory {
            Some(m) if m.import.is_none() && !self.module.grows => self.k(m.min_pages as u32),
            _ => {
                let bytes = self.word(Op::MemoryBytes, &[]);
                self.bin_k(BinOp::Lshr, bytes, PAGE_BYTES.trailing_zeros())
            }
        }
    }

    fn grow(&mut self) {
        let more = self.pop();
        let bytes = self.word(Op::MemoryBytes, &[]);
        let old = self.bin_k(BinOp::Lshr, bytes, PAGE_BYTES.trailing_zeros());
        let capacity = self.k(self.contract.capacity_bytes / PAGE_BYTES);
        let room = self.bin(BinOp::Sub, capacity, old);
        let fits = self.cmp(Cond::LeU, more, room);
        let added = self.bin_k(BinOp::Shl, more, PAGE_BYTES.trailing_zeros());
        let grown = self.bin(BinOp::Add, bytes, added);
        let size = self.emit(Op::Select, &[fits, grown, bytes], &[Type::I32])[0];
        self.emit(Op::SetMemoryBytes, &[size], &[]);
        let failed = self.k(u32::MAX);
        let result = self.emit(Op::Select, &[fits, old, failed], &[Type::I32])[0];
        self.push(result);
    }

    /// Traps unless `len` bytes at each start are within linear memory.
    fn check_ranges(&mut self, starts: &[Value], len: Value) {
        if matches!(self.contract.bounds, Bounds::None | Bounds::Mpu) {
            return;
        }
        let bytes = self.word(Op::MemoryBytes, &[]);
        let mut outside = self.cmp(Cond::LtU, bytes, len);
        let last = self.bin(BinOp::Sub, bytes, len);
        for start in starts {
            let past = self.cmp(Cond::LtU, last, *start);
            outside = self.bin(BinOp::Or, outside, past);
        }
        self.trap_if(TrapKind::OutOfBoundsMemory, outside);
    }
}
