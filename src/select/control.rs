//! Selection of blocks, edges and terminators.
//!
//! An edge from a block with several successors to a block with several incoming edges gets a block of its own,
//! placed right behind its source, where the allocator puts the moves of the edge.

use super::Selector;
use crate::abi::{Slot, place_arguments, words};
use crate::encode::memory::Access;
use crate::error::CompileError;
use crate::faults;
use crate::machine::{Inst, MachineBlock, Reg};
use crate::selection::pattern::Root;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use synth_validator::domain::Symbol;
use synth_validator::ir::{Block, Edge, Inst as IrInst, Op, Terminator, Value};

/// Most targets of a `Switch`: a table of as many halfwords leaves half of `tbh`'s reach to the code behind it.
const SWITCH_TARGETS_MAX: usize = 32_768;

/// Successor `succ` of machine block `from` is IR block `to`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    from: usize,
    succ: usize,
    to: u32,
}

/// An edge in machine terms.
struct MachineEdge<'a> {
    to: u32,
    args: Vec<Reg>,
    /// Arguments that the edge's own block provides.
    values: &'a [Value],
    split: bool,
}

/// The edges of a terminator.
struct Edges<'a> {
    edges: Vec<MachineEdge<'a>>,
    /// For a `Switch`: the edge of each target, the default last.
    entries: Vec<usize>,
}

impl<'a> From<Vec<MachineEdge<'a>>> for Edges<'a> {
    fn from(edges: Vec<MachineEdge<'a>>) -> Self {
        Edges { edges, entries: Vec::new() }
    }
}

/// Edges of a `Switch`, and which of them each target takes. Targets that are the same edge share it, all but the first: a
/// block with several incoming edges keeps several predecessors. With one, the allocator may put moves at its start, and
/// the witness would place values where they are only after these.
fn shared_edges<'e>(targets: impl Iterator<Item = &'e Edge>) -> (Vec<&'e Edge>, Vec<usize>) {
    let (mut edges, mut entries) = (Vec::new(), Vec::new());
    let mut met: FxHashMap<(u32, &[Value]), Option<usize>> = FxHashMap::default();
    for target in targets {
        let block = if faults::on("select-edges-shared") { 0 } else { target.block.0 };
        let next = edges.len();
        let entry = match met.entry((block, &target.args[..])) {
            Entry::Vacant(first) => {
                first.insert(None);
                next
            }
            Entry::Occupied(mut shared) => *shared.get_mut().get_or_insert(next),
        };
        if entry == next {
            edges.push(target);
        }
        entries.push(entry);
    }
    (edges, entries)
}

