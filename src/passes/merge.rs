//! Block merging and branch folding: control flow without detours.
//!
//! Before: `b0: …; jump b1(v1)`, `b1(v2): v3 = …; branch v3, b2(), b3()`, `b2: jump b4()`. After: `b0: …; v3 = …; branch v3, b4(),
//! b3()`. A block with one incoming edge that is a jump becomes one with its predecessor; a block that only jumps is skipped; a
//! decision whose edges are all equal becomes a jump; parameters that then receive one value only go. It stands behind
//! inlining and constant propagation, which leave such blocks everywhere, and before the passes that see one block at a time; also
//! selection fuses a compare only with a branch of its block.
//! Blocks that pass arguments on are not skipped, since the moves need a place; nor are those that enter a loop, where code motion
//! needs one.
//!
//! Obligation: refinement; at every cut point of the new form the old words used later equal what stands for them.

use crate::cfg::{self, Few};
use crate::faults;
use crate::pass::{Cx, Form, replaced};
use crate::prune::{self, Renaming, known_values};
use synth_validator::ir::{Block, BlockData, Edge, Func, Inst, Op, Terminator, Value};
use synth_validator::trap::TrapKind;

/// Rounds of folding, skipping and merging; each may make work for the next.
const ROUNDS_MAX: usize = 4;
/// Blocks skipped at once on one edge.
const SKIPPED_MAX: usize = 16;

/// Merges blocks; nothing if there is nothing to merge.
pub fn merge(func: &Func, _: &Cx<'_>) -> Option<Form> {
    let (new, merged) = merged(func)?;
    let known = known_values(func);
    let is = |_, v: Value| (known[v.0 as usize], merged.value(v));
    let witness = replaced((func, &new), |b| merged.block(b), &[], is)?;
    Some((new, witness).into())
}

/// How a form with merged blocks relates to the one before.
pub(super) struct Merged {
    /// By old value: what stands for it.
    stands: Vec<Value>,
    /// By new block: the old block it starts with.
    starts: Vec<Block>,
}

impl Merged {
    /// What stands for an old value.
    pub(super) fn value(&self, v: Value) -> Value {
        self.stands[v.0 as usize]
    }
    /// The old block with which a new block starts.
    pub(super) fn block(&self, b: Block) -> Block {
        self.starts[b.0 as usize]
    }
}

/// The function with blocks merged; nothing if there is nothing to merge.
pub(super) fn merged(func: &Func) -> Option<(Func, Merged)> {
    if !is_work(func) {
        return None;
    }
    let mut m = Merger { func: func.clone(), stands: (0..func.values.len() as u32).map(Value).collect() };
    let rounds = (0..ROUNDS_MAX).take_while(|_| m.round()).count();
    if rounds == 0 {
        return None;
    }
    prune::remove_dead(&mut m.func);
    let mut starts = cfg::reverse_postorder(&m.func);
    starts.sort_unstable();
    cfg::reorder(&mut m.func, &starts);
    Some((m.func, Merged { stands: m.stands, starts }))
}

/// Whether some block may be merged, skipped or decided: a quick answer for functions that are in order.
fn is_work(func: &Func) -> bool {
    let preds = cfg::predecessors(func);
    (0..).zip(&func.blocks).any(|(b, data)| {
        let joins = |e: &Edge| e.block.0 != b && preds[e.block.0 as usize].len() == 1;
        let reachable = b == 0 || !preds[b as usize].is_empty();
        reachable
            && match &data.end {
                Terminator::Jump(to) => joins(to) || b != 0 && data.insts.is_empty() && to.args.is_empty(),
                Terminator::Branch(_, yes, no) => yes.block == no.block,
                Terminator::Switch(_, targets, default) => targets.last().is_none_or(|t| t.block == default.block),
                Terminator::Return(_) | Terminator::Trap(_) => false,
            }
    })
}

struct Merger {
    func: Func,
    /// By value of the form before: what stands for it.
    stands: Vec<Value>,
}

impl Merger {
    /// One round over all blocks; whether it changed anything.
    fn round(&mut self) -> bool {
        let order = cfg::reverse_postorder(&self.func);
        let skippable = self.skippable(&order);
        let mut changed = false;
        // Targets first, so that an edge is led over what they have skipped already.
        for block in order.iter().rev() {
            changed |= self.skip(*block, &skippable);
            changed |= self.decide(*block);
        }
        let order = cfg::reverse_postorder(&self.func);
        let preds = cfg::predecessors(&self.func);
        let mut joined = Renaming::none(self.func.values.len());
        for block in order {
            changed |= self.join(block, &preds, &mut joined);
        }
        if changed {
            self.rename(joined);
            let single = prune::redundant_params(&self.func, &vec![None; self.func.values.len()]);
            self.rename(single);
        }
        changed
    }

