//! What the block being selected does with its values: choices that one test decides together.

use super::Selector;
use crate::faults;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use synth_validator::ir::{BlockData, Inst as IrInst, Op, Terminator, Value};

/// Most words that one test chooses: an IT block has four instructions.
const CHOSEN_MAX: usize = 4;
/// Most tests of a block that make a comparison anew, rather than keep its truth value.
const TESTS_MAX: usize = 3;

/// Uses in a block.
#[derive(Default)]
pub(super) struct Uses<'a> {
    /// By first result of the choice that makes others under its test: these, in order.
    choices: BTreeMap<Value, Vec<&'a IrInst>>,
    /// Choices that another one makes.
    made_with_others: Vec<Value>,
    /// Conditions that few tests of this block use, and nothing else.
    conditions: Vec<Value>,
}

/// Choices under one test.
struct Group<'a> {
    condition: Value,
    members: Vec<&'a IrInst>,
    /// The one in whose place all are made, and that place.
    maker: &'a IrInst,
    place: usize,
    /// Whether nothing has used what they choose.
    is_open: bool,
}

impl<'a> Selector<'a> {
    /// Looks at the uses of a block.
    pub(super) fn find_uses(&mut self, block: &'a BlockData) {
        let groups = self.groups(block);
        let mut uses = Uses { conditions: self.tested_only(block, &groups), ..Uses::default() };
        for Group { members, maker, .. } in groups.into_iter().filter(|g| g.members.len() > 1) {
            let others: Vec<&IrInst> = members.into_iter().filter(|i| !std::ptr::eq(*i, maker)).collect();
            uses.made_with_others.extend(others.iter().map(|i| self.resolve(i.results[0])));
            uses.choices.insert(self.resolve(maker.results[0]), others);
        }
        self.uses = uses;
    }
    /// Groups choices under the same condition. All are made where the last of those stands before anything uses what they choose; later
    /// ones are made with them if their operands are there already.
    fn groups(&self, block: &'a BlockData) -> Vec<Group<'a>> {
        let mut places: FxHashMap<Value, usize> = FxHashMap::default();
        let mut groups: Vec<Group<'a>> = Vec::new();
        // By value that is chosen: its group.
        let mut chosen: FxHashMap<Value, usize> = FxHashMap::default();
        for (at, inst) in block.insts.iter().enumerate() {
            let args: Vec<Value> = inst.args.iter().map(|a| self.resolve(*a)).collect();
            for group in args.iter().filter_map(|a| chosen.get(a)) {
                groups[*group].is_open &= faults::on("select-choices-order");
            }
            places.extend(inst.results.iter().map(|r| (*r, at)));
            if inst.op != Op::Select {
                continue;
            }
            let is_there = |v: &Value, place: usize| match chosen.get(v) {
                Some(group) => !groups[*group].is_open && groups[*group].place < place,
                None => places.get(v).is_none_or(|at| *at < place),
            };
            let joins = |g: &Group<'_>| {
                let is_same = g.condition == args[0] && g.members.len() < CHOSEN_MAX;
                is_same && (g.is_open || args[1..].iter().all(|v| is_there(v, g.place)))
            };
            let number = match groups.iter().rposition(joins) {
                Some(number) => {
                    let group = &mut groups[number];
                    group.members.push(inst);
                    if group.is_open {
                        (group.maker, group.place) = (inst, at);
                    }
                    number
                }
                None => {
                    let members = vec![inst];
                    groups.push(Group { condition: args[0], members, maker: inst, place: at, is_open: true });
                    groups.len() - 1
                }
            };
            chosen.insert(self.resolve(inst.results[0]), number);
        }
        groups
    }
    /// Conditions that few tests of a block use, and nothing else: those of groups of choices, traps, and the branch at its end.
    fn tested_only(&self, block: &BlockData, groups: &[Group<'a>]) -> Vec<Value> {
        // By condition: tests, and uses in them.
        let mut tests: BTreeMap<Value, (usize, usize)> = BTreeMap::new();
        let mut add = |condition: Value, uses: usize| {
            let (count, all) = tests.entry(condition).or_default();
            (*count, *all) = (*count + 1, *all + uses);
        };
        groups.iter().for_each(|g| add(g.condition, g.members.len()));
        for inst in block.insts.iter().filter(|i| matches!(i.op, Op::TrapIf(_))) {
            add(self.resolve(inst.args[0]), 1);
        }
        if let Terminator::Branch(condition, ..) = block.end {
            add(self.resolve(condition), 1);
        }
        let only = |(condition, (count, uses)): &(Value, (usize, usize))| {
            *count <= TESTS_MAX && *uses == self.facts.uses[condition.0 as usize] as usize
        };
        tests.into_iter().filter(only).map(|(condition, _)| condition).collect()
    }
    /// Whether a condition is used by few tests of the block only.
    pub(super) fn is_only_tested(&self, v: Value) -> bool {
        self.uses.conditions.contains(&self.resolve(v))
    }
    /// Whether another choice makes this one too.
    pub(super) fn is_made_with_others(&self, inst: &IrInst) -> bool {
        inst.op == Op::Select && self.uses.made_with_others.contains(&self.resolve(inst.results[0]))
    }
    /// The choices that this one makes too.
    pub(super) fn made_with(&self, inst: &IrInst) -> Vec<&'a IrInst> {
        self.uses.choices.get(&self.resolve(inst.results[0])).cloned().unwrap_or_default()
    }
}
