//! The fixed point: which blocks and edges can be reached, and which values are constants there.

use super::beliefs::Beliefs;
use crate::cfg::{self, Few};
use crate::evaluate::evaluate;
use crate::faults;
use crate::prune::{Known, is_pure};
use smallvec::SmallVec;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Bin64, Block, Cond, Edge, Func, Inst, Op, Terminator, Type, Value};

/// What a value is on all paths found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// No path computes it yet.
    Unseen,
    /// Always this.
    Known(Known),
    /// Anything.
    Any,
}

impl Cell {
    fn meet(self, other: Cell) -> Cell {
        match (self, other) {
            (Cell::Unseen, x) | (x, Cell::Unseen) => x,
            (a, b) if a == b => a,
            _ => Cell::Any,
        }
    }
    fn known(self) -> Option<Known> {
        if let Cell::Known(known) = self { Some(known) } else { None }
    }
}

/// The constant that something known is; addresses are none.
pub(super) fn constant(known: Option<Known>) -> Option<u64> {
    match known {
        Some(Known::Const(_, k)) => Some(k),
        _ => None,
    }
}

/// The edge that a decision on a constant takes.
pub(super) fn taken(end: &Terminator, k: u64) -> Option<&Edge> {
    match end {
        Terminator::Branch(_, yes, no) => Some(if k != 0 { yes } else { no }),
        Terminator::Switch(_, targets, default) => Some(targets.get(k as usize).unwrap_or(default)),
        _ => None,
    }
}

/// The fixed point of a function.
pub(super) struct Solution<'f> {
    pub(super) func: &'f Func,
    cells: Vec<Cell>,
    beliefs: Beliefs,
    /// By block: how many of its instructions, the end counted as one more, can be reached.
    reach: Vec<usize>,
    /// By value: block and instruction of each use.
    uses: Vec<Few<(Block, usize)>>,
    /// Values whose cells have changed.
    changed: Vec<Value>,
    /// Blocks found and not yet entered.
    entered: Vec<Block>,
    /// By block: whether it was found.
    found: Vec<bool>,
    first_edge_only: bool,
}

