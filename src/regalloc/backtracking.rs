//! Register allocation by the `regalloc2` crate: an adapter that shows it a [`MachineFunc`] and reads its answer.
//!
//! It splits the live range of a value and spills parts of it.

use super::{Allocated, LAST, Place, Step, is_frame_far};
use crate::error::CompileError;
use crate::faults;
use crate::machine::{Inst, MachineFunc, Reg, Role};
use regalloc2::{
    Block, Inst as Point, InstRange, MachineEnv, Operand, OperandConstraint, OperandKind, OperandPos, Output, PReg,
    PRegSet, RegAllocError, RegClass, RegallocOptions, VReg,
};

/// The machine function as the allocator sees it.
struct View<'a> {
    machine: &'a MachineFunc,
    operands: Vec<Vec<Operand>>,
    clobbers: Vec<PRegSet>,
    params: Vec<Vec<VReg>>,
    succs: Vec<Vec<Block>>,
    preds: Vec<Vec<Block>>,
    args: Vec<Vec<Vec<VReg>>>,
    labels: Vec<(VReg, Point, Point, u32)>,
}

fn core(n: u8) -> PReg {
    PReg::new(usize::from(n), RegClass::Int)
}

fn virtual_register(r: Reg) -> VReg {
    VReg::new(r.0 as usize, RegClass::Int)
}

fn operand(r: Reg, role: Role) -> Operand {
    use OperandConstraint::{FixedReg, Reg as Any, Reuse};
    use OperandKind::{Def, Use};
    use OperandPos::{Early, Late};
    let (constraint, kind, position) = match role {
        Role::Use => (Any, Use, Early),
        Role::UseLate => (Any, Use, Late),
        Role::UseIn(n) => (FixedReg(core(n)), Use, Early),
        Role::Def => (Any, Def, Late),
        Role::DefEarly if faults::on("allocate-split-early") => (Any, Def, Late),
        Role::DefEarly => (Any, Def, Early),
        Role::DefIn(n) => (FixedReg(core(n)), Def, Late),
        Role::DefTied(i) => (Reuse(i), Def, Late),
    };
    Operand::new(virtual_register(r), constraint, kind, position)
}

/// Registers that a call changes, apart from those that are never allocated.
fn clobbers(inst: &Inst) -> PRegSet {
    let Inst::Call { results, .. } = inst else {
        return PRegSet::empty();
    };
    if faults::on("allocate-split-clobbers") {
        return PRegSet::empty();
    };
    (0..4).filter(|n| results.iter().all(|(_, r)| r != n)).chain([LAST]).map(core).collect()
}

impl<'a> View<'a> {
    fn new(machine: &'a MachineFunc, values: &[Reg]) -> View<'a> {
        let roles = |inst: &Inst| {
            let mut all = Vec::new();
            inst.clone().operands(&mut |r, role| all.push(operand(*r, role)));
            all
        };
        let numbers = |all: &[usize]| all.iter().map(|b| Block::new(*b)).collect::<Vec<_>>();
        let registers = |all: &[Reg]| all.iter().copied().map(virtual_register).collect::<Vec<_>>();
        let end = Point::new(machine.insts.len());
        let mut labels: Vec<_> = values.iter().map(|r| (virtual_register(*r), Point::new(0), end, r.0)).collect();
        labels.sort_by_key(|l| l.3);
        View {
            machine,
            operands: machine.insts.iter().map(roles).collect(),
            clobbers: machine.insts.iter().map(clobbers).collect(),
            params: machine.blocks.iter().map(|b| registers(&b.params)).collect(),
            succs: machine.blocks.iter().map(|b| numbers(&b.succs)).collect(),
            preds: machine.blocks.iter().map(|b| numbers(&b.preds)).collect(),
            args: machine.blocks.iter().map(|b| b.args.iter().map(|a| registers(a)).collect()).collect(),
            labels,
        }
    }
}

impl regalloc2::Function for View<'_> {
    fn num_insts(&self) -> usize {
        self.machine.insts.len()
    }
    fn num_blocks(&self) -> usize {
        self.machine.blocks.len()
    }
    fn entry_block(&self) -> Block {
        Block::new(0)
    }
    fn block_insns(&self, block: Block) -> InstRange {
        let range = &self.machine.blocks[block.index()].range;
        InstRange::new(Point::new(range.start), Point::new(range.end))
    }
    fn block_succs(&self, block: Block) -> &[Block] {
        &self.succs[block.index()]
    }
    fn block_preds(&self, block: Block) -> &[Block] {
        &self.preds[block.index()]
    }
    fn block_params(&self, block: Block) -> &[VReg] {
        &self.params[block.index()]
    }
    fn is_ret(&self, inst: Point) -> bool {
        self.machine.insts[inst.index()].is_exit()
    }
    fn is_branch(&self, inst: Point) -> bool {
        self.machine.insts[inst.index()].is_branch()
    }
    fn branch_blockparams(&self, block: Block, _: Point, succ: usize) -> &[VReg] {
        &self.args[block.index()][succ]
    }
    fn inst_operands(&self, inst: Point) -> &[Operand] {
        &self.operands[inst.index()]
    }
    fn inst_clobbers(&self, inst: Point) -> PRegSet {
        self.clobbers[inst.index()]
    }
    fn num_vregs(&self) -> usize {
        self.machine.vregs as usize
    }
    fn debug_value_labels(&self) -> &[(VReg, Point, Point, u32)] {
        &self.labels
    }
    fn spillslot_size(&self, _: RegClass) -> usize {
        1
    }
}

