//! Direct and indirect calls.

use super::Builder;
use crate::error::CompileError;
use crate::faults;
use synth_validator::ir::{Cond, Edge, Op, Terminator, Values};
use synth_validator::trap::TrapKind;

impl Builder<'_> {
    /// Calls a function of the module.
    pub(super) fn call(&mut self, func: u32) -> Result<(), CompileError> {
        let ty = self.module.type_of(func);
        let params = ty.int_params().map_err(|t| self.unsupported(t))?;
        let results = ty.int_results().map_err(|t| self.unsupported(t))?;
        let args = self.stack.split_off(self.stack.len() - params.len());
        let func = self.module.callee(func);
        let results = self.emit(Op::Call { func }, &args, &results);
        self.stack.extend(results);
        Ok(())
    }

    /// Calls through a table: one comparison on the way to the call, the trap is told apart off it.
    pub(super) fn call_indirect(&mut self, type_index: u32, table: u32) -> Result<(), CompileError> {
        let ty = &self.module.types[type_index as usize];
        let params = ty.int_params().map_err(|t| self.unsupported(t))?;
        let results = ty.int_results().map_err(|t| self.unsupported(t))?;
        let declared = &self.module.tables[table as usize];
        if !declared.functions {
            return Err(self.unsupported("a call through a table of another type than funcref"));
        }
        let type_index = self.module.canonical[type_index as usize];
        let index = self.pop();
        let size = self.k(declared.min as u32 + u32::from(faults::on("build-table-bound")));
        let outside = self.cmp(Cond::GeU, index, size);
        self.trap_if(TrapKind::OutOfBoundsTable, outside);
        let found = self.word(Op::TableType { table }, &[index]);
        let expected = if faults::on("build-table-type") { found } else { self.k(1 + type_index) };
        let right = self.cmp(Cond::Eq, found, expected);
        let to = |block| Edge { block, args: Values::new() };
        let (good, wrong) = (self.new_block(), self.new_block());
        let (null, mismatch) = (self.new_block(), self.new_block());
        self.end(Terminator::Branch(right, to(good), to(wrong)));
        self.enter(wrong);
        let zero = self.k(0);
        let is_null = self.cmp(Cond::Eq, found, zero);
        self.end(Terminator::Branch(is_null, to(null), to(mismatch)));
        self.func.blocks[null.0 as usize].end = Terminator::Trap(TrapKind::UninitializedElement);
        self.func.blocks[mismatch.0 as usize].end = Terminator::Trap(TrapKind::IndirectCallTypeMismatch);
        self.enter(good);
        let mut args = vec![self.word(Op::TableFunction { table }, &[index])];
        args.extend(self.stack.split_off(self.stack.len() - params.len()));
        let results = self.emit(Op::CallIndirect { type_index }, &args, &results);
        self.stack.extend(results);
        Ok(())
    }
}
