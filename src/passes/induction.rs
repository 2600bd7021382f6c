//! Induction variables: a loop keeps one of two parameters that go the same way.
//!
//! Before: `b1(v1, v2, v3): v4 = load v1; store v2, v4; v5 = add v1, 1; v6 = add v2, 1; v7 = sub v3, 1; branch v7, b1(v5, v6, v7), b2`.
//! After: `v8 = add v0, v9` before the loop, where `v0` and `v9` are what `v1` and `v3` begin with, and `b1(v1, v2): …; v7 = cmp.ne v5,
//! v8; branch v7, b1(v5, v6), b2`. So a counter goes that only the exit looks at, where another variable has the same step or the
//! opposite one: their difference or sum never changes, whatever wraps around, and one is equal to a word exactly when the other is
//! equal to another word. An address goes that is another variable plus a constant, maybe shifted: loads and stores have room for
//! both. It stands before the checks and ranges, which see how far an index goes where they did not see how far an address
//! does. Products stay as they are, because a multiplication takes a cycle as an addition does. Nothing else is done that needs to
//! know how often a loop is passed: a variable that goes four times as fast meets its end too early where it wraps around.
//!
//! Obligation: refinement; at every cut point in the loop the witness says what the new bound is in terms of both variables, and what
//! an address that is gone is in terms of the other one.

mod addresses;
mod counters;
mod plan;
mod variables;

use crate::cfg;
use crate::faults;
use crate::pass::{Cx, Form, witness};
use crate::prune::remove_dead;
use addresses::Derived;
use counters::{Bound, Counter, Limit};
use plan::{Plan, Planner};
use rustc_hash::FxHashMap;
use smallvec::smallvec;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Block, Cond, Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::witness::{Cut, Loc, Step, Word};
use variables::{Variable, Variables};

/// Removes variables; nothing if all stay.
pub fn induction(func: &Func, _: &Cx<'_>) -> Option<Form> {
    let variables = Variables::find(func)?;
    let plans = Planner::plans(&variables);
    if plans.is_empty() {
        return None;
    }
    let mut new = func.clone();
    let mut bounds: FxHashMap<Value, Value> = FxHashMap::default();
    for plan in &plans {
        for counter in &plan.counters {
            bounds.insert(counter.gone.param, replace_test(&mut new, counter));
        }
    }
    move_accesses(&mut new, &plans);
    remove_dead(&mut new);
    let old = func.values.len() as u32;
    let mut witness = witness(&new, |b| u64::from(b.0), |v| (v.0 < old).then_some(v))?;
    let cuts: FxHashMap<Block, usize> = witness.cuts.iter().zip(0..).map(|(c, i)| (Block(c.right as u32), i)).collect();
    for Plan { number, derived, counters } in &plans {
        for block in &variables.loops[*number].inside.blocks {
            let Some(at) = cuts.get(block) else { continue };
            let mut said = Said { cut: &mut witness.cuts[*at], block: *block, variables: &variables };
            derived.iter().for_each(|d| said.address(d));
            counters.iter().for_each(|c| said.bound(c, bounds[&c.gone.param]));
        }
    }
    Some((new, witness).into())
}

/// Lets loads, stores and their checks take their address from the variable that stays.
fn move_accesses(new: &mut Func, plans: &[Plan]) {
    let derived = plans.iter().flat_map(|p| &p.derived);
    let mut accesses: Vec<_> = derived.flat_map(|d| d.accesses.iter().map(move |(b, i, o)| (*b, *i, *o, d))).collect();
    // Later instructions first: numbers of earlier ones stay.
    accesses.sort_unstable_by_key(|(block, at, ..)| std::cmp::Reverse((*block, *at)));
    for (block, at, moved, derived) in accesses {
        let inst = &mut new.blocks[block.0 as usize].insts[at];
        let origin = inst.origin;
        inst.args[0] = derived.kept.param;
        match &mut inst.op {
            Op::Load { offset, .. } | Op::Store { offset, .. } | Op::BoundsCheck { offset, .. } => *offset = moved,
            Op::Load64 { offset, .. } | Op::Store64 { offset, .. } => *offset = moved,
            _ => unreachable!("invariant: the plan has accesses and checks"),
        }
        if derived.shift > 0 {
            let [k, index] = [new.value(Type::I32), new.value(Type::I32)];
            let insts = &mut new.blocks[block.0 as usize].insts;
            insts[at].args[0] = index;
            let shift = Inst {
                op: Op::Bin(BinOp::Shl),
                args: smallvec![derived.kept.param, k],
                results: smallvec![index],
                origin,
            };
            let amount = Inst { op: Op::Const(derived.shift), args: Values::new(), results: smallvec![k], origin };
            insts.splice(at..at, [amount, shift]);
        }
    }
}

/// Tests the variable that stays. The value given back is what it is compared with.
fn replace_test(new: &mut Func, counter: &Counter) -> Value {
    let bound = compute(new, &counter.bound, counter.before);
    let step = if faults::on("induction-last-value") { counter.gone.step } else { 0 };
    for (block, edge, argument) in &counter.last {
        let Limit::Constant(k) = counter.limit else { unreachable!("invariant: the plan has constants only") };
        let last = append(new, *block, Op::Const(k.wrapping_sub(step)), Values::new());
        cfg::edges_mut(&mut new.blocks[block.0 as usize].end)[*edge].args[*argument] = last;
    }
    match counter.at {
        Some(at) => {
            let args = &mut new.blocks[counter.block.0 as usize].insts[at].args;
            args[counter.operand] = counter.compared;
            args[1 - counter.operand] = bound;
        }
        None => {
            let test = append(new, counter.block, Op::Cmp(Cond::Ne), smallvec![counter.compared, bound]);
            if let Terminator::Branch(c, ..) = &mut new.blocks[counter.block.0 as usize].end {
                *c = test;
            }
        }
    }
    bound
}

