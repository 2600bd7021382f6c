//! Checks that IR is well formed: types, arities, edges, and that definitions dominate uses.
//!
//! Run after every pass in development builds, and always before inlining and before code is emitted. Blocks that are not reachable
//! are exempt from dominance.

use crate::cfg::{self, Dominators};
use crate::module::Module;
use smallvec::SmallVec;
use synth_validator::ir::{Block, Func, Inst, Op, Terminator, Type, Value};

/// A fault of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The block it is in.
    pub block: Block,
    /// What is wrong.
    pub message: String,
}

/// The faults of a function, in block order; none if it is well formed. With a module, calls are compared with the
/// signatures of their callees.
pub fn verify(func: &Func, module: Option<&Module>) -> Vec<Fault> {
    let mut checker = Checker { func, module, defined: vec![None; func.values.len()], faults: Vec::new() };
    checker.definitions();
    if checker.faults.is_empty() {
        checker.types();
    }
    if checker.faults.is_empty() {
        checker.dominance();
    }
    checker.faults
}

/// Types of values.
type Types = SmallVec<[Type; 8]>;

struct Checker<'f> {
    func: &'f Func,
    module: Option<&'f Module>,
    /// Block and position (parameters 0, instructions from 1) where each value is defined.
    defined: Vec<Option<(Block, usize)>>,
    faults: Vec<Fault>,
}

impl<'f> Checker<'f> {
    fn fault(&mut self, block: Block, message: impl Into<String>) {
        self.faults.push(Fault { block, message: message.into() });
    }

