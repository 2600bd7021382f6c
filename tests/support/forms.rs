//! Forms of functions, written by hand: what a forged claim may hold.

use synth_validator::claim::Stage;
use synth_validator::ir::{Block, BlockData, Edge, Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::witness::Witness;

/// Values by their numbers.
pub fn values(of: &[u32]) -> Values {
    of.iter().map(|v| Value(*v)).collect()
}

/// An instruction.
pub fn inst(op: Op, args: &[u32], results: &[u32]) -> Inst {
    Inst { op, args: values(args), results: values(results), origin: 0 }
}

/// A jump to a block without parameters.
pub fn edge(block: u32) -> Edge {
    Edge { block: Block(block), args: Values::default() }
}

/// The end of a function with one result.
pub fn returns(value: u32) -> Terminator {
    Terminator::Return(values(&[value]))
}

/// A form of a function with `params` parameters and one result, all words; the other values up to 16 are words, too.
pub fn form(index: u32, params: u32, blocks: Vec<(Vec<Inst>, Terminator)>) -> Func {
    let parameters: Vec<u32> = (0..params).collect();
    let block = |(n, (insts, end))| BlockData {
        params: values(if n == 0 { &parameters } else { &[] }),
        insts,
        end,
        end_origin: 0,
    };
    let blocks = blocks.into_iter().enumerate().map(block).collect();
    Func { index, results: vec![Type::I32], values: vec![Type::I32; 16], blocks }
}

/// A stage without cut points.
pub fn stage(name: &str, func: Func) -> Stage {
    Stage { name: name.to_string(), func, witness: Witness::default(), inlined: vec![], ignoring: vec![] }
}
