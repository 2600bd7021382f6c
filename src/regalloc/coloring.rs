//! Allocation by coloring: fixed registers become parallel copies, every value lives in one place.
//!
//! What gets no register is spilled: a load before each use, a store after each definition, or, where the value costs
//! nothing to make, made again before each use; then the graph is colored anew.

use super::copies::{Ordered, Source, ordered};
use super::graph::{CORE, Copy, Graph};
use super::sets::Set;
use super::{Allocated, LAST, Place, Step, is_frame_far};
use crate::encode::AluOp;
use crate::faults;
use crate::machine::{Inst, MachineFunc, Reg, Role, Src};
use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};
use std::ops::Range;

/// Nodes beyond which a function is not colored.
const NODES_MAX: usize = 4000;
/// Rounds of spilling.
const ROUNDS_MAX: usize = 12;
/// What a copy costs, where an encoding of four bytes in place of two costs 1.
const COPY_WEIGHT: u64 = 4;

/// Copies from node to node, all at once.
type Copies = SmallVec<[(u32, u32); 4]>;

/// A piece of a block.
#[derive(Clone, Debug)]
enum Piece {
    /// An instruction whose operands are nodes; those in fixed registers are core registers.
    Inst(Coded),
    /// Copies, and the module offset they come from.
    Copies(Copies, u32),
    /// Loads a node from its slot before a use: (new node, spilled node).
    Reload(u32, u32, u32),
    /// Stores a node to the slot of a spilled one after a definition: (new node, spilled node).
    Store(u32, u32),
}

/// An instruction, the module offset it comes from, and its operands: a range of [`Allocator::acts`].
#[derive(Clone, Debug)]
struct Coded {
    inst: Inst,
    origin: u32,
    acts: Range<usize>,
}

/// What an instruction does to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Use,
    UseLate,
    Def,
    DefEarly,
    /// The copy before has put the word there that is used.
    Both,
    /// What a call leaves there is nobody's.
    Lost,
}

impl Act {
    fn is_use(self) -> bool {
        matches!(self, Act::Use | Act::UseLate | Act::Both)
    }
    fn is_def(self) -> bool {
        matches!(self, Act::Def | Act::DefEarly | Act::Both | Act::Lost)
    }
}

/// Where a spilled node's word comes from.
#[derive(Clone, Debug)]
enum Home {
    Slot(u32),
    Made(Inst),
}

struct Allocator<'a> {
    machine: &'a MachineFunc,
    blocks: Vec<Vec<Piece>>,
    /// Operands of all instructions.
    acts: Vec<(u32, Act)>,
    nodes: usize,
    /// By block: nodes live at its start.
    starts: Vec<Set>,
    /// By node: where its word is, if it is spilled.
    spilled: Vec<Option<Home>>,
    /// By node: whether it is a piece of a spilled one.
    is_short: Vec<bool>,
    slots: u32,
}

fn node(r: Reg) -> u32 {
    r.0 + CORE as u32
}

/// Allocates by coloring; nothing if the function is too large or needs more spare registers than there are.
pub(super) fn allocate(machine: &MachineFunc, values: &[Reg]) -> Option<Allocated> {
    let nodes = CORE + machine.vregs as usize;
    if nodes > NODES_MAX {
        return None;
    }
    let mut a = Allocator {
        machine,
        blocks: Vec::new(),
        acts: Vec::new(),
        nodes,
        starts: vec![Set::new(nodes); machine.blocks.len()],
        spilled: vec![None; nodes],
        is_short: vec![false; nodes],
        slots: 0,
    };
    a.blocks = (0..machine.blocks.len()).map(|b| a.pieces(b)).collect();
    a.liveness();
    let wanted = a.wanted(values);
    for _ in 0..ROUNDS_MAX {
        match a.graph().color() {
            Ok(colors) => {
                if colors.contains(&Some(LAST)) && is_frame_far(machine, a.slots) {
                    return None;
                }
                let blocks = a.steps(&colors)?;
                let place = |n: &u32| Some((Reg(*n - CORE as u32), a.place(&colors, *n)?));
                let live = wanted.iter().map(|nodes| nodes.iter().filter_map(place).collect()).collect();
                return Some(Allocated { blocks, live, slots: a.slots });
            }
            Err(nodes) => {
                a.spill(&nodes)?;
                a.liveness();
            }
        }
    }
    None
}