/// The registers. Operand `has_last`: whether lr is one of them.
fn environment(has_last: bool) -> MachineEnv {
    let last = has_last.then_some(LAST);
    let none = PRegSet::empty();
    MachineEnv {
        preferred_regs_by_class: [(0..=3).map(core).collect(), none, none],
        non_preferred_regs_by_class: [(4..=11).chain(last).map(core).collect(), none, none],
        scratch_by_class: [Some(core(12)), None, None],
        fixed_stack_slots: Vec::new(),
    }
}

fn run(view: &View<'_>, has_last: bool) -> Result<Output, RegAllocError> {
    let env = environment(has_last);
    let options = RegallocOptions { validate_ssa: cfg!(debug_assertions), ..RegallocOptions::default() };
    let output = regalloc2::run(view, &env, &options)?;
    #[cfg(debug_assertions)]
    {
        let mut checker = regalloc2::checker::Checker::new(view, &env);
        checker.prepare(&output);
        if let Err(e) = checker.run() {
            panic!("invariant: the allocator's own checker accepts its answer: {e:?}");
        }
    }
    Ok(output)
}

/// Allocates registers. `values` are the virtual registers whose places at block starts are wanted.
///
/// # Errors
/// `Internal` if the machine function is not well formed.
pub(super) fn allocate(machine: &MachineFunc, values: &[Reg], function: u32) -> Result<Allocated, CompileError> {
    let failed =
        |e: RegAllocError| CompileError::Internal { function: Some(function), message: format!("allocation: {e}") };
    let view = View::new(machine, values);
    let mut output = run(&view, true).map_err(failed)?;
    if is_frame_far(machine, output.num_spillslots as u32) {
        output = run(&view, false).map_err(failed)?;
    }
    let blocks = (0..machine.blocks.len()).map(|b| steps(&view, &output, b)).collect();
    let live = live_places(machine, &output);
    Ok(Allocated { blocks, live, slots: output.num_spillslots as u32 })
}

fn place(a: regalloc2::Allocation) -> Place {
    match (a.as_reg(), a.as_stack()) {
        (Some(r), _) => Place::Reg(r.hw_enc() as u8),
        (_, Some(s)) => Place::Slot(s.index() as u32),
        _ => unreachable!("invariant: every operand is allocated"),
    }
}

fn steps(view: &View<'_>, output: &Output, block: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for step in output.block_insts_and_edits(view, Block::new(block)) {
        match step {
            regalloc2::InstOrEdit::Edit(regalloc2::Edit::Move { from, to }) => {
                if from != to {
                    steps.push(Step::Move(place(*from), place(*to)));
                }
            }
            regalloc2::InstOrEdit::Inst(at) => {
                let mut inst = view.machine.insts[at.index()].clone();
                let mut allocations = output.inst_allocs(at).iter();
                inst.operands(&mut |r, _| {
                    if let Some(Place::Reg(n)) = allocations.next().map(|a| place(*a)) {
                        *r = Reg(u32::from(n));
                    }
                });
                steps.push(Step::Inst(inst, view.machine.origins[at.index()]));
            }
        }
    }
    steps
}

/// The places at block starts. An early definition of a block's first instruction has its place from there on, but
/// not yet its value: it is left out.
fn live_places(machine: &MachineFunc, output: &Output) -> Vec<Vec<(Reg, Place)>> {
    let starts: Vec<u32> =
        machine.blocks.iter().map(|b| regalloc2::ProgPoint::before(Point::new(b.range.start)).to_index()).collect();
    let mut defined = vec![Vec::new(); starts.len()];
    for (block, all) in machine.blocks.iter().zip(&mut defined) {
        machine.insts[block.range.start].clone().operands(&mut |r, role| {
            if role == Role::DefEarly {
                all.push(*r);
            }
        });
    }
    let mut live = vec![Vec::new(); starts.len()];
    for &(label, from, to, allocation) in &output.debug_locations {
        let first = starts.partition_point(|s| *s < from.to_index());
        for (block, start) in starts.iter().enumerate().skip(first) {
            if *start >= to.to_index() {
                break;
            }
            if !defined[block].contains(&Reg(label)) {
                live[block].push((Reg(label), place(allocation)));
            }
        }
    }
    live
}
