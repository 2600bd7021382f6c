//! Selection of loads, stores, bounds checks, globals and tables.

use super::tiles::Operand;
use super::{Cached, Selector};
use crate::encode::AluOp;
use crate::encode::memory::Access;
use crate::encode::operand::Condition;
use crate::error::CompileError;
use crate::faults;
use crate::ir_facts::Facts;
use crate::machine::{Address, Compare, Inst, Reg, Src, Test};
use crate::selection::pattern::Root;
use rustc_hash::FxHashMap;
use synth_validator::domain::{BinOp, CmpOp, Space, Symbol, Width};
use synth_validator::ir::{Func, Inst as IrInst, Op, Value};
use synth_validator::trap::TrapKind;

/// The largest constant that is folded into the addend of a symbol's address (REL addends have 16 signed bits).
const ADDEND_MAX: u32 = 0x7fff;
/// The largest immediate offset of a load or store.
const OFFSET_MAX: u32 = 4095;

/// The instruction that loads.
fn load_access(width: Width, signed: bool) -> Access {
    match (width, signed) {
        (Width::Byte, false) => Access::Ldrb,
        (Width::Byte, true) if faults::on("select-load-sign") => Access::Ldrb,
        (Width::Byte, true) => Access::Ldrsb,
        (Width::Half, false) => Access::Ldrh,
        (Width::Half, true) => Access::Ldrsh,
        (Width::Word, _) => Access::Ldr,
    }
}

/// The instruction that stores.
fn store_access(width: Width) -> Access {
    match width {
        Width::Byte if faults::on("select-store-width") => Access::Strh,
        Width::Byte => Access::Strb,
        Width::Half => Access::Strh,
        Width::Word => Access::Str,
    }
}

/// Most blocks between a sum and an address that takes it in.
const BLOCKS_MAX: u32 = 64;
/// Most pointers that are accessed once each, of whose accesses each has an address of its own.
const SINGLES_MAX: u32 = 2;
/// The same in loops, where these addresses stay in registers.
const LOOP_SINGLES_MAX: u32 = 3;

/// A sum of a value and a constant that nothing but addresses uses.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    root: Value,
    constant: u32,
    /// Whether all of these stand in its own block.
    pub(super) is_near: bool,
}

/// What a function accesses linear memory by.
#[derive(Default)]
pub(super) struct Addresses {
    /// Sums that become part of the addresses that use them: those of its own block, and of blocks that only it leads to. No cut point
    /// is between, so the witness needs no place for them.
    pub(super) sums: FxHashMap<Value, Sum>,
    /// By value: accesses at it, or at a sum of it and a constant.
    accesses: FxHashMap<Value, u32>,
    /// Accesses at a distance from a value that no other access uses.
    singles: u32,
    /// Other accesses that the address of linear memory is needed for.
    others: u32,
}

impl Addresses {
    /// Finds them. Operand `above`: by block that one edge leads to, where that comes from.
    pub(super) fn of(func: &Func, facts: &Facts, above: &[Option<u32>]) -> Addresses {
        let mut found = Addresses { sums: sums(func, facts, above), ..Addresses::default() };
        let insts = func.blocks.iter().zip(&facts.incoming).filter(|(_, n)| **n > 0).flat_map(|(b, _)| &b.insts);
        let mut offsets: Vec<(Value, u32)> = Vec::new();
        for inst in insts {
            let (Op::Load { space: Space::Linear, offset, .. } | Op::Store { space: Space::Linear, offset, .. }) =
                inst.op
            else {
                continue;
            };
            let index = facts.alias[inst.args[0].0 as usize];
            let (root, offset) = match found.sums.get(&index) {
                Some(sum) => (facts.alias[sum.root.0 as usize], offset.wrapping_add(sum.constant)),
                None => (index, offset),
            };
            if facts.constant[root.0 as usize].is_none() {
                *found.accesses.entry(root).or_default() += 1;
                offsets.push((root, offset));
            }
        }
        for (root, offset) in offsets.into_iter().filter(|(_, offset)| *offset <= OFFSET_MAX) {
            match found.accesses[&root] == 1 && offset > 0 {
                true => found.singles += 1,
                false => found.others += 1,
            }
        }
        found
    }
}

