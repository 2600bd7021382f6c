//! Removal of what a function does not need: block parameters that always receive one value, instructions without
//! effect whose results are unused, parameters that are unused but by themselves.

use crate::cfg::{self, Few};
use crate::faults;
use rustc_hash::FxHashMap;
use smallvec::smallvec;
use synth_validator::domain::Symbol;
use synth_validator::ir::{Func, Inst, Op, Terminator, Type, Value, Values};
use synth_validator::trap::TrapKind;
use synth_validator::witness::Loc;

/// What is known of a value wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Known {
    /// An `I32` or `I64` constant.
    Const(Type, u64),
    /// The address of a symbol.
    Address(Symbol),
}

impl Known {
    /// What an instruction without operands computes.
    pub fn of(op: &Op) -> Option<Known> {
        match op {
            Op::Const(k) => Some(Known::Const(Type::I32, u64::from(*k))),
            Op::Const64(k) => Some(Known::Const(Type::I64, *k)),
            Op::Address(symbol) => Some(Known::Address(*symbol)),
            _ => None,
        }
    }
    /// Its words, the low one first.
    pub fn locations(self) -> [Loc; 2] {
        match self {
            Known::Const(_, k) => [Loc::Const(k as u32), Loc::Const((k >> 32) as u32)],
            Known::Address(symbol) => [Loc::Address(symbol); 2],
        }
    }
    /// The operation that computes it.
    pub fn op(self) -> Op {
        match self {
            Known::Const(Type::I32, k) => Op::Const(k as u32),
            Known::Const(Type::I64, k) => Op::Const64(k),
            Known::Address(symbol) => Op::Address(symbol),
        }
    }
}

/// What is known of each value.
pub fn known_values(func: &Func) -> Vec<Option<Known>> {
    let mut known = vec![None; func.values.len()];
    for inst in func.blocks.iter().flat_map(|b| &b.insts) {
        if let (Some(k), [result]) = (Known::of(&inst.op), inst.results.as_slice()) {
            known[result.0 as usize] = Some(k);
        }
    }
    known
}

/// Values that stand for others, with the path to the last one kept short.
#[derive(Clone, Debug, Default)]
pub struct Renaming(Vec<Value>);

impl Renaming {
    /// Each of so many values stands for itself.
    pub fn none(values: usize) -> Renaming {
        Renaming((0..values as u32).map(Value).collect())
    }
    /// Lets a value stand for another, which does not stand for it.
    pub fn stand(&mut self, v: Value, by: Value) {
        self.0[v.0 as usize] = by;
    }
    /// The value that stands for `v`.
    pub fn get(&self, mut v: Value) -> Value {
        while self.0[v.0 as usize] != v {
            v = self.0[v.0 as usize];
        }
        v
    }
    fn find(&mut self, v: Value) -> Value {
        let root = self.get(v);
        let mut at = v;
        while at != root {
            at = std::mem::replace(&mut self.0[at.0 as usize], root);
        }
        root
    }
}

/// Finds parameters that receive one value only (besides themselves) on all edges, and equal constants. The values
/// that stand for others dominate them, except constants, which the caller makes anew where they are used.
pub fn redundant_params(func: &Func, known: &[Option<Known>]) -> Renaming {
    let mut renaming = Renaming::none(func.values.len());
    let mut first: FxHashMap<Known, Value> = FxHashMap::default();
    for (i, k) in known.iter().enumerate() {
        if let Some(k) = k {
            renaming.0[i] = *first.entry(*k).or_insert(Value(i as u32));
        }
    }
    // Arguments and users of each parameter.
    let mut args: Vec<Few<Value>> = cfg::lists(func.values.len());
    let mut users: Vec<Few<Value>> = cfg::lists(func.values.len());
    for block in cfg::reverse_postorder(func) {
        for edge in cfg::edges(&func.blocks[block.0 as usize].end) {
            for (param, arg) in func.blocks[edge.block.0 as usize].params.iter().zip(&edge.args) {
                args[param.0 as usize].push(*arg);
                users[arg.0 as usize].push(*param);
            }
        }
    }
    let mut open: Vec<Value> = func.blocks.iter().rev().flat_map(|b| b.params.iter().rev().copied()).collect();
    while let Some(param) = open.pop() {
        if renaming.0[param.0 as usize] != param {
            continue;
        }
        let mut only = None;
        let same = args[param.0 as usize].iter().all(|arg| {
            let arg = renaming.find(*arg);
            arg == param || *only.get_or_insert(arg) == arg
        });
        if let (true, Some(only)) = (same, only) {
            renaming.0[param.0 as usize] = only;
            let moved = std::mem::take(&mut users[param.0 as usize]);
            open.extend(&moved);
            users[only.0 as usize].extend(moved);
        }
    }
    renaming
}

