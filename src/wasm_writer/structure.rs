//! Structured control flow from blocks and edges.
//!
//! The code of a block is followed by that of the blocks it dominates: a block with one incoming edge stands where the edge is, a
//! block with several stands after the `end` of a `block` around everything that jumps to it, a loop header opens a `loop`. So
//! every reducible function has a form without any block twice. What is the next code anyway needs no branch, and a `block` that
//! nothing branches to is left out. Source: Ramsey, Beyond Relooper, ICFP 2022.

use super::encode::{BlockType, Code};
use super::locals::Locals;
use super::op;
use super::select::is_trap;
use super::stackify::{Item, StackBlock, StackEdge};
use super::{Kept, peephole};
use crate::cfg::{self, Dominators};
use synth_validator::ir::{Block, Func, Terminator, Type};

/// What comes after a piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follow {
    /// This block.
    To(Block),
    /// The end of the function, with its results on the stack.
    Return,
    /// Nothing that is reached.
    Nothing,
}

/// Code with labels instead of depths.
#[derive(Clone, Debug)]
enum Piece {
    Code(Code),
    /// `block`, `loop` or `if` with this label.
    Open(Code, u32),
    End(u32),
    Br(u32),
    BrIf(u32),
    BrTable(Vec<u32>),
}

/// A label in scope.
struct Label {
    /// The block that a branch to it reaches.
    target: Block,
    number: u32,
}

struct Emitter<'a> {
    shape: &'a Func,
    blocks: &'a [StackBlock],
    locals: &'a Locals,
    /// Place of each block in reverse postorder.
    place: Vec<usize>,
    /// By block: the blocks that it dominates immediately and that need a label, in reverse postorder.
    labelled: Vec<Vec<Block>>,
    needs_label: Vec<bool>,
    is_header: Vec<bool>,
    scope: Vec<Label>,
    labels: u32,
    out: Vec<Piece>,
    /// The type of code that ends in a return.
    returned: BlockType,
}

/// The code of a function.
///
/// # Errors
/// If the control flow is not reducible.
pub fn structure(
    shape: &Func,
    blocks: &[StackBlock],
    locals: &Locals,
    result_type: Option<BlockType>,
) -> Result<Vec<Code>, Kept> {
    let order = cfg::reverse_postorder(shape);
    let dominators = Dominators::new(shape);
    let count = shape.blocks.len();
    let mut place = vec![usize::MAX; count];
    order.iter().enumerate().for_each(|(i, b)| place[b.0 as usize] = i);
    let (mut forward, mut is_header) = (vec![0u32; count], vec![false; count]);
    for b in &order {
        let end = &shape.blocks[b.0 as usize].end;
        let several = if matches!(end, Terminator::Switch(..)) { 2 } else { 1 };
        for edge in cfg::edges(end) {
            let to = edge.block.0 as usize;
            if place[to] <= place[b.0 as usize] {
                if !dominators.dominates(edge.block, *b) {
                    return Err(Kept::Irreducible);
                }
                is_header[to] = true;
            } else {
                forward[to] += several;
            }
        }
    }
    let needs_label: Vec<bool> = forward.iter().map(|n| *n > 1).collect();
    let mut labelled = vec![Vec::new(); count];
    for b in order.iter().skip(1).filter(|b| needs_label[b.0 as usize]) {
        if let Some(above) = dominators.immediate[b.0 as usize] {
            labelled[above.0 as usize].push(*b);
        }
    }
    let mut emitter = Emitter {
        shape,
        blocks,
        locals,
        place,
        labelled,
        needs_label,
        is_header,
        scope: Vec::new(),
        labels: 0,
        out: Vec::new(),
        returned: result_type.unwrap_or(BlockType::Empty),
    };
    let follow = if result_type.is_some() { Follow::Return } else { Follow::Nothing };
    emitter.tree(Block(0), follow);
    let mut code = resolve(emitter.out);
    if result_type.is_none() {
        code.push(Code::Trap(synth_validator::trap::TrapKind::Unreachable));
    }
    Ok(peephole::clean(code))
}

