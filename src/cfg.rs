//! Control flow of a function: successors, predecessors, orders, dominators.

use smallvec::{SmallVec, smallvec};
use synth_validator::ir::{Block, BlockData, Edge, Func, Terminator, Value};

/// What a block has few of.
pub type Few<T> = SmallVec<[T; 2]>;

/// So many empty lists.
pub fn lists<T>(count: usize) -> Vec<Few<T>> {
    std::iter::repeat_with(Few::new).take(count).collect()
}

/// The edges of a terminator, in order.
pub fn edges(end: &Terminator) -> Few<&Edge> {
    match end {
        Terminator::Jump(edge) => smallvec![edge],
        Terminator::Branch(_, yes, no) => smallvec![yes, no],
        Terminator::Switch(_, edges, default) => edges.iter().chain([default]).collect(),
        Terminator::Return(_) | Terminator::Trap(_) => Few::new(),
    }
}

/// The edges of a terminator, in order, to change.
pub fn edges_mut(end: &mut Terminator) -> Few<&mut Edge> {
    match end {
        Terminator::Jump(edge) => Few::from_iter([edge]),
        Terminator::Branch(_, yes, no) => Few::from_iter([yes, no]),
        Terminator::Switch(_, edges, default) => edges.iter_mut().chain([default]).collect(),
        Terminator::Return(_) | Terminator::Trap(_) => Few::new(),
    }
}

/// The values that a terminator uses besides the arguments of its edges, to change.
pub fn operands_mut(end: &mut Terminator) -> &mut [Value] {
    match end {
        Terminator::Branch(v, ..) | Terminator::Switch(v, ..) => std::slice::from_mut(v),
        Terminator::Return(values) => values,
        Terminator::Jump(_) | Terminator::Trap(_) => &mut [],
    }
}

/// The values that a terminator uses besides the arguments of its edges.
pub fn operands(end: &Terminator) -> &[Value] {
    match end {
        Terminator::Branch(v, ..) | Terminator::Switch(v, ..) => std::slice::from_ref(v),
        Terminator::Return(values) => values,
        Terminator::Jump(_) | Terminator::Trap(_) => &[],
    }
}

/// Puts the blocks in this order; edges follow them. Blocks not in it must not be reachable.
pub fn reorder(func: &mut Func, order: &[Block]) {
    let mut place = vec![Block(u32::MAX); func.blocks.len()];
    for (i, b) in order.iter().enumerate() {
        place[b.0 as usize] = Block(i as u32);
    }
    let mut old: Vec<Option<BlockData>> = std::mem::take(&mut func.blocks).into_iter().map(Some).collect();
    let taken = order.iter().map(|b| old[b.0 as usize].take().expect("invariant: each block stands in the order once"));
    func.blocks = taken.collect();
    for edge in func.blocks.iter_mut().flat_map(|b| edges_mut(&mut b.end)) {
        edge.block = place[edge.block.0 as usize];
    }
}

/// The blocks reachable from the entry, in reverse postorder.
pub fn reverse_postorder(func: &Func) -> Vec<Block> {
    let mut seen = vec![false; func.blocks.len()];
    let mut order = Vec::with_capacity(func.blocks.len());
    // Blocks, and those of their edges that are still to be followed: the last one first.
    let mut open = Vec::new();
    let edges_of = |b: Block| edges(&func.blocks[b.0 as usize].end).into_iter();
    if let Some(first) = seen.first_mut() {
        *first = true;
        open.push((Block(0), edges_of(Block(0))));
    }
    while let Some((block, rest)) = open.last_mut() {
        let Some(Edge { block: next, .. }) = rest.next_back() else {
            order.push(*block);
            open.pop();
            continue;
        };
        if !std::mem::replace(&mut seen[next.0 as usize], true) {
            open.push((*next, edges_of(*next)));
        }
    }
    order.reverse();
    order
}

