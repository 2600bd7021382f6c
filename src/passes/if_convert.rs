//! If-conversion: a short decision about values becomes a select.
//!
//! Before: `branch v1, b1(), b2()`, `b1: v3 = add v2, v4; jump b3(v3)`, `b2: jump b3(v2)`, `b3(v5): …`. After: `v3 = add v2, v4; v6 =
//! select v1, v3, v2; …`, and the join's block becomes one with the decision's. Arms hold nothing, or a few cheap operations that
//! neither trap nor see memory, so that doing them in vain harms nobody; inner decisions go first, so that what holds them becomes
//! such an arm. It stands behind the passes that empty arms, and before code motion, whose loops become simpler. Selects cost two
//! halfwords each and a taken branch three cycles: more than a few of either do not pay.
//!
//! Obligation: refinement; where a join has become the middle of a block, the two sides are related there as well, so that a row
//! of decisions is proved one by one.

use crate::cfg;
use crate::evaluate::negated;
use crate::faults;
use crate::pass::{Cx, Form, Level, Seam, replaced};
use crate::prune::{self, Known, Renaming, known_values};
use smallvec::smallvec;
use synth_validator::domain::{BinOp, UnOp};
use synth_validator::ir::{Bin64, Block, Edge, Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::trap::TrapKind;

/// What the operations of both arms may cost; at `Os` nothing, because they take the place of no branch.
const COST_MAX: u32 = 2;
/// Values that may be selected, each with flags of its own.
const SELECTS_MAX: usize = 2;

/// Converts decisions; nothing if there is none to convert.
pub fn if_convert(func: &Func, cx: &Cx<'_>) -> Option<Form> {
    if !func.blocks.iter().any(|b| matches!(b.end, Terminator::Branch(..))) {
        return None;
    }
    let order = cfg::reverse_postorder(func);
    let mut c = Converter::new(func, cx);
    for block in order.iter().rev() {
        while c.convert(*block) {}
    }
    if !c.changed {
        return None;
    }
    let mut renaming = Renaming::none(c.new.values.len());
    (0..).map(Value).zip(&c.stands).for_each(|(v, by)| renaming.stand(v, *by));
    prune::rename(&mut c.new, &mut renaming);
    let mut kept = cfg::reverse_postorder(&c.new);
    kept.sort_unstable();
    cfg::reorder(&mut c.new, &kept);
    let place = |b: Block| Block(kept.partition_point(|k| *k < b) as u32);
    c.seams.iter_mut().for_each(|s| s.block = place(s.block));
    let is = |_, v: Value| (c.known[v.0 as usize], renaming.get(v));
    let witness = replaced((func, &c.new), |b| kept[b.0 as usize], &c.seams, is)?;
    Some((c.new, witness).into())
}

/// How a side of a decision goes on: past an arm, or at once.
#[derive(Clone, Debug)]
struct Side {
    /// The block whose instructions come first, with what its parameters are.
    arm: Option<(Block, Values)>,
    /// What they cost.
    cost: u32,
    /// Where it goes: a block, or back to the caller.
    to: Option<Block>,
    /// The values that it brings there.
    args: Values,
}

struct Converter<'a> {
    cx: &'a Cx<'a>,
    new: Func,
    /// By block: edges that lead there.
    incoming: Vec<usize>,
    /// By value: what stands for it.
    stands: Vec<Value>,
    /// By value of the old form: how often it is used.
    uses: Vec<u32>,
    /// By value of the old form: the constant that it is.
    known: Vec<Option<Known>>,
    seams: Vec<Seam>,
    changed: bool,
}

