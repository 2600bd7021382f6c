//! From an IR function back to a WebAssembly body, with the witness that the body refines the function.
//!
//! In order: operators are selected (`select`, `fuse`), ordered so that operands pass on the stack (`stackify`), values get
//! locals (`locals`), control is structured (`structure`), bytes are written (`encode`). The IR is that before `legalize`: 64-bit
//! values are whole.
//!
//! Before: `v2 = and v1, 31; v3 = shl v0, v2; return v3`. After: `local.get 0; local.get 1; i32.shl`.
//!
//! Obligation: the body, as the validator reads it from the finished module, refines the function: at each block with several
//! incoming edges every value in a local equals that of the IR. What cannot be written, or would not be proved, keeps its body.

mod encode;
mod function;
mod fuse;
mod locals;
pub mod module;
mod op;
mod peephole;
mod select;
mod stackify;
mod structure;

use crate::cfg;
use crate::ir_facts::Facts;
use crate::liveness::{self, LIVE_MAX};
use crate::module::{FuncType, Module};
use crate::pass::Cx;
use encode::BlockType;
use function::WasmFunc;
use locals::Locals;
use std::fmt;
use synth_validator::ir::{Block, BlockData, Edge, Func, Op, Terminator, Type, Value, Values};
use synth_validator::witness::{Cut, Loc, Witness};

/// Why a function keeps its body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// It uses something that the IR does not have.
    Unsupported(String),
    /// Its IR has this, which has no operator.
    Operation(&'static str),
    /// It handles floating-point numbers, which the IR does not tell from words.
    Float,
    /// Its control flow is not reducible.
    Irreducible,
    /// It has too many values.
    Large,
    /// The best new body takes this many bytes, no fewer than its own.
    NotSmaller(usize),
    /// The validator did not prove the new body.
    NotProved(String),
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::Unsupported(what) => write!(f, "{what}"),
            Kept::Operation(what) => write!(f, "{what} has no operator"),
            Kept::Float => write!(f, "floating-point numbers"),
            Kept::Irreducible => write!(f, "irreducible control flow"),
            Kept::Large => write!(f, "too many values"),
            Kept::NotSmaller(bytes) => write!(f, "another body takes {bytes}"),
            Kept::NotProved(why) => write!(f, "not proved: {why}"),
        }
    }
}

/// A written body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Locals and code.
    pub body: Vec<u8>,
    /// That it refines the function; right points count from the start of the body.
    witness: Witness,
}

impl Written {
    /// The witness of a body that stands at this offset of its module.
    pub fn witness_at(&self, offset: usize) -> Witness {
        let mut witness = self.witness.clone();
        witness.cuts.iter_mut().for_each(|cut| cut.right += offset as u64);
        witness
    }
}

/// Writes a function of the module with these bytes.
///
/// # Errors
/// Why it cannot be written.
pub fn write(func: &Func, bytes: &[u8], cx: &Cx<'_>) -> Result<Written, Kept> {
    if has_floats(func, cx.module) {
        return Err(Kept::Float);
    }
    let facts = Facts::new(func);
    let mut selected = select::select(&without_aliases(func, &facts), bytes, cx)?;
    split_switch_edges(&mut selected);
    let blocks = stackify::stackify(&selected);
    let locals = locals::assign(&selected.shape, &blocks)?;
    let code = structure::structure(&selected.shape, &blocks, &locals, result_type(func, cx.module))?;
    let params = func.blocks[0].params.len();
    let mut points = Vec::new();
    let body = encode::function(&locals.types[params..], &code, |block, offset| points.push((block, offset)));
    let witness = witness((func, &facts), &locals, &selected, &points)?;
    Ok(Written { body, witness })
}

/// The type of blocks that end in a return; none if the module has no such type.
fn result_type(func: &Func, module: &Module) -> Option<BlockType> {
    match func.results[..] {
        [] => Some(BlockType::Empty),
        [ty] => Some(BlockType::Value(ty)),
        _ => {
            let fits =
                |t: &FuncType| t.params.is_empty() && t.int_results().is_ok_and(|r| r == func.results) && !is_float(t);
            module.types.iter().position(fits).map(|i| BlockType::Type(i as u32))
        }
    }
}

fn is_float(ty: &FuncType) -> bool {
    use wasmparser::ValType as W;
    ty.params.iter().chain(&ty.results).any(|t| !matches!(t, W::I32 | W::I64))
}