/// Sums that become part of addresses.
fn sums(func: &Func, facts: &Facts, above: &[Option<u32>]) -> FxHashMap<Value, Sum> {
    let mut sums = FxHashMap::default();
    let resolve = |v: Value| facts.alias[v.0 as usize];
    let constant = |v: Value| match facts.constant[resolve(v).0 as usize] {
        Some(Op::Const(k)) => Some(k),
        _ => None,
    };
    let mut uses: FxHashMap<Value, Vec<u32>> = FxHashMap::default();
    for (b, block) in (0..).zip(&func.blocks).filter(|(b, _)| facts.incoming[*b as usize] > 0) {
        for inst in block.insts.iter().filter(|i| matches!(i.op, Op::Load { .. } | Op::Store { .. })) {
            uses.entry(resolve(inst.args[0])).or_default().push(b);
        }
    }
    for (b, block) in (0..).zip(&func.blocks).filter(|(b, _)| facts.incoming[*b as usize] > 0) {
        for inst in block.insts.iter().filter(|i| i.op == Op::Bin(BinOp::Add)) {
            let sum = inst.results[0];
            let Some(users) = uses.get(&sum).filter(|u| u.len() == facts.uses[sum.0 as usize] as usize) else {
                continue;
            };
            if !users.iter().all(|user| leads_to(above, b, *user)) {
                continue;
            }
            let (root, constant) = match (constant(inst.args[0]), constant(inst.args[1])) {
                (None, Some(k)) => (inst.args[0], k),
                (Some(k), None) => (inst.args[1], k),
                _ => continue,
            };
            sums.insert(sum, Sum { root, constant, is_near: users.iter().all(|user| *user == b) });
        }
    }
    sums
}

/// Whether only block `a` leads to `b`, over few blocks.
fn leads_to(above: &[Option<u32>], a: u32, mut b: u32) -> bool {
    for _ in 0..BLOCKS_MAX {
        match above[b as usize] {
            _ if a == b => return true,
            Some(before) => b = before,
            None => return false,
        }
    }
    false
}

