//! What the block being selected does with its values: choices that one test decides together.

use super::Selector;
use crate::faults;
use std::collections::BTreeMap;
use synth_validator::ir::{BlockData, Inst as IrInst, Op, Value};

/// Most words that one test chooses: an IT block has four instructions.
const CHOSEN_MAX: usize = 4;

/// Uses in a block.
#[derive(Default)]
pub(super) struct Uses<'a> {
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
            while let Some(at) =
                open.iter().position(|(_, group)| uses_it(group) && !faults::on("select-choices-order"))
            {
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
