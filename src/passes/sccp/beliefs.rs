//! What the decisions of a function say of their operands: below an edge that is taken, and below a trap that is not.

use crate::cfg::{self, Dominators};
use crate::faults;
use crate::prune::{Known, known_values};
use rustc_hash::FxHashMap;
use synth_validator::ir::{Block, Cond, Func, Inst, Op, Terminator, Type, Value};

/// Beliefs about one value: more are not kept, so that asking stays cheap.
const PER_VALUE_MAX: usize = 32;

/// A value is known from an instruction of a block on, and in all blocks that this one dominates.
#[derive(Clone, Copy, Debug)]
struct Belief {
    block: Block,
    from: usize,
    known: Known,
}

/// The beliefs of a function.
pub(super) struct Beliefs {
    of: FxHashMap<Value, Vec<Belief>>,
    dominators: Dominators,
}

impl Beliefs {
    /// Gathers them from comparisons with constants, conditions and dispatches.
    pub(super) fn new(func: &Func) -> Beliefs {
        let mut reader = Reader { known: known_values(func), compares: FxHashMap::default(), of: FxHashMap::default() };
        let preds = cfg::predecessors(func);
        let order = cfg::reverse_postorder(func);
        for inst in order.iter().flat_map(|b| &func.blocks[b.0 as usize].insts) {
            if let Op::Cmp(_) | Op::Cmp64(_) | Op::CmpPair(_) = inst.op {
                reader.compares.insert(inst.results[0], inst);
            }
        }
        for block in order {
            let data = &func.blocks[block.0 as usize];
            for (at, inst) in data.insts.iter().enumerate() {
                if let Op::TrapIf(_) = inst.op {
                    reader.condition(inst.args[0], false, (block, at + 1));
                }
            }
            // Only where the edge is the only way in.
            let enters = |to: Block| preds[to.0 as usize].len() == 1;
            match &data.end {
                Terminator::Branch(c, yes, no) => {
                    for (edge, holds) in [(yes, true), (no, faults::on("sccp-edge"))] {
                        if enters(edge.block) {
                            reader.condition(*c, holds, (edge.block, 0));
                        }
                    }
                }
                Terminator::Switch(index, targets, default) => {
                    let last = faults::on("sccp-default").then_some(default);
                    for (n, target) in targets.iter().chain(last).enumerate().filter(|(_, t)| enters(t.block)) {
                        reader.believe(*index, Known::Const(Type::I32, n as u64), (target.block, 0));
                    }
                }
                _ => {}
            }
        }
        Beliefs { of: reader.of, dominators: Dominators::new(func) }
    }

    /// What is believed of a value before an instruction.
    pub(super) fn at(&self, (block, inst): (Block, usize), v: Value) -> Option<Known> {
        let holds = |b: &&Belief| {
            if b.block == block { b.from <= inst } else { self.dominators.dominates(b.block, block) }
        };
        self.of.get(&v)?.iter().find(holds).map(|b| b.known)
    }

    /// All places from which on something is believed of a value.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.of.keys()
    }
}

struct Reader<'f> {
    known: Vec<Option<Known>>,
    compares: FxHashMap<Value, &'f Inst>,
    of: FxHashMap<Value, Vec<Belief>>,
}

impl Reader<'_> {
    fn believe(&mut self, v: Value, known: Known, (block, from): (Block, usize)) {
        let all = self.of.entry(v).or_default();
        if all.len() < PER_VALUE_MAX && self.known[v.0 as usize].is_none() {
            all.push(Belief { block, from, known });
        }
    }
    /// A condition is not zero from here on, or it is.
    fn condition(&mut self, c: Value, holds: bool, from: (Block, usize)) {
        let word = |k: u64| Known::Const(Type::I32, k);
        let Some(compare) = self.compares.get(&c).copied() else {
            if !holds {
                self.believe(c, word(0), from);
            }
            return;
        };
        self.believe(c, word(u64::from(holds)), from);
        let (Op::Cmp(cond) | Op::Cmp64(cond) | Op::CmpPair(cond)) = compare.op else { return };
        if cond != (if holds { Cond::Eq } else { Cond::Ne }) {
            return;
        }
        let half = compare.args.len() / 2;
        for (a, b) in compare.args[..half].iter().zip(&compare.args[half..]) {
            match (self.known[a.0 as usize], self.known[b.0 as usize]) {
                (None, Some(known)) => self.believe(*a, known, from),
                (Some(known), None) => self.believe(*b, known, from),
                _ => {}
            }
        }
    }
}