impl Selector<'_> {
    pub(super) fn function(&mut self) -> Result<(), CompileError> {
        self.entry()?;
        for b in 0..self.func.blocks.len() as u32 {
            if self.facts.incoming[b as usize] > 0 {
                self.block(b)?;
            }
        }
        for link in std::mem::take(&mut self.links) {
            let to = self.starts[link.to as usize];
            self.machine.blocks[link.from].succs[link.succ] = to;
        }
        for b in 0..self.machine.blocks.len() {
            for s in 0..self.machine.blocks[b].succs.len() {
                let to = self.machine.blocks[b].succs[s];
                self.machine.blocks[to].preds.push(b);
            }
        }
        Ok(())
    }
    /// The entry block: arguments, then IR block 0. It is a block of its own so that block 0 may be a loop header.
    fn entry(&mut self) -> Result<(), CompileError> {
        let info = &self.info.functions.get(self.func.index as usize);
        let params = &self.func.blocks[0].params;
        let types = match info {
            Some(info) => info.params.clone(),
            None => Vec::new(),
        };
        let (slots, _) = place_arguments(&types);
        if slots.len() != params.len() {
            return Err(self.internal("the parameters' words do not match the function's type"));
        }
        self.origin = self.func.blocks[0].insts.first().map_or(self.func.blocks[0].end_origin, |i| i.origin);
        let merged = self.facts.is_cut(0);
        let targets: Vec<Reg> = match merged {
            true => params.iter().map(|_| self.fresh()).collect(),
            false => params.iter().map(|p| self.home(*p)).collect(),
        };
        let in_registers = slots.iter().zip(&targets);
        let args = in_registers.filter_map(|(s, r)| if let Slot::Reg(n) = s { Some((*r, *n)) } else { None }).collect();
        self.emit(Inst::Entry { args });
        for (slot, rd) in slots.iter().zip(&targets) {
            if let Slot::Stack(offset) = *slot {
                self.emit(Inst::LoadIncoming { rd: *rd, offset });
            }
        }
        self.emit(Inst::Jump);
        self.links.push(Link { from: 0, succ: 0, to: 0 });
        let args = if merged { targets } else { Vec::new() };
        let range = 0..self.machine.insts.len();
        self.machine.blocks.push(MachineBlock { range, succs: vec![0], args: vec![args], ..MachineBlock::default() });
        Ok(())
    }
    fn block(&mut self, b: u32) -> Result<(), CompileError> {
        let block = &self.func.blocks[b as usize];
        let start = self.machine.insts.len();
        self.starts[b as usize] = self.machine.blocks.len();
        self.block = Block(b);
        self.cache = match self.above[b as usize] {
            Some(above) => self.caches[above as usize].clone(),
            None => BTreeMap::new(),
        };
        let params = match self.facts.is_cut(b) {
            true => block.params.iter().map(|p| self.home(*p)).collect(),
            false => Vec::new(),
        };
        self.find_products(block);
        self.find_uses(block);
        self.find_saturations(block);
        self.find_tiles(block);
        for inst in &block.insts {
            self.origin = inst.origin;
            let is_done = self.is_made_with_others(inst) || self.saturation(inst)? || self.long_product(inst)?;
            if !is_done && !self.defer(inst) {
                self.now(inst)?;
            }
        }
        self.make_residents();
        self.origin = block.end_origin;
        let Edges { edges, entries } = self.terminator(&block.end)?;
        let number = self.machine.blocks.len();
        let mut machine = MachineBlock {
            range: start..self.machine.insts.len(),
            params,
            entries,
            ir: Some(b),
            depth: self.flow.depth(b),
            ..Default::default()
        };
        let mut next_edge_block = number + 1;
        for (succ, edge) in edges.iter().enumerate() {
            if edge.split {
                machine.succs.push(next_edge_block);
                machine.args.push(Vec::new());
                next_edge_block += 1;
            } else {
                machine.succs.push(usize::MAX);
                machine.args.push(edge.args.clone());
                self.links.push(Link { from: number, succ, to: edge.to });
            }
        }
        self.machine.blocks.push(machine);
        self.caches[b as usize].clone_from(&self.cache);
        let switch_edge = matches!(block.end, Terminator::Switch(..));
        for edge in edges.into_iter().filter(|e| e.split) {
            let at = self.machine.insts.len();
            self.cache.clone_from(&self.caches[b as usize]);
            let mut args = Vec::new();
            for &v in edge.values {
                args.push(self.reg(v)?);
            }
            self.emit(Inst::Jump);
            self.links.push(Link { from: self.machine.blocks.len(), succ: 0, to: edge.to });
            let (range, args, succs) = (at..self.machine.insts.len(), vec![args], vec![usize::MAX]);
            let depth = self.flow.depth(b).min(self.flow.depth(edge.to));
            self.machine.blocks.push(MachineBlock { range, succs, args, switch_edge, depth, ..Default::default() });
        }
        Ok(())
    }
    fn edge<'e>(&mut self, edge: &'e Edge, sources: usize) -> Result<MachineEdge<'e>, CompileError> {
        let to = edge.block.0;
        if !self.facts.is_cut(to) {
            return Ok(MachineEdge { to, args: Vec::new(), values: &[], split: false });
        }
        if sources > 1 {
            return Ok(MachineEdge { to, args: Vec::new(), values: &edge.args, split: true });
        }
        let mut args = Vec::new();
        for &v in &edge.args {
            args.push(self.reg(v)?);
        }
        Ok(MachineEdge { to, args, values: &[], split: false })
    }
    fn terminator<'e>(&mut self, end: &'e Terminator) -> Result<Edges<'e>, CompileError> {
        match end {
            Terminator::Jump(edge) => {
                let edge = self.edge(edge, 1)?;
                self.emit(Inst::Jump);
                Ok(vec![edge].into())
            }
            Terminator::Branch(v, yes, no) => {
                let edges = vec![self.edge(yes, 2)?, self.edge(no, 2)?];
                let test = self.test(*v)?;
                self.emit(Inst::Branch { test });
                Ok(edges.into())
            }
            Terminator::Switch(v, targets, default) => {
                if targets.len() > SWITCH_TARGETS_MAX {
                    let limit = SWITCH_TARGETS_MAX as u64;
                    return Err(CompileError::Limit { function: Some(self.func.index), what: "switch targets", limit });
                }
                let (targets, entries) = shared_edges(targets.iter().chain([default]));
                let mut edges = Vec::new();
                for target in targets {
                    let mut edge = self.edge(target, 2)?;
                    edge.split = true;
                    edges.push(edge);
                }
                let index = self.reg(*v)?;
                self.emit(Inst::Switch { index });
                Ok(Edges { edges, entries })
            }
            Terminator::Return(values) => {
                self.give_results(values)?;
                Ok(Vec::new().into())
            }
            Terminator::Trap(kind) => {
                self.emit(Inst::Trap { kind: *kind });
                Ok(Vec::new().into())
            }
        }
    }
    fn give_results(&mut self, values: &[Value]) -> Result<(), CompileError> {
        if let Some(info) = self.info.functions.get(self.func.index as usize) {
            if words(&info.results) != values.len() {
                return Err(self.internal("the results' words do not match the function's type"));
            }
        }
        for (n, &v) in values.iter().skip(4).enumerate() {
            let rt = self.reg(v)?;
            let address = self.result_address(n + usize::from(faults::on("abi-fifth-result")));
            self.emit(Inst::Memory { access: Access::Str, rt, address });
        }
        let mut results = Vec::new();
        for (n, &v) in values.iter().take(4).enumerate() {
            results.push((self.reg(v)?, n as u8 ^ u8::from(faults::on("abi-result-order"))));
        }
        self.emit(Inst::Return { results });
        Ok(())
    }
    /// Selects one instruction.
    pub(super) fn now(&mut self, inst: &IrInst) -> Result<(), CompileError> {
        match &inst.op {
            Op::Const(_) | Op::Address(_) => Ok(()),
            Op::Bin(_) | Op::Un(_) => self.word(inst),
            Op::Cmp(_) | Op::CmpPair(_) => {
                let test = self.comparison(inst)?;
                let rd = self.home(inst.results[0]);
                self.truth(rd, test);
                Ok(())
            }
            Op::Select => self.select_value(inst),
            Op::AddPair => self.pair(Root::AddPair, inst),
            Op::SubPair => self.pair(Root::SubPair, inst),
            Op::DivPair(op) => self.divide_pairs(*op, inst),
            Op::BoundsCheck { offset, bytes } => self.bounds_check(inst, *offset, *bytes),
            Op::Load { .. } => self.load(inst),
            Op::Store { .. } => self.store(inst),
            Op::TrapIf(kind) => {
                let test = self.test(inst.args[0])?;
                self.emit(Inst::TrapIf { test, kind: *kind });
                Ok(())
            }
            Op::GlobalGet { cell } | Op::GlobalSet { cell } => self.global(inst, *cell),
            Op::MemoryBytes => {
                let rm = self.memory_bytes();
                let rd = self.home(inst.results[0]);
                self.emit(Inst::Move { rd, rm });
                Ok(())
            }
            Op::SetMemoryBytes => self.set_memory_bytes(inst),
            Op::MemoryCopy => self.copy(Symbol::Memory, inst),
            Op::MemoryFill => self.fill(inst),
            Op::MemoryInit { segment } => self.copy(Symbol::Data(*segment), inst),
            Op::TableType { table } => self.table_word(inst, *table, 0),
            Op::TableFunction { table } => self.table_word(inst, *table, 4),
            Op::Call { func } => self.call_function(inst, *func),
            Op::CallIndirect { type_index } => self.call_indirect(inst, *type_index),
            Op::Const64(_)
            | Op::Bin64(_)
            | Op::Un64(_)
            | Op::Cmp64(_)
            | Op::Join
            | Op::Split
            | Op::MulWide
            | Op::Load64 { .. }
            | Op::Store64 { .. } => Err(self.internal(format!("{:?} after legalization", inst.op))),
        }
    }
}