/// Whether the function's or a callee's type has floating-point numbers: there is no other way for them into its IR.
fn has_floats(func: &Func, module: &Module) -> bool {
    let called = func.blocks.iter().flat_map(|b| &b.insts).map(|i| match i.op {
        Op::Call { func } => is_float(module.type_of(func)),
        Op::CallIndirect { type_index } => is_float(&module.types[type_index as usize]),
        _ => false,
    });
    is_float(module.type_of(func.index)) || called.into_iter().any(|float| float)
}

/// Gives each edge of a switch that passes arguments a block of its own, equal edges one together.
fn split_switch_edges(func: &mut WasmFunc) {
    for b in 0..func.shape.blocks.len() {
        let mut end = std::mem::replace(&mut func.shape.blocks[b].end, Terminator::Return(Values::new()));
        if matches!(end, Terminator::Switch(..)) {
            let mut made: Vec<(Edge, Block)> = Vec::new();
            for edge in cfg::edges_mut(&mut end) {
                if edge.args.is_empty() {
                    continue;
                }
                let known = made.iter().find(|(e, _)| e == edge).map(|m| m.1);
                let block = known.unwrap_or_else(|| {
                    let block = Block(func.shape.blocks.len() as u32);
                    let end = Terminator::Jump(edge.clone());
                    func.shape.blocks.push(BlockData { params: Values::new(), insts: vec![], end, end_origin: 0 });
                    func.insts.push(Vec::new());
                    made.push((edge.clone(), block));
                    block
                });
                *edge = Edge { block, args: Values::new() };
            }
        }
        func.shape.blocks[b].end = end;
    }
}

/// The function in which parameters of blocks with one incoming edge are gone: they are other names of the arguments.
fn without_aliases(func: &Func, facts: &Facts) -> Func {
    let mut new = func.clone();
    let rename = |v: &mut Value| *v = facts.alias[v.0 as usize];
    for (b, block) in new.blocks.iter_mut().enumerate() {
        block.insts.iter_mut().flat_map(|i| &mut i.args).for_each(rename);
        cfg::operands_mut(&mut block.end).iter_mut().for_each(rename);
        for edge in cfg::edges_mut(&mut block.end) {
            edge.args.iter_mut().for_each(rename);
            if facts.incoming[edge.block.0 as usize] == 1 {
                edge.args.clear();
            }
        }
        if b != 0 && facts.incoming[b] == 1 {
            block.params.clear();
        }
    }
    new
}

/// Relates, at every block with several incoming edges, the values in locals, and the locals that are zero.
fn witness(
    (func, facts): (&Func, &Facts),
    locals: &Locals,
    selected: &WasmFunc,
    points: &[(Block, u32)],
) -> Result<Witness, Kept> {
    let words = locals.words();
    let names = liveness::live_in(func, LIVE_MAX).ok_or(Kept::Large)?;
    let mut cuts = Vec::new();
    for (block, offset) in points.iter().filter(|(b, _)| (b.0 as usize) < func.blocks.len() && facts.is_cut(b.0)) {
        let mut equal = Vec::new();
        let live = &locals.live[block.0 as usize];
        let mut relate = |left: Value, v: Value| {
            for half in 0..selected.shape.type_of(v).words() as u32 {
                let right = Loc::WasmLocal(words[locals.of[&v] as usize] + half);
                equal.push((selected.held_word(v, half).unwrap_or(Loc::Value(left, half as u8)), right));
            }
        };
        live.iter().for_each(|v| relate(*v, *v));
        // Other names that the function goes on to use.
        for name in &names[block.0 as usize] {
            let v = facts.alias[name.0 as usize];
            if v != *name && live.contains(&v) {
                relate(*name, v);
            }
        }
        for local in &locals.zero[block.0 as usize] {
            if live.iter().any(|v| locals.of[v] == *local) {
                continue;
            }
            let count = if locals.types[*local as usize] == Type::I64 { 2 } else { 1 };
            equal.extend((0..count).map(|half| (Loc::Const(0), Loc::WasmLocal(words[*local as usize] + half))));
        }
        cuts.push(Cut { left: u64::from(block.0), right: u64::from(*offset), equal, ..Cut::default() });
    }
    Ok(Witness { cuts, ..Witness::default() })
}
