//! Which induction variables go, and what stands for them.

use super::addresses::Derived;
use super::counters::Counter;
use super::variables::{Counted, Use, Variable, Variables};
use crate::cfg;
use crate::ir_facts::Facts;
use rustc_hash::FxHashSet;
use synth_validator::ir::Value;

/// What becomes of one loop: its number, and what goes.
pub struct Plan {
    /// The number of the loop.
    pub number: usize,
    /// Addresses that go.
    pub derived: Vec<Derived>,
    /// Counters that go.
    pub counters: Vec<Counter>,
}

/// Plans for the loops of a function.
pub struct Planner<'a> {
    /// The loops with their variables.
    pub(super) variables: &'a Variables<'a>,
    /// Cut points.
    pub(super) facts: Facts,
    /// Values that have new uses, and so have to stay.
    pub(super) used: FxHashSet<Value>,
    /// Values that go.
    pub(super) gone: FxHashSet<Value>,
}

impl<'a> Planner<'a> {
    /// Plans all loops, inner ones first.
    pub fn plans(variables: &'a Variables<'a>) -> Vec<Plan> {
        let (facts, used, gone) = (Facts::new(variables.func), FxHashSet::default(), FxHashSet::default());
        let mut planner = Planner { variables, facts, used, gone };
        let mut plans = Vec::new();
        for (number, l) in variables.loops.iter().enumerate() {
            let plan = Plan { number, derived: planner.derived(l), counters: planner.counters(l) };
            if !plan.derived.is_empty() || !plan.counters.is_empty() {
                plans.push(plan);
            }
        }
        plans
    }

    /// Whether a variable may go: nothing new uses it.
    pub(super) fn may_go(&self, v: &Variable) -> bool {
        v.values().all(|v| !self.used.contains(&v) && !self.gone.contains(&v))
    }
    /// Whether a variable stays unless this loop's plan says otherwise.
    pub(super) fn may_stay(&self, v: &Variable) -> bool {
        v.values().all(|v| !self.gone.contains(&v))
    }
    /// Whether a use is nothing but the variable's own step.
    pub(super) fn is_step(&self, l: &Counted, v: &Variable, place: Use) -> bool {
        let func = self.variables.func;
        match place {
            Use::Inst(b, i, _) => func.blocks[b.0 as usize].insts[i].results.iter().any(|r| v.next.contains(r)),
            Use::Operand(_) => false,
            Use::Edge(b, e, n) => {
                let to = cfg::edges(&func.blocks[b.0 as usize].end)[e].block;
                to == l.inside.header && n == v.at && l.inside.contains(b)
            }
        }
    }
}
