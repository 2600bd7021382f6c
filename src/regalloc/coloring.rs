//! Allocation by coloring: fixed registers become parallel copies, every value lives in one place.
//!
//! What gets no register is spilled: a load before each use, a store after each definition, or, where the value costs
//! nothing to make, made again before each use; then the graph is colored anew.

use super::copies::{Ordered, Source, ordered};
use super::graph::{CORE, Copy, Graph};
use super::{Allocated, Place, Step};
use crate::encode::AluOp;
use crate::machine::{Inst, MachineFunc, Reg, Role, Src};

/// Nodes beyond which a function is not colored.
const NODES_MAX: usize = 4000;
/// Rounds of spilling.
const ROUNDS_MAX: usize = 12;
/// What a copy costs, where an encoding of four bytes in place of two costs 1.
const COPY_WEIGHT: u64 = 4;

/// A piece of a block.
#[derive(Clone, Debug)]
enum Piece {
    /// An instruction whose operands are nodes; those in fixed registers are core registers.
    Inst(Inst, u32),
    /// Copies from node to node, all at once.
    Copies(Vec<(u32, u32)>, u32),
    /// Loads a node from its slot before a use: (new node, spilled node).
    Reload(u32, u32, u32),
    /// Stores a node to the slot of a spilled one after a definition: (new node, spilled node).
    Store(u32, u32),
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
    nodes: usize,
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
        blocks: (0..machine.blocks.len()).map(|b| pieces(machine, b)).collect(),
        nodes,
        spilled: vec![None; nodes],
        is_short: vec![false; nodes],
        slots: 0,
    };
    let unspilled = a.liveness();
    for round in 0..ROUNDS_MAX {
        let live = if round == 0 { unspilled.clone() } else { a.liveness() };
        match a.graph(&live).color() {
            Ok(colors) => {
                let blocks = a.steps(&colors, &live)?;
                let places = unspilled.iter().map(|live| a.places(&colors, live, values)).collect();
                return Some(Allocated { blocks, live: places, slots: a.slots });
            }
            Err(nodes) => a.spill(&nodes)?,
        }
    }
    None
}

/// The pieces of a block: operands in fixed registers and arguments of blocks become copies.
fn pieces(machine: &MachineFunc, block: usize) -> Vec<Piece> {
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
        let (mut before, mut after, mut tied) = (Vec::new(), Vec::new(), Vec::new());
        let mut uses = Vec::new();
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
            Inst::Move { rd, rm } => out.push(Piece::Copies(vec![(rm.0, rd.0)], origin)),
            inst => out.push(Piece::Inst(inst, origin)),
        }
        if !after.is_empty() {
            out.push(Piece::Copies(after, origin));
        }
    }
    out
}

/// A set of nodes.
#[derive(Clone, PartialEq)]
struct Set(Vec<u64>);

impl Set {
    fn new(nodes: usize) -> Set {
        Set(vec![0; nodes.div_ceil(64)])
    }
    fn insert(&mut self, n: u32) {
        self.0[n as usize / 64] |= 1 << (n % 64);
    }
    fn remove(&mut self, n: u32) {
        self.0[n as usize / 64] &= !(1 << (n % 64));
    }
    fn contains(&self, n: u32) -> bool {
        self.0[n as usize / 64] >> (n % 64) & 1 != 0
    }
    /// Adds a set. Result: whether anything is new.
    fn add(&mut self, other: &Set) -> bool {
        let mut new = false;
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            new |= *b & !*a != 0;
            *a |= *b;
        }
        new
    }
    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.0).flat_map(|(i, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(64 * i + bit)
            })
        })
    }
}

/// Uses and definitions of an instruction; early definitions and late uses are told apart, the latter among the uses.
#[derive(Default)]
struct Roles {
    uses: Vec<u32>,
    defs: Vec<u32>,
    early: Vec<u32>,
    late: Vec<u32>,
}

fn roles(inst: &Inst) -> Roles {
    let mut roles = Roles::default();
    inst.clone().operands(&mut |r, role| match role {
        Role::Use | Role::UseIn(_) => roles.uses.push(r.0),
        Role::UseLate => {
            roles.uses.push(r.0);
            roles.late.push(r.0);
        }
        Role::Def | Role::DefIn(_) => roles.defs.push(r.0),
        Role::DefEarly => roles.early.push(r.0),
        // The copy before has put the word there.
        Role::DefTied(_) => {
            roles.uses.push(r.0);
            roles.defs.push(r.0);
        }
    });
    if inst.is_call() {
        roles.defs.extend(0..4);
    }
    roles
}