    fn blocks(&self) -> impl Iterator<Item = (Block, &'f synth_validator::ir::BlockData)> + use<'f> {
        self.func.blocks.iter().enumerate().map(|(i, b)| (Block(i as u32), b))
    }

    /// Every value is declared and defined once; every edge leads to a block other than the entry.
    fn definitions(&mut self) {
        if self.func.blocks.is_empty() {
            return self.fault(Block(0), "there is no entry block");
        }
        for (block, data) in self.blocks() {
            let insts =
                data.insts.iter().enumerate().flat_map(|(i, inst)| inst.results.iter().map(move |r| (i + 1, r)));
            for (at, v) in data.params.iter().map(|p| (0, p)).chain(insts) {
                match self.defined.get_mut(v.0 as usize) {
                    None => self.fault(block, format!("{v:?} is not declared")),
                    Some(Some(_)) => self.fault(block, format!("{v:?} is defined twice")),
                    Some(place) => *place = Some((block, at)),
                }
            }
            for edge in cfg::edges(&data.end) {
                if edge.block.0 == 0 || edge.block.0 as usize >= self.func.blocks.len() {
                    self.fault(block, format!("an edge leads to {:?}", edge.block));
                }
            }
        }
        for (block, data) in self.blocks() {
            let edges = cfg::edges(&data.end);
            let args = data.insts.iter().flat_map(|i| &i.args).chain(edges.iter().flat_map(|e| &e.args));
            for v in args.chain(cfg::operands(&data.end)) {
                if self.defined.get(v.0 as usize).is_none_or(Option::is_none) {
                    self.fault(block, format!("{v:?} is used and never defined"));
                }
            }
        }
    }

    fn types(&mut self) {
        let func = self.func;
        let types = |values: &[Value]| -> Types { values.iter().map(|v| func.type_of(*v)).collect() };
        for (block, data) in self.blocks() {
            for inst in &data.insts {
                let (args, results) = (types(&inst.args), types(&inst.results));
                if !self.fits(inst, &args, &results) {
                    self.fault(block, format!("{:?} takes {args:?} and gives {results:?}", inst.op));
                }
            }
            for edge in cfg::edges(&data.end) {
                if types(&edge.args) != types(&func.blocks[edge.block.0 as usize].params) {
                    self.fault(block, format!("the arguments for {:?} do not fit its parameters", edge.block));
                }
            }
            let operands = types(cfg::operands(&data.end));
            let fits = match &data.end {
                Terminator::Return(_) => operands[..] == func.results[..],
                _ => operands.iter().all(|t| *t == Type::I32),
            };
            if !fits {
                self.fault(block, "the operands of the terminator have other types");
            }
        }
    }

    /// Whether an instruction's operands and results have the types of its operation.
    fn fits(&self, inst: &Inst, args: &[Type], results: &[Type]) -> bool {
        use Type::{I32, I64};
        let is = |a: &[Type], r: &[Type]| args == a && results == r;
        match &inst.op {
            Op::Const(_) | Op::Address(_) | Op::MemoryBytes => is(&[], &[I32]),
            Op::Const64(_) => is(&[], &[I64]),
            Op::Bin(_) | Op::Cmp(_) => is(&[I32, I32], &[I32]),
            Op::Un(_) | Op::Load { .. } | Op::TableType { .. } | Op::TableFunction { .. } => is(&[I32], &[I32]),
            Op::Select => is(&[I32, I32, I32], &[I32]) || is(&[I32, I64, I64], &[I64]),
            Op::Bin64(_) => is(&[I64, I64], &[I64]),
            Op::Un64(_) => is(&[I64], &[I64]),
            Op::Cmp64(_) => is(&[I64, I64], &[I32]),
            Op::Join => is(&[I32, I32], &[I64]),
            Op::Split => is(&[I64], &[I32, I32]),
            Op::AddPair | Op::SubPair | Op::DivPair(_) => is(&[I32; 4], &[I32, I32]),
            Op::MulWide => is(&[I32, I32], &[I32, I32]),
            Op::CmpPair(_) => is(&[I32; 4], &[I32]),
            Op::BoundsCheck { .. } | Op::TrapIf(_) | Op::SetMemoryBytes => is(&[I32], &[]),
            Op::Store { .. } => is(&[I32, I32], &[]),
            Op::Load64 { .. } => is(&[I32], &[I64]),
            Op::Store64 { .. } => is(&[I32, I64], &[]),
            Op::GlobalGet { .. } => args.is_empty() && results.len() == 1,
            Op::GlobalSet { .. } => args.len() == 1 && results.is_empty(),
            Op::MemoryCopy | Op::MemoryFill | Op::MemoryInit { .. } => is(&[I32; 3], &[]),
            Op::Call { func } => self.module.is_none_or(|m| {
                m.functions.get(*func as usize).is_some_and(|f| signature_fits(m, f.type_index, args, results))
            }),
            Op::CallIndirect { type_index } => {
                args.first() == Some(&I32)
                    && self.module.is_none_or(|m| signature_fits(m, *type_index, &args[1..], results))
            }
        }
    }

    fn dominance(&mut self) {
        let dominators = Dominators::new(self.func);
        for block in dominators.order.iter().copied() {
            let data = &self.func.blocks[block.0 as usize];
            let insts = data.insts.iter().enumerate().flat_map(|(i, inst)| inst.args.iter().map(move |a| (i + 1, a)));
            let edges = cfg::edges(&data.end);
            let end = cfg::operands(&data.end).iter().chain(edges.iter().flat_map(|e| &e.args));
            for (at, v) in insts.chain(end.map(|v| (usize::MAX, v))) {
                let (home, defined) = self.defined[v.0 as usize].expect("invariant: definitions were checked");
                let fine = if home == block { defined < at } else { dominators.dominates(home, block) };
                if !fine {
                    self.fault(block, format!("{v:?} is used where its definition in {home:?} need not have run"));
                }
            }
        }
    }
}

/// Whether types are those of a signature, with `i64` as such or as two words.
fn signature_fits(module: &Module, type_index: u32, args: &[Type], results: &[Type]) -> bool {
    let words = |types: &[Type]| types.iter().map(|t| t.words()).sum::<usize>();
    let fits = |given: &[Type], wanted: Result<Vec<Type>, &str>| {
        wanted.is_ok_and(|w| given == w || (given.len() == words(&w) && given.iter().all(|t| *t == Type::I32)))
    };
    let Some(ty) = module.types.get(type_index as usize) else {
        return false;
    };
    fits(args, ty.int_params()) && fits(results, ty.int_results())
}
