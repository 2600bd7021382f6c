//! Size and growth of linear memory, bulk copies and fills.

use super::Builder;
use crate::faults;
use crate::module::Mode;
use crate::pipeline::memory_is_constant;
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
                let bytes = self.check_size();
                self.check_ranges(&[(bytes, dst), (bytes, src)], len);
                self.emit(Op::MemoryCopy, &[dst, src, len], &[]);
            }
            Operator::MemoryFill { .. } => {
                let (len, value, dst) = (self.pop(), self.pop(), self.pop());
                let bytes = self.check_size();
                self.check_ranges(&[(bytes, dst)], len);
                self.emit(Op::MemoryFill, &[dst, value, len], &[]);
            }
            Operator::MemoryInit { data_index: segment, .. } => self.memory_init(*segment),
            Operator::DataDrop { data_index } => {
                // An active segment is dropped at instantiation.
                if let Some(cell) = self.module.data[*data_index as usize].dropped.filter(|_| !faults::on("build-drop"))
                {
                    let one = self.k(1);
                    self.emit(Op::GlobalSet { cell }, &[one], &[]);
                }
            }
            // Only `table.init`, which is not supported, can tell a dropped segment.
            Operator::ElemDrop { .. } => {}
            _ => return false,
        }
        true
    }

    fn memory_init(&mut self, segment: u32) {
        let (len, src, dst) = (self.pop(), self.pop(), self.pop());
        let bytes = self.check_size();
        let data = &self.module.data[segment as usize];
        let passive = data.mode == Mode::Passive;
        let (none, all) = (self.k(0), self.k(data.bytes.len() as u32));
        let held = match data.dropped {
            _ if !passive => none,
            None => all,
            Some(cell) => {
                let dropped = self.word(Op::GlobalGet { cell }, &[]);
                self.emit(Op::Select, &[dropped, none, all], &[Type::I32])[0]
            }
        };
        self.check_ranges(&[(bytes, dst), (held, src)], len);
        // Nothing is left of an active segment, so that only a length of 0 gets here.
        if passive {
            self.emit(Op::MemoryInit { segment }, &[dst, src, len], &[]);
        }
    }

    /// Pages of linear memory: a constant if nobody can change them.
    fn pages(&mut self) -> Value {
        match &self.module.memory {
            Some(m) if memory_is_constant(self.module, self.contract) => self.k(m.min_pages as u32),
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
        let declared = self.module.memory.as_ref().and_then(|m| m.max_pages).unwrap_or(u64::MAX);
        let most = declared.min(u64::from(self.contract.capacity_bytes / PAGE_BYTES));
        let most = self.k(most as u32);
        let room = self.bin(BinOp::Sub, most, old);
        let fits = self.cmp(if faults::on("build-grow-room") { Cond::LtU } else { Cond::LeU }, more, room);
        let added = self.bin_k(BinOp::Shl, more, PAGE_BYTES.trailing_zeros());
        let grown = self.bin(BinOp::Add, bytes, added);
        let size = self.emit(Op::Select, &[fits, grown, bytes], &[Type::I32])[0];
        self.emit(Op::SetMemoryBytes, &[size], &[]);
        let failed = self.k(if faults::on("build-grow-failed") { 0 } else { u32::MAX });
        let result = self.emit(Op::Select, &[fits, old, failed], &[Type::I32])[0];
        self.push(result);
    }

    /// The size of linear memory, for checks.
    fn check_size(&mut self) -> Value {
        self.word(Op::MemoryBytes, &[])
    }

    /// Traps unless `len` bytes at each start are within the size given with it.
    fn check_ranges(&mut self, ranges: &[(Value, Value)], len: Value) {
        if matches!(self.contract.bounds, Bounds::None | Bounds::Mpu) {
            return;
        }
        let mut outside = None;
        for (size, start) in &ranges[..if faults::on("build-copy-source") { 1 } else { ranges.len() }] {
            let long = self.cmp(Cond::LtU, *size, len);
            let last = self.bin(BinOp::Sub, *size, len);
            let past = self.cmp(Cond::LtU, last, *start);
            let here = self.bin(BinOp::Or, long, past);
            outside = Some(outside.map_or(here, |outside| self.bin(BinOp::Or, outside, here)));
        }
        if let Some(outside) = outside {
            self.trap_if(TrapKind::OutOfBoundsMemory, outside);
        }
    }
}
