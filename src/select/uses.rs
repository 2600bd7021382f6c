//! What the block being selected does with its values: the user of a value that is used once, choices that one test decides together.

use super::Selector;
use std::collections::BTreeMap;
use synth_validator::domain::BinOp;
use synth_validator::ir::{BlockData, Cond, Inst as IrInst, Op, Terminator, Value};

/// Most words that one test chooses: an IT block has four instructions.
const CHOSEN_MAX: usize = 4;

/// Uses in a block.
#[derive(Default)]
pub(super) struct Uses<'a> {
    /// By value that is used once, by an instruction of the block: that instruction.
    user: BTreeMap<Value, &'a IrInst>,
    /// The value that the block's end tests, if it is used once.
    tested: Option<Value>,
    /// By first result of the last choice under a test: the others, in order.
    choices: BTreeMap<Value, Vec<&'a IrInst>>,
    /// Choices that another one makes.
    made_later: Vec<Value>,
    /// Conditions that choices under one test use, and nobody else.
    conditions: Vec<Value>,
}

impl<'a> Selector<'a> {
    /// Looks at the uses of a block.
    pub(super) fn find_uses(&mut self, block: &'a BlockData) {
        let mut uses = Uses::default();
        for inst in &block.insts {
            for arg in inst.args.iter().map(|a| self.resolve(*a)) {
                if self.facts.uses[arg.0 as usize] == 1 {
                    uses.user.insert(arg, inst);
                }
            }
        }
        if let Terminator::Branch(v, ..) = block.end {
            uses.tested = Some(self.resolve(v)).filter(|v| self.facts.uses[v.0 as usize] == 1);
        }
        self.find_choices(block, &mut uses);
        self.uses = uses;
    }
    /// Groups choices under the same condition, the last of which makes them all: nothing between them uses what the others choose.
    fn find_choices(&self, block: &'a BlockData, uses: &mut Uses<'a>) {
        let mut open: Vec<(Value, Vec<&'a IrInst>)> = Vec::new();
        let mut close = |condition: Value, group: Vec<&'a IrInst>| {
            let Some((last, others)) = group.split_last().filter(|(_, others)| !others.is_empty()) else { return };
            if self.facts.uses[condition.0 as usize] as usize == group.len() {
                uses.conditions.push(condition);
            }
            uses.made_later.extend(others.iter().map(|i| self.resolve(i.results[0])));
            uses.choices.insert(self.resolve(last.results[0]), others.to_vec());
        };
        for inst in &block.insts {
            let args: Vec<Value> = inst.args.iter().map(|a| self.resolve(*a)).collect();
            let uses_it = |group: &[&IrInst]| group.iter().any(|i| args.contains(&self.resolve(i.results[0])));
            while let Some(at) = open.iter().position(|(_, group)| uses_it(group)) {
                let (condition, group) = open.remove(at);
                close(condition, group);
            }
            if inst.op != Op::Select {
                continue;
            }
            match open.iter_mut().find(|(c, group)| *c == args[0] && group.len() < CHOSEN_MAX) {
                Some((_, group)) => group.push(inst),
                None => open.push((args[0], vec![inst])),
            }
        }
        open.into_iter().for_each(|(condition, group)| close(condition, group));
    }
    /// The only user of a value, if it is in the block.
    pub(super) fn user(&self, v: Value) -> Option<&'a IrInst> {
        self.uses.user.get(&self.resolve(v)).copied()
    }
    /// Whether the value is only compared with zero, or decides.
    pub(super) fn is_tested(&self, v: Value) -> bool {
        let v = self.resolve(v);
        if self.uses.tested == Some(v) {
            return true;
        }
        let Some(user) = self.user(v) else { return false };
        match user.op {
            Op::Select | Op::TrapIf(_) => self.resolve(user.args[0]) == v,
            Op::Cmp(Cond::Eq | Cond::Ne) => user.args.iter().any(|a| self.constant(*a) == Some(0)),
            _ => false,
        }
    }
    /// Whether the value is used only as the complement that `bic` and `orn` take.
    pub(super) fn is_complement(&self, inst: &IrInst) -> bool {
        let wanted = |user: &IrInst| {
            let is_plain = |a: &Value| self.constant(*a).is_none();
            matches!(user.op, Op::Bin(BinOp::And | BinOp::Or)) && user.args.iter().all(is_plain)
        };
        inst.op == Op::Bin(BinOp::Xor)
            && self.constant(inst.args[1]) == Some(u32::MAX)
            && self.user(inst.results[0]).is_some_and(wanted)
    }
    /// Whether a condition is used by choices under one test only.
    pub(super) fn decides_choices(&self, v: Value) -> bool {
        self.uses.conditions.contains(&self.resolve(v))
    }
    /// Whether a later choice makes this one too.
    pub(super) fn is_made_later(&self, inst: &IrInst) -> bool {
        inst.op == Op::Select && self.uses.made_later.contains(&self.resolve(inst.results[0]))
    }
    /// The choices that this one makes too.
    pub(super) fn made_with(&self, inst: &IrInst) -> Vec<&'a IrInst> {
        self.uses.choices.get(&self.resolve(inst.results[0])).cloned().unwrap_or_default()
    }
}
