//! How often a loop goes round at most: a word in a register starts at a constant, changes by a constant once in every round, and is
//! compared with a constant once in every round, with a way out. The rounds are counted by doing just that, so wrapping and all
//! conditions are as the core has them.

use super::flow::{Flow, Loop};
use crate::stack::frame::{constant, written};
use std::collections::BTreeMap;
use synth_validator::arm::decode::Code;
use synth_validator::arm::insn::{Alu, Cond, Insn, Op, Reg, Shift, Source};

/// Counting ends here.
const ROUNDS_MAX: u64 = 1 << 24;
/// What a callee may change: r0 to r3, r12, lr. Source: IHI 0042, 6.1.1.
const CLOBBERED: u32 = 0b0101_0000_0000_1111;

/// Known words of registers.
type Words = [Option<u32>; 16];

/// The registers that an instruction, or what it calls, may write.
fn changed(insn: &Insn) -> u32 {
    let calls = matches!(insn.op, Op::Bl { .. } | Op::Blx { .. });
    written(&insn.op) | if calls { CLOBBERED } else { 0 }
}

/// The words known after an instruction.
fn after(code: &Code, insn: &Insn, before: &Words) -> Words {
    let of = |r: Reg| before[usize::from(r.0 & 15)];
    let made = match insn.op {
        _ if insn.in_it => None,
        Op::MovHalf { top: true, rd, .. } => constant(code, insn, of(rd).map(|word| (rd, word))),
        Op::Alu { op: Alu::Mov, rd, src: Source::Reg(rm, Shift::Lsl(0)), .. } => of(rm).map(|word| (rd, word)),
        Op::Alu { op: Alu::Add | Alu::Sub, rd, rn, src: Source::Imm { value, .. }, .. } => {
            let is_sum = matches!(insn.op, Op::Alu { op: Alu::Add, .. });
            of(rn).map(|w| (rd, if is_sum { w.wrapping_add(value) } else { w.wrapping_sub(value) }))
        }
        _ => constant(code, insn, None),
    };
    let mut words = *before;
    let lost = changed(insn);
    (0..16).filter(|r| lost >> r & 1 == 1).for_each(|r| words[r] = None);
    if let Some((rd, word)) = made {
        words[usize::from(rd.0 & 15)] = Some(word);
    }
    words
}

/// Words known before every node.
fn known(code: &Code, flow: &Flow) -> Vec<Words> {
    let mut states: Vec<Option<Words>> = vec![None; flow.offsets.len()];
    states[0] = Some([None; 16]);
    let mut open = vec![0];
    while let Some(node) = open.pop() {
        let Some(before) = states[node] else { continue };
        let now = after(code, &code.insns[&flow.offsets[node]], &before);
        for to in flow.successors[node].iter().copied() {
            let new = match states[to] {
                None => now,
                Some(old) => std::array::from_fn(|r| old[r].filter(|word| now[r] == Some(*word))),
            };
            if states[to] != Some(new) {
                states[to] = Some(new);
                open.push(to);
            }
        }
    }
    states.into_iter().map(|s| s.unwrap_or([None; 16])).collect()
}

/// Flags of `a + b + carry`. Source: DDI 0403E, AddWithCarry.
fn sum_flags(a: u32, b: u32, carry: bool) -> [bool; 4] {
    let wide = u64::from(a) + u64::from(b) + u64::from(carry);
    let signed = i64::from(a as i32) + i64::from(b as i32) + i64::from(carry);
    let result = wide as u32;
    [result >> 31 == 1, result == 0, wide >> 32 == 1, i64::from(result as i32) != signed]
}

/// Whether a condition holds. Source: DDI 0403E, ConditionPassed.
fn holds(cond: Cond, [n, z, c, v]: [bool; 4]) -> bool {
    match cond {
        Cond::Eq => z,
        Cond::Ne => !z,
        Cond::Cs => c,
        Cond::Cc => !c,
        Cond::Mi => n,
        Cond::Pl => !n,
        Cond::Vs => v,
        Cond::Vc => !v,
        Cond::Hi => c && !z,
        Cond::Ls => !c || z,
        Cond::Ge => n == v,
        Cond::Lt => n != v,
        Cond::Gt => !z && n == v,
        Cond::Le => z || n != v,
        Cond::Al => true,
    }
}