impl<'f> Solution<'f> {
    /// Solves.
    pub(super) fn new(func: &'f Func) -> Solution<'f> {
        let mut s = Solution {
            func,
            cells: vec![Cell::Unseen; func.values.len()],
            beliefs: Beliefs::new(func),
            reach: vec![0; func.blocks.len()],
            uses: uses(func),
            changed: Vec::new(),
            entered: vec![Block(0)],
            found: vec![false; func.blocks.len()],
            first_edge_only: faults::on("sccp-join"),
        };
        s.found[0] = true;
        func.blocks[0].params.iter().for_each(|p| s.cells[p.0 as usize] = Cell::Any);
        loop {
            if let Some(v) = s.changed.pop() {
                for i in 0..s.uses[v.0 as usize].len() {
                    let (block, at) = s.uses[v.0 as usize][i];
                    if at < s.reach[block.0 as usize] {
                        s.visit(block, at);
                    } else if at == s.reach[block.0 as usize] && s.found[block.0 as usize] {
                        s.go_on(block);
                    }
                }
            } else if let Some(block) = s.entered.pop() {
                s.go_on(block);
            } else {
                return s;
            }
        }
    }

    /// Whether a block can be reached.
    pub(super) fn reaches(&self, block: Block) -> bool {
        self.found[block.0 as usize]
    }
    /// What a value is known to be wherever it is.
    pub(super) fn known(&self, v: Value) -> Option<Known> {
        self.cells[v.0 as usize].known()
    }
    /// What a value is known to be before an instruction of a block.
    pub(super) fn at(&self, at: (Block, usize), v: Value) -> Option<Known> {
        self.cell(at, v).known()
    }
    /// What a value is known to be at the start of a block.
    pub(super) fn at_start(&self, block: Block, v: Value) -> Option<Known> {
        self.at((block, 0), v)
    }

    /// Whether anything is known that the form does not say already.
    pub(super) fn is_news(&self) -> bool {
        let news = |v: &Value| self.known(*v).is_some();
        let computed = |i: &Inst| Known::of(&i.op).is_none() && !i.results.is_empty() && i.results.iter().all(news);
        let found = (0..).map(Block).zip(&self.func.blocks).filter(|(b, _)| self.reaches(*b));
        let mut believed = self.beliefs.values().flat_map(|v| self.uses[v.0 as usize].iter().map(move |at| (v, at)));
        believed.any(|(v, at)| at.1 <= self.reach[at.0.0 as usize] && self.at(*at, *v).is_some())
            || found.into_iter().any(|(b, data)| {
                let decision = match &data.end {
                    Terminator::Branch(c, ..) | Terminator::Switch(c, ..) => self.at((b, data.insts.len()), *c),
                    _ => None,
                };
                decision.is_some() || data.params.iter().any(news) || data.insts.iter().any(computed)
            })
    }

    fn cell(&self, at: (Block, usize), v: Value) -> Cell {
        match self.cells[v.0 as usize] {
            Cell::Any => self.beliefs.at(at, v).map_or(Cell::Any, Cell::Known),
            cell => cell,
        }
    }
    fn lower(&mut self, v: Value, cell: Cell) {
        let cell = self.cells[v.0 as usize].meet(cell);
        if cell != self.cells[v.0 as usize] {
            self.cells[v.0 as usize] = cell;
            self.changed.push(v);
        }
    }

    /// Visits a block from where it was left, up to its end or a trap that is always taken.
    fn go_on(&mut self, block: Block) {
        let data = &self.func.blocks[block.0 as usize];
        while self.reach[block.0 as usize] <= data.insts.len() {
            let at = self.reach[block.0 as usize];
            if let Some(Inst { op: Op::TrapIf(_), args, .. }) = data.insts.get(at) {
                let cell = self.cell((block, at), args[0]);
                if cell == Cell::Unseen || constant(cell.known()).is_some_and(|k| k != 0) {
                    return;
                }
            }
            self.reach[block.0 as usize] += 1;
            self.visit(block, at);
        }
    }

    /// Computes what an instruction or the end of a block gives.
    fn visit(&mut self, block: Block, at: usize) {
        let data = &self.func.blocks[block.0 as usize];
        let Some(inst) = data.insts.get(at) else { return self.end(block) };
        if inst.results.is_empty() {
            return;
        }
        let args: SmallVec<[Cell; 4]> = inst.args.iter().map(|v| self.cell((block, at), *v)).collect();
        for (n, result) in inst.results.iter().enumerate() {
            let cell = result_of(inst, n, &args, self.func.type_of(*result));
            self.lower(*result, cell);
        }
    }

    fn end(&mut self, block: Block) {
        let data = &self.func.blocks[block.0 as usize];
        let at = (block, data.insts.len());
        if let Terminator::Branch(c, ..) | Terminator::Switch(c, ..) = &data.end {
            match self.cell(at, *c) {
                Cell::Unseen => return,
                cell => {
                    if let Some(edge) = constant(cell.known()).and_then(|k| taken(&data.end, k)) {
                        return self.edge(at, edge);
                    }
                }
            }
        }
        for edge in cfg::edges(&data.end) {
            self.edge(at, edge);
        }
    }

    fn edge(&mut self, at: (Block, usize), edge: &Edge) {
        let target = edge.block.0 as usize;
        let again = std::mem::replace(&mut self.found[target], true);
        if !again {
            self.entered.push(edge.block);
        }
        for (param, arg) in self.func.blocks[target].params.iter().zip(&edge.args) {
            if !(self.first_edge_only && again && self.cells[param.0 as usize].known().is_some()) {
                let cell = self.cell(at, *arg);
                self.lower(*param, cell);
            }
        }
    }
}

fn uses(func: &Func) -> Vec<Few<(Block, usize)>> {
    let mut uses = cfg::lists(func.values.len());
    for block in cfg::reverse_postorder(func) {
        let data = &func.blocks[block.0 as usize];
        let mut add = |v: &Value, at: usize| {
            let of: &mut Few<(Block, usize)> = &mut uses[v.0 as usize];
            if of.last() != Some(&(block, at)) {
                of.push((block, at));
            }
        };
        for (at, inst) in data.insts.iter().enumerate() {
            inst.args.iter().for_each(|v| add(v, at));
        }
        let edges = cfg::edges(&data.end);
        let args = edges.iter().flat_map(|e| &e.args).chain(cfg::operands(&data.end));
        args.for_each(|v| add(v, data.insts.len()));
    }
    uses
}

/// What a result of an instruction is.
fn result_of(inst: &Inst, n: usize, args: &[Cell], ty: Type) -> Cell {
    if let Some(known) = Known::of(&inst.op) {
        return Cell::Known(known);
    }
    if !is_pure(&inst.op) {
        return Cell::Any;
    }
    if args.contains(&Cell::Unseen) {
        return Cell::Unseen;
    }
    if let (Op::Select, [c, a, b]) = (&inst.op, args) {
        return match constant(c.known()) {
            Some(0) => *b,
            Some(_) => *a,
            None => a.meet(*b),
        };
    }
    let constants: Vec<Option<u64>> = args.iter().map(|c| constant(c.known())).collect();
    let all: Option<Vec<u64>> = constants.iter().copied().collect();
    let value = match all {
        Some(all) => evaluate(&inst.op, &all).map(|results| results[n]),
        None => absorbed(&inst.op, n, &constants),
    };
    value.map_or(Cell::Any, |k| Cell::Known(Known::Const(ty, k)))
}

/// A result that some operands decide, whatever the others are.
fn absorbed(op: &Op, n: usize, args: &[Option<u64>]) -> Option<u64> {
    let is = |k: u64| args.contains(&Some(k));
    let first = |k: u64| args.first() == Some(&Some(k));
    let second = |k: u64| args.get(1) == Some(&Some(k));
    match op {
        Op::Bin(BinOp::And | BinOp::Mul | BinOp::UMulHi | BinOp::SMulHi) if is(0) => Some(0),
        Op::Bin64(Bin64::And | Bin64::Mul) if is(0) => Some(0),
        Op::MulWide if is(0) => Some(0),
        Op::Bin(BinOp::UMulHi) if is(1) => Some(0),
        Op::Bin(BinOp::Or) if is(u64::from(u32::MAX)) => Some(u64::from(u32::MAX)),
        Op::Bin64(Bin64::Or) if is(u64::MAX) => Some(u64::MAX),
        // Division by zero gives zero.
        Op::Bin(BinOp::Shl | BinOp::Lshr | BinOp::Ashr | BinOp::Ror | BinOp::UDiv | BinOp::SDiv) if first(0) => Some(0),
        Op::Bin64(Bin64::Shl | Bin64::ShrU | Bin64::ShrS | Bin64::Rotl | Bin64::Rotr) if first(0) => Some(0),
        Op::Cmp(Cond::LtU) | Op::Cmp64(Cond::LtU) if second(0) => Some(0),
        Op::Cmp(Cond::GeU) | Op::Cmp64(Cond::GeU) if second(0) => Some(1),
        Op::Cmp(Cond::GtU) | Op::Cmp64(Cond::GtU) if first(0) => Some(0),
        Op::Cmp(Cond::LeU) | Op::Cmp64(Cond::LeU) if first(0) => Some(1),
        Op::AddPair | Op::SubPair if n == 0 => {
            let (a, b) = (args[0]? as u32, args[2]? as u32);
            Some(u64::from(if *op == Op::AddPair { a.wrapping_add(b) } else { a.wrapping_sub(b) }))
        }
        _ => None,
    }
}
