//! What several IR operations of a block are in WebAssembly: one operator.
//!
//! A check belongs to the access or division that follows it with nothing but pure operations between; a remainder is `a - (a / b)
//! * b`; a load whose word is extended is a wide load; the test of a table entry's type belongs to the call. `memory.grow` is a row of
//! operations on the memory's size. Where nothing fits, the operations are written one by one, or the function is kept.

use super::function::WasmInst;
use super::op::{self, WasmOp};
use super::select::Selector;
use crate::prune::is_pure;
use rustc_hash::FxHashMap;
use synth_validator::domain::{BinOp, DivOp};
use synth_validator::ir::{Bin64, Cond, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::trap::TrapKind;

/// What is to be done with a block's instructions.
pub(super) struct Fused {
    /// By instruction: nothing.
    pub(super) left_out: Vec<bool>,
    /// By instruction: this instead.
    pub(super) instead: FxHashMap<usize, WasmInst>,
}

impl Fused {
    /// Looks through the selector's block. Result: also the block that continues it, if it ends in the search of an indirect call.
    pub(super) fn of_block(s: &Selector<'_>) -> (Fused, Option<usize>) {
        let data = &s.func.blocks[s.block];
        let insts = &data.insts;
        let mut fused = Fused { left_out: vec![false; insts.len()], instead: FxHashMap::default() };
        for i in 0..insts.len() {
            match &insts[i].op {
                Op::Bin(BinOp::Sub) => fused.remainder(s, insts, i),
                Op::Join => fused.wide_load(s, insts, i),
                Op::SetMemoryBytes => fused.grow(s, insts, i),
                _ => {}
            }
        }
        let mut claimed = vec![false; insts.len()];
        for i in 0..insts.len() {
            match &insts[i].op {
                Op::BoundsCheck { offset, bytes } => {
                    if let Some(access) = access_of(insts, i, (*offset, *bytes), &claimed) {
                        claimed[access] = true;
                        fused.left_out[i] = true;
                    }
                }
                Op::TrapIf(kind) => fused.left_out[i] = fused.is_guard(s, insts, i, *kind),
                _ => {}
            }
        }
        let next = fused.indirect_call(s);
        (fused, next)
    }

    /// `a - (a / b) * b` is a remainder: in place of the division if nothing else uses that.
    fn remainder(&mut self, s: &Selector<'_>, insts: &[Inst], i: usize) {
        let [a, product] = insts[i].args[..] else { return };
        let Some((p, Inst { op: Op::Bin(BinOp::Mul), args: factors, .. })) = s.here(product) else { return };
        for (q, b) in [(factors[0], factors[1]), (factors[1], factors[0])] {
            let Some((d, Inst { op: Op::Bin(op @ (BinOp::UDiv | BinOp::SDiv)), args, .. })) = s.here(q) else {
                continue;
            };
            if !s.same(args[0], a) || !s.same(args[1], b) || s.uses[product.0 as usize] != 1 || self.left_out[p] {
                continue;
            }
            let op = op::divide(Type::I32, if *op == BinOp::UDiv { DivOp::URem } else { DivOp::SRem });
            let rem = WasmInst { op, args: args.clone(), results: insts[i].results.clone() };
            self.left_out[p] = true;
            let alone = s.uses[q.0 as usize] == 1;
            self.instead.insert(if alone { d } else { i }, rem);
            self.left_out[i] = alone;
            return;
        }
    }

    /// A loaded word that is only extended.
    fn wide_load(&mut self, s: &Selector<'_>, insts: &[Inst], i: usize) {
        let [low, high] = insts[i].args[..] else { return };
        let Some((l, load)) = s.here(low) else { return };
        let Op::Load { signed, width, .. } = load.op else { return };
        let word = width.bytes() == 4;
        let uses = |v: Value| s.uses[v.0 as usize];
        let signed = match s.here(high) {
            Some((_, Inst { op: Op::Const(0), .. })) if uses(low) == 1 && (!signed || word) => false,
            Some((h, Inst { op: Op::Bin(BinOp::Ashr), args, .. }))
                if args[0] == low
                    && s.constant(args[1]) == Some(31)
                    && uses(low) == 2
                    && uses(high) == 1
                    && (signed || word) =>
            {
                self.left_out[h] = true;
                true
            }
            _ => return,
        };
        let Some(op) = s.wide_load(load, signed) else { return };
        let load = WasmInst { op, args: load.args.clone(), results: insts[i].results.clone() };
        self.instead.insert(l, load);
        self.left_out[i] = true;
    }

    /// `memory.grow`, as the builder writes it.
    fn grow(&mut self, s: &Selector<'_>, insts: &[Inst], i: usize) {
        let Some((_, Inst { op: Op::Select, args: size, .. })) = s.here(insts[i].args[0]) else { return };
        let [fits, _, bytes] = size[..] else { return };
        let Some((_, Inst { op: Op::Cmp(Cond::LeU), args: compared, .. })) = s.here(fits) else { return };
        let result = insts.iter().enumerate().skip(i).find(|(_, r)| {
            let pages = |v: Value| match s.here(v) {
                Some((_, Inst { op: Op::Bin(BinOp::Lshr), args, .. })) => {
                    args[0] == bytes && s.constant(args[1]) == Some(16)
                }
                _ => false,
            };
            let failed = |v: Value| s.constant(v) == Some(u64::from(u32::MAX));
            r.op == Op::Select && r.args[0] == fits && pages(r.args[1]) && failed(r.args[2])
        });
        // Nobody may want to know whether there was room.
        let results = result.map_or(Values::new(), |(_, found)| found.results.clone());
        let grow = WasmInst { op: WasmOp::MemoryGrow, args: compared[..1].into(), results };
        self.instead.insert(i, grow);
        if let Some((r, _)) = result {
            self.left_out[r] = true;
        }
    }

    /// Whether a trap is made by the operator that follows.
    fn is_guard(&self, s: &Selector<'_>, insts: &[Inst], i: usize, kind: TrapKind) -> bool {
        let overflow = Op::TrapIf(TrapKind::IntegerOverflow);
        let divisor = match s.here(insts[i].args[0]) {
            Some((_, Inst { op: Op::Cmp(Cond::Eq) | Op::Cmp64(Cond::Eq), args, .. })) => Some(args[0]),
            _ => None,
        };
        for (j, inst) in insts.iter().enumerate().skip(i + 1) {
            let divides = match &inst.op {
                Op::Bin(op @ (BinOp::UDiv | BinOp::SDiv)) => Some(*op == BinOp::SDiv),
                Op::Bin64(Bin64::Div(op)) => Some(*op == DivOp::SQuot),
                _ => None,
            };
            match kind {
                TrapKind::IntegerDivideByZero if divides.is_some() && divisor == Some(inst.args[1]) => return true,
                // A remainder in its place does not trap so.
                TrapKind::IntegerOverflow if divides == Some(true) => return !self.instead.contains_key(&j),
                TrapKind::OutOfBoundsMemory
                    if matches!(inst.op, Op::MemoryCopy | Op::MemoryFill | Op::MemoryInit { .. }) =>
                {
                    return true;
                }
                _ => {}
            }
            if !is_pure(&inst.op) && !(kind == TrapKind::IntegerDivideByZero && inst.op == overflow) {
                return false;
            }
        }
        false
    }

    /// A block that ends by testing the type of a table entry, and goes on, to a block of its own, with a call of that entry.
    fn indirect_call(&mut self, s: &Selector<'_>) -> Option<usize> {
        let data = &s.func.blocks[s.block];
        let Terminator::Branch(c, good, _) = &data.end else { return None };
        let (compared, Inst { op: Op::Cmp(Cond::Eq), args, .. }) = s.here(*c)? else { return None };
        let (found, Inst { op: Op::TableType { table }, args: entry, .. }) = s.here(args[0])? else { return None };
        let expected = s.constant(args[1])?;
        let next = good.block.0 as usize;
        let insts = &s.func.blocks[next].insts;
        let call = insts.iter().position(|i| !is_pure(&i.op))?;
        let Op::CallIndirect { type_index } = insts[call].op else { return None };
        let word = insts[..call].iter().find(|i| i.results[0] == insts[call].args[0])?;
        let same = matches!(word.op, Op::TableFunction { table: t } if t == *table) && s.same(word.args[0], entry[0]);
        if s.incoming[next] != 1 || !good.args.is_empty() || !same || expected != u64::from(type_index) + 1 {
            return None;
        }
        self.left_out[compared] = true;
        self.left_out[found] = true;
        let last = data.insts.iter().rposition(|i| !is_pure(&i.op));
        if let Some(guard) = last.filter(|i| data.insts[*i].op == Op::TrapIf(TrapKind::OutOfBoundsTable)) {
            self.left_out[guard] = true;
        }
        Some(next)
    }
}

/// The access that a check is for, with nothing between that could tell where it is made.
fn access_of(insts: &[Inst], check: usize, limits: (u32, u32), claimed: &[bool]) -> Option<usize> {
    let index = insts[check].args[0];
    for (j, inst) in insts.iter().enumerate().skip(check + 1) {
        let access = match &inst.op {
            Op::Load { width, offset, .. } | Op::Store { width, offset, .. } => Some((*offset, width.bytes())),
            Op::Load64 { offset, .. } | Op::Store64 { offset, .. } => Some((*offset, 8)),
            _ => None,
        };
        if access == Some(limits) && inst.args[0] == index && !claimed[j] {
            return Some(j);
        }
        if !is_pure(&inst.op) && !matches!(inst.op, Op::BoundsCheck { .. }) {
            return None;
        }
    }
    None
}
