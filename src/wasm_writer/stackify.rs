//! The order of operators within a block, so that most operands pass on the stack.
//!
//! From the last operator to the first: an operand whose definition may stand right before its use, and which is used for
//! the first time there, is computed there; with more uses it is also kept in a local. Constants are made at each use.
//! Arguments of a jump are computed in place as well; those of branches and switches lie in locals.

use super::function::{WasmFunc, WasmInst};
use super::op::{Effects, WasmOp};
use crate::cfg;
use rustc_hash::FxHashMap;
use synth_validator::ir::{Block, Terminator, Value};

/// Operators between a definition and a use that are looked at.
const DISTANCE_MAX: usize = 256;

/// A piece of a block's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Pushes a value from its local.
    Get(Value),
    /// Pops into a value's local.
    Set(Value),
    /// Copies into a value's local.
    Tee(Value),
    /// An operator.
    Op(WasmOp),
    /// Drops.
    Drop,
}

/// An edge: the target, and code that pushes the argument of each parameter.
#[derive(Clone, Debug)]
pub struct StackEdge {
    /// Target.
    pub block: Block,
    /// By parameter.
    pub args: Vec<Vec<Item>>,
}

/// A block's code.
#[derive(Clone, Debug, Default)]
pub struct StackBlock {
    /// What it does, with nothing on the stack before and after.
    pub code: Vec<Item>,
    /// Pushes the terminator's operands.
    pub operands: Vec<Item>,
    /// The terminator's edges.
    pub edges: Vec<StackEdge>,
}

/// Orders the operators of all blocks.
pub fn stackify(func: &WasmFunc) -> Vec<StackBlock> {
    let mut constants = FxHashMap::default();
    let mut total = vec![0u32; func.shape.values.len()];
    let order = cfg::reverse_postorder(&func.shape);
    for block in &order {
        for inst in &func.insts[block.0 as usize] {
            if inst.op.is_constant() {
                constants.insert(inst.results[0], inst.op.clone());
            }
            inst.args.iter().for_each(|v| total[v.0 as usize] += 1);
        }
        each_use(&func.shape.blocks[block.0 as usize].end, |v| total[v.0 as usize] += 1);
    }
    let mut blocks = vec![StackBlock::default(); func.insts.len()];
    let mut left = vec![0; total.len()];
    for block in order {
        let insts: Vec<&WasmInst> = func.insts[block.0 as usize].iter().filter(|i| !i.op.is_constant()).collect();
        let s = Stackifier {
            effects: insts.iter().map(|i| i.effects()).collect(),
            placed: vec![false; insts.len()],
            defined: FxHashMap::default(),
            insts,
            constants: &constants,
            total: &total,
            left: &mut left,
            out: Vec::new(),
        };
        blocks[block.0 as usize] = s.block(&func.shape.blocks[block.0 as usize].end);
    }
    let held = func.held.iter().flat_map(|(v, op)| [Item::Op(op.clone()), Item::Set(*v)]);
    blocks[0].code.splice(..0, held);
    blocks
}

fn each_use(end: &Terminator, mut visit: impl FnMut(Value)) {
    let edges = cfg::edges(end);
    edges.iter().flat_map(|e| &e.args).chain(cfg::operands(end)).for_each(|v| visit(*v));
}

struct Stackifier<'a> {
    insts: Vec<&'a WasmInst>,
    effects: Vec<Effects>,
    /// Whether an operator has its place.
    placed: Vec<bool>,
    /// The operator whose only result a value is.
    defined: FxHashMap<Value, usize>,
    constants: &'a FxHashMap<Value, WasmOp>,
    /// Uses in the function.
    total: &'a [u32],
    /// Uses in this block that have no place yet.
    left: &'a mut [u32],
    /// The code from its end to its start.
    out: Vec<Item>,
}

impl Stackifier<'_> {
    fn block(mut self, end: &Terminator) -> StackBlock {
        for (i, inst) in self.insts.iter().enumerate() {
            if let [result] = inst.results[..] {
                self.defined.insert(result, i);
                self.left[result.0 as usize] = 0;
            }
        }
        for inst in &self.insts {
            inst.args.iter().for_each(|v| self.left[v.0 as usize] += 1);
        }
        let left = &mut *self.left;
        each_use(end, |v| left[v.0 as usize] += 1);
        let count = self.insts.len();
        let jump = matches!(end, Terminator::Jump(_));
        let mut edges: Vec<StackEdge> = Vec::new();
        for edge in cfg::edges(end).into_iter().rev() {
            let mut args: Vec<Vec<Item>> = Vec::new();
            for arg in edge.args.iter().rev() {
                match jump {
                    true => self.operand(*arg, count),
                    false => self.plain(*arg),
                }
                args.push(self.taken());
            }
            args.reverse();
            edges.push(StackEdge { block: edge.block, args });
        }
        edges.reverse();
        for v in cfg::operands(end).iter().rev() {
            self.operand(*v, count);
        }
        let operands = self.taken();
        for i in (0..count).rev() {
            if !self.placed[i] {
                self.root(i);
            }
        }
        StackBlock { code: self.taken(), operands, edges }
    }

    /// The code so far, from start to end.
    fn taken(&mut self) -> Vec<Item> {
        let mut code = std::mem::take(&mut self.out);
        code.reverse();
        code
    }

    /// An operator whose results do not pass on the stack.
    fn root(&mut self, i: usize) {
        self.placed[i] = true;
        for result in &self.insts[i].results {
            let used = self.total[result.0 as usize] > 0;
            self.out.push(if used { Item::Set(*result) } else { Item::Drop });
        }
        self.tree(i, i);
    }

    /// An operator and its operands, before what stands at `place`.
    fn tree(&mut self, i: usize, place: usize) {
        let inst = self.insts[i];
        let mut args = inst.args.clone();
        let mut op = inst.op.clone();
        if let (Some(exchanged), [a, b]) = (op.exchanged(), &mut args[..])
            && !self.constants.contains_key(b)
            && self.movable(*b, place).is_none()
            && self.movable(*a, place).is_some()
        {
            std::mem::swap(a, b);
            op = exchanged;
        }
        self.out.push(Item::Op(op));
        for v in args.iter().rev() {
            self.operand(*v, place);
        }
    }

    /// A value that lies in a local or is a constant.
    fn plain(&mut self, v: Value) {
        match self.constants.get(&v) {
            Some(op) => self.out.push(Item::Op(op.clone())),
            None => {
                self.left[v.0 as usize] -= 1;
                self.out.push(Item::Get(v));
            }
        }
    }

    /// A value, computed here if that can be.
    fn operand(&mut self, v: Value, place: usize) {
        let Some(i) = self.movable(v, place) else { return self.plain(v) };
        self.left[v.0 as usize] -= 1;
        self.placed[i] = true;
        if self.total[v.0 as usize] > 1 {
            self.out.push(Item::Tee(v));
        }
        self.tree(i, place);
    }

    /// The operator that may be moved to `place`, where its result is used for the first time.
    fn movable(&self, v: Value, place: usize) -> Option<usize> {
        let i = *self.defined.get(&v)?;
        if self.placed[i] || i >= place || self.left[v.0 as usize] != 1 {
            return None;
        }
        let effects = self.effects[i];
        if effects == Effects::default() {
            return Some(i);
        }
        let free = |j: usize| self.placed[j] || !effects.conflict(self.effects[j]);
        (place - i <= DISTANCE_MAX && (i + 1..place).all(free)).then_some(i)
    }
}