/// Computes a sum at the end of a block.
fn compute(new: &mut Func, bound: &Bound, block: Block) -> Value {
    let mut plus = bound.plus.iter().copied();
    let mut sum = match plus.next() {
        Some(first) => first,
        None => append(new, block, Op::Const(bound.constant), Values::new()),
    };
    for v in plus {
        sum = append(new, block, Op::Bin(BinOp::Add), smallvec![sum, v]);
    }
    for v in &bound.minus {
        sum = append(new, block, Op::Bin(BinOp::Sub), smallvec![sum, *v]);
    }
    if bound.constant != 0 && !bound.plus.is_empty() {
        let k = append(new, block, Op::Const(bound.constant), Values::new());
        sum = append(new, block, Op::Bin(BinOp::Add), smallvec![sum, k]);
    }
    sum
}

fn append(new: &mut Func, block: Block, op: Op, args: Values) -> Value {
    let result = new.value(Type::I32);
    let data = &mut new.blocks[block.0 as usize];
    data.insts.push(Inst { op, args, results: smallvec![result], origin: data.end_origin });
    result
}

/// What is said at a cut point in a loop.
struct Said<'a> {
    cut: &'a mut Cut,
    block: Block,
    variables: &'a Variables<'a>,
}

impl Said<'_> {
    fn step(&mut self, op: BinOp, a: Word, b: Word) -> Word {
        self.cut.steps.push(Step { op: Op::Bin(op), args: vec![a, b], defines: None });
        Word::Step(self.cut.steps.len() as u32 - 1, 0)
    }
    /// As before, of a word that the old form holds.
    fn defined(&mut self, op: BinOp, a: Word, b: Word, v: Value) -> Word {
        let word = self.step(op, a, b);
        self.cut.steps.last_mut().expect("invariant: a step was made").defines = Some(Loc::Value(v, 0));
        word
    }
    fn holds(&mut self, cond: Cond, a: Word, b: Word) {
        self.cut.holds.push(Word::Step(self.cut.steps.len() as u32, 0));
        self.cut.steps.push(Step { op: Op::Cmp(cond), args: vec![a, b], defines: None });
    }
    /// The parameter of a variable that stays, in words that both forms hold here.
    fn kept(&mut self, variable: &Variable) -> Word {
        let held = |v: &Value| self.cut.equal.iter().any(|(old, _)| *old == Loc::Value(*v, 0));
        match variable.next.iter().find(|v| held(v)).filter(|_| !held(&variable.param)) {
            Some(next) => self.step(BinOp::Sub, word(*next), constant(variable.step)),
            None => word(variable.param),
        }
    }
    /// Says what the sums of a variable that is gone are, where the old form has computed them.
    fn sums(&mut self, variable: &Variable, param: Word) {
        for next in &variable.next {
            let home = self.variables.home(*next).filter(|home| *home != self.block);
            if home.is_some_and(|home| self.variables.dominators.dominates(home, self.block)) {
                self.defined(BinOp::Add, param, constant(variable.step), *next);
            }
        }
    }
    /// An address that is gone is the other one plus a constant.
    fn address(&mut self, derived: &Derived) {
        let mut kept = self.kept(&derived.kept);
        if let Some((least, greatest)) = derived.range {
            let above = self.step(BinOp::Sub, kept, constant(least));
            self.holds(Cond::LeU, above, constant(greatest - least));
        }
        if derived.shift > 0 {
            kept = self.step(BinOp::Shl, kept, constant(derived.shift));
        }
        let param = self.defined(BinOp::Add, kept, constant(derived.difference), derived.gone.param);
        self.sums(&derived.gone, param);
    }
    /// The bound is what it was made from before the loop: the sum or difference of the variables has not changed.
    fn bound(&mut self, counter: &Counter, bound: Value) {
        let Counter { gone, kept, .. } = counter;
        let limit = match counter.limit {
            Limit::Constant(k) => constant(k),
            Limit::Word(v) => word(v),
        };
        let (sum, difference) = match kept.step == gone.step {
            true => (limit, word(gone.param)),
            false => (word(gone.param), limit),
        };
        self.sums(gone, word(gone.param));
        let base = self.kept(kept);
        let sum = self.step(BinOp::Add, base, sum);
        let difference = self.step(BinOp::Sub, sum, difference);
        let difference = match counter.shift {
            0 => difference,
            shift => self.step(BinOp::Add, difference, constant(shift)),
        };
        let loc = Loc::Value(bound, 0);
        // What a variable begins with may be the bound, of several loops too.
        if let Some((other, _)) = self.cut.computed.iter().find(|(_, held)| *held == loc) {
            let other = *other;
            return self.holds(Cond::Eq, difference, other);
        }
        if let Some(at) = self.cut.equal.iter().position(|(_, held)| *held == loc) {
            self.cut.equal.remove(at);
            self.cut.steps.last_mut().expect("invariant: a step was made").defines = Some(loc);
        }
        self.cut.computed.push((difference, loc));
    }
}

fn word(v: Value) -> Word {
    Word::Loc(Loc::Value(v, 0))
}
fn constant(k: u32) -> Word {
    Word::Loc(Loc::Const(k))
}
