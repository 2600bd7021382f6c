//! Instruction selection: legalized IR to machine instructions with virtual registers.
//!
//! Constants are not kept in registers: each use makes its own or folds it into an immediate. A value with one use
//! in its own block may be *deferred*: it is made when its user asks for it, or becomes part of the user (a compare
//! of a branch, a shift of a shifted operand, a product of `mla`). Symbol addresses and costly constants are kept
//! within a block up to the next call.
//! Relies on: legalized, verified IR. Does not: allocate registers or choose encodings.

mod arith;
mod call;
mod compare;
mod control;
mod memory;

use crate::encode::operand::ModifiedImm;
use crate::error::CompileError;
use crate::ir_facts::Facts;
use crate::machine::{Inst, MachineBlock, MachineFunc, Reg, Src};
use crate::module_info::ModuleInfo;
use std::collections::BTreeMap;
use synth_validator::domain::Symbol;
use synth_validator::ir::{Func, Inst as IrInst, Op, Value};

/// What is kept in registers within a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cached {
    Constant(u32),
    Address(Symbol, i16),
    MemoryBytes,
    /// Address of linear memory plus a value.
    Element(Value),
}

/// The result of selection.
#[derive(Debug)]
pub struct Selected {
    /// The machine function.
    pub machine: MachineFunc,
    /// By IR value: its virtual register, if it has one.
    pub registers: Vec<Option<Reg>>,
}

struct Selector<'a> {
    func: &'a Func,
    facts: &'a Facts,
    info: &'a ModuleInfo,
    machine: MachineFunc,
    registers: Vec<Option<Reg>>,
    deferred: BTreeMap<Value, &'a IrInst>,
    cache: BTreeMap<Cached, Reg>,
    origin: u32,
    /// Predecessor edges of IR blocks: machine blocks to be linked when all numbers are known.
    links: Vec<control::Link>,
    /// By IR block: its machine block.
    starts: Vec<usize>,
}

/// Selects instructions for a function.
///
/// # Errors
/// `Internal` if the IR is not legalized; `Limit` if a function is too large for an encoding.
pub fn select(func: &Func, facts: &Facts, info: &ModuleInfo) -> Result<Selected, CompileError> {
    let mut s = Selector {
        func,
        facts,
        info,
        machine: MachineFunc::default(),
        registers: vec![None; func.values.len()],
        deferred: BTreeMap::new(),
        cache: BTreeMap::new(),
        origin: 0,
        links: Vec::new(),
        starts: vec![usize::MAX; func.blocks.len()],
    };
    s.function()?;
    Ok(Selected { machine: s.machine, registers: s.registers })
}

impl<'a> Selector<'a> {
    fn internal(&self, message: impl Into<String>) -> CompileError {
        CompileError::Internal { function: Some(self.func.index), message: message.into() }
    }
    fn emit(&mut self, inst: Inst) {
        if inst.is_call() {
            self.cache.clear();
        }
        self.machine.insts.push(inst);
        self.machine.origins.push(self.origin);
    }
    fn fresh(&mut self) -> Reg {
        self.machine.vregs += 1;
        Reg(self.machine.vregs - 1)
    }
    fn resolve(&self, v: Value) -> Value {
        self.facts.alias[v.0 as usize]
    }
    /// The register of a value that is defined or will be.
    fn home(&mut self, v: Value) -> Reg {
        let v = self.resolve(v).0 as usize;
        if let Some(r) = self.registers[v] {
            return r;
        }
        let r = self.fresh();
        self.registers[v] = Some(r);
        r
    }
    fn constant(&self, v: Value) -> Option<u32> {
        match self.facts.constant[self.resolve(v).0 as usize] {
            Some(Op::Const(k)) => Some(k),
            _ => None,
        }
    }
    /// A register that holds the value.
    fn reg(&mut self, v: Value) -> Result<Reg, CompileError> {
        let v = self.resolve(v);
        match self.facts.constant[v.0 as usize] {
            Some(Op::Const(k)) => return Ok(self.constant_reg(k)),
            Some(Op::Address(symbol)) => return Ok(self.address_reg(symbol, 0)),
            _ => {}
        }
        if let Some(inst) = self.deferred.remove(&v) {
            self.now(inst)?;
        }
        Ok(self.home(v))
    }
    fn constant_reg(&mut self, value: u32) -> Reg {
        let cheap = value <= 0xffff || ModifiedImm::new(value).is_some() || ModifiedImm::new(!value).is_some();
        if let (false, Some(&r)) = (cheap, self.cache.get(&Cached::Constant(value))) {
            return r;
        }
        let rd = self.fresh();
        self.emit(Inst::Const { rd, value });
        if !cheap {
            self.cache.insert(Cached::Constant(value), rd);
        }
        rd
    }
    fn address_reg(&mut self, symbol: Symbol, addend: i16) -> Reg {
        let key = Cached::Address(symbol, addend);
        if let Some(&r) = self.cache.get(&key) {
            return r;
        }
        let rd = self.fresh();
        self.emit(Inst::SymbolAddress { rd, symbol, addend });
        self.cache.insert(key, rd);
        rd
    }
    /// Takes a deferred value out if its definition satisfies `wanted`.
    fn take(&mut self, v: Value, wanted: impl Fn(&Op) -> bool) -> Option<&'a IrInst> {
        let v = self.resolve(v);
        let inst = *self.deferred.get(&v)?;
        if !wanted(&inst.op) {
            return None;
        }
        self.deferred.remove(&v)
    }
    /// The value as a flexible operand without immediates.
    fn shifted(&mut self, v: Value) -> Result<Src, CompileError> {
        if let Some(inst) = self.take(v, |op| matches!(op, Op::Bin(b) if arith::shift_op(*b).is_some())) {
            let Op::Bin(op) = inst.op else {
                return Err(self.internal("a shift was expected"));
            };
            let shift = arith::shift_op(op).and_then(|s| Some((s, self.constant(inst.args[1])?)));
            let (shift, amount) = shift.ok_or_else(|| self.internal("a constant shift was expected"))?;
            let r = self.reg(inst.args[0])?;
            return Ok(Src::Shifted(r, shift, amount));
        }
        Ok(Src::Reg(self.reg(v)?))
    }
    /// Defers the instruction if its only use may absorb it. Constants are always left to their uses.
    fn defer(&mut self, block: u32, inst: &'a IrInst) -> bool {
        if let Op::Const(_) | Op::Address(_) = inst.op {
            return true;
        }
        let absorbable = match inst.op {
            Op::Cmp(_) | Op::CmpPair(_) => true,
            Op::Bin(op) => {
                op == synth_validator::domain::BinOp::Mul && inst.args.iter().all(|a| self.constant(*a).is_none())
                    || arith::shift_op(op).is_some()
                        && self.constant(inst.args[1]).is_some_and(|k| (1..=31).contains(&k))
                        && self.constant(inst.args[0]).is_none()
            }
            _ => false,
        };
        let v = inst.results.first().map(|v| self.resolve(*v));
        match v {
            Some(v) if absorbable && self.facts.uses[v.0 as usize] == 1 => {
                if self.facts.user_block[v.0 as usize] == block {
                    self.deferred.insert(v, inst);
                    return true;
                }
                false
            }
            _ => false,
        }
    }
    fn end_block(&mut self, block: MachineBlock) {
        self.machine.blocks.push(block);
        self.cache.clear();
    }
}