impl Allocator<'_> {
    /// The pieces of a block: operands in fixed registers and arguments of blocks become copies.
    fn pieces(&mut self, block: usize) -> Vec<Piece> {
        let machine = self.machine;
        let data = &machine.blocks[block];
        let mut out = Vec::new();
        for at in data.range.clone() {
            let (mut inst, origin) = (machine.insts[at].clone(), machine.origins[at]);
            if let Inst::Jump = inst {
                let params = data.succs.first().map_or(&[][..], |s| &machine.blocks[*s].params);
                let args = data.args.first().map_or(&[][..], |a| a);
                let copies = args.iter().zip(params).map(|(from, to)| (node(*from), node(*to))).collect();
                out.push(Piece::Copies(copies, origin));
            }
            let (mut before, mut after) = (Copies::new(), Copies::new());
            let mut tied: SmallVec<[(usize, u32); 4]> = SmallVec::new();
            let mut uses: SmallVec<[u32; 8]> = SmallVec::new();
            inst.operands(&mut |r, role| {
                let n = node(*r);
                *r = Reg(n);
                match role {
                    Role::UseIn(core) => {
                        before.push((n, u32::from(core)));
                        *r = Reg(u32::from(core));
                    }
                    Role::DefIn(core) => {
                        after.push((u32::from(core), n));
                        *r = Reg(u32::from(core));
                    }
                    Role::DefTied(operand) => tied.push((operand, n)),
                    Role::Use | Role::UseLate | Role::Def | Role::DefEarly => {}
                }
                uses.push(n);
            });
            for (operand, to) in tied {
                before.push((uses[operand], to));
                let mut number = 0;
                inst.operands(&mut |r, _| {
                    if number == operand {
                        *r = Reg(to);
                    }
                    number += 1;
                });
            }
            if !before.is_empty() {
                out.push(Piece::Copies(before, origin));
            }
            // A move is a copy.
            match inst {
                Inst::Move { rd, rm } => out.push(Piece::Copies(smallvec![(rm.0, rd.0)], origin)),
                inst => out.push(self.coded(inst, origin)),
            }
            if !after.is_empty() {
                out.push(Piece::Copies(after, origin));
            }
        }
        out
    }

    /// An instruction with its operands listed.
    fn coded(&mut self, mut inst: Inst, origin: u32) -> Piece {
        let start = self.acts.len();
        inst.operands(&mut |r, role| {
            let act = match role {
                Role::Use | Role::UseIn(_) => Act::Use,
                Role::UseLate => Act::UseLate,
                Role::Def | Role::DefIn(_) => Act::Def,
                Role::DefEarly => Act::DefEarly,
                Role::DefTied(_) => Act::Both,
            };
            self.acts.push((r.0, act));
        });
        if inst.is_call() {
            let last = if faults::on("allocate-call-clobbers") { 3 } else { 4 };
            self.acts.extend((0..last).chain([u32::from(LAST)]).map(|core| (core, Act::Lost)));
        }
        Piece::Inst(Coded { inst, origin, acts: start..self.acts.len() })
    }
    fn acts(&self, coded: &Coded) -> &[(u32, Act)] {
        &self.acts[coded.acts.clone()]
    }
    fn is_spilled(&self, n: u32) -> bool {
        self.spilled[n as usize].is_some()
    }

    /// Finds the nodes that are live at the start of each block. Those found before stay if they are not spilled.
    fn liveness(&mut self) {
        let mut starts = std::mem::take(&mut self.starts);
        let mut live = Set::new(self.nodes);
        let mut waiting: Vec<usize> = (0..self.blocks.len()).collect();
        let mut is_waiting = vec![true; self.blocks.len()];
        while let Some(b) = waiting.pop() {
            is_waiting[b] = false;
            self.live_out(b, &starts, &mut live);
            for piece in self.blocks[b].iter().rev() {
                self.step(piece, &mut live);
            }
            if starts[b].add(&live) {
                for p in &self.machine.blocks[b].preds {
                    if !std::mem::replace(&mut is_waiting[*p], true) {
                        waiting.push(*p);
                    }
                }
            }
        }
        self.starts = starts;
    }
    fn live_out(&self, b: usize, starts: &[Set], live: &mut Set) {
        live.clear();
        for s in &self.machine.blocks[b].succs {
            live.add(&starts[*s]);
        }
    }
    /// By block: the nodes of these registers that are live at its start.
    fn wanted(&self, registers: &[Reg]) -> Vec<Vec<u32>> {
        let mut all = Set::new(self.nodes);
        registers.iter().for_each(|r| all.insert(node(*r)));
        self.starts.iter().map(|live| live.iter().filter(|n| all.contains(*n)).collect()).collect()
    }
    /// Copies that count: from and to nodes with registers, the word wanted.
    fn counting(&self, copies: &[(u32, u32)], live: &Set) -> SmallVec<[(Option<u32>, Option<u32>); 4]> {
        let node = |n: u32| (!self.is_spilled(n)).then_some(n);
        let wanted = |to: u32| self.is_spilled(to) || live.contains(to);
        copies.iter().filter(|(_, to)| wanted(*to)).map(|(from, to)| (node(*from), node(*to))).collect()
    }
    /// Goes over a piece backwards.
    fn step(&self, piece: &Piece, live: &mut Set) {
        match piece {
            Piece::Inst(coded) => {
                let acts = self.acts(coded);
                acts.iter().filter(|(_, act)| act.is_def()).for_each(|(n, _)| live.remove(*n));
                acts.iter().filter(|(_, act)| act.is_use()).for_each(|(n, _)| live.insert(*n));
            }
            Piece::Copies(copies, _) => {
                let counting = self.counting(copies, live);
                counting.iter().filter_map(|(_, to)| *to).for_each(|n| live.remove(n));
                counting.iter().filter_map(|(from, _)| *from).for_each(|n| live.insert(n));
            }
            Piece::Reload(new, ..) => live.remove(*new),
            Piece::Store(new, _) => live.insert(*new),
        }
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new(self.nodes, self.costs());
        let mut live = Set::new(self.nodes);
        for b in 0..self.blocks.len() {
            let weight = self.machine.blocks[b].frequency();
            self.live_out(b, &self.starts, &mut live);
            // By spilled node: the node that it is loaded into next. In the same register it is there already, if nothing comes between.
            let mut next: FxHashMap<u32, u32> = FxHashMap::default();
            for piece in self.blocks[b].iter().rev() {
                if let Piece::Reload(new, old, _) | Piece::Store(new, old) = piece
                    && let Some(later) = next.insert(*old, *new)
                {
                    graph.wish(Copy { from: *new, to: later, weight: COPY_WEIGHT * weight });
                }
                match piece {
                    Piece::Inst(coded) => {
                        let acts = self.acts(coded);
                        for (d, act) in acts.iter().filter(|(_, act)| act.is_def()) {
                            graph.edges(*d, &live, None);
                            let is_early = *act == Act::DefEarly && !faults::on("allocate-early");
                            let meets = |o: Act| o.is_def() || o == Act::UseLate || is_early;
                            acts.iter().filter(|(_, o)| meets(*o)).for_each(|(o, _)| graph.edge(*d, *o));
                        }
                        for (from, to) in shared(&coded.inst) {
                            graph.wish(Copy { from: from.0, to: to.0, weight });
                        }
                    }
                    Piece::Copies(copies, _) => {
                        let counting = self.counting(copies, &live);
                        let written: SmallVec<[u32; 4]> = counting.iter().filter_map(|(_, to)| *to).collect();
                        for (from, to) in &counting {
                            let Some(to) = *to else { continue };
                            // A word may share its register with the copy of it.
                            let same = from.filter(|from| !written.contains(from));
                            if !faults::on("allocate-copy-shares") {
                                graph.edges(to, &live, same);
                            }
                            written.iter().for_each(|o| graph.edge(to, *o));
                            if let Some(from) = *from {
                                graph.copy(Copy { from, to, weight: COPY_WEIGHT * weight });
                            }
                        }
                    }
                    Piece::Reload(new, ..) => graph.edges(*new, &live, None),
                    Piece::Store(..) => {}
                }
                self.step(piece, &mut live);
            }
        }
        graph
    }

    /// By node: what spilling it costs; nothing if that would not help.
    fn costs(&self) -> Vec<Option<u64>> {
        let mut costs = vec![Some(0u64); self.nodes];
        let mut add = |n: u32, weight: u64| {
            if let Some(cost) = &mut costs[n as usize] {
                *cost += weight;
            }
        };
        for (block, data) in self.blocks.iter().zip(&self.machine.blocks) {
            let weight = data.frequency();
            for piece in block {
                match piece {
                    Piece::Inst(coded) => self.acts(coded).iter().for_each(|(n, _)| add(*n, 2 * weight)),
                    Piece::Copies(copies, _) => copies.iter().for_each(|(from, to)| {
                        add(*from, weight);
                        add(*to, weight);
                    }),
                    Piece::Reload(new, ..) | Piece::Store(new, _) => add(*new, weight),
                }
            }
        }
        for (n, cost) in costs.iter_mut().enumerate() {
            if self.spilled[n].is_some() {
                *cost = Some(0);
            } else if n < CORE || self.is_short[n] {
                *cost = None;
            }
        }
        costs
    }

    /// Puts nodes in memory; nothing if one of them cannot be.
    fn spill(&mut self, nodes: &[u32]) -> Option<()> {
        let makers = self.makers(nodes);
        for (n, maker) in nodes.iter().zip(makers) {
            if self.is_short[*n as usize] || (*n as usize) < CORE || self.is_spilled(*n) {
                return None;
            }
            let home = match maker {
                Some(inst) => Home::Made(inst),
                None => {
                    self.slots += u32::from(self.slots == 0 || !faults::on("allocate-slot-shared"));
                    Home::Slot(self.slots - 1)
                }
            };
            self.spilled[*n as usize] = Some(home);
        }
        for b in 0..self.blocks.len() {
            let old = std::mem::take(&mut self.blocks[b]);
            for piece in old {
                self.respelled(piece, b);
            }
        }
        for live in &mut self.starts {
            nodes.iter().for_each(|n| live.remove(*n));
            live.grow(self.nodes);
        }
        Some(())
    }
    /// For each node the instruction that makes it from nothing, if it is the only one that makes it.
    fn makers(&self, nodes: &[u32]) -> Vec<Option<Inst>> {
        let mut definitions = vec![0u32; self.nodes];
        let mut makers: Vec<Option<&Inst>> = vec![None; self.nodes];
        for piece in self.blocks.iter().flatten() {
            match piece {
                Piece::Inst(coded) => {
                    for (n, _) in self.acts(coded).iter().filter(|(_, act)| act.is_def()) {
                        definitions[*n as usize] += 1;
                        makers[*n as usize] = Some(&coded.inst).filter(|inst| inst.is_remade());
                    }
                }
                Piece::Copies(copies, _) => copies.iter().for_each(|(_, to)| definitions[*to as usize] += 2),
                Piece::Reload(..) | Piece::Store(..) => {}
            }
        }
        let maker = |n: &u32| makers[*n as usize].filter(|_| definitions[*n as usize] == 1).cloned();
        nodes.iter().map(maker).collect()
    }
    fn short(&mut self) -> u32 {
        self.spilled.push(None);
        self.is_short.push(true);
        self.nodes += 1;
        self.nodes as u32 - 1
    }
    /// Writes a piece of a block so that it names no spilled node, except in copies.
    fn respelled(&mut self, piece: Piece, b: usize) {
        let Piece::Inst(coded) = piece else { return self.blocks[b].push(piece) };
        let spilled = |(n, act): &(u32, Act)| self.is_spilled(*n).then_some((*n, *act));
        let acts: Vec<(u32, Act)> = self.acts(&coded).iter().filter_map(spilled).collect();
        if acts.is_empty() {
            return self.blocks[b].push(Piece::Inst(coded));
        }
        let Coded { mut inst, origin, .. } = coded;
        if let [(n, Act::Def)] = acts[..]
            && inst.is_remade()
            && matches!(self.spilled[n as usize], Some(Home::Made(_)))
        {
            return;
        }
        let mut news: Vec<(u32, u32)> = Vec::new();
        let (uses, defined) = (|act: Act| act.is_use(), |act: Act| act.is_def());
        let in_order = acts.iter().filter(|(_, act)| uses(*act)).chain(acts.iter().filter(|(_, act)| defined(*act)));
        for (n, act) in in_order {
            if news.iter().all(|(old, _)| old != n) {
                let new = self.short();
                news.push((*n, new));
                if uses(*act) {
                    self.blocks[b].push(Piece::Reload(new, *n, origin));
                }
            }
        }
        inst.operands(&mut |r, _| {
            if let Some((_, new)) = news.iter().find(|(old, _)| *old == r.0) {
                *r = Reg(*new);
            }
        });
        let piece = self.coded(inst, origin);
        self.blocks[b].push(piece);
        for (n, _) in acts.iter().filter(|(_, act)| defined(*act) && !(faults::on("allocate-store-lost") && uses(*act)))
        {
            let (_, new) = news.iter().find(|(old, _)| old == n).expect("invariant: it has a new name");
            self.blocks[b].push(Piece::Store(*new, *n));
        }
    }

    /// All blocks with core registers.
    fn steps(&self, colors: &[Option<u8>]) -> Option<Vec<Vec<Step>>> {
        let mut blocks = Vec::with_capacity(self.blocks.len());
        let mut live = Set::new(self.nodes);
        for (b, block) in self.blocks.iter().enumerate() {
            self.live_out(b, &self.starts, &mut live);
            let mut steps = Vec::with_capacity(block.len());
            for piece in block.iter().rev() {
                let behind = steps.len();
                self.piece(piece, colors, &live, &mut steps)?;
                steps[behind..].reverse();
                self.step(piece, &mut live);
            }
            steps.reverse();
            blocks.push(steps);
        }
        Some(blocks)
    }
    /// Where a node is, if it is somewhere.
    fn place(&self, colors: &[Option<u8>], n: u32) -> Option<Place> {
        match &self.spilled[n as usize] {
            Some(Home::Slot(s)) => Some(Place::Slot(*s)),
            Some(Home::Made(_)) => None,
            None => colors[n as usize].map(Place::Reg),
        }
    }
    /// Adds a piece with core registers.
    fn piece(&self, piece: &Piece, colors: &[Option<u8>], live: &Set, steps: &mut Vec<Step>) -> Option<()> {
        let core = |n: u32| colors[n as usize];
        let place = |n: u32| self.place(colors, n);
        match piece {
            Piece::Inst(Coded { inst, origin, .. }) => {
                let mut inst = inst.clone();
                let mut missing = false;
                inst.operands(&mut |r, _| match core(r.0) {
                    Some(n) => *r = Reg(u32::from(n)),
                    None => missing = true,
                });
                if missing {
                    return None;
                }
                steps.push(Step::Inst(inst, *origin));
            }
            Piece::Copies(copies, origin) => {
                let wanted = copies.iter().filter(|(_, to)| self.is_spilled(*to) || live.contains(*to));
                let mut all = SmallVec::new();
                for (from, to) in wanted {
                    let source = match &self.spilled[*from as usize] {
                        Some(Home::Made(inst)) => Source::Made(inst.clone()),
                        _ => Source::Place(place(*from)?),
                    };
                    all.push((source, place(*to)?));
                }
                let step = |ordered| match ordered {
                    Ordered::Move(from, to) => Step::Move(from, to),
                    Ordered::Made(inst, n) => Step::Inst(made_in(inst, n), *origin),
                };
                steps.extend(ordered(all)?.into_iter().map(step));
            }
            Piece::Reload(new, old, origin) => {
                let to = core(*new)?;
                steps.push(match &self.spilled[*old as usize] {
                    Some(Home::Made(inst)) => Step::Inst(made_in(inst.clone(), to), *origin),
                    _ => Step::Move(place(*old)?, Place::Reg(to)),
                });
            }
            Piece::Store(new, old) => steps.push(Step::Move(Place::Reg(core(*new)?), place(*old)?)),
        }
        Some(())
    }
}

/// Pairs of operands that share a register in 16-bit encodings.
fn shared(inst: &Inst) -> SmallVec<[(Reg, Reg); 2]> {
    match inst {
        Inst::Alu { op: AluOp::Add | AluOp::Sub, rd, rn, src: Src::Imm(8..=255) } => smallvec![(*rn, *rd)],
        Inst::Alu { op, rd, rn, src: Src::Reg(rm) } if !matches!(op, AluOp::Add | AluOp::Sub | AluOp::Rsb) => {
            let both = op.commutes().then_some((*rm, *rd));
            [(*rn, *rd)].into_iter().chain(both).collect()
        }
        Inst::Mul { rd, rn, rm } => smallvec![(*rn, *rd), (*rm, *rd)],
        Inst::ShiftReg { rd, rn, .. } => smallvec![(*rn, *rd)],
        _ => SmallVec::new(),
    }
}

/// An instruction that makes a word from nothing, in this register.
fn made_in(mut inst: Inst, n: u8) -> Inst {
    inst.operands(&mut |r, _| *r = Reg(u32::from(n)));
    inst
}