/// Whether an instruction may write flags.
fn writes_flags(op: &Op) -> bool {
    match *op {
        Op::Alu { op, s, .. } => s || op.compares(),
        Op::ShiftReg { s, .. } | Op::Multiply { s, .. } => s,
        Op::Bl { .. } | Op::Blx { .. } => true,
        _ => false,
    }
}

/// How a round may end: what is compared at a node, and whether the loop is left.
#[derive(Clone, Copy, Debug)]
enum Test {
    /// The register with a constant: `cmp`, and `cmn` if the flag is set.
    Compare { word: u32, is_sum: bool, cond: Cond },
    /// The flags of the change itself.
    Change { cond: Cond },
}

/// A change by a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct By {
    is_sum: bool,
    word: u32,
}

impl By {
    /// The new word, and the flags of the instruction that makes it.
    fn apply(self, word: u32) -> (u32, [bool; 4]) {
        match self.is_sum {
            true => (word.wrapping_add(self.word), sum_flags(word, self.word, false)),
            false => (word.wrapping_sub(self.word), sum_flags(word, !self.word, true)),
        }
    }
}

/// The register that an instruction adds a constant to, or takes one from.
fn step(insn: &Insn) -> Option<(Reg, By)> {
    match insn.op {
        Op::Alu { op: op @ (Alu::Add | Alu::Sub), rn, src: Source::Imm { value, .. }, .. } => {
            Some((rn, By { is_sum: op == Alu::Add, word: value }))
        }
        _ => None,
    }
}

struct Counter<'a> {
    code: &'a Code,
    flow: &'a Flow,
    known: &'a [Words],
    number: usize,
    l: &'a Loop,
}

/// The rounds of each loop at most; nothing where that is not known.
pub fn rounds(code: &Code, flow: &Flow) -> Vec<Option<u64>> {
    let known = known(code, flow);
    let loops = flow.loops.iter().enumerate();
    loops.map(|(number, l)| Counter { code, flow, known: &known, number, l }.rounds()).collect()
}

