//! Emission: allocated machine instructions to code items.
//!
//! Block by block in layout order, traps last. Blocks that only jump are left out and branches to them go to their
//! targets; of equal blocks one stands for all; jumps to the next block are left out, and a jump to a return of one
//! instruction is that return.

mod choose;
mod expand;
mod flags;
mod latch;

use crate::branch_relax::{Item, Label, Literal, Unwind};
use crate::encode;
use crate::encode::branch::udf;
use crate::encode::memory::{Access, access_imm, access_reg, add_sp, adjust_sp, adjust_sp_reg, pop, push};
use crate::encode::operand::{Base, Gpr, IP, Imm2, Imm8, Imm12, Imm16, LR, ModifiedImm, PopList, PushList, TrapNumber};
use crate::error::CompileError;
use crate::faults;
use crate::frame::{Frame, LR_BIT, OFFSET_MAX};
use crate::machine::{Inst, MachineFunc, Reg};
use crate::regalloc::{Allocated, Place, Step};
use std::collections::BTreeMap;
use synth_validator::trap::TrapKind;

/// More instructions than this, and `tbh` reaches only the blocks of its edges for sure.
const NEAR_INSTS: usize = 4000;

/// The module offset of what comes from no operator.
pub const NO_ORIGIN: u32 = 0;

/// A function's code items.
#[derive(Debug)]
pub struct Emitted {
    /// Items in order. Label `n` below the number of machine blocks is the start of machine block `n`.
    pub items: Vec<Item>,
    /// Number of labels.
    pub labels: usize,
}

struct Emitter<'a> {
    machine: &'a MachineFunc,
    allocated: &'a Allocated,
    frame: &'a Frame,
    items: Vec<Item>,
    labels: u32,
    traps: BTreeMap<TrapKind, Label>,
    /// By machine block: the one that stands for it; itself if it is emitted.
    instead: Vec<usize>,
    /// By machine block: whether it only returns.
    returns: Vec<bool>,
    /// By machine block: the trap that is all there is in it, if branches lead to that trap in its place.
    traps_only: Vec<Option<TrapKind>>,
    /// By machine block: the successor whose moves it makes before its branch, which then has no place of its own.
    latches: Vec<Option<usize>>,
    /// The register whose comparison with zero the next instruction wants in the flags, if this one can give it.
    wanted: Option<Gpr>,
    /// The register whose comparison with zero is in Z.
    held: Option<Gpr>,
    function: u32,
}

/// The core register of an allocated operand.
fn gpr(r: Reg) -> Gpr {
    u8::try_from(r.0).ok().and_then(Gpr::new).expect("invariant: operands are core registers after allocation")
}

fn core(n: u8) -> Gpr {
    Gpr::new(n).expect("invariant: places are core registers")
}

/// Emits a function. `is_cut` tells for a machine block whether the witness needs an address of its own for it.
///
/// # Errors
/// `Internal` if an operand does not fit its instruction.
pub fn emit(
    machine: &MachineFunc,
    allocated: &Allocated,
    frame: &Frame,
    is_cut: &[bool],
    function: u32,
) -> Result<Emitted, CompileError> {
    let instead = instead(machine, allocated, is_cut);
    let returns = returns(machine, allocated, &instead);
    let mut is_shared = vec![false; machine.blocks.len()];
    for b in (0..machine.blocks.len()).filter(|b| instead[*b] != *b && !jumps_only(allocated, *b)) {
        is_shared[target(&instead, b)] = true;
    }
    let traps_only = traps_only(allocated, is_cut);
    let labels = machine.blocks.len() as u32;
    let latches = latch::latches(machine, allocated, &instead);
    let mut e = Emitter {
        machine,
        allocated,
        frame,
        items: Vec::new(),
        labels,
        traps: BTreeMap::new(),
        instead,
        returns,
        traps_only,
        latches,
        wanted: None,
        held: None,
        function,
    };
    e.prologue()?;
    for b in 0..machine.blocks.len() {
        if !e.is_emitted(b) {
            continue;
        }
        let label = Label(b as u32);
        // A block that others come to must not start where a cut point is that falls through to it: they would be at the cut point too.
        e.items.push(if is_cut[b] || is_shared[b] { Item::CutLabel(label) } else { Item::Label(label) });
        let steps = &allocated.blocks[b];
        // Moves before the first instruction are made for it.
        let first = steps.iter().find_map(|step| if let Step::Inst(_, origin) = step { Some(*origin) } else { None });
        e.items.extend(first.map(Item::Origin));
        for (n, step) in steps.iter().enumerate() {
            match step {
                Step::Move(from, to) => e.place_move(*from, *to)?,
                Step::Inst(inst, origin) => {
                    e.items.push(Item::Origin(*origin));
                    e.wanted = flags::wanted(inst, &steps[n + 1..]);
                    e.inst(b, inst)?;
                    let wanted = std::mem::take(&mut e.wanted);
                    if wanted.is_some() || !faults::on("emit-flags-kept") {
                        e.held = wanted;
                    }
                }
            }
        }
        e.held = None;
    }
    e.trap_blocks();
    Ok(Emitted { items: e.items, labels: e.labels as usize })
}

