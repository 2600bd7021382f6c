//! Loads and stores. An address must denote an object of the contract or the frame; anything else is unsupported.
//! Source: DDI 0403E, A3.2.1 (alignment), A7.7 (the instructions' pages).
//!
//! Requirement TOR-CLAUSE-FRAME: An access below sp, to the caller's frame beyond the incoming arguments, or to a frame word that was
//! never written, shall not be proved.
//!
//! Requirement TOR-CLAUSE-ACCESS: An access of code outside the frame, the images of linear memory, globals and tables and the literals
//! shall not be proved; under software bounds every access to linear memory shall be shown to be inside it.
//!
//! Requirement TOR-CLAUSE-ALIGN: An access that faults on an unaligned address shall be proved only where the address is shown to be
//! aligned.

use super::insn::*;
use super::semantics::{Cpu, Flow};
use crate::bounds;
use crate::domain::{BinOp, CmpOp, Domain, Place, Space, Symbol, UnOp, Width};
use crate::program::{Fact, Unsupported};

impl<D: Domain> Cpu<'_, D> {
    /// Executes a load or store.
    pub fn load_store(&mut self) -> Result<Flow<D>, Unsupported> {
        match self.insn.op {
            Op::Load { width: Width::Word, signed: false, rt: Reg::PC, address } => {
                let (at, written) = self.address(address)?;
                let target = self.load(Width::Word, &at, true)?;
                self.write_back(address, written)?;
                self.branch_to(target)
            }
            Op::Load { width, signed, rt, address } => {
                let value = match address {
                    Address::Literal(imm) => self.literal(imm, width, signed)?,
                    _ => {
                        let (at, written) = self.address(address)?;
                        let value = self.load(width, &at, false)?;
                        self.write_back(address, written)?;
                        match (signed, width) {
                            (true, Width::Byte) => self.d.un(UnOp::Sext8, &value),
                            (true, Width::Half) => self.d.un(UnOp::Sext16, &value),
                            _ => value,
                        }
                    }
                };
                self.set(rt, value)?;
                Ok(Flow::Next)
            }
            Op::Store { width, rt, address } => {
                let value = self.reg(rt)?;
                let (at, written) = self.address(address)?;
                // The base first, so that a push is a store at the new stack pointer.
                self.write_back(address, written)?;
                self.store(width, &at, &value, false)?;
                Ok(Flow::Next)
            }
            Op::Dual { load: true, rt, rt2, address: Address::Literal(imm) } => {
                let (low, high) = (self.literal(imm, Width::Word, false)?, self.literal(imm + 4, Width::Word, false)?);
                self.set(rt, low)?;
                self.set(rt2, high)?;
                Ok(Flow::Next)
            }
            Op::Dual { load, rt, rt2, address } => {
                let (at, written) = self.address(address)?;
                let second = self.d.bin_const(BinOp::Add, &at, 4);
                if load {
                    let (a, b) = (self.load(Width::Word, &at, true)?, self.load(Width::Word, &second, true)?);
                    self.write_back(address, written)?;
                    self.set(rt, a)?;
                    self.set(rt2, b)?;
                } else {
                    let (a, b) = (self.reg(rt)?, self.reg(rt2)?);
                    self.write_back(address, written)?;
                    self.store(Width::Word, &at, &a, true)?;
                    self.store(Width::Word, &second, &b, true)?;
                }
                Ok(Flow::Next)
            }
            Op::Multiple { load, before, writeback, rn, list } => self.multiple(load, before, writeback, rn, list),
            _ => self.fail("not a load or store"),
        }
    }

    /// The address of an access, and the base's new value if it is written back.
    fn address(&mut self, address: Address) -> Result<(D::W, Option<D::W>), Unsupported> {
        let plus = |cpu: &mut Self, rn: Reg, imm: i32| {
            let base = cpu.reg(rn)?;
            let sum = if imm == 0 { base.clone() } else { cpu.d.bin_const(BinOp::Add, &base, imm as u32) };
            Ok((base, sum))
        };
        match address {
            Address::Offset(rn, imm) => Ok((plus(self, rn, imm)?.1, None)),
            Address::Pre(rn, imm) => {
                let (_, at) = plus(self, rn, imm)?;
                Ok((at.clone(), Some(at)))
            }
            Address::Post(rn, imm) => {
                let (base, after) = plus(self, rn, imm)?;
                Ok((base, Some(after)))
            }
            Address::Index(rn, rm, n) => {
                let (base, index) = (self.reg(rn)?, self.reg(rm)?);
                let index = if n == 0 { index } else { self.d.bin_const(BinOp::Shl, &index, u32::from(n)) };
                Ok((self.d.bin(BinOp::Add, &base, &index), None))
            }
            Address::Literal(_) => self.fail("literal out of place"),
        }
    }

    fn write_back(&mut self, address: Address, value: Option<D::W>) -> Result<(), Unsupported> {
        match (address.written_base(), value) {
            (Some(rn), Some(value)) => self.set(rn, value),
            (None, None) => Ok(()),
            _ => self.fail("writeback without a base"),
        }
    }

    fn literal(&mut self, imm: i32, width: Width, signed: bool) -> Result<D::W, Unsupported> {
        let at = u32::try_from(self.f.code.pc_relative(self.insn, imm)).ok();
        let literal = at.and_then(|at| self.f.code.literals.get(&at)).copied();
        let (Some(literal), Width::Word, false) = (literal, width, signed) else {
            return self.fail("not a literal word");
        };
        let word = self.d.word(literal.word);
        Ok(match literal.symbol {
            None => word,
            Some(symbol) => {
                let address = self.d.symbol(symbol);
                self.d.bin(BinOp::Add, &address, &word)
            }
        })
    }

    fn multiple(
        &mut self,
        load: bool,
        before: bool,
        writeback: bool,
        rn: Reg,
        list: u16,
    ) -> Result<Flow<D>, Unsupported> {
        let base = self.reg(rn)?;
        let bytes = 4 * list.count_ones();
        let moved = if before { bytes.wrapping_neg() } else { bytes };
        let end = self.d.bin_const(BinOp::Add, &base, moved);
        let start = if before { end.clone() } else { base };
        let registers: Vec<Reg> = (0..16).filter(|i| list >> i & 1 == 1).map(Reg).collect();
        if writeback && before {
            self.set(rn, end.clone())?;
        }
        let mut target = None;
        let mut loaded = Vec::new();
        for (i, r) in registers.into_iter().enumerate() {
            let at = self.d.bin_const(BinOp::Add, &start, 4 * i as u32);
            if !load {
                let value = self.reg(r)?;
                self.store(Width::Word, &at, &value, true)?;
                continue;
            }
            let value = self.load(Width::Word, &at, true)?;
            if r == Reg::PC {
                target = Some(value);
            } else {
                loaded.push((r, value));
            }
        }
        if writeback && !before {
            self.set(rn, end)?;
        }
        for (r, value) in loaded {
            self.set(r, value)?;
        }
        match target {
            Some(target) => self.branch_to(target),
            None => Ok(Flow::Next),
        }
    }

    /// Requires that an access to linear memory stays in what the contract gives it, or is one that the module makes if every address is
    /// the host's.
    fn in_bounds(&mut self, index: &D::W, bytes: u32, writes: bool) {
        if self.f.module.relocations.in_host {
            return self.host_access(index, bytes, writes);
        }
        let good = bounds::inside(self.d, self.f.contract, &self.state.world.memory_bytes, index, bytes);
        self.access(Space::Linear, good);
    }

    /// A frame access: a word at a multiple of 4, at or above sp; above the entry sp only stack arguments.
    fn frame_slot(&mut self, offset: i32, width: Width) -> Result<i32, Unsupported> {
        let sp = self.sp()?;
        if width != Width::Word || offset % 4 != 0 {
            return self.fail("frame access that is not an aligned word");
        }
        if offset < sp {
            return self.fail("access below the stack pointer");
        }
        if offset >= self.f.incoming_bytes() as i32 {
            return self.fail("access above the incoming stack arguments");
        }
        Ok(offset)
    }

    /// An offset that must be known, a multiple of 4, of a word access; divided by 4.
    fn cell(&mut self, offset: &D::W, width: Width, what: &str) -> Result<usize, Unsupported> {
        match self.d.as_word(offset) {
            Some(o) if o % 4 == 0 && width == Width::Word => Ok(o as usize / 4),
            _ => self.fail(&format!("{what} access that is not an aligned word at a known offset")),
        }
    }

    /// Linear memory begins at a multiple of 8, so that indices do for addresses; of host addresses nothing is known.
    fn aligned(&mut self, index: &D::W) {
        let low = self.d.bin_const(BinOp::And, index, 3);
        let good = self.d.cmp_const(CmpOp::Eq, &low, 0);
        self.require(good, "address of a multiple access may be unaligned");
    }

    /// The index of an access at an address of the host's, which the module has to make too.
    fn host(&mut self, address: &D::W, width: Width, multiple: bool, writes: bool) -> Result<D::W, Unsupported> {
        if !self.f.module.has_host_accesses() {
            return self.fail("address with unknown base");
        }
        if multiple {
            self.aligned(address);
        }
        let index = self.d.host_index(address);
        self.host_access(&index, width.bytes(), writes);
        Ok(index)
    }

    /// Requires that an access at a distance from linear memory is one that the module makes.
    fn host_access(&mut self, index: &D::W, bytes: u32, writes: bool) {
        let permitted = self.d.is_host(&self.state.world.memory, index, bytes, writes);
        self.access(Space::Host, permitted);
    }

    /// Loads, zero-extended. `multiple`: by an instruction that faults on unaligned addresses. Such a one may take along a
    /// word of the frame that was never written, which may be any word.
    pub fn load(&mut self, width: Width, address: &D::W, multiple: bool) -> Result<D::W, Unsupported> {
        match self.d.locate(address) {
            Place::Frame(offset) => {
                let slot = self.frame_slot(offset, width)?;
                match self.state.frame.get(&slot) {
                    Some(word) => Ok(word.clone()),
                    None if multiple => Ok(self.d.havoc()),
                    None => self.fail("reads a frame word never written"),
                }
            }
            Place::Symbol(Symbol::Memory, index) => {
                self.in_bounds(&index, width.bytes(), false);
                if multiple {
                    self.aligned(&index);
                }
                Ok(self.d.load(&self.state.world.memory, width, &index))
            }
            Place::Symbol(Symbol::Globals, offset) => {
                let cell = self.cell(&offset, width, "global")?;
                match self.state.world.cells.get(cell) {
                    Some(word) => Ok(word.clone()),
                    None => self.fail("access outside the globals"),
                }
            }
            Place::Symbol(Symbol::MemoryBytes, offset) => match self.cell(&offset, width, "memory size")? {
                0 => Ok(self.state.world.memory_bytes.clone()),
                _ => self.fail("access outside the memory size"),
            },
            Place::Symbol(Symbol::Results, offset) => {
                let k = self.cell(&offset, width, "result")?;
                match self.state.world.results.get(k) {
                    Some(word) => Ok(word.clone()),
                    None => self.fail("reads a result word never written"),
                }
            }
            Place::Symbol(Symbol::Table(table), offset) => self.load_table(table, &offset, width),
            Place::Symbol(Symbol::HostData(_), _) | Place::Unknown => {
                let index = self.host(address, width, multiple, false)?;
                Ok(self.d.load(&self.state.world.memory, width, &index))
            }
            Place::Symbol(symbol, _) => self.fail(&format!("loads from {symbol:?}")),
        }
    }

    fn load_table(&mut self, table: u32, offset: &D::W, width: Width) -> Result<D::W, Unsupported> {
        let Some(declared) = self.f.module.tables.get(table as usize) else {
            return self.fail("no such table");
        };
        let entries = u32::try_from(declared.min).unwrap_or(u32::MAX);
        // With the index in range, 8 * index + part does not wrap: entries are 8 bytes.
        let Some((index, part)) = self.d.split_stride(offset, 8) else {
            return self.fail("table access at an offset that is not 8 * index + constant");
        };
        let (inside, why) = bounds::entry(self.d, entries, &index);
        if self.d.as_bool(&inside) != Some(true) {
            self.facts.push(Fact::LateAccess(inside, why));
        }
        match (part, width) {
            (0, Width::Word) => Ok(self.d.table_type(table, &index)),
            (4, Width::Word) => Ok(self.d.table_function(table, &index)),
            _ => self.fail("table access that is not a word of an entry"),
        }
    }

    /// Stores the low bits. `multiple`: by an instruction that faults on unaligned addresses.
    pub fn store(&mut self, width: Width, address: &D::W, value: &D::W, multiple: bool) -> Result<(), Unsupported> {
        match self.d.locate(address) {
            Place::Frame(offset) => {
                let slot = self.frame_slot(offset, width)?;
                self.state.frame.insert(slot, value.clone());
            }
            Place::Symbol(Symbol::Memory, index) => {
                self.in_bounds(&index, width.bytes(), true);
                if multiple {
                    self.aligned(&index);
                }
                self.state.world.memory = self.d.store(&self.state.world.memory, width, &index, value);
            }
            Place::Symbol(Symbol::Globals, offset) => {
                let cell = self.cell(&offset, width, "global")?;
                match self.state.world.cells.get_mut(cell) {
                    Some(word) => *word = value.clone(),
                    None => return self.fail("access outside the globals"),
                }
            }
            Place::Symbol(Symbol::MemoryBytes, offset) => match self.cell(&offset, width, "memory size")? {
                0 => self.state.world.memory_bytes = value.clone(),
                _ => return self.fail("access outside the memory size"),
            },
            Place::Symbol(Symbol::Results, offset) => {
                let k = self.cell(&offset, width, "result")?;
                // The result cells are as many as the longest result list needs.
                if k >= result_cells(self.f.module) {
                    return self.fail("access outside the result cells");
                }
                while self.state.world.results.len() <= k {
                    let unknown = self.d.havoc();
                    self.state.world.results.push(unknown);
                }
                self.state.world.results[k] = value.clone();
            }
            Place::Symbol(Symbol::HostData(_), _) | Place::Unknown => {
                let index = self.host(address, width, multiple, true)?;
                self.state.world.memory = self.d.store(&self.state.world.memory, width, &index, value);
            }
            Place::Symbol(symbol, _) => return self.fail(&format!("stores to {symbol:?}")),
        }
        Ok(())
    }
}

/// Words of `__synth_results` that a function with this type needs: those after the fourth.
pub(super) fn results_in_memory(ty: &crate::wasm::module::FuncType) -> usize {
    ty.int_results().map_or(0, |r| r.iter().map(|t| t.words()).sum::<usize>()).saturating_sub(4)
}

/// Words of `__synth_results`: what the type with most result words needs.
pub(super) fn result_cells(module: &crate::wasm::module::Module) -> usize {
    module.types.iter().map(results_in_memory).max().unwrap_or(0)
}