impl Counter<'_> {
    fn insn(&self, node: usize) -> &Insn {
        &self.code.insns[&self.flow.offsets[node]]
    }
    /// Whether a node of the loop is passed exactly once in every round that is followed by another.
    fn is_in_every_round(&self, node: usize) -> bool {
        self.flow.innermost(node) == Some(self.number)
            && self.l.latches.iter().all(|latch| self.flow.dominates(node, *latch))
    }
    fn rounds(&self) -> Option<u64> {
        let exits = self.l.body.iter().copied().filter(|node| self.is_in_every_round(*node));
        exits.filter_map(|node| self.rounds_by(node)).min()
    }
    /// The rounds that a branch out of the loop allows.
    fn rounds_by(&self, node: usize) -> Option<u64> {
        let insn = self.insn(node);
        let [taken, next] = match (insn.op, self.flow.successors[node].as_slice()) {
            _ if insn.in_it => return None,
            (Op::B { .. } | Op::Cbz { .. }, [taken, next]) => [taken, next].map(|to| self.l.body.contains(to)),
            _ => return None,
        };
        if taken == next {
            return None;
        }
        let leaves_if_taken = !taken;
        match insn.op {
            Op::Cbz { nonzero, rn, .. } => {
                let cond = if nonzero { Cond::Ne } else { Cond::Eq };
                let test = Test::Compare { word: 0, is_sum: false, cond };
                self.count(rn, node, test, leaves_if_taken)
            }
            Op::B { cond, .. } => {
                let (at, flags) = self.flags(node)?;
                match flags.op {
                    _ if flags.in_it => None,
                    Op::Alu { op: op @ (Alu::Cmp | Alu::Cmn), rn, src, .. } => {
                        let word = match src {
                            Source::Imm { value, .. } => value,
                            Source::Reg(rm, Shift::Lsl(0)) => self.known[at][usize::from(rm.0 & 15)]?,
                            Source::Reg(..) => return None,
                        };
                        self.count(rn, at, Test::Compare { word, is_sum: op == Alu::Cmn, cond }, leaves_if_taken)
                    }
                    Op::Alu { op: Alu::Add | Alu::Sub, s: true, rd, .. } => {
                        self.count(rd, at, Test::Change { cond }, leaves_if_taken)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
    /// What sets the flags that a branch reads, in the straight line before it.
    fn flags(&self, mut node: usize) -> Option<(usize, &Insn)> {
        loop {
            let [before] = self.flow.predecessors[node].as_slice() else { return None };
            if self.flow.successors[*before].len() != 1 || !self.l.body.contains(before) {
                return None;
            }
            node = *before;
            let insn = self.insn(node);
            if writes_flags(&insn.op) {
                return Some((node, insn));
            }
        }
    }
    /// What last changed a register before a node, if only one way leads there.
    fn reaching(&self, mut node: usize, register: Reg) -> Option<usize> {
        loop {
            let [before] = self.flow.predecessors[node].as_slice() else { return None };
            node = *before;
            if !self.l.body.contains(&node) || node == self.l.header && changed(self.insn(node)) & 1 << register.0 == 0
            {
                return None;
            }
            if changed(self.insn(node)) & 1 << register.0 != 0 {
                return (self.is_in_every_round(node) && !self.insn(node).in_it).then_some(node);
            }
        }
    }
    /// A register that changes at one node of the loop, in every round, by a constant: itself, or by becoming what was made from it so.
    fn counter(&self, register: Reg) -> Option<(usize, By)> {
        let mut changes = self.l.body.iter().copied().filter(|node| changed(self.insn(*node)) & 1 << register.0 != 0);
        let (change, None) = (changes.next()?, changes.next()) else { return None };
        if !self.is_in_every_round(change) || self.insn(change).in_it {
            return None;
        }
        match self.insn(change).op {
            Op::Alu { op: Alu::Mov, src: Source::Reg(rm, Shift::Lsl(0)), .. } => {
                let (from, by) = step(self.insn(self.reaching(change, rm)?))?;
                (from == register).then_some((change, by))
            }
            _ => step(self.insn(change)).filter(|(from, _)| *from == register).map(|(_, by)| (change, by)),
        }
    }
    /// Counts rounds. Operands: the register, the node at which it is compared or changes flags, how, whether the loop is left if
    /// that holds.
    fn count(&self, register: Reg, at: usize, test: Test, leaves_if: bool) -> Option<u64> {
        // The register is a counter, or made from one by a step.
        let (counter, read_at, plus) = match test {
            Test::Change { .. } => {
                let (from, by) = step(self.insn(at))?;
                (from, at, Some(by))
            }
            Test::Compare { .. } if self.counter(register).is_some() => (register, at, None),
            Test::Compare { .. } => {
                let made = self.reaching(at, register)?;
                let (from, by) = step(self.insn(made))?;
                (from, made, Some(by))
            }
        };
        let (change, by) = self.counter(counter)?;
        // Both are passed once in every round, so one comes before the other in all of them. Who changes reads before.
        let is_after = change != read_at && self.flow.dominates(change, read_at);
        let mut word = self.first(counter)?;
        for round in 1..=ROUNDS_MAX {
            let (next, _) = by.apply(word);
            let read = if is_after { next } else { word };
            let (compared, own_flags) = plus.map_or((read, [false; 4]), |plus| plus.apply(read));
            let holds = match test {
                Test::Compare { word: with, is_sum: false, cond } => holds(cond, sum_flags(compared, !with, true)),
                Test::Compare { word: with, is_sum: true, cond } => holds(cond, sum_flags(compared, with, false)),
                Test::Change { cond } => holds(cond, own_flags),
            };
            if holds == leaves_if {
                return Some(round);
            }
            word = next;
        }
        None
    }
    /// The word of a register when the loop is entered.
    fn first(&self, register: Reg) -> Option<u32> {
        let outside = self.flow.predecessors[self.l.header].iter().filter(|p| !self.l.body.contains(p));
        let words: BTreeMap<Option<u32>, ()> = outside
            .map(|p| (after(self.code, self.insn(*p), &self.known[*p])[usize::from(register.0 & 15)], ()))
            .collect();
        match words.len() {
            1 => words.into_keys().next().flatten(),
            _ => None,
        }
    }
}