/// Turns labels into depths, and leaves out blocks that nothing branches to.
fn resolve(pieces: Vec<Piece>) -> Vec<Code> {
    let mut used = std::collections::BTreeSet::new();
    for piece in &pieces {
        match piece {
            Piece::Br(l) | Piece::BrIf(l) => drop(used.insert(*l)),
            Piece::BrTable(labels) => used.extend(labels),
            Piece::Code(_) | Piece::Open(..) | Piece::End(_) => {}
        }
    }
    let mut open: Vec<u32> = Vec::new();
    let mut out = Vec::new();
    for piece in pieces {
        let depth = |label: &u32| {
            let found = open.iter().rev().position(|o| o == label);
            found.expect("invariant: branches go to labels in scope") as u32
        };
        match piece {
            Piece::Code(code) => out.push(code),
            Piece::Open(Code::Block(_), label) | Piece::End(label)
                if !used.contains(&label) && open.last() != Some(&label) => {}
            Piece::Open(code, label) => {
                open.push(label);
                out.push(code);
            }
            Piece::End(_) => {
                open.pop();
                out.push(Code::End);
            }
            Piece::Br(label) => out.push(Code::Br(depth(&label))),
            Piece::BrIf(label) => out.push(Code::BrIf(depth(&label))),
            Piece::BrTable(labels) => out.push(Code::BrTable(labels.iter().map(depth).collect())),
        }
    }
    out
}