impl Allocator<'_> {
    fn is_spilled(&self, n: u32) -> bool {
        self.spilled[n as usize].is_some()
    }

    /// Nodes live at the start of each block.
    fn liveness(&self) -> Vec<Set> {
        let mut starts = vec![Set::new(self.nodes); self.blocks.len()];
        let mut waiting: Vec<usize> = (0..self.blocks.len()).collect();
        let mut is_waiting = vec![true; self.blocks.len()];
        while let Some(b) = waiting.pop() {
            is_waiting[b] = false;
            let mut live = self.live_out(b, &starts);
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
        starts
    }
    fn live_out(&self, b: usize, starts: &[Set]) -> Set {
        let mut live = Set::new(self.nodes);
        for s in &self.machine.blocks[b].succs {
            live.add(&starts[*s]);
        }
        live
    }
    /// Copies that count: from and to nodes with registers, the word wanted.
    fn counting(&self, copies: &[(u32, u32)], live: &Set) -> Vec<(Option<u32>, Option<u32>)> {
        let node = |n: u32| (!self.is_spilled(n)).then_some(n);
        let wanted = |to: u32| self.is_spilled(to) || live.contains(to);
        copies.iter().filter(|(_, to)| wanted(*to)).map(|(from, to)| (node(*from), node(*to))).collect()
    }
    /// Goes over a piece backwards.
    fn step(&self, piece: &Piece, live: &mut Set) {
        match piece {
            Piece::Inst(inst, _) => {
                let Roles { uses, defs, early, .. } = roles(inst);
                defs.into_iter().chain(early).for_each(|n| live.remove(n));
                uses.into_iter().for_each(|n| live.insert(n));
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

    fn graph(&self, starts: &[Set]) -> Graph {
        let mut graph = Graph::new(self.nodes, self.costs());
        for b in 0..self.blocks.len() {
            let weight = self.machine.blocks[b].frequency();
            let mut live = self.live_out(b, starts);
            for piece in self.blocks[b].iter().rev() {
                match piece {
                    Piece::Inst(inst, _) => {
                        let Roles { uses, defs, early, late } = roles(inst);
                        let all: Vec<u32> = defs.iter().chain(&early).copied().collect();
                        for d in &all {
                            live.iter().for_each(|l| graph.edge(*d, l));
                            all.iter().chain(&late).for_each(|o| graph.edge(*d, *o));
                        }
                        early.iter().for_each(|d| uses.iter().for_each(|u| graph.edge(*d, *u)));
                        for (from, to) in shared(inst) {
                            graph.wish(Copy { from: from.0, to: to.0, weight });
                        }
                    }
                    Piece::Copies(copies, _) => {
                        let counting = self.counting(copies, &live);
                        let written: Vec<u32> = counting.iter().filter_map(|(_, to)| *to).collect();
                        for (from, to) in &counting {
                            let Some(to) = *to else { continue };
                            // A word may share its register with the copy of it.
                            let same = from.filter(|from| !written.contains(from));
                            live.iter().filter(|l| Some(*l) != same).for_each(|l| graph.edge(to, l));
                            written.iter().for_each(|o| graph.edge(to, *o));
                            if let Some(from) = *from {
                                graph.copy(Copy { from, to, weight: COPY_WEIGHT * weight });
                            }
                        }
                    }
                    Piece::Reload(new, ..) => live.iter().for_each(|l| graph.edge(*new, l)),
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
                    Piece::Inst(inst, _) => inst.clone().operands(&mut |r, _| add(r.0, 2 * weight)),
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
        for n in nodes {
            if self.is_short[*n as usize] || (*n as usize) < CORE || self.is_spilled(*n) {
                return None;
            }
            let home = match self.maker(*n) {
                Some(inst) => Home::Made(inst),
                None => {
                    self.slots += 1;
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
        Some(())
    }
    /// The instruction that makes a node from nothing, if it is the only one that makes it.
    fn maker(&self, n: u32) -> Option<Inst> {
        let mut found = None;
        for piece in self.blocks.iter().flatten() {
            match piece {
                Piece::Inst(inst, _) => {
                    let Roles { defs, early, .. } = roles(inst);
                    if !defs.contains(&n) && !early.contains(&n) {
                        continue;
                    }
                    let is_free = matches!(inst, Inst::Const { .. } | Inst::SymbolAddress { .. });
                    if !is_free || found.is_some() {
                        return None;
                    }
                    found = Some(inst.clone());
                }
                Piece::Copies(copies, _) if copies.iter().any(|(_, to)| *to == n) => return None,
                _ => {}
            }
        }
        found
    }
    fn short(&mut self) -> u32 {
        self.spilled.push(None);
        self.is_short.push(true);
        self.nodes += 1;
        self.nodes as u32 - 1
    }
    /// Writes a piece of a block so that it names no spilled node, except in copies.
    fn respelled(&mut self, piece: Piece, b: usize) {
        let Piece::Inst(mut inst, origin) = piece else { return self.blocks[b].push(piece) };
        let Roles { uses, defs, early, .. } = roles(&inst);
        let defined: Vec<u32> = defs.into_iter().chain(early).filter(|n| self.is_spilled(*n)).collect();
        if let ([n], Inst::Const { .. } | Inst::SymbolAddress { .. }) = (&defined[..], &inst)
            && matches!(self.spilled[*n as usize], Some(Home::Made(_)))
        {
            return;
        }
        let mut news: Vec<(u32, u32)> = Vec::new();
        for n in uses.iter().chain(&defined).copied().filter(|n| self.is_spilled(*n)).collect::<Vec<_>>() {
            if news.iter().all(|(old, _)| *old != n) {
                let new = self.short();
                news.push((n, new));
                if uses.contains(&n) {
                    self.blocks[b].push(Piece::Reload(new, n, origin));
                }
            }
        }
        inst.operands(&mut |r, _| {
            if let Some((_, new)) = news.iter().find(|(old, _)| *old == r.0) {
                *r = Reg(*new);
            }
        });
        self.blocks[b].push(Piece::Inst(inst, origin));
        for n in defined {
            let (_, new) = news.iter().find(|(old, _)| *old == n).expect("invariant: it has a new name");
            self.blocks[b].push(Piece::Store(*new, n));
        }
    }

    /// All blocks with core registers.
    fn steps(&self, colors: &[Option<u8>], starts: &[Set]) -> Option<Vec<Vec<Step>>> {
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (b, block) in self.blocks.iter().enumerate() {
            let mut live = self.live_out(b, starts);
            let mut backwards = Vec::new();
            for piece in block.iter().rev() {
                backwards.push(self.piece(piece, colors, &live)?);
                self.step(piece, &mut live);
            }
            blocks.push(backwards.into_iter().rev().flatten().collect());
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
    /// The places of live values at a block's start.
    fn places(&self, colors: &[Option<u8>], live: &Set, values: &[Reg]) -> Vec<(Reg, Place)> {
        let here = values.iter().copied().filter(|v| live.contains(node(*v)));
        here.filter_map(|v| Some((v, self.place(colors, node(v))?))).collect()
    }

    /// A piece with core registers.
    fn piece(&self, piece: &Piece, colors: &[Option<u8>], live: &Set) -> Option<Vec<Step>> {
        let core = |n: u32| colors[n as usize];
        let place = |n: u32| self.place(colors, n);
        Some(match piece {
            Piece::Inst(inst, origin) => {
                let mut inst = inst.clone();
                let mut missing = false;
                inst.operands(&mut |r, _| match core(r.0) {
                    Some(n) => *r = Reg(u32::from(n)),
                    None => missing = true,
                });
                if missing {
                    return None;
                }
                vec![Step::Inst(inst, *origin)]
            }
            Piece::Copies(copies, origin) => {
                let wanted = copies.iter().filter(|(_, to)| self.is_spilled(*to) || live.contains(*to));
                let mut all = Vec::new();
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
                ordered(all)?.into_iter().map(step).collect()
            }
            Piece::Reload(new, old, origin) => {
                let to = core(*new)?;
                match &self.spilled[*old as usize] {
                    Some(Home::Made(inst)) => vec![Step::Inst(made_in(inst.clone(), to), *origin)],
                    _ => vec![Step::Move(place(*old)?, Place::Reg(to))],
                }
            }
            Piece::Store(new, old) => vec![Step::Move(Place::Reg(core(*new)?), place(*old)?)],
        })
    }
}

/// Pairs of operands that share a register in 16-bit encodings.
fn shared(inst: &Inst) -> Vec<(Reg, Reg)> {
    match inst {
        Inst::Alu { op: AluOp::Add | AluOp::Sub, rd, rn, src: Src::Imm(8..=255) } => vec![(*rn, *rd)],
        Inst::Alu { op, rd, rn, src: Src::Reg(rm) } if !matches!(op, AluOp::Add | AluOp::Sub | AluOp::Rsb) => {
            let both = op.commutes().then_some((*rm, *rd));
            [(*rn, *rd)].into_iter().chain(both).collect()
        }
        Inst::Mul { rd, rn, rm } => vec![(*rn, *rd), (*rm, *rd)],
        Inst::ShiftReg { rd, rn, .. } => vec![(*rn, *rd)],
        _ => Vec::new(),
    }
}

/// An instruction that makes a word from nothing, in this register.
fn made_in(mut inst: Inst, n: u8) -> Inst {
    inst.operands(&mut |r, _| *r = Reg(u32::from(n)));
    inst
}