/// For each block, its predecessors among the reachable blocks, once for each edge, in block order.
pub fn predecessors(func: &Func) -> Vec<Few<Block>> {
    predecessors_among(func, &reverse_postorder(func))
}

/// The same, where the reachable blocks are known.
pub fn predecessors_among(func: &Func, reachable: &[Block]) -> Vec<Few<Block>> {
    let mut is_reachable = vec![false; func.blocks.len()];
    reachable.iter().for_each(|b| is_reachable[b.0 as usize] = true);
    let mut preds = lists(func.blocks.len());
    for (b, block) in (0..).zip(&func.blocks).filter(|(b, _)| is_reachable[*b as usize]) {
        for edge in edges(&block.end) {
            preds[edge.block.0 as usize].push(Block(b));
        }
    }
    preds
}

/// Immediate dominators, for questions of dominance.
pub struct Dominators {
    /// First and last number of the block's subtree in the dominator tree; (0, 0) if unreachable.
    spans: Vec<(u32, u32)>,
    /// Immediate dominator; the entry's is itself. `None` if unreachable.
    pub immediate: Vec<Option<Block>>,
    /// The reachable blocks in reverse postorder.
    pub order: Vec<Block>,
}

impl Dominators {
    /// Computes them. Source: Cooper, Harvey, Kennedy, A Simple, Fast Dominance Algorithm, 2001.
    pub fn new(func: &Func) -> Dominators {
        let order = reverse_postorder(func);
        let preds = predecessors_among(func, &order);
        let mut number = vec![usize::MAX; func.blocks.len()];
        for (i, b) in order.iter().enumerate() {
            number[b.0 as usize] = i;
        }
        let mut idom: Vec<usize> = vec![usize::MAX; order.len()];
        if let Some(first) = idom.first_mut() {
            *first = 0;
        }
        let mut changed = true;
        while changed {
            changed = false;
            for (i, b) in order.iter().enumerate().skip(1) {
                // Later predecessors first: in long chains of branches to one label the walks stay short.
                let known = preds[b.0 as usize].iter().rev().map(|p| number[p.0 as usize]);
                let known = known.filter(|p| idom[*p] != usize::MAX);
                let new = known.reduce(|a, b| meet(&idom, a, b)).unwrap_or(0);
                changed |= idom[i] != new;
                idom[i] = new;
            }
        }
        let mut immediate = vec![None; func.blocks.len()];
        for (i, b) in order.iter().enumerate() {
            immediate[b.0 as usize] = Some(order[idom[i]]);
        }
        Dominators { spans: spans(&order, &idom, func.blocks.len()), immediate, order }
    }

    /// Whether every path from the entry to `b` passes `a`.
    pub fn dominates(&self, a: Block, b: Block) -> bool {
        let (a, b) = (self.spans[a.0 as usize], self.spans[b.0 as usize]);
        a.0 != 0 && b.0 != 0 && a.0 <= b.0 && b.0 <= a.1
    }
}

fn meet(idom: &[usize], mut a: usize, mut b: usize) -> usize {
    while a != b {
        while a > b {
            a = idom[a];
        }
        while b > a {
            b = idom[b];
        }
    }
    a
}

/// Numbers the dominator tree in preorder: the number of each block and the last one in its subtree.
fn spans(order: &[Block], idom: &[usize], blocks: usize) -> Vec<(u32, u32)> {
    let mut sizes = vec![1u32; order.len()];
    for i in (1..order.len()).rev() {
        sizes[idom[i]] += sizes[i];
    }
    // In reverse postorder a block comes after its dominator, so each can take the next part of that one's span.
    let mut next = vec![0u32; order.len()];
    let mut spans = vec![(0, 0); blocks];
    for (i, b) in order.iter().enumerate() {
        let start = if i == 0 { 1 } else { next[idom[i]] };
        if i > 0 {
            next[idom[i]] += sizes[i];
        }
        next[i] = start + 1;
        spans[b.0 as usize] = (start, start + sizes[i] - 1);
    }
    spans
}