impl Emitter<'_> {
    fn code(&mut self, code: Code) {
        self.out.push(Piece::Code(code));
    }

    fn block_type(&self, follow: Follow) -> BlockType {
        if follow == Follow::Return { self.returned } else { BlockType::Empty }
    }

    fn open(&mut self, code: Code) -> u32 {
        self.labels += 1;
        self.out.push(Piece::Open(code, self.labels));
        self.labels
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            let code = match item {
                Item::Get(v) => Code::Get(self.locals.of[v]),
                Item::Set(v) => Code::Set(self.locals.of[v]),
                Item::Tee(v) => Code::Tee(self.locals.of[v]),
                Item::Op(op) => Code::Op(op.clone()),
                Item::Drop => Code::Drop,
            };
            self.code(code);
        }
    }

    /// A block and what it dominates.
    fn tree(&mut self, b: Block, follow: Follow) {
        let labelled = self.labelled[b.0 as usize].clone();
        if !self.is_header[b.0 as usize] {
            self.code(Code::Point(b));
            return self.within(b, &labelled, follow);
        }
        let number = self.open(Code::Loop(self.block_type(follow)));
        self.code(Code::Point(b));
        self.scope.push(Label { target: b, number });
        self.within(b, &labelled, follow);
        self.scope.pop();
        self.out.push(Piece::End(number));
    }

    /// A block within `block`s for the labelled blocks that it dominates, the last one the outermost.
    fn within(&mut self, b: Block, labelled: &[Block], follow: Follow) {
        let Some((last, rest)) = labelled.split_last() else { return self.body(b, follow) };
        let number = self.open(Code::Block(BlockType::Empty));
        self.scope.push(Label { target: *last, number });
        self.within(b, rest, Follow::To(*last));
        self.scope.pop();
        self.out.push(Piece::End(number));
        self.tree(*last, follow);
    }

    fn body(&mut self, b: Block, follow: Follow) {
        let block = &self.blocks[b.0 as usize];
        self.items(&block.code);
        self.items(&block.operands);
        match &self.shape.blocks[b.0 as usize].end {
            Terminator::Jump(_) => {
                self.moves(b, &block.edges[0]);
                self.go(b, &block.edges[0], follow);
            }
            Terminator::Branch(..) => self.branch(b, [&block.edges[0], &block.edges[1]], follow),
            Terminator::Switch(..) => {
                let labels = block.edges.iter().map(|e| self.label(e.block)).collect();
                self.out.push(Piece::BrTable(labels));
            }
            Terminator::Return(_) if follow == Follow::Return => {}
            Terminator::Return(_) => self.code(Code::Return),
            Terminator::Trap(kind) => self.code(Code::Trap(*kind)),
        }
    }

    /// Arguments into the parameters' locals.
    fn moves(&mut self, from: Block, edge: &StackEdge) {
        let mut set = Vec::new();
        for (param, arg) in self.moved(from, edge) {
            self.items(arg);
            set.push(param);
        }
        for local in set.into_iter().rev() {
            self.code(Code::Set(local));
        }
    }

    /// The locals that an edge sets, and to what.
    fn moved<'e>(&self, from: Block, edge: &'e StackEdge) -> Vec<(u32, &'e [Item])> {
        let params = &self.shape.blocks[edge.block.0 as usize].params;
        let moved = params.iter().zip(&edge.args).filter(|(p, arg)| !self.locals.is_in_place(from, **p, arg));
        moved.map(|(p, arg)| (self.locals.of[p], arg.as_slice())).collect()
    }

    fn is_back(&self, from: Block, to: Block) -> bool {
        self.place[to.0 as usize] <= self.place[from.0 as usize]
    }

    /// Whether an edge is a branch to a label.
    fn is_jump(&self, from: Block, to: Block) -> bool {
        self.is_back(from, to) || self.needs_label[to.0 as usize]
    }

    fn label(&self, target: Block) -> u32 {
        let label = self.scope.iter().rev().find(|l| l.target == target);
        label.expect("invariant: reducible control flow branches outward").number
    }

    /// On to the target of an edge whose arguments are in place.
    fn go(&mut self, from: Block, edge: &StackEdge, follow: Follow) {
        if !self.is_jump(from, edge.block) {
            self.tree(edge.block, follow);
        } else if self.is_back(from, edge.block) || follow != Follow::To(edge.block) {
            let label = self.label(edge.block);
            self.out.push(Piece::Br(label));
        }
    }

    /// Whether an edge's target is what comes next, without code of its own.
    fn falls(&self, from: Block, edge: &StackEdge, follow: Follow) -> bool {
        follow == Follow::To(edge.block) && !self.is_back(from, edge.block)
    }

    /// Whether an edge can be taken by `br_if`, its moves before it: they harm nothing on the other edge.
    fn is_direct(&self, from: Block, edge: &StackEdge, other: &StackEdge, follow: Follow) -> bool {
        if !self.is_jump(from, edge.block) || self.falls(from, edge, follow) {
            return false;
        }
        let moved = self.moved(from, edge);
        let live = &self.locals.live[other.block.0 as usize];
        let args = other.args.iter().flatten().filter_map(|item| match item {
            Item::Get(v) => Some(v),
            _ => None,
        });
        let mut kept = live.iter().chain(args).map(|v| self.locals.of[v]);
        !kept.any(|local| moved.iter().any(|m| m.0 == local))
    }

    /// Whether the code of an edge is short and never comes to its end.
    fn leaves(&self, from: Block, edge: &StackEdge, follow: Follow) -> bool {
        if self.is_jump(from, edge.block) {
            return !self.falls(from, edge, follow);
        }
        if self.is_header[edge.block.0 as usize] {
            return false;
        }
        match &self.shape.blocks[edge.block.0 as usize].end {
            Terminator::Return(_) => follow != Follow::Return,
            Terminator::Jump(_) => {
                let next = &self.blocks[edge.block.0 as usize].edges[0];
                self.is_jump(edge.block, next.block) && !self.falls(edge.block, next, follow)
            }
            end => is_trap(end).is_some(),
        }
    }

    /// Replaces the condition on the stack by its negation.
    fn negate(&mut self) {
        if let Some(Piece::Code(Code::Op(last))) = self.out.last_mut() {
            if let Some(negated) = last.negated() {
                *last = negated;
                return;
            }
            if *last == op::eqz(Type::I32) {
                self.out.pop();
                return;
            }
        }
        self.code(Code::Op(op::eqz(Type::I32)));
    }

    fn br_if(&mut self, from: Block, edge: &StackEdge, other: &StackEdge, follow: Follow) {
        self.moves(from, edge);
        let label = self.label(edge.block);
        self.out.push(Piece::BrIf(label));
        self.moves(from, other);
        self.go(from, other, follow);
    }

    fn arm(&mut self, from: Block, edge: &StackEdge, follow: Follow) {
        self.moves(from, edge);
        self.go(from, edge, follow);
    }

    fn branch(&mut self, b: Block, [yes, no]: [&StackEdge; 2], follow: Follow) {
        let to_yes = self.is_direct(b, yes, no, follow);
        let to_no = self.is_direct(b, no, yes, follow);
        let nothing = |s: &Self, e: &StackEdge| s.falls(b, e, follow) && s.moved(b, e).is_empty();
        if to_yes && (!to_no || !self.falls(b, yes, follow)) {
            self.br_if(b, yes, no, follow);
        } else if to_no {
            self.negate();
            self.br_if(b, no, yes, follow);
        } else if nothing(self, yes) && !nothing(self, no) {
            self.negate();
            self.one_armed(b, no, None, follow);
        } else if nothing(self, no) {
            self.one_armed(b, yes, None, follow);
        } else if self.leaves(b, yes, follow) {
            self.one_armed(b, yes, Some(no), follow);
        } else if self.leaves(b, no, follow) {
            self.negate();
            self.one_armed(b, no, Some(yes), follow);
        } else {
            let number = self.open(Code::If(self.block_type(follow)));
            self.arm(b, yes, follow);
            self.code(Code::Else);
            self.arm(b, no, follow);
            self.out.push(Piece::End(number));
        }
    }

    /// An `if` without `else`, and what comes after it: nothing, or the other edge, to which the arm does not come.
    fn one_armed(&mut self, b: Block, edge: &StackEdge, rest: Option<&StackEdge>, follow: Follow) {
        let number = self.open(Code::If(BlockType::Empty));
        self.arm(b, edge, if rest.is_some() { Follow::Nothing } else { follow });
        self.out.push(Piece::End(number));
        if let Some(rest) = rest {
            self.arm(b, rest, follow);
        }
    }
}