/// By block, the one that stands for it. Blocks that only jump are left out, and blocks that do the same as an earlier one. An edge
/// block of a `Switch` stays if its target is not surely within the forward reach of `tbh`.
fn instead(machine: &MachineFunc, allocated: &Allocated, is_cut: &[bool]) -> Vec<usize> {
    let blocks = 0..machine.blocks.len();
    let jumps_only = |b: usize| jumps_only(allocated, b);
    let mut instead: Vec<usize> = blocks.clone().collect();
    let is_free = |b: usize| b != 0 && !is_cut[b] && !machine.blocks[b].switch_edge;
    for b in blocks.clone().filter(|b| is_free(*b) && jumps_only(*b)) {
        instead[b] = machine.blocks[b].succs[0];
    }
    let mut met: BTreeMap<(Vec<usize>, usize), Vec<usize>> = BTreeMap::new();
    for b in blocks.clone().filter(|b| is_free(*b)) {
        if instead[b] != b {
            continue;
        }
        let succs = machine.blocks[b].succs.iter().map(|s| target(&instead, *s)).collect();
        let steps = &allocated.blocks[b];
        let alike = met.entry((succs, steps.len())).or_default();
        match alike.iter().find(|a| same(&allocated.blocks[**a], steps)) {
            Some(earlier) => instead[b] = *earlier,
            None => alike.push(b),
        }
    }
    if machine.insts.len() > NEAR_INSTS {
        return instead;
    }
    for b in blocks.filter(|b| machine.blocks[*b].switch_edge && jumps_only(*b)) {
        let to = target(&instead, machine.blocks[b].succs[0]);
        if to > b {
            instead[b] = to;
        }
    }
    instead
}

fn jumps_only(allocated: &Allocated, block: usize) -> bool {
    matches!(allocated.blocks[block].as_slice(), [Step::Inst(Inst::Jump, _)])
}

/// By block: whether it only returns, and something else than jumps leads to it, so that it stands there in any case.
fn returns(machine: &MachineFunc, allocated: &Allocated, instead: &[usize]) -> Vec<bool> {
    let emitted: Vec<usize> = (0..machine.blocks.len()).filter(|b| instead[*b] == *b).collect();
    let mut stays = vec![false; machine.blocks.len()];
    for (n, b) in emitted.iter().enumerate() {
        let next = emitted.get(n + 1);
        let jumps = matches!(allocated.blocks[*b].last(), Some(Step::Inst(Inst::Jump, _)));
        for to in machine.blocks[*b].succs.iter().map(|s| target(instead, *s)) {
            stays[to] |= !jumps || next == Some(&to);
        }
    }
    let only_returns = |steps: &Vec<Step>| matches!(steps.as_slice(), [Step::Inst(Inst::Return { .. }, _)]);
    allocated.blocks.iter().zip(stays).map(|(steps, stays)| stays && only_returns(steps)).collect()
}