impl Selector<'_> {
    /// The address `symbol + offset`.
    pub(super) fn symbol_address(&mut self, symbol: Symbol, offset: u32) -> Address {
        if offset <= OFFSET_MAX {
            return Address::Offset(self.address_reg(symbol, 0), offset);
        }
        if offset <= ADDEND_MAX {
            return Address::Offset(self.address_reg(symbol, (offset & !OFFSET_MAX) as i16), offset & OFFSET_MAX);
        }
        let base = self.address_reg(symbol, 0);
        let index = self.constant_reg(offset);
        Address::Indexed(base, index, 0)
    }
    /// The address `value + offset`, or that of linear memory at it. All sums are modulo 2^32, as addresses are.
    fn memory_address(&mut self, space: Space, value: Value, offset: u32) -> Result<Address, CompileError> {
        let index = self.resolve(value);
        let (index, offset, is_alone) = match self.addresses.sums.get(&index) {
            Some(Sum { root, constant, .. }) => {
                (self.resolve(*root), offset.wrapping_add(*constant), self.facts.uses[index.0 as usize] == 1)
            }
            None => (index, offset, true),
        };
        if space == Space::Host {
            return self.host_address(index, offset);
        }
        if let Some(k) = self.constant(index) {
            return Ok(self.symbol_address(Symbol::Memory, k.wrapping_add(offset)));
        }
        let element = Cached::Element(index);
        if offset <= OFFSET_MAX && (self.is_kept(element) || offset > 0 && !self.is_single(index)) {
            self.reg(index)?;
            return Ok(Address::Offset(self.kept(element), offset));
        }
        let addend = if offset <= ADDEND_MAX { offset } else { 0 };
        let base = self.address_reg(Symbol::Memory, addend as i16);
        if offset != addend {
            let rm = self.reg(index)?;
            let rd = self.fresh();
            self.make_tile(Root::Bin(BinOp::Add), &[Operand::Reg(rm), Operand::Constant(offset)], &[rd])?;
            let rm = rd;
            return Ok(Address::Indexed(base, rm, 0));
        }
        let shifted = if is_alone { self.take_shift(index) } else { None };
        let (index, shift) = shifted.unwrap_or((index, 0));
        let rm = self.reg(index)?;
        Ok(Address::Indexed(base, rm, shift))
    }
    /// Whether the access at a distance from a value that no other access uses is better made at that distance from linear memory, with
    /// the value as index: the address of linear memory itself is not there yet, or all is in a loop, where the address that is needed
    /// stays in a register.
    fn is_single(&self, index: Value) -> bool {
        let Addresses { accesses, singles, others, .. } = &self.addresses;
        if accesses.get(&index) != Some(&1) {
            return false;
        }
        let is_needed = *others > 0 || self.is_kept(Cached::Address(Symbol::Memory, 0));
        match (self.tuning.is_small, self.flow.depth(self.block.0) > 0) {
            (true, _) => !is_needed && *singles == 1,
            (false, true) => *singles <= LOOP_SINGLES_MAX,
            (false, false) => !is_needed && *singles <= SINGLES_MAX,
        }
    }
    /// Takes in a left shift that nobody has made and that an address can make: the value and the amount.
    fn take_shift(&mut self, v: Value) -> Option<(Value, u32)> {
        let inst = self.deferred.get(&v).filter(|i| i.op == Op::Bin(BinOp::Shl))?;
        let taken = (inst.args[0], self.constant(inst.args[1]).filter(|k| *k <= 3)?);
        self.deferred.remove(&v);
        Some(taken)
    }
    /// The parts of a sum of a symbol's address and a constant, if no register holds that address yet.
    pub(super) fn symbol_sum(&self, inst: &IrInst) -> Option<(Symbol, i16)> {
        let known = |n: usize| self.facts.constant[self.resolve(*inst.args.get(n)?).0 as usize].as_ref();
        let (symbol, k) = match (&inst.op, known(0)?, known(1)?) {
            (Op::Bin(BinOp::Add), Op::Address(symbol), Op::Const(k)) => (*symbol, *k),
            (Op::Bin(BinOp::Add), Op::Const(k), Op::Address(symbol)) => (*symbol, *k),
            _ => return None,
        };
        // A host's symbol may be a function, to whose address linkers add nothing odd.
        let fits = k <= ADDEND_MAX && !(matches!(symbol, Symbol::HostData(_)) && k % 2 == 1);
        (fits && !self.is_kept(Cached::Address(symbol, 0))).then_some((symbol, k as i16))
    }
    /// The host's address `value + offset`.
    fn host_address(&mut self, value: Value, offset: u32) -> Result<Address, CompileError> {
        let is_sum = |i: &IrInst| i.op == Op::Bin(BinOp::Add);
        if offset == 0
            && self.deferred.get(&value).is_some_and(|i| is_sum(i))
            && let Some(sum) = self.deferred.remove(&value)
        {
            let (a, b) = (self.resolve(sum.args[0]), self.resolve(sum.args[1]));
            let (base, (index, shift)) = match self.take_shift(a) {
                Some(shifted) => (b, shifted),
                None => (a, self.take_shift(b).unwrap_or((b, 0))),
            };
            return Ok(Address::Indexed(self.reg(base)?, self.reg(index)?, shift));
        }
        if let Some(Op::Address(symbol)) = self.facts.constant[value.0 as usize] {
            return Ok(self.symbol_address(symbol, offset));
        }
        let rn = self.reg(value)?;
        if offset <= OFFSET_MAX {
            return Ok(Address::Offset(rn, offset));
        }
        let rm = self.constant_reg(offset);
        Ok(Address::Indexed(rn, rm, 0))
    }
    pub(super) fn load(&mut self, inst: &IrInst) -> Result<(), CompileError> {
        let Op::Load { space, width, signed, offset } = inst.op else {
            return Err(self.internal(format!("{:?} is no load", inst.op)));
        };
        let address = self.memory_address(space, inst.args[0], offset)?;
        let rt = self.home(inst.results[0]);
        self.emit(Inst::Memory { access: load_access(width, signed), rt, address });
        Ok(())
    }
    pub(super) fn store(&mut self, inst: &IrInst) -> Result<(), CompileError> {
        let Op::Store { space, width, offset } = inst.op else {
            return Err(self.internal(format!("{:?} is no store", inst.op)));
        };
        let address = self.memory_address(space, inst.args[0], offset)?;
        let rt = self.reg(inst.args[1])?;
        self.emit(Inst::Memory { access: store_access(width), rt, address });
        Ok(())
    }
    /// The register that holds the size of linear memory.
    pub(super) fn memory_bytes(&mut self) -> Reg {
        if self.info.memory_is_constant {
            return self.constant_reg(self.info.memory_bytes_min);
        }
        self.kept(Cached::MemoryBytes)
    }
    pub(super) fn set_memory_bytes(&mut self, inst: &IrInst) -> Result<(), CompileError> {
        let address = self.symbol_address(Symbol::MemoryBytes, 0);
        let rt = self.reg(inst.args[0])?;
        self.emit(Inst::Memory { access: Access::Str, rt, address });
        if !faults::on("select-size-stale") {
            self.cache.remove(&Cached::MemoryBytes);
        }
        Ok(())
    }
    /// `x > size - (offset + bytes)` traps; so does a size below `offset + bytes`.
    pub(super) fn bounds_check(&mut self, inst: &IrInst, offset: u32, bytes: u32) -> Result<(), CompileError> {
        let kind = TrapKind::OutOfBoundsMemory;
        let min = self.info.memory_bytes_min;
        let end = offset.checked_add(bytes);
        let constant = self.info.memory_is_constant;
        let index = inst.args[0];
        let Some(end) = end.filter(|end| !constant || *end <= min) else {
            return self.certain_trap(index, kind);
        };
        if constant {
            if let Some(k) = self.constant(index) {
                return if k > min - end { self.certain_trap(index, kind) } else { Ok(()) };
            }
            let rn = self.reg(index)?;
            let less = if faults::on("select-bounds-signed") { CmpOp::Slt } else { CmpOp::Ult };
            let test = self.compare(
                less,
                [Operand::Constant(min - end + u32::from(faults::on("select-bounds-end"))), Operand::Reg(rn)],
                false,
            )?;
            self.emit(Inst::TrapIf { test, kind });
            return Ok(());
        }
        let size = self.memory_bytes();
        if end > min && !faults::on("select-bounds-size") {
            let test = self.compare(CmpOp::Ult, [Operand::Reg(size), Operand::Constant(end)], false)?;
            self.emit(Inst::TrapIf { test, kind });
        }
        let limit = self.fresh();
        self.make_tile(Root::Bin(BinOp::Sub), &[Operand::Reg(size), Operand::Constant(end)], &[limit])?;
        let rn = self.reg(index)?;
        let test = self.compare(CmpOp::Ult, [Operand::Reg(limit), Operand::Reg(rn)], false)?;
        self.emit(Inst::TrapIf { test, kind });
        Ok(())
    }
    /// A trap that is always taken, as a test that always holds: what the block still has stands behind a jump that might not be
    /// taken, so that it is code to every reader of the bytes. The pass `ends` leaves such traps only where it is not run.
    fn certain_trap(&mut self, any: Value, kind: TrapKind) -> Result<(), CompileError> {
        let rn = self.reg(any)?;
        let test = Test { compare: Compare::Cmp(rn, Src::Reg(rn)), condition: Condition::Eq };
        self.emit(Inst::TrapIf { test, kind });
        Ok(())
    }
    pub(super) fn global(&mut self, inst: &IrInst, cell: u32) -> Result<(), CompileError> {
        let address = self.symbol_address(Symbol::Globals, 4 * cell);
        let (access, rt) = match inst.args.first() {
            Some(&v) => (Access::Str, self.reg(v)?),
            None => (Access::Ldr, self.home(inst.results[0])),
        };
        self.emit(Inst::Memory { access, rt, address });
        Ok(())
    }
    /// Loads the word of a table entry at `word` (0 or 4).
    pub(super) fn table_word(&mut self, inst: &IrInst, table: u32, word: u32) -> Result<(), CompileError> {
        let index = inst.args[0];
        let address = match self.constant(index) {
            Some(k) => self.symbol_address(Symbol::Table(table), k.wrapping_mul(8).wrapping_add(word)),
            None => {
                self.reg(index)?;
                Address::Offset(self.kept(Cached::Entry(table, self.resolve(index))), word)
            }
        };
        let rt = self.home(inst.results[0]);
        self.emit(Inst::Memory { access: Access::Ldr, rt, address });
        Ok(())
    }
    /// The address `symbol + index` in a register.
    pub(super) fn element(&mut self, symbol: Symbol, index: Value) -> Result<Reg, CompileError> {
        if let Some(k) = self.constant(index) {
            if k <= ADDEND_MAX {
                return Ok(self.address_reg(symbol, k as i16));
            }
        }
        let base = self.address_reg(symbol, 0);
        let rm = self.reg(index)?;
        let rd = self.fresh();
        self.emit(Inst::Alu { op: AluOp::Add, rd, rn: base, src: Src::Reg(rm) });
        Ok(rd)
    }
    /// The address of result word `word` (counted from the fifth).
    pub(super) fn result_address(&mut self, word: usize) -> Address {
        self.symbol_address(Symbol::Results, 4 * word as u32)
    }
}
