//! Instruction selection: legalized IR to machine instructions with virtual registers.
//!
//! What is computed from words is selected by the table of `crate::selection`: `tiles.rs` finds the cheapest rules. Constants are not
//! kept in registers: each use makes its own or folds it into an immediate. A value with one use in its own block may be *deferred*:
//! it is made when its user asks for it, or becomes part of the user. Symbol addresses and costly constants are kept
//! up to the next call, in their block and in blocks that only it leads to, or longer if that is planned (`resident.rs`).
//! Relies on: legalized, verified IR. Does not: allocate registers or choose encodings.

mod call;
mod choose;
mod control;
mod memory;
mod product;
mod resident;
mod saturate;
mod tiles;
mod truth;
mod uses;

use crate::cfg::edges;
use crate::compile::Core;
use crate::encode::memory::Access;
use crate::encode::operand::ModifiedImm;
use crate::encode::{AluOp, ShiftOp};
use crate::error::CompileError;
use crate::faults;
use crate::ir_facts::Facts;
use crate::machine::{Inst, MachineFunc, Reg, Src};
use crate::module_info::ModuleInfo;
use crate::selection::Table;
pub use resident::{Flow, Plan, plan};
use std::collections::BTreeMap;
use synth_validator::domain::Symbol;
use synth_validator::ir::{Block, Func, Inst as IrInst, Op, Value};

/// What is kept in a register besides values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cached {
    /// A constant.
    Constant(u32),
    /// The address of a symbol plus an addend.
    Address(Symbol, i16),
    /// The size of linear memory.
    MemoryBytes,
    /// The address of linear memory plus a value.
    Element(Value),
    /// The address of a table's entry.
    Entry(u32, Value),
}

/// The result of selection.
#[derive(Debug)]
pub struct Selected {
    /// The machine function.
    pub machine: MachineFunc,
    /// By IR value: its virtual register, if it has one.
    pub registers: Vec<Option<Reg>>,
    /// What is made once, with its register.
    pub residents: Vec<(Cached, Reg)>,
    /// What was made besides, and in which blocks.
    pub made: Vec<(Cached, Block)>,
    /// Rules of the selection table that made something, with how often.
    pub rules: BTreeMap<&'static str, u32>,
}

/// Something that is made once.
#[derive(Clone, Copy)]
struct Resident {
    block: Block,
    reg: Reg,
    is_made: bool,
}

/// What rules are chosen for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// The core.
    pub core: Core,
    /// Whether bytes count more than cycles.
    pub is_small: bool,
    /// Whether `movw` and `movt` make all long constants, and no word is loaded from behind the code.
    pub moves_only: bool,
}

impl Tuning {
    /// Bytes and cycles as one number.
    fn cost(self, bytes: u32, cycles: u32) -> u32 {
        let (first, second) = if self.is_small { (bytes, cycles) } else { (cycles, bytes) };
        first << 10 | second
    }
}

struct Selector<'a> {
    func: &'a Func,
    facts: &'a Facts,
    flow: &'a Flow,
    info: &'a ModuleInfo,
    tuning: Tuning,
    table: &'static Table,
    machine: MachineFunc,
    registers: Vec<Option<Reg>>,
    deferred: BTreeMap<Value, &'a IrInst>,
    products: product::Products,
    uses: uses::Uses<'a>,
    tiles: tiles::Tiles,
    /// The instructions of the block being selected.
    insts: &'a [IrInst],
    /// By value that an instruction defines: its place in its block.
    places: Vec<u32>,
    saturations: saturate::Saturations,
    cache: BTreeMap<Cached, Reg>,
    /// What linear memory is accessed by.
    addresses: memory::Addresses,
    /// By IR block that one edge leads to: the block where that comes from.
    above: Vec<Option<u32>>,
    /// By IR block: the cache at its end.
    caches: Vec<BTreeMap<Cached, Reg>>,
    residents: BTreeMap<Cached, Resident>,
    made: Vec<(Cached, Block)>,
    rules: BTreeMap<&'static str, u32>,
    /// The IR block being selected.
    block: Block,
    origin: u32,
    /// Predecessor edges of IR blocks: machine blocks to be linked when all numbers are known.
    links: Vec<control::Link>,
    /// By IR block: its machine block.
    starts: Vec<usize>,
}