/// Replaces all uses.
pub fn rename(func: &mut Func, renaming: &mut Renaming) {
    for block in &mut func.blocks {
        for v in block.insts.iter_mut().flat_map(|i| &mut i.args) {
            *v = renaming.find(*v);
        }
        for v in cfg::operands_mut(&mut block.end) {
            *v = renaming.find(*v);
        }
        for v in cfg::edges_mut(&mut block.end).into_iter().flat_map(|e| &mut e.args) {
            *v = renaming.find(*v);
        }
    }
}

/// Whether an instruction does nothing but compute its results.
pub fn is_pure(op: &Op) -> bool {
    match op {
        Op::Const(_) | Op::Const64(_) | Op::Address(_) | Op::Bin(_) | Op::Un(_) | Op::Cmp(_) | Op::Select => true,
        Op::Bin64(_) | Op::Un64(_) | Op::Cmp64(_) | Op::Join | Op::Split => true,
        Op::AddPair | Op::SubPair | Op::MulWide | Op::DivPair(_) | Op::CmpPair(_) => true,
        Op::Load { .. } | Op::Load64 { .. } | Op::GlobalGet { .. } | Op::MemoryBytes => true,
        Op::TableType { .. } | Op::TableFunction { .. } => true,
        Op::BoundsCheck { .. } | Op::Store { .. } | Op::Store64 { .. } | Op::TrapIf(_) => false,
        Op::GlobalSet { .. } | Op::SetMemoryBytes | Op::MemoryCopy | Op::MemoryFill | Op::MemoryInit { .. } => false,
        Op::Call { .. } | Op::CallIndirect { .. } => false,
    }
}

/// Whether equal operands give equal results, whatever happens in between.
pub fn is_function(op: &Op) -> bool {
    is_pure(op) && !matches!(op, Op::Load { .. } | Op::Load64 { .. } | Op::GlobalGet { .. } | Op::MemoryBytes)
}

/// Removes pure instructions and block parameters (not the function's) that no effect depends on, and what is in
/// blocks that are not reachable.
pub fn remove_dead(func: &mut Func) {
    let live = needed(func);
    let dead_param = |block: usize, v: Value| block != 0 && !live[v.0 as usize];
    let kept: Vec<Vec<bool>> =
        (0..).zip(&func.blocks).map(|(i, b)| b.params.iter().map(|p| !dead_param(i, *p)).collect()).collect();
    let mut reachable = vec![false; func.blocks.len()];
    for block in cfg::reverse_postorder(func) {
        reachable[block.0 as usize] = true;
    }
    for (i, block) in func.blocks.iter_mut().enumerate() {
        if !reachable[i] {
            block.params.clear();
            block.insts.clear();
            block.end = Terminator::Trap(TrapKind::Unreachable);
            continue;
        }
        keep(&mut block.params, &kept[i]);
        let goes = |op: &Op| is_pure(op) || faults::on("simplify-unused-trap") && matches!(op, Op::BoundsCheck { .. });
        block.insts.retain(|inst| !goes(&inst.op) || inst.results.iter().any(|r| live[r.0 as usize]));
        for edge in cfg::edges_mut(&mut block.end) {
            keep(&mut edge.args, &kept[edge.block.0 as usize]);
        }
    }
}