/// By block: the trap that is all there is in it, if it is not the entry and the witness does not need its address.
fn traps_only(allocated: &Allocated, is_cut: &[bool]) -> Vec<Option<TrapKind>> {
    let trap = |(b, steps): (usize, &Vec<Step>)| match steps[..] {
        [Step::Inst(Inst::Trap { kind }, _)] if b != 0 && !is_cut[b] => Some(kind),
        _ => None,
    };
    allocated.blocks.iter().enumerate().map(trap).collect()
}

/// Whether blocks do the same, wherever it comes from. Not so for a `Switch`, whose targets must follow it.
fn same(a: &[Step], b: &[Step]) -> bool {
    a.iter().zip(b).all(|steps| match steps {
        (Step::Inst(Inst::Switch { .. }, _), _) => false,
        (Step::Inst(a, _), Step::Inst(b, _)) => a == b,
        (a, b) => a == b,
    })
}

/// The block, or the block that stands for it.
fn target(instead: &[usize], mut block: usize) -> usize {
    while instead[block] != block {
        block = instead[block];
    }
    block
}

impl Emitter<'_> {
    fn code(&mut self, code: encode::bits::Code) {
        self.items.push(Item::Code(code));
    }
    fn misfit(&self, what: &str) -> CompileError {
        CompileError::Internal {
            function: Some(self.function),
            message: format!("{what} does not fit its instruction"),
        }
    }
    fn target(&self, block: usize) -> usize {
        target(&self.instead, block)
    }
    /// Where branches to a block go.
    fn label(&mut self, block: usize) -> Label {
        match self.traps_only[block] {
            Some(kind) => self.trap_label(kind),
            None => Label(block as u32),
        }
    }
    /// Whether a block stands in the code.
    fn is_emitted(&self, block: usize) -> bool {
        let is_moved = || matches!(self.machine.blocks[block].preds[..], [b] if self.latches[b] == Some(block));
        self.instead[block] == block && self.traps_only[block].is_none() && !is_moved()
    }
    /// The block that follows in layout, if any.
    fn next(&self, block: usize) -> Option<usize> {
        (block + 1..self.machine.blocks.len()).find(|b| self.is_emitted(*b))
    }
    fn trap_label(&mut self, kind: TrapKind) -> Label {
        let next = Label(self.labels);
        let kind = if faults::on("emit-trap-kind") { TrapKind::Unreachable } else { kind };
        let label = *self.traps.entry(kind).or_insert(next);
        if label == next {
            self.labels += 1;
        }
        label
    }
    /// One trap stands for all of its kind: what it comes from is not known.
    fn trap_blocks(&mut self) {
        self.items.push(Item::Origin(NO_ORIGIN));
        for (kind, label) in std::mem::take(&mut self.traps) {
            self.items.push(Item::Label(label));
            let number = TrapNumber::new(kind as u32).expect("invariant: trap kinds are few");
            self.code(udf(number));
        }
    }
    fn constant(&mut self, rd: Gpr, value: u32, flags_free: bool) {
        if let (true, Some(rd), Some(imm)) = (flags_free, rd.low(), Imm8::new(value)) {
            return self.code(encode::movs_imm8(rd, imm));
        }
        if let Some(imm) = ModifiedImm::new(value) {
            return self.code(encode::mov_modified(rd, imm));
        }
        if let Some(imm) = ModifiedImm::new(!value) {
            return self.code(encode::mvn_modified(rd, imm));
        }
        match Imm16::halves(value) {
            [low, Imm16::ZERO] => self.code(encode::movw(rd, low)),
            _ => self.items.push(Item::Load(rd, Literal::Word(value))),
        }
    }
    /// Says where the caller's frame is from here on.
    fn unwind(&mut self, cfa_bytes: u32, is_saved: bool) {
        self.items.push(Item::Unwind(Unwind { cfa_bytes, is_saved }));
    }
    fn pushed_bytes(&self) -> u32 {
        4 * (self.frame.saved | self.frame.filler).count_ones()
    }
    fn prologue(&mut self) -> Result<(), CompileError> {
        if self.frame.saved != 0 {
            let list =
                PushList::new(self.frame.saved | self.frame.filler).ok_or_else(|| self.misfit("a register list"))?;
            self.code(push(list));
            self.unwind(self.pushed_bytes(), true);
        }
        self.move_sp(true);
        self.unwind(self.frame.bytes(), self.frame.saved != 0);
        Ok(())
    }
    fn move_sp(&mut self, down: bool) {
        let bytes = if self.frame.filler == 0 { self.frame.local_bytes } else { 0 };
        match Imm12::new(bytes) {
            Some(Imm12::ZERO) => {}
            Some(imm) => self.code(adjust_sp(down, imm)),
            None => {
                self.constant(IP, bytes, true);
                self.code(adjust_sp_reg(down, IP));
            }
        }
    }
    /// Whether returning takes one instruction of 16 bits.
    fn returns_at_once(&self) -> bool {
        let Frame { saved, filler, local_bytes, .. } = *self.frame;
        let only_pops = saved & LR_BIT != 0 && (saved | filler) & !(0xff | LR_BIT) == 0;
        (local_bytes == 0 || filler != 0) && (saved == 0 || only_pops)
    }
    fn epilogue(&mut self) -> Result<(), CompileError> {
        self.move_sp(false);
        let mut saved = self.frame.saved | self.frame.filler;
        if faults::on("emit-last-pop") && saved & 0x30 == 0x30 {
            saved ^= 0xa0;
        }
        self.unwind(self.pushed_bytes(), saved != 0);
        let returns = saved & LR_BIT != 0;
        if saved != 0 {
            let list = if returns { saved & !LR_BIT | 1 << 15 } else { saved };
            let list = PopList::new(list).ok_or_else(|| self.misfit("a register list"))?;
            self.code(pop(list));
        }
        if !returns {
            self.unwind(0, false);
            self.code(encode::branch::bx(LR));
        }
        // What follows is reached with the whole frame.
        self.unwind(self.frame.bytes(), self.frame.saved != 0);
        Ok(())
    }
    /// Loads or stores at an offset from the stack pointer. lr computes addresses that are out of reach: r12 may
    /// hold a value between the allocator's moves, and lr is saved in such frames.
    fn stack_access(&mut self, access: Access, rt: Gpr, offset: u32) -> Result<(), CompileError> {
        if let Some(imm) = Imm12::new(offset) {
            self.code(access_imm(access, rt, Base::Sp, imm));
            return Ok(());
        }
        let scratch = if faults::on("emit-far-slot-scratch") { IP } else { LR };
        self.constant(scratch, offset, false);
        self.code(add_sp(scratch));
        self.code(access_imm(access, rt, Base::Reg(scratch), Imm12::ZERO));
        debug_assert!(self.frame.saved & LR_BIT != 0 && offset > OFFSET_MAX);
        Ok(())
    }
    fn place_move(&mut self, from: Place, to: Place) -> Result<(), CompileError> {
        match (from, to) {
            (Place::Reg(m), Place::Reg(d)) => self.code(encode::mov_reg(core(d), core(m))),
            (Place::Reg(t), Place::Slot(s)) => self.stack_access(Access::Str, core(t), self.frame.slot_offset(s))?,
            (Place::Slot(s), Place::Reg(t)) => self.stack_access(Access::Ldr, core(t), self.frame.slot_offset(s))?,
            (Place::Slot(_), Place::Slot(_)) => return Err(self.misfit("a move from slot to slot")),
        }
        Ok(())
    }
    fn memory(&mut self, access: Access, rt: Gpr, address: crate::machine::Address) -> Result<(), CompileError> {
        use crate::machine::Address;
        let code = match address {
            Address::Offset(n, offset) => {
                let imm = Imm12::new(offset).ok_or_else(|| self.misfit("an offset"))?;
                access_imm(access, rt, Base::Reg(gpr(n)), imm)
            }
            Address::Indexed(n, m, shift) => {
                let shift = Imm2::new(shift).ok_or_else(|| self.misfit("a shift"))?;
                access_reg(access, rt, gpr(n), gpr(m), shift)
            }
        };
        self.code(code);
        Ok(())
    }
}