/// Selects instructions for a function. What is planned is made once.
///
/// # Errors
/// `Internal` if the IR is not legalized; `Limit` if a function is too large for an encoding.
pub fn select(
    func: &Func,
    facts: &Facts,
    flow: &Flow,
    info: &ModuleInfo,
    tuning: Tuning,
    plan: &Plan,
) -> Result<Selected, CompileError> {
    let above = above(func, facts);
    let mut s = Selector {
        func,
        facts,
        flow,
        info,
        tuning,
        table: Table::shipped(),
        machine: MachineFunc::default(),
        registers: vec![None; func.values.len()],
        deferred: BTreeMap::new(),
        products: product::Products::default(),
        uses: uses::Uses::default(),
        tiles: tiles::Tiles::default(),
        insts: &[],
        places: vec![u32::MAX; func.values.len()],
        saturations: saturate::Saturations::default(),
        cache: BTreeMap::new(),
        addresses: memory::Addresses::of(func, facts, &above),
        above,
        caches: vec![BTreeMap::new(); func.blocks.len()],
        residents: BTreeMap::new(),
        made: Vec::new(),
        rules: BTreeMap::new(),
        block: Block(0),
        origin: 0,
        links: Vec::new(),
        starts: vec![usize::MAX; func.blocks.len()],
    };
    for (what, block) in plan {
        let reg = s.fresh();
        s.residents.insert(*what, Resident { block: *block, reg, is_made: false });
    }
    s.function()?;
    let residents = s.residents.iter().map(|(what, r)| (*what, r.reg)).collect();
    Ok(Selected { machine: s.machine, registers: s.registers, residents, made: s.made, rules: s.rules })
}

/// Whether one instruction makes it, without a literal.
fn is_cheap(what: Cached) -> bool {
    let fits = |k: u32| k <= 0xffff || ModifiedImm::new(k).is_some() || ModifiedImm::new(!k).is_some();
    matches!(what, Cached::Constant(k) if fits(k))
}

/// By block that one edge leads to: the block where that comes from.
fn above(func: &Func, facts: &Facts) -> Vec<Option<u32>> {
    let mut above = vec![None; func.blocks.len()];
    for (b, block) in (0..).zip(&func.blocks).filter(|(b, _)| facts.incoming[*b as usize] > 0) {
        for edge in edges(&block.end).into_iter().filter(|e| !facts.is_cut(e.block.0)) {
            above[edge.block.0 as usize] = Some(b);
        }
    }
    above
}

impl<'a> Selector<'a> {
    fn internal(&self, message: impl Into<String>) -> CompileError {
        CompileError::Internal { function: Some(self.func.index), message: message.into() }
    }
    fn emit(&mut self, inst: Inst) {
        if inst.is_call() && !faults::on("select-cache-across-call") {
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
        self.kept(Cached::Constant(value))
    }
    fn address_reg(&mut self, symbol: Symbol, addend: i16) -> Reg {
        self.kept(Cached::Address(symbol, addend))
    }
    /// The register of something that is kept; it is made if no register holds it.
    fn kept(&mut self, what: Cached) -> Reg {
        if let Some(r) = self.cache.get(&what) {
            return *r;
        }
        let rd = match self.residents.get_mut(&what).filter(|r| self.flow.dominates(r.block, self.block)) {
            Some(r) if r.is_made || r.block != self.block => return r.reg,
            Some(r) => {
                r.is_made = true;
                r.reg
            }
            None => {
                if !is_cheap(what) {
                    self.made.push((what, self.block));
                }
                let rd = self.fresh();
                self.cache.insert(what, rd);
                rd
            }
        };
        self.make(what, rd);
        rd
    }
    /// Whether a register holds it or is to hold it.
    fn is_kept(&self, what: Cached) -> bool {
        let is_above = |r: &Resident| self.flow.dominates(r.block, self.block);
        self.cache.contains_key(&what) || self.residents.get(&what).is_some_and(is_above)
    }
    fn make(&mut self, what: Cached, rd: Reg) {
        let inst = match what {
            Cached::Constant(value) => Inst::Const { rd, value },
            Cached::Address(symbol, addend) => Inst::SymbolAddress { rd, symbol, addend },
            Cached::MemoryBytes => {
                let address = self.symbol_address(Symbol::MemoryBytes, 0);
                Inst::Memory { access: Access::Ldr, rt: rd, address }
            }
            Cached::Element(v) => {
                let rn = self.address_reg(Symbol::Memory, 0);
                let rm = self.home(v);
                Inst::Alu { op: AluOp::Add, rd, rn, src: Src::Reg(rm) }
            }
            Cached::Entry(table, index) => {
                let rn = self.address_reg(Symbol::Table(table), 0);
                let rm = self.home(index);
                Inst::Alu {
                    op: AluOp::Add,
                    rd,
                    rn,
                    src: Src::Shifted(rm, ShiftOp::Lsl, if faults::on("select-table-entry") { 2 } else { 3 }),
                }
            }
        };
        self.emit(inst);
    }
    /// Makes what this block is to make and has not made yet.
    fn make_residents(&mut self) {
        let wanted = |r: &Resident| r.block == self.block && !r.is_made;
        let here: Vec<Cached> = self.residents.iter().filter(|(_, r)| wanted(r)).map(|(what, _)| *what).collect();
        for what in here {
            self.kept(what);
        }
    }
    /// Defers the instruction if its only user takes it in. Constants are always left to their uses.
    fn defer(&mut self, inst: &'a IrInst) -> bool {
        if let Op::Const(_) | Op::Address(_) = inst.op {
            return true;
        }
        let Some(v) = inst.results.first().map(|v| self.resolve(*v)) else { return false };
        if self.addresses.sums.contains_key(&v) {
            return true;
        }
        let is_taken = self.is_taken(inst);
        if is_taken {
            self.deferred.insert(v, inst);
        }
        is_taken
    }
}
