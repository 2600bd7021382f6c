//! Selection of calls, by the procedure call standard.

use super::Selector;
use crate::abi::{Slot, place_arguments, words};
use crate::encode::memory::Access;
use crate::error::CompileError;
use crate::faults;
use crate::machine::{Inst, Reg, Target};
use synth_validator::domain::{DivOp, Symbol};
use synth_validator::ir::{Inst as IrInst, Type, Value};

/// Most bytes of outgoing stack arguments, so that they are addressed by an immediate.
const OUTGOING_BYTES_MAX: u32 = 4096;

impl Selector<'_> {
    pub(super) fn call_function(&mut self, inst: &IrInst, func: u32) -> Result<(), CompileError> {
        let info = self.info.functions.get(func as usize);
        let info = info.ok_or_else(|| self.internal(format!("call of unknown function {func}")))?;
        self.call(Target::Function(func), &info.params, &info.results, &inst.args, &inst.results)
    }
    pub(super) fn call_indirect(&mut self, inst: &IrInst, type_index: u32) -> Result<(), CompileError> {
        let ty = self.info.types.get(type_index as usize);
        let ty = ty.ok_or_else(|| self.internal(format!("call of unknown type {type_index}")))?;
        let address = self.reg(inst.args[0])?;
        self.call(Target::Register(address, type_index), &ty.params, &ty.results, &inst.args[1..], &inst.results)
    }
    fn call(
        &mut self,
        target: Target,
        params: &[Type],
        result_types: &[Type],
        values: &[Value],
        results: &[Value],
    ) -> Result<(), CompileError> {
        let (slots, stack_bytes) = place_arguments(params);
        if slots.len() != values.len() || words(result_types) != results.len() {
            return Err(self.internal("a call's words do not match its type"));
        }
        if stack_bytes > OUTGOING_BYTES_MAX {
            let limit = u64::from(OUTGOING_BYTES_MAX / 4);
            return Err(CompileError::Limit { function: Some(self.func.index), what: "stack argument words", limit });
        }
        self.machine.outgoing_bytes = self.machine.outgoing_bytes.max(stack_bytes);
        for (slot, &v) in slots.iter().zip(values) {
            if let Slot::Stack(offset) = *slot {
                let rt = self.reg(v)?;
                self.emit(Inst::StoreOutgoing { rt, offset });
            }
        }
        let mut args = Vec::new();
        for (slot, &v) in slots.iter().zip(values) {
            if let Slot::Reg(n) = *slot {
                args.push((self.reg(v)?, n));
            }
        }
        let in_registers = results.iter().take(4).enumerate();
        let results_in: Vec<(Reg, u8)> = in_registers.map(|(n, v)| (self.home(*v), n as u8)).collect();
        self.emit(Inst::Call { target, args, results: results_in });
        for (n, &v) in results.iter().skip(4).enumerate() {
            let address = self.result_address(n);
            let rt = self.home(v);
            self.emit(Inst::Memory { access: Access::Ldr, rt, address });
        }
        Ok(())
    }
    fn helper(&mut self, name: &'static str, args: &[Reg], results: Vec<(Reg, u8)>) {
        let args = args.iter().zip(0..).map(|(r, n)| (*r, n)).collect();
        self.emit(Inst::Call { target: Target::Helper(name), args, results });
    }
    pub(super) fn divide_pairs(&mut self, op: DivOp, inst: &IrInst) -> Result<(), CompileError> {
        let mut args = Vec::new();
        for &v in &inst.args {
            args.push(self.reg(v)?);
        }
        let name = match op {
            DivOp::UQuot | DivOp::URem if faults::on("select-helper-sign") => "__aeabi_ldivmod",
            DivOp::UQuot | DivOp::URem => "__aeabi_uldivmod",
            DivOp::SQuot | DivOp::SRem => "__aeabi_ldivmod",
        };
        let is_quotient = matches!(op, DivOp::UQuot | DivOp::SQuot) || faults::on("select-remainder");
        let first = if is_quotient { 0 } else { 2 };
        let (lo, hi) = (self.home(inst.results[0]), self.home(inst.results[1]));
        self.helper(name, &args, vec![(lo, first), (hi, first + 1)]);
        Ok(())
    }
    pub(super) fn copy(&mut self, source: Symbol, inst: &IrInst) -> Result<(), CompileError> {
        let to = self.element(Symbol::Memory, inst.args[0])?;
        let from = self.element(source, inst.args[1])?;
        let len = self.reg(inst.args[2])?;
        self.helper(
            if faults::on("select-copy-helper") { "__aeabi_memcpy" } else { "__aeabi_memmove" },
            &[to, from, len],
            Vec::new(),
        );
        Ok(())
    }
    pub(super) fn fill(&mut self, inst: &IrInst) -> Result<(), CompileError> {
        let to = self.element(Symbol::Memory, inst.args[0])?;
        let (value, len) = (self.reg(inst.args[1])?, self.reg(inst.args[2])?);
        let args = if faults::on("select-fill-order") { [to, value, len] } else { [to, len, value] };
        self.helper("__aeabi_memset", &args, Vec::new());
        Ok(())
    }
}