fn keep(values: &mut Values, kept: &[bool]) {
    let mut kept = kept.iter();
    values.retain(|_| *kept.next().expect("invariant: one argument for each parameter"));
}

/// By value: whether some effect depends on it.
pub fn needed(func: &Func) -> Vec<bool> {
    let mut sources: Vec<Option<&Inst>> = vec![None; func.values.len()];
    let mut args: Vec<Few<Value>> = cfg::lists(func.values.len());
    let mut open: Vec<Value> = Vec::new();
    for block in cfg::reverse_postorder(func) {
        let data = &func.blocks[block.0 as usize];
        for inst in &data.insts {
            if is_pure(&inst.op) {
                inst.results.iter().for_each(|r| sources[r.0 as usize] = Some(inst));
            } else {
                open.extend(&inst.args);
            }
        }
        open.extend(cfg::operands(&data.end));
        for edge in cfg::edges(&data.end) {
            for (param, arg) in func.blocks[edge.block.0 as usize].params.iter().zip(&edge.args) {
                args[param.0 as usize].push(*arg);
            }
        }
    }
    let mut live = vec![false; func.values.len()];
    while let Some(v) = open.pop() {
        if std::mem::replace(&mut live[v.0 as usize], true) {
            continue;
        }
        match sources[v.0 as usize] {
            Some(inst) => open.extend(&inst.args),
            None => open.extend(&args[v.0 as usize]),
        }
    }
    live
}

/// Makes every constant and address anew in each block that uses it, at its first use there, so that none is live
/// between blocks.
pub fn rematerialize(func: &mut Func, known: &[Option<Known>]) {
    let Func { values, blocks, .. } = func;
    for block in blocks {
        let mut made: FxHashMap<Known, Value> = FxHashMap::default();
        let mut insts = Vec::with_capacity(block.insts.len());
        let mut place = |v: &mut Value, origin: u32, insts: &mut Vec<Inst>| {
            let Some(k) = known[v.0 as usize] else { return };
            *v = *made.entry(k).or_insert_with(|| {
                values.push(if let Known::Const(ty, _) = k { ty } else { Type::I32 });
                let result = Value(values.len() as u32 - 1);
                insts.push(Inst { op: k.op(), args: Values::new(), results: smallvec![result], origin });
                result
            });
        };
        for mut inst in block.insts.drain(..) {
            if Known::of(&inst.op).is_some() {
                continue;
            }
            for v in &mut inst.args {
                place(v, inst.origin, &mut insts);
            }
            insts.push(inst);
        }
        for v in cfg::operands_mut(&mut block.end) {
            place(v, block.end_origin, &mut insts);
        }
        for v in cfg::edges_mut(&mut block.end).into_iter().flat_map(|e| &mut e.args) {
            place(v, block.end_origin, &mut insts);
        }
        block.insts = insts;
    }
}

/// Where a word is on the right side of a link: in a value, or known.
pub fn word_location(known: &[Option<Known>], word: Value) -> Loc {
    match known[word.0 as usize] {
        Some(Known::Const(_, k)) => Loc::Const(k as u32),
        Some(Known::Address(symbol)) => Loc::Address(symbol),
        None => Loc::Value(word, 0),
    }
}

/// Where the words of a value are, low first, as [`word_location`] says of one.
pub fn locations(func: &Func, known: &[Option<Known>], v: Value) -> Vec<Loc> {
    match known[v.0 as usize] {
        Some(Known::Const(Type::I64, k)) => vec![Loc::Const(k as u32), Loc::Const((k >> 32) as u32)],
        Some(_) => vec![word_location(known, v)],
        None => (0..func.type_of(v).words() as u8).map(|half| Loc::Value(v, half)).collect(),
    }
}
