//! Operations on pairs of words of which one word is used become operations on words.

use crate::cfg;
use smallvec::smallvec;
use synth_validator::domain::BinOp;
use synth_validator::ir::{Func, Op};

/// Narrows what can be narrowed; whether anything was.
pub fn narrow(func: &mut Func) -> bool {
    let is_pair = |op: &Op| matches!(op, Op::AddPair | Op::SubPair | Op::MulWide);
    if !func.blocks.iter().flat_map(|b| &b.insts).any(|i| is_pair(&i.op)) {
        return false;
    }
    let mut used = vec![false; func.values.len()];
    for block in &func.blocks {
        let edges = cfg::edges(&block.end);
        let args = block.insts.iter().flat_map(|i| &i.args).chain(edges.iter().flat_map(|e| &e.args));
        args.chain(cfg::operands(&block.end)).for_each(|v| used[v.0 as usize] = true);
    }
    let mut narrowed = false;
    for inst in func.blocks.iter_mut().flat_map(|b| &mut b.insts).filter(|i| is_pair(&i.op)) {
        let [low, high] = [0, 1].map(|i| used[inst.results[i].0 as usize]);
        let (op, args) = match inst.op {
            Op::AddPair if !high => (BinOp::Add, [0, 2]),
            Op::SubPair if !high => (BinOp::Sub, [0, 2]),
            Op::MulWide if !high => (BinOp::Mul, [0, 1]),
            Op::MulWide if !low => (BinOp::UMulHi, [0, 1]),
            _ => continue,
        };
        inst.op = Op::Bin(op);
        inst.args = args.iter().map(|i| inst.args[*i]).collect();
        inst.results = smallvec![inst.results[usize::from(!low && high)]];
        narrowed = true;
    }
    narrowed
}