    fn rename(&mut self, mut renaming: Renaming) {
        prune::rename(&mut self.func, &mut renaming);
        self.stands.iter_mut().for_each(|v| *v = renaming.get(*v));
    }

    /// By block: whether edges to it may go where it jumps.
    fn skippable(&self, order: &[Block]) -> Vec<bool> {
        let blocks = &self.func.blocks;
        let mut place = vec![usize::MAX; blocks.len()];
        for (i, b) in order.iter().enumerate() {
            place[b.0 as usize] = i;
        }
        let mut is_header = vec![false; blocks.len()];
        for b in order {
            for edge in cfg::edges(&blocks[b.0 as usize].end) {
                is_header[edge.block.0 as usize] |= place[edge.block.0 as usize] <= place[b.0 as usize];
            }
        }
        let jumps_only = |(b, data): (usize, &BlockData)| match &data.end {
            Terminator::Jump(to) if b != 0 && to.args.is_empty() && data.params.is_empty() => {
                let target = to.block.0 as usize;
                let enters = is_header[target] && place[b] < place[target];
                let stores = faults::on("merge-work") && data.insts.iter().any(|i| matches!(i.op, Op::Store { .. }));
                target != b && !enters && (data.insts.is_empty() || stores)
            }
            _ => false,
        };
        blocks.iter().enumerate().map(jumps_only).collect()
    }

    /// Leads the edges of a block over blocks that only jump.
    fn skip(&mut self, block: Block, skippable: &[bool]) -> bool {
        let mut end =
            std::mem::replace(&mut self.func.blocks[block.0 as usize].end, Terminator::Trap(TrapKind::Unreachable));
        let mut changed = false;
        for edge in cfg::edges_mut(&mut end) {
            for _ in 0..SKIPPED_MAX {
                let over = &self.func.blocks[edge.block.0 as usize];
                let (true, Terminator::Jump(to)) = (skippable[edge.block.0 as usize], &over.end) else { break };
                *edge = to.clone();
                changed = true;
            }
        }
        self.func.blocks[block.0 as usize].end = end;
        changed
    }

    /// Makes a decision whose edges are equal a jump; cases that go where the default goes are no cases.
    fn decide(&mut self, block: Block) -> bool {
        let end = &mut self.func.blocks[block.0 as usize].end;
        let only = match end {
            Terminator::Branch(_, yes, no) if yes == no => yes.clone(),
            Terminator::Switch(_, targets, default) => {
                let cases = targets.len();
                while targets.last().is_some_and(|t| t == default) {
                    targets.pop();
                }
                match targets.first() {
                    None => default.clone(),
                    Some(first) if faults::on("merge-default") && targets.iter().all(|t| t == first) => first.clone(),
                    Some(_) => return targets.len() < cases,
                }
            }
            _ => return false,
        };
        *end = Terminator::Jump(only);
        true
    }

    /// Takes into a block what it jumps to, as long as nothing else goes there.
    fn join(&mut self, block: Block, preds: &[Few<Block>], joined: &mut Renaming) -> bool {
        let mut changed = false;
        while let Terminator::Jump(to) = &self.func.blocks[block.0 as usize].end {
            if to.block == block || preds[to.block.0 as usize].len() != 1 {
                break;
            }
            let to = to.clone();
            let taken = &mut self.func.blocks[to.block.0 as usize];
            let params = std::mem::take(&mut taken.params);
            let insts = std::mem::take(&mut taken.insts);
            let end = std::mem::replace(&mut taken.end, Terminator::Trap(TrapKind::Unreachable));
            let end_origin = taken.end_origin;
            params.iter().zip(to.args).for_each(|(p, a)| joined.stand(*p, a));
            let data = &mut self.func.blocks[block.0 as usize];
            let early = faults::on("merge-order") && are_independent(&data.insts, &insts);
            let at = if early { 0 } else { data.insts.len() };
            drop(data.insts.splice(at..at, insts));
            (data.end, data.end_origin) = (end, end_origin);
            changed = true;
        }
        changed
    }
}

/// For the fault: whether instructions use no result of others.
fn are_independent(before: &[Inst], insts: &[Inst]) -> bool {
    !insts.iter().flat_map(|i| &i.args).any(|a| before.iter().any(|i| i.results.contains(a)))
}