impl<'a> Converter<'a> {
    fn new(func: &Func, cx: &'a Cx<'a>) -> Converter<'a> {
        let incoming = cfg::predecessors(func).iter().map(|p| p.len()).collect();
        let mut uses = vec![0; func.values.len()];
        for data in &func.blocks {
            let edges = cfg::edges(&data.end);
            let args = data.insts.iter().flat_map(|i| &i.args).chain(edges.iter().flat_map(|e| &e.args));
            args.chain(cfg::operands(&data.end)).for_each(|v| uses[v.0 as usize] += 1);
        }
        let stands = (0..func.values.len() as u32).map(Value).collect();
        Converter {
            cx,
            new: func.clone(),
            incoming,
            stands,
            uses,
            known: known_values(func),
            seams: Vec::new(),
            changed: false,
        }
    }

    fn resolve(&self, mut v: Value) -> Value {
        while self.stands[v.0 as usize] != v {
            v = self.stands[v.0 as usize];
        }
        v
    }

    /// Converts the decision at the end of a block, if it is worth it.
    fn convert(&mut self, block: Block) -> bool {
        let Terminator::Branch(condition, yes, no) = &self.new.blocks[block.0 as usize].end else { return false };
        let (condition, yes, no) = (self.resolve(*condition), yes.clone(), no.clone());
        let straight = [self.straight(&yes), self.straight(&no)];
        let arms = [self.arm(block, &yes), self.arm(block, &no)];
        for (past_yes, past_no) in [(true, true), (true, false), (false, true), (false, false)] {
            let side = |n: usize, past: bool| if past { arms[n].clone() } else { Some(straight[n].clone()) };
            let (Some(yes), Some(no)) = (side(0, past_yes), side(1, past_no)) else { continue };
            if yes.to == no.to && self.pays(&yes, &no) {
                self.replace(block, condition, yes, no);
                return true;
            }
        }
        false
    }

    /// A side that goes along an edge at once.
    fn straight(&self, edge: &Edge) -> Side {
        let args = edge.args.iter().map(|v| self.resolve(*v)).collect();
        Side { arm: None, cost: 0, to: Some(edge.block), args }
    }

    /// A side that passes the block behind an edge, if that is an arm that may be done in vain.
    fn arm(&self, from: Block, edge: &Edge) -> Option<Side> {
        let data = &self.new.blocks[edge.block.0 as usize];
        if self.incoming[edge.block.0 as usize] != 1 || edge.block == from {
            return None;
        }
        let cost = data.insts.iter().map(|i| self.cost(i)).sum::<Option<u32>>()?;
        let param = |v: &Value| data.params.iter().position(|p| p == v).map_or(*v, |i| edge.args[i]);
        let bring = |values: &[Value]| values.iter().map(|v| self.resolve(param(&self.resolve(*v)))).collect();
        let (to, args) = match &data.end {
            Terminator::Jump(to) if to.block != edge.block => (Some(to.block), bring(&to.args)),
            Terminator::Return(values) => (None, bring(values)),
            _ => return None,
        };
        Some(Side { arm: Some((edge.block, edge.args.clone())), cost, to, args })
    }

    /// What an operation costs that is done in vain; none if it must not be.
    fn cost(&self, inst: &Inst) -> Option<u32> {
        match &inst.op {
            Op::Const(_) | Op::Const64(_) | Op::Join | Op::Split => Some(0),
            Op::Bin(BinOp::UDiv | BinOp::SDiv | BinOp::UMulHi | BinOp::SMulHi) | Op::Un(UnOp::Popcnt) => None,
            Op::Bin(_) | Op::Un(_) => Some(1),
            Op::Select => Some(2),
            Op::Cmp(_) => Some(1),
            Op::AddPair | Op::SubPair => Some(2),
            Op::Bin64(Bin64::Add | Bin64::Sub | Bin64::And | Bin64::Or | Bin64::Xor) => Some(2),
            Op::Store { .. } if faults::on("if_convert-store") => Some(0),
            Op::BoundsCheck { .. } | Op::TrapIf(_) if faults::on("if_convert-trap") => Some(0),
            _ => None,
        }
    }

    /// Whether selects are cheaper than the decision.
    fn pays(&self, yes: &Side, no: &Side) -> bool {
        let cost_max = if self.cx.level == Level::Os { 0 } else { COST_MAX };
        let differ = yes.args.iter().zip(&no.args).filter(|(a, b)| a != b).count();
        (1..=SELECTS_MAX).contains(&differ) && yes.cost + no.cost <= cost_max
    }

    /// Replaces a decision by selects, and takes in the join if nothing else leads there.
    fn replace(&mut self, block: Block, condition: Value, yes: Side, no: Side) {
        self.changed = true;
        for (arm, args) in [&yes, &no].into_iter().filter_map(|side| side.arm.as_ref()) {
            self.take(block, *arm, args);
        }
        let differ = yes.args.iter().zip(&no.args).filter(|(a, b)| a != b).count();
        let mut args = yes.args.clone();
        let mut c = condition;
        for (n, at) in (0..args.len()).filter(|i| yes.args[*i] != no.args[*i]).enumerate() {
            if n > 0 && faults::on("if_convert-half") {
                continue;
            }
            if n > 0 {
                c = self.again(block, c);
            }
            let truth = if differ == 1 { self.truth(block, c, yes.args[at], no.args[at]) } else { None };
            args[at] = truth.unwrap_or_else(|| self.select(block, c, yes.args[at], no.args[at]));
        }
        let Some(to) = yes.to else {
            self.new.blocks[block.0 as usize].end = Terminator::Return(args);
            return;
        };
        self.incoming[to.0 as usize] -= 1;
        self.new.blocks[block.0 as usize].end = Terminator::Jump(Edge { block: to, args: args.clone() });
        if self.incoming[to.0 as usize] == 1 && to != block {
            let inst = self.new.blocks[block.0 as usize].insts.len();
            let moved = self.seams.iter_mut().filter(|s| s.block == to);
            moved.for_each(|s| (s.block, s.inst) = (block, s.inst + inst));
            self.seams.push(Seam { block, inst, left: to });
            self.take(block, to, &args);
        }
    }

    /// Appends a block to the one that alone leads to it, its parameters being `args`.
    fn take(&mut self, block: Block, from: Block, args: &[Value]) {
        let taken = &mut self.new.blocks[from.0 as usize];
        let (params, insts) = (std::mem::take(&mut taken.params), std::mem::take(&mut taken.insts));
        let end = std::mem::replace(&mut taken.end, Terminator::Trap(TrapKind::Unreachable));
        let end_origin = taken.end_origin;
        // What were joins in an arm are not met on all ways any more.
        self.seams.retain(|s| s.block != from);
        let data = &mut self.new.blocks[block.0 as usize];
        data.insts.extend(insts);
        (data.end, data.end_origin) = (end, end_origin);
        for (param, arg) in params.iter().zip(args) {
            self.stands[param.0 as usize] = self.resolve(*arg);
        }
    }

    /// Appends an instruction with one result.
    fn append(&mut self, block: Block, op: Op, args: Values, like: Value) -> Value {
        let result = self.new.value(self.new.type_of(like));
        self.stands.push(result);
        let data = &mut self.new.blocks[block.0 as usize];
        data.insts.push(Inst { op, args, results: smallvec![result], origin: data.end_origin });
        result
    }
    fn select(&mut self, block: Block, condition: Value, yes: Value, no: Value) -> Value {
        let (yes, no) = if faults::on("if_convert-exchanged") { (no, yes) } else { (yes, no) };
        self.append(block, Op::Select, smallvec![condition, yes, no], yes)
    }

    /// The place of the comparison that makes a condition for this decision alone, below the last seam.
    fn comparison(&self, block: Block, condition: Value) -> Option<usize> {
        let own = self.uses.get(condition.0 as usize).is_none_or(|n| *n == 1);
        let from = self.seams.iter().filter(|s| s.block == block).map(|s| s.inst).max().unwrap_or(0);
        let insts = &self.new.blocks[block.0 as usize].insts;
        let at = insts.iter().rposition(|i| i.results.contains(&condition))?;
        (own && at >= from && matches!(insts[at].op, Op::Cmp(_))).then_some(at)
    }
    /// The condition for another select: its comparison is made again, so that each select has its own flags.
    fn again(&mut self, block: Block, condition: Value) -> Value {
        let Some(at) = self.comparison(block, condition) else { return condition };
        let Inst { op, args, .. } = self.new.blocks[block.0 as usize].insts[at].clone();
        self.append(block, op, args, condition)
    }
    /// The condition or its negation, if the select is one of them.
    fn truth(&mut self, block: Block, condition: Value, yes: Value, no: Value) -> Option<Value> {
        let bit = |v: Value| match self.known.get(v.0 as usize)? {
            Some(Known::Const(Type::I32, k)) => Some(*k),
            _ => None,
        };
        let (yes, no) = (bit(yes)?, bit(no)?);
        let at = self.comparison(block, condition)?;
        let inst = &mut self.new.blocks[block.0 as usize].insts[at];
        let Op::Cmp(cond) = inst.op else { return None };
        match (yes, no) {
            (1, 0) => Some(condition),
            (0, 1) => {
                inst.op = Op::Cmp(negated(cond));
                Some(condition)
            }
            _ => None,
        }
    }
}
